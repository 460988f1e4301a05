"""What an estimator does over many draws of a world whose effect is known: bias, spread, coverage, power.

Draws are made in pieces with random streams of their own (`evaluation.numerics.chunks`), so that the table is
the same, byte for byte, on one processor and on a cluster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.errors import EstimationError, EvaluationError
from evaluation.estimators import OverallATT
from evaluation.numerics.chunks import spread
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]
CHUNK = 25
"""Draws in a piece: it is part of what the numbers depend on, as the seed is."""


class Sampled(NamedTuple):
    """One draw: a panel, the question, and the true mean effect on the treated in units of the outcome."""

    panel: Panel
    design: Design
    truth: float


class _Estimator(Protocol):
    def fit(self, panel: Panel, design: Design) -> Result: ...


@dataclass(frozen=True, eq=False)
class Sampling:
    """Estimates of every draw.

    Attributes
    ----------
    draws : pandas.DataFrame
        A row a draw and estimator: ``draw, estimator, truth, estimate, std_error, low, high, p_value``; NaN
        where an estimator had no answer.
    level : float
        Of the intervals.
    """

    draws: pd.DataFrame = field(repr=False)
    level: float

    def table(self) -> pd.DataFrame:
        """A row an estimator: bias, deviation, mean standard error, coverage, rejections, failures.

        ``coverage_error`` is the Monte Carlo standard error of the coverage, ``rejected`` the share of
        p-values at most 1 - level: the size where the truth is 0 and the power where it is not.
        """
        rows = []
        for name, found in self.draws.groupby("estimator", sort=False):
            good = found[found["estimate"].notna() & found["low"].notna()]
            n = len(good)
            inside = (
                ((good["low"] <= good["truth"]) & (good["truth"] <= good["high"])).mean() if n else math.nan
            )
            rows.append(
                {
                    "estimator": name,
                    "bias": (good["estimate"] - good["truth"]).mean(),
                    "deviation": (good["estimate"] - good["truth"]).std(ddof=1),
                    "mean_std_error": good["std_error"].mean(),
                    "coverage": inside,
                    "coverage_error": math.sqrt(inside * (1 - inside) / n) if n else math.nan,
                    "rejected": (good["p_value"] <= 1 - self.level).mean() if n else math.nan,
                    "failed": len(found) - n,
                }
            )
        return pd.DataFrame(rows)


def sampling(
    simulate: Callable[[np.random.Generator], Sampled],
    estimators: Mapping[str, _Estimator],
    *,
    draws: int,
    seed: int,
    level: float = 0.95,
    chunk: int = CHUNK,
) -> Sampling:
    """Fit estimators to many draws of a world.

    Parameters
    ----------
    simulate : callable
        Makes one draw from a generator. To be done by other processes it must be a function of a module.
    estimators : mapping of str to estimator
        With ``fit(panel, design)``; results of several terms are aggregated to the simple average.
    draws : int
    seed : int
    level : float
    chunk : int
        Draws in a piece; never chosen from the number of workers.

    Returns
    -------
    Sampling

    Raises
    ------
    EstimationError
        No estimator, or fewer than two draws.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, Sampled, TwoWayFixedEffects, sampling
    >>> def simulate(generator):
    ...     table = pd.DataFrame({"unit": np.repeat(range(20), 4), "time": np.tile(range(4), 20)})
    ...     table["first"] = np.where(table["unit"] < 10, 2.0, np.nan)
    ...     table["y"] = generator.normal(size=80) + (table["time"] >= table["first"])
    ...     return Sampled(Panel(table, unit="unit", time="time"), Design("y", "first"), 1.0)
    >>> found = sampling(simulate, {"two-way": TwoWayFixedEffects()}, draws=20, seed=1)
    """
    if not estimators or draws < 2:
        raise EstimationError(
            f"{draws} draws of {len(estimators)} estimators say nothing",
            expected="at least 2 draws and 1 estimator",
        )
    work = partial(_piece, simulate, dict(estimators), level)
    values = np.concatenate(spread(work, draws, seed=seed, chunk=chunk))
    names = list(estimators)
    table = pd.DataFrame(values.reshape(draws * len(names), 6), columns=list(_COLUMNS))
    table.insert(0, "draw", np.repeat(np.arange(draws), len(names)))
    table.insert(1, "estimator", names * draws)
    return Sampling(table, level)


_COLUMNS = ("truth", "estimate", "std_error", "low", "high", "p_value")


def _piece(
    simulate: Callable[[np.random.Generator], Sampled],
    estimators: Mapping[str, _Estimator],
    level: float,
    count: int,
    generator: np.random.Generator,
) -> FloatArray:
    """Draws by estimators by columns (count, m, 6)."""
    values = np.full((count, len(estimators), len(_COLUMNS)), np.nan)
    for i in range(count):
        drawn = simulate(generator)
        values[i, :, 0] = drawn.truth
        for j, estimator in enumerate(estimators.values()):
            try:
                result = estimator.fit(drawn.panel, drawn.design)
            except EvaluationError:
                continue  # counted as failed; what a draw has no estimate for, the estimator did not find
            one = OverallATT(estimator).average(result)
            low, high = one.conf_int(level)
            values[i, j, 1:] = one.estimate, one.std_error, low, high, one.p_value
    return values
