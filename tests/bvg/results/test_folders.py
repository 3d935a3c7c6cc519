"""Reading folders of runs as one results table, and the world of its models."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from miniature_results import NETWORKS, measured
from pandas.testing import assert_frame_equal

from bvg import results, study


@pytest.fixture(scope="module")
def zoo() -> pd.DataFrame:
    return measured()


@pytest.fixture
def runs(zoo, tmp_path):
    """Return a folder with one run per notebook, where the run on spectral biases repeats clean accuracy."""
    for name, ids in {
        "benchmarks": [b.id for b in study.BENCHMARKS if b.id != "pgd"],
        "pgd": ["pgd"],
        "spectral-bias": ["imagenet", "low-pass", "high-pass"],
        "rest": ["cue-conflict", "critical-band"],
    }.items():
        results.write(zoo[zoo["benchmark"].isin(ids)], tmp_path / "measure" / name / "results.parquet")
    (tmp_path / "measure" / "notes").mkdir()
    return tmp_path / "measure"


def test_folder_of_runs_is_one_table_without_repeated_rows(runs, zoo):
    merged = results.load(runs)
    assert_frame_equal(
        merged.sort_values(results.KEY, ignore_index=True), zoo.sort_values(results.KEY, ignore_index=True)
    )
    assert_frame_equal(merged, results.load(str(runs)))
    assert_frame_equal(merged, results.load([runs / n for n in ("benchmarks", "pgd", "rest", "spectral-bias")]))
    both = results.load(["published", runs])
    assert set(both.loc[both["source"] == "made-up", "model"]) == set(NETWORKS)


def test_folder_with_its_own_table_is_a_single_run(runs, zoo):
    results.write(zoo.head(3), runs / "results.csv")
    assert len(results.load(runs)) == 3


@pytest.mark.parametrize("change", [{"value": 1.25}, {"n": 479}])
def test_different_value_or_n_of_the_same_number_is_another_measurement(runs, zoo, change):
    again = zoo[(zoo["model"] == "mini_blur") & zoo["benchmark"].isin(["imagenet", "imagenet-r"])].copy()
    again.loc[again["benchmark"] == "imagenet-r", list(change)] = list(change.values())
    results.write(again, runs / "third" / "results.csv")
    merged = results.load(runs)
    renamed = merged[merged["model"] == "mini_blur@third"]
    assert renamed["benchmark"].tolist() == again["benchmark"].tolist()
    assert renamed["value"].tolist() == again["value"].tolist()
    assert len(merged) == len(zoo) + 2


def test_folder_without_runs_is_rejected(runs):
    with pytest.raises(FileNotFoundError, match=r"run folder .*notes, or in folders in it, found neither"):
        results.load(runs / "notes")


def test_world_of_results_is_that_of_their_manifests(runs, zoo, tmp_path):
    assert results.world_of("published") is study.STUDY
    assert results.world_of(runs) is study.STUDY  # without a manifest
    manifest = json.dumps({"settings": {"world": "miniature"}})
    folders = sorted(path.parent for path in runs.rglob("results.parquet"))
    for folder in folders:
        (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    assert results.world_of(runs) is study.MINIATURE
    assert results.world_of(folders) is study.MINIATURE
    results.write(zoo.head(3), tmp_path / "study" / "results.csv")
    assert results.world_of([*folders, tmp_path / "study"]) is study.STUDY


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "imagenet: instrument version 1 and 2: measure again with one version"),
        ({"classes": 200}, "number of classes to choose from 1000 and 200"),
        ({"content_sha256": "b" * 64}, "digest of the images' content aaaaaaaaaaaa… and bbbbbbbbbbbb…"),
        ({"count": 24, "content_sha256": "b" * 64}, ""),
        ({}, ""),
    ],
)
def test_runs_of_other_versions_or_images_are_not_merged(zoo, tmp_path, change, message):
    about = {"version": 1, "classes": 1000, "count": 48, "of": 48, "content_sha256": "a" * 64}
    for name, model, described in (("one", "mini_blur", about), ("two", "mini_long", about | change)):
        results.write(zoo[zoo["model"] == model], tmp_path / name / "results.parquet")
        manifest = json.dumps({"settings": {}, "models": {}, "measurements": {"imagenet": described}})
        (tmp_path / name / "manifest.json").write_text(manifest, encoding="utf-8")
    if not message:
        assert results.load(tmp_path)["model"].nunique() == 2
        return
    with pytest.raises(results.ResultsError, match=message):
        results.load([tmp_path / "one", tmp_path / "two"])
