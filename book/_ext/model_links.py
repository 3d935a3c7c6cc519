"""Sphinx extension: the name of a model of the study links to its profile in the explorer, and scripts know all names.

The role {model}`SIN <resnet50_trained_on_SIN>` makes such a link. `follow.js` reads the names from `window.bvgModels`.
"""

import json

from docutils import nodes

from bvg import known_models

PROFILE = "explorer.html#models="


def model(name, rawtext, text, lineno, inliner, options=None, content=()):
    title, _, id = text.removesuffix(">").partition(" <")
    return [nodes.reference(rawtext, title, refuri=PROFILE + id, internal=True, classes=["bvg-model"])], []


def setup(app):
    names = known_models.models().query("in_study")["name"].to_dict()
    app.add_js_file(None, body=f"window.bvgModels = {json.dumps(names, ensure_ascii=False, separators=(',', ':'))};")
    app.add_role("model", model)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
