"""What is the smallest effect that this design could see?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.diagnostics._inference import (
    Inference,
    Inferring,
    first_by_unit,
    least_detected,
    one_number,
    with_column,
)
from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_percent
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import OverallATT
from evaluation.inference.assignments import Assignments, assignments
from evaluation.inference.randomization import Estimator, RandomizationTest, randomization_test
from evaluation.numerics.ranks import rank_p
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
_STEPS = 41
QUESTION = {
    "en": "What is the smallest effect that this design could tell from chance?",
    "zh": "这样的设计能够与偶然波动区分开的最小效应有多大？",
}


def minimum_effect(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    *,
    power: float = 0.8,
    matters: float | None = None,
    samples: int = 200,
    inference: Inference = "auto",
    alpha: float = 0.05,
    draws: int = 9_999,
    seed: int | None = None,
) -> Diagnostic:
    """Power of the test that is actually used, against constant effects, from the data's own noise.

    The estimated effect is taken out of the treated cells. Then other units in turn are given the
    treatment paths (every unit when one is treated, else ``samples`` random assignments; clusters, where
    they are what was assigned), an effect is
    added to their treated cells, and the test is carried out. Adding x to the treated cells moves an
    estimate by x and leaves its standard error as it is, and moves placebo estimates by known slopes,
    so that nothing is fitted again for another x; an estimator for which that is not so is refused.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
    panel : Panel
    design : Design
    power : float
        Probability with which the effect is to be found.
    matters : float, optional
        Effect that the verdict is about, in units of the outcome; the size of the estimate when absent.
    samples : int
        Most assignments that are tried as "the treated".
    inference : {"auto", "randomization", "standard"}
        ``"auto"``: by randomisation with up to 3 treated units.
    alpha, draws, seed
        See `randomization_test`. A seed is needed when there are more assignments than ``samples`` or
        ``draws``.

    Returns
    -------
    Diagnostic
        ``statistic`` is the smallest effect found with probability ``power``, averaged over its two
        signs; infinite when none is. ``no_evidence_against`` when the effect that matters is at least as
        large, else ``not_informative``. ``details["size"]`` is the share of samples in which the test
        rejects without an effect. Table: ``effect, power``.

    Raises
    ------
    DesignError
        A seed is needed.
    EstimationError
        ``power`` out of range, or an estimator that does not move one for one with the effect.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, minimum_effect
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> check = minimum_effect(TwoWayFixedEffects(), panel, design, samples=20, seed=1)
    >>> check.name
    'minimum_effect'
    """
    if not alpha < power < 1:
        raise EstimationError(f"the power is {power}", expected=f"a number between {alpha:g} and 1")
    if samples < 1:
        raise EstimationError(f"{samples} samples", expected="at least one")
    how = Inferring(inference, alpha, draws, seed)
    plan = assignments(panel, design)
    randomised = how.randomised(panel, design)
    single = one_number(estimator)
    actual = how.ask(estimator, panel, design, randomised=randomised)
    matters = abs(actual.estimate) if matters is None else abs(float(matters))
    treated_cells = _treated_cells(panel, design)
    outcome = panel.column(design.outcome)
    quiet = panel.assign(**{design.outcome: outcome - actual.estimate * treated_cells})
    orders = _orders(plan, samples, seed)
    first = first_by_unit(panel, design)
    placebos = [_assigned(quiet, design, first, order) for order in orders]
    rules: list[_Rule]
    _check_moves(single, placebos[0], design)
    notes = ["the effect is the same in every treated unit-period"]
    if randomised:
        tests = _tests(single, placebos, design, draws, seed)
        if tests[0].slope is None:
            notes.append("placebo estimates are held as they are when the effect is added")
        rules = [_ByRank(test, alpha) for test in tests]
        reachable = tests[0].smallest_p <= alpha * (1 + 1e-9)
    else:
        rules = [_ByError.of(single, p, design, alpha) for p in placebos]
        reachable = True
    smallest = _smallest(rules, power) if reachable else np.inf
    top = 2 * smallest if np.isfinite(smallest) else 2 * matters
    effects = np.linspace(0, top if top > 0 else 1.0, _STEPS)
    curve = _power(rules, effects)
    chance = float(_power(rules, np.array([matters]))[0])
    verdict: Verdict = "no_evidence_against" if smallest <= matters else "not_informative"
    return Diagnostic(
        name="minimum_effect",
        question=QUESTION,
        verdict=verdict,
        statistic=float(smallest),
        p_value=np.nan,
        table=pd.DataFrame({"effect": effects, "power": curve}),
        text=_text(smallest, power, alpha, matters, actual.smallest_p, chance),
        details={
            "samples": len(rules),
            "estimate": actual.estimate,
            "matters": matters,
            "power": power,
            "alpha": alpha,
            "randomised": randomised,
            "size": float(curve[0]),
        },
        notes=tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _ByRank:
    """A sample judged by a randomisation test."""

    test: RandomizationTest
    alpha: float

    def finds(self, effects: FloatArray) -> NDArray[np.bool_]:
        """Whether each effect (m,) is found."""
        test = self.test
        slope = np.zeros_like(test.placebo) if test.slope is None else test.slope
        own = np.abs(test.observed[0] + effects)
        others = np.abs(test.placebo[:, :1] + slope[:, :1] * effects)
        p = rank_p(others, own)
        found: NDArray[np.bool_] = p <= self.alpha * (1 + 1e-9)
        return found


@dataclass(frozen=True, eq=False)
class _ByError:
    """A sample judged by a standard error."""

    estimate: float
    critical: float

    @classmethod
    def of(cls, estimator: Estimator, panel: Panel, design: Design, alpha: float) -> _ByError:
        result = estimator.fit(panel, design)
        low, high = result.conf_int(1 - alpha)
        return cls(result.estimate, (high - low) / 2)

    def finds(self, effects: FloatArray) -> NDArray[np.bool_]:
        """Whether each effect (m,) is found; never without a standard error."""
        found: NDArray[np.bool_] = np.abs(self.estimate + effects) > self.critical
        return found


_Rule = _ByRank | _ByError


def _tests(
    estimator: Estimator, placebos: list[Panel], design: Design, draws: int, seed: int | None
) -> list[RandomizationTest]:
    """The randomisation test of every sample."""
    first = randomization_test(estimator, placebos[0], design, draws=draws, seed=seed)
    same = first.slope is None or np.ptp(first.slope) < 1e-10
    if not (same and first.labels and len(placebos) == first.n_assignments):
        others = [randomization_test(estimator, p, design, draws=draws, seed=seed) for p in placebos[1:]]
        return [first, *others]
    # with one treated unit and each unit in turn, all samples have the same estimates and slopes
    every = np.concatenate([first.observed, first.placebo[:, 0]])
    return [
        replace(first, observed=every[[i]], placebo=np.delete(every, i)[:, None], labels=())
        for i in range(len(every))
    ]


def _power(rules: list[_Rule], effects: FloatArray) -> FloatArray:
    """Share of samples that find each effect, averaged over its two signs."""
    both = np.concatenate([effects, -effects])
    share = np.mean([rule.finds(both) for rule in rules], axis=0)
    out: FloatArray = share.reshape(2, -1).mean(axis=0)
    return out


def _smallest(rules: list[_Rule], power: float) -> float:
    if all(isinstance(rule, _ByError) for rule in rules):
        errors = np.array([rule.estimate for rule in rules if isinstance(rule, _ByError)])
        critical = np.array([rule.critical for rule in rules if isinstance(rule, _ByError)])
        return least_detected(errors, critical, power)
    spread = [abs(rule.test.placebo[:, 0]).max() for rule in rules if isinstance(rule, _ByRank)]
    low, high = 0.0, max(float(np.median(spread)) / 8, 1e-300)
    for _ in range(40):
        if _power(rules, np.array([high]))[0] >= power:
            break
        low, high = high, 2 * high
    else:
        return float("inf")
    while high - low > 1e-6 * high:
        # several at once: each costs a pass over all placebos
        grid = np.linspace(low, high, 12)[1:-1]
        enough = np.flatnonzero(_power(rules, grid) >= power)
        at = int(enough[0]) if len(enough) else len(grid)
        low, high = (grid[at - 1] if at else low), (grid[at] if at < len(grid) else high)
    return float(high)


def _orders(plan: Assignments, samples: int, seed: int | None) -> list[NDArray[np.intp]]:
    """For each sample the unit whose treatment path each unit takes (n_units,)."""
    n = len(plan.path)
    one = np.zeros(n, dtype=np.intp)  # a unit of each item
    one[plan.item[::-1]] = np.arange(len(plan.item))[::-1]
    treated = plan.actual
    strata = [np.flatnonzero(plan.stratum == s) for s in np.unique(plan.stratum[treated])]
    if len(treated) == 1 and len(strata[0]) <= samples:
        out = []
        for item in strata[0]:
            order = np.arange(n)
            order[[item, treated[0]]] = order[[treated[0], item]]
            out.append(one[order][plan.item])
        return out
    if seed is None:
        raise DesignError(
            f"{samples} assignments are to be drawn and no seed is given",
            where=f"{len(treated)} of {n} {plan.words} are treated",
            fix="pass seed=...",
        )
    generator = np.random.default_rng(seed)
    out = []
    for _ in range(samples):
        order = np.arange(n)
        for items in strata:
            order[items] = items[generator.permutation(len(items))]
        out.append(one[order][plan.item])
    return out


def _assigned(panel: Panel, design: Design, first: pd.Series, order: NDArray[np.intp]) -> Panel:
    return with_column(panel, design.first_treated, first.iloc[order])


def _treated_cells(panel: Panel, design: Design) -> NDArray[np.bool_]:
    """Rows in which an effect may show: anticipation is part of it."""
    first = design.cohorts(panel).first[panel.unit_codes]
    begun: NDArray[np.bool_] = panel.ordinals[panel.time_codes] + design.anticipation >= first
    return begun


def _check_moves(estimator: Estimator, panel: Panel, design: Design) -> None:
    """Raise unless an effect of one moves the estimate by one and its standard error not at all."""
    treated = _treated_cells(panel, design)
    values = panel.column(design.outcome)
    size = float(np.nanstd(values)) or 1.0
    before = estimator.fit(panel, design)
    after = estimator.fit(panel.assign(**{design.outcome: values + size * treated}), design)
    errors = before.std_error, after.std_error
    moved = (after.estimate - before.estimate) / size
    same = np.isnan(errors).all() or np.isclose(*errors, rtol=1e-6)
    if not (np.isclose(moved, 1, atol=1e-6) and same):
        name = type(estimator.estimator if isinstance(estimator, OverallATT) else estimator).__name__
        raise EstimationError(
            f"{name} does not move one for one with an effect on the treated",
            where=f"an effect of 1 moves the estimate by {moved:.4g}",
            expected="an estimator linear in the outcome",
            fix="use TwoWayFixedEffects, GroupTime, Imputation or a synthetic method",
        )


def _text(
    smallest: float, power: float, alpha: float, matters: float, smallest_p: float, chance: float
) -> dict[str, str]:
    if not np.isfinite(smallest):
        if smallest_p > alpha:
            return {
                "en": f"None: with so few places the test cannot give a p-value below {smallest_p:.3f}, so "
                f"no effect, however large, passes a {show_percent(alpha)} rule.",
                "zh": f"没有：地区太少，p值最小只能到{smallest_p:.3f}，"
                f"无论效应多大，都通不过{show_percent(alpha)}的标准。",
            }
        return {
            "en": f"None that was looked at: no effect is found {show_percent(power)} of the time.",
            "zh": f"没有：任何效应都达不到{show_percent(power)}的发现机会。",
        }
    opening = {
        "en": f"An effect smaller than {show(smallest, 2)} can't be told from chance reliably (found less "
        f"than {show_percent(power)} of the time at the {show_percent(alpha)} level)",
        "zh": f"小于{show(smallest, 2)}的效应无法可靠地与偶然波动区分开（在{show_percent(alpha)}水平上，"
        f"发现的机会不到{show_percent(power)}）",
    }
    return {
        "en": f"{opening['en']}; one of {show(matters, 2)} would be found {show_percent(chance)} of the "
        "time.",
        "zh": f"{opening['zh']}；{show(matters, 2)}的效应有{show_percent(chance)}的机会被发现。",
    }
