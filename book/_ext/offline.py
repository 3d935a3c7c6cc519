"""Sphinx extension: keep the pages free of scripts from other hosts.

Jupyter Book always loads sphinx_thebe, which writes a script address of another host into every page although live code is
switched off. The listener that does so is disconnected here.
"""


def setup(app):
    found = [x for x in app.events.listeners["env-before-read-docs"] if x.handler.__name__ == "init_thebe_core"]
    for listener in found:
        app.disconnect(listener.id)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
