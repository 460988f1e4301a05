"""From a panel and a design to the complete matrix that synthetic methods need, nothing dropped unsaid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.design import Design, Supports
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.numerics.synthetic import Window
from evaluation.panel import Panel
from evaluation.result import SampleCount

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
FEWEST_DONORS = 5
_SHORT = 5


@dataclass(frozen=True, eq=False)
class TreatedCohort:
    """Units treated from one period on.

    Attributes
    ----------
    label : object
        First treated period.
    members : ndarray of bool (n,)
        Among the units of the sample.
    window : Window
        Periods before treatment, less anticipation, and periods of treatment.
    event_time : ndarray of int (T,)
    """

    label: Any
    members: NDArray[np.bool_]
    window: Window
    event_time: IntArray


@dataclass(frozen=True, eq=False)
class SyntheticSample:
    """Complete outcomes of treated units and donors.

    Attributes
    ----------
    units : ndarray of int (n,)
        Position of each unit of the sample in the panel.
    outcome : ndarray (n, T)
        Of all periods of the panel; complete in those that a window uses.
    donors : ndarray of bool (n,)
    cohorts : tuple of TreatedCohort
    dropped : dict
        Reason to number of rows.
    """

    panel: Panel
    design: Design
    units: IntArray
    outcome: FloatArray
    donors: NDArray[np.bool_]
    cohorts: tuple[TreatedCohort, ...]
    dropped: dict[str, int]
    notes: tuple[str, ...]

    @property
    def names(self) -> Any:
        """Labels of the units of the sample."""
        return self.panel.units[self.units]

    @property
    def n_treated(self) -> int:
        """Treated units of all cohorts."""
        return int(sum(c.members.sum() for c in self.cohorts))

    def count(self) -> SampleCount:
        """What entered the estimate."""
        used = np.unique(np.concatenate([np.r_[c.window.pre, c.window.post] for c in self.cohorts]))
        return SampleCount(
            units=len(self.units),
            periods=len(used),
            treated=self.n_treated,
            observations=len(self.units) * len(used),
            dropped=self.dropped,
        )

    def keep(self, which: NDArray[np.bool_], reason: str, note: str) -> SyntheticSample:
        """The sample without some of its units (n,), counted under a reason."""
        gone = np.isin(self.panel.unit_codes, self.units[~which]).sum()
        return replace(
            self,
            units=self.units[which],
            outcome=self.outcome[which],
            donors=self.donors[which],
            cohorts=tuple(replace(c, members=c.members[which]) for c in self.cohorts),
            dropped={**self.dropped, reason: self.dropped.get(reason, 0) + int(gone)},
            notes=(*self.notes, note),
        )


def synthetic_supports(method: str, **more: Any) -> Supports:
    """What both synthetic methods take of a design."""
    other = "use comparison='never_treated', or GroupTime, which compares with units not yet treated"
    return Supports(
        method,
        weights=False,
        not_yet_treated=False,
        window="sample",
        instead={"comparison": other, **more.pop("instead", {})},
        **more,
    )


def build_synthetic(panel: Panel, design: Design) -> SyntheticSample:
    """Treated units, donors and periods, checked.

    Raises
    ------
    DesignError
        No donor, fewer than two periods before treatment,
        none after.
    DataError
        A treated unit without an outcome in a period that is used.
    """
    cohorts = design.cohorts(panel)
    outcome = panel.matrix(design.outcome)
    ordinals = panel.ordinals
    dropped: dict[str, int] = {}
    notes: list[str] = [*cohorts.notes]
    rows = np.bincount(panel.unit_codes, minlength=panel.n_units)
    if design.cluster_columns and design.cluster_columns != (panel.unit,):
        notes.append("clusters are not used: the standard error takes units as independent")

    built, short = [], []
    for value, label in zip(cohorts.values, cohorts.labels, strict=True):
        members = cohorts.first == value
        event = ordinals - value
        inside = np.ones(len(ordinals), dtype=bool)
        if design.window is not None:
            inside = (event >= design.window[0]) & (event <= design.window[1])
        pre = np.flatnonzero((event < -design.anticipation) & inside)
        post = np.flatnonzero((event >= 0) & inside)
        if len(pre) >= 2 and len(post) >= 1:
            built.append(TreatedCohort(label, members, Window(pre, post), event))
        else:
            short.append((label, members, len(pre), len(post)))
    if not built:
        _refuse_short(panel, short[0], design)
    for label, members, before, _ in short:
        reason = (
            f"treated from {label}: {counted(before, 'period')} before treatment"
            if before < 2
            else f"treated from {label}: no period of treatment in the panel"
        )
        dropped[reason] = int(rows[members].sum())
        notes.append(f"{shortlist(panel.units[members])} left out, {reason}")
    used = np.unique(np.concatenate([np.r_[c.window.pre, c.window.post] for c in built]))
    incomplete = np.isnan(outcome[:, used]).any(axis=1)
    for c in built:
        _refuse_missing(panel, outcome, c, design)
    donors = ~cohorts.treated & ~incomplete
    lost = ~cohorts.treated & incomplete
    if lost.any():
        dropped["donor without an outcome in every period"] = int(rows[lost].sum())
        notes.append(
            f"{counted(int(lost.sum()), 'donor')} without an outcome in every period left out: "
            f"{shortlist(panel.units[lost])}"
        )
    if not donors.any():
        raise DesignError(
            "no donor is left: "
            + (
                f"all {int(lost.sum())} never treated units miss an outcome"
                if lost.any()
                else "no unit is never treated"
            ),
            where=shortlist(panel.units[lost]) if lost.any() else f"column {design.first_treated!r}",
            expected="never treated units with an outcome in every period",
            fix="add donors, or leave out the periods that many of them miss",
        )
    keep = donors | np.any([c.members for c in built], axis=0)
    units = np.flatnonzero(keep)
    sample = SyntheticSample(
        panel=panel,
        design=design,
        units=units,
        outcome=outcome[units],
        donors=donors[units],
        cohorts=tuple(replace(c, members=c.members[units]) for c in built),
        dropped=dropped,
        notes=(),
    )
    return replace(sample, notes=(*notes, *_remarks(sample)))


def counted(n: int, noun: str) -> str:
    """``1 donor``, ``2 donors``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _refuse_short(panel: Panel, cohort: tuple[Any, NDArray[np.bool_], int, int], design: Design) -> None:
    label, members, before, _ = cohort
    where = f"{shortlist(panel.units[members])} treated from {label}"
    if design.anticipation:
        where += f", {counted(design.anticipation, 'period')} of anticipation"
    if design.window is not None:
        where += f", window {design.window[0]} to {design.window[1]}"
    span = f"the panel runs from {panel.periods[0]} to {panel.periods[-1]}"
    if before >= 2:
        raise DesignError(
            "no period of treatment: nothing to estimate", where=f"{where}; {span}", fix="add later periods"
        )
    raise DesignError(
        "no period before treatment"
        if before == 0
        else "one period before treatment is too few: any donor mix that meets it would do",
        where=f"{where}; {span}",
        expected="at least 2 periods before treatment, better 10 or more",
        fix="add earlier periods, or check the treatment date",
    )


def _refuse_missing(panel: Panel, outcome: FloatArray, cohort: TreatedCohort, design: Design) -> None:
    used = np.r_[cohort.window.pre, cohort.window.post]
    missing = np.isnan(outcome[np.ix_(cohort.members, used)])
    if not missing.any():
        return
    units = panel.units[cohort.members][missing.any(axis=1)]
    periods = panel.periods[used[missing.any(axis=0)]]
    raise DataError(
        f"a treated unit has no outcome {design.outcome!r} in {counted(len(periods), 'period')}",
        where=f"{shortlist(units)} in {shortlist(periods)}",
        expected="an outcome of treated units in every period",
        fix="fill the values in, or leave these periods out of the panel for all units",
    )


def _remarks(sample: SyntheticSample) -> list[str]:
    """What a reader must know of donors and periods."""
    out = []
    n = int(sample.donors.sum())
    if n < FEWEST_DONORS:
        out.append(
            f"{counted(n, 'donor')}: a placebo test cannot give a p-value below 1/{n + 1}, and with fewer "
            f"than {FEWEST_DONORS} donors no p-value below 1/5 is reported: no standard error"
        )
    for c in sample.cohorts:
        t0 = len(c.window.pre)
        place = f" of {c.label}" if len(sample.cohorts) > 1 else ""
        if n > t0:
            out.append(
                f"{n} donors for {t0} periods before treatment{place}: without a penalty several sets of "
                "weights may fit equally well"
            )
        if t0 < _SHORT:
            out.append(f"only {t0} periods before treatment{place}: a good fit to them shows little")
        paths = sample.outcome[np.ix_(sample.donors, c.window.pre)]
        _, group, count = np.unique(paths, axis=0, return_inverse=True, return_counts=True)
        twins = np.flatnonzero(count[group.reshape(-1)] > 1)
        if len(twins):
            names = sample.names[np.flatnonzero(sample.donors)[twins]]
            out.append(
                f"{len(twins)} donors are identical to another before treatment{place} and share weight "
                f"evenly: {shortlist(names)}"
            )
    return out
