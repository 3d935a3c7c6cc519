"""Checks of the low- and high-pass curves, compared with the authors' raw file, and with the oddity removed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from audit_tables import check_table
from companion.analysis.data_audit import check

from bvg import known_models, study


def ratios(raw: pd.DataFrame, kind: str) -> pd.DataFrame:
    return raw[[f"metric/bandpass/{kind}/{c}" for c in study.CUTOFFS]]


def test_ratios_above_one_and_falls_are_those_of_the_raw_file(raw, found):
    low, high = ratios(raw, "LFC"), ratios(raw, "HFC")
    above = (low > 1).to_numpy().sum() + (high > 1).to_numpy().sum()
    assert found.at["above-one", "number"].startswith(f"{above} of 1056")
    falls = [(np.diff(t.to_numpy(), axis=1) < 0) for t in (high, low)]
    parts = [
        f"{f.any(axis=1).sum()} {k} curves fall, {f.sum()} steps"
        for f, k in zip(falls, ("high-pass", "low-pass"), strict=True)
    ]
    assert all(part in found.at["falling", "number"] for part in parts)


def test_rising_curves_below_one_are_not_found(case):
    curves = case.curves.assign(relative_top1=0.5 + case.curves["cutoff"] / 2)
    rows = curves.rename(columns={"kind": "benchmark", "cutoff": "level", "relative_top1": "value"})
    others = case.results[~case.results["benchmark"].isin(["low-pass", "high-pass"])]
    table = pd.concat([others, rows.assign(variant="", metric="relative_top1", source="test")], ignore_index=True)
    for id in ("above-one", "falling", "at-chance"):
        assert check_table(id, table).state == check.ABSENT, id
    planted = table.assign(value=table["value"].mask((table["benchmark"] == "low-pass") & (table["level"] == 0.1), 1.2))
    seen = check_table("above-one", planted)
    assert seen.number.startswith("48 of 1056 ratios (48 at low-pass 0.1)")
    assert check_table("falling", planted).number.startswith("48 low-pass curves fall, 48 steps")


def test_models_at_chance(raw, found):
    window = [f"metric/bandpass/HFC/{c}" for c in study.BIAS_CUTOFFS]
    top1 = raw[window].mean(axis=1) * raw["top1_acc/imagenet"]
    low = top1.index[top1 < 0.2]
    assert known_models.describe(low)["group"].eq("adversarial_training").all()
    assert found.at["at-chance", "number"].startswith(f"{len(low)} of 48 models ({len(low)} of them adversarially")
