"""The table of checks, for pages of any kind: each check as a question with its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from evaluation.diagnostics import Diagnostic
from evaluation.report.display import Table

Say = Callable[..., str]


def table_of_checks(
    say: Say,
    questions: Mapping[str, str],
    checks: Mapping[str, Diagnostic],
    notes: str | Sequence[str],
    language: str,
    *,
    simulated: bool,
) -> Table:
    """Each check as a question with its answer.

    Parameters
    ----------
    say : callable
        How the page's package says a sentence: its ``checks.*`` are used.
    questions, checks : mapping
        By the same keys.
    notes : str or sequence of str
    language : {"en", "zh"}
    simulated : bool
    """
    rows = [
        {
            say("checks.question", language): questions[key],
            say("checks.answer", language): check.text[language],
            say("checks.verdict", language): say(f"checks.{check.verdict}", language),
        }
        for key, check in checks.items()
    ]
    verdicts = [check.verdict for check in checks.values()]
    against, silent = verdicts.count("evidence_against"), verdicts.count("not_informative")
    return Table(
        pd.DataFrame(rows),
        caption=say("checks.caption", language, count=len(rows), against=against, silent=silent),
        name="checks",
        notes=notes,
        simulated=simulated,
        language=language,
    )
