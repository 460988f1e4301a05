"""Would the same method have found an effect at dates when nothing had happened yet?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.diagnostics._inference import (
    Answer,
    Inference,
    Inferring,
    first_by_unit,
    with_column,
)
from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_p
from evaluation.errors import DesignError, shortlist
from evaluation.inference.randomization import Estimator
from evaluation.numerics.ranks import as_far
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
MOST_DATES = 8
LEAST_BEFORE = 2
QUESTION = {
    "en": "Would the same method have found an effect at dates before the measure, when there can be none?",
    "zh": "把措施的起始日期提前到尚未实施的时候，同样的方法会不会也“发现”效应？",
}


def placebo_dates(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    *,
    dates: Sequence[object] | None = None,
    inference: Inference = "auto",
    alpha: float = 0.05,
    draws: int = 9_999,
    seed: int | None = None,
) -> Diagnostic:
    """Estimate with pretended treatment dates, on the periods before the first true one alone.

    All units that are ever treated get the pretended date; periods from the earliest true date (less
    ``design.anticipation``) on are left out, so that no true effect can enter (placebo in time: Abadie,
    Diamond and Hainmueller 2015).

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
    panel : Panel
    design : Design
    dates : sequence, optional
        Pretended first treated periods, written as in the panel. By default up to 8, evenly spread,
        with at least 2 periods before and from each date on.
    inference : {"auto", "randomization", "standard"}
        ``"auto"``: by randomisation with up to 3 treated units.
    alpha, draws, seed
        See `randomization_test`.

    Returns
    -------
    Diagnostic
        ``p_value`` is joint over the dates: by randomisation, the share of assignments whose mean
        absolute estimate (each date's in units of its spread over assignments) is as large;
        otherwise the smallest p-value times the number of dates. ``no_evidence_against`` only if at
        the median date an effect as large as the estimate at the true date would be found 80 % of
        the time. Table: ``date, true, periods_before, periods_after, estimate, ci_low, ci_high, p_value,
        detectable``.

    Raises
    ------
    DesignError
        A date that does not lie in the periods before treatment.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, placebo_dates
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> check = placebo_dates(TwoWayFixedEffects(), panel, design)
    >>> print(len(check.table), check.verdict)
    3 not_informative
    """
    how = Inferring(inference, alpha, draws, seed)
    cohorts = design.cohorts(panel)
    randomised = how.randomised(panel, design)
    end = int(cohorts.values[0]) - design.anticipation
    before = panel.ordinals < end
    places = _places(panel, before, dates, design)
    true = how.ask(estimator, panel, design, randomised=randomised)
    true_row: dict[str, Any] = {
        "date": str(cohorts.labels[0]),
        "true": True,
        "periods_before": int(before.sum()),
        "periods_after": int((~before).sum()),
        **true.row(),
    }
    if not places:
        return _build(
            [true_row],
            np.nan,
            np.nan,
            "not_informative",
            {
                "en": f"This check cannot tell: with {int(before.sum())} periods before the measure there is "
                "no room for another date.",
                "zh": f"这项检验无法给出答案：措施之前只有{int(before.sum())}期，没有可供假设的其他日期。",
            },
        )
    early = panel.where(before[panel.time_codes])
    first = first_by_unit(panel, design)
    answers: list[Answer] = []
    rows: list[dict[str, Any]] = []
    for place in places:
        moved = with_column(early, design.first_treated, _pretend(panel, first, cohorts.treated, place))
        answer = how.ask(estimator, moved, replace(design, anticipation=0), randomised=randomised)
        answers.append(answer)
        rows.append(
            {
                "date": str(panel.periods[place]),
                "true": False,
                "periods_before": place,
                "periods_after": int(before.sum()) - place,
                **answer.row(),
            }
        )
    statistic, p = _joint(answers)
    reach = float(np.median([answer.detectable for answer in answers]))
    verdict: Verdict = "evidence_against"
    if not p <= alpha:
        verdict = "no_evidence_against" if reach <= abs(true.estimate) else "not_informative"
    smallest = answers[0].smallest_p
    return _build(
        [*rows, true_row], statistic, p, verdict, _text(verdict, rows, p, reach, true, smallest, alpha)
    )


def _places(
    panel: Panel, before: NDArray[np.bool_], dates: Sequence[object] | None, design: Design
) -> list[int]:
    count = int(before.sum())
    if dates is None:
        room = np.arange(LEAST_BEFORE, count - 1)
        if len(room) > MOST_DATES:
            room = room[np.unique(np.linspace(0, len(room) - 1, MOST_DATES).round().astype(int))]
        return [int(place) for place in room]
    ordinals = [panel.period_of(date) for date in dates]
    known = {int(o): i for i, o in enumerate(panel.ordinals[:count])}
    bad = [date for date, o in zip(dates, ordinals, strict=True) if known.get(o, 0) == 0]
    if bad:
        last = str(panel.periods[count - 1]) if count else "none"
        raise DesignError(
            f"{shortlist(bad)} cannot be a pretended date",
            where=f"column {panel.time!r}",
            expected=f"a period after {panel.periods[0]} and up to {last}, the last before treatment",
            fix="choose dates before the true one",
        )
    return sorted({known[o] for o in ordinals})


def _pretend(panel: Panel, first: pd.Series, treated: NDArray[np.bool_], place: int) -> pd.Series:
    """First treated periods with one date for all treated units, of the type of the time column."""
    label = panel.frame[panel.time].iloc[int(np.flatnonzero(panel.time_codes == place)[0])]
    return pd.Series([label if t else None for t in treated], index=first.index)


def _joint(answers: list[Answer]) -> tuple[float, float]:
    """Statistic and p-value over all dates."""
    tests = [answer.test for answer in answers if answer.test is not None]
    if len(tests) == len(answers) and len({len(test.placebo) for test in tests}) == 1:
        # the same assignments in the same order at every date
        every = np.stack([np.append(test.observed, test.placebo[:, 0]) for test in tests], axis=1)
        spread = np.sqrt(np.mean(every**2, axis=0))
        size = np.mean(np.abs(every) / np.where(spread > 0, spread, 1.0), axis=1)
        return float(size[0]), float(as_far(size, size[0]).mean())
    values = np.array([answer.p_value for answer in answers])
    ratio = np.array([answer.estimate / answer.std_error for answer in answers])
    if np.isnan(values).all():
        return np.nan, np.nan
    return float(np.nanmax(np.abs(ratio))), float(min(1.0, np.nanmin(values) * len(values)))


def _build(
    rows: list[dict[str, Any]], statistic: float, p: float, verdict: Verdict, text: dict[str, str]
) -> Diagnostic:
    return Diagnostic(
        name="placebo_dates",
        question=QUESTION,
        verdict=verdict,
        statistic=statistic,
        p_value=p,
        table=pd.DataFrame(rows),
        text=text,
        details={"dates": [row["date"] for row in rows if not row["true"]]},
    )


def _text(
    verdict: str,
    rows: list[dict[str, Any]],
    p: float,
    reach: float,
    true: Answer,
    smallest: float,
    alpha: float,
) -> dict[str, str]:
    n = len(rows)
    largest = max(rows, key=lambda row: abs(row["estimate"]))
    seen = {
        "en": f"the largest of {n} placebo estimates is {show(largest['estimate'], 2)} "
        f"({largest['date']}), beside {show(true.estimate, 2)} at the true date",
        "zh": f"{n}个安慰剂日期中，最大的估计值为{show(largest['estimate'], 2)}（{largest['date']}），"
        f"而真实日期为{show(true.estimate, 2)}",
    }
    if verdict == "evidence_against":
        return {
            "en": f"Yes: {seen['en']} (p {show_p(p)} over all dates), so the method finds effects "
            "where there are none.",
            "zh": f"会：{seen['zh']}（全部日期联合p {show_p(p)}），说明该方法在没有措施时也会“发现”效应。",
        }
    if verdict == "no_evidence_against":
        return {
            "en": f"No: {seen['en']} (p {show_p(p)} over all dates).",
            "zh": f"不会：{seen['zh']}（全部日期联合p {show_p(p)}）。",
        }
    if smallest > alpha:
        why = {
            "en": f"with so few comparison places no p-value can be below {smallest:.3f}",
            "zh": f"对照地区太少，p值最小只能到{smallest:.3f}",
        }
    elif np.isfinite(reach):
        why = {
            "en": f"only false effects of {show(reach, 2)} or more would be found reliably at these dates",
            "zh": f"在这些日期上，只有达到{show(reach, 2)}的虚假效应才能被可靠地发现",
        }
    else:
        why = {"en": "no standard error exists at these dates", "zh": "这些日期上无法计算标准误"}
    return {
        "en": f"This check says little: {why['en']}; {seen['en']}.",
        "zh": f"这项检验说明不了什么：{why['zh']}；{seen['zh']}。",
    }
