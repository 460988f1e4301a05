"""Covariate-adjusted cells: which share covariates and comparison group, and their contributions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._cells import CellTable
from evaluation.estimators._cohorts import CohortSample
from evaluation.numerics.doubly_robust import beyond, cross_section_effect, panel_effects
from evaluation.numerics.propensity import CellError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
MANY = 0.1
"""Share of treated units beyond the comparison units' covariates above which a note says so."""


@dataclass(frozen=True, eq=False)
class Adjustment:
    """Estimates (k,), contributions of units (n, k), and notes."""

    estimate: FloatArray
    contributions: FloatArray
    notes: tuple[str, ...]


@dataclass
class _Log:
    """What happened in cells: failures are raised or collected."""

    sample: CohortSample
    cells: CellTable
    skip: bool
    failures: list[str]
    trimmed: int = 0
    far: dict[int, tuple[int, int]] = field(default_factory=dict)

    def fail(self, chosen: NDArray[np.intp], error: CellError) -> None:
        names = [self.sample.design.covariates[j - 1] for j in error.columns if j > 0]
        which = f"covariate {shortlist(map(repr, names))}: " if names else ""
        where = [self.cells.name(self.sample, i) for i in chosen]
        if not self.skip:
            base = self.sample.periods[self.cells.base[chosen[0]]]
            raise EstimationError(
                f"{which}{error.what}",
                where=f"{shortlist(where)}, covariates of {base}",
                expected="covariates that vary and overlap between treated and comparison units",
                fix="leave the covariate out, join small cohorts, use method='reg' where overlap fails, "
                "or failing_cells='skip'",
            )
        self.failures.extend(f"{name}: left out, {which}{error.what}" for name in where)

    def beyond(self, chosen: NDArray[np.intp], found: tuple[int, int]) -> None:
        """Remember cells in which a regression is used for many units unlike all those it was fitted to."""
        if found[0] > MANY * found[1]:
            self.far.update(dict.fromkeys(chosen.tolist(), found))

    def notes(self) -> tuple[str, ...]:
        out = list(self.failures)
        if self.far:
            worst = max(self.far, key=lambda i: self.far[i][0] / self.far[i][1])
            some, of = self.far[worst]
            where = self.cells.name(self.sample, worst)
            out.append(
                f"outcome regression extrapolates in {len(self.far)} effects: in {where} {some} of {of} "
                "treated units have covariates further from the mean of the comparison units (Mahalanobis "
                "distance) than any comparison unit; their change without treatment rests on the regression "
                "being linear that far out"
            )
        if self.trimmed:
            out.append(
                f"{self.trimmed} comparison units (counted in each cell) have a treatment probability above "
                "the limit and no weight"
            )
        return tuple(out)


def adjusted_panel(
    sample: CohortSample, cells: CellTable, method: str, *, trim: float, skip: bool, earlier: bool
) -> Adjustment:
    """Cells of a panel; covariates are those of the base (or the earlier) period.

    In a balanced panel cells that share cohort, comparison group and covariates are estimated together: one
    logit, one set of cross-products. With gaps each pair of periods has its own units, seen in both, and
    covariates are used where they and the outcome are known.
    """
    gaps = sample.sampling == "unbalanced"
    members = sample.members
    seen = np.isfinite(sample.outcome) if gaps else None
    covariates = _Covariates.of(sample)
    k = len(cells)
    estimate = np.full(k, np.nan)
    estimate[cells.reference] = 0.0
    out = np.zeros((sample.n, k))
    log = _Log(sample, cells, skip, [])
    start: dict[int, FloatArray | None] = {}
    periods = np.minimum(cells.time, cells.base) if earlier else cells.base
    shared = np.zeros_like(periods) if covariates.constant else periods
    for chosen in _groups(cells, cells.time * sample.n_periods + cells.base if gaps else shared):
        g, base = int(cells.cohort[chosen[0]]), int(periods[chosen[0]])
        pool = np.flatnonzero(cells.control[chosen[0]])
        control = np.concatenate([members[c] for c in pool])
        treated = members[g]
        used: slice | list[int] = slice(None)
        time, before = cells.time[chosen], cells.base[chosen]
        if seen is not None:
            t, b = int(time[0]), int(before[0])
            treated, control = (rows[seen[rows, t] & seen[rows, b]] for rows in (treated, control))
            used, time, before = [t, b], np.zeros(1, dtype=np.intp), np.ones(1, dtype=np.intp)
        if len(control) == 0 or len(treated) == 0:
            continue
        y1, y0 = sample.outcome[treated][:, used], sample.outcome[control][:, used]
        difference = np.zeros((y1.shape[1], len(chosen)))
        at = np.arange(len(chosen))
        difference[time, at] += 1.0
        difference[before, at] -= 1.0
        w = sample.weights
        x1, x0 = covariates.at(treated, base), covariates.at(control, base)
        try:
            done = panel_effects(
                method,
                y1,
                y0,
                x1,
                x0,
                None if w is None else w[treated],
                None if w is None else w[control],
                difference,
                trim=trim,
                start=start.get(g),
            )
        except CellError as error:
            log.fail(chosen, error)
            continue
        start[g] = done.start
        log.trimmed += done.trimmed * len(chosen)
        if method == "reg":
            log.beyond(chosen, beyond(x1, x0, None if w is None else w[control]))
        estimate[chosen] = done.estimate
        out[np.ix_(treated, chosen)] = done.treated
        out[np.ix_(control, chosen)] = done.control
    return Adjustment(estimate, out, log.notes())


def adjusted_cross_sections(
    sample: CohortSample, cells: CellTable, method: str, *, trim: float, skip: bool, earlier: bool
) -> Adjustment:
    """Cells of cohort-period means and cross-sections; every row has its own covariates."""
    n_periods = sample.n_periods
    rows_of, unit_of, y, x, w = _long(sample)
    k = len(cells)
    estimate = np.full(k, np.nan)
    estimate[cells.reference] = 0.0
    out = np.zeros((sample.n, k))
    log = _Log(sample, cells, skip, [])
    start: dict[int, FloatArray | None] = {}
    for i in range(k):
        if cells.reference[i]:
            continue
        g, t, b = int(cells.cohort[i]), int(cells.time[i]), int(cells.base[i])
        parts = []
        for c in [g, *np.flatnonzero(cells.control[i])]:
            parts += [(rows_of[c * n_periods + t], c == g, True), (rows_of[c * n_periods + b], c == g, False)]
        if any(
            sum(len(rows) for rows, own, after in parts if (own, after) == want) == 0
            for want in ((True, True), (True, False), (False, True), (False, False))
        ):
            continue
        rows = np.concatenate([part[0] for part in parts])
        sizes = [len(part[0]) for part in parts]
        treated = np.repeat([part[1] for part in parts], sizes)
        post = np.repeat([part[2] for part in parts], sizes)
        try:
            value, contribution, trimmed, start[g] = cross_section_effect(
                method,
                y[rows],
                x[rows],
                treated,
                post,
                None if w is None else w[rows],
                trim=trim,
                start=start.get(g),
            )
        except CellError as error:
            log.fail(np.array([i]), error)
            continue
        log.trimmed += trimmed
        if method == "reg":
            other = rows[~treated]
            log.beyond(np.array([i]), beyond(x[rows[treated]], x[other], None if w is None else w[other]))
        estimate[i] = value
        out[:, i] = np.bincount(unit_of[rows], contribution, minlength=sample.n)
    return Adjustment(estimate, out, log.notes())


def _groups(cells: CellTable, period: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Cells that share cohort, comparison group and the period of their covariates."""
    found: dict[tuple[int, int, bytes], list[int]] = {}
    for i in np.flatnonzero(~cells.reference):
        key = (int(cells.cohort[i]), int(period[i]), np.packbits(cells.control[i]).tobytes())
        found.setdefault(key, []).append(int(i))
    return [np.array(group) for group in found.values()]


@dataclass(frozen=True, eq=False)
class _Covariates:
    """Covariates by unit and period, centred and scaled, with a constant."""

    matrices: list[FloatArray]
    centre: FloatArray
    scale: FloatArray
    constant: bool

    @classmethod
    def of(cls, sample: CohortSample) -> _Covariates:
        matrices = [sample.panel.matrix(name) for name in sample.design.covariates]
        constant = all(bool((m == m[:, :1]).all()) for m in matrices)
        if constant:
            matrices = [m[:, :1] for m in matrices]
        kept = sample.cohort >= 0
        used = [m if kept.all() else m[kept] for m in matrices]
        if sample.sampling == "unbalanced" and not constant:
            seen = np.isfinite(sample.outcome[kept])
            used = [m[seen] for m in used]
        centre = np.array([m.mean() for m in used])
        return cls(matrices, centre, _scales(sample, [m.std() for m in used], centre), constant)

    def at(self, rows: IntArray, period: int) -> FloatArray:
        out = np.ones((len(rows), len(self.matrices) + 1))
        for j, matrix in enumerate(self.matrices):
            out[:, j + 1] = (matrix[rows, 0 if self.constant else period] - self.centre[j]) / self.scale[j]
        return out


def _scales(sample: CohortSample, spreads: list[float], centre: FloatArray) -> FloatArray:
    for name, spread, mean in zip(sample.design.covariates, spreads, centre, strict=True):
        if not spread > 1e-12 * max(abs(mean), np.finfo(float).tiny):
            raise EstimationError(
                f"covariate {name!r} is the same for every unit and period",
                expected="a covariate that varies",
                fix=f"leave {name!r} out of the covariates",
            )
    return np.array(spreads)


def _long(
    sample: CohortSample,
) -> tuple[list[NDArray[np.intp]], IntArray, FloatArray, FloatArray, FloatArray | None]:
    """Rows that are used: positions by cohort-period, unit, outcome, covariates and weights."""
    panel = sample.panel
    if sample.time is not None:
        unit_of_row = np.arange(panel.n_rows)
        y = sample.outcome
    else:
        unit_of_row = panel.unit_codes
        y = sample.outcome.reshape(-1)[panel.cells]
    cohort = sample.cohort[unit_of_row]
    used = np.flatnonzero((cohort >= 0) & np.isfinite(y))
    cell = cohort[used] * sample.n_periods + panel.time_codes[used]
    order = np.argsort(cell, kind="stable")
    bounds = np.searchsorted(cell[order], np.arange(sample.n_cohorts * sample.n_periods + 1))
    rows_of = [order[bounds[j] : bounds[j + 1]] for j in range(len(bounds) - 1)]
    columns = [panel.column(name)[used] for name in sample.design.covariates]
    centre = np.array([column.mean() for column in columns])
    scale = _scales(sample, [float(column.std()) for column in columns], centre)
    x = np.ones((len(used), len(columns) + 1))
    for j, column in enumerate(columns):
        x[:, j + 1] = (column - centre[j]) / scale[j]
    unit = unit_of_row[used]
    w = None if sample.weights is None else sample.weights[unit]
    return rows_of, unit, y[used], x, w
