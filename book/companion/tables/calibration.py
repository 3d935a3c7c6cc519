"""Tables of the calibration page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg.results import channel
from companion.tables.base import Table
from companion.text import format_range


def fit_errors(table: pd.DataFrame) -> Table:
    """Format the errors of the fit inside and outside the trusted region.

    Args:
        table: from `companion.calibration.critical_band.errors`.
    """
    shown = pd.DataFrame(
        {
            "Bands": table["bands"].astype(str),
            "Region": table["trusted"].map({True: "inside", False: "outside"}),
            "Channels": table["channels"].map("{:,}".format),
            "Without a fit": table["none"].map("{:,}".format),
            "Centre, median": table["centre_error_median"],
            "Centre, largest": table["centre_error_max"],
            "Bandwidth, median": table["bandwidth_error_median"],
            "Bandwidth, largest": table["bandwidth_error_max"],
        }
    )
    return Table(shown, table)


def published_thresholds(table: pd.DataFrame) -> Table:
    """Format the thresholds behind the published fits.

    Each row has the ranges of the true channels that have these thresholds.

    Args:
        table: from `companion.calibration.critical_band.published_thresholds`.
    """
    shown = pd.DataFrame(
        {
            "Thresholds": table["thresholds"],
            "Models": table["models"].astype(str),
            "Bandwidth": table["bandwidth"],
            "Centre": np.log2(table["center_frequency"] / channel.LOWEST_CENTRE),
            "Channels": table["channels"].map("{:,}".format),
            "True bandwidth": _ranges(table["bandwidth_low"], table["bandwidth_high"]),
            "True centre": _ranges(table["centre_low"], table["centre_high"]),
        }
    )
    return Table(shown, table)


def _ranges(low: pd.Series, high: pd.Series) -> list[str]:
    return [format_range(a, b, "none") for a, b in zip(low, high, strict=True)]
