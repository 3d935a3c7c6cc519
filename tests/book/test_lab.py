"""JupyterLab in a browser: sentences, figures and controls of a notebook, the start page, an executed notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import pytest
from browser import watch
from companion.tables import findings
from nbconvert import HTMLExporter

from bvg import known_models
from bvg.results import correlation, load, scores

ROOT = Path(__file__).resolve().parents[2]
PAGE = "spectral-bias"
MAIN = (
    "index",
    "biases-and-generalization",
    "shape-bias",
    "spectral-bias",
    "critical-band",
    "claims",
    "at-equal-accuracy",
)
SENTENCE = ".jp-OutputArea-output:has(.bvg-prose)"
MARKUP = re.compile(r"%%prose|\{\{|\{(?:glue|ref|doc|term|cite)[:\w]*\}")
WRITTEN, LOWEST = 0.1, 0.001
NEWS = '{"fetchNews": "false", "checkForUpdates": false}'


def related(alpha: float) -> str:
    """The first sentence of the page `bias-correlation` at a level of significance."""
    models = scores.per_model(load("published"))
    cells = correlation.correlate(models, scores.BIAS_COLUMNS, scores.BIAS_COLUMNS, alpha=alpha)
    return findings.pairs_agree(correlation.pairs(cells), "biases")


def finding(alpha: float) -> str:
    """The first sentence of the page at a level of significance."""
    models = scores.per_model(load("published"))
    groups = known_models.figure2_groups(models["group"])
    cells = correlation.correlate(models, scores.CATEGORY_COLUMNS, ["low_frequency"], groups, alpha)
    return findings.relations(cells, "low_frequency")


@pytest.fixture(scope="module")
def folder(ipynbs, tmp_path_factory) -> Path:
    """A copy of the notebooks: JupyterLab saves what it runs."""
    root = tmp_path_factory.mktemp("lab")
    for name in ("lab", "notebooks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("output", "run"))
    return root


@pytest.fixture(scope="module")
def lab(folder, tmp_path_factory):
    """Address of a JupyterLab of this environment with its default settings; it asks no news server."""
    own = tmp_path_factory.mktemp("jupyter")
    settings = own / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(NEWS)
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data",
              "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}  # fmt: skip
    environment = os.environ | {name: str(own / place) for name, place in places.items()} | {"OMP_NUM_THREADS": "1"}
    command = [
        Path(sys.executable).with_name("jupyter"),
        "lab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        "--port=0",
    ]
    with (own / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--IdentityProvider.token=", f"--notebook-dir={folder}"], stdout=log, stderr=log, env=environment
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := list((own / "runtime").glob("jpserver-*.json"))):
            assert server.poll() is None, (own / "log").read_text()
            assert time.monotonic() < deadline, (own / "log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{json.loads(found[0].read_text())['port']}/lab"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def tab(context):
    """One browser page for all tests: JupyterLab takes seconds to load."""
    page = context.new_page()
    yield page
    page.close()


def open_notebook(page, address: str) -> None:
    page.goto(address, wait_until="commit")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)


def run_all(page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def wait_for_sentence(page, text: str) -> None:
    page.locator(SENTENCE, has_text=text).wait_for(state="attached", timeout=60_000)


def prose(page) -> str:
    """The text of all Markdown in the notebook: cells, sentences and captions."""
    return "\n".join(page.locator(".jp-RenderedMarkdown").all_text_contents())


def sources(page) -> list[str]:
    """The code that readers see."""
    boxes = page.locator(".jp-CodeCell > .jp-Cell-inputWrapper").all()
    return [box.text_content() for box in boxes if box.evaluate("box => getComputedStyle(box).display") != "none"]


def figure(page) -> str:
    """The first figure of the notebook, as SVG or the address of an image."""
    return page.locator(".jp-RenderedSVG").first.inner_html()


def test_the_sentences_at_the_levels_of_these_tests_differ():
    assert len({finding(alpha) for alpha in (0.05, WRITTEN, LOWEST)}) == 3
    assert related(0.05) != related(LOWEST)


def test_make_lab_opens_a_start_page_that_leads_to_the_main_notebooks(folder, lab, tab):
    dry = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "lab"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    start = Path(dry.stdout.split()[-1])
    text = next(cell.source for cell in jupytext.read(ROOT / start.with_suffix(".md")).cells)
    links = {(start.parent / link).as_posix() for link in re.findall(r"\]\(([^)]+)\)", text)}
    assert {f"lab/../notebooks/{name}.ipynb" for name in MAIN} <= links
    assert [link for link in links if not (folder / link).is_file()] == []
    traffic = watch(tab)
    open_notebook(tab, f"{lab}/tree/{start}")
    tab.get_by_role("link", name="Spectral bias").first.click()
    tab.get_by_role("tab", name=f"{PAGE}.ipynb").wait_for()
    assert traffic.elsewhere == []


def test_sentences_and_figures_follow_an_edit_and_a_control(lab, tab):
    open_notebook(tab, f"{lab}/tree/notebooks/{PAGE}.ipynb?reset")
    tab.locator(".jp-StatusBar-Widget", has_text="| Idle").wait_for(timeout=60_000)
    run_all(tab)
    wait_for_sentence(tab, finding(0.05))
    wait_for_sentence(tab, "A low-pass filter with cut-off")  # a term of the glossary
    assert not MARKUP.search(prose(tab))
    assert not [source for source in sources(tab) if "%%prose" in source]
    drawn = [figure(tab)]
    tab.locator(SENTENCE).first.click()
    source = tab.locator(".jp-mod-active .cm-content", has_text="%%prose")
    tab.keyboard.press("Enter")
    source.wait_for()
    tab.keyboard.press("Escape")
    source.wait_for(state="hidden")

    line = tab.locator(".cm-line", has_text="alpha = 0.05").first
    line.click()
    tab.keyboard.press("End")
    tab.keyboard.press("Shift+Home")
    tab.keyboard.type(f"alpha = {WRITTEN}")
    tab.keyboard.press("Escape")
    run_all(tab)
    wait_for_sentence(tab, finding(WRITTEN))
    drawn.append(figure(tab))

    tab.get_by_text("Change the parameters").click()
    handle = tab.get_by_role("slider").first
    handle.focus()
    handle.press("Home")
    wait_for_sentence(tab, finding(LOWEST))
    tab.get_by_text("Redrawing …").wait_for(state="detached")
    drawn.append(figure(tab))
    assert len(set(drawn)) == 3


def test_an_executed_notebook_has_its_numbers_without_a_kernel(folder, lab, tab, papermill_command):
    run = folder / "run.ipynb"
    done = papermill_command(folder, folder / "notebooks" / "bias-correlation.ipynb", run, "-p", "alpha", LOWEST)
    assert done.returncode == 0, done.stderr
    open_notebook(tab, f"{lab}/tree/run.ipynb?reset")
    wait_for_sentence(tab, related(LOWEST))
    assert not MARKUP.search(prose(tab))
    run.with_suffix(".html").write_text(HTMLExporter().from_filename(str(run))[0], encoding="utf-8")
    tab.goto(run.with_suffix(".html").as_uri(), wait_until="commit")
    wait_for_sentence(tab, related(LOWEST))
    assert not [source for source in sources(tab) if "%%prose" in source]
