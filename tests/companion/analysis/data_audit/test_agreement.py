"""Independent measurements: the committed table, and its agreement with the published accuracies."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
from audit_tables import STUDIED
from companion.analysis.data_audit import agreement
from companion.figures.crosscheck import crosscheck as draw

from bvg import study
from bvg.results import published
from bvg.results.published import build_crosscheck


def test_the_documented_command_writes_the_committed_table(shared, root, tmp_path):
    out = tmp_path / "crosscheck.csv"
    files = [shared / "published" / f"{name}-results.csv" for name in ("timm", "testbed")]
    subprocess.run(
        [sys.executable, "-m", "bvg.results.published.build_crosscheck", *files, "--out", out], check=True, cwd=root
    )
    assert out.read_bytes() == (root / "bvg/results/published/crosscheck.csv").read_bytes()


def test_the_committed_table_has_every_number_of_the_sources(shared):
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
def test_invalid_sources_are_rejected(column, value, message):
    good = pd.DataFrame({"model": ["tv_resnet50"], "benchmark": ["imagenet"], "top1": [76.0]})
    with pytest.raises(ValueError, match=message):
        build_crosscheck.convert(good.assign(**{column: value}), good)
    with pytest.raises(ValueError, match="twice"):
        build_crosscheck.convert(pd.concat([good, good.assign(top1=75.0)]), good)


def test_differences_match_the_sources(shared, raw, case):
    table = agreement.compared(case)
    timm = pd.read_csv(shared / "published" / "timm-results.csv").query("img_size == 224")
    assert (table["source"] == build_crosscheck.TIMM).sum() == len(timm)
    for row in timm.itertuples():
        own = table.query("model == @row.model and benchmark == @row.benchmark and source == @build_crosscheck.TIMM")
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


def test_the_numbers_agree_with_the_papers_protocol(case):
    table = agreement.compared(case).query("same_protocol and benchmark != 'imagenet-real'")
    assert len(table) == 44
    assert table["difference"].abs().max() < 0.5
    assert set(table.query("source == @build_crosscheck.TIMM")["model"]) == {"tv_resnet50"}


def test_the_summary_of_four_made_up_models():
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
    (row,) = agreement.by_benchmark(table).itertuples()
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
