"""The explorer's content: the tables' numbers, the figures' marks, and which models enter the statistics."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices
from companion.explorer import Explorer, explorer
from companion.explorer.html import SCRIPTS, STATIC
from companion.explorer.svg_marks import POINT, drawing
from companion.figures.marks import NEW, mark
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.markers import MarkerStyle
from PIL import Image
from scipy.ndimage import binary_erosion

from bvg import study
from bvg.results import ResultsError, criticality, cue_counts, load, scores

PUBLISHED = load("published")
SHOWN = explorer(PUBLISHED)


def with_new(*without: str) -> pd.DataFrame:
    """The published table with a model `mine`: the baseline's values plus 1, without some benchmarks."""
    rows = PUBLISHED[(PUBLISHED["model"] == "tv_resnet50") & ~PUBLISHED["benchmark"].isin(without)]
    rows = rows.assign(model="mine", source="run-1", value=rows["value"] + 1)
    return pd.concat([PUBLISHED, rows], ignore_index=True)


def wide(content: Explorer) -> pd.DataFrame:
    return content.table().pivot(index="model", columns="measure", values="value")


def test_scores_and_benchmarks_equal_the_tables():
    ours = wide(SHOWN)
    per_model = scores.per_model(PUBLISHED).set_index("model").drop(columns="group")
    benchmarks = scores.benchmarks(PUBLISHED).set_index("model").drop(columns="group")
    for theirs in (per_model, benchmarks):
        pd.testing.assert_frame_equal(
            ours.loc[theirs.index, theirs.columns], theirs, check_names=False, check_exact=True
        )


def test_layer_criticality_is_a_measure_like_any_other_bias():
    ours = wide(SHOWN)["criticality"]
    theirs = criticality.by_layer(PUBLISHED).mean(axis=1)
    assert ours.to_numpy() == pytest.approx(theirs[ours.index].to_numpy())
    measure = next(m for m in SHOWN.data["measures"] if m["id"] == "criticality")
    assert (measure["plain"], measure["kind"], measure["unit"]) == ("Layer criticality", "bias", "")
    without = PUBLISHED[PUBLISHED["benchmark"] != "layer-criticality"]
    assert "criticality" not in [m["id"] for m in explorer(without).data["measures"]]


@pytest.mark.parametrize("benchmark", study.CORRUPTIONS)
def test_corruptions_equal_the_table(benchmark):
    theirs = scores.corruptions(PUBLISHED, benchmark)
    for name in study.CORRUPTIONS[benchmark]:
        ours = SHOWN.table().query(f"measure == '{benchmark}/{name}'").set_index("model")["value"]
        expected = theirs.loc[ours.index, name]
        assert len(ours) == 48
        assert np.array_equal(ours, expected)


def test_shares_of_cue_conflict_decisions_are_measures_like_any_bias():
    ours, theirs = wide(SHOWN), cue_counts.shares(PUBLISHED)
    for column in (measure.id for measure in study.CUES):
        assert np.array_equal(ours[column], theirs.loc[ours.index, column])
    named = pd.DataFrame(SHOWN.data["measures"]).set_index("id")
    assert named.loc["shape_sensitivity", ["plain", "unit"]].tolist() == ["Shape sensitivity", "%"]
    without = PUBLISHED[~((PUBLISHED["benchmark"] == "cue-conflict") & (PUBLISHED["metric"] == "top1"))]
    assert not {"shape_sensitivity", "neither_cue"} & {m["id"] for m in explorer(without).data["measures"]}


def test_every_measure_has_its_kind_unit_and_name():
    measures = pd.DataFrame(SHOWN.data["measures"])
    assert measures["id"].is_unique
    assert measures["kind"].value_counts().to_dict() == {"corruption": 29, "benchmark": 10, "bias": 10, "category": 4}
    accuracies = measures[measures["kind"] != "bias"]
    assert set(accuracies["unit"]) == {"%"}
    assert set(accuracies["better"]) == {"higher"}
    assert set(measures.loc[measures["kind"] == "bias", "better"]) == {""}
    named = measures.set_index("id")
    assert named.loc["bandwidth", ["plain", "unit"]].tolist() == ["Bandwidth", "octaves"]
    assert named.loc["imagenet-c/gaussian_noise", ["name", "category"]].tolist() == [
        "ImageNet-C: gaussian noise", "Robustness",
    ]  # fmt: skip


def test_cutoffs_and_categories_change_the_numbers_as_in_the_tables():
    categories = {k: ["imagenet-r"] if k == "ID" else list(v) for k, v in study.CATEGORIES.items()}
    ours = wide(explorer(PUBLISHED, categories, [0.1], [0.3]))
    theirs = scores.per_model(PUBLISHED, categories, [0.1], [0.3]).set_index("model")
    for column in ("ID", "low_frequency", "high_frequency"):
        assert np.array_equal(ours[column], theirs.loc[ours.index, column])
    assert not np.array_equal(ours["ID"], wide(SHOWN)["ID"])


def test_all_models_of_the_study_count_except_highlighted_ones():
    assert all(m["counted"] for m in SHOWN.data["models"])
    shown = explorer(PUBLISHED, highlight=["resnet50_prime"])
    assert [m["id"] for m in shown.data["models"] if not m["counted"]] == ["resnet50_prime"]
    assert {m["family"] for m in shown.data["models"]} == set(choices.families(scores.per_model(PUBLISHED)))
    assert shown.data["start"]["models"] == ["resnet50_prime"]


def test_a_new_model_has_its_own_mark_does_not_count_and_is_selected_first():
    shown = explorer(with_new())
    mine = next(m for m in shown.data["models"] if m["id"] == "mine")
    assert (mine["group"], mine["counted"], mine["mark"]) == ("new", False, drawing(NEW))
    assert shown.data["groups"][-1] == {"id": "new", "name": "New models"}
    assert shown.data["start"]["models"] == ["mine"]
    assert mine["source"] == "run-1"
    assert wide(shown).loc["mine", "ID"] == pytest.approx(wide(shown).loc["tv_resnet50", "ID"] + 1)


def test_missing_numbers_are_rejected_or_left_empty():
    with pytest.raises(ResultsError, match="lacks top-1 on pgd"):
        explorer(with_new("pgd"))
    shown = explorer(with_new("pgd"), allow_missing=True)
    row = dict(zip((m["id"] for m in shown.data["measures"]), shown.data["values"][-1], strict=True))
    assert row["pgd"] is None
    assert row["Adversarial"] is None
    assert row["ID"] is not None
    assert ("mine", "pgd") not in set(shown.table()[["model", "measure"]].itertuples(index=False, name=None))


def test_a_table_without_any_bias_is_rejected():
    with pytest.raises(ValueError, match="at least one bias and one accuracy, got 0 and"):
        explorer(PUBLISHED[PUBLISHED["benchmark"] == "imagenet"], allow_missing=True)


@pytest.mark.parametrize("group", [*study.GROUPS, "new"])
def test_marks_look_as_matplotlib_draws_them(browser, group):
    """Compare the pixels of each mark drawn by Matplotlib and, from the explorer's data, by the browser."""
    context = browser.new_context(viewport={"width": BOX, "height": BOX}, device_scale_factor=SCALE)
    page = context.new_page()
    models = [m["id"] for m in SHOWN.data["models"] if m["group"] == group] or ["mine"]
    for model in models:
        how = mark(model)
        ours, theirs = by_browser(page, drawing(how)), by_matplotlib(how)
        assert (theirs < 250).any(axis=2).sum() > 100
        # Renderers differ at edges and corners: only a difference wider than a pixel of the page counts.
        differ = binary_erosion((np.abs(ours - theirs) > 64).any(axis=2), iterations=SCALE // 2)
        assert not differ.any(), model
    context.close()


SCALE = 6  # image pixels per pixel of the page
BOX = 30  # pixels of the page


def by_matplotlib(how) -> np.ndarray:
    figure = Canvas(figsize=(BOX / POINT / 72, BOX / POINT / 72), dpi=72 * POINT * SCALE, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-1, 1), ylim=(-1, 1))
    axes.axis("off")
    line = how.line([0], [0])
    line.set_marker(
        MarkerStyle(how.marker, line.get_fillstyle(), joinstyle="round")
    )  # a mitre join adds spikes to some marks
    axes.add_line(line)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)


def by_browser(page, how: dict) -> np.ndarray:
    scale = how["size"] / 2
    style = f'stroke="{how["stroke"]}" stroke-width="{1.1 * POINT / scale}" stroke-linejoin="round"'
    alt = f'<path d="{how["alt"]}" fill="#fff" {style}/>' if how["alt"] else ""
    path = f'<path d="{how["path"]}" fill="{how["fill"]}" fill-opacity="{how["opacity"]}" {style}/>'
    page.set_content(
        f'<style>body {{ margin: 0 }} svg {{ display: block }}</style><svg width="{BOX}" height="{BOX}" '
        f'viewBox="{-BOX / 2} {-BOX / 2} {BOX} {BOX}"><g transform="scale({scale})">{alt}{path}</g></svg>'
    )
    png = Image.open(io.BytesIO(page.screenshot()))
    return np.asarray(png.convert("RGB")).astype(int)


def test_marks_distinguish_as_many_models_as_in_the_figures():
    ours = {json.dumps(m["mark"]) for m in SHOWN.data["models"]}
    theirs = {mark(m["id"]) for m in SHOWN.data["models"]}
    assert len(ours) == len(theirs)


def test_colours_fills_and_sizes_equal_the_figures():
    by_id = {m["id"]: m["mark"] for m in SHOWN.data["models"]}
    assert by_id["tv_resnet50"]["fill"] == "#000000"
    assert by_id["resnet50_prime"]["fill"] == "#ffffff"  # open
    half = by_id["resnet50_trained_on_SIN"]
    assert half["fill"] == "#1f77b4"
    assert half["alt"]
    sizes = [by_id[f"robust_resnet50_linf_eps{e}"]["size"] for e in ("0.5", "1.0", "2.0", "4.0", "8.0")]
    assert sizes == sorted(set(sizes))
    # A mark of 8 points is as large in a figure of 7.2 inches that is 700 pixels wide.
    square = mark("robust_resnet50_linf_eps2.0")
    figure = Canvas(figsize=(7.2, 1), dpi=700 / 7.2)
    pixels = square.size * figure.dpi / 72
    assert math.isclose(by_id["robust_resnet50_linf_eps2.0"]["size"], pixels, abs_tol=0.01)


def test_the_data_are_json_that_cannot_end_the_script_element():
    page = explorer(PUBLISHED).fragment()
    text = page.partition('id="bvg-explorer-data">')[2].partition("</script>")[0]
    assert "<" not in text
    assert json.loads(text) == SHOWN.data


def test_the_fragment_links_all_scripts_in_order_and_the_standalone_page_none():
    page = SHOWN.fragment()
    places = [page.index(f'src="_static/{name}"') for name in SCRIPTS]
    assert places == sorted(places)
    assert sorted(p.name for p in STATIC.glob("explorer*.js")) == sorted(SCRIPTS)
    alone = SHOWN.standalone()
    assert "src=" not in alone.partition("<body")[0]
    assert "<script defer src=" not in alone


def test_choices_of_the_reader_reach_the_page():
    data = explorer(
        PUBLISHED, families="group", set_apart=["contrastive", "freezing"], statistics={"alpha": 0.01, "seed": 3}
    ).data
    assert {m["family"] for m in data["models"]} == set(study.GROUPS.values())
    assert {m["group"] for m in data["models"] if m["apart"]} == {"contrastive", "freezing"}
    assert data["apart"] == "Contrastive learning and Frozen filters"
    assert {k: data["statistics"][k] for k in ("alpha", "replicates", "seed", "control")} == {
        "alpha": 0.01, "replicates": 2000, "seed": 3, "control": "imagenet",
    }  # fmt: skip


def test_without_imagenet_there_is_no_view_at_equal_accuracy():
    table = with_new("imagenet").query("model == 'mine'")
    assert explorer(table, allow_missing=True).data["statistics"]["control"] == ""


def test_the_scripts_are_small():
    """The whole explorer weighs less than a tenth of the plotting library that it once loaded (898 kB)."""
    assert sum((STATIC / name).stat().st_size for name in (*SCRIPTS, "explorer.css")) < 80_000
