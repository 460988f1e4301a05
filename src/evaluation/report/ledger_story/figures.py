"""The figure of the ledger: claimed changes on one scale, and what is left of them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from evaluation.analysis import LedgerCase
from evaluation.report.display import Figure
from evaluation.report.figures import claimed_and_left
from evaluation.report.language import interval, interval_decimals, number
from evaluation.report.languages import in_languages
from evaluation.report.ledger_story.wording import digits, say

LIMITS = (-20.0, 100.0)


@in_languages
def scale_figure(case: LedgerCase, frame: pd.DataFrame, language: str) -> Figure:
    """Claimed against attributable change, in percent, improvement to the right.

    Parameters
    ----------
    case : LedgerCase
    frame : pandas.DataFrame
        From `evaluation.analysis.one_scale`.
    language : {"en", "zh"}
    """
    rows = pd.DataFrame([_drawn(case, row, language) for row in frame.to_dict("records")])
    known = rows[rows["left"].notna()]
    silent = rows[rows["left"].isna()]
    join = say("row.separator", language).join
    return claimed_and_left(
        rows,
        x_label=say("scale.axis", language),
        limits=LIMITS,
        words={key: say(f"scale.{key}", language) for key in ("claimed", "left", "cut")},
        title=say("scale.title", language, count=len(rows), tested=len(known)),
        source=say("scale.source", language),
        alt=say(
            "scale.alt",
            language,
            count=len(rows),
            rows=join(known["said"]),
            silent=join(silent["said"]),
        ),
        language=language,
        name="claimed-and-left",
    )


def _drawn(case: LedgerCase, row: dict[Any, Any], language: str) -> dict[str, Any]:
    """A claim signed so that an improvement is positive; its words keep the sign of the account."""
    claim = case.claims.claim(row["claim"])
    sign = 1 if row["better"] == "higher" else -1
    label = say(
        "scale.named",
        language,
        place=case.claims.places[claim.place][language],
        indicator=claim.indicator[language],
    )
    places = digits(claim.step) if claim.kind == "relative_change" else 0
    claimed = f"{number(row['claimed'], language, places, sign=True)}%"
    known = not math.isnan(row["left"])
    fine = interval_decimals(row["ci_low"], row["ci_high"]) if known else 0
    left = f"{number(row['left'], language, fine, sign=True)}%" if known else ""
    within = interval(row["ci_low"], row["ci_high"], language, fine) if known else ""
    ends = sorted((sign * row["ci_low"], sign * row["ci_high"])) if known else [math.nan, math.nan]
    return {
        "label": label,
        "text": say("scale.written", language, claimed=claimed, left=left) if known else claimed,
        "said": say("scale.alt_row", language, label=label, claimed=claimed, left=left, interval=within)
        if known
        else say("scale.alt_silent", language, label=label, claimed=claimed),
        "claimed": sign * row["claimed"],
        "left": sign * row["left"],
        "ci_low": ends[0],
        "ci_high": ends[1],
        "p_value": row["p_value"],
    }
