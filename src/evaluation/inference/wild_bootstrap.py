"""Wild cluster bootstrap: the residuals of whole clusters change sign.

Cameron, Gelbach and Miller (2008); variants in the notation of MacKinnon, Nielsen and Webb (2023);
signs below the level of the cluster as in MacKinnon and Webb (2018). With few clusters all sign
vectors are enumerated, so that the p-value has no simulation noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf, nan
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.display import Displayed
from evaluation.errors import DesignError, EstimationError
from evaluation.inference._regression import (
    ClusteredFit,
    check_draws,
    check_level,
    check_options,
    few_treated,
    fit_clustered,
)
from evaluation.inference.base import WithInterval
from evaluation.numerics import wild
from evaluation.numerics.ranks import as_far
from evaluation.numerics.wild import WildSystem
from evaluation.panel import Panel, require_columns

FloatArray = NDArray[np.float64]
ENUMERATE = 2**17
"""At most so many vectors of signs are enumerated rather than drawn."""


@dataclass(frozen=True, eq=False, repr=False)
class WildBootstrap(WithInterval, Displayed):
    """A wild cluster bootstrap test, and the interval that inverts it.

    Attributes
    ----------
    term : str
    estimate, std_error, statistic : float
        The standard error is the clustered one, or the jackknife's for variants 13 and 33.
    null : float
        Effect under the null hypothesis.
    p_value : float
        Two-sided: share of bootstrap statistics at least as far from 0. NaN with a `reason`.
    smallest_p : float
        The smallest p-value that this test can give.
    statistics : ndarray (B,)
        Bootstrap t statistics under ``null``; half of them when all signs are enumerated, because
        turning every sign gives the same size.
    exact : bool
        Whether all vectors of signs were enumerated.
    n_clusters, n_treated_clusters, n_groups : int
        ``n_groups`` counts what shares a sign: clusters, or subclusters.
    variant : str
        Such as ``WCR-11, Rademacher``.
    reason : str
        Why there is no p-value, else empty.
    notes : tuple of str
    """

    term: str
    estimate: float
    std_error: float
    statistic: float
    null: float
    p_value: float
    smallest_p: float
    statistics: FloatArray = field(repr=False)
    exact: bool
    n_clusters: int
    n_treated_clusters: int
    n_groups: int
    variant: str
    reason: str
    notes: tuple[str, ...]
    restricted: bool
    _system: WildSystem | None = field(repr=False)
    _signs: NDArray[np.number] = field(repr=False)

    @property
    def n_vectors(self) -> int:
        """Vectors of signs compared; all that there are stand for their mirror images too."""
        return len(self.statistics)

    @property
    def method(self) -> str:
        """Name in words."""
        return f"wild cluster bootstrap ({self.variant})"

    def p_value_at(self, null: float) -> float:
        """The p-value of another null hypothesis, from the same signs."""
        if self.reason:
            return nan
        distance = self.estimate - null
        statistics = self.statistics
        if self.restricted:
            n0, n1, d0, d1, d2 = self._pieces
            variance = np.clip(d0 + 2 * distance * d1 + distance**2 * d2, 0, None)
            statistics = wild.ratio(n0 + distance * n1, variance)
        return _p_value(statistics, distance / self.std_error, self._has_sample)

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Effects that the test does not reject at 1 - level, found exactly.

        Unrestricted residuals do not depend on the null, so the interval is the estimate plus or
        minus a quantile of \\|t*\\| times the standard error. With the null imposed each bootstrap
        statistic is as extreme as the sample's on pieces of the line between the roots of a quartic;
        the pieces are added up. Nothing is searched on a grid, nothing is cut off.

        Returns
        -------
        low, high : float
            Infinite where no effect is ruled out on that side, NaN where no test exists.
        reason : str
            Why there is no bounded interval, or that the set has gaps and these are its ends.
        """
        check_level(level)
        if self.reason:
            return nan, nan, self.reason
        total = len(self.statistics) + (0 if self._has_sample else 1)
        needed = int(np.floor((1 - level) * total + 1e-9)) + (1 if self._has_sample else 0)
        if needed < 1 or (self._has_sample and needed < 2):
            return (
                -inf,
                inf,
                f"the smallest p-value is {self.smallest_p:.3g}, so no {level:.0%} interval is bounded",
            )
        if not self.restricted:
            sizes = np.sort(np.abs(self.statistics))[::-1]
            half = float(sizes[needed - 1]) * self.std_error if needed <= len(sizes) else 0.0
            return self.estimate - half, self.estimate + half, ""
        pieces = wild.where_count_reaches(*wild.extreme_sets(self._pieces, self.std_error), needed)
        # distance = estimate - effect, so that the order turns round
        low = self.estimate - pieces[-1][1] * self.std_error
        high = self.estimate - pieces[0][0] * self.std_error
        if np.isinf([low, high]).any():
            return (
                low,
                high,
                "the set of effects not rejected is unbounded: too few clusters carry the effect",
            )
        gaps = f"the set of effects not rejected has {len(pieces)} pieces; these are its outer ends"
        return low, high, gaps if len(pieces) > 1 else ""

    @cached_property
    def _pieces(self) -> FloatArray:
        assert self._system is not None
        return self._system.moments(self._signs)

    @property
    def _has_sample(self) -> bool:
        # with the null imposed the vector of ones gives the sample back, and enumeration holds it
        return self.exact and self.restricted


def wild_cluster_bootstrap(
    estimator: object,
    panel: Panel,
    design: Design,
    *,
    term: str | None = None,
    null: float = 0.0,
    impose_null: bool = True,
    weights: Literal["rademacher", "webb"] = "rademacher",
    variant: Literal["11", "31", "13", "33"] = "11",
    subcluster: str | None = None,
    draws: int = 9_999,
    exhaustive: bool | None = None,
    seed: int | np.random.Generator | None = None,
) -> WildBootstrap:
    """Wild cluster bootstrap of Cameron, Gelbach and Miller (2008) of a two-way regression.

    Test an effect by a wild cluster bootstrap of a two-way regression.

    Under ``impose_null`` (WCR) the bootstrap samples are made from the regression with the effect
    held at ``null``, else (WCU) from the regression as estimated. The p-value counts
    ``|t*| >= |t|``: over all vectors of signs for WCR; else as ``(1 + count) / (1 + B)``, because
    the sample itself is not among those compared.

    Parameters
    ----------
    estimator : TwoWayFixedEffects
    panel : Panel
    design : Design
        ``cluster`` names one column, or the unit is the cluster.
    term : str, optional
        Which term; needed for an event study.
    null : float
        In units of the outcome.
    impose_null : bool
    weights : {"rademacher", "webb"}
        Signs, or Webb's six points, of which few clusters have more combinations.
    variant : {"11", "31", "13", "33"}
        First digit: plain residuals (1) or those of the regression without the cluster (3). Second:
        sandwich (1) or jackknife (3) variance in each bootstrap sample. MacKinnon, Nielsen and Webb
        (2023) call 11, 31, 13 and 33 also C, S, V and B.
    subcluster : str, optional
        ``"row"``, the panel's unit column, or another column: rows that share a sign, each inside
        one cluster, while the variance stays clustered (MacKinnon and Webb 2018).
    draws : int
        When vectors are not enumerated.
    exhaustive : bool, optional
        Enumerate all vectors; by default when there are at most 2**17.
    seed : int or numpy.random.Generator, optional
        Needed when vectors are drawn.

    Returns
    -------
    WildBootstrap

    Raises
    ------
    EstimationError
        Not a two-way regression, clusters that cut across units, an unknown option or term.
    DesignError
        A seed is needed, too many vectors to enumerate, or subclusters that cut across clusters.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, wild_cluster_bootstrap
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = wild_cluster_bootstrap(TwoWayFixedEffects(), panel, design, draws=999, seed=1)
    >>> print(f"{test.estimate:.3f} {test.p_value:.2f}")
    0.135 0.52
    """
    check_options(weights=(weights, ("rademacher", "webb")), variant=(variant, ("11", "31", "13", "33")))
    check_draws(draws)
    if not np.isfinite(null):
        raise EstimationError(f"the null is {null}", expected="a finite effect in units of the outcome")
    fit = fit_clustered("a wild cluster bootstrap", estimator, panel, design)
    position = fit.term(term)
    row, column = int(fit.rows[position]), int(fit.regression.place[position])
    codes, n_groups = _subclusters(fit, panel, subcluster)
    if codes is not None and variant[0] == "3":
        raise EstimationError(
            f"variant {variant!r} transforms the scores of whole clusters, so it has no subclusters",
            fix="use variant '11' or '13', or leave subcluster out",
        )
    g, n_treated = fit.regression.n_clusters, int(fit.treated.sum())
    error, factor, reason = _standard_error(fit, row, column, variant, impose_null)
    signs, exact = _signs(n_groups, weights, draws, exhaustive, seed)
    name = f"{'WCR' if impose_null else 'WCU'}-{variant}, {weights.capitalize()}"
    if codes is not None:
        name += f", signs by {subcluster}"
    estimate = float(fit.result.coef[row])
    system = None
    statistics = np.full(len(signs), nan)
    if not reason:
        system = WildSystem.build(
            fit.regression,
            column,
            restricted=impose_null,
            variance=variant[1],
            transformed=variant[0] == "3",
            factor=factor,
            codes=codes,
            n_codes=n_groups,
        )
        statistics = system.statistics(signs, estimate - null)
    has_sample = exact and impose_null
    statistic = (estimate - null) / error
    return WildBootstrap(
        term=str(fit.result.terms["term"].iloc[row]),
        estimate=estimate,
        std_error=error,
        statistic=statistic,
        null=float(null),
        p_value=nan if reason else _p_value(statistics, statistic, has_sample),
        smallest_p=nan if reason else _smallest(len(signs), has_sample, weights),
        statistics=statistics,
        exact=exact,
        n_clusters=g,
        n_treated_clusters=n_treated,
        n_groups=n_groups,
        variant=name,
        reason=reason,
        notes=_notes(n_treated, g, impose_null, codes is not None, exact, len(signs)),
        restricted=impose_null,
        _system=system,
        _signs=signs,
    )


def _p_value(statistics: FloatArray, statistic: float, has_sample: bool) -> float:
    extreme = int(as_far(np.abs(statistics), abs(statistic)).sum())
    return extreme / len(statistics) if has_sample else (1 + extreme) / (1 + len(statistics))


def _smallest(vectors: int, has_sample: bool, weights: str) -> float:
    if not has_sample:
        return 1 / (1 + vectors)
    # the sample and its mirror image; half the Rademacher vectors stand for all of them
    return (1 if weights == "rademacher" else 2) / vectors


def _standard_error(
    fit: ClusteredFit, row: int, column: int, variant: str, impose_null: bool
) -> tuple[float, float, str]:
    """Standard error, factor of the sum of squares behind it, and why there is none."""
    regression = fit.regression
    error = float(fit.result.std_errors[row])
    if not np.isfinite(error):
        return nan, nan, "the clustered standard error is undefined, so there is no t statistic"
    # residuals of the regression without a cluster exist when the effect is held at the null
    left_out = variant[1] == "3" or (variant[0] == "3" and not impose_null)
    lost = regression.spectrum.lost(column) if left_out else np.zeros(0, dtype=bool)
    if lost.any():
        names = ", ".join(str(fit.labels[i]) for i in np.flatnonzero(lost))
        return nan, nan, f"without cluster {names} the effect does not exist, so its jackknife does not"
    if variant[1] == "3":
        g = regression.n_clusters
        return wild.jackknife_error(regression, column), (g - 1) / g, ""
    parts = regression.scores(regression.residual) @ regression.inverse[column]
    return error, error**2 / float(parts @ parts), ""


def _signs(
    size: int,
    weights: str,
    draws: int,
    exhaustive: bool | None,
    seed: int | np.random.Generator | None,
) -> tuple[NDArray[np.number], bool]:
    points = 2 if weights == "rademacher" else 6
    few = size * np.log2(points) <= np.log2(ENUMERATE) + 1e-9
    if exhaustive and not few:
        raise DesignError(
            f"{size} groups have {points}^{size} vectors, too many to enumerate",
            expected=f"at most {ENUMERATE:,}",
            fix="leave exhaustive out and give a seed",
        )
    if few and exhaustive is not False:
        return (wild.all_signs(size) if points == 2 else wild.all_webb(size)), True
    if seed is None:
        raise DesignError(
            "signs are drawn and no seed is given",
            where=f"{size} groups, {points}^{size} vectors",
            fix="pass seed=...",
        )
    return wild.draw_signs(size, draws, weights, np.random.default_rng(seed)), False


def _subclusters(fit: ClusteredFit, panel: Panel, name: str | None) -> tuple[NDArray[np.integer] | None, int]:
    sample, cluster = fit.sample, fit.regression.cluster
    if name is None:
        return None, fit.regression.n_clusters
    if name == "row" and "row" not in panel.frame.columns:
        return np.arange(sample.n_rows), sample.n_rows
    require_columns(panel.frame, [name], table="panel")
    raw, _ = pd.factorize(panel.frame[name], sort=True)
    codes = raw if sample.rows is None else raw[sample.rows]
    if (codes < 0).any():
        raise DesignError(
            f"subcluster {name!r} is missing in {int((codes < 0).sum())} rows",
            fix="fill the value in, or use subcluster='row'",
        )
    values, codes = np.unique(codes, return_inverse=True)
    first = np.zeros(len(values), dtype=np.intp)
    first[codes] = cluster
    across = first[codes] != cluster
    if across.any():
        labels = ", ".join(str(v) for v in panel.frame[name].iloc[:].unique()[:3])
        raise DesignError(
            f"subcluster {name!r} cuts across clusters",
            where=f"values such as {labels}",
            expected="every subcluster inside one cluster",
            fix="combine the column with the cluster's name",
        )
    return codes, len(values)


def _notes(
    n_treated: int, g: int, restricted: bool, subclustered: bool, exact: bool, vectors: int
) -> tuple[str, ...]:
    notes = []
    few = few_treated(n_treated, g)
    if few and not subclustered:
        known = "rejects far too rarely" if restricted else "rejects far too often"
        notes.append(
            f"{few}: with so few the {'restricted' if restricted else 'unrestricted'} wild cluster bootstrap "
            f"{known} (MacKinnon and Webb 2017); use randomisation inference"
        )
    elif few:
        notes.append(
            f"{few}: a subcluster bootstrap holds only where errors are alike across clusters and hardly "
            "correlated within them (MacKinnon and Webb 2018)"
        )
    if exact:
        notes.append("all vectors of signs were enumerated; no simulation noise")
    elif vectors < 999:
        notes.append(f"{vectors} draws leave simulation noise in the p-value")
    return tuple(notes)
