"""What would other reasonable choices have given? (Simonsohn, Simmons and Nelson 2020)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.diagnostics._inference import Inferring, one_number
from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_p, show_percent
from evaluation.errors import DesignError, EstimationError, EvaluationError, shortlist
from evaluation.inference.randomization import Estimator, RandomizationTest, randomization_test
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
MISFIT = "no mix of donors follows the treated unit before treatment"
QUESTION = {
    "en": "Does the effect hold whichever reasonable choices are made?",
    "zh": "无论采用哪种合理的设定，效应是否都成立？",
}


@dataclass(frozen=True, eq=False)
class Specification:
    """One way to put the question.

    Attributes
    ----------
    choices : mapping of str to str
        Name of each choice and what was chosen, such as ``{"scale": "logarithm", "pool": "province"}``.
    panel : Panel
    design : Design
    estimator : object with ``fit(panel, design) -> Result``
    reason : str
        Why the choices cannot be put together; then there is no panel.
    most_misfit : float, optional
        A synthetic comparison whose gap before treatment is more than this many times that of the median
        placebo is no comparison: it is left out, with that reason.
    """

    choices: Mapping[str, str]
    panel: Panel | None = field(repr=False)
    design: Design | None = field(repr=False)
    estimator: Estimator | None
    reason: str = ""
    most_misfit: float | None = None


def every_choice(
    choices: Mapping[str, Sequence[str]],
    build: Callable[[Mapping[str, str]], tuple[Panel, Design, Estimator]],
) -> list[Specification]:
    """All combinations of declared choices.

    Parameters
    ----------
    choices : mapping of str to sequence of str
        Options of each choice.
    build : callable
        One combination to panel, design and estimator. Where it raises an `EvaluationError` the
        combination stays on the list with that reason.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, every_choice
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> tables = {"rate": "rate", "count": "homicide"}
    >>> def build(chosen):
    ...     return panel, Design(tables[chosen["outcome"]], "first_treated"), TwoWayFixedEffects()
    >>> tried = every_choice({"outcome": ["rate", "count"]}, build)
    >>> print([one.choices for one in tried])
    [{'outcome': 'rate'}, {'outcome': 'count'}]
    """
    if not choices or not all(choices.values()):
        raise EstimationError("a choice has no option", expected="at least one option for each choice")
    out = []
    for options in product(*choices.values()):
        chosen = dict(zip(choices, options, strict=True))
        try:
            panel, design, estimator = build(chosen)
        except EvaluationError as error:
            out.append(Specification(chosen, None, None, None, error.what))
        else:
            out.append(Specification(chosen, panel, design, estimator))
    return out


def specification_curve(
    specifications: Sequence[Specification],
    *,
    alpha: float = 0.05,
    draws: int = 9_999,
    seed: int | None = None,
) -> Diagnostic:
    """Specification curve of Simonsohn, Simmons and Nelson (2020): every declared choice.

    Estimate under every declared choice and test all of them together.

    Each specification has its own randomisation test, in one pass where the estimator is linear. Jointly,
    the same placebo assignment is made in all specifications: estimates are measured in units of
    their spread over assignments, and the actual curve is compared with those of the placebos by (1)
    the absolute median over specifications, (2) the share of specifications beyond ``alpha`` in the
    direction of the median, (3) the mean absolute estimate (the three statistics of Simonsohn,
    Simmons and Nelson 2020, with randomisation for their bootstrap). The verdict is by the first,
    which is named beforehand.

    Parameters
    ----------
    specifications : sequence of Specification
        With one treated unit, which must be the same in all, the placebos are the comparison units
        that all specifications share. With several, all must have the same units, and a seed where
        assignments are too many to enumerate.
    alpha, draws, seed
        See `randomization_test`.

    Returns
    -------
    Diagnostic
        ``statistic`` is the absolute median in units of spread and ``p_value`` its joint p-value.
        ``evidence_against`` when that is above ``alpha`` or less than three quarters of the estimates
        have the sign of the median; ``not_informative`` when no p-value can be as small as ``alpha``.
        Table: the choices, ``misfit_ratio`` (of synthetic comparisons: gap before treatment beside the
        median placebo's), ``estimate, ci_low, ci_high, p_value, units, reason, spread`` (the root mean
        square over assignments, in which curves are compared), ordered by estimate;
        specifications that cannot be estimated come last with their reason.
        ``details["joint"]``: the three statistics with their p-values.

    Raises
    ------
    EstimationError
        No specification, or none that can be estimated.
    DesignError
        Treated units or units that differ, so that one assignment cannot be made in all.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, every_choice, specification_curve
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> tables = {"rate": "rate", "count": "homicide"}
    >>> def build(chosen):
    ...     return panel, Design(tables[chosen["outcome"]], "first_treated"), TwoWayFixedEffects()
    >>> tried = every_choice({"outcome": ["rate", "count"]}, build)
    >>> check = specification_curve(tried)
    >>> print(check.table["estimate"].round(2).tolist())
    [0.39, 155.71]
    """
    if not specifications:
        raise EstimationError("no specification is given", expected="at least one")
    how = Inferring("randomization", alpha, draws, seed)
    names = list(dict.fromkeys(name for spec in specifications for name in spec.choices))
    rows: list[dict[str, Any]] = []
    tests: list[RandomizationTest | None] = []
    for spec in specifications:
        row, test = _one(spec, names, how)
        rows.append(row)
        tests.append(test)
    used = [i for i, test in enumerate(tests) if test is not None]
    if not used:
        raise EstimationError(
            "none of the specifications can be estimated",
            where=shortlist(dict.fromkeys(str(row["reason"]) for row in rows)),
        )
    curve = _aligned(
        [
            (spec.panel, spec.design, test)
            for spec, test in zip(specifications, tests, strict=True)
            if test is not None and spec.panel is not None and spec.design is not None
        ]
    )
    joint = joint_test(curve, alpha)
    for i, spread in zip(used, _spread(curve), strict=True):
        rows[i]["spread"] = float(spread)
    table = pd.DataFrame(rows).sort_values("estimate", ignore_index=True, na_position="last", kind="stable")
    estimates = table["estimate"].dropna().to_numpy(dtype=float)
    # signs are those of the curve in units of spread, so that scales can be mixed
    median = float(np.median(curve[0] / _spread(curve)))
    agree = float(np.mean(np.sign(curve[0]) == np.sign(median)))
    p = float(joint["p_value"].to_numpy(dtype=float)[0])
    assignments = len(curve)
    verdict: Verdict
    if 1 / assignments > alpha * (1 + 1e-9):
        verdict = "not_informative"
    else:
        verdict = "no_evidence_against" if p <= alpha and agree >= 0.75 else "evidence_against"
    return Diagnostic(
        name="specification_curve",
        question=QUESTION,
        verdict=verdict,
        statistic=abs(median),
        p_value=p,
        table=table,
        text=_text(verdict, table, estimates, agree, p, assignments, alpha, _one_unit(specifications)),
        details={
            "joint": joint.reset_index(names="statistic"),
            "choices": names,
            "specifications": len(rows),
            "not_estimated": len(rows) - len(used),
            "same_sign": agree,
            "assignments": len(curve),
        },
    )


def joint_test(curve: FloatArray, alpha: float = 0.05) -> pd.DataFrame:
    """Statistics of the actual curve among those of the placebo assignments.

    Parameters
    ----------
    curve : ndarray (m, S)
        Estimates of each assignment under each specification, the actual one first.
    alpha : float

    Returns
    -------
    pandas.DataFrame
        Rows ``absolute median, share beyond, mean absolute``; columns ``value, p_value``.
    """
    z = curve / _spread(curve)
    size = np.abs(z)
    # a rank for every assignment in every specification: its own p-value, had it been the actual one
    ordered = np.sort(size, axis=0)
    tie = 1 - 1e-10
    p_own = np.stack(
        [len(z) - np.searchsorted(ordered[:, s], size[:, s] * tie) for s in range(z.shape[1])], axis=1
    ) / len(z)
    median = np.median(z, axis=1)
    beyond = (p_own <= alpha * (1 + 1e-9)) & (np.sign(z) == np.sign(median)[:, None])
    statistics = {
        "absolute median": np.abs(median),
        "share beyond": beyond.mean(axis=1),
        "mean absolute": size.mean(axis=1),
    }
    return pd.DataFrame(
        {
            name: {"value": float(value[0]), "p_value": float(np.mean(value >= value[0] * tie))}
            for name, value in statistics.items()
        }
    ).T


def _spread(curve: FloatArray) -> FloatArray:
    spread = np.sqrt(np.mean(curve**2, axis=0))
    return np.where(spread > 0, spread, 1.0)


def _one(
    spec: Specification, names: list[str], how: Inferring
) -> tuple[dict[str, Any], RandomizationTest | None]:
    row: dict[str, Any] = {name: spec.choices.get(name, "") for name in names}
    row["misfit_ratio"] = nan
    blank = dict.fromkeys(("estimate", "ci_low", "ci_high", "p_value"), np.nan)
    if spec.panel is None or spec.design is None or spec.estimator is None:
        return {**row, **blank, "units": 0, "reason": spec.reason or "no panel"}, None
    try:
        test = randomization_test(
            one_number(spec.estimator), spec.panel, spec.design, draws=how.draws, seed=how.seed
        )
        row["misfit_ratio"] = _misfit_ratio(test)
        if spec.most_misfit is not None and row["misfit_ratio"] > spec.most_misfit:
            return {**row, **blank, "units": spec.panel.n_units, "reason": MISFIT}, None
        low, high, _ = test.interval(1 - how.alpha)
        values = {
            "estimate": test.estimate,
            "ci_low": low,
            "ci_high": high,
            "p_value": test.p_value,
            "units": spec.panel.n_units,
            "reason": "",
        }
    except EvaluationError as error:
        return {**row, **blank, "units": spec.panel.n_units, "reason": error.what}, None
    return {**row, **values}, test


def _misfit_ratio(test: RandomizationTest) -> float:
    if test.misfit is None or len(test.misfit) < 2:
        return nan
    return float(test.misfit[0] / np.median(test.misfit[1:]))


def _aligned(used: list[tuple[Panel, Design, RandomizationTest]]) -> FloatArray:
    """Estimates (m, S) of the assignments that can be made in all specifications, the actual first."""
    tests = [test for _, _, test in used]
    treats = [design.cohorts(panel).treated for panel, design, _ in used]
    actual = np.array([test.estimate for test in tests])
    if all(test.labels for test in tests):
        treated = {
            str(panel.units[int(np.flatnonzero(who)[0])])
            for (panel, _, _), who in zip(used, treats, strict=True)
        }
        if len(treated) > 1:
            raise DesignError(
                "the specifications treat different units",
                where=shortlist(sorted(treated)),
                expected="one treated unit, the same in all",
            )
        places = [{label: i for i, label in enumerate(test.labels)} for test in tests]
        common = [label for label in tests[0].labels if all(label in place for place in places)]
        if not common:
            raise DesignError(
                "the specifications share no comparison unit, so no placebo can be made in all",
                fix="let the donor pools overlap",
            )
        columns = [
            test.placebo[[place[label] for label in common], 0]
            for test, place in zip(tests, places, strict=True)
        ]
        return np.vstack([actual, np.stack(columns, axis=1)])
    units = [panel.units for panel, _, _ in used]
    lengths = {len(test.placebo) for test in tests}
    if (
        any(not index.equals(units[0]) for index in units)
        or len(lengths) > 1
        or any((who != treats[0]).any() for who in treats)
    ):
        raise DesignError(
            "with several treated units all specifications need the same units, treated and not",
            where=f"{len({tuple(index) for index in units})} different sets of units",
            fix="use the same donor pool in all specifications",
        )
    return np.vstack([actual, np.stack([test.placebo[:, 0] for test in tests], axis=1)])


def _one_unit(specifications: Sequence[Specification]) -> bool:
    """Whether all estimates are in one unit, as far as the choices say."""
    return len({spec.choices.get("scale", "") for spec in specifications}) == 1


def _text(
    verdict: str,
    table: pd.DataFrame,
    estimates: FloatArray,
    agree: float,
    p: float,
    assignments: int,
    alpha: float,
    one_unit: bool,
) -> dict[str, str]:
    n = len(estimates)
    beyond = float((table["p_value"] <= alpha).sum()) / n
    range_en = (
        f" The middle one is {show(float(np.median(estimates)))}, the extremes {show(estimates.min())} and "
        f"{show(estimates.max())}."
        if one_unit
        else ""
    )
    range_zh = (
        f"居中的估计值为{show(float(np.median(estimates)))}，最小{show(estimates.min())}，"
        f"最大{show(estimates.max())}。"
        if one_unit
        else ""
    )
    seen = {
        "en": f"of {n} estimates {show_percent(agree)} point the same way and {show_percent(beyond)} are "
        f"beyond chance one by one (p {show_p(p)} for all together)",
        "zh": f"{n}个估计值中，{show_percent(agree)}方向一致，{show_percent(beyond)}单独来看超出偶然波动"
        f"（联合p {show_p(p)}）",
    }
    opening = {
        "no_evidence_against": ("Yes: ", "是："),
        "evidence_against": ("No: ", "否："),
        "not_informative": (
            f"This cannot be told, since {assignments} assignments give no p-value below "
            f"{1 / assignments:.3f}: ",
            f"无法判断，因为{assignments}种安置方式下p值最小只能到{1 / assignments:.3f}：",
        ),
    }[verdict]
    return {"en": f"{opening[0]}{seen['en']}.{range_en}", "zh": f"{opening[1]}{seen['zh']}。{range_zh}"}
