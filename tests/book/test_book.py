"""The built book: figures and tables are complete and described, links work, nothing is loaded from other hosts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from builder import inputs, notebooks

from bvg import known_models, study

ROOT = Path(__file__).resolve().parents[2]
FIGURES = [
    *(f"figure-{i}" for i in range(1, 6)),
    "critical-band",
    "bandpass-curves",
    "bias-correlation",
    "legend",
    "shape-stimuli",
    "spectral-stimuli",
    "critical-band-stimuli",
    "my-model",
    "equal-accuracy",
    "equal-accuracy-benchmarks",
    "accuracy-lines",
    "effective-robustness-biases",
    "firmness",
    "layer-criticality",
    "criticality-equal-accuracy",
    "criticality-robustness",
    "criticality-biases",
    "miniature-interventions",
    "laboratory-halves",
    *(f"per-benchmark-{b.id}" for b in study.BIASES),
]
TABLES = [
    *(
        "table-models",
        "table-benchmarks",
        "scores",
        "printed-and-recomputed",
        "equal-accuracy-cells",
        "equal-accuracy-scales",
    ),
    *(
        "effective-robustness",
        "accuracy-lines-table",
        "detectable",
        "planner",
        "differences",
        "reliability",
        "without-division",
    ),
    *("by-attack", "claims", "held-out", "intervals", "within-groups", "miniature-effects", "miniature-definitions"),
    *("layer-criticality-cells", "criticality-reliability", "criticality-miniature"),
]


@pytest.fixture(scope="module")
def pages(build) -> dict[str, BeautifulSoup]:
    found = {
        p.name: BeautifulSoup(p.read_text(encoding="utf-8"), "html.parser") for p in (build / "html").glob("*.html")
    }
    assert {"index.html", "introduction.html", "biases-and-generalization.html"} <= set(found)
    return found


@pytest.mark.parametrize("id", FIGURES)
def test_every_figure_is_on_a_page_with_caption_alt_text_and_downloads(build, pages, id):
    for path in (f"figures/{id}.svg", f"figures/{id}.png", f"tables/{id}.csv"):
        assert (build / path).stat().st_size > 0
        assert (build / "html" / path).read_bytes() == (build / path).read_bytes()
    (figure,) = [f for page in pages.values() if (f := page.find("figure", id=id.replace("_", "-")))]
    assert len(described(figure)[1]) > 60
    assert len(figure.find("figcaption").get_text()) > 40
    *files, notebook = (a["href"] for a in figure.find_all("a", download=True))
    assert files == [f"tables/{id}.csv", f"figures/{id}.svg", f"figures/{id}.png"]
    assert (build / "html" / notebook).suffix == ".ipynb"


@pytest.mark.parametrize("id", FIGURES)
def test_every_figure_states_its_provenance(build, pages, id):
    (name, figure) = next((n, f) for n, page in pages.items() if (f := page.find("figure", id=id.replace("_", "-"))))
    details = figure.find("details", class_="bvg-provenance")
    assert not details.has_attr("open")
    code = details.find("a", href=re.compile("^code/"))
    path, line = code["href"].split("#line-")
    lines = BeautifulSoup((build / "html" / path).read_text(encoding="utf-8"), "html.parser").find("pre").get_text()
    function = code.get_text().rpartition(".")[2]
    assert re.search(rf"^\s*{line}\s*def {function}\(", lines, re.MULTILINE)
    assert (ROOT / path.removeprefix("code/")).with_suffix(".py").is_file()
    command, bibtex = (pre.get_text() for pre in details.find_all("pre"))
    assert command.startswith(f"papermill notebooks/{name.removesuffix('.html')}.ipynb")
    version = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    for text in (bibtex, details.find("p").get_text()):
        assert id in text
        assert version in text


def described(figure) -> tuple[str, str]:
    """File and alternative text of a figure's image, which may be an inline SVG."""
    image = figure.find(["img", "svg"])
    return (image["src"], image["alt"]) if image.name == "img" else (image["data-src"], image["aria-label"])


PER_ROW = {
    "printed-and-recomputed": 3, "equal-accuracy-scales": 6, "effective-robustness": 7, "reliability": 3, "held-out": 3,
    "intervals": 2, "by-attack": 2, "criticality-miniature": 3,
}  # fmt: skip
"""Numbers in one row of a table that shows several."""


@pytest.mark.parametrize("id", TABLES)
def test_every_table_is_on_a_page_with_its_numbers(build, pages, id):
    numbers = pd.read_csv(build / "tables" / f"{id}.csv")
    (table,) = [t for page in pages.values() if (t := page.find("table", id=id))]
    assert len(table.find("tbody").find_all("tr")) * PER_ROW.get(id, 1) == len(numbers)


def test_alt_texts_differ(pages):
    # An image may be on two pages: the miniature's pages also show the study's figures.
    drawn = [figure for page in pages.values() for figure in page.find_all("figure") if figure.find(["img", "svg"])]
    alts = {Path(src).name: alt for src, alt in map(described, drawn)}
    figures = [a for a in alts.values() if len(a) > 60]
    assert len(figures) == len(set(figures)) >= len(FIGURES)


def test_tables_have_the_documented_columns(build):
    columns = {p.stem: list(pd.read_csv(p, nrows=1).columns) for p in (build / "tables").glob("*.csv")}
    assert columns["figure-2"] == ["generalization", "bias", "group", "r", "p", "n", "shown"]
    assert columns["figure-3"] == columns["bias-correlation"] == ["row", "column", "r", "p", "n", "shown"]
    assert columns["scores"] == ["model", "group", *study.CATEGORIES, *(b.id for b in study.BIASES)]


def test_all_72_cells_of_figure_2_agree_with_the_paper(build):
    compared = pd.read_csv(build / "tables" / "printed-and-recomputed.csv")
    assert (len(compared), compared["agrees"].sum()) == (72, 72)


def test_every_link_has_a_target(build, pages):
    html = build / "html"
    for name, page in pages.items():
        for tag, attribute in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src"), ("object", "data")):
            for element in page.find_all(tag, **{attribute: True}):
                url = urlsplit(element[attribute])
                if url.scheme in ("http", "https", "mailto"):
                    assert tag == "a", f"{name} loads {element[attribute]}"
                    continue
                target = html / unquote(url.path) if url.path else html / name
                assert target.exists(), f"{name}: {element[attribute]}"
                # The explorer's address holds its view, not a place on the page.
                if url.fragment and target.suffix == ".html" and tag == "a" and "=" not in url.fragment:
                    other = pages.get(target.name) if target.parent == html else code(target)
                    anchor = unquote(url.fragment)
                    assert other is None or other.find(id=anchor) or other.find(attrs={"name": anchor}), (
                        f"{name}: {element[attribute]}"
                    )


@cache
def code(path: Path) -> BeautifulSoup:
    """The highlighted page of a module."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_nothing_is_loaded_from_another_host(build, pages):
    loads = re.compile(r"""(?:src|THEBE_JS_URL|url|import)\s*[=(:]\s*["']?\s*(?:https?:)?//""")
    for name, page in pages.items():
        for script in page.find_all("script"):
            assert not loads.search(script.string or ""), name
        for style in page.find_all("style"):
            assert "//" not in (style.string or ""), name
    for css in (build / "html" / "_static").rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", css.read_text(encoding="utf-8")), css


def test_no_path_of_this_machine_is_published(build):
    private = [str(ROOT), str(Path.home()) + "/"]
    for folder in ("html", "notebooks", "tables", "figures"):
        for path in (build / folder).rglob("*"):
            if path.suffix in (".html", ".ipynb", ".csv", ".svg", ".js", ".txt", ".json"):
                text = path.read_text(encoding="utf-8", errors="replace")
                assert not [p for p in private if p in text], path


def test_every_notebook_is_offered_executed_and_without_errors(build, pages):
    for text in (ROOT / "notebooks").rglob("*.md"):
        name = "-".join(text.relative_to(ROOT / "notebooks").with_suffix("").parts)
        assert pages[f"{name}.html"].find("a", href=f"notebooks/{name}.ipynb", download=True)
        notebook = nbformat.read(build / "html" / "notebooks" / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        code = [c for c in notebook.cells if c.cell_type == "code"]
        assert all(c.execution_count for c in code)
        prose = "".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        assert not re.findall(r"\{[a-z:]+\}`", prose), "a role that only the book resolves"
        # Expected messages: a network has no channel, and what a long measurement will do.
        loud = [o for c in code for o in c.outputs if o.output_type in ("error", "stream")]
        loud = [o for o in loud if not (name.startswith("measure-") and o.text.startswith("To be measured: "))]
        assert all(name == "measure-critical-band" and "channel: " in o.text for o in loud), loud


def test_no_id_occurs_twice_on_a_page(pages):
    for name, page in pages.items():
        ids = [element["id"] for element in page.find_all(id=True)]
        assert len(ids) == len(set(ids)), (name, {i for i in ids if ids.count(i) > 1})


def test_every_figure_is_inline_and_a_link_to_its_file_unless_its_parts_answer_a_click(pages):
    figures = [f for page in pages.values() for f in page.find_all("figure")]
    assert len(figures) > 50
    for figure in figures:
        assert not figure.find("img")
        kinds = {tuple(svg["class"][:2]): svg.find_parent("a") for svg in figure.find_all("svg")}
        assert kinds
        for (drawing, kind), link in kinds.items():
            assert drawing == "bvg-drawing"
            assert (link is not None) == (kind == "bvg-plain")


def test_captions_of_drawings_name_no_colour_that_the_dark_theme_changes(pages):
    for page in pages.values():
        for figure in page.find_all("figure"):
            if not figure.select("image:not(.bvg-light, .bvg-dark)"):  # photographs keep their colours
                caption = figure.find("figcaption").find("p").get_text()
                assert not re.search(r"\b(white|black|pale|dark|light)\b", caption, re.IGNORECASE), caption


def test_photographs_are_stored_once_for_both_variants(build, pages):
    (figure,) = pages["introduction.html"].find_all("figure")
    wide, narrow = ([image["href"] for image in svg.find_all("image")] for svg in figure.find_all("svg"))
    assert wide == narrow
    assert len(wide) > 5
    assert all((build / "html" / name).stat().st_size > 1000 for name in wide)


def test_a_page_has_its_answer_and_figures_before_its_code(pages):
    """Code and parameters stand in one folded box at the end; nothing else on a page of results is code."""
    for text in (ROOT / "notebooks").glob("*.md"):
        page = pages[f"{text.stem}.html"]
        (box,) = page.find_all(class_="bvg-parameters")
        assert "dropdown" in box["class"]
        assert box.find("pre")
        assert "papermill notebooks/" in box.get_text()
        assert not page.find(class_="cell_input")
        assert not [f for f in box.find_all_next("figure")], text.stem
    lead = pages["biases-and-generalization.html"].find("strong").get_text()
    assert lead.startswith("No: over all 48 models, no single bias")


def test_every_figure_has_a_variant_for_phones(build, pages):
    made = {p.stem for p in (build / "figures").glob("*.svg")}
    wide = {name for name in made if not name.endswith("-narrow")}
    assert made == wide | {f"{name}-narrow" for name in wide}
    for page in pages.values():
        for figure in page.find_all("figure"):
            first, second = figure.find_all("svg")
            assert Path(second["data-src"]).stem == f"{Path(first['data-src']).stem}-narrow"
            assert second["aria-label"] == first["aria-label"]


def test_prose_has_no_unresolved_markup(pages):
    for name, page in pages.items():
        body = page.find("article") or page
        for element in body.find_all(["code", "pre", "script", "style"]):
            element.extract()
        text = body.get_text()
        assert not re.findall(r"\{\{|\{(?:cite|numref|term|doc|ref)[:\w]*\}|\bnan\b|numpy\.", text), name


def test_all_48_models_are_named_in_the_legend(build):
    svg = (build / "figures" / "legend.svg").read_text(encoding="utf-8")
    names = known_models.models().query("in_study")["name"]
    assert [n for n in names if n not in svg] == []


def test_a_second_build_changes_nothing(build, builder, capsys):
    stamp = (build / "html" / "index.html").stat().st_mtime_ns
    builder.main([])
    assert "to execute: 0" in capsys.readouterr().out
    assert (build / "html" / "index.html").stat().st_mtime_ns == stamp


def test_every_notebook_has_a_key_of_its_own():
    texts = notebooks.find()
    assert len({inputs.key(notebook) for notebook in texts}) == len(texts)


def test_a_notebook_depends_on_the_modules_that_it_imports_through_others():
    figures = inputs.modules("from companion import figures\nfigures", inputs.Files())
    assert ROOT / "bvg/study.py" in figures
    assert ROOT / "bvg/results/correlation.py" in figures
    assert ROOT / "bvg/models/zoo.py" not in figures
