"""Did the measure also change the neighbours, so that they are no clean comparison?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

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
from evaluation.panel import Panel

QUESTION = {
    "en": "Did the measure also change the neighbouring places that it is compared with?",
    "zh": "措施是否也波及了用作对照的周边地区？",
}


def spillover(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    neighbours: Sequence[object] | Mapping[Any, Sequence[object]],
    *,
    inference: Inference = "auto",
    alpha: float = 0.05,
    draws: int = 9_999,
    seed: int | None = None,
) -> Diagnostic:
    """Estimate without the neighbours, and for the neighbours as if they had been treated.

    The second leaves the treated places out and compares neighbours with places further away, from
    the date of the treated place that they adjoin (the earliest, where there are several). A spillover
    that reaches all comparison places alike cannot be seen, and a shock to the region looks like one.
    Inference is of one kind in all three rows.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
    panel : Panel
    design : Design
    neighbours : sequence, or mapping of treated unit to sequence
        Units that adjoin the treated ones. A plain sequence needs one treatment date.
    inference : {"auto", "randomization", "standard"}
        ``"auto"``: by randomisation with up to 3 treated units.
    alpha, draws, seed
        See `randomization_test`; a seed is needed when the neighbours can be chosen in more than
        ``draws`` ways.

    Returns
    -------
    Diagnostic
        ``statistic`` and ``p_value`` are those of the neighbours as treated. ``no_evidence_against`` only
        if a spillover as large as the estimated effect would be found 80 % of the time. Table:
        ``comparison, estimate, ci_low, ci_high, p_value, detectable, units``.

    Raises
    ------
    DesignError
        Neighbours that are not in the panel or are treated, none left to compare with, or a plain
        sequence with several treatment dates.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, spillover
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> check = spillover(TwoWayFixedEffects(), panel, design, ["California", "New York"])
    >>> print(check.verdict)
    not_informative
    """
    how = Inferring(inference, alpha, draws, seed)
    cohorts = design.cohorts(panel)
    first = first_by_unit(panel, design)
    dates = _dates(panel, design, first, neighbours)
    near = np.isin(np.arange(panel.n_units), list(dates))
    far = ~near & ~cohorts.treated
    if not far.any():
        raise DesignError("every comparison unit is a neighbour", fix="add units further away to the panel")
    randomised = how.randomised(panel, design)
    everyone = how.ask(estimator, panel, design, randomised=randomised)
    without = how.ask(estimator, panel.where(~near[panel.unit_codes]), design, randomised=randomised)
    pretended = first.copy().astype(object)
    for unit, date in dates.items():
        pretended.iloc[unit] = date
    others = panel.where(~cohorts.treated[panel.unit_codes])
    pretended = pretended[~cohorts.treated].infer_objects()
    reached = with_column(others, design.first_treated, pretended)
    as_treated = how.ask(estimator, reached, design, randomised=randomised)
    rows = [
        {"comparison": name, **answer.row(), "units": int(units)}
        for name, answer, units in (
            ("all comparison places", everyone, (~cohorts.treated).sum()),
            ("without neighbours", without, far.sum()),
            ("neighbours as treated", as_treated, near.sum()),
        )
    ]
    verdict: Verdict = "evidence_against"
    if not as_treated.p_value <= alpha:
        found = as_treated.detectable <= abs(everyone.estimate)
        verdict = "no_evidence_against" if found else "not_informative"
    return Diagnostic(
        name="spillover",
        question=QUESTION,
        verdict=verdict,
        statistic=as_treated.estimate,
        p_value=as_treated.p_value,
        table=pd.DataFrame(rows),
        text=_text(verdict, everyone, without, as_treated, int(near.sum()), alpha),
        details={"neighbours": [str(panel.units[unit]) for unit in sorted(dates)]},
    )


def _dates(
    panel: Panel,
    design: Design,
    first: pd.Series,
    neighbours: Sequence[object] | Mapping[Any, Sequence[object]],
) -> dict[int, object]:
    """Position of each neighbour and the date from which it may have been reached."""
    cohorts = design.cohorts(panel)
    if isinstance(neighbours, str):
        neighbours = [neighbours]
    if isinstance(neighbours, Mapping):
        _known(panel, list(neighbours))
        adjoined = {_at(panel, key): list(value) for key, value in neighbours.items()}
        plain = [unit for unit in adjoined if not cohorts.treated[unit]]
        if plain:
            raise DesignError(
                f"{shortlist(panel.units[plain])} are not treated, so they have no neighbours to look at",
                expected="treated units as the keys of the mapping",
            )
    else:
        if len(cohorts.values) > 1:
            raise DesignError(
                "treated units start at different dates, so each neighbour needs the one that it adjoins",
                where=f"dates {shortlist(cohorts.labels)}",
                fix="give a mapping of treated unit to neighbours",
            )
        adjoined = {int(np.flatnonzero(cohorts.treated)[0]): list(neighbours)}
    named = [unit for units in adjoined.values() for unit in units]
    if not named:
        raise DesignError("no neighbour is named", fix="list the units that adjoin the treated ones")
    _known(panel, named)
    dates: dict[int, tuple[int, object]] = {}
    for unit, adjoining in adjoined.items():
        for name in adjoining:
            at = _at(panel, name)
            if cohorts.treated[at]:
                raise DesignError(
                    f"{name} is treated itself",
                    expected="neighbours that are never treated",
                    fix="leave it out of the neighbours",
                )
            new = (int(cohorts.first[unit]), first.iloc[unit])
            if at not in dates or new[0] < dates[at][0]:
                dates[at] = new
    return {unit: date for unit, (_, date) in dates.items()}


def _at(panel: Panel, unit: object) -> int:
    return int(np.flatnonzero(panel.units == unit)[0])


def _known(panel: Panel, names: list[Any]) -> None:
    absent = [name for name in names if name not in panel.units]
    if absent:
        raise DesignError(
            f"{shortlist(absent)} are not units of the panel",
            where=f"column {panel.unit!r} holds {shortlist(panel.units)}",
            fix="correct the names of the neighbours",
        )


def _text(
    verdict: str, everyone: Answer, without: Answer, near: Answer, count: int, alpha: float
) -> dict[str, str]:
    beside = {
        "en": f"without them the estimate is {show(without.estimate)} instead of {show(everyone.estimate)}",
        "zh": f"不用周边地区作对照时，估计值为{show(without.estimate)}，原为{show(everyone.estimate)}",
    }
    moved = {
        "en": f"compared with places further away, {count} neighbours changed by {show(near.estimate)} "
        f"(p {show_p(near.p_value)})",
        "zh": f"与更远的地区相比，{count}个周边地区变化了{show(near.estimate)}（p {show_p(near.p_value)}）",
    }
    if verdict == "evidence_against":
        return {
            "en": f"They changed too: {moved['en']}, by a spillover or by a shock to the whole region; "
            f"either way they are no clean comparison. Also, {beside['en']}.",
            "zh": f"周边也有变化：{moved['zh']}，可能是溢出，也可能是整个区域的共同冲击，"
            f"无论哪种，都不是干净的对照。{beside['zh']}。",
        }
    if verdict == "no_evidence_against":
        return {
            "en": f"No sign of it: {moved['en']}; {beside['en']}.",
            "zh": f"没有迹象：{moved['zh']}；{beside['zh']}。",
        }
    if near.smallest_p > alpha:
        why = {
            "en": f"with so few places no p-value can be below {near.smallest_p:.3f}",
            "zh": f"地区太少，p值最小只能到{near.smallest_p:.3f}",
        }
    else:
        why = {
            "en": f"only a spillover of {show(near.detectable, 2)} or more would be found reliably",
            "zh": f"只有达到{show(near.detectable, 2)}的溢出才能被可靠地发现",
        }
    return {
        "en": f"This cannot be told: {why['en']}; {moved['en']}; {beside['en']}.",
        "zh": f"无法判断：{why['zh']}；{moved['zh']}；{beside['zh']}。",
    }
