"""What one setting turns on: the address of the repository, `repository: url` in `_config.yml` or `BVG_REPOSITORY`.

With it the pages get buttons: the repository, an issue, and for pages that are notebooks Binder and Colab. These two open the
executed notebooks as the publishing workflow puts them on the branch `gh-pages`, folder `notebooks`, where a first cell
installs `bvg` and `requirements.txt` is Binder's environment. Without it none of this is there.
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
    """`_config.yml` of the repository at `root` with what the address turns on, for this process's environment."""
    config = effective(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")), os.environ)
    # A page says {{ book_pdf }}: only the published book has the file for certain beside its pages.
    offered = f"[`book.pdf`]({site(config)}book.pdf)" if site(config) else "`_build/book.pdf`"
    config["sphinx"]["config"]["myst_substitutions"] = {"book_pdf": offered}
    # Jupyter Book looks for these from the folder of the file that it is given, which is another one than _config.yml's.
    local = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = {name: str(root / folder) for name, folder in local.items()}
    return config


def effective(config: dict, environment: Mapping[str, str]) -> dict:
    """Jupyter Book's settings with what the repository's address turns on.

    Args:
        config: what `_config.yml` holds.
        environment: the process environment; `BVG_REPOSITORY` there goes before the file.

    Raises:
        SystemExit: the address is not one of a repository on github.com, the only host that Colab and Pages serve.

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
    # The theme knows one branch and one folder for all its buttons; of those shown here only the notebooks' need them.
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
    # Said to the theme itself: where `_config.yml` has options for it, Jupyter Book drops those that it derives from its own.
    sphinx = config.setdefault("sphinx", {}).setdefault("config", {})
    sphinx["html_theme_options"] = sphinx.get("html_theme_options", {}) | options
    return config


def site(config: dict) -> str | None:
    """Address of the published book, with a slash at its end, or None without a repository.

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
    """What pip installs: `bvg` with all that the notebooks import, from the repository's default branch."""
    return f"bvg[{EXTRAS}] @ git+{config['repository']['url']}"


def launchable(notebook: str, config: dict) -> str:
    """An executed notebook (JSON) with a first cell that installs `bvg` where it is missing; unchanged without a repository."""
    if not site(config):
        return notebook
    content = json.loads(notebook)
    source = (
        "# Installs the companion where it is missing, as on Colab; this takes a few minutes.\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("bvg") is None:\n'
        f'    %pip install --quiet "{requirement(config)}"'
    )
    cell = {"cell_type": "code", "execution_count": None, "id": "install", "metadata": {"tags": ["install"]}}
    content["cells"].insert(0, cell | {"outputs": [], "source": source})
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def environment_files(config: dict, folder: Path) -> None:
    """Write what Binder and GitHub Pages look for at the top of the branch; nothing without a repository."""
    if site(config):
        # PyTorch's own index has builds for CPU, a tenth of the size of those that pip takes by default.
        wheels = "--extra-index-url https://download.pytorch.org/whl/cpu"
        (folder / "requirements.txt").write_text(f"{wheels}\n{requirement(config)}\n", encoding="utf-8")
        (folder / "runtime.txt").write_text("python-3.11\n", encoding="utf-8")
        (folder / ".nojekyll").touch()
