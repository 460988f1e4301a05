"""One row for a number: an estimate with all that a table, a figure, a verdict or a file needs of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from evaluation.inference import PlaceboPaths, RandomizationTest
from evaluation.plain import plain


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimate with its inference and what it rests on.

    Attributes
    ----------
    outcome : str
        Id of the outcome in the study file.
    unit : str
        Of ``value`` and its interval, in English, such as ``"days"``, ``"log points"``, ``"percent"``.
    period : str
        Code of the frequency (``"M"``) where ``value`` is an amount a period of the data; else empty.
    estimator, estimand : str
        How, and of what.
    scale : str
        On which the outcome was compared: ``"level"``, ``"log"``, ``"percent"`` or the study's model of it.
    comparison : str
        Id of the units compared with: a comparison or a donor pool.
    date : str
        The start of treatment, or the id of a set of dates (``"study"`` for the study's own); empty where
        the estimate has none.
    value, std_error, ci_low, ci_high : float
        In ``unit``; NaN what does not exist.
    level : float
        Of the interval, such as 0.95; NaN where none was asked for.
    p_value : float
        Two-sided, for no effect.
    n_as_extreme : int or None
        Of a permutation test: other assignments of treatment with an estimate at least as far from zero.
    n_assignments : int
        Assignments compared, the actual one included; 0 where nothing was permuted.
    percent, percent_low, percent_high : float
        The effect in percent of what treated units would have had.
    counterfactual : float
        Mean of the outcome in treated unit-periods without treatment, in ``unit``, where the percentage is
        taken of it; NaN where logarithms give the percentage.
    df : float
        Degrees of freedom of the interval.
    inference : str
        How the interval and the p-value were made, with the reason why one is absent.
    n_units, n_periods, n_treated : int
        Units and periods used, and treated units among them.
    n_clusters : int or None
    reason : str
        Why the estimate, or a part of it, is absent.
    leads : bool
        Whether the page's answer is about this number: true of one row an outcome.
    more : mapping
        What only one kind of study has, such as a rank, as it stands in the result file.
    """

    outcome: str
    unit: str
    period: str = ""
    estimator: str
    estimand: str
    scale: str = ""
    comparison: str = ""
    date: str = ""
    value: float
    std_error: float = nan
    ci_low: float = nan
    ci_high: float = nan
    level: float = nan
    p_value: float = nan
    n_as_extreme: int | None = None
    n_assignments: int = 0
    percent: float = nan
    percent_low: float = nan
    percent_high: float = nan
    counterfactual: float = nan
    df: float = nan
    inference: str = ""
    n_units: int
    n_periods: int
    n_treated: int
    n_clusters: int | None = None
    reason: str = ""
    leads: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[Any, Any], **stated: Any) -> Estimate:
        """An estimate from a row of a table whose columns have the names of the attributes.

        Parameters
        ----------
        row : mapping
            ``value`` is in the column ``estimate``. Other columns are left aside.
        **stated
            Attributes that are not in the row, or that stand otherwise there.
        """
        named: dict[str, Any] = {"value": row["estimate"]} if "estimate" in row else {}
        named |= {item.name: row[item.name] for item in fields(cls) if item.name in row}
        named |= stated
        for name in ("n_as_extreme", "n_clusters"):
            if name in named:
                named[name] = None if pd.isna(named[name]) else int(named[name])
        return cls(**named)

    def as_record(self, keys: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The row as it stands in the result file: every attribute, null where there is nothing.

        Parameters
        ----------
        keys : mapping, optional
            Attributes that the file calls otherwise, such as ``{"comparison": "pool"}``.
        """
        record = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "more"}
        record["unit"] = f"{self.unit} a period" if self.period else self.unit
        record["base_unit"] = self.unit
        names = {"value": "estimate", **(keys or {})}
        named = {names.get(key, key): None if value == "" else value for key, value in record.items()}
        row: dict[str, Any] = plain({**named, **self.more})
        return row


def permuted(test: RandomizationTest, level: float) -> dict[str, Any]:
    """What a one-term randomisation test gives, as columns of a table of estimates.

    Parameters
    ----------
    test : RandomizationTest
    level : float
        Of the interval.

    Returns
    -------
    dict
        ``estimate, ci_low, ci_high, level, p_value, n_as_extreme, n_assignments, reason``; ``reason`` says
        why the interval is absent.
    """
    low, high, reason = test.interval(level)
    names = ("estimate", "p_value", "n_as_extreme", "n_assignments")
    ends = {"ci_low": low, "ci_high": high, "level": level, "reason": reason}
    return {name: getattr(test, name) for name in names} | ends


def placebos(paths: PlaceboPaths) -> dict[str, Any]:
    """What a synthetic method gives beside its placebos, as columns of a table of estimates.

    Returns
    -------
    dict
        ``estimate, p_value, n_as_extreme, n_assignments`` (estimates compared), ``p_ratio`` (the gap after
        treatment relative to that before), ``misfit`` (root mean squared gap before, in units of the outcome)
        and ``misfit_ratio`` (that beside the median of the placebos; NaN where the median is 0).
    """
    others, compared = paths.as_extreme("estimate")
    misfit, typical = float(paths.rmspe_before[0]), float(np.median(paths.rmspe_before[1:]))
    return {
        "estimate": float(paths.estimates[0]),
        "p_value": paths.p_value("estimate"),
        "n_as_extreme": others,
        "n_assignments": compared,
        "p_ratio": paths.p_value("rmspe_ratio"),
        "misfit": misfit,
        "misfit_ratio": misfit / typical if typical > 0 else nan,
    }


def with_leads(
    rows: Iterable[Estimate], leads: Callable[[Estimate], bool] = lambda row: True
) -> list[Estimate]:
    """Mark the row of each outcome that leads: its first for which ``leads`` is true, else its first.

    Parameters
    ----------
    rows : iterable of Estimate
    leads : callable, optional
    """
    every = list(rows)
    chosen: dict[str, int] = {}
    for i, row in enumerate(every):
        if row.outcome not in chosen or (leads(row) and not leads(every[chosen[row.outcome]])):
            chosen[row.outcome] = i
    return [replace(row, leads=chosen[row.outcome] == i) for i, row in enumerate(every)]


def as_frame(rows: Iterable[Estimate]) -> pd.DataFrame:
    """A table of estimates, one row each, with the columns of the result file."""
    return pd.DataFrame([row.as_record() for row in rows])


__all__ = ["Estimate", "as_frame", "permuted", "placebos", "with_leads"]
