"""The smallest fall that a real record of so many districts and months could show."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.simulated.case import SimulatedCase

FloatArray = NDArray[np.float64]
LEVEL = 0.05
POWER = 0.8
FALLS = np.concatenate([[0.0], np.arange(1.0, 10.0), np.arange(10.0, 40.0, 2.0), np.arange(40.0, 96.0, 5.0)])
"""Falls that are tried, in percent; 0 gives the size of the test."""


@dataclass(frozen=True, eq=False)
class Detectable:
    """How likely a fall is to be found, by its size and by how much is counted.

    Attributes
    ----------
    table : pandas.DataFrame
        ``count`` (incidents a month in each district), ``effect`` (fall in percent), ``power``.
    smallest : pandas.DataFrame
        ``count, yearly, smallest`` (fall in percent found four times in five; infinite where none is) and
        ``size`` (share of draws without an effect in which the test speaks).
    units, months, before, draws : int
    smallest_p : float
        The smallest p-value of placebos in space, which so few districts cannot bring below 0.05.
    """

    table: pd.DataFrame = field(repr=False)
    smallest: pd.DataFrame = field(repr=False)
    units: int
    months: int
    before: int
    draws: int
    smallest_p: float


def detectable(case: SimulatedCase) -> Detectable:
    """Power of the design that real records would have, from counts with nothing but noise.

    Each of the districts counts the same number a month, with Poisson noise and a lognormal shock of its own;
    one of them falls from the start on. The test shifts the treated months around the circle of all
    months (`evaluation.inference.randomization_in_time`) on ``log(count + 1/2)``, against all others.
    """
    power = case.study.power
    units = int(case.table["unit"].nunique())
    months = np.asarray(sorted(case.table["month"].unique()), dtype=object)
    before = int(sum(month < case.start for month in months))
    generator = np.random.default_rng(case.study.seed)
    rows, least = [], []
    for count in power.counts:
        curve = found(count, power.noise, units, len(months), before, power.draws, generator)
        rows.append(pd.DataFrame({"count": count, "effect": FALLS, "power": curve}))
        least.append(
            {
                "count": count,
                "yearly": 12 * count,
                "smallest": smallest(FALLS, curve, POWER),
                "size": float(curve[0]),
            }
        )
    return Detectable(
        pd.concat(rows, ignore_index=True),
        pd.DataFrame(least),
        units,
        len(months),
        before,
        power.draws,
        1 / units,
    )


def found(
    count: float,
    noise: float,
    units: int,
    months: int,
    before: int,
    draws: int,
    generator: np.random.Generator,
    falls: FloatArray = FALLS,
) -> FloatArray:
    """Share of draws in which the test in time finds each fall.

    Parameters
    ----------
    count : float
        Expected incidents a month in each unit.
    noise : float
        Standard deviation of the logarithm of a unit's month.
    units, months, before, draws : int
    generator : numpy.random.Generator
    falls : ndarray (m,)
        Percent.

    Returns
    -------
    ndarray (m,)
    """
    contrast = np.zeros(months)
    contrast[before:] = 1.0
    contrast -= contrast.mean()
    shifts = np.stack([np.roll(contrast, s) for s in range(months)])
    shock = np.exp(noise * generator.standard_normal((draws, units, months)) - noise**2 / 2)
    others = np.log(generator.poisson(count * shock[:, 1:]) + 0.5).mean(axis=1)
    out = np.empty(len(falls))
    most = int(np.floor(LEVEL * months + 1e-9))
    for i, fall in enumerate(falls):
        mean = count * shock[:, 0] * np.where(np.arange(months) >= before, 1 - fall / 100, 1.0)
        gap = np.log(generator.poisson(mean) + 0.5) - others
        size = np.abs(gap @ shifts.T)
        extreme = (size >= size[:, :1] * (1 - 1e-10)).sum(axis=1)
        down = gap @ shifts[0] < 0
        out[i] = np.mean((extreme <= most) & (down | (fall == 0)))
    return out


def smallest(falls: FloatArray, power: FloatArray, wanted: float) -> float:
    """The smallest fall found at least so often, interpolated; infinite where none is."""
    reached = power >= wanted
    if not reached.any():
        return float("inf")
    i = int(reached.argmax())
    if i == 0:
        return float(falls[0])
    share = (wanted - power[i - 1]) / (power[i] - power[i - 1])
    return float(falls[i - 1] + share * (falls[i] - falls[i - 1]))
