"""Controls for a page's parameters in JupyterLab: a change runs the page's cells again and redraws each output in place.

The code is that of the cells as they were last run. The parameters cell keeps what is written there; the table of parameters, the
command below it, sentences, figures and tables show the values of the controls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
from IPython import get_ipython
from IPython.display import display

from bvg import known_models, study
from companion.page import Page
from companion.parameters import PARAMETERS

LEVELS = (0.001, 0.005, 0.01, 0.05, 0.1)
"""Levels of significance on the slider."""
HINT = "A change redraws the page. In a list, Ctrl (on a Mac ⌘) adds to the choice."
_MEASURED = Path(__file__).resolve().parents[2] / "_build" / "runs" / "measure"
_LOOK = {"style": {"description_width": "9em"}, "layout": {"width": "40em"}}
Control = tuple[ipywidgets.Widget, Callable[[Any], Any]]
"""A widget, and what makes a parameter's value of the widget's."""


def show(page: Page) -> None:
    """Display a closed box with a control for each parameter of a page that has one; nothing for a page that measures.

    Args:
        page: the page; its cells are run again after each change.
    """
    made = {name: CONTROLS[name](value) for name, value in page.parameters.items() if name in CONTROLS}
    if not made or "data" in page.parameters:  # measuring takes minutes
        return
    state, errors = ipywidgets.Label(HINT), ipywidgets.Output()

    def changed(name: str, value: Any) -> None:
        state.value = "Redrawing …"
        errors.clear_output()
        with errors:
            get_ipython().user_ns[name] = value
            redraw(page.cell)
        state.value = HINT

    for name, (widget, value_of) in made.items():
        widget.description, widget.tooltip = name, PARAMETERS[name].meaning
        widget.observe(lambda change, name=name, value_of=value_of: changed(name, value_of(change["new"])), "value")
    rows = [widget for widget, _ in made.values()]
    display(ipywidgets.Accordion([ipywidgets.VBox([state, errors, *rows])], titles=["Change the parameters"]))


def redraw(first: int) -> None:
    """Run cells again as they were last run, without a trace in the history; stop at the first that fails.

    Args:
        first: number of the first cell, which creates the page, as in IPython's `In`.
    """
    shell = get_ipython()
    sources = dict.fromkeys(source for source in shell.user_ns["In"][first:] if ".controls(" not in source)
    Page.redraws = True
    try:
        for source in sources:
            if not shell.run_cell(source, store_history=False).success:
                break
    finally:
        Page.redraws = False


def _level(value: float) -> Control:
    levels = sorted({*LEVELS, value})
    options = [(f"{level:g}", level) for level in levels]
    return ipywidgets.SelectionSlider(options=options, value=value, continuous_update=False, **_LOOK), float


def _results(value: str | list[str]) -> Control:
    options = {"the published models": "published"}
    if _MEASURED.is_dir():
        options["the miniature's networks, as the book measured them"] = str(_MEASURED)
    if value not in options.values():
        options = {"as in the parameters cell": value} | options
    return ipywidgets.Dropdown(options=list(options.items()), value=value, **_LOOK), lambda chosen: chosen


def _several(options: Iterable[tuple[str, str]], value: Sequence[str]) -> Control:
    options = list(options)
    more = [(id, id) for id in value if id not in dict(options).values()]
    chosen = ipywidgets.SelectMultiple(options=options + more, value=tuple(value), rows=6, **_LOOK)
    return chosen, list


def _models(value: list[str]) -> Control:
    known = known_models.models().query("in_study")["name"]
    return _several(zip(known, known.index, strict=True), value)


def _groups(value: list[str]) -> Control:
    return _several(((name, id) for id, name in study.GROUPS.items()), value)


def _cutoffs(value: list[float]) -> Control:
    options = [(f"{cutoff:g}", cutoff) for cutoff in study.CUTOFFS]
    ends = (min(value), max(value))
    slider = ipywidgets.SelectionRangeSlider(options=options, value=ends, continuous_update=False, **_LOOK)
    return slider, lambda ends: [cutoff for cutoff in study.CUTOFFS if ends[0] <= cutoff <= ends[1]]


def _categories(value: dict[str, list[str]]) -> Control:
    pairs = [(category, id) for category, ids in {**study.CATEGORIES, **value}.items() for id in ids]
    names = {benchmark.id: benchmark.name for benchmark in study.BENCHMARKS}
    options = [(f"{category}: {names[id]}", (category, id)) for category, id in pairs]
    chosen = tuple((category, id) for category, ids in value.items() for id in ids)
    select = ipywidgets.SelectMultiple(options=options, value=chosen, rows=len(options), **_LOOK)

    def value_of(chosen: Sequence[tuple[str, str]]) -> dict[str, list[str]] | None:
        mapping = {name: [id for of, id in chosen if of == name] for name in study.CATEGORIES}
        return None if mapping == PARAMETERS["categories"].default else mapping  # None suits other results, too

    return select, value_of


def _one_of(*options: str) -> Callable[[str], Control]:
    return lambda value: (ipywidgets.Dropdown(options=options, value=value, **_LOOK), str)


def _fraction(value: float) -> Control:
    return ipywidgets.FloatSlider(value, min=0, max=1, step=0.01, continuous_update=False, **_LOOK), float


def _yes_or_no(value: bool) -> Control:
    return ipywidgets.Checkbox(value, **_LOOK), bool


def _whole(value: int) -> Control:
    return ipywidgets.IntText(value, continuous_update=False, **_LOOK), int


CONTROLS: dict[str, Callable[[Any], Control]] = {
    "results": _results,
    "alpha": _level,
    "low_cutoffs": _cutoffs,
    "high_cutoffs": _cutoffs,
    "categories": _categories,
    "highlight": _models,
    "leave_out": _models,
    "set_apart": _groups,
    "standard": _groups,
    "families": _one_of("recipe", "source", "group"),
    "allow_missing": _yes_or_no,
    "cutoff": _fraction,
    "noise_sd": _fraction,
    "seed": _whole,
    "replicates": _whole,
    "permutations": _whole,
}
"""Parameters that have a control; the others are paths, devices and models to measure."""
