"""All outcomes together, adjusted for asking about so many."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis import Case
from evaluation.report.display import Table
from evaluation.report.language import month, p_value
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import say


@in_languages
def family_table(case: Case, frame: pd.DataFrame, language: str) -> Table | None:
    """Placebo p-values of every outcome, alone and adjusted for the family; None where there is none.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.family`.
    language : {"en", "zh"}
    """
    if frame.empty:
        return None
    level = case.study.rule.level
    rows = [
        {
            say("family.outcome", language): case.study.outcome(row["outcome"]).label[language],
            say("family.alone", language): p_value(row["p_value"], language),
            say("family.together", language): p_value(row["p_adjusted"], language),
        }
        for row in frame.to_dict("records")
    ]
    return Table(
        pd.DataFrame(rows),
        data=frame,
        caption=say(
            "family.caption",
            language,
            count=len(frame),
            alone=int((frame["p_value"] <= level).sum()),
            together=int((frame["p_adjusted"] <= level).sum()),
        ),
        name="family",
        notes=say(
            "family.note",
            language,
            scale=say(f"estimates.{frame['scale'].iloc[0]}", language),
            start=month(frame["date"].iloc[0], language),
            group=case.label(case.study.rule.pool, language),
        ),
        simulated=case.simulated,
        language=language,
    )
