"""Published accuracies compared with independent measurements of the same checkpoints."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd

from bvg import known_models, study
from companion.figures import svg_labels
from companion.figures.base import Figure, canvas, styled
from companion.figures.marks import mark
from companion.text import format_number, listed, plural


@styled
def crosscheck(agreement: pd.DataFrame, narrow: bool = False) -> Figure:
    """Draw published minus independent accuracy: a panel per source, a row per benchmark, a mark per model.

    Args:
        agreement: model, benchmark, variant, source, published, independent, difference [points], same_protocol (see
            `companion.analysis.data_audit.agreement`); rows of a single corruption are not drawn.
        narrow: draw the variant for phones, with one panel per row.

    Returns:
        `data` holds the rows drawn. Without any, the figure states that there is nothing to compare.
    """
    data = agreement[agreement["variant"] == ""].reset_index(drop=True)
    if data.empty:
        return _nothing(data, narrow)
    rows = [b.id for b in study.BENCHMARKS if b.id in set(data["benchmark"])]
    models = [m for m in known_models.models().index if m in set(data["model"])]
    sources = list(dict.fromkeys(data["source"]))
    ncols = 2 if narrow else 4
    shape = (len(sources), 1) if narrow else (1, len(sources))
    figure = canvas((0.42 * len(rows) + 0.7) * shape[0] + 0.2 * -(-len(models) // ncols) + 0.2, narrow)
    panels = figure.subplots(*shape, sharey=True, sharex=True, squeeze=False).ravel()
    for axes, source in zip(panels, sources, strict=True):
        own = data[data["source"] == source]
        present = [m for m in models if m in set(own["model"])]
        # A model has the same height in all rows of a panel, so that marks at the same difference stay distinct.
        height = dict(zip(present, np.linspace(-0.32, 0.32, len(present)) if len(present) > 1 else [0.0], strict=True))
        for of in own.itertuples(index=False):
            at = rows.index(of.benchmark) + height[of.model]
            line = mark(of.model).line([of.difference], [at], 0.68, label=of.model, zorder=3)
            numbers = f"{svg_labels.value_with_unit(of.benchmark, of.published)} published, {of.independent:.1f} % by {source}"
            axes.add_line(svg_labels.label_mark(line, of.model, numbers))
        axes.axvline(0, color="0.3", linewidth=0.8, zorder=1)
        axes.set_title(source, weight="bold")
        label = "published − independent top-1 [points]"
        axes.set_xlabel(fill(label, 26) if narrow else label)
        axes.set_yticks(range(len(rows)), [study.STUDY.name(b) for b in rows])
        axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="y", which="minor", visible=True)
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.margins(x=0.06)
        axes.autoscale_view(scaley=False)
        for benchmark in set(rows) - set(own["benchmark"]):
            axes.text(0.98, rows.index(benchmark), "not measured", transform=axes.get_yaxis_transform(), color="0.35",
                      ha="right", va="center", fontsize=8)  # fmt: skip
    handles = [mark(m).line(scale=0.68) for m in models]
    legend = figure.legend(
        handles,
        known_models.describe(models)["name"],
        loc="outside lower center",
        ncols=ncols,
        fontsize=8,
        handletextpad=0.1,
    )
    svg_labels.label_legend(legend, [(m, True) for m in models])
    return Figure(figure, data, _alt(data, rows, sources))


def _nothing(data: pd.DataFrame, narrow: bool) -> Figure:
    """Return a figure that states that there is nothing to compare."""
    figure = canvas(0.8 if narrow else 0.6, narrow, layout=None)
    text = "No model of this table was measured by the two other projects under its published name."
    figure.text(0.5, 0.5, fill(text, 46) if narrow else text, ha="center", va="center")
    return Figure(figure, data, text)


def _alt(data: pd.DataFrame, rows: list[str], sources: list[str]) -> str:
    """State the range of differences by source and benchmark."""
    parts = []
    for source in sources:
        own = data[data["source"] == source].groupby("benchmark")["difference"]
        spans = [
            f"{study.STUDY.name(b)} {format_number(own.min()[b], 1)} to {format_number(own.max()[b], 1)}"
            for b in rows
            if b in own.groups
        ]
        parts.append(
            f"{source} ({plural(data.loc[data['source'] == source, 'model'].nunique(), 'model')}): {listed(spans)}"
        )
    return f"Published minus independently measured top-1 accuracy, in points, by benchmark. {'. '.join(parts)}."
