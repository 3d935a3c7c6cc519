"""Buttons and notebooks of a published book: everything that the address of the repository turns on.

The address is `repository: url` in `_config.yml`, or the variable `BVG_REPOSITORY`. With it, pages get buttons for the repository
and its issues, and pages that are notebooks get buttons for Binder and Colab. These open the executed notebooks that the
publishing workflow puts into the folder `notebooks` of the branch `gh-pages`; a first cell installs `bvg`, and
`requirements.txt` is Binder's environment. Without the address, the book has none of these.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

BRANCH = "gh-pages"
NOTEBOOKS = "notebooks"
VARIABLE = "BVG_REPOSITORY"
EXTRAS = "measure,book"


def settings(root: Path) -> dict:
    """Return the settings in `_config.yml`, with what the address turns on."""
    config = effective(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")), os.environ)
    url = config.get("repository", {}).get("url")
    code = f"`git clone {url}`, then `make book`." if url else "`make book` in the repository builds this book."
    config["sphinx"]["config"]["myst_substitutions"] = {"get_code": code}
    # Jupyter Book resolves these from the folder of the settings file that it is given, which is not the repository.
    local = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = {name: str(root / folder) for name, folder in local.items()}
    return config


def effective(config: dict, environment: Mapping[str, str]) -> dict:
    """Return settings with what the repository's address turns on.

    Args:
        config: content of `_config.yml`.
        environment: the process environment; its `BVG_REPOSITORY` takes precedence over the file.

    Raises:
        SystemExit: the address is not a repository on github.com, the only host that Colab and GitHub Pages serve.

    >>> effective({"repository": {"url": ""}}, {})
    {}
    """
    config = copy.deepcopy(config)
    url = (environment.get(VARIABLE) or config.get("repository", {}).get("url") or "").removesuffix(".git").rstrip("/")
    if not url:
        config.pop("repository", None)
        return config
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise SystemExit(f"expected the repository's address to be https://github.com/OWNER/NAME, got {url!r}")
    config["repository"] = {"url": url}
    # The theme uses one branch and folder for all buttons; of the buttons shown, only those of notebooks need them.
    options = {
        "repository_url": url,
        "repository_branch": BRANCH,
        "path_to_docs": NOTEBOOKS,
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
    # Given to the theme directly: Jupyter Book drops the options that it derives if `_config.yml` has options for the theme.
    sphinx = config.setdefault("sphinx", {}).setdefault("config", {})
    sphinx["html_theme_options"] = sphinx.get("html_theme_options", {}) | options
    return config


def site(config: dict) -> str | None:
    """Return the published book's address, with a final slash, or None.

    >>> site({"repository": {"url": "https://github.com/Owner/name"}})
    'https://owner.github.io/name/'
    """
    url = config.get("repository", {}).get("url")
    if not url:
        return None
    owner, name = url.split("/")[-2:]
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def requirement(config: dict) -> str:
    """Return pip's requirement for `bvg` with all that the notebooks import."""
    return f"bvg[{EXTRAS}] @ git+{config['repository']['url']}"


def launchable(notebook: str, config: dict) -> str:
    """Add a cell that installs `bvg` to a notebook (JSON), if there is an address."""
    if not site(config):
        return notebook
    content = json.loads(notebook)
    source = (
        "# Installs the companion if it is missing, as on Colab. This takes a few minutes.\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("bvg") is None:\n'
        f'    %pip install --quiet "{requirement(config)}"'
    )
    cell = {"cell_type": "code", "execution_count": None, "id": "install", "metadata": {"tags": ["install"]}}
    content["cells"].insert(0, cell | {"outputs": [], "source": source})
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def environment_files(config: dict, folder: Path) -> None:
    """Write the files that Binder and GitHub Pages need, if there is an address."""
    if site(config):
        # PyTorch's own index has builds for CPU only, a tenth the size of the default ones.
        wheels = "--extra-index-url https://download.pytorch.org/whl/cpu"
        (folder / "requirements.txt").write_text(f"{wheels}\n{requirement(config)}\n", encoding="utf-8")
        (folder / "runtime.txt").write_text("python-3.11\n", encoding="utf-8")
        (folder / ".nojekyll").touch()
