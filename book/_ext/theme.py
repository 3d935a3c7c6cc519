"""Sphinx extension: mend what the theme does to a page's weight, to its console and to readers who use no mouse."""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

# What the theme writes into a page, by what is to stand there.
EVERYWHERE = {
    # 1.5 MB of drawn icons; the theme's style sheet has the same icons as a font, a tenth of the size.
    r'<script defer src="[^"]*scripts/fontawesome\.js[^"]*"></script>': "",
    # The list of pages stands in a landmark, the book's name above it in none.
    r'<div id="pst-primary-sidebar" ': r'\g<0>role="complementary" aria-label="The book" ',
}
WHERE_FOUND = {
    # docutils gives the entries of the bibliography a role that a list may not have in it.
    r'role="doc-biblioentry"': 'role="listitem"',
}


def first_visit(app, config):
    # The theme reports the mode of a reader who has chosen none as an error, unless there is one to begin with.
    config.html_context.setdefault("default_mode", "auto")


def mend(text: str) -> str:
    """A page of the theme, mended.

    Raises:
        ExtensionError: the theme writes something else than it used to.
    """
    for old, new in EVERYWHERE.items():
        text, times = re.subn(old, new, text)
        if times != 1:
            raise ExtensionError(
                f"expected the theme to write {old} once into a page, got {times}: adapt book/_ext/theme.py"
            )
    for old, new in WHERE_FOUND.items():
        text = re.sub(old, new, text)
    return text


def pages(app, exception):
    if exception is None and app.builder.name == "html":
        for path in Path(app.outdir).glob("*.html"):
            path.write_text(mend(path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app):
    app.connect("config-inited", first_visit)
    app.connect("build-finished", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
