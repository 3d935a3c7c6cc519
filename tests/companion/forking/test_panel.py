"""The panel on other choices in a browser: what it looks up equals Python's grid, and how it is used."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from browser import DESK, PHONE, WIDER, axe, violations, watch
from companion.analysis.forking import lookup
from companion.analysis.forking.grid import Grid, grid
from companion.forking import panel
from companion.forking.panel import FOLDER, parameters
from companion.tables import forking as tables
from companion.text import format_number

from bvg import results
from bvg.results import scores

COMMAND = "papermill notebooks/claims.ipynb claims-run.ipynb"
PAPER = "With the paper's choices."
READ = """() => ({
  cells: [...document.querySelectorAll(".bvgf-cells tbody td")].map((td) => td.textContent),
  framed: [...document.querySelectorAll(".bvgf-cells tbody td")].map((td) => td.classList.contains("bvgf-moved")),
  verdicts: Object.fromEntries([...document.querySelectorAll("[data-claim]")].map((row) => [row.dataset.claim, row.querySelector(".bvg-verdict").textContent])),
  notes: Object.fromEntries([...document.querySelectorAll("[data-claim]")].map((row) => [row.dataset.claim, row.querySelector("small").textContent])),
  sizes: [...document.querySelectorAll("th[scope=rowgroup] span")].map((span) => Number(span.textContent)),
  summary: document.querySelector(".bvgf-summary").textContent,
  command: document.querySelector(".bvgf-command").textContent,
  hash: location.hash,
})"""


@cache
def published() -> Grid:
    table = results.load("published")
    return grid(table, scores.per_model(table), scores.benchmarks(table))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("choices") / "choices.html"
    head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Choices</title><link rel="icon" href="data:,"></head>'
    body = f"<body><main><h1>Choices</h1>{panel(published(), COMMAND)}</main></body></html>"
    path.write_text(head + body, encoding="utf-8")
    return path


@pytest.fixture
def opened(context, file):
    """Open the panel from a file. Afterwards, assert that no error occurred and no other host was asked."""
    pages = []

    def start(hash: str = "", viewport=DESK):
        page = context.new_page()
        traffic = watch(page)
        pages.append((page, traffic))
        page.set_viewport_size(viewport)
        page.goto(file.as_uri() + hash)
        page.wait_for_selector("#bvg-forking[data-ready]")
        return page

    yield start
    for page, traffic in pages:
        assert traffic.problems == []
        assert traffic.elsewhere == []
        page.close()


def expected(at: dict[str, int]) -> list[str]:
    """The cells as printed, in the order of the table: sets, categories, biases."""
    cells = lookup.figure2(published(), at)
    order = sorted(range(len(cells)), key=lambda k: ["total", "at", "other"].index(cells["group"].iloc[k]))
    return [
        "–" if np.isnan(c.r) else format_number(c.r) if c.shown else f"({format_number(c.r)})"
        for c in cells.iloc[order].itertuples()
    ]


def framed(at: dict[str, int]) -> list[bool]:
    """Which defined cells have another significance or sign than with the paper's choices, in the order of the table."""
    now, before = (lookup.figure2(published(), where) for where in (at, lookup.places(published())))
    moved = now["r"].notna() & (np.sign(now["shown"]) != np.sign(before["shown"]))
    order = sorted(range(len(now)), key=lambda k: ["total", "at", "other"].index(now["group"].iloc[k]))
    return moved.iloc[order].tolist()


def drawn(count: int) -> list[dict[str, int]]:
    rng = np.random.default_rng(11)
    return [{id: int(rng.integers(len(c.options))) for id, c in published().axes.items()} for _ in range(count)]


def address(at: dict[str, int]) -> str:
    chosen = {id: published().axes[id].options[place] for id, place in at.items()}
    models, family = chosen.pop("sample").parts
    ids = {id: option.id for id, option in chosen.items()}
    return "#" + urlencode(ids | {"models": models, "family": family})


def same(found: list[str], wanted: list[str]) -> bool:
    """Compare printed cells; the script rounds hundredths, so a minus sign before 0.00 may differ."""
    return [c.replace("−0.00", "0.00") for c in found] == [c.replace("−0.00", "0.00") for c in wanted]


def test_every_combination_drawn_at_random_equals_the_grid_of_python(opened):
    page = opened()
    for at in drawn(40):
        page.evaluate("(hash) => { location.hash = hash; }", address(at))
        page.wait_for_function(
            "(command) => document.querySelector('.bvgf-command').textContent === command",
            arg=COMMAND + parameters(published(), at),
        )
        shown = page.evaluate(READ)
        assert same(shown["cells"], expected(at)), address(at)
        assert shown["framed"] == framed(at)
        defined = sum(cell != "–" for cell in shown["cells"])
        assert f"{sum(framed(at))} of {defined} correlations" in shown["summary"]
        assert shown["verdicts"] == lookup.verdicts(published(), at)
        assert shown["sizes"] == published().variants.masks[at["sample"]].sum(axis=-1).tolist()
        before = lookup.verdicts(published(), lookup.places(published()))
        assert {id for id, note in shown["notes"].items() if note} == {
            id for id, verdict in shown["verdicts"].items() if verdict != before[id]
        }


def test_the_command_holds_the_parameters_that_differ_from_their_defaults():
    at = lookup.places(published(), alpha="0.01", sample="without.contrastive", benchmark="imagenet-c", control="logit")
    words = shlex.split(parameters(published(), at))
    given = {}
    while words:
        flag, word = words[:2]
        given |= json.loads(word) if flag == "-y" else {word: words[2]}
        words = words[2 if flag == "-y" else 3 :]
    assert given.pop("categories")["Robustness"] == ["imagenet-a", "imagenet-cbar"]
    assert given == {"alpha": "0.01", "leave_out": ["adversarial_training", "contrastive"], "control": "logit"}
    assert parameters(published(), lookup.places(published())) == ""


def test_does_no_single_bias_survive_holm(opened):
    """A reader chooses Holm, and reads what the sentence on the page says."""
    page = opened()
    assert page.evaluate(READ)["verdicts"]["no-single-bias"] == "holds in part"
    page.get_by_label("Correction for multiple tests").select_option("Holm")
    shown = page.evaluate(READ)
    assert shown["hash"] == "#correction=holm"
    sentence = tables.survives(published())
    assert sentence.startswith("Yes: with the correction of Holm over 72 correlations, the verdict is ")
    assert f"“{shown['verdicts']['no-single-bias']}”; without it, “holds in part”" in sentence
    assert shown["verdicts"]["no-single-bias"] == "holds"
    assert shown["notes"]["no-single-bias"] == "the paper's choices: holds in part"
    columns = np.array([cell if "(" not in cell else "0" for cell in shown["cells"]]).reshape(3, 4, 6)
    for one in range(3):
        for bias in range(6):
            signs = {cell[0] == "−" if cell != "0" else None for cell in columns[one, :, bias]}
            assert len(signs) > 1 or None in signs, "no bias correlates with every category, in one sign"


def test_what_the_paper_would_have_found_without_imagenet_c(opened):
    page = opened()
    before = page.evaluate(READ)
    page.get_by_role("button", name="Without ImageNet-C").click()
    shown = page.evaluate(READ)
    assert page.get_by_label("Benchmark left out of its category").input_value() == "imagenet-c"
    sentence = tables.without(published())
    moved, flipped = sum(shown["framed"]), sum(bool(note) for note in shown["notes"].values())
    assert sentence.startswith(f"Without ImageNet-C, {moved} of 72 correlations have another significance or sign: ")
    assert f"Of 19 verdicts, {flipped or 'none'} change" in sentence
    assert shown["summary"] == (
        f"Different from the paper's choices: {moved} of 72 correlations (significance or sign) and {flipped} of 19 verdicts."
    )
    assert shown["verdicts"] == lookup.verdicts(published(), lookup.places(published(), benchmark="imagenet-c"))
    page.get_by_role("button", name="Paper's choices").click()
    again = page.evaluate(READ)
    assert again == before
    assert (again["summary"], again["hash"], again["command"]) == (PAPER, "", COMMAND)


def test_without_javascript_the_papers_result_stands_there(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert "need JavaScript" in page.locator("noscript").inner_text()
    assert not page.locator("form").is_visible()
    assert page.locator(".bvgf-cells tbody td").all_inner_texts() == expected(lookup.places(published()))
    assert page.locator("[data-claim]").count() == 19
    context.close()


def test_the_script_changes_nothing_at_first(opened, file):
    fragment = file.read_text(encoding="utf-8")
    page = opened()
    shown = page.evaluate(READ)
    assert same(shown["cells"], expected(lookup.places(published())))
    assert not any(shown["framed"])
    for cell in set(shown["cells"]):
        assert f">{cell}</td>" in fragment


def test_families_that_a_set_does_not_have_are_disabled(opened):
    page = opened("#models=all&family=wightman2021resnet")
    family = page.locator("select[name=family]")
    assert family.input_value() == "wightman2021resnet"
    page.locator("select[name=models]").select_option("only")
    assert family.input_value() == "none"
    assert family.locator("option:enabled").count() == 1
    page.locator("select[name=models]").select_option("without")
    assert family.locator("option:enabled").count() == 21
    assert page.evaluate(READ)["sizes"] == [33, 0, 0]


def test_unknown_words_in_the_address_are_ignored(opened):
    page = opened("#correction=bonferroni&nonsense=1&alpha=0.01&low=%")
    shown = page.evaluate(READ)
    assert shown["hash"] == "#alpha=0.01"
    assert shown["command"] == f"{COMMAND} -p alpha 0.01"


def test_by_keyboard_and_on_a_phone(opened):
    page = opened("", PHONE)
    page.get_by_label("Significance level").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(READ)["hash"] == "#alpha=0.01"
    assert page.evaluate(WIDER, PHONE["width"]) == []
    assert violations(axe(page)) == []


def test_the_script_and_the_data_are_small(file):
    assert len((FOLDER / "forking.js").read_text(encoding="utf-8").splitlines()) <= 100
    assert file.stat().st_size < 300_000
