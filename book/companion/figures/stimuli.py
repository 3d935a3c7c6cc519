"""Figures made of stimuli: the overview of the study (Figure 1) and galleries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from bvg import study
from companion.figures.base import NARROW, WIDTH, Figure, canvas, styled
from companion.figures.svg_labels import PICTURE
from companion.text import listed, plural, quoted


@styled
def gallery(
    images: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    row_labels: Sequence[str] | None = None,
    description: str = "",
    narrow: bool = False,
) -> Figure:
    """Draw a grid of stimuli with a caption per column and, if given, a label per row.

    Args:
        images: rows of images [H, W, 3] or [H, W] (grey), uint8 or float in [0, 1].
        titles: one caption per column.
        row_labels: one label per row.
        description: required sentence on what the images show ("A horse, first as …"); starts the alternative text.
        narrow: draw the variant for phones: at most four images beside each other; a row continues below.

    Returns:
        `data` with the columns row, column, height, width, mean (intensity in [0, 1]).

    Raises:
        ValueError: rows of unequal length, an image of another shape or range, or no `description`.
    """
    description = description.strip()
    if not description:
        raise ValueError(f"expected `description` to be a sentence on what the images show, got {description!r}")
    images = [[_picture(image) for image in row] for row in images]
    labels = list(row_labels) if row_labels is not None else [""] * len(images)
    if not images or {len(row) for row in images} != {len(titles)} or len(labels) != len(images):
        raise ValueError(
            f"expected `images` to be rows of {len(titles)} images, one per title, and one row per label, "
            f"got rows of {[len(row) for row in images]} and {len(labels)} labels"
        )
    lines = -(-len(titles) // 4) if narrow else 1
    across = -(-len(titles) // lines)
    cell = min((NARROW if narrow else WIDTH) / across, 2.4)
    figure = canvas((cell + 0.25 * (lines > 1)) * len(images) * lines + 0.35, narrow)
    panels = figure.subplots(len(images) * lines, across, squeeze=False)
    for (i, row), (j, title) in product(enumerate(images), enumerate(titles)):
        axes = panels[i * lines + j // across, j % across]
        show(axes, row[j])
        axes.set_title(fill(title, max(int(cell * 13), 8)) if i == 0 or lines > 1 else "", loc="center")
        axes.set_ylabel(fill(labels[i], 16) if j == 0 else "")
    for axes in panels.flat:
        axes.set_visible(bool(axes.images))
    data = pd.DataFrame(
        [
            (r, t, *image.shape[:2], image.mean())
            for r, row in zip(labels, images, strict=True)
            for t, image in zip(titles, row, strict=True)
        ],
        columns=["row", "column", "height", "width", "mean"],
    )
    rows = f"; rows: {quoted(labels)}" if any(labels) else ""
    sentence = description + ("" if description.endswith((".", "!", "?")) else ".")
    alt = f"{sentence} Grid of {plural(len(data), 'image')}; columns: {quoted(titles)}{rows}."
    return Figure(figure, data, alt)


@styled
def overview(images: Mapping[str, Mapping[str, np.ndarray]], narrow: bool = False) -> Figure:
    """Draw Figure 1: the three families of biases with their stimuli, and the categories they might explain.

    Args:
        images: family -> caption -> image ([H, W, 3] or [H, W]; uint8 or float in [0, 1]), one to three per
            family. The families are those of `study.BIASES`: shape, spectral, critical band.
        narrow: draw the variant for phones, with the categories below the biases.

    Returns:
        `data` with the columns side, name, member: the biases of each family and the benchmarks of each category.
    """
    families = list(dict.fromkeys(b.test for b in study.BIASES))
    if sorted(images) != sorted(families) or not all(1 <= len(of) <= 3 for of in images.values()):
        counts = {family: len(of) for family, of in images.items()}
        raise ValueError(f"expected `images` with one to three images for each of {', '.join(families)}, got {counts}")
    height = 8.8 if narrow else 5.0
    figure = canvas(height, narrow, layout=None)
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, figure.get_figwidth()), ylim=(0, height))
    page.axis("off")
    page.text(0.1, height - 0.25, "Biases", fontsize=12, weight="bold")
    for i, family in enumerate(families):
        _draw_family(page, height - 0.45 - (1.65 if narrow else 1.52) * i, family, images[family], narrow)
    ends, word = (((1.0, 3.3), (1.0, 2.75)), (1.25, 2.97)) if narrow else (((4.0, 2.4), (4.85, 2.4)), (4.4, 2.62))
    arrow = "simple,head_width=16,head_length=12,tail_width=6"
    page.add_patch(FancyArrowPatch(*ends, arrowstyle=arrow, color="0.35"))
    page.text(*word, "explain?", ha="left" if narrow else "center", fontsize=10, style="italic")
    page.text(*((0.1, 2.45) if narrow else (5.0, 4.75)), "Generalization", fontsize=12, weight="bold")
    _draw_categories(page, 2.3 if narrow else 4.5, narrow)
    benchmarks = {c: [study.benchmark(m).name for m in members] for c, members in study.CATEGORIES.items()}
    rows = [("bias", b.test, b.name) for b in study.BIASES]
    rows += [("generalization", category, name) for category, names in benchmarks.items() for name in names]
    stimuli = " ".join(f"{family.capitalize()}: {quoted(images[family])}." for family in families)
    categories = " ".join(f"{study.CATEGORY_NAMES[c]}: {listed(names)}." for c, names in benchmarks.items())
    alt = (
        f"Overview. First come the biases, each with its stimuli. {stimuli} An arrow marked “explain?” points from them "
        f"to the categories of generalization, each with its benchmarks. {categories}"
    )
    return Figure(figure, pd.DataFrame(rows, columns=["side", "name", "member"]), alt)


def _draw_family(page: Axes, top: float, family: str, images: Mapping[str, np.ndarray], narrow: bool) -> None:
    """Draw a family of biases below the height `top` [in]: its name, its question and its stimuli with captions."""
    width, height = page.figure.get_size_inches()
    page.text(0.1, top - 0.12, family.capitalize(), weight="bold", fontsize=9.5)
    page.text(*((0.1, top - 0.28) if narrow else (1.2, top - 0.12)), _QUESTIONS[family], fontsize=8.5, color="0.25")
    step, foot = (1.12, top - 1.37) if narrow else (1.25, top - 1.24)
    for j, (caption, image) in enumerate(images.items()):
        place = ((0.1 + step * j) / width, foot / height, (step - 0.1) / width, 1.0 / height)
        show(page.figure.add_axes(place, anchor="W"), _picture(image))
        page.text(0.1 + step * j, foot - 0.03, caption, fontsize=8, va="top")


def _draw_categories(page: Axes, top: float, narrow: bool) -> None:
    """Draw a box per category of generalization with its benchmarks, from the height `top` [in] down."""
    first = top
    for place, (category, members) in enumerate(study.CATEGORIES.items()):
        left, wide = (0.15 + 1.7 * (place % 2), 1.5) if narrow else (5.05, 2.0)
        height = 0.36 + 0.19 * len(members)
        style = {"boxstyle": "round,pad=0.03", "facecolor": "0.96", "edgecolor": "0.6"}
        page.add_patch(FancyBboxPatch((left, top - height), wide, height, **style))
        page.text(left + 0.1, top - 0.06, study.CATEGORY_NAMES[category], weight="bold", fontsize=9.5, va="top")
        names = "\n".join(study.benchmark(m).name for m in members)
        page.text(left + 0.1, top - 0.29, names, fontsize=8.5, va="top", linespacing=1.35)
        if narrow:
            top = first - 1.08 * ((place + 1) // 2)
        else:
            top -= height + 0.3


_QUESTIONS = {
    "shape": "Shape or texture: which decides?",
    "spectral": "Do low or high frequencies suffice?",
    "critical band": "At which frequencies does noise harm?",
}


def _picture(image: np.ndarray) -> np.ndarray:
    """Return an image as float [H, W, 3] in [0, 1]."""
    image = np.asarray(image)
    values = image / 255 if image.dtype == np.uint8 else image.astype(float)
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"expected an image [H, W, 3] or [H, W], uint8 or float in [0, 1], got {image.dtype} {list(image.shape)} "
            f"from {image.min() if image.size else None} to {image.max() if image.size else None}"
        )
    return values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)


def show(axes: Axes, image: np.ndarray) -> None:
    """Show an image without axes; the SVG holds its own pixels."""
    axes.imshow(image, interpolation="none").set_gid(PICTURE)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
