"""Sphinx extension: keep scripts from other hosts out of the pages.

Jupyter Book always loads sphinx_thebe, which adds the address of such a script to every page even when live code is off. This
extension disconnects the listener that adds it.
"""


def setup(app):
    found = [x for x in app.events.listeners["env-before-read-docs"] if x.handler.__name__ == "init_thebe_core"]
    for listener in found:
        app.disconnect(listener.id)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
