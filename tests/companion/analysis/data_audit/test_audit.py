"""The whole audit on other tables and with other choices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis.data_audit import agreement, audit
from companion.analysis.data_audit.check import Case
from companion.figures.crosscheck import crosscheck as draw
from companion.tables import data_audit as tables
from miniature_results import measured

from bvg import results, study


def test_a_table_of_new_models_is_audited_as_far_as_possible():
    rng = np.random.default_rng(0)
    rows = [
        (f"mine-{i}", b.id, "linf" if b.id == "pgd" else "", study.PGD_EPSILON if b.id == "pgd" else np.nan, "top1",
         rng.integers(1, 400) / 4) for i in range(6) for b in study.BENCHMARKS
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["model", "benchmark", "variant", "level", "metric", "value"])
    table = results.validate(table.assign(n=pd.NA, source="mine"))
    found = audit.audit(Case(table, allow_missing=True))
    assert len(found) == len(audit.CHECKS)
    assert set(found.loc[["shared-fits", "zero-out", "outside-all", "timm", "above-one"], "state"]) == {
        "not applicable"
    }
    assert found["cells_changed"].dropna().eq(0).all()
    shown = tables.findings(found).displayed
    assert len(shown) == (found["state"] != "not applicable").sum()
    agreed = agreement.compared(Case(table, allow_missing=True))
    assert agreed.empty
    assert tables.agreement(agreement.by_benchmark(agreed)).displayed.empty
    assert "No model" in draw(agreed).alt


def test_the_miniature_is_audited_with_its_own_bands_and_chance():
    table = measured()
    table = table.assign(value=table["value"].mask(table["benchmark"] == "high-pass", 7.0))
    found = audit.audit(Case(table, world=study.MINIATURE))
    assert set(found.loc[["real-grain", "c-average", "stylized-grain", "timm"], "state"]) == {"not applicable"}
    assert "from 2 to 32 cycles" in found.at["centre-outside", "number"]
    assert "12.5 %, twice chance" in found.at["at-chance", "number"]


def test_choices_change_the_outcome(case, found):
    strict = audit.audit(Case(case.results, alpha=1e-6))
    assert not strict["cells_changed"].equals(found["cells_changed"])
    fewer = audit.audit(Case(case.results, leave_out=["adversarial_training"]))
    assert fewer.at["zero-out", "state"] == "not applicable"
    assert "of 33" in fewer.at["at-bound", "number"]
    apart = audit.audit(Case(case.results, set_apart=["contrastive"]))
    assert apart.at["zero-moved", "state"] == "not applicable"
    highlighted = audit.audit(Case(case.results, highlight=["tv_resnet50"]))
    assert highlighted.at["wide-fits", "number"].startswith("10 of 47")
    with pytest.raises(ValueError, match="leave_out"):
        audit.audit(Case(case.results, leave_out=["nobody"]))
    with pytest.raises(ValueError, match="set_apart"):
        audit.audit(Case(case.results, set_apart=["nobody"]))
