"""Sphinx extension: drawings whose marks say which model they are stand in the page itself, so that a script can ask them.

Every SVG in a figure gets a class by its content: `bvg-card` where its colours are to be left alone, because it shows stimuli or
a map of colours, or its caption tells light from dark; else `bvg-drawing`, which a dark page may invert. An image that names
models is replaced by its SVG.
"""

import html
import re
from collections import Counter
from pathlib import Path

from docutils import nodes


class Drawing(nodes.General, nodes.Element):
    """An SVG written into the page; unlike a raw node it is not searched for words."""


def write(translator, node):
    translator.body.append(node["svg"])
    raise nodes.SkipNode


def place(app, doctree, docname):
    """Give each SVG of a page its class, its frame and, if its marks are named, a place in the page."""
    for number, figure in enumerate(list(doctree.findall(nodes.figure)), start=1):
        image = next(figure.findall(nodes.image), None)
        if image is None or not image["uri"].endswith(".svg"):
            continue
        svg = (Path(app.srcdir) / image["uri"]).read_text(encoding="utf-8")
        said = " ".join(caption.astext() for caption in figure.findall(nodes.caption))
        maps = "<image" in svg or "QuadMesh" in svg  # stimuli; colours that stand for numbers, with their scale
        fixed = maps or re.search(r"\b(white|dark|light|pale)\b", said, re.IGNORECASE)
        figure["classes"].append("bvg-card" if fixed else "bvg-drawing")
        shown = image.parent if isinstance(image.parent, nodes.reference) else image
        named = "data-model=" in svg
        inside = Drawing(svg=inline(svg, image["uri"], f"f{number}-", image["alt"])) if named else shown.deepcopy()
        frame = nodes.container("", inside, classes=["bvg-canvas"])
        shown.replace_self(frame)


def inline(svg: str, src: str, prefix: str, alt: str) -> str:
    """An SVG file `src` as an element of a page: with an alternative text, ids of its own, and what the page does not know.

    The font is the style sheet's. A model's method and group stand at its first mark; `figures.js` reads them there.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]*)"', svg)[1]
    head = f'<svg class="bvg-marks" data-src="{src}" viewBox="{box}" role="img" aria-label="{html.escape(alt)}">'
    svg = re.sub(r"<svg[^>]*>", head, svg, count=1)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}', svg).replace("url(#", f"url(#{prefix}")
    svg = re.sub(r"font-family: [^;\"]*(?:; )?", "", svg)
    svg = re.sub(r">\s+<", "><", svg).strip()
    svg = re.sub(r"<g>(<use[^>]*/>)</g>|<g></g>|<g/>", r"\1", svg)
    return _classes(_told_once(svg), prefix)


def _told_once(svg: str) -> str:
    """Method and group at a model's first mark, and numbers once: a model's curve stands in every panel."""
    models, numbers = set(), set()

    def again(match: re.Match) -> str:
        model, name, told = match[1], match[2].partition(":")[0], match[3]
        title = "" if (model, told) in numbers else f"<title>{name}{told}</title>"
        if model in models:
            numbers.add((model, told))
            return f'<g data-model="{model}">{title}'
        models.add(model)
        numbers.add((model, told))
        return match[0]

    return re.sub(r'<g data-model="([^"]*)" data-group="[^"]*"><title>([^\n<]*)([^<]*)</title>', again, svg)


def _classes(svg: str, prefix: str) -> str:
    """Styles that occur often become classes."""
    often = [style for style, n in Counter(re.findall(r' style="([^"]*)"', svg)).items() if n > 3]
    names = {style: f"{prefix}s{i}" for i, style in enumerate(often)}
    svg = re.sub(r' style="([^"]*)"', lambda m: f' class="{names[m[1]]}"' if m[1] in names else m[0], svg)
    rules = "".join(f".{name}{{{style}}}" for style, name in names.items())
    return svg.replace(">", f"><style>{rules}</style>", 1)


def setup(app):
    app.add_node(Drawing, html=(write, None))
    app.connect("doctree-resolved", place)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
