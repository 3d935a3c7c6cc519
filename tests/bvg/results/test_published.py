"""The published numbers: the committed table equals the authors' raw file, and Figure 2 is reproduced."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bvg import known_models, results, study
from bvg.results import correlation, published, scores
from bvg.results.published import build


@pytest.fixture(scope="module")
def raw(shared) -> pd.DataFrame:
    return build.read_raw(shared / "published" / "benchmark.csv")


def test_documented_command_rebuilds_the_committed_table(shared, root, tmp_path):
    out = tmp_path / "results.csv"
    raw_file = shared / "published" / "benchmark.csv"
    subprocess.run([sys.executable, "-m", "bvg.results.published.build", raw_file, "--out", out], check=True, cwd=root)
    assert out.read_bytes() == (root / "bvg/results/published/results.csv").read_bytes()


def test_a_changed_raw_file_is_rejected(shared, tmp_path):
    changed = tmp_path / "benchmark.csv"
    changed.write_bytes((shared / "published" / "benchmark.csv").read_bytes() + b"\n")
    with pytest.raises(ValueError, match="SHA-256"):
        build.read_raw(changed)


def test_every_number_keeps_full_precision(raw):
    table = results.load("published").set_index(results.KEY)["value"]
    for column, key in build.columns().items():
        for model, value in raw[column].dropna().items():
            assert table[(model, *key)] == value


def test_published_aggregates_are_means_over_all_corruptions_and_severities(raw):
    table = results.load("published")
    for benchmark in study.CORRUPTIONS:
        means = scores.corruptions(table, benchmark).mean(axis=1)
        assert (means - raw[f"top1_acc/{benchmark}"].reindex(means.index)).abs().max() < 1e-5


def test_only_missing_numbers_are_left_out(raw):
    table = results.load("published")
    high = table[(table["benchmark"] == "pgd") & (table["variant"] == "linf-high")]
    assert set(high["model"]) == set(raw.index[raw["top1_acc/PGD-40/high"].notna()])
    assert table["n"].isna().all()


def test_models_and_groups_are_those_of_the_authors(shared):
    groups = json.loads((shared / "published" / "r50_categories.json").read_text())
    models = known_models.models()
    inside = models[models["in_study"]]
    assert {g: set(inside.index[inside["group"] == g]) for g in study.GROUPS} == {g: set(m) for g, m in groups.items()}
    assert (models.loc[~models["in_study"], "group"] == "outside").all()
    assert models["name"].is_unique
    assert (len(models), len(inside)) == (70, 48)


def test_every_citation_of_a_model_or_benchmark_is_in_the_bibliography(root):
    from pybtex.database import parse_file

    entries = parse_file(root / "book" / "references.bib").entries
    cited = set(known_models.models()["citation"]) | {b.citation for b in study.BENCHMARKS}
    assert cited <= set(entries)


def test_printed_values_of_figure_2_are_those_of_the_paper(shared):
    assert_frame_equal(published.figure2_printed(), pd.read_csv(shared / "published" / "figure2.csv"))


def test_all_72_values_of_figure_2_are_reproduced_to_the_printed_digit():
    table = scores.per_model(results.load("published"))
    groups = known_models.figure2_groups(table["group"])
    assert {name: int(mask.sum()) for name, mask in groups.items()} == {"total": 48, "at": 15, "other": 33}
    cells = correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, groups)
    ours = cells.set_index(["row", "column", "group"])["shown"].round(2)
    printed = published.figure2_printed().set_index(["generalization", "bias", "group"])["printed"]
    assert len(printed) == 72
    for cell, value in printed.items():
        assert ours[cell] == pytest.approx(value, abs=1e-9), cell
