"""All checks of a results table, with their likely causes and effects on Figure 2."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from companion.analysis.data_audit import accuracies, agreement, curves, models
from companion.analysis.data_audit.check import Case, Check, Finding, report

CHECKS: tuple[Check, ...] = (*accuracies.CHECKS, *curves.CHECKS, *models.CHECKS, *agreement.CHECKS)


def audit(case: Case, checks: Sequence[Check] = CHECKS) -> pd.DataFrame:
    """Run checks on a results table.

    Args:
        case: the table, with the choices behind its scores. A check without its data is `not applicable`.
        checks: the checks to run.

    Returns:
        The fields of `Finding` as columns, indexed by the id of the check; cells_changed is an integer or NA.

    Raises:
        ResultsError: as in `bvg.results.scores.per_model`.
        ValueError: as in `companion.analysis.choices`.

    Example:
        >>> from bvg.results import load
        >>> audit(Case(load("published")), accuracies.CHECKS).at["real-grain", "state"]
        'found'
    """
    rows = [vars(report(check, case)) for check in checks]
    table = pd.DataFrame(rows, columns=list(Finding.__dataclass_fields__)).set_index("id", drop=False)
    return table.rename_axis(None).astype({"cells_changed": "Int64"})
