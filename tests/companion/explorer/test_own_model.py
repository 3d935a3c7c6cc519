"""A model that the reader adds to the explorer, compared with what Python computes from the same results table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import DESK, PHONE, axe, violations
from companion.analysis import report
from companion.explorer import explorer, rules
from explorer_page import NAMES, PUBLISHED, pressed, scales
from miniature_results import measured

from bvg import study
from bvg.known_models import describe
from bvg.results import ResultsError, load, per_model, scores
from bvg.results.schema import COLUMNS, validate

MODEL = "robust_resnet50_l2_eps3"
GOOD = "m,imagenet,,,top1,50,,s"
HEADER = ",".join(COLUMNS)


@pytest.fixture
def table(tmp_path):
    """Write the published numbers of a model under another name, as percentages with some changed; return the path."""

    def table(model: str = MODEL, name: str = "mine", drop: str = "") -> str:
        rows = PUBLISHED[(PUBLISHED["model"] == model) & (PUBLISHED["benchmark"] != drop)].assign(
            model=name, source="run-1"
        )
        rows.to_csv(tmp_path / "mine.csv", index=False)
        return str(tmp_path / "mine.csv")

    return table


def give(page, path: str) -> None:
    page.locator(".bvgx-own > summary").click()
    page.locator(".bvgx-own input[type=file]").set_input_files(path)
    page.locator(".bvgx-own :is([role=alert], [role=status]):not(:empty)").wait_for()


SCORE = """([rows, ids]) => {
  const data = JSON.parse(document.getElementById("bvg-explorer-data").textContent);
  const own = bvgx.createOwn(data, null);
  const read = bvgx.readTable(rows, "table.csv", data.own.schema);
  return ids.map((id) => [id, own.score(read.filter((row) => row.model === id))]);
}"""


def test_every_score_of_every_model_equals_python(visit):
    """The published table gives every measure but the shares of cue-conflict decisions, which need the counts."""
    page = visit()
    content = explorer(PUBLISHED)
    found = dict(page.evaluate(SCORE, [PUBLISHED.to_csv(index=False), [m["id"] for m in content.data["models"]]]))
    for model, values in zip(content.data["models"], content.data["values"], strict=True):
        for measure, ours, theirs in zip(content.data["measures"], found[model["id"]], values, strict=True):
            if measure["id"].endswith(("sensitivity", "neither_cue")) and measure["id"] != "peak_noise_sensitivity":
                assert ours is None
            else:
                assert ours == pytest.approx(theirs, rel=1e-12), (model["id"], measure["id"])


def test_scores_of_measured_rows_equal_python(visit, tmp_path):
    """Accuracies on filtered images, each severity and the counts of decisions, as `bvg.measure` writes them."""
    kinds, counts = study.CORRUPTIONS["imagenet-cbar"], {"shape_hits": 101, "texture_hits": 200}
    rows = [
        ("imagenet-cbar", kind, severity, "top1", 40 + severity + len(kind) / 7)
        for kind in kinds
        for severity in study.SEVERITIES
    ]
    rows += [("cue-conflict", "", np.nan, metric, value) for metric, value in counts.items()]
    rows += [
        ("layer-criticality", layer, np.nan, "criticality", value) for layer, value in (("conv1", 0.4), ("fc", 0.7))
    ]
    further = pd.DataFrame(rows, columns=["benchmark", "variant", "level", "metric", "value"]).assign(
        model="mine", n=432, source="run"
    )
    own = measured("mine")
    pd.concat([own[own["benchmark"] != "imagenet-cbar"], further])[list(COLUMNS)].to_csv(
        tmp_path / "mine.csv", index=False
    )
    content = explorer(load(["published", str(tmp_path / "mine.csv")]), allow_missing=True)
    [(_, found)] = visit().evaluate(SCORE, [(tmp_path / "mine.csv").read_text(encoding="utf-8"), ["mine"]])
    ids = [m["id"] for m in content.data["measures"]]
    assert content.data["models"][-1]["id"] == "mine"
    ours, theirs = (dict(zip(ids, values, strict=True)) for values in (found, content.data["values"][-1]))
    assert {m for m in ids if ours[m] is None} == {m for m in ids if theirs[m] is None}
    known = [m for m in ids if ours[m] is not None]
    assert {"neither_cue", "criticality", "low_frequency", "imagenet-c/fog", "imagenet-cbar", "pgd"} <= set(known)
    assert [ours[m] for m in known] == pytest.approx([theirs[m] for m in known], rel=1e-12)


def test_an_added_model_stands_everywhere_as_python_places_it(visit, table, tmp_path):
    page, path = visit(), table()
    before = page.locator(".bvgx-r").first.inner_text()
    give(page, path)
    assert pressed(page) == {"mine"}
    merged = load(["published", path])
    content = explorer(merged)
    wide = content.table().pivot(index="model", columns="measure", values="value")
    # Its mark: in all five plots, at the place of its values; the statistics stay.
    assert page.locator('[data-mark="mine"] .bvgx-ring').count() == 5
    box = page.locator('[data-mark="mine"]').first.evaluate(
        "e => { const m = e.getCTM(), b = e.ownerSVGElement.getBoundingClientRect(); return [m.e + b.x, m.f + b.y]; }"
    )
    assert box == pytest.approx(
        [np.polyval(s, wide.at["mine", k]) for s, k in zip(scales(page), ("shape", "ID"), strict=True)], abs=1
    )
    assert page.locator(".bvgx-r").first.inner_text() == before
    assert "not in the statistics" in page.locator(".bvgx-statistics").first.inner_text()
    # Its values and ranks, in the profile.
    numbers = report.numbers(per_model(merged), scores.benchmarks(merged), "mine").set_index("measure")
    for measure, row in numbers.iterrows():
        value, _, rank = page.locator(f'.bvgx-profile [data-measure="{measure}"] td').all_inner_texts()
        assert float(value) == pytest.approx(row["value"], abs=0.0051)
        assert rank.split()[-1] == "49"
        assert int("".join(filter(str.isdigit, rank.split("–")[0].split()[0]))) == row["rank"], measure
    # Its neighbours and predictions.
    near = report.nearest(per_model(merged), "mine")
    assert page.locator(".bvgx-near button").all_inner_texts() == list(describe(near)["name"])
    assert near[0] == MODEL
    expected = report.expected(per_model(merged), scores.benchmarks(merged)["imagenet"], "mine")
    found = page.locator(".bvgx-own [data-values]").evaluate_all(
        "all => all.map((e) => [e.dataset.values, e.innerText])"
    )
    assert len(found) == len(expected) == 12
    for row, (values, text) in zip(expected.itertuples(), found, strict=True):
        assert [*map(float, values.split(","))] == pytest.approx([row.predicted, row.low, row.high], rel=1e-9)
        assert text.split("\t") == [
            study.CATEGORY_NAMES[row.category],
            row.features,
            "48",
            f"{row.predicted:.1f}".replace("-", "−"),
            f"{row.low:.1f} to {row.high:.1f}".replace("-", "−"),
            f"{row.measured:.1f}",
        ]


def test_a_model_of_the_study_becomes_a_model_of_its_own(visit, table):
    page, path = visit(), table(name=MODEL)
    give(page, path)
    assert pressed(page) == {f"{MODEL}@mine"} == set(load(["published", path])["model"]) - set(PUBLISHED["model"])


def test_missing_numbers_leave_out_what_needs_them(visit, table):
    page, path = visit(), table(drop="cue-conflict")
    page.locator("body").evaluate(
        """async (body, text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "mine.csv"));
          body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }""",
        Path(path).read_text(encoding="utf-8"),
    )
    page.wait_for_function("() => document.querySelector('.bvgx-own[open] [role=status]')?.textContent")
    merged = load(["published", path])
    expected = report.expected(
        per_model(merged, allow_missing=True), scores.benchmarks(merged)["imagenet"], "mine"
    ).dropna(subset="predicted")
    features = page.locator(".bvgx-own [data-values]").evaluate_all("all => all.map((e) => e.cells[1].innerText)")
    assert features == list(expected["features"]) == ["ImageNet top-1"] * 3
    assert page.locator(".bvgx-near button").all_inner_texts() == list(
        describe(report.nearest(per_model(merged, allow_missing=True), "mine"))["name"]
    )
    assert page.locator('[data-mark="mine"]').count() == 0  # the plots show shape bias
    page.select_option("#bvgx-x", "bandwidth")
    assert page.locator('[data-mark="mine"]').count() == 5


def test_typed_numbers_place_a_model(visit):
    page = visit()
    page.locator(".bvgx-own > summary").click()
    page.locator(".bvgx-own details summary").click()
    form = page.locator(".bvgx-own form")
    form.get_by_label("Name").fill(NAMES[MODEL])
    values = {"imagenet": 70.5, "imagenet-v2": 60.0, "imagenet-real": 75.0, "shape": 0.4}
    for measure, value in values.items():
        form.locator(f'[name="{measure}"]').fill(str(value))
    form.locator('[name="pgd"]').fill("101")
    form.get_by_role("button", name="Add the model").click()
    assert pressed(page) == set()  # the browser asks for a number of at most 100
    form.locator('[name="pgd"]').fill("")
    form.get_by_role("button", name="Add the model").click()
    assert pressed(page) == {f"{NAMES[MODEL]}@typed"}
    assert page.locator('.bvgx-profile [data-measure="ID"] td').first.inner_text() == f"{(70.5 + 60 + 75) / 3:.2f}"
    assert page.locator(".bvgx-own [data-values]").count() == 6
    known = per_model(PUBLISHED)
    known = pd.concat([known, pd.DataFrame([{"model": "mine", "group": "new", "shape": 0.4}])], ignore_index=True)
    assert page.locator(".bvgx-near button").all_inner_texts() == list(describe(report.nearest(known, "mine"))["name"])
    # Typing again replaces the model.
    form.locator('[name="shape"]').fill("0.9")
    form.get_by_role("button", name="Add the model").click()
    assert page.get_by_text("New models (1)").count() == 1
    assert page.locator('.bvgx-profile [data-measure="shape"] td').first.inner_text() == "0.90"


BAD = {
    "a missing column": f"{HEADER.replace(',value', '')}\nm,imagenet,,,top1,,s",
    "an unknown column": f"{HEADER},remark\n{GOOD},x",
    "an unknown benchmark": f"{HEADER}\n{GOOD}\nm,imagenet-z,,,top1,5,,s",
    "an accuracy outside the range": f"{HEADER}\nm,imagenet,,,top1,101,,s\nm,imagenet-a,,,top1,-0.5,,s",
    "text for a number": f"{HEADER}\n{GOOD}\nm,imagenet-a,,,top1,high,,s",
    "true for a number": f"{HEADER}\nm,imagenet-a,,,top1,true,,s\nm,imagenet,,,top1,x,,s",
    "no number": f"{HEADER}\n{GOOD}\nm,imagenet-a,,,top1,,,s\nm,imagenet-r,,,top1,NaN,,s",
    "infinity": f"{HEADER}\n{GOOD}\nm,imagenet-a,,,top1,inf,,s",
    "repeated rows": f"{HEADER}\n{GOOD}\n{GOOD}\n{GOOD}",
    "an empty file": "",
    "blank lines": "\n \n",
    "a header only": HEADER,
    "fractions": f"{HEADER}\nm,imagenet,,,top1,0.76154,,s\nm,imagenet-a,,,top1,0.25,,s",
    "a picture": "\0PNG",
    "a web page": "<!doctype html><p>Not found</p>",
    "a long first row": f"{HEADER}\n{GOOD},1\n{GOOD}",
    "a long later row": f"{HEADER}\n{GOOD}\nm,imagenet-a,,,top1,5,,s,1",
    "a short row": f"{HEADER}\n{GOOD}\nm,imagenet-a,,,top1,5",
    "quotes": f"{HEADER}\n\"it's, \"\"mine\"\"\",imagenet,,,top1,101,,s",
    "an apostrophe": f"{HEADER}\nit's,imagenet,,,top1,101,,s",
    "a level as text": f"{HEADER}\nm,low-pass,,half,top1,5,,s",
    "a level in percent": f"{HEADER}\nm,low-pass,,50,top1,5,,s",
    "a negative number of images": f"{HEADER}\nm,imagenet,,,top1,50,-3,s",
}  # fmt: skip


@pytest.mark.parametrize("why", BAD)
def test_a_bad_file_gets_the_sentence_of_python(visit, tmp_path, monkeypatch, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text(BAD[why], encoding="utf-8")
    with pytest.raises(ResultsError) as found:
        load("bad.csv")
    page = visit()
    give(page, "bad.csv")
    assert page.locator(".bvgx-own [role=alert]").inner_text() == str(found.value)
    assert pressed(page) == set()


READ = """(texts) => {
  const { schema } = JSON.parse(document.getElementById("bvg-explorer-data").textContent).own;
  return texts.map((text) => { try { bvgx.readTable(text, "table.csv", schema); return ""; } catch (error) { return error.message; } });
}"""


def test_every_rule_is_that_of_python(visit):
    """Rows with one field of each kind exchanged: the page accepts what Python accepts, and rejects the rest in its words."""
    random = np.random.default_rng(0)
    rows = PUBLISHED.groupby(["benchmark", "metric"]).head(2).assign(n=100.0)
    pool = {c: list(pd.unique(rows[c])) for c in COLUMNS} | {
        "level": [None, 0.0, 1.0, 4.0, 0.1, -1.0],
        "value": [0.0, 0.5, 3.0, 250.0, -1.0],
        "n": [None, 2.0, 0.5],
    }
    tables = []
    for _ in range(600):
        table = (
            rows.sample(3, random_state=random)
            .reset_index(drop=True)
            .astype({c: object for c in ("level", "value", "n")})
        )
        for column in random.choice(COLUMNS[1:-1], random.integers(1, 3), replace=False):
            table.at[random.integers(len(table)), column] = pool[column][random.integers(len(pool[column]))]
        tables.append(table)
    expected = []
    for table in tables:
        try:
            validate(table, "table.csv")
            expected.append("")
        except ResultsError as error:
            expected.append(str(error))
    found = visit().evaluate(READ, [table.to_csv(index=False) for table in tables])
    assert 50 < expected.count("") < 550
    assert len({text.partition("column")[2] for text in expected}) > 40
    for table, ours, theirs in zip(tables, found, expected, strict=True):
        if "fractions" not in ours:
            assert ours == theirs, table.to_string()


def test_the_rules_follow_the_schema(monkeypatch):
    """A sentence that Python no longer says is an error of the build, not an old sentence on the page."""
    assert {r["reason"] for r in rules.for_page()["rules"]} >= {"is outside [0, 100] of top1", "is empty"}
    monkeypatch.setattr(rules, "validate", lambda table, name: table)
    with pytest.raises(AssertionError, match=r"expected bvg\.results to reject"):
        rules.for_page()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_no_violation_in_the_panel(visit, table, theme, size):
    page = visit(viewport=size, color_scheme=theme)
    give(page, table())
    page.locator(".bvgx-own details summary").click()
    assert violations(axe(page)) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]
