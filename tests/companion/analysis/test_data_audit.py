"""The data audit: each finding against the authors' raw file, planted and taken away, and on other tables than the published."""

from __future__ import annotations

import subprocess
import sys
from math import gcd

import numpy as np
import pandas as pd
import pytest
from companion.analysis.data_audit import accuracies, agreement, audit, check
from companion.analysis.data_audit.check import Case
from companion.figures.crosscheck import crosscheck as draw
from pandas.testing import assert_frame_equal

from bvg import results, study
from bvg.results import correlation, published, scores
from bvg.results.published import build_crosscheck

STUDIED = list(study.models().query("in_study").index)


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(results.load("published"))


@pytest.fixture(scope="module")
def found(case) -> pd.DataFrame:
    return audit.audit(case)


@pytest.fixture(scope="module")
def raw(shared) -> pd.DataFrame:
    return pd.read_csv(shared / "published" / "benchmark.csv", index_col="model").loc[STUDIED]


def look(id: str, table: pd.DataFrame, **choices) -> check.Finding:
    return check.report(next(x for x in audit.LOOKS if x.id == id), Case(table, **choices))


def put(table: pd.DataFrame, values: pd.Series, **where) -> pd.DataFrame:
    """The table with other values, by model, in the rows that `where` names."""
    rows = (table[list(where)] == pd.Series(where)).all(axis=1)
    return table.assign(value=table["value"].mask(rows, table["model"].map(values)))


def rounded(top1: pd.Series, images: int) -> pd.Series:
    return (top1 / 100 * images).round() / images * 100


# effect


def cells(**r) -> pd.DataFrame:
    rows = [("ID", bias, "total", v, v if abs(v) > 0.5 else 0.0) for bias, v in r.items()]
    return pd.DataFrame(rows, columns=["row", "column", "group", "r", "shown"])


def test_effect_by_hand():
    before = cells(shape=0.6, bandwidth=0.6, low_frequency=0.1, high_frequency=0.9, center_frequency=np.nan)
    after = cells(shape=-0.6, bandwidth=0.4, low_frequency=0.2, high_frequency=np.nan, center_frequency=0.9)
    moved = check.effect(before, after)
    assert (moved.changed, moved.flips, moved.compared, moved.lost) == (2, 1, 3, 1)
    assert (moved.largest, moved.where) == (pytest.approx(-1.2), "ID × Shape (all)")


def test_no_change_has_no_effect(case):
    moved = check.effect(case.base, case.cells(case.with_accuracy({"imagenet": case.accuracy["imagenet"]})))
    assert (moved.changed, moved.compared, moved.largest) == (0, 72, 0)
    moved = check.effect(case.base, case.cells(case.with_curves(case.curves)))
    assert (moved.changed, moved.compared, moved.largest) == (0, 72, 0)


def test_the_cells_compared_with_are_figure_2(case):
    table = scores.per_model(results.load("published"))
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    expected = correlation.correlate(table, *rows, study.figure2_groups(table["group"]))
    assert_frame_equal(case.base, expected)


# accuracies


@pytest.mark.parametrize("n", [4, 326, 800, 7_500, 50_000, 50_048])
def test_grain_is_the_smallest_denominator(n):
    counts = np.array([1, *np.random.default_rng(n).integers(0, n, 9)])
    assert accuracies.grain(np.float32(100 * counts / n).astype(float)) == n // gcd(n, *counts.tolist())


def test_grain_needs_four_values_and_a_denominator():
    assert accuracies.grain([25.0, 50.0, 75.0, 75.0]) is None
    assert accuracies.grain(np.sqrt(np.arange(2, 20))) is None


def test_real_is_of_326_images(raw, found):
    images = raw["top1_acc/imagenet-real"] / 100 * 326
    assert (images - images.round()).abs().max() < 1e-9
    worse = [((raw["top1_acc/imagenet-real"] / 100 * n) % 1).between(0.01, 0.99).any() for n in range(1, 326)]
    assert all(worse)
    assert found.at["real-grain", "state"] == check.FOUND
    assert "1/326" in found.at["real-grain", "number"]
    assert "batches of 512 leave a last one of 336" in found.at["real-grain", "number"]


def test_no_batch_of_the_labelled_images_leaves_326():
    assert not [b for b in range(2, 4097) if 46_837 % b == 326]


def test_the_effect_of_real_is_that_of_id_without_it(found):
    table = scores.per_model(results.load("published"), {**study.CATEGORIES, "ID": ("imagenet", "imagenet-v2")})
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    after = correlation.correlate(table, *rows, study.figure2_groups(table["group"]))
    before = Case(results.load("published")).base
    changed = (np.sign(before["shown"]) != np.sign(after["shown"])).sum()
    assert found.at["real-grain", "cells_changed"] == changed
    assert abs(found.at["real-grain", "largest_change"]) == pytest.approx((after["r"] - before["r"]).abs().max())


def test_real_measured_in_full_is_not_found(case):
    full = put(case.results, rounded(case.accuracy["imagenet"] + 5, 46_837), benchmark="imagenet-real")
    seen = look("real-grain", full)
    assert (seen.state, seen.effect_text) == (check.ABSENT, check.NOT_APPLICABLE)
    assert "1/46,837" in seen.number


def test_imagenet_c_is_the_mean_of_95_conditions(raw, found):
    conditions = [f"top1_acc/{c}_{s}" for c in study.CORRUPTIONS["imagenet-c"] for s in study.SEVERITIES]
    assert (raw[conditions].mean(axis=1) - raw["top1_acc/imagenet-c"]).abs().max() < 1e-9
    standard = [c for c in conditions if not any(extra in c for extra in accuracies.EXTRA)]
    assert len(standard) == 75
    apart = raw["top1_acc/imagenet-c"] - raw[standard].mean(axis=1)
    assert f"by {apart.mean():.1f} points in the mean, by {apart.max():.1f} at most" in found.at["c-average", "number"]
    assert found.at["c-average", "state"] == check.FOUND


def test_a_mean_over_the_standard_15_is_told(case):
    means = scores.corruptions(case.results, "imagenet-c").drop(columns=list(accuracies.EXTRA)).mean(axis=1)
    seen = look("c-average", put(case.results, means, benchmark="imagenet-c", variant=""))
    assert (seen.state, seen.cells_changed) == (check.ABSENT, 0)
    assert seen.largest_change == pytest.approx(0, abs=1e-9)


def test_the_attack_counts_48_images_too_many(raw, found):
    counts = raw["top1_acc/PGD-40/low"] / 100 * 50_048
    assert (counts - counts.round()).abs().max() < 1e-6
    assert raw["top1_acc/PGD-40/high"].min() / 100 * 50_048 == pytest.approx(48)
    assert "48 more than the 50,000 images: whole batches of 64 and 128" in found.at["pgd-grain", "number"]
    assert (found.at["pgd-grain", "cells_changed"], found.at["pgd-grain", "largest_change"]) == (0, 0)


def test_recounted_accuracies_are_of_50000_images(raw):
    counts = accuracies.recounted(raw["top1_acc/PGD-40/low"], 50_048, 50_000) / 100 * 50_000
    assert (counts - counts.round()).abs().max() < 1e-6


def test_an_attack_counted_over_its_images_is_not_found(case):
    seen = look("pgd-grain", put(case.results, rounded(case.accuracy["pgd"], 50_000), benchmark="pgd", variant="linf"))
    assert seen.state == check.ABSENT


def test_the_stronger_attack_is_missing_for_26_models(raw, found):
    assert raw["top1_acc/PGD-40/high"].isna().sum() == 26
    assert found.at["pgd-stronger", "number"].startswith("22 of 48")
    rest = look("pgd-stronger", results.load("published").query("variant != 'linf-high'"))
    assert rest.state == check.NOT_APPLICABLE


def test_stylized_is_of_800_images(raw, found):
    images = raw["top1_acc/stylized"] / 100 * 800
    assert (images - images.round()).abs().max() < 1e-9
    assert "1/800" in found.at["stylized-grain", "number"]


# curves


def ratios(raw: pd.DataFrame, kind: str) -> pd.DataFrame:
    return raw[[f"metric/bandpass/{kind}/{c}" for c in study.CUTOFFS]]


def test_ratios_above_one_and_falls_are_those_of_the_raw_file(raw, found):
    low, high = ratios(raw, "LFC"), ratios(raw, "HFC")
    above = (low > 1).to_numpy().sum() + (high > 1).to_numpy().sum()
    assert found.at["above-one", "number"].startswith(f"{above} of 1056")
    falls = [(np.diff(t.to_numpy(), axis=1) < 0) for t in (high, low)]
    parts = [
        f"{f.any(axis=1).sum()} {k} curves fall, {f.sum()} steps"
        for f, k in zip(falls, ("high-pass", "low-pass"), strict=True)
    ]
    assert all(part in found.at["falling", "number"] for part in parts)


def test_clipped_and_rising_curves_are_not_found(case):
    curves = case.curves.assign(relative_top1=0.5 + case.curves["cutoff"] / 2)
    rows = curves.rename(columns={"kind": "benchmark", "cutoff": "level", "relative_top1": "value"})
    others = case.results[~case.results["benchmark"].isin(["low-pass", "high-pass"])]
    table = pd.concat([others, rows.assign(variant="", metric="relative_top1", source="test")], ignore_index=True)
    for id in ("above-one", "falling", "at-chance"):
        assert look(id, table).state == check.ABSENT, id
    planted = table.assign(value=table["value"].mask((table["benchmark"] == "low-pass") & (table["level"] == 0.1), 1.2))
    seen = look("above-one", planted)
    assert seen.number.startswith("48 of 1056 ratios (48 at low-pass 0.1)")
    assert look("falling", planted).number.startswith("48 low-pass curves fall, 48 steps")


def test_models_at_chance(raw, found):
    window = [f"metric/bandpass/HFC/{c}" for c in study.BIAS_CUTOFFS]
    top1 = raw[window].mean(axis=1) * raw["top1_acc/imagenet"]
    low = top1.index[top1 < 0.2]
    assert study.describe(low)["group"].eq("adversarial_training").all()
    assert found.at["at-chance", "number"].startswith(f"of 48 models {len(low)} ({len(low)} of them adversarially")


# fits and models


def test_fits_are_those_of_the_raw_file(raw, found):
    bw, cf, pns = (raw[f"metric/criticalband/{c}_norm"] for c in ("bw", "cf", "pns"))
    triples = pd.concat([bw, cf, pns], axis=1).round(6).value_counts()
    assert triples.iloc[0] == 13
    assert (
        f"{len(triples)} different fits; {triples[triples > 1].sum()} models share" in found.at["shared-fits", "number"]
    )
    assert found.at["at-bound", "number"].startswith(f"{(pns > 1 - 1e-6).sum()} of 48")
    assert found.at["centre-outside", "number"].startswith(f"{((cf < 1.75) | (cf > 112)).sum()} of 48")
    assert found.at["wide-fits", "number"].startswith(f"{(bw > 7).sum()} of 48")
    assert found.at["raw-fits", "number"].startswith(f"{(raw['metric/criticalband/bw'] > 7).sum()} of 48")


def test_leaving_out_fits_leaves_the_other_biases_alone(case):
    wide = case.scores.index[case.scores["bandwidth"] > 7]
    other = scores.per_model(case.results.drop(case.results.index[
        case.results["model"].isin(wide) & (case.results["benchmark"] == "critical-band")]), allow_missing=True)  # fmt: skip
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    after = correlation.correlate(other, *rows, study.figure2_groups(other["group"]))
    assert look("wide-fits", case.results).largest_change == pytest.approx(check.effect(case.base, after).largest)
    assert_frame_equal(
        after[~after["column"].isin(audit.data_models.FIT)], case.base[~case.base["column"].isin(audit.data_models.FIT)]
    )


def test_fits_that_differ_and_lie_within_are_not_found(case):
    place = pd.Series(np.arange(48), STUDIED)
    table = case.results
    for metric, values in (
        ("bandwidth", 3 + place / 100),
        ("center_frequency", 10.0 + place),
        ("peak_noise_sensitivity", 0.2 + place / 100),
    ):
        table = put(table, values, metric=metric, benchmark="critical-band")
    for id in ("shared-fits", "at-bound", "centre-outside", "wide-fits", "raw-fits"):
        assert look(id, table).state == check.ABSENT, id


def test_the_model_of_strength_0(case):
    (zero,) = study.models().query("group == 'adversarial_training' and epsilon == 0").index
    group = case.scores["group"].mask(case.scores["model"] == zero, "baseline")
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    moved = correlation.correlate(case.scores, *rows, study.figure2_groups(group))
    assert look("zero-moved", case.results).largest_change == check.effect(case.base, moved).largest
    rest = case.scores[case.scores["model"] != zero]
    out = correlation.correlate(rest, *rows, study.figure2_groups(rest["group"]))
    assert look("zero-out", case.results).cells_changed == check.effect(case.base, out).changed
    assert look("zero-out", case.results, leave_out=[zero]).state == check.NOT_APPLICABLE


def test_all_70_models(case):
    table = scores.per_model(case.results, allow_missing=True, outside=True)
    assert len(table) == 70
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    after = correlation.correlate(table, *rows, study.figure2_groups(table["group"]))
    assert look("outside-all", case.results).cells_changed == check.effect(case.base, after).changed
    assert look("outside-all", case.results[case.results["model"].isin(STUDIED)]).state == check.NOT_APPLICABLE


# agreement


def test_the_documented_command_gives_the_committed_table(shared, root, tmp_path):
    out = tmp_path / "crosscheck.csv"
    files = [shared / "published" / f"{name}-results.csv" for name in ("timm", "testbed")]
    subprocess.run(
        [sys.executable, "-m", "bvg.results.published.build_crosscheck", *files, "--out", out], check=True, cwd=root
    )
    assert out.read_bytes() == (root / "bvg/results/published/crosscheck.csv").read_bytes()


def test_every_figure_is_carried_over(shared):
    table = published.independent()
    for name, source in (("timm", build_crosscheck.TIMM), ("testbed", build_crosscheck.TESTBED)):
        own, given = table[table["source"] == source], pd.read_csv(shared / "published" / f"{name}-results.csv")
        key = [c for c in given if c != "top1"]
        both = own.merge(given.fillna({"variant": ""}), on=key, suffixes=("", "_given"), validate="one_to_one")
        assert len(both) == len(given) == len(own)
        assert (both["top1"] == both["top1_given"]).all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("model", "resnet99", "resnet99"), ("benchmark", "mnist", "mnist"), ("top1", 101.0, r"\[0, 100\]")],
)
def test_convert_refuses(column, value, message):
    good = pd.DataFrame({"model": ["tv_resnet50"], "benchmark": ["imagenet"], "top1": [76.0]})
    with pytest.raises(ValueError, match=message):
        build_crosscheck.convert(good.assign(**{column: value}), good)
    with pytest.raises(ValueError, match="twice"):
        build_crosscheck.convert(pd.concat([good, good.assign(top1=75.0)]), good)


def test_differences_from_the_sources(shared, raw, case):
    table = agreement.compared(case)
    timm = pd.read_csv(shared / "published" / "timm-results.csv").query("img_size == 224")
    assert (table["source"] == build_crosscheck.TIMM).sum() == len(timm)
    for row in timm.itertuples():
        own = table.query("model == @row.model and benchmark == @row.benchmark and source == @crosscheck.TIMM")
        assert own["difference"].item() == pytest.approx(raw.at[row.model, f"top1_acc/{row.benchmark}"] - row.top1)
    testbed = pd.read_csv(shared / "published" / "testbed-results.csv")
    noise = testbed.query("model == 'tv_resnet50' and variant == 'fog'")["top1"].mean()
    ours = raw.loc["tv_resnet50", [f"top1_acc/fog_{s}" for s in study.SEVERITIES]].mean()
    fog = table.query("model == 'tv_resnet50' and variant == 'fog'")
    assert fog["difference"].item() == pytest.approx(ours - noise)
    whole = table.query("model == 'tv_resnet50' and benchmark == 'imagenet-c' and variant == ''")
    ours = raw.at["tv_resnet50", "top1_acc/imagenet-c"]
    theirs = testbed.query("model == 'tv_resnet50' and benchmark == 'imagenet-c'")["top1"].mean()
    assert whole["difference"].item() == pytest.approx(ours - theirs)


def test_with_the_papers_protocol_the_numbers_agree(case):
    table = agreement.compared(case).query("same_protocol and benchmark != 'imagenet-real'")
    assert len(table) == 44
    assert table["difference"].abs().max() < 0.5
    assert set(table.query("source == @crosscheck.TIMM")["model"]) == {"tv_resnet50"}


def test_summary_counts_by_hand():
    table = pd.DataFrame(
        {
            "model": STUDIED[:4],
            "benchmark": "imagenet",
            "variant": "",
            "source": build_crosscheck.TIMM,
            "published": [70.0, 71.0, 72.0, 73.0],
            "independent": [70.0, 73.0, 72.5, 74.0],
            "same_protocol": [True, False, False, False],
        }
    )
    table["difference"] = table["published"] - table["independent"]
    (row,) = agreement.summary(table).data.itertuples()
    assert (row.n, row.same_protocol, row.swapped, row.pairs) == (4, 1, 1, 6)
    assert (row.mean_difference, row.largest_difference, row.model) == (-0.875, -2.0, STUDIED[1])
    assert row.r == pytest.approx(0.8)


def test_the_figure_shows_every_difference(case):
    table = agreement.compared(case)
    drawn = draw(table)
    marks = [line for axes in drawn.figure.axes for line in axes.lines if line.get_label() in STUDIED]
    assert sorted(float(line.get_xdata()[0]) for line in marks) == sorted(table.query("variant == ''")["difference"])
    assert len(drawn.data) == len(marks)
    assert "ImageNet-ReaL 0.7 to 4.7" in drawn.alt


# other tables and choices


def test_a_table_of_new_models_is_audited_where_it_can_be():
    rng = np.random.default_rng(0)
    rows = [
        (f"mine-{i}", b.id, "linf" if b.id == "pgd" else "", study.PGD_EPSILON if b.id == "pgd" else np.nan, "top1",
         rng.integers(1, 400) / 4) for i in range(6) for b in study.BENCHMARKS
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["model", "benchmark", "variant", "level", "metric", "value"])
    table = results.validate(table.assign(n=pd.NA, source="mine"))
    found = audit.findings(table, allow_missing=True)
    assert len(found) == len(audit.LOOKS)
    assert set(found.loc[["shared-fits", "zero-out", "outside-all", "timm", "above-one"], "state"]) == {
        "not applicable"
    }
    assert found["cells_changed"].dropna().eq(0).all()
    shown = audit.table(found).shown
    assert len(shown) == (found["state"] != "not applicable").sum()
    agreed = agreement.compared(Case(table, allow_missing=True))
    assert agreed.empty
    assert agreement.summary(agreed).data.empty
    assert "No model" in draw(agreed).alt


def test_the_miniature_is_audited_with_its_own_bands_and_chance(root):
    folder = root / "_build" / "runs" / "measure"
    if not folder.is_dir():
        pytest.skip("needs the miniature's results in _build/runs/measure, which the book's build makes")
    found = audit.findings(results.load(folder))
    assert set(found.loc[["real-grain", "c-average", "stylized-grain", "timm"], "state"]) == {"not applicable"}
    assert "from 2 to 32 cycles" in found.at["centre-outside", "number"]
    assert "12.5 %, twice chance" in found.at["at-chance", "number"]


def test_choices_move_the_outcome(case, found):
    strict = audit.findings(case.results, alpha=1e-6)
    assert not strict["cells_changed"].equals(found["cells_changed"])
    fewer = audit.findings(case.results, leave_out=["adversarial_training"])
    assert fewer.at["zero-out", "state"] == "not applicable"
    assert "of 33" in fewer.at["at-bound", "number"]
    apart = audit.findings(case.results, set_apart=["contrastive"])
    assert apart.at["zero-moved", "state"] == "not applicable"
    highlighted = audit.findings(case.results, highlight=["tv_resnet50"])
    assert highlighted.at["wide-fits", "number"].startswith("10 of 47")
    with pytest.raises(ValueError, match="leave_out"):
        audit.findings(case.results, leave_out=["nobody"])
    with pytest.raises(ValueError, match="set_apart"):
        audit.findings(case.results, set_apart=["nobody"])
