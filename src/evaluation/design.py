"""A design: what is measured, who is treated from when, and with whom they are compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.covariates import is_formula, numeric_covariates
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.panel import Panel, require_columns
from evaluation.periods import as_periods, period_ordinals

NEVER = np.iinfo(np.int64).max
"""First treated ordinal of a unit that is never treated."""


@dataclass(frozen=True, eq=False)
class Cohorts:
    """Who is treated from when, one entry a unit of the panel.

    Attributes
    ----------
    first : ndarray of int (n_units,)
        Ordinal of the first treated period, `NEVER` for units never treated.
    values : ndarray of int (n_cohorts,)
        Distinct ordinals of treated cohorts in order.
    labels : pandas.Index (n_cohorts,)
        The same as periods.
    beyond : int
        Units first treated after the last period, less anticipation: they count as never treated.
    """

    first: NDArray[np.int64] = field(repr=False)
    values: NDArray[np.int64]
    labels: pd.Index
    beyond: int = 0

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Whether a unit is ever treated in the panel (n_units,)."""
        return self.first != NEVER

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of units treated after the panel's end."""
        if not self.beyond:
            return ()
        return (f"{self.beyond} units are treated after the last period and count as never treated",)


@dataclass(frozen=True)
class Design:
    """The question put to a panel.

    Parameters
    ----------
    outcome : str
        Column of the outcome.
    first_treated : str
        Column with the first treated period of the unit, missing for never treated.
    comparison : {"never_treated", "not_yet_treated"}
        Units that a cohort is compared with.
    covariates : tuple of str
        Columns to adjust for: numbers, or categories, which become indicators; or a formula such as
        ``"~ log(population) + C(region)"`` (needs formulaic).
    cluster : str or tuple of str, optional
        Columns of clusters; the unit when absent, two columns for two-way clustering.
    weights : str, optional
        Column of sampling weights.
    anticipation : int
        Periods before treatment in which the unit may already react.
    base_period : {"varying", "universal"}
        Reference of effects before treatment.
    window : tuple of int, optional
        First and last event time with an effect: none outside is in a term or an average of the result. What
        an estimator makes of periods outside, its `Supports` says: most read them as without a window,
        some leave them out of the sample, and a regression may join them to the ends. An estimator of one
        effect for all event times refuses a window.

    Raises
    ------
    DesignError
        An option that is not one of those above.

    Examples
    --------
    >>> from evaluation import Design
    >>> Design("rate", "first_treated", covariates="~ log(income)").covariates
    ('~ log(income)',)
    """

    outcome: str
    first_treated: str
    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    covariates: tuple[str, ...] = ()
    cluster: str | tuple[str, ...] | None = None
    weights: str | None = None
    anticipation: int = 0
    base_period: Literal["varying", "universal"] = "varying"
    window: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.covariates, str):
            object.__setattr__(self, "covariates", (self.covariates,))
        object.__setattr__(self, "covariates", tuple(self.covariates))
        if isinstance(self.cluster, list):
            object.__setattr__(self, "cluster", tuple(self.cluster))
        for name, allowed in (
            ("comparison", ("never_treated", "not_yet_treated")),
            ("base_period", ("varying", "universal")),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise DesignError(f"{name} is {value!r}", expected="one of " + ", ".join(map(repr, allowed)))
        if isinstance(self.anticipation, bool) or not isinstance(self.anticipation, int | np.integer):
            raise DesignError(f"anticipation is {self.anticipation!r}", expected="a whole number of periods")
        if self.anticipation < 0:
            raise DesignError(f"anticipation is {self.anticipation}", expected="0 or more periods")
        if self.window is not None:
            low, high = self.window
            if low > high:
                raise DesignError(
                    f"the window ({low}, {high}) is empty", expected="first event time <= last event time"
                )
            object.__setattr__(self, "window", (int(low), int(high)))

    def with_numbers(self, panel: Panel) -> tuple[Panel, Design]:
        """Panel and design whose covariates are columns of numbers; see `evaluation.covariates`.

        Raises
        ------
        DataError
            A covariate is absent.
        DesignError
            A formula cannot be read.
        """
        if not self.covariates:
            return panel, self
        panel, names = numeric_covariates(panel, self.covariates)
        return panel, self if names == self.covariates else replace(self, covariates=names)

    @property
    def cluster_columns(self) -> tuple[str, ...]:
        """Names of the cluster columns, empty when the unit is the cluster."""
        if self.cluster is None:
            return ()
        return (self.cluster,) if isinstance(self.cluster, str) else self.cluster

    def cohorts(self, panel: Panel) -> Cohorts:
        """First treated period of every unit, checked.

        A unit first treated after the panel's last period, less anticipation, counts as never treated:
        nothing in the panel tells it from one. The rule stands here, so that it is the same for every
        estimator, test and diagnostic.

        Raises
        ------
        DesignError
            The column is absent, no unit is treated in the panel, or a 0 stands for never treated.
        DataError
            The value changes within a unit (treatment that switches on twice or off).
        """
        names = [name for name in self.covariates if not is_formula(name)]
        require_columns(panel.frame, [self.outcome, self.first_treated, *names], table="panel")
        try:
            codes, labels = panel.constant_in_unit(self.first_treated)
        except DataError as error:
            raise DataError(
                f"the first treated period {self.first_treated!r} changes within a unit",
                where=error.where,
                expected="one first treated period a unit: treatment that stays on once it has begun",
                fix="give one date a unit. Treatment that switches off or on again is what the estimator of "
                "de Chaisemartin and D'Haultfoeuille (2024) is for; none here allows it: leave these units "
                "out, end the panel before, or give the first date for the effect of ever being treated",
            ) from error
        if pd.api.types.is_numeric_dtype(labels):
            infinite = np.isinf(labels.to_numpy(dtype=float))
            codes = np.where(np.isin(codes, np.flatnonzero(infinite)), -1, codes)
        first = np.full(panel.n_units, NEVER, dtype=np.int64)
        used = np.unique(codes[codes >= 0])
        if len(used) == 0:
            raise DesignError(
                f"no unit is ever treated: column {self.first_treated!r} is empty",
                expected="the first treated period for each treated unit",
                fix="check the treated unit's name and the treatment date",
            )
        kept = labels[used]
        if (
            pd.api.types.is_numeric_dtype(kept)
            and (kept.to_numpy(dtype=float) == 0).any()
            and int(panel.ordinals[0]) > 0
        ):
            units = panel.units[codes == used[0]]
            raise DesignError(
                f"column {self.first_treated!r} is 0 for {len(units)} units, and the panel has no period 0",
                where=f"units {shortlist(units)}",
                expected="the first treated period, missing for never treated units",
                fix=f"replace 0 by a missing value: frame[{self.first_treated!r}].replace(0, np.nan)",
            )
        periods, _ = as_periods(kept, panel.frequency, column=self.first_treated)
        ordinals = period_ordinals(periods)
        place = np.full(int(used.max()) + 1, NEVER, dtype=np.int64)
        place[used] = ordinals
        first[codes >= 0] = place[codes[codes >= 0]]
        last = int(panel.ordinals[-1])
        beyond = (first != NEVER) & (first - self.anticipation > last)
        first[beyond] = NEVER
        inside = ordinals - self.anticipation <= last
        if not inside.any():
            raise DesignError(
                "every treated unit is first treated after the panel's last period",
                where=f"first treated from {periods[int(np.argmin(ordinals))]}; "
                f"the panel ends in {panel.periods[-1]}",
                expected="units treated while they are observed",
                fix=f"add later periods, or check the dates in column {self.first_treated!r}",
            )
        ordinals, periods = ordinals[inside], periods[inside]
        order = np.argsort(ordinals, kind="stable")
        return Cohorts(first=first, values=ordinals[order], labels=periods[order], beyond=int(beyond.sum()))


@dataclass(frozen=True)
class Supports:
    """What an estimator takes of a design; `check` refuses the rest.

    Attributes
    ----------
    method : str
        Name in messages.
    covariates, weights, not_yet_treated : bool
    clusters : int
        Dimensions of clustering.
    window : {"reported", "sample", "required", "ends", "none"}
        With ``"reported"`` a window changes nothing but which effects are reported. With ``"sample"``, and
        ``"required"`` where it must be given, treated units are read in its periods only. With ``"ends"`` its
        first and last effect stand for all beyond. ``"none"``: there is one effect for all event times.
    instead : dict of str to str
        What to do about a field that is refused, where there is something better than to leave it out.
    """

    method: str
    covariates: bool = True
    weights: bool = True
    not_yet_treated: bool = True
    clusters: int = 2
    window: Literal["reported", "sample", "required", "ends", "none"] = "reported"
    instead: dict[str, str] = field(default_factory=dict)

    def check(self, design: Design) -> None:
        """Refuse a design that asks for what the estimator does not do.

        Raises
        ------
        DesignError
            With the field of the design, and what to do.
        """
        columns = design.cluster_columns
        later = design.comparison == "not_yet_treated"
        static = design.window is not None and self.window == "none"
        for name, refused, words, absent in (
            ("covariates", design.covariates and not self.covariates, "no covariates", "()"),
            ("weights", design.weights and not self.weights, "no weights", "None"),
            ("cluster", len(columns) == 2 > self.clusters, "one dimension of clusters", repr(columns[:1])),
            ("comparison", later and not self.not_yet_treated, "never treated units only", "'never_treated'"),
            ("window", static, "no window: it has one effect for all event times", "None"),
        ):
            if refused:
                raise DesignError(
                    f"{self.method} takes {words}",
                    where=f"{name}={getattr(design, name)!r}",
                    fix=self.instead.get(name, f"dataclasses.replace(design, {name}={absent})"),
                )
        if self.window == "required" and design.window is None:
            raise DesignError(
                f"{self.method} needs a window of event times",
                expected="first and last event time, such as window=(-3, 4)",
                fix="give the design a window",
            )
