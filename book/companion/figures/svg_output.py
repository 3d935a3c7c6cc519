"""Post-process Matplotlib's SVG: label the marks, shorten the file, store photographs as JPEG."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from PIL import Image

from companion.figures.svg_labels import PICTURE, TAG

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
ElementTree.register_namespace("", SVG.strip("{}"))
ElementTree.register_namespace("xlink", HREF.strip("{").partition("}")[0])


def finish(svg: str) -> str:
    """Return Matplotlib's SVG with labelled marks, unique ids and a smaller size.

    Coordinates are rounded to 0.01 points. A style that all uses of a marker share is stored once, with its definition.

    Args:
        svg: as Matplotlib writes it; group ids that start with `svg_labels.TAG` hold labels as JSON.

    Returns:
        The SVG. The same input gives the same text.
    """
    root = ElementTree.fromstring(svg)
    for metadata in root.findall(f"{SVG}metadata"):
        root.remove(metadata)
    numbers = itertools.count(1)
    for element in list(root.iter()):
        name = element.get("id", "")
        if name == PICTURE:
            element.set("id", f"picture-{next(numbers)}")
            element.set(HREF, _smaller_image(element.get(HREF)))
        elif name.startswith(TAG):
            _label(element, json.loads(name.removeprefix(TAG)), f"mark-{next(numbers)}")
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
        for attribute in {"d", "x", "y"} & element.attrib.keys():
            element.set(attribute, _round(element.get(attribute)))
    _share_styles(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def parse_style(element: Element) -> dict[str, str]:
    """Return the declarations of an element's style attribute: property -> value.

    Example:
        >>> parse_style(Element("path", style="fill: #fff; stroke: none"))
        {'fill': '#fff', 'stroke': 'none'}
    """
    parts = (part.partition(":") for part in element.get("style", "").split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in parts}


def write_style(element: Element, style: dict[str, str]) -> None:
    """Set an element's style attribute, or remove it when `style` is empty."""
    element.attrib.pop("style", None)
    if style:
        element.set("style", "; ".join(f"{name}: {value}" for name, value in style.items()))


def _label(group: Element, label: dict[str, str], name: str) -> None:
    """Turn a label into a title and data attributes."""
    title = label.pop("title", "")
    group.attrib = {"id": name} | {f"data-{key}": value for key, value in label.items()}
    if title:
        child = Element(f"{SVG}title")
        child.text = title
        group.insert(0, child)


def _round(numbers: str) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), " ".join(numbers.split()))


def _share_styles(root: Element) -> None:
    """Move the style of markers from their uses to their definition where all uses agree.

    A definition's own declarations take precedence, as they do in CSS. A `use` whose definition is not a path of this
    file keeps its style. Matplotlib leaves black out; it is stated here, so that a shape without a fill is an error.
    """
    definitions = {path.get("id"): path for path in root.iter(f"{SVG}path") if path.get("id")}
    for path in root.iter(f"{SVG}path"):
        if path.get("style") and path.get("id") not in definitions:
            write_style(path, parse_style(path) | {"fill": parse_style(path).get("fill", "#000000")})
    uses: dict[str, list[Element]] = {}
    for use in root.iter(f"{SVG}use"):
        uses.setdefault(use.get(HREF, "").removeprefix("#"), []).append(use)
    for name, same in uses.items():
        if name not in definitions:
            continue
        own = parse_style(definitions[name])
        for use in same:
            if (own or use.get("style")) and "fill" not in own | parse_style(use):
                write_style(use, parse_style(use) | {"fill": "#000000"})
        style = parse_style(same[0])
        if all(parse_style(use) == style for use in same):
            write_style(definitions[name], style | own)
            for use in same:
                write_style(use, {})


def _smaller_image(source: str) -> str:
    """Return a PNG data URL as JPEG if that halves its size, as it does for photographs; else unchanged."""
    exact = base64.b64decode(source.partition(",")[2])
    jpeg = io.BytesIO()
    Image.open(io.BytesIO(exact)).convert("RGB").save(jpeg, "JPEG", quality=90, subsampling=0, optimize=True)
    if 2 * jpeg.tell() >= len(exact):
        return source
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode('ascii')}"
