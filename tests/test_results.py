"""The results table: what is refused and how, merging, atomic writing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bvg import results
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
        ({"value": "high"}, "value", "no number"),
        ({"value": 100.5}, "value", "outside"),
        ({"value": -0.1}, "value", "outside"),
        ({"benchmark": "cue-conflict", "metric": "shape_bias", "value": 21.0}, "value", "outside"),
        ({"benchmark": "critical-band", "metric": "bandwidth", "value": -1.0}, "value", "outside"),
        ({"benchmark": "imagenet-c", "variant": "rain"}, "variant", "no corruption"),
        ({"model": ""}, "model", "empty"),
        ({"source": None}, "source", "empty"),
        ({"n": 0}, "n", "positive"),
        ({"n": 1.5}, "n", "positive"),
        ({"level": np.inf}, "level", "not finite"),
    ],
)
def test_a_bad_row_is_refused_with_row_column_and_reason(bad, column, reason):
    broken = table(row(), row(model="other") | bad).astype(object)
    with pytest.raises(ResultsError, match=rf"row 1, column `{column}`.*{reason}"):
        results.validate(broken, "mine.csv")


def test_a_repeated_row_is_refused():
    with pytest.raises(ResultsError, match=r"row 1, column `model`.*repeats an earlier row"):
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
        with results.atomic(path) as temporary:
            temporary.write_text("half of it")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_halfway()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_tables_stack_and_a_model_measured_again_keeps_both_numbers(tmp_path):
    results.write(table(row(model="tv_resnet50", value=76.0), row()), tmp_path / "again.csv")
    results.write(table(row(benchmark="imagenet-a")), tmp_path / "more.csv")
    merged = results.load(["published", tmp_path / "again.csv", tmp_path / "more.csv"])
    clean = merged[(merged["benchmark"] == "imagenet") & (merged["metric"] == "top1")].set_index("model")["value"]
    assert clean["tv_resnet50"] == pytest.approx(76.146)
    assert clean["tv_resnet50@again"] == 76.0
    # The same model in two tables that do not overlap is one model.
    assert set(merged.loc[merged["model"].str.startswith("mine"), "benchmark"]) == {"imagenet", "imagenet-a"}


def test_missing_files_and_empty_lists_say_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match="published"):
        results.load(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"results\.parquet"):
        results.load(tmp_path)
    with pytest.raises(ResultsError, match="empty list"):
        results.load([])
