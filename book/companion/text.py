"""Numbers and tables as text, for prose and pages."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from bvg import study


def format_number(value: float, digits: int = 2, undefined: str = "not defined") -> str:
    """Format a number with a true minus sign.

    Args:
        value: the number.
        digits: decimals.
        undefined: text for NaN and infinity.

    Example:
        >>> format_number(-0.756), format_number(-0.001), format_number(float("nan"))
        ('−0.76', '0.00', 'not defined')
    """
    if not np.isfinite(value):
        return undefined
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def format_r(value: float, undefined: str = "not defined") -> str:
    """Format a thresholded correlation: `n.s.` if it is 0, that is, not significant.

    Example:
        >>> format_r(-0.756), format_r(0.0), format_r(float("nan"), "n.d.")
        ('−0.76', 'n.s.', 'n.d.')
    """
    return "n.s." if value == 0 else format_number(value, undefined=undefined)


def format_value(column: str, value: float, undefined: str = "") -> str:
    """Format a bias or an accuracy [%]: biases with two decimals, accuracies with one.

    High-frequency bias has three significant digits, since most models lie between 0.00 and 0.02.

    Example:
        >>> format_value("shape", 0.2134), format_value("imagenet", 76.13), format_value("high_frequency", 0.012345)
        ('0.21', '76.1', '0.0123')
    """
    if not np.isfinite(value):
        return undefined
    if column == "high_frequency" and 0 < abs(value) < 1:
        return format_number(value, 2 - int(np.floor(np.log10(abs(value)))))
    return format_number(value, 2 if column in {b.id for b in (*study.BIASES, *study.CRITICALITY)} else 1)


def format_defined(value: float) -> str:
    """Format a number of a table with two decimals; empty if it is not defined.

    Example:
        >>> format_defined(-0.756), format_defined(float("nan"))
        ('−0.76', '')
    """
    return format_number(value, undefined="")


def format_p(p: float) -> str:
    """Format a p-value of a table; empty if it is not defined.

    Example:
        >>> format_p(0.0123), format_p(0.00012), format_p(float("nan"))
        ('0.012', '< 0.001', '')
    """
    return "< 0.001" if p < 0.001 else format_number(p, 3, "")


def format_bold(value: float, bold: bool) -> str:
    """Format a number of a table, bold or not; empty if it is not defined.

    Example:
        >>> format_bold(0.5, True), format_bold(-0.5, False), format_bold(float("nan"), False)
        ('**0.50**', '−0.50', '')
    """
    return f"**{format_defined(value)}**" if bold else format_defined(value)


def format_share(share: float) -> str:
    """Format a share in percent; only what is exactly none or all is 0 or 100 %.

    Example:
        >>> format_share(0.0), format_share(0.0004), format_share(0.714), format_share(0.9999), format_share(float("nan"))
        ('0 %', '< 1 %', '71 %', '> 99 %', '–')
    """
    if np.isnan(share):
        return "–"
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def format_label(value: float) -> str:
    """Format a number for a figure: `0` for exactly zero, `n.d.` if it is not defined.

    Example:
        >>> format_label(0.456), format_label(0.0), format_label(float("nan"))
        ('0.46', '0', 'n.d.')
    """
    return "0" if value == 0 else format_number(value, undefined="n.d.")


def format_range(low: float, high: float, undefined: str = "") -> str:
    """Format an interval.

    Example:
        >>> format_range(-0.5, 1), format_range(float("nan"), float("nan"))
        ('−0.50 to 1.00', '')
    """
    return undefined if np.isnan(low) else f"{format_number(low)} to {format_number(high)}"


def listed(names: Iterable[str]) -> str:
    """Join names for prose: none; A; A and B; A, B and C.

    Example:
        >>> listed([]), listed(["A"]), listed(["A", "B", "C"])
        ('none', 'A', 'A, B and C')
    """
    *most, last = list(names) or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


_NUMBER = r"(?:[±<+] ?)?[−-]?\d[\d,]*(?:\.\d+)?(?:e[−+-]?\d+)?(?: ?[%×])?"
_CELL = re.compile(rf"{_NUMBER}(?:(?: to |–|, | ± ){_NUMBER})*(?: \([^)]*\))?")
_NO_NUMBER = {"", "n.s.", "n.d.", "not defined", "not measured", "outside"}


def is_numeric(cells: Iterable[str]) -> bool:
    """Tell whether a column of a table has numbers, intervals or a note that there is none, and nothing else.

    Example:
        >>> is_numeric(["−0.76", "n.s.", "**1,200**", "0.1 to 0.2"]), is_numeric(["2 of 3 cells"]), is_numeric([""])
        (True, False, False)
    """
    plain = {cell.strip("* ") for cell in cells} - _NO_NUMBER
    return bool(plain) and all(_CELL.fullmatch(cell) for cell in plain)


def pipe_table(table: pd.DataFrame) -> str:
    """Return a table of strings as a Markdown pipe table, with numbers on the right.

    Example:
        >>> print(pipe_table(pd.DataFrame({"Bias": ["shape"], "r": ["−0.76"]})))
        | Bias | r |
        | --- | ---: |
        | shape | −0.76 |
    """
    rules = (" ---: |" if is_numeric(table.iloc[:, k]) else " --- |" for k in range(table.shape[1]))
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "".join(rules)]
    lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def duration(hours: float) -> str:
    """State a length of time in the unit that a person pictures, with two digits.

    Example:
        >>> duration(0.05), duration(1), duration(30), duration(90), duration(9000)
        ('3 minutes', '1 hour', '30 hours', '3.8 days', '1 year')
    """
    for unit, length, least in (("year", 24 * 365.25, 0.95), ("day", 24, 2), ("hour", 1, 1), ("minute", 1 / 60, 0)):
        if hours / length >= least:
            text = f"{hours / length:#.2g}".removesuffix(".").removesuffix(".0")
            text = f"{hours / length:.0f}" if "e" in text else text
            return f"{text} {unit}{'s' * (text != '1')}"
    raise ValueError(f"expected `hours` to be at least 0, got {hours}")


def took(seconds: float, models: int) -> str:
    """State how long a measurement took.

    Example:
        >>> took(28.2, 21), took(0.4, 1)
        ('This took 28 s for 21 models.', 'This took less than a second for 1 model.')
    """
    time = f"{seconds:.0f} s" if seconds >= 1 else "less than a second"
    return f"This took {time} for {plural(models, 'model')}."


def strongest(cells: pd.DataFrame, world: study.World) -> str:
    """State the strongest significant correlation within each set of models.

    Args:
        cells: from `bvg.results.correlation.correlate`.
        world: the benchmarks whose names to print.
    """
    parts = []
    for group, own in cells.groupby("group", sort=False):
        name, undefined = set_name(group, own), int(own["r"].isna().sum())
        significant = own[own["shown"].abs() > 0]
        if undefined == len(own):
            parts.append(f"among {name}: not defined")
        elif significant.empty:
            parts.append(f"among {name}: none significant")
        else:
            best = significant.loc[significant["shown"].abs().idxmax()]
            pair = f"{world.plain(best['row'])} against {world.plain(best['column'])}"
            counts = f"{len(significant)} of {len(own)} significant" + (
                f", {undefined} not defined" if undefined else ""
            )
            parts.append(f"among {name}: {pair}, r = {format_label(best['shown'])} ({counts})")
    return f"Strongest Spearman correlation {'; '.join(parts)}."


def set_name(group: str, cells: pd.DataFrame) -> str:
    """Return the name of a set of models with its size, such as `all 48 models`.

    The size is the largest n of the cells: a model that lacks a value is missing from some cells only.
    """
    return study.MODEL_SETS[group].phrase(int(cells["n"].max()))


def set_sizes(groups: Iterable[str], sizes: Iterable[int]) -> list[str]:
    """Return the short name of each set of models with its size, for the cells of a table."""
    return [f"{study.MODEL_SETS[g].short} ({n})" for g, n in zip(groups, sizes, strict=True)]


def short_row(name: str, world: study.World) -> str:
    """Return a name of a category or benchmark of at most nine letters, where space is scarce.

    Example:
        >>> short_row("Robustness", study.STUDY), short_row("imagenet-r", study.STUDY)
        ('Robust.', 'IN-R')
    """
    return {"Robustness": "Robust.", "Adversarial": "Advers."}.get(name, world.short(name))


def distinct_sets(cells: pd.DataFrame) -> pd.DataFrame:
    """Drop the cells of sets of models that are empty or hold all models.

    Args:
        cells: one row per correlation, with the columns group (set of models) and n (number of models).
    """
    n = cells.groupby("group", sort=False)["n"].max()
    parts = [g for g in n.index if g != "total" and n[g]]
    return cells[cells["group"].isin(["total", *(parts if len(parts) > 1 else [])])]


def quoted(names: Iterable[str]) -> str:
    """Join names for an alternative text, quoted if one contains a comma.

    Example:
        >>> quoted(["low", "high"]), quoted(["noise, band 1", "noise, band 3"])
        ('low and high', '“noise, band 1” and “noise, band 3”')
    """
    names = list(names)
    return listed(f"“{n}”" for n in names) if any("," in n for n in names) else listed(names)


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    Example:
        >>> plural(1, "model"), plural(0, "bias", "biases")
        ('1 model', '0 biases')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"
