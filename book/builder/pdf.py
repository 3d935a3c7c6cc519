"""Print the book as one PDF: headless Chromium prints each page of `_build/html`, pypdf joins them.

    python -m builder.pdf     writes _build/book.pdf and a copy next to the pages

Pages come in the order of `book/_toc.yml`, with a table of contents after the first. Parts and pages are bookmarks. A link to
another page of the book leads there within the PDF. A link to a file next to the pages (a table, a notebook) leads to the
published book if a repository is set (`launch.py`); otherwise it becomes plain text, since a PDF has no files next to it.
Chromium is offline while it prints.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NullObject, TextStringObject

from builder import BUILD, ROOT, chromium, launch, offer
from bvg.files import atomic

LIGHT = "localStorage.setItem('mode', 'light'); localStorage.setItem('theme', 'light')"
WIDTH = 680  # CSS pixels between the margins: 210 mm minus 2 x 15 mm, at 96 per inch
CORNER = 15 / 25.4 * 72, (297 - 16) / 25.4 * 72  # upper left corner of the text, in points from the page's lower left
CSS = """
@page { size: A4; margin: 16mm 15mm 20mm;
  @bottom-left { content: %(title)s; font: 8pt sans-serif; color: #555; }
  @bottom-right { content: counter(page); font: 8pt sans-serif; color: #555; } }
@page wide { size: A4 landscape; }
html { counter-reset: page %(before)d; font-size: 13px !important; }
#jb-print-toc, #print-main-content, .toggle-button, .headerlink { display: none !important; }
article details:not([open]), .sd-tab-set > input { display: none !important; }  /* folded content, such as code */
.cell:has(details:not([open])):not(:has(.cell_output)) { display: none !important; }
.sd-tab-set, .sd-tab-set > label { display: block !important; }  /* the name of each tab above its content */
h1, .bd-article h1, #jb-print-docs-body h1 { text-align: left !important; margin: 0 0 0.5em; }
h1, h2, h3, h4, dt, table > caption, .sd-tab-set > label { break-after: avoid; }
figure, tr, .admonition-title { break-inside: avoid; }
.admonition, table, .pst-scrollable-table-container { break-inside: auto !important; overflow: visible !important; }
.bvg-parameters { font-size: 0.85em; }
figure svg { max-height: 225mm; }
pre, code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
thead { display: table-header-group; }
"""
# Shrinks tables that would have to scroll. Adds a link to every id, because Chromium writes a destination only for ids that a
# link of the same document names; links from other pages need these destinations.
PREPARE = """async () => {
  await Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode().catch(() => {}); }));
  await document.fonts.ready;
  document.querySelectorAll('.admonition.toggle-hidden').forEach(box => box.classList.remove('toggle-hidden'));
  const tabs = document.querySelectorAll('.sd-tab-set > label');
  tabs.forEach(tab => tab.nextElementSibling.style.setProperty('display', 'block', 'important'));
  document.querySelectorAll('article table').forEach(table => {
    const turned = table.matches('.bvg-wide') ? 297 - 210 : 0;  // mm that a landscape page is wider
    const fits = (table.parentElement.clientWidth + turned / 25.4 * 96) / table.scrollWidth;
    if (fits < 1) table.style.zoom = 0.99 * fits;
  });
  const places = document.body.appendChild(document.createElement('div'));
  places.hidden = true;
  const corner = document.body.insertBefore(document.createElement('span'), document.body.firstChild);
  corner.id = 'corner';
  corner.style = 'position: absolute; top: 0; left: 0';
  document.querySelectorAll('#corner, article [id]').forEach(place => {
    places.appendChild(document.createElement('a')).href = '#' + place.id;
  });
}"""


def contents(toc: dict) -> list[tuple[str, list[str]]]:
    """Return the book's parts and pages, in order; the root page has no part title.

    >>> contents({"root": "index", "parts": [{"caption": "A", "chapters": [{"file": "b", "sections": [{"file": "c"}]}]}]})
    [('', ['index']), ('A', ['b', 'c'])]
    """

    def files(entries: list[dict]) -> list[str]:
        found = ([entry["file"]] * ("file" in entry) + files(entry.get("sections", [])) for entry in entries)
        return [file for part in found for file in part]

    parts = toc.get("parts") or [{"caption": "", "chapters": toc.get("chapters", [])}]
    return [("", [toc["root"]]), *((part.get("caption", ""), files(part["chapters"])) for part in parts)]


def title_of(page: Path) -> str:
    """Return the heading of a page of the book."""
    heading = re.search(r"<h1>([^\n]*?)<a class=\"headerlink", page.read_text(encoding="utf-8"))[1]
    return html.unescape(re.sub(r"<[^>]+>", "", heading)).strip()


def prepare(page: Page, title: str, before: int) -> None:
    """Apply the print style and number pages from `before` + 1."""
    quoted = "'" + title.replace("\\", "").replace("'", "\\'") + "'"
    page.add_style_tag(content=CSS % {"title": quoted, "before": before})
    page.evaluate(PREPARE)


def print_page(page: Page, target: Path) -> PdfReader:
    """Print the page on A4 into the file `target` and read it."""
    page.pdf(path=target, prefer_css_page_size=True, print_background=True)
    return PdfReader(target)


def contents_page(parts: list[tuple[str, list[str]]], titles: dict[str, str], first: dict[str, int], site: Path) -> str:
    """Return the table of contents, with page numbers, as HTML."""
    rows = ""
    for part, names in parts:
        rows += f"<tr><th colspan=2>{html.escape(part)}</th></tr>" if part else ""
        for name in names:
            link = f'<a href="{(site / name).as_uri()}.html">{html.escape(titles[name])}</a>'
            rows += f"<tr><td>{link}</td><td>{first.get(name, 0) + 1}</td></tr>"
    style = (
        "body { font-family: sans-serif; margin: 0 } table { width: 100% } th { text-align: left; padding-top: 1em }"
        "td, th { padding: 0; line-height: 1.35 } td + td { text-align: right } a { color: #0b5394; text-decoration: none }"
    )
    return f"<html lang=en><style>{style}</style><h1>Contents</h1><table>{rows}</table></html>"


def join(pieces: list[tuple[str, PdfReader]], site: Path, published: str | None) -> tuple[PdfWriter, dict[str, int]]:
    """Join the printed pages and connect their links.

    Returns:
        The document, and the number of each page's first sheet, from 0.
    """
    writer, first, places = PdfWriter(), {}, {}
    for name, reader in pieces:
        first[name] = start = len(writer.pages)
        named = reader.named_destinations
        # Chromium's destinations ignore the margins; the element `corner`, whose true position is known, gives the offset.
        right, up = CORNER[0] - named["/corner"].left, CORNER[1] - named["/corner"].top
        for place, found in named.items():
            number = reader.get_destination_page_number(found)
            if number is not None:
                places[name, unquote(place.lstrip("/"))] = start + number, found.left + right, found.top + up
        for page in reader.pages:
            writer.add_page(page)
        for page in writer.pages[start:]:
            marks = (noted(mark.get_object(), name, site) for mark in page.get("/Annots", []))
            page[NameObject("/Annots")] = ArrayObject(marks)
    for page in writer.pages:  # now that every place is known
        for mark in list(page["/Annots"]):
            target = mark.pop("/Book", None)
            if target is None:
                continue
            name, place, path = target
            if name in first:
                number, left, top = places.get((str(name), str(place)), (first[name], *CORNER))
                reference = writer.pages[number].indirect_reference
                where = [NameObject("/XYZ"), FloatObject(left), FloatObject(top), NullObject()]
                mark[NameObject("/Dest")] = ArrayObject([reference, *where])
            elif published:
                action = {"/S": NameObject("/URI"), "/URI": TextStringObject(published + str(path))}
                mark[NameObject("/A")] = DictionaryObject({NameObject(k): v for k, v in action.items()})
            else:
                page["/Annots"].remove(mark)
    return writer, first


def noted(mark: DictionaryObject, name: str, site: Path) -> DictionaryObject:
    """Note under `/Book` the page, place and path that a link in the book leads to."""
    if "/Dest" in mark:
        target = (name, unquote(str(mark.pop("/Dest")).lstrip("/")), "")
    elif str(mark.get("/A", {}).get("/URI", "")).startswith("file:"):
        url = urlsplit(str(mark.pop("/A")["/URI"]))
        path = Path(unquote(url.path))
        inside = path.relative_to(site).as_posix() if path.is_relative_to(site) else ""
        target = (inside.removesuffix(".html"), unquote(url.fragment), inside)
    else:
        return mark
    mark[NameObject("/Book")] = ArrayObject(TextStringObject(text) for text in target)
    return mark


def main() -> int:
    browser_path = chromium.find()
    if browser_path is None:
        print(chromium.MISSING, file=sys.stderr)
        return 2
    config = launch.settings(ROOT)
    parts = contents(yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")))
    site = BUILD / "html"
    write(browser_path, parts, config, site, BUILD / "book.pdf")
    shutil.copy2(BUILD / "book.pdf", site)
    offer.link(site)
    return 0


def write(browser_path: str, parts: list[tuple[str, list[str]]], config: dict, site: Path, out: Path) -> None:
    """Print the pages in `parts` from the folder `site` into the file `out`."""
    title, names, began = config["title"], [name for _, part in parts for name in part], time.monotonic()
    missing = [name for name in names if not (site / f"{name}.html").is_file()]
    if missing:
        raise SystemExit(f"expected the book at {site}, got no page {missing[0]}: run `make book` first")
    work = out.with_name("pdf")
    work.mkdir(parents=True, exist_ok=True)
    pieces, before = [], {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=chromium.ARGUMENTS)
        context = browser.new_context(offline=True, color_scheme="light", viewport={"width": WIDTH, "height": 960})
        context.add_init_script(LIGHT)
        page = context.new_page()
        page.emulate_media(media="print")
        # The contents are printed last, with page numbers, and inserted after the first page: here without, for their length.
        titles = {name: title_of(site / f"{name}.html") for name in names}
        page.set_content(contents_page(parts, titles, {}, site))
        prepare(page, title, 0)
        count = len(print_page(page, work / "contents.pdf").pages)
        for number, name in enumerate(names):
            page.goto((site / f"{name}.html").as_uri(), wait_until="load")
            before[name] = sum(len(r.pages) for _, r in pieces) + count * bool(number)
            prepare(page, title, before[name])
            pieces.append((name, print_page(page, work / f"{name}.pdf")))
            print(f"  {number + 1:2d}/{len(names)} {name}: {len(pieces[-1][1].pages)} pages", flush=True)
        page.goto("about:blank")
        page.set_content(contents_page(parts, titles, before, site))
        prepare(page, title, len(pieces[0][1].pages))
        listed = print_page(page, work / "contents.pdf")
        if len(listed.pages) != count:
            raise SystemExit(f"expected contents of {count} pages, as without page numbers, got {len(listed.pages)}")
        pieces.insert(1, ("", listed))
        browser.close()
    writer, first = join(pieces, site, launch.site(config))
    for part, members in parts:
        above = writer.add_outline_item(title=part, page_number=first[members[0]], bold=True) if part else None
        for name in members:
            writer.add_outline_item(title=titles[name], page_number=first[name], parent=above)
    writer.add_metadata(
        {"/Title": title, "/Author": config["author"], "/Subject": "Printed from the book's HTML pages"}
    )
    writer.root_object[NameObject("/Lang")] = TextStringObject("en")
    writer.root_object[NameObject("/PageMode")] = NameObject("/UseOutlines")
    writer.compress_identical_objects()  # images and fonts that pages share
    with atomic(out) as path:
        writer.write(path)
    shutil.rmtree(work)
    size, took = out.stat().st_size / 1e6, time.monotonic() - began
    print(f"{out.name}: {len(writer.pages)} pages, {size:.1f} MB, {took:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
