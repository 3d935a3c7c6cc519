"""What an error looks like in a notebook."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from bvg.datasets.layouts import DataError
from bvg.measure.accumulator import MeasureError
from bvg.measure.unit_store import RunError
from bvg.models.state_dicts import CheckpointError
from bvg.results import ResultsError


@pytest.mark.parametrize("kind", [DataError, MeasureError, RunError, CheckpointError, ResultsError])
def test_a_notebook_shows_the_sentence_last_and_no_traceback(kind, capsys):
    shell = InteractiveShell.instance()
    shell.user_ns["fail"] = kind
    shell.run_cell("def inner():\n    raise fail('expected A, got B: do C')\n\ninner()")
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[-1] == f"{kind.__name__}: expected A, got B: do C"
    assert len(lines) <= 2
