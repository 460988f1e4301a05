"""An event study as the checks on trends need it: a path, its covariance, nothing unsaid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.display import Displayed
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.inference.randomization import RandomizationTest
from evaluation.result import Result

FloatArray = NDArray[np.float64]
_SINGULAR = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class EventStudy(Displayed):
    """Estimates by event time around one reference period whose effect is 0.

    Attributes
    ----------
    times : ndarray of int (K + P,)
        Event times in order, the reference left out; consecutive when it is put back.
    reference : int
    estimates : ndarray (K + P,)
    covariance : ndarray (K + P, K + P)
    df : float
    placebo : ndarray (n, K + P) or None
        Paths of placebo units, where inference is by randomisation; the covariance is then theirs.
    obstacle : mapping of str to str or None
        Why standard errors cannot be used, in ``en`` and ``zh``; None when they can.
    notes : tuple of str
    """

    times: NDArray[np.int64]
    reference: int
    estimates: FloatArray
    covariance: FloatArray
    df: float = np.inf
    placebo: FloatArray | None = field(default=None, repr=False)
    obstacle: dict[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def pre(self) -> int:
        """Number of periods before the reference."""
        return int((self.times < self.reference).sum())

    @property
    def effects(self) -> NDArray[np.bool_]:
        """Which estimates after the reference are effects: event time 0 and later (P,)."""
        after: NDArray[np.bool_] = self.times[self.pre :] >= 0
        return after

    @property
    def distance(self) -> FloatArray:
        """Periods from the reference (K + P,)."""
        return (self.times - self.reference).astype(float)

    @property
    def std_errors(self) -> FloatArray:
        """Standard errors (K + P,)."""
        return np.sqrt(np.diag(self.covariance))

    def target(self, name: str | ArrayLike) -> FloatArray:
        """Weights (P,) of the effect of interest: ``"average"``, ``"first"``, or weights.

        Raises
        ------
        EstimationError
            An unknown name, or weights of another length.
        """
        effects = self.effects
        if isinstance(name, str):
            if name == "average":
                return effects / effects.sum()
            if name == "first":
                out = np.zeros(len(effects))
                out[int(effects.argmax())] = 1.0
                return out
            raise EstimationError(
                f"the target is {name!r}", expected="'average', 'first', or one weight for each period after"
            )
        weights = np.asarray(name, dtype=float)
        if weights.shape != effects.shape or not np.isfinite(weights).all() or not weights.any():
            raise EstimationError(
                f"the target has shape {weights.shape}",
                expected=f"{len(effects)} finite weights, one for each period after the reference, not all 0",
            )
        return weights


def event_study(
    source: Result | RandomizationTest | EventStudy, *, window: tuple[int, int] | None = None
) -> EventStudy:
    """Read an event study from an estimate or from a randomisation test.

    Parameters
    ----------
    source : Result, RandomizationTest or EventStudy
        A result by event time, or by cohort and period (which is aggregated by event time), with
        one reference period; or the randomisation test of an event study, whose placebo paths then
        give the covariance: with one treated unit a clustered one measures nothing.
    window : tuple of int, optional
        First and last event time to keep.

    Returns
    -------
    EventStudy

    Raises
    ------
    EstimationError
        No reference period, several, gaps between event times, or no period after treatment.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, GroupTime, event_study
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated", base_period="universal")
    >>> path = GroupTime().fit(panel, design).aggregate("event_time")
    >>> event_study(path, window=(-3, 3)).times.tolist()
    [-3, -2, 0, 1, 2, 3]
    """
    if isinstance(source, EventStudy):
        return source if window is None else _cut(source, window)
    if isinstance(source, RandomizationTest):
        study = _from_placebos(source)
    elif isinstance(source, Result):
        study = _from_result(source)
    else:
        raise EstimationError(
            f"an event study is read from a Result, not from {type(source).__name__}",
            fix="pass what an estimator's fit returns, or a randomisation test of an event study",
        )
    return study if window is None else _cut(study, window)


def from_estimates(
    times: Sequence[int] | ArrayLike,
    estimates: ArrayLike,
    covariance: ArrayLike,
    *,
    reference: int = -1,
    df: float = np.inf,
) -> EventStudy:
    """An event study from published numbers, the reference left out.

    Parameters
    ----------
    times : array_like of int (K + P,)
    estimates : array_like (K + P,)
    covariance : array_like (K + P, K + P)
    reference : int
    df : float

    Examples
    --------
    >>> import numpy as np
    >>> from evaluation import from_estimates, sensitivity
    >>> study = from_estimates([-2, 0, 1], [0.1, 0.6, 0.8], 0.04 * np.eye(3))
    >>> sensitivity(study)
    Diagnostic(sensitivity_relative_magnitudes: evidence_against; statistic 0.9949, p-value –)
    """
    b, v = np.asarray(estimates, dtype=float), np.asarray(covariance, dtype=float)
    t = np.asarray(times, dtype=np.int64)
    if b.ndim != 1 or t.shape != b.shape or v.shape != (len(b), len(b)):
        raise EstimationError(
            f"{t.shape} event times, {b.shape} estimates and a covariance of {v.shape}",
            expected="k event times, k estimates and a (k, k) covariance",
        )
    return _checked(t, reference, b, v, df)


def _from_result(result: Result) -> EventStudy:
    if result.shares is not None:
        result = result.aggregate("event_time")
    times = result.terms["event_time"].to_numpy(dtype=float, na_value=np.nan)
    names = result.terms["term"].astype(str).to_numpy()
    dated = np.isfinite(times)
    if not dated.any() or len(np.unique(times[dated])) != dated.sum():
        raise EstimationError(
            f"{result.method} has no effects by event time",
            where=f"terms {shortlist(names)}",
            fix="fit an event study, such as TwoWayFixedEffects(event_study=True)",
        )
    errors = result.std_errors
    reference = dated & (result.coef == 0) & np.isnan(errors)
    if reference.sum() != 1:
        found = shortlist(times[reference].astype(int)) if reference.any() else "none"
        raise EstimationError(
            "checks on trends need one reference period from which all effects are measured",
            where=f"{result.method}; reference periods: {found}",
            expected="a universal base: with a varying one each effect before treatment has its own",
            fix='set base_period="universal" in the design, or one reference in the estimator',
        )
    notes: list[str] = []
    joined = np.array([name.startswith(("event time <=", "event time >=")) for name in names])
    if (joined & dated).any():
        notes.append(f"{shortlist(names[joined & dated])} join several event times and are left out")
    lost = dated & ~joined & ~reference & ~np.isfinite(result.coef)
    if lost.any():
        notes.append(f"{shortlist(names[lost])} have no estimate and are left out")
    used = np.flatnonzero(dated & ~joined & ~reference & ~lost)
    used = used[np.argsort(times[used])]
    study = _checked(
        times[used].astype(np.int64),
        int(times[reference][0]),
        result.coef[used],
        result.vcov[np.ix_(used, used)],
        result.df,
        notes=tuple(notes),
    )
    if result.sample.treated == 1 and study.obstacle is None:
        return _with_obstacle(
            study,
            "with one treated unit its standard errors rest on the comparison units alone; "
            "use the randomisation test of the event study",
            "只有一个处理组个体，标准误只反映对照组，不能使用；请改用事件研究的随机化检验",
        )
    return study


def _from_placebos(test: RandomizationTest) -> EventStudy:
    times = test.terms["event_time"].to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(times).all():
        raise EstimationError(
            "the randomisation test is not of an event study",
            fix="test TwoWayFixedEffects(event_study=True)",
        )
    # the reference is 0 under every assignment
    reference = (test.observed == 0) & (np.abs(test.placebo) == 0).all(axis=0)
    if reference.sum() != 1:
        raise EstimationError(
            "checks on trends need one reference period from which all effects are measured",
            where=f"{int(reference.sum())} terms are 0 under every assignment",
        )
    used = np.flatnonzero(~reference & np.isfinite(test.observed))
    used = used[np.argsort(times[used])]
    placebo = test.placebo[:, used]
    # about 0, the value under the null hypothesis
    covariance = placebo.T @ placebo / len(placebo)
    return _checked(
        times[used].astype(np.int64),
        int(times[reference][0]),
        test.observed[used],
        covariance,
        np.inf,
        placebo=placebo,
        notes=(f"covariance of the paths of {len(placebo)} placebo assignments",),
    )


def _checked(
    times: NDArray[np.int64],
    reference: int,
    estimates: FloatArray,
    covariance: FloatArray,
    df: float,
    *,
    placebo: FloatArray | None = None,
    notes: tuple[str, ...] = (),
) -> EventStudy:
    order = np.argsort(times)
    if reference in times:
        raise EstimationError(
            f"the reference period {reference} is among the estimates", fix="leave it out: its effect is 0"
        )
    every = np.sort(np.append(times, reference))
    gaps = np.flatnonzero(np.diff(every) != 1)
    if len(gaps):
        raise EstimationError(
            "event times have gaps, so that steps between them are not comparable",
            where=f"after event time {shortlist(every[gaps])}",
            fix="choose a window without gaps",
        )
    if not (times >= 0).any():
        raise EstimationError(
            "no effect after treatment is estimated", where=f"event times {shortlist(times)}"
        )
    if not np.isfinite(estimates).all():
        raise EstimationError("some estimates are missing", where=f"event times {shortlist(times)}")
    study = EventStudy(
        times=times[order],
        reference=int(reference),
        estimates=estimates[order],
        covariance=covariance[np.ix_(order, order)],
        df=float(df),
        placebo=None if placebo is None else placebo[:, order],
        notes=notes,
    )
    if not np.isfinite(study.covariance).all():
        return _with_obstacle(study, "its standard errors are undefined", "标准误无法计算")
    values = np.linalg.eigvalsh((study.covariance + study.covariance.T) / 2)
    if not values[0] > _SINGULAR * values[-1]:
        return _with_obstacle(
            study,
            f"its {len(times)} estimates have a singular covariance: too few clusters or placebo units "
            "for so many periods",
            f"{len(times)}个时期的估计值协方差矩阵奇异：聚类或安慰剂个体太少",
        )
    return study


def _with_obstacle(study: EventStudy, en: str, zh: str) -> EventStudy:
    return replace(study, obstacle={"en": en, "zh": zh})


def _cut(study: EventStudy, window: tuple[int, int]) -> EventStudy:
    low, high = window
    if not low <= study.reference <= high or high < 0:
        raise DesignError(
            f"the window ({low}, {high}) leaves out the reference period {study.reference} or all effects",
            fix="widen the window",
        )
    kept = np.flatnonzero((study.times >= low) & (study.times <= high))
    out = _checked(
        study.times[kept],
        study.reference,
        study.estimates[kept],
        study.covariance[np.ix_(kept, kept)],
        study.df,
        placebo=None if study.placebo is None else study.placebo[:, kept],
        notes=study.notes,
    )
    singular = study.obstacle is not None and "singular" in study.obstacle["en"]
    return out if singular or study.obstacle is None else replace(out, obstacle=study.obstacle)


def path_table(study: EventStudy, critical: float) -> pd.DataFrame:
    """``event_time, estimate, std_error, ci_low, ci_high``, the reference among them."""
    frame = pd.DataFrame(
        {"event_time": study.times, "estimate": study.estimates, "std_error": study.std_errors}
    )
    frame["ci_low"] = frame["estimate"] - critical * frame["std_error"]
    frame["ci_high"] = frame["estimate"] + critical * frame["std_error"]
    row = pd.DataFrame({"event_time": [study.reference], "estimate": [0.0]})
    return pd.concat([frame, row]).sort_values("event_time", ignore_index=True)
