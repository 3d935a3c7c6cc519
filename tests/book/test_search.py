"""The search: an index of prose, synonyms, and no errors from a file."""

from __future__ import annotations

import json
import re

import pytest
from browser import watch


@pytest.fixture(scope="module")
def index(build) -> dict:
    text = (build / "html" / "searchindex.js").read_text(encoding="utf-8")
    return json.loads(text[len("Search.setIndex(") : -1])


def pages_with(index: dict, stem: str) -> set[str]:
    found = index["terms"].get(stem, [])
    return {index["docnames"][n] for n in (found if isinstance(found, list) else [found])}


def test_the_index_has_prose_but_no_code_and_no_data(index):
    assert "shape-bias" in pages_with(index, "textur")
    code = [  # as the index stems them
        "per_model",
        "tag",
        "iterrow",
        "fmt",
        "viewbox",
        "bibtex_default_styl",
    ]
    assert [word for word in code if word in index["terms"]] == []
    assert [term for term in index["terms"] if re.fullmatch(r"\d+", term)] == []


def test_models_are_found_by_name(index):
    assert "models" in pages_with(index, "dino")


@pytest.mark.parametrize(
    ("word", "other", "page"),
    [("licens", "licenc", "index"), ("color", "colour", "models"), ("spearman", "correl", "shape-bias")],
)
def test_a_page_is_found_by_a_synonym_of_its_word(index, word, other, page):
    assert page in pages_with(index, word)
    assert page in pages_with(index, other)


def results(page) -> list[str]:
    page.locator("#search-results li a").first.wait_for(timeout=10_000)
    return page.locator("#search-results li a").all_inner_texts()


@pytest.mark.parametrize("query", ["license", "licence", "top-1", "adversarial robustness", "DINO"])
def test_a_reader_finds_something_and_a_file_gives_no_errors(page, build, query):
    traffic = watch(page)
    page.goto(f"{(build / 'html' / 'search.html').as_uri()}?q={query}")
    assert results(page)
    page.wait_for_timeout(300)  # excerpts would be fetched now
    assert traffic.problems == []


def test_results_of_a_server_have_excerpts(page, site):
    page.goto(f"{site}/search.html?q=texture")
    page.locator("#search-results li p.context").first.wait_for(timeout=10_000)
    page.locator("#search-results li a", has_text="Shape bias").first.wait_for(timeout=10_000)
