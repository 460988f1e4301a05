"""The figure of the ledger: claimed changes on one scale, and what is left of them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from evaluation.analysis import LedgerCase
from evaluation.report.display import Figure
from evaluation.report.figures import claimed_and_left
from evaluation.report.language import interval, interval_decimals, number
from evaluation.report.sections.ledger.wording import digits, said
from evaluation.report.text import Text

LIMITS = (-20.0, 100.0)


@said
def scale_figure(case: LedgerCase, frame: pd.DataFrame, *, text: Text) -> Figure:
    """Claimed against attributable change, in percent, improvement to the right.

    Parameters
    ----------
    case : LedgerCase
    frame : pandas.DataFrame
        From `evaluation.analysis.one_scale`.
    """
    rows = pd.DataFrame([_drawn(case, row, text) for row in frame.to_dict("records")])
    known = rows[rows["left"].notna()]
    silent = rows[rows["left"].isna()]
    join = text("row.separator").join
    return claimed_and_left(
        rows,
        x_label=text("scale.axis"),
        limits=LIMITS,
        words={key: text(f"scale.{key}") for key in ("claimed", "left", "cut")},
        title=text("scale.title", count=len(rows), tested=len(known)),
        source=text("scale.source"),
        alt=text(
            "scale.alt",
            count=len(rows),
            rows=join(known["said"]),
            silent=join(silent["said"]),
        ),
        language=text.language,
        name="claimed-and-left",
    )


def _drawn(case: LedgerCase, row: dict[Any, Any], text: Text) -> dict[str, Any]:
    """A claim signed so that an improvement is positive; its words keep the sign of the account."""
    claim = case.claims.claim(row["claim"])
    sign = 1 if row["better"] == "higher" else -1
    label = text(
        "scale.named",
        place=case.claims.places[claim.place][text.language],
        indicator=claim.indicator[text.language],
    )
    places = digits(claim.step) if claim.kind == "relative_change" else 0
    claimed = f"{number(row['claimed'], text.language, places, sign=True)}%"
    known = not math.isnan(row["left"])
    fine = interval_decimals(row["ci_low"], row["ci_high"]) if known else 0
    left = f"{number(row['left'], text.language, fine, sign=True)}%" if known else ""
    within = interval(row["ci_low"], row["ci_high"], text.language, fine) if known else ""
    ends = sorted((sign * row["ci_low"], sign * row["ci_high"])) if known else [math.nan, math.nan]
    return {
        "label": label,
        "text": text("scale.written", claimed=claimed, left=left) if known else claimed,
        "said": text("scale.alt_row", label=label, claimed=claimed, left=left, interval=within)
        if known
        else text("scale.alt_silent", label=label, claimed=claimed),
        "claimed": sign * row["claimed"],
        "left": sign * row["left"],
        "ci_low": ends[0],
        "ci_high": ends[1],
        "p_value": row["p_value"],
    }
