"""The `drawings` extension: an SVG in a page keeps its look, its labels and unique ids."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import drawings
import numpy as np
import pytest
from companion import figures
from matplotlib.figure import Figure

from bvg import known_models, results
from bvg.results import correlation, scores


@pytest.fixture(scope="module")
def inline():
    saved: dict[str, bytes] = {}

    def save(content: bytes, suffix: str) -> str:
        name = f"{len(saved)}.{suffix}"
        saved[name] = content
        return name

    def inline(svg: str, src: str, prefix: str, alt: str, markers=None) -> str:
        return drawings.inline(svg, src, prefix, alt, save, {} if markers is None else markers)

    inline.saved = saved
    return inline


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    table = scores.per_model(results.load("published"))
    path = tmp_path_factory.mktemp("drawings") / "drawn.svg"
    figures.scatter(table, ["shape"], ["ID", "Concepts"]).save(path)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drawing(inline, file) -> ElementTree.Element:
    return ElementTree.fromstring(inline(file, "figures/a.svg", "f1", 'Models "A" & <B>'))


def test_root_states_its_source_and_alternative_text(drawing):
    assert drawing.tag == "svg"
    assert drawing.get("data-src") == "figures/a.svg"
    assert drawing.get("aria-label") == 'Models "A" & <B>'
    assert drawing.get("viewBox")


def test_ids_carry_the_prefix_and_every_reference_resolves(drawing, inline, file):
    text = ElementTree.tostring(drawing, encoding="unicode")
    ids = [e.get("id") for e in drawing.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert {i[:3] for i in ids} == {"f1-"}
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) == set(ids)
    assert "xlink" not in text
    other = ElementTree.fromstring(inline(file, "figures/a.svg", "f2", ""))
    assert not {e.get("id") for e in other.iter() if e.get("id")} & set(ids)


def test_classes_give_every_shape_the_style_of_the_file(drawing, file):
    svg = "{http://www.w3.org/2000/svg}"
    style = drawing.find("style").text
    rules = dict(re.findall(r"\.([\w-]+)\{([^}]*)\}", style.partition("}}")[2]))
    colours = dict(re.findall(r"(--t?[0-9a-f]{6}):(#\w+)", style.partition("@media")[0]))
    styles = [e.get("style") or rules.get(e.get("class"), "") for e in drawing.iter("path")]
    styles = [re.sub(r"var\((--t?[0-9a-f]{6})\)", lambda m: colours[m[1]], s) for s in styles]
    original = [e.get("style", "") for e in ElementTree.fromstring(file).iter(f"{svg}path")]
    assert styles == [s.replace(": ", ":").replace("; ", ";") for s in original]


def test_only_the_first_mark_of_a_model_carries_its_group_and_method(drawing):
    models = known_models.models().query("in_study")
    marks = [g for g in drawing.iter("g") if g.get("data-model") and g.find("title") is not None]
    assert len(marks) == 2 * len(models)
    first = {}
    for mark in marks:
        heading = mark.find("title").text.split("\n")[0]
        name = models.loc[mark.get("data-model"), "name"]
        if mark.get("data-model") not in first:
            first[mark.get("data-model")] = mark
            assert mark.get("data-group")
            assert heading == f"{name}: {models.loc[mark.get('data-model'), 'method']}"
        else:
            assert "data-group" not in mark.attrib
            assert heading == name
    assert set(first) == set(models.index)


def test_repeated_values_are_stated_once(inline):
    mark = '<g id="m{}" data-model="a" data-group="new"><title>A: method\n0.5</title><path d="M 0 0"/></g>'
    file = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{mark.format(1)}<g/>{mark.format(2)}</svg>'
    drawing = ElementTree.fromstring(inline(file, "a.svg", "f1", ""))
    assert [t.text for t in drawing.iter("title")] == ["A: method\n0.5"]
    assert len(list(drawing.iter("g"))) == 2 == len(list(drawing.iter("path")))


def test_links_lead_to_the_page_above_the_drawing(inline, tmp_path):
    table = scores.per_model(results.load("published"))
    sets = known_models.figure2_groups(table["group"])
    cells = correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, sets)
    figures.correlation_heatmap(cells, explorer="plain").save(tmp_path / "map.svg")
    file = (tmp_path / "map.svg").read_text(encoding="utf-8")
    drawing = ElementTree.fromstring(inline(file, "figures/map.svg", "f1", "Heat maps"))
    assert (drawing.get("class"), drawing.get("role")) == ("bvg-drawing bvg-linked f1", "group")
    links = list(drawing.iter("a"))
    assert len(links) == 3 * 24
    assert links[0].attrib == {"href": "explorer.html#x=shape&y=ID", "aria-label": "Explorer: shape and ID"}
    assert links[-1].attrib == {
        "href": "explorer.html#x=peak_noise_sensitivity&y=Adversarial&view=apart",
        "aria-label": "Explorer: peak noise sensitivity and Adversarial, sets of models apart",
    }
    plain = figures.correlation_heatmap(cells)
    plain.save(tmp_path / "plain.svg")
    assert "<a " not in (tmp_path / "plain.svg").read_text(encoding="utf-8")


def test_colours_are_variables_with_a_value_for_each_theme(drawing):
    style = drawing.find("style").text
    light, _, dark = style.partition("}}")[0].partition("@media screen")
    values = [dict(re.findall(r"(--t?[0-9a-f]{6}):(#\w+)", part)) for part in (light, dark)]
    assert values[0].keys() == values[1].keys()
    assert values[0]["--ffffff"] == "#ffffff", "the ground"
    assert values[1]["--ffffff"] == "#14181e"
    assert '[data-theme="dark"] .f1{' in dark
    stated = ElementTree.tostring(drawing, encoding="unicode").replace(style, "") + style.partition("}}")[2]
    assert re.findall(r"(?:fill|stroke): ?#", stated) == []


def test_ground_of_a_hatched_cell_gets_a_dark_counterpart(inline):
    """Matplotlib states it as an attribute."""
    file = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><defs><pattern id="h"><rect fill="#ffffff"/></pattern></defs><path d="M 0 0" style="fill: url(#h)"/></svg>'
    rect = next(ElementTree.fromstring(inline(file, "a.svg", "f1", "")).iter("rect"))
    assert rect.attrib == {"style": "fill:var(--ffffff)"}


def test_marks_for_phones_have_no_labels_of_their_own(inline, file):
    small = ElementTree.fromstring(inline(file, "figures/a-narrow.svg", "n1", ""))
    marks = [e for e in small.iter() if e.get("data-model") and "data-entry" not in e.attrib]
    assert len(marks) == 96
    assert {int(mark.get("data-model")) for mark in marks} == set(range(48))
    assert [mark for mark in marks if "data-group" in mark.attrib] == []
    assert list(small.iter("title")) == []


def test_a_photograph_keeps_its_colours_and_a_colour_map_gets_dark_ones(inline, tmp_path):
    rng = np.random.default_rng(0)
    photograph = np.kron(rng.uniform(0.2, 0.8, (14, 14, 3)), np.ones((16, 16, 1)))
    figures.gallery([[photograph]], ["noise"], description="Noise.").save(tmp_path / "photo.svg")
    (shown,) = ElementTree.fromstring(inline((tmp_path / "photo.svg").read_text(), "a.svg", "f1", "")).iter("image")
    assert "class" not in shown.attrib
    drawing = Figure()
    for axes in drawing.subplots(1, 3):  # six images share a style
        axes.pcolormesh([[0.0, 1.0]], cmap="RdBu_r", rasterized=True)
    figures.Figure(drawing, None, "").save(tmp_path / "map.svg")
    found = list(ElementTree.fromstring(inline((tmp_path / "map.svg").read_text(), "a.svg", "f1", "")).iter("image"))
    assert [image.get("class").split()[0] for image in found] == ["bvg-light", "bvg-dark"] * 3
    light, dark = found[:2]
    assert light.get("transform") == dark.get("transform")
    assert inline.saved[light.get("href")] != inline.saved[dark.get("href")]


def test_drawings_of_a_page_share_their_markers(inline, file):
    markers = {}
    first, second = (ElementTree.fromstring(inline(file, "a.svg", prefix, "", markers)) for prefix in ("f1", "f2"))
    defined = {path.get("id") for path in first.iterfind(".//defs/path")}
    assert len(defined) > 40
    assert [path for path in second.iterfind(".//defs/path")] == []
    uses = [[use.get("href") for use in drawing.iter("use")] for drawing in (first, second)]
    assert uses[0] == uses[1]
    assert {name.removeprefix("#") for name in uses[1]} == defined


def test_only_what_lies_beyond_its_frame_is_clipped(inline):
    clip = '<defs><clipPath id="c"><rect x="10" y="10" width="20" height="20"/></clipPath></defs>'
    paths = "".join(f'<path d="M 12 12 L {x} 20" clip-path="url(#c)"/>' for x in (30, 31))
    file = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">{clip}{paths}</svg>'
    drawing = ElementTree.fromstring(inline(file, "a.svg", "f1", ""))
    assert [p.get("clip-path") for p in drawing.iter("path")] == [None, "url(#f1-0)"]


def test_a_single_marker_keeps_its_place_and_its_clip(inline):
    """A clip on the marker itself would move with the marker's own place, and hide it."""
    canvas = Figure()
    canvas.subplots().plot([0.5], [0.5], "s")
    root = ElementTree.fromstring(inline(figure_svg(canvas), "one.svg", "f1", "One square."))
    assert not [use for use in root.iter("use") if "clip-path" in use.attrib]
    (clipped,) = [group for group in root.iter("g") if "clip-path" in group.attrib]
    assert [part.tag for part in clipped] == ["use"]


def figure_svg(canvas: Figure) -> str:
    from io import StringIO

    out = StringIO()
    canvas.savefig(out, format="svg")
    return out.getvalue()
