"""The order of each page, the page *Figures and tables*, and the licences in the footer."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from builder import listing, pages


@pytest.fixture(scope="module")
def listed(build) -> BeautifulSoup:
    return BeautifulSoup((build / "html" / "figures-and-tables.html").read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("kind", ["figure", "table"])
def test_every_figure_and_table_is_listed_with_page_function_and_data(build, listed, kind):
    made = {mark[kind]: (name, mark) for name, mark in pages.made(kind)}
    rows = listed.find("table", id=f"all-{kind}s").find("tbody").find_all("tr")
    assert len(rows) == len(made) > 25
    for row in rows:
        title, place, function, data, *paper = row.find_all("td")
        id = data.get_text(strip=True).removesuffix(".csv")
        name, mark = made.pop(id)
        assert title.a["href"].startswith(f"{name}.html#")
        assert len(title.get_text(strip=True)) > 5
        assert place.a["href"] == f"{name}.html"
        assert data.a["href"] == f"tables/{id}.csv"
        module, _, own = (mark["drawn_by"] if kind == "figure" else mark["made_by"]).partition(":")
        assert function.get_text(strip=True) == f"{module}.{own}"
        file, _, line = function.a["href"].partition("#")
        code = (build / "html" / file).read_text(encoding="utf-8")
        assert f'id="{line}"' in code or f'name="{line}"' in code
        if kind == "figure":
            assert paper[0].get_text(strip=True) == (f"Figure {id[-1]}" if id.startswith("figure-") else "")
    assert made == {}


def test_the_title_of_a_caption_is_its_first_sentence_without_markup():
    assert listing.title("Top-1 [%] of *each* {ref}`model <m>`. More.") == "Top-1 [%] of each model"


def test_every_page_states_the_licences(build):
    for path in (build / "html").glob("*.html"):
        footer = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find(class_="extra_footer")
        assert "Code: MIT" in footer.get_text(), path.name
        assert "CC BY-SA 4.0" in footer.get_text(), path.name


RESULTS = [
    *("index", "introduction", "models", "benchmarks", "biases-and-generalization", "shape-bias", "spectral-bias"),
    *("critical-band", "bias-correlation", "at-equal-accuracy", "claims", "how-firm", "power-and-error", "data-audit"),
    *("miniature", "interventions", "miniature-results", "per-benchmark", "corruptions", "performance", "model-report"),
    "stimulus-lab",
]


@pytest.mark.parametrize("name", RESULTS)
def test_a_page_begins_with_its_computed_finding_and_then_the_figure(build, name):
    article = BeautifulSoup((build / "html" / f"{name}.html").read_text(encoding="utf-8"), "html.parser").find(
        "article"
    )
    words = []
    for part in article.find("h1").find_all_next(["p", "figure", "table", "pre"]):
        if part.name != "p":
            break
        words += part.get_text().split()
    assert part.name in ("figure", "table"), "code comes later"
    executed = json.loads((build / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    finding = next(mark["prose"] for mark in pages.marks(executed) if mark.get("prose"))
    assert [value for value in finding.values() if value not in " ".join(words)] == [], "a computed finding"
    assert len(words) <= 130, " ".join(words)
