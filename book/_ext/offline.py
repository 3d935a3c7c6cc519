"""Sphinx extension: keep the pages free of scripts from other hosts.

Jupyter Book always loads sphinx_thebe, which writes a script address of another host into every page although live code is
switched off. Its listeners are disconnected here.
"""


def setup(app):
    for listeners in list(app.events.listeners.values()):
        for listener in list(listeners):
            if listener.handler.__module__.split(".")[0] == "sphinx_thebe":
                app.disconnect(listener.id)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
