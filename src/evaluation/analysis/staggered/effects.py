"""Every outcome by every estimator, each with the inference that holds for the design."""

from __future__ import annotations

from collections import OrderedDict
from math import isfinite, nan
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.choice import SYNTHETIC, Choice, Kind
from evaluation.analysis.estimate import permuted
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.analysis.staggered.methods import (
    Asked,
    Jackknife,
    ask,
    jackknife,
    names_for,
)
from evaluation.analysis.staggered.probe import own_words
from evaluation.analysis.staggered.relative import relative
from evaluation.errors import EvaluationError
from evaluation.inference import RandomizationTest, assignments, randomization_test, recommend
from evaluation.inference.recommend import Recommendation
from evaluation.numerics.jackknife import t_probability, t_quantile
from evaluation.result import Result
from evaluation.study.staggered import Comparison, Outcome

DRAWS = 999
FAST = 100
"""With more assignments than this, estimators that do not lead are not put to the randomisation test."""
ROUNDING = 1e-10
"""Numbers smaller than this share of the outcome are rounding error."""
SAME = 1e-6
"""Estimates nearer than this share of their size are one estimate computed in two ways."""


def choose(case: StaggeredCase, outcome: Outcome, comparison: Comparison | None = None) -> Choice:
    """The estimator and the inference for an outcome against a comparison; see `StaggeredCase.chosen`.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    comparison : Comparison, optional
        The main one when absent.
    """
    return case.chosen(outcome, comparison)


def advice(case: StaggeredCase, outcome: Outcome) -> Recommendation | None:
    """Every method of inference judged for the leading comparison; None where all are treated in the end."""
    panel, design = case.panel(outcome)
    try:
        return recommend(panel, design)
    except EvaluationError:
        return None


def estimates(
    case: StaggeredCase,
    comparison: Comparison | None = None,
    *,
    outcomes: tuple[Outcome, ...] | None = None,
    only_leading: bool = False,
    level: float = 0.95,
    **options: Any,
) -> pd.DataFrame:
    """The mean effect on treated unit-periods, for each outcome by each estimator.

    Parameters
    ----------
    case : StaggeredCase
    comparison : Comparison, optional
        The main one when absent.
    outcomes : tuple of Outcome, optional
        All when absent.
    only_leading : bool
        Only the estimator that leads for each outcome.
    level : float
        Of intervals.
    **options
        Of `StaggeredCase.panel`, such as ``dates``.

    Returns
    -------
    pandas.DataFrame
        ``outcome, comparison, estimator, leading, estimate, std_error, ci_low, ci_high, level, p_value, df,
        percent, percent_low, percent_high, counterfactual, own_error, inference, n_units, n_periods,
        n_treated, n_clusters, n_as_extreme, n_assignments, same_as, reason, no_interval``. ``estimate`` is in
        log points for Poisson and for models "log", else in the outcome's unit (counts: as a rate).
        ``percent`` is relative to what treated places would have had (`relative`); missing for rates and
        levels. ``counterfactual`` is what they would have had, in the unit of ``estimate``, for rates of
        counts. ``own_error`` is the estimator's usual standard error. ``same_as`` names an estimator that
        gives the same number. ``reason`` says why a number is absent, ``no_interval`` the same of the
        interval in one word (see `NO_INTERVAL`), and ``n_assignments`` is 0 without a randomisation test.
    """
    comparison = comparison or case.main
    rows = []
    for outcome in outcomes or case.study.outcomes:
        choice = choose(case, outcome, comparison)
        names = names_for(case, outcome)[: 1 if only_leading else None]
        done: list[tuple[dict[str, Any], Jackknife | None]] = []
        for name in names:
            done.append(_row(case, outcome, comparison, name, choice, done, level, options))
        rows += [row for row, _ in done]
    return pd.DataFrame(rows)


def _row(
    case: StaggeredCase,
    outcome: Outcome,
    comparison: Comparison,
    name: str,
    choice: Choice,
    done: list[tuple[dict[str, Any], Jackknife | None]],
    level: float,
    options: dict[str, Any],
) -> tuple[dict[str, Any], Jackknife | None]:
    row: dict[str, Any] = {
        "outcome": outcome.id,
        "comparison": comparison.id,
        "estimator": name,
        "leading": name == case.leading(outcome),
        **dict.fromkeys(("estimate", "std_error", "ci_low", "ci_high", "p_value", "df"), nan),
        **dict.fromkeys(("percent", "percent_low", "percent_high", "counterfactual", "own_error"), nan),
        "level": level,
        "inference": "",
        "n_as_extreme": None,
        **dict.fromkeys(("n_units", "n_periods", "n_treated", "n_clusters", "n_assignments"), 0),
        "same_as": "",
        "reason": "",
        "no_interval": "",
    }
    try:
        asked = ask(case, outcome, name, comparison, **options)
        result = asked.fit()
    except EvaluationError as error:
        return {**row, "reason": own_words(case, outcome, error.what)}, None
    row |= {
        "estimate": result.estimate,
        "own_error": result.std_error,
        "n_units": result.sample.units,
        "n_periods": result.sample.periods,
        "n_treated": result.sample.treated,
        "n_clusters": choice.clusters,
    }
    twin = next((r for r in done if _same(r[0], row, name)), None)
    row["same_as"] = twin[0]["estimator"] if twin else ""
    found: Jackknife | None = None
    kind = choice.kind_of(name)
    if kind == "jackknife":
        found = twin[1] if twin and twin[1] is not None else jackknife(asked, result)
    if kind == "randomization" and twin:
        # an identity of algebra holds under every assignment
        held = {name: twin[0][name] for name in HELD}
    else:
        held = infer(asked, result, kind, found, level, case.study.seed, leading=row["leading"])
    row |= held
    row |= without_rounding(asked, outcome, row)
    interval = (row.get("ci_low", nan), row.get("ci_high", nan))
    percent, why = relative(asked, outcome, result, kind, found, interval, level)
    row |= percent
    row["reason"] = own_words(case, outcome, "; ".join(filter(None, (row["reason"], why))))
    return row, found


def _same(other: dict[str, Any], row: dict[str, Any], name: str) -> bool:
    """Whether another linear estimator gave this number: an identity of algebra, not chance."""
    gap = abs(other["estimate"] - row["estimate"])
    linear = not {name, other["estimator"]} & {"poisson", "extended_poisson", *SYNTHETIC}
    return linear and not other["same_as"] and bool(gap <= SAME * max(abs(row["estimate"]), 1e-12))


HELD = (
    *("std_error", "ci_low", "ci_high", "p_value", "df"),
    *("inference", "reason", "no_interval", "n_as_extreme", "n_assignments"),
)
"""Columns of `estimates` that inference fills in."""

NO_INTERVAL = (
    *("few_assignments", "no_slope", "unbounded", "not_run", "not_permuted"),
    *("leave_out", "no_error", "no_constant"),
)
"""Why an interval is absent. By randomisation: too few assignments for the level; what an effect adds to
placebo estimates is not known; the effects not rejected have no bound; the test was not made, or cannot
be. By a standard error: without one of the clusters there is no effect; the estimator has none. By placebos
of a synthetic control: no constant effect is compatible with the gaps after treatment."""


def infer(
    asked: Asked,
    result: Result,
    kind: Kind,
    found: Jackknife | None,
    level: float,
    seed: int,
    *,
    leading: bool,
) -> dict[str, Any]:
    """Standard error, interval and p-value by the chosen inference, in the estimate's own unit."""
    blank: dict[str, Any] = dict.fromkeys(("std_error", "ci_low", "ci_high", "p_value", "df"), nan)
    blank |= {"inference": "", "reason": "", "no_interval": "", "n_as_extreme": None, "n_assignments": 0}
    if kind == "placebo":
        return {**blank, **by_placebos(asked, result, level, seed)}
    if kind == "randomization":
        return {**blank, **_randomised(asked, level, seed, leading=leading)}
    absent = "no_error"
    if kind == "jackknife":
        found = jackknife(asked, result) if found is None else found
        error, df, words = found.std_error, float(found.df), "jackknife over clusters"
        reason = "" if isfinite(error) else "without one of the clusters there is no effect"
        absent = "leave_out"
    elif kind == "rows":
        error, df, words, reason = _by_rows(asked)
    else:
        error, df, words, reason = result.std_error, result.df, "clustered", ""
        if not isfinite(error):
            reason = "the estimator gives no standard error"
    half = t_quantile(level, df) * error
    return {
        **blank,
        "std_error": error,
        "df": df,
        "ci_low": result.estimate - half,
        "ci_high": result.estimate + half,
        "p_value": t_probability(result.estimate / error, df) if isfinite(error) else nan,
        "inference": words,
        "reason": reason,
        "no_interval": "" if isfinite(half) else absent,
    }


def without_rounding(asked: Asked, outcome: Outcome, row: dict[str, Any]) -> dict[str, Any]:
    """What changes in a row where a number is the arithmetic's own rounding and not the data's.

    An estimate below `ROUNDING` times the largest value of the outcome (in logs and for Poisson: times 1
    at least) is 0. A standard error, or an interval, below it does not exist: the outcome leaves nothing
    that an error could be estimated from.
    """
    values = np.abs(asked.panel.column(asked.design.outcome))
    scale = float(np.max(values, initial=0.0, where=np.isfinite(values)))
    poisson = asked.name in ("poisson", "extended_poisson")
    tiny = ROUNDING * (1.0 if poisson else max(scale, 1.0) if outcome.model == "log" else scale)
    changed: dict[str, Any] = {"estimate": 0.0} if abs(row["estimate"]) <= tiny else {}
    if row["own_error"] <= tiny:
        changed["own_error"] = nan
    if row["std_error"] <= tiny or row["ci_high"] - row["ci_low"] <= 2 * tiny:
        changed |= dict.fromkeys(("std_error", "ci_low", "ci_high", "p_value"), nan)
        changed |= {"n_as_extreme": None, "no_interval": "no_error"}
        changed["reason"] = (
            "the outcome does not vary beyond differences of units and of periods: no error can be estimated"
        )
    return changed


def _by_rows(asked: Asked) -> tuple[float, float, str, str]:
    """An error that takes rows as independent, for estimators that have one."""
    from dataclasses import fields, replace

    estimator = asked.estimator.estimator
    if "covariance" not in {item.name for item in fields(estimator)}:
        return nan, np.inf, "rows independent", "this estimator has no standard error for independent rows"
    plain = "iid" if asked.name == "poisson" else "HC1"
    result = type(asked.estimator)(replace(estimator, covariance=plain)).fit(asked.panel, asked.design)
    return result.std_error, np.inf, "rows independent", ""


def _randomised(asked: Asked, level: float, seed: int, *, leading: bool) -> dict[str, Any]:
    if not (leading or asked.name == "two_way" or _few_assignments(asked)):
        why = (
            f"with more than {FAST} assignments randomisation is for the leading estimator and the simple one"
        )
        return {"reason": why, "no_interval": "not_run"}
    try:
        test = randomised(asked, seed)
    except EvaluationError as error:
        return {"reason": error.what, "no_interval": "not_permuted"}
    found = permuted(test, level)
    absent = ""
    if found["reason"] and test.smallest_p > 1 - level + 1e-9:
        absent = "few_assignments"
    elif found["reason"]:
        absent = "no_slope" if test.slope is None else "unbounded"
    return {
        **{name: value for name, value in found.items() if name not in ("estimate", "level")},
        "inference": f"randomisation over {test.n_assignments} assignments, smallest p {test.smallest_p:.3f}",
        "no_interval": absent,
    }


def by_placebos(asked: Asked, result: Result, level: float, seed: int) -> dict[str, Any]:
    """p-value and interval of a synthetic method by placebos: treatment given to donors instead.

    The statistic of a synthetic control is the root mean squared gap after treatment over that before
    (Abadie, Diamond and Hainmueller 2010). With gaps g after treatment, their mean m and
    variance v, the effects tau that the test does not reject are those with
    ``(m - tau)**2 + v <= (c r)**2``: r is the root mean squared gap before treatment and c, of N
    assignments, the ``floor((1 - level) N)``-th largest placebo ratio (Firpo and Possebom 2018, for a
    constant effect). The interval therefore leaves out 0 where the p-value is at most
    ``1 - level``, and it is absent where no constant effect is compatible with the gaps. For synthetic
    difference-in-differences, which measures from weighted periods before treatment, the statistic is the
    estimate, and the interval reaches as far from it as c, the like of the placebo estimates. With several
    dates estimates are compared, and there is no interval.
    """
    try:
        test = randomised(asked, seed)
    except EvaluationError as error:
        return {"reason": error.what, "no_interval": "not_permuted"}
    words = f"placebos over {test.n_assignments} assignments, smallest p {test.smallest_p:.3f}"
    found = {
        "p_value": test.p_value,
        "n_as_extreme": test.n_as_extreme,
        "n_assignments": test.n_assignments,
        "inference": words,
    }
    needed = int(np.floor((1 - level) * test.n_assignments + 1e-9))
    if needed < 1:
        reason = (
            f"{test.n_assignments} assignments give no p-value below {test.smallest_p:.3f}, so no "
            f"{level:.0%} interval exists"
        )
        return {**found, "reason": reason, "no_interval": "few_assignments"}
    details: Any = result.details
    if details is None or len(details.fits) != 1:
        reason = "with several dates the ratio of gaps has no one base, so placebos give no interval"
        return {**found, "reason": reason, "no_interval": "no_slope"}
    fit = details.fit
    limit = float(np.sort(np.abs(test.placebo[:, 0]))[::-1][needed - 1])
    room = limit**2
    if asked.name == "synthetic_control":
        gaps = fit.path.loc[fit.path["role"] == "after", "gap"].to_numpy(dtype=float)
        room = (limit * fit.rmspe_before) ** 2 - float(gaps.var())
    if not room >= 0:
        reason = "no constant effect is compatible with the gaps after treatment"
        return {**found, "reason": reason, "no_interval": "no_constant"}
    half = float(np.sqrt(room))
    return {**found, "ci_low": result.estimate - half, "ci_high": result.estimate + half}


def _few_assignments(asked: Asked) -> bool:
    try:
        return assignments(asked.panel, asked.design).n_distinct <= FAST
    except EvaluationError:
        return False


_TESTS: OrderedDict[tuple[Any, ...], RandomizationTest] = OrderedDict()
_HELD_TESTS = 64


def randomised(asked: Asked, seed: int) -> RandomizationTest:
    """The randomisation test of what was asked; asked again of the same data it is not made again.

    Raises
    ------
    EvaluationError
        As `randomization_test`.
    """
    rows = pd.util.hash_pandas_object(asked.panel.frame).to_numpy().tobytes()
    key = (asked.name, repr(asked.estimator), repr(asked.design), seed, DRAWS, rows)
    if key not in _TESTS:
        options: dict[str, Any] = {}
        estimator: Any = asked.estimator
        if asked.name in SYNTHETIC:
            estimator = estimator.estimator  # all placebos in one batch
        if asked.name in SYNTHETIC and len(asked.design.cohorts(asked.panel).values) == 1:
            options = {"treated_as_donor": False}
            if asked.name == "synthetic_control":
                options["statistic"] = "rmspe_ratio"
        _TESTS[key] = randomization_test(
            estimator, asked.panel, asked.design, draws=DRAWS, seed=seed, **options
        )
        while len(_TESTS) > _HELD_TESTS:
            _TESTS.popitem(last=False)
    return _TESTS[key]
