"""Sphinx extension: put every drawing into the page itself, in the colours of the page's theme, wide and for phones.

The variant for phones (`NAME-narrow.svg`) stands beside the wide one; `book.css` shows one of them. Each colour of a drawing
is a CSS variable of it, with a value for the light and one for the dark page (`dark_colours.py`). Photographs keep their
colours; they become files next to the pages, since both variants show the same ones.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

from dark_colours import INK, dark, dark_image
from docutils import nodes

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
KINDS = {"equal": " at equal accuracy", "apart": ", sets of models apart"}
"""What a link to the explorer says about the kind of view it opens."""
REFERENCE = re.compile(r"#([^\s)]+)")
COLOUR = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")
IMAGES = "_images"


class Drawing(nodes.General, nodes.Element):
    """An SVG written into the page; unlike a raw node, the search index skips it."""


def write(translator, node):
    translator.body.append(node["svg"])
    raise nodes.SkipNode


def narrow(uri: str) -> str:
    """Return the address of a drawing's variant for phones."""
    return uri.replace(".svg", "-narrow.svg")


def drawn(doctree) -> list[tuple[nodes.figure, nodes.image]]:
    """Return the figures of a page that show an SVG."""
    found = ((figure, next(figure.findall(nodes.image), None)) for figure in doctree.findall(nodes.figure))
    return [(figure, image) for figure, image in found if image is not None and image["uri"].endswith(".svg")]


def note(app, doctree):
    """Have a page written again when the variant of one of its drawings for phones changes."""
    for _, image in drawn(doctree):
        app.env.note_dependency(str(Path(app.srcdir) / narrow(image["uri"])))


def place(app, doctree, docname):
    """Replace each SVG of a page by its two variants."""

    def save(content: bytes, suffix: str) -> str:
        name = f"{IMAGES}/{sha256(content).hexdigest()[:12]}.{suffix}"
        (Path(app.outdir) / IMAGES).mkdir(parents=True, exist_ok=True)
        (Path(app.outdir) / name).write_bytes(content)
        return name

    markers: dict[tuple[str, str], str] = {}
    for number, (_, image) in enumerate(drawn(doctree), start=1):
        outer = image.parent if isinstance(image.parent, nodes.reference) else image
        canvases = []
        variants = [(image["uri"], f"f{number}", ["bvg-canvas"])]
        if (Path(app.srcdir) / narrow(image["uri"])).is_file():  # a page's own Matplotlib figure may have none
            variants.append((narrow(image["uri"]), f"n{number}", ["bvg-canvas", "bvg-narrow"]))
        for uri, prefix, classes in variants:
            svg = (Path(app.srcdir) / uri).read_text(encoding="utf-8")
            drawing = inline(svg, uri, prefix, image["alt"], save, markers)
            if "bvg-plain" in drawing.partition(">")[0]:  # the parts of the others answer a click
                drawing = f'<a href="{uri}">{drawing}</a>'
            canvases.append(nodes.container("", Drawing(svg=drawing), classes=classes))
        outer.replace_self(canvases)


def inline(
    svg: str, src: str, prefix: str, alt: str, save: Callable[[bytes, str], str], markers: dict[tuple[str, str], str]
) -> str:
    """Return an SVG as an element of a page: small, with two sets of colours, and with ids that no other drawing has.

    Args:
        svg: the file's text.
        src: its address, kept for `figures.js`.
        prefix: unique to the drawing; starts its ids and classes. A variant for phones has one that starts with n.
        alt: alternative text.
        save: writes an image (bytes, suffix) next to the pages and returns its address.
        markers: the markers that the page's drawings have defined so far, shape and style -> id; this one adds its own.
    """
    root = ElementTree.fromstring(svg)
    for definitions in root.findall(f"{SVG}defs"):
        if definitions.find(f"{SVG}style") is not None:  # the page's style sheet has these rules
            root.remove(definitions)
    links = list(root.iter(f"{SVG}a"))
    kind = "bvg-linked" if links else "bvg-marks" if "data-model=" in svg else "bvg-plain"
    root.attrib = {
        "class": f"bvg-drawing {kind} {prefix}", "data-src": src, "viewBox": root.get("viewBox"),
        "role": "group" if links else "img", "aria-label": alt,
    }  # fmt: skip
    for link in links:  # the page lies above the drawing's folder
        target = link.attrib.pop(HREF).removeprefix("../")
        words = " and ".join(re.findall(r"[#&][xy]=([^&]+)", target)).replace("_", " ")
        kinds = "".join(text for kind, text in KINDS.items() if kind in target.partition("view=")[2].split(","))
        link.attrib = {"href": target, "aria-label": f"Explorer: {words}{kinds}"}
    place_images(root, save)
    unclip(root)
    used = [name for e in root.iter() for a in references(e) for name in REFERENCE.findall(e.get(a))]
    ids = {name: f"{prefix}-{number}" for number, name in enumerate(dict.fromkeys(used))}
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)  # HTML knows no namespaces
        for attribute in references(element):
            element.set(attribute, REFERENCE.sub(lambda m: f"#{ids[m[1]]}", element.get(attribute)))
        if HREF in element.attrib:
            element.set("href", element.attrib.pop(HREF))
        name = element.attrib.pop("id", None)
        if name in ids:
            element.set("id", ids[name])
        if "style" in element.attrib:
            element.set("style", re.sub(r"font-family: [^;]*(?:; )?", "", element.get("style")))
        for attribute in {"d", "x", "y"} & element.attrib.keys():
            element.set(attribute, shorter(element.get(attribute), 2 if attribute == "d" and name in ids else 1))
        if not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    unwrap(root)
    label_once(root, narrow=prefix.startswith("n"))
    rules = name_colours(root, prefix)
    share_markers(root, markers)
    merge(root)
    rules += share_styles(root, prefix)
    style = ElementTree.Element("style")
    style.text = rules
    root.insert(0, style)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def shorter(path: str, decimals: int) -> str:
    """Return a path or a number with rounded coordinates, and with short commands for level and upright lines.

    >>> shorter("M 46.08 16.6 L 79.9 16.6 L 79.9 43.05 z", 1)
    'M46.1 16.6H79.9V43z'
    """
    parts, at = [], None
    for command, numbers in re.findall(r"([A-Za-z]?)([^A-Za-z]*)", path):
        points = [f"{round(float(n), decimals) or 0:g}" for n in numbers.split()]
        if command == "L" and at and points[0] == at[0]:
            text = f"V{points[1]}"
        elif command == "L" and at and points[1] == at[1]:
            text = f"H{points[0]}"
        else:
            text = command + " ".join(points).replace(" -", "-")
        at = points[-2:] or at
        parts.append(text)
    return "".join(parts)


def references(element) -> list[str]:
    """Return the names of the attributes that refer to an id: `#id` or `url(#id)`."""
    return [a for a, v in element.items() if "url(#" in v or (a in ("href", HREF) and v.startswith("#"))]


def place_images(root, save: Callable[[bytes, str], str]) -> None:
    """Store the images of a drawing as files. A colour map gets a second one for the dark page; a photograph does not."""
    for parent in list(root.iter()):
        for image in [child for child in parent if child.tag == f"{SVG}image"]:
            head, _, data = image.get(HREF).partition(",")
            content, suffix = base64.b64decode(data), head.partition("image/")[2].partition(";")[0]
            image.set(HREF, save(content, suffix))
            if not image.get("id", "").startswith("picture-"):
                other = deepcopy(image)
                other.set(HREF, save(dark_image(content), suffix))
                image.set("class", "bvg-light")
                other.set("class", "bvg-dark")
                parent.insert(list(parent).index(image) + 1, other)


def unclip(root) -> None:
    """Remove the clip path of what lies inside it, as the cells of a heat map and most lines do."""
    frames = {}
    for rect in root.iterfind(f".//{SVG}clipPath/{SVG}rect"):
        x, y, width, height = (float(rect.get(a)) for a in ("x", "y", "width", "height"))
        frames[rect] = x - 0.02, y - 0.02, x + width + 0.02, y + height + 0.02
    names = {f"url(#{clip.get('id')})": frames.get(clip[0]) for clip in root.iter(f"{SVG}clipPath")}
    for path in root.iter(f"{SVG}path"):
        frame = names.get(path.get("clip-path"))
        if frame and path.get("d") and "transform" not in path.attrib:
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d"))]
            xs, ys = numbers[::2], numbers[1::2]
            if frame[0] <= min(xs) and max(xs) <= frame[2] and frame[1] <= min(ys) and max(ys) <= frame[3]:
                del path.attrib["clip-path"]


def unwrap(element) -> None:
    """Replace groups without attributes by their content."""
    for child in element:
        unwrap(child)
    element[:] = [part for child in element for part in ([child] if child.tag != "g" or child.attrib else child)]


def merge(element) -> None:
    """Replace groups of a single marker by the marker, unless they are clipped: a marker's own place would move the clip, too."""
    for child in element:
        merge(child)
        if child.tag == "g" and [part.tag for part in child] == ["use"] and "clip-path" not in child.attrib:
            child.tag, child.attrib = "use", child.attrib | child[0].attrib
            del child[0]


def label_once(root, narrow: bool) -> None:
    """Keep group and method at a model's first mark only, and each set of values once per model.

    A model's curve is in every panel of a figure; repeating its full label would make the page heavy. The variant for phones
    has no labels: `figures.js` takes those of the wide one, and models are numbers: their places among the sorted ids.
    """
    models, labels = set(), set()
    marks = [mark for mark in root.iter("g") if mark.find("title") is not None and mark.get("data-model")]
    places = sorted({mark.get("data-model") for mark in marks})
    for mark in marks:
        model, title = mark.get("data-model"), mark.find("title")
        heading, *values = title.text.split("\n")
        if narrow or model in models:
            del mark.attrib["data-group"]
            if narrow or (model, *values) in labels:
                mark.remove(title)
            else:
                title.text = "\n".join([heading.partition(":")[0], *values])
        models.add(model)
        if narrow:
            mark.set("data-model", str(places.index(model)))
        labels.add((model, *values))


def share_markers(root, markers: dict[tuple[str, str], str]) -> None:
    """Use a marker that another drawing of the page has defined, instead of defining it again."""
    known = {}
    for parent in list(root.iter("defs")):
        for path in parent.findall("path"):
            same = markers.setdefault((path.get("d"), path.get("style", "")), path.get("id"))
            if same != path.get("id"):
                known[f"#{path.get('id')}"] = f"#{same}"
                parent.remove(path)
    for use in root.iter("use"):
        use.set("href", known.get(use.get("href"), use.get("href")))
    for parent in list(root.iter()):
        parent[:] = [child for child in parent if child.tag != "defs" or len(child)]


def name_colours(root, prefix: str) -> str:
    """Replace colours by CSS variables, and return the rules that define these, for the light and for the dark page."""
    names: dict[str, tuple[str, str]] = {}  # variable -> light and dark colour
    for element in root.iter():
        is_text = element.tag == "text"

        def variable(found: re.Match, is_text: bool = is_text) -> str:
            name = f"--{'t' * is_text}{found[2][1:]}"  # the same in all drawings, which share markers
            names[name] = found[2], dark(found[2], is_text)
            return f"{found[1]}: var({name})"

        for attribute in {"fill", "stroke"} & element.attrib.keys():  # of the ground of a hatched cell
            stated = f"{attribute}: {element.attrib.pop(attribute)}"
            element.set("style", "; ".join(filter(None, [element.get("style"), stated])))
        if "style" in element.attrib:
            style = COLOUR.sub(variable, element.get("style"))
            element.set("style", style.replace(": ", ":").replace("; ", ";"))
    light, other = (";".join(f"{name}:{pair[theme]}" for name, pair in names.items()) for theme in (0, 1))
    return f'.{prefix}{{{light}}}@media screen{{[data-theme="dark"] .{prefix}{{fill:{INK};{other}}}}}'


def share_styles(root, prefix: str) -> str:
    """Replace style attributes that occur more than three times by classes, and return the classes' rules."""
    counts = Counter(e.get("style") for e in root.iter() if e.get("style"))
    names = {style: f"{prefix}s{i}" for i, style in enumerate(s for s, n in counts.items() if n > 3)}
    for element in root.iter():
        if element.get("style") in names:
            own = [element.get("class"), names[element.attrib.pop("style")]]
            element.set("class", " ".join(filter(None, own)))
    return "".join(f".{name}{{{style}}}" for style, name in names.items())


def setup(app):
    app.add_node(Drawing, html=(write, None))
    app.connect("doctree-read", note)
    app.connect("doctree-resolved", place)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
