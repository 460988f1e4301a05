"""All outcomes together, adjusted for asking about so many."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.staggered import StaggeredCase
from evaluation.report.display import Table
from evaluation.report.language import month, p_value
from evaluation.report.sections.one_place.wording import said
from evaluation.report.text import Text


@said
def family_table(case: StaggeredCase, frame: pd.DataFrame, *, text: Text) -> Table | None:
    """Placebo p-values of every outcome, alone and adjusted for the family; None where there is none.

    Parameters
    ----------
    case : StaggeredCase
    frame : pandas.DataFrame
        From `evaluation.analysis.family`.
    """
    if frame.empty:
        return None
    level = case.study.rule.level
    rows = [
        {
            text("family.outcome"): case.study.outcome(row["outcome"]).label[text.language],
            text("family.alone"): p_value(row["p_value"], text.language),
            text("family.together"): p_value(row["p_adjusted"], text.language),
        }
        for row in frame.to_dict("records")
    ]
    return Table(
        pd.DataFrame(rows),
        data=frame,
        caption=text(
            "family.caption",
            count=len(frame),
            alone=int((frame["p_value"] <= level).sum()),
            together=int((frame["p_adjusted"] <= level).sum()),
        ),
        name="family",
        notes=text(
            "family.note",
            scale=text(f"estimates.{frame['scale'].iloc[0]}"),
            start=month(frame["date"].iloc[0], text.language),
            group=case.label(case.study.rule.pool, text.language),
        ),
        simulated=case.simulated,
        language=text.language,
    )
