"""Measure the drawings of a page in the browser: size of type, what is cut off, colours and their contrast."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from browser import DESK, PHONE, ROOT, SETTLED, THEME, UNFOLD, page_names
from PIL import Image

# Shows the other tab of a set.
TABS = """() => document.head.insertAdjacentHTML("beforeend", "<style>.sd-tab-content { display: block !important; }</style>")"""

# Of each visible drawing: the height of its smallest type, and what is cut off or has to be scrolled.
SIZES = """() => [...document.querySelectorAll("svg.bvg-drawing")].filter((svg) => svg.checkVisibility()).map((svg) => {
  const frame = svg.getBoundingClientRect(), scale = svg.getScreenCTM().a, cut = [], sizes = [];
  const slack = 1.5;
  for (const text of svg.querySelectorAll("text")) {
    sizes.push(parseFloat(getComputedStyle(text).fontSize) * scale);
    const box = text.getBoundingClientRect();
    if (box.left < frame.left - slack || box.right > frame.right + slack || box.top < frame.top - slack || box.bottom > frame.bottom + slack)
      cut.push(text.textContent);
  }
  for (let at = svg; at !== document.body; at = at.parentElement)
    if (at.scrollWidth > at.clientWidth + 1 && getComputedStyle(at).overflowX !== "visible" && at !== svg) cut.push(`scrolls: ${at.className}`);
  if (frame.left < 0 || frame.right > document.documentElement.clientWidth) cut.push("the drawing itself");
  return { name: svg.dataset.src, smallest: Math.min(...sizes), texts: sizes.length, cut };
})"""

# Of each visible drawing: the contrast of every text with what is painted below it, and of every mark with the ground.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255);
  };
  const luminance = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) =>
    sum + weight * (c[i] <= 0.04045 ? c[i] / 12.92 : ((c[i] + 0.055) / 1.055) ** 2.4), 0);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const over = (top, below) => below.map((v, i) => (i < 3 ? top[3] * top[i] + (1 - top[3]) * v : 1));
  const face = (svg, element) => {  // the colour that a shape is filled with, and its outline's
    const shape = element.tagName === "use" ? document.querySelector(element.getAttribute("href")) : element;
    const style = getComputedStyle(shape), pattern = style.fill.match(/url\\("?(#[^")]+)/);
    const of = pattern ? getComputedStyle(svg.querySelector(pattern[1]).querySelector("rect")) : style;
    const paint = (value, opacity) => {
      if (value === "none") return null;
      const colour = rgba(value);
      colour[3] *= opacity * style.opacity;
      return colour[3] ? colour : null;
    };
    return { fill: paint(of.fill, of.fillOpacity), stroke: paint(style.stroke, style.strokeOpacity) };
  };
  return [...document.querySelectorAll("svg.bvg-drawing")].filter((svg) => svg.checkVisibility()).map((svg) => {
    const parts = [...svg.querySelectorAll("path, use, text")].filter((e) => !e.closest("defs, clipPath, pattern, .bvg-over") && !e.matches(".bvg-wide"));
    const shapes = parts.filter((e) => e.tagName !== "text").map((element) => ({ element, box: element.getBoundingClientRect(), ...face(svg, element) }));
    const ground = shapes[0].fill, texts = [], marks = [];
    for (const text of parts.filter((e) => e.tagName === "text")) {
      const box = text.getBoundingClientRect(), x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
      const below = shapes.filter((s) => s.fill && s.box.left < x && x < s.box.right && s.box.top < y && y < s.box.bottom &&
        s.element.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING).reduce((under, s) => over(s.fill, under), ground);
      texts.push([text.textContent, contrast(over(rgba(getComputedStyle(text).fill), below), below)]);
    }
    for (const { element, fill, stroke } of shapes) {
      const mark = element.closest("[data-model]");
      if (!mark || "behind" in mark.dataset) continue;
      marks.push([mark.dataset.model, Math.max(...[fill, stroke].filter(Boolean).map((c) => contrast(over(c, ground), ground)))]);
    }
    return { name: svg.dataset.src, ground: luminance(ground), texts, marks };
  });
}"""


@dataclass(frozen=True)
class Drawings:
    """The drawings of a page as a reader sees them.

    Attributes:
        phone: size of type and what is cut off, on a phone.
        light, dark, printed: contrasts and the luminance of the ground, by theme; `printed` from the dark theme.
        luminance: mean relative luminance of the dark drawings' pixels, in [0, 1], by drawing.
    """

    phone: list[dict]
    light: list[dict]
    dark: list[dict]
    printed: list[dict]
    luminance: dict[str, float]


def pages_with_figures() -> list[str]:
    """Names of the pages that show a figure, known before the book is built."""
    files = {name: ROOT / "notebooks" / f"{name}.md" for name in page_names()}
    files |= {
        n: Path(str(f).replace("measure-", "measure/"))
        for n, f in files.items()
        if n.startswith("measure-") and not f.is_file()
    }
    texts = {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.is_file()}
    return [name for name, text in texts.items() if "page.figure(" in text or "page.see(" in text]


def mean_luminance(picture: bytes) -> float:
    """Return the mean relative luminance of an image's pixels, in [0, 1]."""
    colours = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return float((linear @ (0.2126, 0.7152, 0.0722)).mean())


def visit(page, url: str) -> Drawings:
    """Measure the drawings of a page in all forms, in one visit."""
    page.set_viewport_size(DESK)
    page.goto(url)
    page.evaluate(TABS)
    page.evaluate(UNFOLD)
    page.evaluate(SETTLED)
    page.evaluate(THEME, "light")
    light = page.evaluate(CONTRASTS)
    page.evaluate(THEME, "dark")
    dark = page.evaluate(CONTRASTS)
    shown = page.locator("svg.bvg-drawing:visible").all()
    luminance = {svg.get_attribute("data-src"): mean_luminance(svg.screenshot()) for svg in shown}
    page.emulate_media(media="print")
    printed = page.evaluate(CONTRASTS)
    page.emulate_media(media="screen")
    page.set_viewport_size(PHONE)
    return Drawings(page.evaluate(SIZES), light, dark, printed, luminance)
