"""Tables and sentences of the page Cue sensitivity."""

from __future__ import annotations

import pandas as pd

from bvg import known_models, study
from bvg.results.cue_counts import CUES
from companion.analysis.resampling import excludes_zero
from companion.tables.base import Table, model_names
from companion.tables.findings import IN_PROSE
from companion.text import format_bold, format_defined, format_number, format_range, listed, plural, set_sizes

LISTED = 10
"""Pairs of models that the table of pairs lists."""

_GIVEN = {"nothing": "raw", "accuracy": "at equal accuracy"}


def models(data: pd.DataFrame, bias: pd.Series) -> Table:
    """Tabulate the decisions of every model: numbers of images, and shares with their intervals.

    Args:
        data: from `companion.analysis.cue_sensitivity.intervals`.
        bias: shape bias by model.
    """
    names = known_models.describe(pd.unique(data["model"]))["name"]
    hits = data.assign(text=[_count(row) for row in data.itertuples()]).pivot(index="model", columns="cue")
    hits = hits.loc[names.index]
    displayed = {
        "Model": model_names(names.index),
        "Shape bias": [format_defined(bias.get(m, float("nan"))) for m in names.index],
    }
    displayed |= {cue.capitalize(): hits["text", cue] for cue in CUES}
    for cue in CUES:
        ranges = map(_percent, hits["low", cue], hits["high", cue])
        displayed[f"{cue.capitalize()} [%]"] = [
            f"{format_number(s, 1)} ({r})" for s, r in zip(hits["share", cue], ranges, strict=True)
        ]
    return Table(pd.DataFrame(displayed), data)


def _percent(low: float, high: float) -> str:
    return f"{format_number(low, 1)} to {format_number(high, 1)}"


def _count(row) -> str:
    return str(row.hits) if row.fewest == row.most else f"{row.hits} ({row.fewest} to {row.most})"


def contrasts(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate how strongly shape bias and shape sensitivity correlate with each row; bold where their strengths differ.

    Args:
        data: from `companion.analysis.cue_sensitivity.contrasts`.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "With": data["row"].map(world.name),
            "Models": set_sizes(data["group"], data["n"]),
            "Compared": data["given"].map(_GIVEN),
            "r, bias": data["bias"].map(format_defined),
            "r, sensitivity": data["sensitivity"].map(format_defined),
            "Difference in strength": [
                format_bold(c.difference, excludes_zero(c.low, c.high)) for c in data.itertuples()
            ],
            "Interval by families": [*map(format_range, data["low"], data["high"])],
            "Families": data["families"].astype(str),
        }
    )
    return Table(displayed, data)


def by_count(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the correlations of shape sensitivity over all choices among the possible counts.

    Args:
        data: from `companion.analysis.cue_sensitivity.by_count`.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "With": data["row"].map(world.name),
            "r, lowest to highest": [*map(format_range, data["low"], data["high"])],
            "At equal accuracy": [*map(format_range, data["partial_low"], data["partial_high"])],
        }
    )
    return Table(displayed, data)


def alike(data: pd.DataFrame, most: int = LISTED) -> Table:
    """Tabulate the pairs of models with equal shape bias that differ most in how many images they decide by either cue.

    Args:
        data: from `companion.analysis.cue_sensitivity.alike`.
        most: rows to display.
    """
    shown = data.head(most)
    displayed = pd.DataFrame(
        {
            "Model": model_names(shown["model"]),
            "Other model": model_names(shown["other"]),
            "Shape biases": [f"{format_number(p.bias)}, {format_number(p.other_bias)}" for p in shown.itertuples()],
            "Decided by a cue [%]": [
                f"{format_number(p.decided, 1)}, {format_number(p.other_decided, 1)}" for p in shown.itertuples()
            ],
            "Difference [points]": shown["difference"].map(lambda v: format_number(v, 1)),
            "Interval": [_percent(p.low, p.high) for p in shown.itertuples()],
        }
    )
    return Table(displayed, data)


def answer(data: pd.DataFrame, group: str = "total") -> str:
    """Answer in one sentence whether shape sensitivity tells more than shape bias.

    Args:
        data: from `companion.analysis.cue_sensitivity.contrasts`, for the categories.
        group: the set of models.

    Example:
        >>> row = {"row": "Concepts", "group": "total", "n": 48, "families": 18, "difference": 0.1}
        >>> answer(pd.DataFrame([row | {"given": "nothing", "low": 0.02, "high": 0.2}, row | {"given": "accuracy", "low": -0.1, "high": 0.2}]))
        'In part: over all 48 models, shape sensitivity correlates more strongly than shape bias with accuracy on concepts (raw) and with no category (at equal accuracy), by intervals that resample 18 families of models.'
    """
    own = data[data["group"] == group].dropna(subset="difference")
    if own["low"].isna().all():
        return "Too few families of models for an interval: whether shape sensitivity tells more than shape bias cannot be said."
    stronger, count, possible = {}, 0, 0
    for given, where in _GIVEN.items():
        part = own[own["given"] == given]
        more = part[excludes_zero(part["low"], part["high"]) & (part["difference"] > 0)]
        count, possible = count + len(more), possible + len(part)
        stronger[where] = listed(IN_PROSE[row] for row in more["row"]) if len(more) else "no category"
    told = [f"with {names} ({where})" for where, names in stronger.items()]
    what = f"shape sensitivity correlates more strongly than shape bias {' and '.join(told)}"
    if not count:
        what = f"there is no category with which shape sensitivity correlates more strongly than shape bias, {' or '.join(stronger)}"
    lead = "Not detectably" if not count else "Yes" if count == possible else "In part"
    return (
        f"{lead}: over {study.MODEL_SETS[group].phrase(int(own['n'].max()))}, {what}, "
        f"by intervals that resample {plural(int(own['families'].max()), 'family', 'families')} of models."
    )


def differences(data: pd.DataFrame, given: str, group: str = "total") -> str:
    """State the smallest and largest difference in strength, for prose.

    Args:
        data: from `companion.analysis.cue_sensitivity.contrasts`.
        given: `nothing` or `accuracy`.
        group: the set of models.
    """
    own = data[(data["group"] == group) & (data["given"] == given)]["difference"].dropna()
    return format_range(own.min(), own.max()) if len(own) else "not defined"


def most_apart(data: pd.DataFrame) -> str:
    """Name the pair with equal shape bias that differs most, for prose.

    Args:
        data: from `companion.analysis.cue_sensitivity.alike`.
    """
    if data.empty:
        return "No two models have equal shape bias and exactly known counts."
    pair = data.iloc[0]
    first, other = known_models.describe([pair["model"], pair["other"]])["name"]
    return (
        f"{first} and {other} have shape biases of {format_number(pair['bias'])} and {format_number(pair['other_bias'])}. "
        f"{first} decides {format_number(pair['decided'], 1)} % of the images by shape or texture, {other} {format_number(pair['other_decided'], 1)} %: "
        f"{format_number(pair['difference'], 1)} points apart (interval {_percent(pair['low'], pair['high'])})."
    )


def plausible(counts: pd.DataFrame) -> str:
    """State how accurate the exactly known models are on the images with agreeing cues, and what the extreme counts imply, for prose.

    Args:
        counts: from `bvg.results.cue_counts.counts`.

    Example:
        >>> from bvg import results
        >>> from bvg.results import cue_counts
        >>> plausible(cue_counts.counts(results.load("published")).query("model in ['tv_resnet50', 'resnet50_dino']"))
        'No model has several possible counts.'
    """
    known, several = counts[counts["solutions"] == 1]["agreeing"].dropna(), counts[counts["solutions"] > 1]
    if several.empty or known.empty:
        return "No model has several possible counts."
    low, high = known.min(), known.max()
    inside = several["agreeing"].between(low, high).sum()
    return (
        f"The exactly known models name the category of {100 * low:.0f} to {100 * high:.0f} % of the images with agreeing cues; "
        f"so would {inside} of the {plural(len(several), 'other')} with their likely count."
    )
