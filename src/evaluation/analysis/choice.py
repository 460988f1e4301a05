"""Which estimator leads and which inference holds, chosen from the design and the outcomes before treatment.

The choice never looks at an estimate, so that a method is not chosen for its answer, nor at a study's name.
Inference is what `evaluation.inference.recommend` says: of the methods that hold and take any estimator, the
first. One to five treated units are compared with a synthetic control where its fit before treatment is no
worse than that of the regression's comparison, and inference is by placebos (Abadie, Diamond and Hainmueller
2010; Abadie 2021, section 3); counts stay with Poisson regression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from evaluation.design import Design
from evaluation.errors import DesignError, EvaluationError
from evaluation.estimators import SyntheticControl, SyntheticDiD
from evaluation.inference import recommend
from evaluation.inference.enough import FEW_CLUSTERS, how_many
from evaluation.inference.recommend import ANY_ESTIMATOR, Recommendation
from evaluation.numerics.jackknife import smaller_side
from evaluation.panel import Panel

Kind = Literal["jackknife", "clustered", "randomization", "rows", "placebo"]
KINDS: Mapping[str, Kind] = {
    "randomization_test": "randomization",
    "jackknife": "jackknife",
    "clustered_t": "clustered",
    "independent_rows": "rows",
    "placebo": "placebo",
}
SYNTHETIC = ("synthetic_control", "synthetic_did")
FEW_TREATED = FEW_CLUSTERS
"""Fewer treated units than this: synthetic methods are put beside the regression."""
FEWEST_BEFORE = 5
"""Periods before treatment below which a fit of donors to them shows nothing."""
MOST_DONORS = 1_000
"""Donors beyond which synthetic methods, whose placebos are refitted for each, are not put to a study."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What the design chose for an outcome against a comparison, and why: keys and numbers, no sentences.

    Attributes
    ----------
    estimator : str
        That leads, as study files name it.
    inference : str
        Of the leading estimate: a method of `recommend` that takes any estimator, ``"placebo"`` for a
        synthetic method, or ``"independent_rows"`` where errors are known to be independent.
    level : float
        Of intervals.
    treated, untreated, clusters : int
        Clusters with a treated unit, with an untreated one, and all.
    why : mapping
        ``leads_because`` (``few_treated``, ``no_synthetic``, ``counts``, ``many_treated`` or ``stated``),
        ``inference`` (the key of the advice, or ``stated``), ``holds`` (whether the inference
        holds by that advice; None where nothing was asked), ``n_treated``, ``n_untreated``, ``n_periods``,
        ``before`` (periods before the first start), ``cohorts``, ``exposure``, ``recommended`` (the first
        method that `recommend` names, of those of the two-way regression too), ``excess`` (noise of the
        estimate over that of its permutations), and with few treated units ``misfit`` and
        ``misfit_synthetic_did`` (root mean squared gap before treatment of either, in units of the outcome),
        ``misfit_regression`` (the same of the mean of the donors less a constant), ``spread`` (standard
        deviation of the treated path before treatment), ``refused`` (why there is no synthetic control).
    overridden : tuple of str
        Of ``"estimator"`` and ``"inference"``, what the study names itself.
    beside : tuple of str
        Synthetic methods that stand beside the regression, or it beside them.
    advice : Recommendation, optional
        Every method judged, without simulated power; None where all units are treated in the end.
    """

    few: ClassVar[int] = FEW_CLUSTERS
    """Fewer clusters than this on a side: randomisation."""
    estimator: str
    inference: str
    level: float
    treated: int
    untreated: int
    clusters: int
    why: Mapping[str, Any]
    overridden: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    general: str = "randomization_test"
    """The inference of estimators that are no synthetic method."""
    advice: Recommendation | None = field(default=None, repr=False)

    @property
    def kind(self) -> Kind:
        """The inference of the leading estimate, in one word."""
        return KINDS[self.inference]

    def kind_of(self, estimator: str) -> Kind:
        """The inference of an estimator that may not lead."""
        return "placebo" if estimator in SYNTHETIC else KINDS[self.general]

    def of(self, estimator: str) -> Choice:
        """The same design with another estimator leading."""
        inference = "placebo" if estimator in SYNTHETIC else self.general
        return replace(self, estimator=estimator, inference=inference)

    def as_record(self) -> dict[str, Any]:
        """Keys and numbers for the result file."""
        return {
            **self.why,
            "estimator": self.estimator,
            "inference": self.inference,
            "inference_because": self.why["inference"],
            "level": self.level,
            "overridden": list(self.overridden),
            "treated_clusters": self.treated,
            "untreated_clusters": self.untreated,
            "clusters": self.clusters,
        }


def choose_for(
    panel: Panel,
    design: Design,
    *,
    model: str,
    usual: str,
    exposure: bool = False,
    main: str | None = None,
    estimator: str | None = None,
    inference: str | None = None,
    independent_rows: bool = False,
    level: float = 0.95,
) -> Choice:
    """Choose estimator and inference from a design.

    Parameters
    ----------
    panel : Panel
    design : Design
        Of the outcome as linear estimators take it.
    model : str
        Of the outcome: ``"count"``, ``"level"`` and so on.
    usual : str
        The estimator that leads for such an outcome where many units are treated.
    exposure : bool
        Whether counts have one.
    main, estimator, inference : str, optional
        What the study names: for the outcome, for all outcomes, for inference.
    independent_rows : bool
        Errors are known to be independent between rows.
    level : float
        Of intervals.

    Raises
    ------
    DesignError
        The inference named is not one that takes the estimator.
    """
    cohorts = design.cohorts(panel)
    codes = _cluster_codes(panel, design)
    sides = smaller_side(codes, cohorts.treated)
    advice = _advice(panel, design)
    why: dict[str, Any] = {
        "n_treated": int(cohorts.treated.sum()),
        "n_untreated": int((~cohorts.treated).sum()),
        "n_periods": panel.n_periods,
        "before": int((panel.ordinals < int(cohorts.values[0]) - design.anticipation).sum()),
        "cohorts": len(cohorts.values),
        "model": model,
        "exposure": exposure,
        "recommended": advice.first.method if advice and advice.first else "",
        "excess": advice.facts.excess if advice else float("nan"),
    }
    general = _general(sides, advice, why, independent_rows)
    leads, reason = usual, "counts" if model == "count" else "many_treated"
    beside: tuple[str, ...] = ()
    if why["n_treated"] < FEW_TREATED and not independent_rows:
        found = _synthetic(panel, design, why)
        beside = SYNTHETIC if found else ()
        if model != "count":
            leads, reason = found or usual, "few_treated" if found else "no_synthetic"
    stated = estimator or main
    if stated is not None:
        leads, reason = stated, "stated"
    if stated in SYNTHETIC:
        beside = SYNTHETIC
    overridden = tuple(
        name for name, value in (("estimator", estimator), ("inference", inference)) if value is not None
    )
    if inference is not None:
        general = _stated(inference, leads)
        why |= {"inference": "stated", "holds": None if advice is None else advice.advice(general).holds}
    return Choice(
        estimator=leads,
        inference="placebo" if leads in SYNTHETIC else general,
        general=general,
        level=level,
        treated=sides[0],
        untreated=sides[1],
        clusters=int(codes.max()) + 1,
        why={"leads_because": reason, **why},
        overridden=overridden,
        beside=beside,
        advice=advice,
    )


def _cluster_codes(panel: Panel, design: Design) -> np.ndarray[Any, np.dtype[np.intp]]:
    columns = design.cluster_columns
    if not columns or columns[0] == panel.unit:
        return np.arange(panel.n_units)
    return panel.clusters(columns[0])[0]


def _advice(panel: Panel, design: Design) -> Recommendation | None:
    """Every method judged; None where all units are treated in the end."""
    try:
        return recommend(panel, design, draws=0)
    except EvaluationError:
        return None


def _general(
    sides: tuple[int, int], advice: Recommendation | None, why: dict[str, Any], independent_rows: bool
) -> str:
    """The inference of an estimator that is no synthetic method, and in ``why`` what was said of it."""
    if independent_rows:
        why |= {"inference": "independent_rows", "holds": True}
        return "independent_rows"
    if advice is None:
        kinds = {"few": "randomization_test", "some": "jackknife", "many": "clustered_t"}
        why |= {"inference": "all_treated", "holds": None}
        return kinds[how_many(*sides)]
    first = advice.first_for_any or advice.advice("randomization_test")
    why |= {"inference": first.key, "holds": first.holds}
    return first.method


def _stated(inference: str, estimator: str) -> str:
    """The inference that a study names, if it takes the estimator."""
    allowed = ANY_ESTIMATOR
    if estimator in SYNTHETIC:
        raise DesignError(
            f"a synthetic method has inference by placebos, and the study names {inference!r}",
            where="inference",
            fix="leave 'inference' out, or name an 'estimator' that is no synthetic method",
        )
    if inference not in allowed:
        raise DesignError(
            f"the inference {inference!r} is of the two-way regression alone, and a page "
            "puts one inference to all that it shows",
            where="inference",
            expected="one of " + ", ".join(map(repr, allowed)),
            fix=f"name one of these, or call evaluation.inference.{inference} in the notebook",
        )
    return inference


def _synthetic(panel: Panel, design: Design, why: dict[str, Any]) -> str | None:
    """Which synthetic method fits periods before treatment; None where neither can be used."""
    plain = replace(design, weights=None, covariates=())
    if why["before"] < FEWEST_BEFORE:
        why["refused"] = "few_periods"
        return None
    if why["n_untreated"] > MOST_DONORS:
        why["refused"] = "many_donors"
        return None
    none: Any = "none"
    try:
        fits: dict[str, Any] = {
            name: method(variance=none).fit(panel, plain).details.fits  # type: ignore[attr-defined]
            for name, method in (("synthetic_control", SyntheticControl), ("synthetic_did", SyntheticDiD))
        }
        flat = SyntheticDiD(variance=none, unit_weights="uniform", time_weights="uniform")
        fits["regression"] = flat.fit(panel, plain).details.fits  # type: ignore[attr-defined]
    except EvaluationError as error:
        why["refused"] = error.what
        return None
    misfit = {name: _pooled([fit.rmspe_before for fit in of]) for name, of in fits.items()}
    own = [fit.path.loc[fit.path["role"] == "before", "treated"] for fit in fits["synthetic_control"]]
    why |= {
        "misfit": misfit["synthetic_control"],
        "misfit_synthetic_did": misfit["synthetic_did"],
        "misfit_regression": misfit["regression"],
        "spread": _pooled([float(path.std(ddof=1)) for path in own]),
    }
    # a treated path that donors cannot reach leaves a gap that no weighting explains: differences then
    return "synthetic_control" if misfit["synthetic_control"] <= misfit["regression"] else "synthetic_did"


def _pooled(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


__all__ = ["FEW_TREATED", "SYNTHETIC", "Choice", "Kind", "choose_for"]
