"""The first screen: how much of the account stands, in one sentence."""

from __future__ import annotations

from evaluation.analysis import LedgerCase
from evaluation.report.display import REPRODUCED, Answer
from evaluation.report.languages import in_languages
from evaluation.report.ledger_story.wording import counts, say


@in_languages
def answer(case: LedgerCase, language: str) -> Answer:
    """How many figures other data give, and how many changes are more than comparable places had.

    Parameters
    ----------
    case : LedgerCase
    language : {"en", "zh"}
    """
    found, left = counts(case.entries, "reproduced"), counts(case.entries, "attributable")
    rules = [check.holds for check in case.identities]
    beyond = left.get("beyond_comparison", 0)
    numbers = {verdict: found.get(verdict, 0) for verdict in REPRODUCED}
    broken = rules.count(False)
    return Answer(
        sentence=say(
            "answer.sentence",
            language,
            count=len(case.entries),
            tested=len(case.entries) - left.get("not_testable", 0),
            beyond=say("answer.some" if beyond else "answer.none", language, count=beyond),
            **numbers,
        ),
        detail=say(
            "answer.detail_broken" if broken else "answer.detail",
            language,
            rules=len(rules),
            holds=rules.count(True),
            broken=broken,
        ),
        language=language,
    )
