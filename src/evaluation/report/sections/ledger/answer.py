"""The first screen: how much of the account stands, in one sentence."""

from __future__ import annotations

from evaluation.analysis import LedgerCase
from evaluation.report.display import REPRODUCED, Answer
from evaluation.report.sections.ledger.wording import counts, said
from evaluation.report.text import Text


@said
def answer(case: LedgerCase, *, text: Text) -> Answer:
    """How many figures other data give, and how many changes are more than comparable places had.

    Parameters
    ----------
    case : LedgerCase
    """
    found, left = counts(case.entries, "reproduced"), counts(case.entries, "attributable")
    rules = [check.holds for check in case.identities]
    beyond = left.get("beyond_comparison", 0)
    numbers = {verdict: found.get(verdict, 0) for verdict in REPRODUCED}
    broken = rules.count(False)
    return Answer(
        sentence=text(
            "answer.sentence",
            count=len(case.entries),
            tested=len(case.entries) - left.get("not_testable", 0),
            beyond=text("answer.some" if beyond else "answer.none", count=beyond),
            **numbers,
        ),
        detail=text(
            "answer.detail_broken" if broken else "answer.detail",
            rules=len(rules),
            holds=rules.count(True),
            broken=broken,
        ),
        language=text.language,
    )
