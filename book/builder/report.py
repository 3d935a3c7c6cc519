"""Report on measured models: `python -m builder.report RUN` writes RUN/report-ID.html, one file to send, for each model.

Of several models, RUN/report-side-by-side.html compares all. RUN is a run folder or a results table. The notebook `model-report` is
executed with the published results and those of RUN; a run of the miniature is reported among the miniature's networks.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from builder import ROOT
from bvg import results, study


def models_of(run: str | Path) -> list[str]:
    """Return the ids that the models of a run have beside the published ones (`model@run` for a model of the study)."""
    table = results.load(sources(run))
    return list(dict.fromkeys(table.loc[table["source"] != "published", "model"]))


def sources(run: str | Path) -> list[str]:
    """Return the results to report on a run with: its own and, on ImageNet, the published ones."""
    own = str(Path(run).resolve())
    return [own] if results.world_of(own) is study.MINIATURE else ["published", own]


def report(run: str | Path, models: Sequence[str], out: Path) -> Path:
    """Execute the notebook for models and write it as one HTML file.

    Args:
        run: run folder or results table.
        models: ids of the models; several stand side by side.
        out: folder for the file and for figures and tables (`out/report-ID/`).

    Returns:
        The HTML file.
    """
    import jupytext
    import papermill

    name = f"report-{quote(models[0], safe='') if len(models) == 1 else 'side-by-side'}"
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    notebook = folder / f"{name}.ipynb"
    jupytext.write(jupytext.read(ROOT / "notebooks" / "model-report.md"), notebook)
    given = {"results": sources(run), "report_on": list(models), "out": name}
    # Links to figures and tables are relative to the report.
    papermill.execute_notebook(str(notebook), str(notebook), given, cwd=str(out), progress_bar=False, log_output=False)
    page = out / f"{name}.html"
    page.write_text(html(notebook), encoding="utf-8")
    return page


def html(executed: Path) -> str:
    """Return an executed notebook as one HTML page without code, which loads nothing from elsewhere."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = json.loads(executed.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["outputs"] = [o for o in cell.get("outputs", []) if _shown(o)]
        if cell["cell_type"] != "code":
            del cell["outputs"]
    exporter = HTMLExporter(exclude_input=True, exclude_output_prompt=True)
    for address in (
        "mathjax_url",
        "require_js_url",
        "jquery_url",
        "widget_renderer_url",
        "mermaid_js_url",
        "html_manager_semver_range",
    ):
        if exporter.has_trait(address):
            setattr(exporter, address, "")
    return exporter.from_notebook_node(nbformat.reads(json.dumps(notebook), as_version=4))[0]


def _shown(output: dict) -> bool:
    """Return whether readers see an output: the table of parameters is no part of a report."""
    hidden = "page" in output.get("metadata", {}).get("bvg", {})
    return not hidden and any(kind.startswith(("text/", "image/")) for kind in output.get("data", {"text/plain": ""}))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Report on the models of a run, one HTML file each.")
    parser.add_argument("run", type=Path, help="run folder or results table")
    parser.add_argument("--out", type=Path, help="folder for the reports; default: RUN, or the folder of the table")
    args = parser.parse_args(argv)
    out = args.out or (args.run if args.run.is_dir() else args.run.parent)
    models = models_of(args.run)
    for some in [*([model] for model in models), *([models] if len(models) > 1 else [])]:
        print(report(args.run, some, out))


if __name__ == "__main__":
    main()
