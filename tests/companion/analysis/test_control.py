"""Correlations in many sets at once: against SciPy, against the page on equal accuracy, and with missing values."""

from __future__ import annotations

import numpy as np
import pytest
from companion.analysis import choices, control
from companion.analysis.effective_robustness import sensitivity
from scipy.stats import spearmanr

from bvg import results, study
from bvg.results import scores

TABLE = results.load("published")
SCORES, ACCURACIES = scores.per_model(TABLE), scores.benchmarks(TABLE)
BIASES = SCORES[list(scores.BIAS_COLUMNS)].to_numpy()
SETS = choices.sets(SCORES)
MASKS = np.array(list(SETS.values()))
MEMBERS = {c: ids for c, ids in study.CATEGORIES.items() if c != "ID"}


def test_raw_correlations_equal_scipys():
    means, clean = control.values(ACCURACIES, study.CATEGORIES, "none")
    assert clean is None
    r, p, n = control.correlate(means, BIASES, MASKS)
    for b, i, j in np.ndindex(r.shape):
        expected = spearmanr(means[MASKS[b], i], BIASES[MASKS[b], j])
        assert (r[b, i, j], p[b, i, j]) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9, abs=1e-12)
        assert n[b, i, j] == MASKS[b].sum()


@pytest.mark.parametrize("way", ["rank", "raw", "probit", "logit"])
def test_partial_correlations_equal_those_of_the_page_on_equal_accuracy(way):
    means, clean = control.values(ACCURACIES, MEMBERS, way)
    found = control.table(
        control.correlate(means, BIASES, MASKS, clean, way == "rank"), list(MEMBERS), scores.BIAS_COLUMNS, list(SETS)
    )
    standard = SCORES["group"].isin(["baseline", "training_recipes"])
    expected = sensitivity(SCORES, ACCURACIES, scores.BIAS_COLUMNS, SETS, standard).query("method == @way")
    both = found.merge(expected, on=["row", "column", "group"], validate="one_to_one")
    assert len(both) == len(expected) == 54
    np.testing.assert_allclose(both[["r_x", "p_x", "n_x"]], both[["r_y", "p_y", "n_y"]], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ranks", [True, False])
def test_missing_and_constant_values_concern_their_own_pairs(ranks):
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(20, 3)), rng.normal(size=(20, 2)), rng.normal(size=20)
    x[3, 0], y[5, 1], z[7], x[:, 2] = np.nan, np.nan, np.nan, 0.3
    r, p, n = control.correlate(x, y, np.ones((1, 20)), z, ranks)
    assert n[0].tolist() == [[18, 17], [19, 18], [19, 18]]
    assert np.isnan(r[0, 2]).all()
    assert np.isnan(p[0, 2]).all()
    kept = ~np.isnan(x[:, 0] + y[:, 1] + z)
    alone = control.correlate(x[kept, :1], y[kept, 1:], np.ones((1, kept.sum())), z[kept], ranks)
    assert r[0, 0, 1] == pytest.approx(alone[0].item())
    few, _, _ = control.correlate(x[:, :2], y, np.arange(20)[None] < 3, z, ranks)
    assert np.isnan(few).all()


def test_an_unknown_control_is_rejected():
    with pytest.raises(ValueError, match="expected `control` to be one of none, rank, raw, probit, logit, got 'log'"):
        control.values(ACCURACIES, MEMBERS, "log")
