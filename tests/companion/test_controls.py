"""Controls: each starts at its parameter's value and gives values that the parameter accepts; cells are run again in place."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import ipywidgets
import jupytext
import pytest
from companion import controls
from companion.page import Page
from companion.parameters import PARAMETERS
from IPython.core.interactiveshell import InteractiveShell

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@cache
def defaults() -> dict[str, list]:
    """Values that the notebooks give to each parameter."""
    found: dict[str, list] = {}
    for text in sorted(NOTEBOOKS.rglob("*.md")):
        cell = next(c for c in jupytext.read(text).cells if c.cell_type == "code")
        for statement in ast.parse(cell.source).body:
            name, value = statement.targets[0].id, ast.literal_eval(statement.value)
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("name", controls.CONTROLS)
def test_a_control_starts_at_the_value_of_its_parameter(name):
    for value in defaults()[name]:
        widget, value_of = controls.CONTROLS[name](PARAMETERS[name].default if value is None else value)
        assert value_of(widget.value) == value
        assert PARAMETERS[name].accepts(value_of(widget.value))


@pytest.mark.parametrize("name", sorted(set(controls.CONTROLS) - {"categories"}))
def test_each_option_gives_a_value_that_the_parameter_accepts(name):
    widget, value_of = controls.CONTROLS[name](defaults()[name][0])
    chosen = {ipywidgets.SelectMultiple: lambda v: (v,), ipywidgets.SelectionRangeSlider: lambda v: (v, v)}
    for option in getattr(widget, "options", ()):
        value = option[1] if isinstance(option, tuple) else option
        widget.value = chosen.get(type(widget), lambda v: v)(value)
        assert PARAMETERS[name].accepts(value_of(widget.value)), option


def test_a_benchmark_can_be_left_out_of_its_category():
    widget, value_of = controls.CONTROLS["categories"](PARAMETERS["categories"].default)
    widget.value = [pair for pair in widget.value if pair[1] != "imagenet-c"]
    assert value_of(widget.value)["Robustness"] == ["imagenet-a", "imagenet-cbar"]
    assert PARAMETERS["categories"].accepts(value_of(widget.value))


def test_cells_run_again_in_place_and_leave_no_history(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell.instance()
    sent = []
    monkeypatch.setattr(shell.display_pub, "publish", lambda **message: sent.append(message))
    shell.user_ns["Page"] = Page
    for source in (
        "alpha, out = 0.05, 'output'",
        "page = Page('mine', globals(), ['alpha', 'out'])",
        "page.controls()",
        "%%prose\nAt {{level}}.",
        "page.glue(level=f'{alpha:g}')",
    ):
        shell.run_cell(source, store_history=True).raise_error()
    history = list(shell.user_ns["In"])
    first, last = sent[0], sent[-1]
    sent.clear()
    shell.user_ns["alpha"] = 0.01
    controls.redraw(shell.user_ns["page"].cell)
    assert all(message["update"] for message in sent)
    assert {m["transient"]["display_id"] for m in sent} == {m["transient"]["display_id"] for m in (first, last)}
    assert "-p alpha 0.01" in sent[0]["data"]["text/html"]
    assert sent[-1]["data"]["text/markdown"].strip().endswith("At 0.01.")
    assert shell.user_ns["In"] == history
    assert not Page.redraws
