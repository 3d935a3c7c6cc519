"""The published table, its audit, and the authors' raw numbers."""

from __future__ import annotations

import pandas as pd
import pytest
from audit_tables import STUDIED
from companion.analysis.data_audit import audit
from companion.analysis.data_audit.check import Case

from bvg import results


@pytest.fixture(scope="session")
def case() -> Case:
    return Case(results.load("published"))


@pytest.fixture(scope="session")
def found(case) -> pd.DataFrame:
    return audit.audit(case)


@pytest.fixture(scope="session")
def raw(shared) -> pd.DataFrame:
    return pd.read_csv(shared / "published" / "benchmark.csv", index_col="model").loc[STUDIED]
