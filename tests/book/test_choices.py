"""The page on other choices in the built book: its table of all combinations, its sentences, and its panel."""

from __future__ import annotations

import pandas as pd
from browser import watch

CHOICES = ["alpha", "correction", "sample", "benchmark", "low", "high", "control"]


def test_the_table_of_all_combinations_has_the_shares_of_the_page(build):
    whole = pd.read_parquet(build / "html" / "tables" / "choices-grid.parquet")
    shares = pd.read_csv(build / "html" / "tables" / "choices-shares.csv").set_index("claim")
    assert list(whole) == [*CHOICES, *shares.index]
    assert not whole.duplicated(CHOICES).any()
    for claim, row in shares.iterrows():
        checkable = whole[claim] != "not checkable"
        assert (whole[claim] == "holds").sum() / checkable.sum() == row["share"], claim
        assert whole[claim].iloc[0] == row["here"]


def test_a_chosen_combination_equals_its_row_of_the_table(page, site, build):
    whole = pd.read_parquet(build / "html" / "tables" / "choices-grid.parquet")
    traffic = watch(page)
    page.goto(f"{site}/choices.html#correction=holm&models=without")
    page.wait_for_selector("#bvg-forking[data-ready]")
    page.get_by_label("Benchmark left out of its category").select_option("ImageNet-C")
    row = whole.query(
        "correction == 'holm' and sample == 'without.none' and benchmark == 'imagenet-c' and alpha == '0.05' and control == 'none' "
        "and low == '0.1-0.5' and high == '0.1-0.5'"
    )
    assert len(row) == 1
    for claim in page.locator("[data-claim]").all():
        verdict = claim.locator(".bvg-verdict").inner_text()
        assert verdict == row.iloc[0][claim.get_attribute("data-claim")]
    assert traffic.problems == []


def test_the_finding_counts_the_combinations_of_the_table(page, site, build):
    whole = pd.read_parquet(build / "html" / "tables" / "choices-grid.parquet")
    page.goto(f"{site}/choices.html")
    text = page.locator("article").inner_text()
    assert f"In {(whole['no-single-bias'] != 'fails').sum():,} of {len(whole):,} combinations of choices" in text
    holm = whole.query("correction == 'holm'").iloc[0]
    assert f"with the correction of Holm over 72 correlations, the verdict is “{holm['no-single-bias']}”" in text
