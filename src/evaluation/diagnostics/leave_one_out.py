"""Does one place carry the answer?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Cohorts, Design
from evaluation.diagnostics._inference import Answer, Inference, Inferring
from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_percent
from evaluation.errors import EstimationError, EvaluationError
from evaluation.inference.randomization import Estimator
from evaluation.panel import Panel

What = Literal["donor", "treated", "cohort"]
_NAMES = {
    "donor": ("comparison place", "对照地区"),
    "treated": ("treated place", "处理组地区"),
    "cohort": ("cohort", "处理批次"),
}
COLUMNS = ("left_out", "estimate", "ci_low", "ci_high", "p_value", "change", "reason")


def leave_one_out(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    *,
    what: What = "donor",
    english: Mapping[str, str] | None = None,
    tolerated: float = 0.5,
    inference: Inference = "auto",
    alpha: float = 0.05,
    draws: int = 9_999,
    seed: int | None = None,
) -> Diagnostic:
    """Estimate again without each comparison place, treated place or cohort in turn.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
    panel : Panel
    design : Design
    what : {"donor", "treated", "cohort"}
        What is left out, one at a time.
    english : mapping of str to str, optional
        Name of a unit in English, for the English sentence.
    tolerated : float
        Change of the estimate, as a share of it, above which one place is said to carry the answer.
    inference : {"auto", "randomization", "standard"}
        ``"auto"``: by randomisation with up to 3 treated units.
    alpha, draws, seed
        See `randomization_test`.

    Returns
    -------
    Diagnostic
        ``evidence_against`` when leaving one out takes the p-value across ``alpha``; or, unless the
        estimate is not distinguishable from 0 to begin with, turns its sign or changes it by more
        than ``tolerated``. ``not_informative`` with fewer than two to leave out. ``statistic`` is the largest
        absolute change, in units of the outcome. Table: ``left_out, estimate, ci_low, ci_high, p_value,
        change, reason``, the full sample first; ``reason`` says why a number is absent.

    Raises
    ------
    EstimationError
        An unknown ``what``, or a fault of the full sample.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, GroupTime, OverallATT, leave_one_out
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> check = leave_one_out(OverallATT(GroupTime()), panel, design, what="cohort", inference="standard")
    >>> print(check.table["left_out"].tolist())
    ['', '2005', '2006', '2007', '2008', '2009']
    """
    if what not in _NAMES:
        raise EstimationError(f"what is {what!r}", expected="'donor', 'treated' or 'cohort'")
    how = Inferring(inference, alpha, draws, seed)
    randomised = how.randomised(panel, design)
    full = how.ask(estimator, panel, design, randomised=randomised)
    rows: list[dict[str, Any]] = [_row("", full, full)]
    for label, gone in _groups(panel, design.cohorts(panel), what):
        try:
            part = panel.where(~gone[panel.unit_codes])
            rows.append(_row(label, how.ask(estimator, part, design, randomised=randomised), full))
        except EvaluationError as error:
            blank = dict.fromkeys(("estimate", "ci_low", "ci_high", "p_value", "change"), np.nan)
            rows.append({"left_out": label, **blank, "reason": error.what})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    usable = table.iloc[1:][table["estimate"].iloc[1:].notna()]
    sizes = usable["change"].abs().to_numpy(dtype=float)
    statistic = float(sizes.max()) if len(sizes) else np.nan
    verdict: Verdict
    fragile: list[str] = []
    if len(usable) < 2:
        verdict = "not_informative"
    else:
        fragile = _fragile(usable, full, alpha, tolerated)
        verdict = "evidence_against" if fragile else "no_evidence_against"
    return Diagnostic(
        name=f"leave_one_out_{what}",
        question={
            "en": f"Does one {_NAMES[what][0]} carry the answer?",
            "zh": f"结论是否只靠某一个{_NAMES[what][1]}？",
        },
        verdict=verdict,
        statistic=statistic,
        p_value=np.nan,
        table=table,
        text=_text(what, verdict, usable, full, fragile, len(table) - 1, english or {}),
        details={
            "estimate": full.estimate,
            "p_value": full.p_value,
            "carried_by": fragile,
            "not_estimated": int(table["estimate"].iloc[1:].isna().sum()),
        },
    )


def _groups(panel: Panel, cohorts: Cohorts, what: str) -> list[tuple[str, NDArray[np.bool_]]]:
    """Label and units (n_units,) of each thing to leave out."""
    if what == "cohort":
        return [
            (str(label), cohorts.first == value)
            for value, label in zip(cohorts.values, cohorts.labels, strict=True)
        ]
    chosen = np.flatnonzero(cohorts.treated if what == "treated" else ~cohorts.treated)
    every = np.arange(panel.n_units)
    return [(str(panel.units[int(i)]), every == i) for i in chosen]


def _row(label: str, answer: Answer, full: Answer) -> dict[str, Any]:
    return {
        "left_out": label,
        "estimate": answer.estimate,
        "ci_low": answer.ci_low,
        "ci_high": answer.ci_high,
        "p_value": answer.p_value,
        "change": answer.estimate - full.estimate,
        "reason": "",
    }


def _fragile(usable: pd.DataFrame, full: Answer, alpha: float, tolerated: float) -> list[str]:
    """Those without which the answer would be another."""
    p, estimate = usable["p_value"].to_numpy(dtype=float), usable["estimate"].to_numpy(dtype=float)
    # a test that cannot reach alpha on either sample has no conclusion to lose
    reachable = full.smallest_p <= alpha
    crossed = ((p <= alpha) != (full.p_value <= alpha)) & np.isfinite(p) & reachable
    other = np.zeros(len(p), dtype=bool)
    if not reachable or full.p_value <= alpha:
        other = np.sign(estimate) != np.sign(full.estimate)
        other |= np.abs(estimate - full.estimate) > tolerated * abs(full.estimate)
    return usable["left_out"].to_numpy()[crossed | other].tolist()


def _text(
    what: str,
    verdict: str,
    usable: pd.DataFrame,
    full: Answer,
    fragile: list[str],
    tried: int,
    english: Mapping[str, str],
) -> dict[str, str]:
    en, zh = _NAMES[what]
    if verdict == "not_informative":
        return {
            "en": f"This check cannot tell: of {tried} {en}{'' if tried == 1 else 's'}, {len(usable)} can be "
            "left out.",
            "zh": f"这项检验无法给出答案：{tried}个{zh}中，只有{len(usable)}个可以剔除。",
        }
    low, high = float(usable["estimate"].min()), float(usable["estimate"].max())
    spread = {
        "en": f"leaving out any one of {len(usable)}, the estimate of {show(full.estimate)} lies between "
        f"{show(low)} and {show(high)}",
        "zh": f"逐一剔除{len(usable)}个{zh}后，估计值（全样本为{show(full.estimate)}）"
        f"在{show(low)}到{show(high)}之间",
    }
    if verdict == "no_evidence_against":
        most = float(usable["change"].abs().max()) / abs(full.estimate) if full.estimate else np.inf
        return {
            "en": f"No: {spread['en']}, a change of at most {show_percent(most)}.",
            "zh": f"否：{spread['zh']}，变化最多为{show_percent(most)}。",
        }
    names = ", ".join(english.get(name, name) for name in fragile[:3])
    names += f" and {len(fragile) - 3} more" if len(fragile) > 3 else ""
    names_zh = "、".join(fragile[:3]) + (f"等{len(fragile)}个" if len(fragile) > 3 else "")
    return {
        "en": f"Yes: {spread['en']}, and the conclusion is another without {names}.",
        "zh": f"是：{spread['zh']}；剔除{names_zh}后结论改变。",
    }
