"""Checks of the accuracies, compared with the authors' raw file, and with the oddity removed."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from audit_tables import check_table, rounded, with_values
from companion.analysis.data_audit import accuracies, check
from companion.analysis.data_audit.check import Case

from bvg import known_models, results, study
from bvg.results import correlation, scores


@pytest.mark.parametrize("n", [4, 326, 800, 7_500, 50_000, 50_048])
def test_the_denominator_is_the_smallest_possible(n):
    counts = np.array([1, *np.random.default_rng(n).integers(0, n, 9)])
    assert accuracies.denominator(np.float32(100 * counts / n).astype(float)) == n // gcd(n, *counts.tolist())


def test_the_denominator_needs_four_values():
    assert accuracies.denominator([25.0, 50.0, 75.0, 75.0]) is None
    assert accuracies.denominator(np.sqrt(np.arange(2, 20))) is None


def test_imagenet_real_has_326_images(raw, found):
    images = raw["top1_acc/imagenet-real"] / 100 * 326
    assert (images - images.round()).abs().max() < 1e-9
    worse = [((raw["top1_acc/imagenet-real"] / 100 * n) % 1).between(0.01, 0.99).any() for n in range(1, 326)]
    assert all(worse)
    assert found.at["real-grain", "state"] == check.FOUND
    assert "1/326" in found.at["real-grain", "number"]
    assert "batches of 512 leave a last batch of 336" in found.at["real-grain", "number"]


def test_no_batch_size_of_the_labelled_images_leaves_326():
    assert not [b for b in range(2, 4097) if 46_837 % b == 326]


def test_the_effect_of_imagenet_real_is_that_of_id_without_it(found):
    table = scores.per_model(results.load("published"), {**study.CATEGORIES, "ID": ("imagenet", "imagenet-v2")})
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    after = correlation.correlate(table, *rows, known_models.figure2_groups(table["group"]))
    before = Case(results.load("published")).base
    changed = (np.sign(before["shown"]) != np.sign(after["shown"])).sum()
    assert found.at["real-grain", "cells_changed"] == changed
    assert abs(found.at["real-grain", "largest_change"]) == pytest.approx((after["r"] - before["r"]).abs().max())


def test_imagenet_real_on_all_images_is_not_found(case):
    full = with_values(case.results, rounded(case.accuracy["imagenet"] + 5, 46_837), benchmark="imagenet-real")
    seen = check_table("real-grain", full)
    assert (seen.state, seen.effect_text) == (check.ABSENT, check.NOT_APPLICABLE)
    assert "1/46,837" in seen.number


def test_imagenet_c_is_the_mean_of_95_conditions(raw, found):
    conditions = [f"top1_acc/{c}_{s}" for c in study.CORRUPTIONS["imagenet-c"] for s in study.SEVERITIES]
    assert (raw[conditions].mean(axis=1) - raw["top1_acc/imagenet-c"]).abs().max() < 1e-9
    standard = [c for c in conditions if not any(extra in c for extra in accuracies.EXTRA)]
    assert len(standard) == 75
    apart = raw["top1_acc/imagenet-c"] - raw[standard].mean(axis=1)
    assert f"by {apart.mean():.1f} points on average, by {apart.max():.1f} at most" in found.at["c-average", "number"]
    assert found.at["c-average", "state"] == check.FOUND


def test_a_mean_over_the_standard_15_is_not_found(case):
    means = scores.corruptions(case.results, "imagenet-c").drop(columns=list(accuracies.EXTRA)).mean(axis=1)
    seen = check_table("c-average", with_values(case.results, means, benchmark="imagenet-c", variant=""))
    assert (seen.state, seen.cells_changed) == (check.ABSENT, 0)
    assert seen.largest_change == pytest.approx(0, abs=1e-9)


def test_the_attack_counts_48_images_too_many(raw, found):
    counts = raw["top1_acc/PGD-40/low"] / 100 * 50_048
    assert (counts - counts.round()).abs().max() < 1e-6
    assert raw["top1_acc/PGD-40/high"].min() / 100 * 50_048 == pytest.approx(48)
    assert "48 more than the 50,000 images: whole batches of 64 and 128" in found.at["pgd-grain", "number"]
    assert (found.at["pgd-grain", "cells_changed"], found.at["pgd-grain", "largest_change"]) == (0, 0)


def test_recounted_accuracies_are_fractions_of_50000_images(raw):
    counts = accuracies.recounted(raw["top1_acc/PGD-40/low"], 50_048, 50_000) / 100 * 50_000
    assert (counts - counts.round()).abs().max() < 1e-6


def test_an_attack_counted_over_the_actual_images_is_not_found(case):
    seen = check_table(
        "pgd-grain", with_values(case.results, rounded(case.accuracy["pgd"], 50_000), benchmark="pgd", variant="linf")
    )
    assert seen.state == check.ABSENT


def test_the_stronger_attack_is_missing_for_26_models(raw, found):
    assert raw["top1_acc/PGD-40/high"].isna().sum() == 26
    assert found.at["pgd-stronger", "number"].startswith("22 of 48")
    rest = check_table("pgd-stronger", results.load("published").query("variant != 'linf-high'"))
    assert rest.state == check.NOT_APPLICABLE


def test_stylized_imagenet_has_800_images(raw, found):
    images = raw["top1_acc/stylized"] / 100 * 800
    assert (images - images.round()).abs().max() < 1e-9
    assert "1/800" in found.at["stylized-grain", "number"]
