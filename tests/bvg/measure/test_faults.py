"""A campaign of faults: hostile tables, checkpoints, names and settings, files damaged at random, kills at random moments.

Each input gives either the right numbers or one of this package's errors, whose message is a sentence.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from colour_reader import ColourReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from measuring import UNITS, measure

from bvg import results
from bvg.datasets.layouts import DataError
from bvg.measure import Settings, named
from bvg.measure.unit_store import RunError
from bvg.models.loading import load
from bvg.models.state_dicts import CheckpointError, StateDictLayout
from bvg.results import ResultsError

pytestmark = pytest.mark.usefixtures("empty_cache")

CAREFULLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))


def explains(error: BaseException) -> None:
    """Check that an error has a message of a few words."""
    assert len(str(error).split()) > 3, repr(error)


# --- tables ----------------------------------------------------------------------------------------------------------

ROW = {
    "model": "m",
    "benchmark": "imagenet",
    "variant": "",
    "level": None,
    "metric": "top1",
    "value": 50.0,
    "n": 9,
    "source": "s",
}


@CAREFULLY
@given(column=st.sampled_from(list(ROW)), value=ANYTHING)
def test_a_strange_field_is_rejected_or_kept_as_it_is(column, value):
    given_ = pd.DataFrame([ROW, ROW | {"model": "other", column: value}])
    try:
        table = results.validate(given_)
    except ResultsError as error:
        explains(error)
        return
    kept = table.loc[1, column]
    if pd.isna(kept):
        assert value is None or value == "" or value != value
    else:
        assert not isinstance(value, bool) or column in ("model", "source")
        assert kept in ("", value) or str(kept) == str(value) or float(kept) == float(value)


@CAREFULLY
@given(content=st.binary(max_size=300))
def test_random_bytes_are_no_table(tmp_path, content):
    for name in ("x.csv", "x.parquet"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ResultsError) as caught:
            results.load(tmp_path / name)
        explains(caught.value)


@CAREFULLY
@given(data=st.data())
def test_a_table_written_and_read_is_the_same(tmp_path, data):
    rows = data.draw(
        st.lists(
            st.tuples(
                st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\r\n"), min_size=1, max_size=30),
                st.floats(1.1, 100),
                st.one_of(st.none(), st.integers(1, 10**6)),
            ),
            min_size=1, max_size=5, unique_by=lambda row: row[0],
        )
    )  # fmt: skip
    table = pd.DataFrame([ROW | {"model": model, "value": value, "n": n} for model, value, n in rows])
    for name in ("x.csv", "x.parquet"):
        results.write(table, tmp_path / name)
        read = results.load(tmp_path / name)
        assert read["value"].tolist() == table["value"].tolist()
        assert read["model"].tolist() == table["model"].tolist()


# --- models ----------------------------------------------------------------------------------------------------------


@CAREFULLY
@given(
    content=st.recursive(ANYTHING, lambda inner: st.dictionaries(st.text(max_size=10), inner, max_size=4), max_leaves=8)
)
def test_checkpoints_of_any_content_are_rejected(tmp_path, content):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path / "x.pth")
    explains(caught.value)


@CAREFULLY
@given(
    prefixes=st.lists(st.sampled_from(["module.", "model.", "net.", "_orig_mod."]), max_size=4), nested=st.booleans()
)
def test_prefixes_are_removed_in_any_order(prefixes, nested):
    layout = StateDictLayout(path="state_dict?", strip=("module.", "model.", "net.", "_orig_mod."))
    names = ["conv1.weight", "layer1.0.bn1.bias", "fc.bias"]
    state = {"".join(prefixes) + name: k for k, name in enumerate(names)}
    assert layout.apply({"state_dict": state} if nested else state) == {name: k for k, name in enumerate(names)}


@CAREFULLY
@given(id=st.text(max_size=300))
def test_ids_of_models_are_rejected_or_usable_as_names(id):
    try:
        named({id: ColourReader()})
    except ValueError as error:
        explains(error)
    else:
        assert id.isprintable()
        assert len(os.fsencode(id)) < 255


@CAREFULLY
@given(
    changes=st.dictionaries(
        st.sampled_from(["batch_size", "seed", "limit", "workers", "precision"]), ANYTHING, min_size=1
    )
)
def test_settings_are_checked(changes):
    try:
        made = Settings(**changes)
    except (ValueError, TypeError) as error:
        explains(error)
    else:
        for name, value in changes.items():
            assert getattr(made, name) == value
            assert not isinstance(value, bool | float)


HOSTILE = [
    "$x_{bad",
    "a/b",
    "../up",
    "<b>bold</b>",
    "\\frac{",
    "名前",
    "a b",
    "%s {0}",
    "-rf",
    "CON",
    "'\"`",
    "x" * 120,
]


@pytest.mark.parametrize("id", HOSTILE)
def test_hostile_names_are_measured_and_written(small, tmp_path, id):
    table = measure({id: ColourReader()}, ["imagenet"], small, tmp_path / "run", keep_predictions=True)
    assert set(table["model"]) == {id}
    assert set(results.load(tmp_path / "run")["model"]) == {id}
    (file,) = (tmp_path / "run/predictions").iterdir()
    assert set(pd.read_parquet(file)["model"]) == {id}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "run", "small"]


# --- files -----------------------------------------------------------------------------------------------------------


def corrupt(path: Path, rng: np.random.Generator) -> None:
    """Damage a file in one of four ways."""
    content = bytearray(path.read_bytes())
    kind = rng.integers(4)
    if kind == 0:
        content = content[: len(content) // 2]
    elif kind == 1:
        content = bytearray()
    elif kind == 2:
        content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    else:
        place = int(rng.integers(max(1, len(content) - 40)))
        content[place : place + 40] = rng.bytes(40)
    path.write_bytes(content)


# The pixels in images.npy are left out: 7.5 GB are not compared with a digest at each start.
KINDS = ["units.sqlite", "results.parquet", "manifest.json", "digests.npy", "digests/", ".png"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_gives_an_error_or_the_right_numbers(small, tmp_path, kind, seed):
    """One file of each kind is damaged after a run; the run is repeated in place, and in a new folder."""
    out = tmp_path / "run"
    right = measure({"mine": ColourReader()}, UNITS, small, out)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and kind in str(path)]
    if kind == ".png":
        files = [path for path in files if "imagenet/val" in str(path)]
    assert files
    rng = np.random.default_rng(seed)
    path = files[int(rng.integers(len(files)))]
    corrupt(path, rng)
    for folder in (out, tmp_path / "new/run"):
        try:
            again = measure({"mine": ColourReader()}, UNITS, small, folder)
        except (RunError, DataError, ResultsError) as error:
            explains(error)
        else:
            pd.testing.assert_frame_equal(again.assign(source="run"), right)


# --- kills -----------------------------------------------------------------------------------------------------------

KILLING = """
    import os, random, signal, sys, time, warnings
    import torch
    torch.set_num_threads(1)
    from bvg.measure import engine, run
    engine.WRITE_AFTER = 0.02
    warnings.simplefilter("ignore")

    def work(out):
        run(["mini_standard", "mini_linf_eps4"], "all", "miniature", out, limit=3, progress=False, device="cpu",
            keep_predictions=True, batch_size=2)

    begin = time.monotonic()
    work(sys.argv[1] + "/whole/run")
    whole, random, kills = time.monotonic() - begin, random.Random(0), 0
    for _ in range(8):
        child = os.fork()
        if not child:
            work(sys.argv[1] + "/killed/run")
            os._exit(0)
        time.sleep(random.uniform(0.02, 0.15) * whole)
        if os.waitpid(child, os.WNOHANG) == (0, 0):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            kills += 1
    work(sys.argv[1] + "/killed/run")
    print(kills)
"""


def test_kills_at_random_moments_over_all_instruments_lose_and_change_nothing(tmp_path):
    """A run of everything is killed again and again, after a random time; then it equals one that was not."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLING), str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) > 3
    tables = [pd.read_parquet(tmp_path / name / "run/results.parquet") for name in ("whole", "killed")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert len(tables[0]) > 100
    names = [sorted(path.name for path in (tmp_path / x / "run/predictions").iterdir()) for x in ("whole", "killed")]
    assert names[0] == names[1]
    for name in names[0]:
        one, other = (pd.read_parquet(tmp_path / x / "run/predictions" / name) for x in ("whole", "killed"))
        pd.testing.assert_frame_equal(one, other)
