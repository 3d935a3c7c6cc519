"""An SVG as it is saved: marks with names, nothing said twice, photographs as JPEG."""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import re

from PIL import Image

from companion.figures.svg_labels import PICTURE, TAG


def written(svg: str) -> str:
    """An SVG as Matplotlib writes it, with unique ids, titles and data attributes for what is named, and smaller.

    A hundredth of a point is more than an eye can see: coordinates keep two decimals. The style of a marker is written where
    the marker is defined, not again wherever it is used.
    """
    numbers = itertools.count(1)

    def group(match: re.Match) -> str:
        about = json.loads(html.unescape(match[2]))
        title = about.pop("title", "")
        data = "".join(f' data-{k}="{html.escape(v)}"' for k, v in about.items())
        inner = f"<title>{html.escape(title, quote=False)}</title>" if title else ""
        return f'<g id="mark-{next(numbers)}"{data}>{inner}'

    svg = re.sub(rf"""<g id=(["']){TAG}(.*?)\1>""", group, svg)
    svg = re.sub(
        rf'xlink:href="([^"]*)" id="{PICTURE}"', lambda m: f'{_photograph(m)} id="picture-{next(numbers)}"', svg
    )
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r' (?:d|x|y)="[^"]*"', _short, svg)
    return _styled_once(svg)


def _short(match: re.Match) -> str:
    text = re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), match[0])
    return re.sub(r"\s*\n", " ", text).replace(' "', '"') if "\n" in text else text


def _styled_once(svg: str) -> str:
    """The style of markers moved from where they are used to where they are defined, if all uses agree."""
    used: dict[str, set[str]] = {}
    for id, style in re.findall(r'<use xlink:href="#(\w+)"[^>]*? style="([^"]*)"', svg):
        used.setdefault(id, set()).add(style)
    agreed = {id: styles.pop() for id, styles in used.items() if len(styles) == 1}

    def defined(match: re.Match) -> str:
        own = match[3].split("; ")
        own += [
            part for part in agreed.get(match[2], "").split("; ") if part and part.partition(":")[0] not in match[3]
        ]
        return f'{match[1]} style="{"; ".join(own)}"'

    svg = re.sub(r'(<path id="(\w+)"[^>]*?) style="([^"]*)"', defined, svg)
    return re.sub(r'(<use xlink:href="#(\w+)"[^>]*?) style="[^"]*"', lambda m: m[1] if m[2] in agreed else m[0], svg)


def _photograph(match: re.Match) -> str:
    """A picture as JPEG if that is less than half of its PNG: a photograph. What is drawn stays as it is."""
    exact = base64.b64decode(match[1].partition(",")[2])
    jpeg = io.BytesIO()
    Image.open(io.BytesIO(exact)).convert("RGB").save(jpeg, "JPEG", quality=90, subsampling=0, optimize=True)
    if 2 * jpeg.tell() >= len(exact):
        return f'xlink:href="{match[1]}"'
    return f'xlink:href="data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode("ascii")}"'
