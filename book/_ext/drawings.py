"""Sphinx extension: put drawings with labelled marks into the page itself, where `figures.js` can read the labels.

Every SVG in a figure gets a class by its content. `bvg-card` keeps its colours on a dark page: it shows stimuli or a colour
map, or its caption names light and dark colours. `bvg-drawing` may be inverted. A variant for phones (`NAME-narrow.svg`) stands beside it. Only SVGs that label models or link to the explorer are inlined.
"""

import re
from collections import Counter
from html import escape
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
KINDS = {"equal": " at equal accuracy", "apart": ", sets of models apart"}
"""What a link to the explorer says about the kind of view it opens."""
REFERENCE = re.compile(r"#([^\s)]+)")


class Drawing(nodes.General, nodes.Element):
    """An SVG written into the page; unlike a raw node, the search index skips it."""


def write(translator, node):
    translator.body.append(node["svg"])
    raise nodes.SkipNode


def place(app, doctree, docname):
    """Give each SVG of a page its class and frame, and inline it if its marks are labelled."""
    for number, figure in enumerate(list(doctree.findall(nodes.figure)), start=1):
        image = next(figure.findall(nodes.image), None)
        if image is None or not image["uri"].endswith(".svg"):
            continue
        svg = (Path(app.srcdir) / image["uri"]).read_text(encoding="utf-8")
        caption = " ".join(caption.astext() for caption in figure.findall(nodes.caption))
        has_pixels = "<image" in svg or "QuadMesh" in svg  # stimuli, or a colour map with its scale
        fixed = has_pixels or re.search(r"\b(white|dark|light|pale)\b", caption, re.IGNORECASE)
        figure["classes"].append("bvg-card" if fixed else "bvg-drawing")
        outer = image.parent if isinstance(image.parent, nodes.reference) else image
        labelled = "data-model=" in svg or "<a " in svg
        inner = Drawing(svg=inline(svg, image["uri"], f"f{number}-", image["alt"])) if labelled else outer.deepcopy()
        canvases, small = (
            [nodes.container("", inner, classes=["bvg-canvas"])],
            image["uri"].replace(".svg", "-narrow.svg"),
        )
        if "bvg-beside" not in figure["classes"] and (Path(app.srcdir) / small).is_file():
            figure["classes"].append("bvg-has-narrow")
            svg = (Path(app.srcdir) / small).read_text(encoding="utf-8")
            if "data-model=" in svg or "<a " in svg:  # the marks or cells answer a tap
                drawn = inline(svg, small, f"f{number}n-", image["alt"])
            else:
                drawn = f'<img src="{small}" alt="{escape(image["alt"], quote=True)}" loading="lazy">'
            canvases.append(nodes.container("", Drawing(svg=drawn), classes=["bvg-canvas", "bvg-narrow"]))
        outer.replace_self(canvases)


def inline(svg: str, src: str, prefix: str, alt: str) -> str:
    """Return an SVG as an element of a page: small, and with ids that no other drawing on the page has.

    Args:
        svg: the file's text.
        src: its address, kept for `figures.js`.
        prefix: unique to the drawing; starts its ids and classes.
        alt: alternative text.
    """
    root = ElementTree.fromstring(svg)
    for definitions in root.findall(f"{SVG}defs"):
        if definitions.find(f"{SVG}style") is not None:  # the page's style sheet has these rules
            root.remove(definitions)
    box = root.get("viewBox")
    links = list(root.iter(f"{SVG}a"))
    root.attrib = {
        "class": "bvg-linked" if links else "bvg-marks", "data-src": src, "viewBox": box, "role": "group" if links else "img", "aria-label": alt,
    }  # fmt: skip
    for link in links:  # the page lies above the drawing's folder
        target = link.attrib.pop(HREF).removeprefix("../")
        words = " and ".join(re.findall(r"[#&][xy]=([^&]+)", target)).replace("_", " ")
        kinds = "".join(text for kind, text in KINDS.items() if kind in target.partition("view=")[2].split(","))
        link.attrib = {"href": target, "aria-label": f"Explorer: {words}{kinds}"}
    used = {name for e in root.iter() for a in references(e) for name in REFERENCE.findall(e.get(a))}
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)  # HTML knows no namespaces
        for attribute in references(element):
            element.set(attribute, element.get(attribute).replace("#", f"#{prefix}", 1))
        if HREF in element.attrib:
            element.set("href", element.attrib.pop(HREF))
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{prefix}{name}")
        if "style" in element.attrib:
            element.set("style", re.sub(r"font-family: [^;]*(?:; )?", "", element.get("style")))
        if not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    unwrap(root)
    label_once(root)
    share_styles(root, prefix)
    return ElementTree.tostring(root, encoding="unicode")


def references(element) -> list[str]:
    """Return the names of the attributes that refer to an id: `#id` or `url(#id)`."""
    return [a for a, v in element.items() if "url(#" in v or (a in ("href", HREF) and v.startswith("#"))]


def unwrap(element) -> None:
    """Replace groups without attributes by their content."""
    for child in element:
        unwrap(child)
    element[:] = [part for child in element for part in ([child] if child.tag != "g" or child.attrib else child)]


def label_once(root) -> None:
    """Keep group and method at a model's first mark only, and each set of values once per model.

    A model's curve is in every panel of a figure; repeating its full label would make the page heavy.
    """
    models, labels = set(), set()
    for mark in root.iter("g"):
        model, title = mark.get("data-model"), mark.find("title")
        if model is None or title is None:
            continue
        heading, *values = title.text.split("\n")
        if model in models:
            del mark.attrib["data-group"]
            if (model, *values) in labels:
                mark.remove(title)
            else:
                title.text = "\n".join([heading.partition(":")[0], *values])
        models.add(model)
        labels.add((model, *values))


def share_styles(root, prefix: str) -> None:
    """Replace style attributes that occur more than three times by classes."""
    counts = Counter(e.get("style") for e in root.iter() if e.get("style"))
    names = {style: f"{prefix}s{i}" for i, style in enumerate(s for s, n in counts.items() if n > 3)}
    for element in root.iter():
        if element.get("style") in names:
            element.set("class", names[element.attrib.pop("style")])
    rules = ElementTree.Element("style")
    rules.text = "".join(f".{name}{{{style}}}" for style, name in names.items())
    root.insert(0, rules)


def setup(app):
    app.add_node(Drawing, html=(write, None))
    app.connect("doctree-resolved", place)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
