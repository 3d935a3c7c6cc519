"""The price of few images: against formulas, scipy one replicate at a time, and cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from bvg import results, study
from bvg.results import sampling_error

ACCURACIES = results.benchmarks(results.load("published"))[[b.id for b in study.STUDY.benchmarks]].to_numpy()


def test_the_same_draws_give_the_same_errors_by_scipy():
    images, replicates, seed = 700, 5, 3
    row = sampling_error.errors(ACCURACIES, [images], replicates, seed).iloc[0]
    drawn = np.random.default_rng([seed, images]).binomial(images, ACCURACIES / 100, (replicates, *ACCURACIES.shape))
    ranks, correlations, shifts = [], [], []
    for measured in drawn:
        for i in range(ACCURACIES.shape[1]):
            ranks += list(np.abs(rankdata(measured[:, i]) - rankdata(ACCURACIES[:, i])))
            for j in range(i):
                of = spearmanr(measured[:, i], measured[:, j])[0], spearmanr(ACCURACIES[:, i], ACCURACIES[:, j])[0]
                correlations.append(abs(of[0] - of[1]))
                shifts.append(abs(of[0]) - abs(of[1]))
    assert row["rank_error"] == pytest.approx(np.mean(ranks), rel=1e-12)
    assert row["r_error"] == pytest.approx(np.mean(correlations), rel=1e-9)
    assert row["r_shift"] == pytest.approx(np.mean(shifts), rel=1e-9)


def test_standard_error_by_hand():
    table = sampling_error.errors(np.array([[50.0, 50], [10, 90]]), [100], replicates=1)
    assert table["standard_error"].item() == pytest.approx(100 * np.sqrt((0.25 + 0.09) / 2 / 100))


def test_errors_fall_with_images_and_the_standard_error_as_its_root():
    table = sampling_error.published().set_index("images")
    assert (table.abs().diff().dropna() < 0).all(axis=None)
    assert (table["r_shift"] < 0).all()  # noise weakens correlations
    assert table["standard_error"][500] / table["standard_error"][50_000] == pytest.approx(10)


def test_certain_outcomes_have_no_error():
    row = sampling_error.errors(np.array([[0.0, 0], [100, 100]]), [10], replicates=3).iloc[0]
    assert row[["standard_error", "rank_error", "r_error"]].tolist() == [0, 0, 0]


def test_one_number_of_images_does_not_change_another():
    alone, among = sampling_error.published([1000]), sampling_error.published([500, 1000])
    assert among.iloc[1].tolist() == alone.iloc[0].tolist()


@pytest.mark.parametrize(
    ("accuracies", "images", "replicates", "message"),
    [
        (np.ones(4), [10], 1, r"got shape \(4,\)"),
        (np.array([[1.0, np.nan], [2, 3]]), [10], 1, "missing"),
        (np.array([[1.0, 101], [2, 3]]), [10], 1, "outside"),
        (np.ones((2, 2)), [0], 1, "1 or more"),
        (np.ones((2, 2)), [10], 0, "1 or more"),
    ],
)
def test_invalid_input_is_rejected(accuracies, images, replicates, message):
    with pytest.raises(ValueError, match=message):
        sampling_error.errors(accuracies, images, replicates)
