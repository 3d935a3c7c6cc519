"""The results table: what is rejected and how, merging, atomic writing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bvg import results
from bvg.files import atomic
from bvg.results import ResultsError


def row(**changes) -> dict:
    return {
        "model": "mine",
        "benchmark": "imagenet",
        "variant": "",
        "level": np.nan,
        "metric": "top1",
        "value": 50.0,
        "n": 100,
        "source": "run",
    } | changes


def table(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(rows or [row()], columns=list(results.COLUMNS))


def test_a_good_table_passes_unchanged():
    good = table(row(), row(benchmark="imagenet-c", variant="fog", level=3.0))
    assert_frame_equal(results.validate(good), good.astype({"n": "Int64"}), check_dtype=False)


@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        ({"benchmark": "imagenet-d"}, "benchmark", "unknown"),
        ({"metric": "top3"}, "metric", "unknown"),
        ({"metric": "shape_bias", "value": 0.5}, "metric", "belongs to cue-conflict only"),
        ({"value": np.nan}, "value", "not finite"),
        ({"value": np.inf}, "value", "not finite"),
        ({"value": "high"}, "value", "not a number"),
        ({"value": 100.5}, "value", "outside"),
        ({"value": -0.1}, "value", "outside"),
        ({"benchmark": "cue-conflict", "metric": "shape_bias", "value": 21.0}, "value", "outside"),
        ({"benchmark": "cue-conflict", "metric": "shape_hits", "value": 0.5}, "value", "not a whole number"),
        ({"benchmark": "cue-conflict", "metric": "shape_hits", "value": 3.0, "n": 2}, "value", "more than the images"),
        ({"benchmark": "critical-band", "metric": "bandwidth", "value": -1.0}, "value", "outside"),
        ({"benchmark": "imagenet-c", "variant": "rain"}, "variant", "not a corruption"),
        ({"model": ""}, "model", "empty"),
        ({"source": None}, "source", "empty"),
        ({"n": 0}, "n", "positive"),
        ({"n": 1.5}, "n", "positive"),
        ({"level": np.inf}, "level", "not finite"),
        ({"variant": "fog"}, "variant", "must be empty"),
        ({"level": 1.0}, "level", "must be empty"),
        (
            {"benchmark": "cue-conflict", "metric": "shape_bias", "value": 0.5, "variant": "relative"},
            "variant",
            "empty",
        ),
        ({"benchmark": "low-pass"}, "level", "an empty field is not a cut-off"),
        ({"benchmark": "low-pass", "level": 30.0}, "level", r"30\.0 is not a cut-off in \[0, 1\] \(is it in percent"),
        ({"benchmark": "high-pass", "level": 0.3, "variant": "raw"}, "variant", "must be empty"),
        ({"benchmark": "low-pass", "level": 0.3, "metric": "relative_top1", "value": 76.0}, "value", "outside"),
        ({"benchmark": "critical-band", "metric": "bandwidth", "value": 2.0}, "variant", "not a critical-band channel"),
        (
            {"benchmark": "critical-band", "metric": "bandwidth", "variant": "raw", "level": 0.0},
            "level",
            "must be empty",
        ),
        ({"benchmark": "critical-band", "variant": "band-3"}, "level", "not a standard deviation"),
        ({"benchmark": "critical-band", "variant": "band-3", "level": 16.0}, "level", "not a standard deviation"),
        ({"benchmark": "critical-band", "variant": "relative", "level": 0.16}, "variant", "not a noise condition"),
        ({"benchmark": "critical-band", "level": 0.16}, "variant", "not a noise condition"),
        ({"benchmark": "imagenet-c", "variant": "fog", "level": 6.0}, "level", "not a severity"),
        ({"benchmark": "imagenet-c", "variant": "fog", "level": 2.5}, "level", "not a severity"),
        ({"benchmark": "imagenet-cbar", "level": 3.0}, "level", "if no corruption is named"),
        ({"benchmark": "pgd", "level": 0.002}, "variant", "not an attack"),
        ({"benchmark": "pgd", "variant": "linf", "level": 4.0}, "level", "not an eps"),
        ({"benchmark": "pgd", "variant": "linf", "level": 0.0}, "level", "not an eps"),
    ],
)
def test_a_bad_row_is_rejected_with_row_column_and_reason(bad, column, reason):
    broken = table(row(), row(model="other") | bad).astype(object)
    with pytest.raises(ResultsError, match=rf"row 2 \(not counting the header\), column `{column}`.*{reason}"):
        results.validate(broken, "mine.csv")


@pytest.mark.parametrize(
    "good",
    [
        {"benchmark": "imagenet-c"},
        {"benchmark": "imagenet-c", "variant": "fog"},
        {"benchmark": "imagenet-cbar", "variant": "sparkles", "level": 5},
        {"benchmark": "pgd", "variant": "linf-high"},
        {"benchmark": "pgd", "variant": "l2", "level": 1},
        {"benchmark": "low-pass", "level": 0},
        {"benchmark": "high-pass", "level": 0.99, "metric": "relative_top1", "value": 1.6},
        {"benchmark": "critical-band", "metric": "bandwidth", "variant": "16way-raw", "value": 2},
    ],
)
def test_conditions_that_a_benchmark_has_pass(good):
    assert len(results.validate(table(row(**good)))) == 1


@pytest.mark.parametrize("name", ["critical-band", "critical-band-16way", "band-pass", "pgd", "cue-conflict"])
def test_all_that_an_instrument_shows_is_a_condition_of_the_table(name):
    from bvg.instruments import INSTRUMENTS

    shown = INSTRUMENTS[name].conditions()
    rows = [row(benchmark=b, variant=v, level=np.nan if level is None else level) for b, v, level in shown]
    assert len(results.validate(table(*rows))) == len(shown)


def test_numbers_in_messages_are_plain_and_empty_fields_left_out():
    with pytest.raises(ResultsError) as error:
        results.validate(table(row(value=101.0)), "mine.csv")
    assert str(error.value) == (
        "mine.csv: row 1 (not counting the header), column `value`: 101.0 is outside [0, 100] of top1; "
        "row: model='mine', benchmark='imagenet', metric='top1'"
    )


def test_levels_that_differ_by_rounding_are_one_level_given_twice():
    exact = row(benchmark="pgd", variant="linf", level=0.5 / 255)
    with pytest.raises(
        ResultsError,
        match=r"row 3 \(not counting the header\), column `level`: 0\.00196078 equals that of row 1 .*model='mine'",
    ):
        results.validate(table(exact, row(), exact | {"level": 0.00196078}))
    apart = [exact, exact | {"level": 0.6 / 255}, exact | {"level": 0.00196078, "model": "other"}]
    assert len(results.validate(table(*apart))) == 3


@pytest.mark.parametrize("name", ["results.csv", "results.parquet"])
def test_a_table_without_rows_is_rejected(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(ResultsError, match=f"{name}: expected at least one row"):
        results.write(table().head(0), path)
    table().head(0).to_csv(path, index=False) if path.suffix == ".csv" else table().head(0).to_parquet(path)
    with pytest.raises(ResultsError, match=f"{name}: expected at least one row"):
        results.load(path)


HEADER = ",".join(results.COLUMNS).encode()
LINE = b"mine,imagenet,,,top1,50,100,run"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "No columns"),
        ("latin.csv", HEADER + b"\nm\xe9lange,imagenet,,,top1,50,100,run\n", "utf-8"),
        ("longer.csv", HEADER + b"\n" + LINE + b",extra\n", "Length of header"),
        ("longer-once.csv", HEADER + b"\n" + LINE + b"\nx" + LINE + b",extra\n", "Expected 8 fields in line 3, saw 9"),
        ("broken.parquet", b"PAR1 but no more than that", "[Pp]arquet"),
        ("empty.parquet", b"", "[Pp]arquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ResultsError, match=rf"{name}: expected a results table .*\(.*{reason}"):
        results.load(tmp_path / name)


def test_a_repeated_row_is_rejected():
    with pytest.raises(
        ResultsError, match=r"row 2 \(not counting the header\), column `model`.*repeats an earlier row"
    ):
        results.validate(table(row(), row(value=51.0)))


@pytest.mark.parametrize("change", [lambda t: t.drop(columns="n"), lambda t: t.assign(extra=1)])
def test_missing_and_unknown_columns_are_named(change):
    with pytest.raises(ResultsError, match=r"(missing: n|unknown: extra)"):
        results.validate(change(table()))


@pytest.mark.parametrize("name", ["results.csv", "results.parquet"])
def test_writing_and_reading_keeps_every_digit(tmp_path, name):
    written = results.validate(table(row(value=100 / 3), row(benchmark="pgd", variant="linf", level=0.5 / 255, n=None)))
    results.write(written, tmp_path / name)
    assert_frame_equal(results.load(tmp_path / name), written)
    assert_frame_equal(results.load(tmp_path) if name.startswith("results") else written, written)


def test_a_failed_write_leaves_the_old_table_and_no_litter(tmp_path):
    path = tmp_path / "results.csv"
    results.write(table(), path)
    before = path.read_bytes()

    def die_halfway():
        with atomic(path) as temporary:
            temporary.write_text("half of it")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_halfway()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_published_model_measured_again_keeps_both_and_mixes_neither(tmp_path):
    fog = {"benchmark": "imagenet-c", "variant": "fog", "level": 3}
    again = [row(model="tv_resnet50", **more) for more in (fog, {"benchmark": "low-pass", "level": 0.3})]
    results.write(table(*again, row()), tmp_path / "again.csv")
    for order in (["published", tmp_path / "again.csv"], [tmp_path / "again.csv", "published"]):
        merged = results.load(order)
        assert merged.loc[merged["source"] == "run", "model"].tolist() == ["tv_resnet50@again"] * 2 + ["mine"]
        assert (merged.loc[merged["source"] == "published", "model"] == "tv_resnet50").sum() > 50


def test_runs_that_complete_each_other_are_one_model_and_others_two(tmp_path):
    results.write(table(row(), row(benchmark="imagenet-r")), tmp_path / "first.csv")
    results.write(table(row(benchmark="imagenet-a")), tmp_path / "more.csv")
    results.write(table(row(value=51.0), row(benchmark="imagenet-v2")), tmp_path / "again.csv")
    merged = results.load([tmp_path / name for name in ("first.csv", "more.csv", "again.csv")])
    of = merged.groupby("model")["benchmark"].apply(set)
    assert of["mine"] == {"imagenet", "imagenet-r", "imagenet-a"}
    assert of["mine@again"] == {"imagenet", "imagenet-v2"}


def test_missing_files_and_empty_lists_say_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match="published"):
        results.load(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"results\.parquet"):
        results.load(tmp_path)
    with pytest.raises(ResultsError, match="empty list"):
        results.load([])


@pytest.mark.parametrize("value", [True, "True", "false"])
@pytest.mark.parametrize("column", ["value", "n", "level"])
def test_booleans_are_no_numbers(column, value):
    with pytest.raises(
        ResultsError, match=rf"row 2 \(not counting the header\), column `{column}`: .* is not a number"
    ):
        results.validate(table(row(), row(model="other", **{column: value})))


def test_accuracies_that_seem_to_be_fractions_are_questioned(tmp_path):
    table(row(value=0.8), row(benchmark="imagenet-r", value=0.41)).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(ResultsError, match=r"expected accuracies in percent, got top1 of at most 0.8 in all 2 rows"):
        results.load(tmp_path / "mine.csv")
    low = table(row(value=50), row(benchmark="imagenet-a", value=0.4), row(benchmark="pgd", variant="linf", value=0.1))
    low.to_csv(tmp_path / "low.csv", index=False)
    assert len(results.load(tmp_path / "low.csv")) == 3
    table(row(benchmark="pgd", variant="linf", value=0.1)).to_csv(tmp_path / "attacked.csv", index=False)
    assert len(results.load(tmp_path / "attacked.csv")) == 1


def test_only_published_numbers_may_claim_to_be_published(tmp_path):
    published = results.load().head(20)
    published.to_csv(tmp_path / "copy.csv", index=False)
    assert len(results.load(tmp_path / "copy.csv")) == 20
    table(row(source="published")).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(
        ResultsError, match="expected rows of the source 'published' to be those of the paper's authors"
    ):
        results.load(tmp_path / "mine.csv")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"<!DOCTYPE html><html>404</html>", "an HTML or XML page"), (b"model,benchmark\0\0\0", "NUL bytes")],
)
def test_files_that_are_no_table_are_named(tmp_path, content, reason):
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(ResultsError, match=reason):
        results.load(tmp_path / "mine.csv")
