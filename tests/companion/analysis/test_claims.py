"""The claims: verdicts on the published table, and made-up tables that change each verdict."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from companion.analysis import claims
from companion.analysis.claims.shown import Shown
from companion.analysis.prediction import ALL
from companion.tables import claims as tables
from statsmodels.stats.multitest import multipletests

from bvg import results, study
from bvg.results import correlation, scores

RULES = {claim.id: claim.rule for claim in claims.CLAIMS}
HOLDS, PARTLY, FAILS, UNKNOWN = claims.VERDICTS


@cache
def published() -> claims.Evidence:
    table = results.load("published")
    evidence = claims.Evidence(
        scores.per_model(table), scores.benchmarks(table), replicates=99, permutations=1, results=table
    )
    evidence.__dict__["prediction"] = predicted()  # the real prediction takes 20 s
    return evidence


def predicted(r2=0.5, p=0.01, **of) -> pd.DataFrame:
    """Make predictions of all four categories by both methods; `ID_forest=0.9` sets one R2."""
    rows = [
        (c, ALL, "total", m, of.get(f"{c}_{m}", r2), 0.0, p, 48, 1.0, 5.0)
        for c in scores.CATEGORY_COLUMNS
        for m in ("linear", "forest")
    ]
    return pd.DataFrame(
        rows, columns=["category", "features", "group", "method", "r2", "null", "p", "n", "error", "spread"]
    )


def verdict(evidence: claims.Evidence, claim: str) -> str:
    return RULES[claim](evidence)[1]


def changed(**columns) -> claims.Evidence:
    """Replace columns of the published scores; a callable receives the published table."""
    return replace(published(), scores=published().scores.assign(**columns))


def given(**computed) -> claims.Evidence:
    """Replace computed tables of the published evidence."""
    evidence = replace(published())
    evidence.__dict__.update(computed)
    return evidence


def benchmarks(**columns) -> claims.Evidence:
    return replace(published(), accuracy=published().accuracy.assign(**columns))


EXPECTED = {
    "models": HOLDS,
    "no-single-bias": PARTLY,  # none over all models, but high-frequency bias among the others
    "specific": HOLDS,  # all but centre frequency have a significant correlation
    "groups-differ": PARTLY,  # 8 of 18 pairs differ by Fisher's z
    "trends-reverse": PARTLY,
    "spearman-blind": HOLDS,
    "benchmarks-agree": HOLDS,
    "benchmarks-apart": PARTLY,  # SIN correlates with ImageNet-R and -Sketch
    "insufficient": HOLDS,  # with the made-up predictions
    "shape-no-remedy": PARTLY,  # negative raw, positive at equal accuracy
    "narrow-band-no-remedy": PARTLY,  # negative with robustness, not with adversarial accuracy
    "high-frequency": HOLDS,
    "high-frequency-modestly": PARTLY,  # robustness: 0.79
    "shape-fails": HOLDS,
    "centre-fails": HOLDS,
    "texture": HOLDS,
    "outliers": HOLDS,
    "non-monotonic": PARTLY,
    "critical-band-at": HOLDS,
    "shape-ignores-accuracy": HOLDS,
    "few-samples": UNKNOWN,
    "low-budget": HOLDS,
    "same-data": UNKNOWN,
    "singled-out": HOLDS,  # all but centre frequency are significant after Holm
    "many-benchmarks": HOLDS,
    "no-target": UNKNOWN,
}


@cache
def book() -> pd.DataFrame:
    return claims.ledger(published())


def test_verdicts_on_the_published_table():
    assert book().set_index("id")["verdict"].to_dict() == EXPECTED
    assert list(book()) == ["id", "claim", "source", "how", "value", "verdict", "where", "behind"]
    assert not book().duplicated("id").any()
    assert book()["value"].str.len().min() > 15


def test_every_numbered_statement_has_a_claim():
    numbers = {int(re.match(r"statement (\d+)", source)[1]) for source in book()["source"]}
    assert numbers == set(range(1, 22))


def test_every_claim_leads_to_a_figure_or_table_of_the_book_and_to_its_rule(root):
    made = {
        f"{path.stem}.html#{id}"
        for path in (root / "notebooks").glob("*.md")
        for id in re.findall(r'page\.(?:figure|table)\(\s*"([\w-]+)"', path.read_text(encoding="utf-8"))
    }
    assert {claim.where for claim in claims.CLAIMS} <= made
    text = tables.rules()
    for claim in claims.CLAIMS:
        assert f"(rule-{claim.id})=\n" in text
        assert f"def {claim.rule.__name__}(" in claims.source(claim)
    follow = tables.ledger(book()).displayed.set_index(book()["id"])["Follow"]
    assert follow["texture"] == "{ref}`numbers <figure-4>`, {ref}`code <rule-texture>`"


def alike(t: pd.DataFrame) -> dict[str, pd.Series]:
    """Make scores in which all categories rank the models alike."""
    return {"Robustness": t["ID"], "Concepts": t["ID"], "Adversarial": t["ID"]}


def test_a_bias_that_correlates_with_every_category_is_found():
    before = published().scores
    everything = changed(**alike(before), shape=before["ID"] / 100)
    for claim in ("no-single-bias", "shape-fails", "specific", "singled-out"):
        assert verdict(everything, claim) == FAILS
    trained = before["group"] == "adversarial_training"
    noise = np.random.default_rng(0).random(len(before))
    within = changed(**alike(before), shape=(before["ID"] / 100).where(trained, noise))
    assert verdict(within, "shape-fails") in (PARTLY, FAILS)
    assert "shape" in within.consistent("at")


def noise(*names: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.random(len(published().scores)) for name in names}


BIASES, BENCHMARKS = scores.BIAS_COLUMNS, [b.id for b in study.BENCHMARKS]
AT = published().scores["group"] == "adversarial_training"
RANK = np.arange(48.0)
CHECKED = pd.DataFrame(
    {"r": 0.1, "shown": 0.0, "verdict": "not significant", "p_dcor": 0.5, "column": "shape", "row": "ID", "group": "total", "without_changes": 0},
    range(3),
)  # fmt: skip


def corner(t: pd.DataFrame) -> pd.Series:
    """Make a bias that rises with ID among the AT models and falls with it among the others."""
    return t["ID"].where(AT, -t["ID"])


@pytest.mark.parametrize(
    ("claim", "expected", "evidence"),
    [
        ("models", PARTLY, lambda: replace(published(), highlight=["tv2_resnet50"])),
        ("models", FAILS, lambda: replace(published(), scores=published().scores[AT])),
        ("no-single-bias", HOLDS, lambda: changed(high_frequency=RANK % 7)),
        ("specific", HOLDS, lambda: changed(center_frequency=lambda t: t["ID"])),
        ("specific", FAILS, lambda: changed(**dict.fromkeys(BIASES, 1.0))),
        ("specific", PARTLY, lambda: changed(**dict.fromkeys(BIASES[1:], 1.0))),
        ("groups-differ", HOLDS, lambda: changed(**alike(published().scores), **dict.fromkeys(BIASES, corner))),
        ("groups-differ", FAILS, lambda: changed(**alike(published().scores), **dict.fromkeys(BIASES, published().scores["ID"]))),
        ("trends-reverse", HOLDS, lambda: changed(**alike(published().scores), **dict.fromkeys(BIASES, corner))),
        ("trends-reverse", FAILS, lambda: changed(**alike(published().scores), **dict.fromkeys(BIASES, published().scores["ID"]))),
        ("trends-reverse", UNKNOWN, lambda: replace(published(), scores=published().scores[~AT])),
        ("spearman-blind", FAILS, lambda: given(checked=CHECKED)),
        ("spearman-blind", PARTLY, lambda: given(checked=CHECKED.assign(p_dcor=0.01))),
        ("benchmarks-agree", FAILS, lambda: benchmarks(**noise(*BENCHMARKS))),
        ("benchmarks-apart", HOLDS, lambda: benchmarks(stylized=lambda t: -t["imagenet"])),
        ("benchmarks-apart", FAILS, lambda: benchmarks(stylized=lambda t: t["imagenet"])),
        ("insufficient", FAILS, lambda: given(prediction=predicted(0.85))),
        ("insufficient", HOLDS, lambda: given(prediction=predicted(0.85, p=0.2))),
        ("insufficient", HOLDS, lambda: given(prediction=predicted(ID_forest=0.85))),
        ("insufficient", HOLDS, lambda: given(prediction=predicted(0.85, ID_forest=0.1, Concepts_linear=0.1))),
        ("insufficient", UNKNOWN, lambda: given(prediction=predicted(np.nan))),
        ("texture", FAILS, lambda: changed(shape=lambda t: t["ID"] / 100)),
        ("texture", PARTLY, lambda: changed(shape=lambda t: (t["ID"] - 30).where(AT, -t["ID"]))),
        ("shape-no-remedy", FAILS, lambda: changed(shape=lambda t: t["Robustness"] / 100)),
        ("shape-no-remedy", HOLDS, lambda: changed(shape=lambda t: -t["ID"])),
        ("narrow-band-no-remedy", FAILS, lambda: changed(
            Adversarial=lambda t: t["Robustness"], bandwidth=lambda t: 200 - t["Robustness"])),
        ("narrow-band-no-remedy", HOLDS, lambda: changed(bandwidth=lambda t: t["Robustness"] + t["Adversarial"])),
        ("high-frequency", FAILS, lambda: changed(high_frequency=lambda t: 1 - t["ID"] / 100 - t["Concepts"] / 1000)),
        ("high-frequency-modestly", FAILS, lambda: changed(**alike(published().scores), high_frequency=lambda t: t["ID"])),
        ("high-frequency-modestly", HOLDS, lambda: changed(Robustness=lambda t: t["ID"])),
        ("centre-fails", FAILS, lambda: changed(**alike(published().scores), center_frequency=lambda t: -t["ID"])),
        ("outliers", FAILS, lambda: given(panels=published().panels.assign(count=0, outliers=""))),
        ("outliers", PARTLY, lambda: given(panels=published().panels.assign(count=[1] + [0] * 23))),
        ("non-monotonic", HOLDS, lambda: changed(
            **dict.fromkeys(BIASES, RANK), **{c: (RANK - 20) ** 2 for c in scores.CATEGORY_COLUMNS})),
        ("non-monotonic", FAILS, lambda: changed(**dict.fromkeys(BIASES, RANK), **{c: RANK + RANK % 3 for c in scores.CATEGORY_COLUMNS})),
        ("critical-band-at", FAILS, lambda: changed(bandwidth=1.0)),
        ("critical-band-at", HOLDS, lambda: changed(bandwidth=lambda t: t["bandwidth"].where(~AT))),
        ("critical-band-at", UNKNOWN, lambda: replace(published(), scores=published().scores[~AT])),
        ("shape-ignores-accuracy", FAILS, lambda: changed(shape=RANK)),
        ("shape-ignores-accuracy", PARTLY, lambda: changed(
            shape=0.3, Adversarial=1.0, Concepts=1.0, Robustness=1.0, ID=15 * RANK / 47)),
        ("low-budget", UNKNOWN, lambda: replace(published(), results=None)),
        ("low-budget", PARTLY, lambda: attacked(2 / 255)),
        ("low-budget", FAILS, lambda: attacked(4 / 255)),
        ("singled-out", PARTLY, lambda: changed(**dict.fromkeys(BIASES[1:], 1.0))),
        ("singled-out", FAILS, lambda: changed(**alike(published().scores), center_frequency=lambda t: t["ID"])),
        ("many-benchmarks", FAILS, lambda: changed(**dict.fromkeys(BIASES, 1.0))),
        ("many-benchmarks", PARTLY, lambda: changed(**dict.fromkeys(BIASES[1:], 1.0))),
    ],
)  # fmt: skip
def test_made_up_scores_change_the_verdict(claim, expected, evidence):
    assert verdict(evidence(), claim) == expected


def attacked(eps: float) -> claims.Evidence:
    """Set the strength of the published attack."""
    table = published().results
    level = table["level"].where(table["benchmark"] != "pgd", eps)
    return replace(published(), results=table.assign(level=level), eps=eps)


def test_the_ledger_counts_the_cells_behind_a_claim():
    behind = book().set_index("id")["behind"]
    checked = published().checked
    band = checked[(checked["column"] == "bandwidth") & checked["row"].isin(["Robustness", "Adversarial"])]
    assert behind["narrow-band-no-remedy"].startswith(f"of {len(band)} cells ")
    for verdict, count in band["verdict"].value_counts().items():
        assert f"{count} {verdict}" in behind["narrow-band-no-remedy"]
    assert behind["no-single-bias"].startswith("of 72 cells ")
    assert behind["models"] == ""
    fast = claims.ledger(published(), claims.SHARED, robust=False)
    assert (fast["behind"] == "").all()


def test_results_state_corrections_controls_and_the_stronger_attack():
    value = book().set_index("id")["value"]
    assert value["no-single-bias"].endswith("others: High-frequency bias; after Holm: none")
    assert "at equal accuracy: all 0.45, AT n.s., others 0.67" in value["shape-no-remedy"]
    assert "as Subramanian et al. found" in value["narrow-band-no-remedy"]
    assert "among the 15 AT models: 0.44 (L∞ 0.5/255), 0.98 (a stronger attack)" in value["low-budget"]
    assert (
        "with whole publications held out: ID 0.77, Robustness 0.52, Concepts −0.01, Adversarial −0.11"
        in value["insufficient"]
    )
    assert "Subramanian" not in RULES["narrow-band-no-remedy"](changed(bandwidth=lambda t: -t["Adversarial"]))[0]


def test_unchecked_claims_state_what_is_missing():
    assert "0 of 408 critical-band rows" in RULES["few-samples"](published())[0]
    counted = replace(published(), results=published().results.assign(n=500))
    assert "at least 500 images" in RULES["few-samples"](counted)[0]
    assert "none, of 8" in RULES["same-data"](published())[0]
    assert "3 of 48 models were trained on stylized images" in RULES["no-target"](published())[0]


def test_few_models_cannot_be_checked():
    few = replace(published(), scores=published().scores[:3], accuracy=published().accuracy[:3])
    assert set(claims.ledger(few)["verdict"]) == {UNKNOWN}


def test_a_misspelt_group_is_rejected_and_an_absent_group_is_allowed():
    with pytest.raises(ValueError, match="expected `set_apart` to name groups among"):
        _ = replace(published(), set_apart=["adversarial"]).cells
    rest = replace(published(), scores=published().scores[~AT])
    assert not rest.sets["at"].any()


def test_the_rules_use_the_real_checks_and_predictions():
    evidence = replace(published(), scores=published().scores.assign(Concepts=np.nan), replicates=9)
    assert len(evidence.checked) == 72
    few = replace(published(), scores=published().scores[:8], replicates=9)
    assert RULES["insufficient"](few) == ("too few models to predict all four categories", UNKNOWN)


def test_ledgers_side_by_side():
    here, there = (claims.ledger(e, claims.SHARED) for e in (published(), changed(shape=lambda t: t["ID"] / 100)))
    compared = claims.compare(here, there)
    agreement = compared.set_index("id")["agreement"]
    assert agreement["texture"] == "reversed"
    assert agreement["high-frequency"] == "same"
    assert len(tables.compared(compared).displayed) == len(claims.SHARED) < len(claims.CLAIMS)


def test_changed_verdicts():
    there = claims.ledger(changed(shape=lambda t: t["ID"] / 100), claims.SHARED)
    moved = claims.changes(book(), {"shape is ID": there, "nothing": book()})
    assert moved.query("change == 'nothing'")["moved"].sum() == 0
    of = moved.query("change == 'shape is ID'").set_index("id")
    assert of.loc["texture", ["verdict_before", "verdict_after", "moved"]].tolist() == [HOLDS, FAILS, True]
    assert tables.moved(moved).displayed.iloc[-1].tolist() == ["nothing", "*none moves*", "", ""]


def test_a_correction_and_a_control_change_the_ledger():
    before = verdict(published(), "no-single-bias")
    corrected = replace(published(), correction="holm")
    assert (before, verdict(corrected, "no-single-bias")) == (PARTLY, HOLDS)
    assert corrected.consistent("other") == Shown.of(published().holm).consistent_in("other") == []
    pairs = correlation.pairs(corrected.benchmarks)
    assert len(pairs) == 45
    assert (pairs["shown"] != 0).tolist() == (multipletests(pairs["p"])[1] < 0.05).tolist()
    held = replace(published(), control="rank")
    assert list(held.shown.rows) == ["Robustness", "Concepts", "Adversarial"]
    assert held.thresholded_r("Robustness", "shape") == pytest.approx(0.45, abs=0.005)
    assert RULES["texture"](held) == (
        "ImageNet top-1 is held fixed, and accuracy in distribution contains it",
        UNKNOWN,
    )
    assert len(claims.ledger(held, claims.SHARED, robust=False)) == len(claims.SHARED)


def test_a_set_of_all_models_counts_once_in_a_correction():
    without = replace(published(), scores=published().scores[~AT], correction="holm")
    assert without.cells["p"].notna().sum() == 24
    assert without.cells.query("group == 'other'")["shown"].isna().all()
