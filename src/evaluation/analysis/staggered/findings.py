"""Everything that a page on many places says, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from evaluation.analysis.choice import Choice
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.analysis.staggered.descriptives import EventTimeMeans, event_time_means
from evaluation.analysis.staggered.effects import advice, choose
from evaluation.analysis.staggered.effects import estimates as estimates_of
from evaluation.analysis.staggered.family import comparisons, family
from evaluation.analysis.staggered.paths import Path
from evaluation.analysis.staggered.paths import paths as paths_of
from evaluation.analysis.staggered.published_results import check_claims, published, truth, verdicts
from evaluation.claims import ClaimCheck
from evaluation.inference import Recommendation


@dataclass(frozen=True, eq=False)
class Findings:
    """What the analysis found.

    Attributes
    ----------
    estimates : pandas.DataFrame
        Every outcome by every estimator against the main comparison; see `estimates`.
    against : pandas.DataFrame
        The leading estimators against every comparison and by every set of dates; see `comparisons`.
    together : pandas.DataFrame
        p-values adjusted for the family of outcomes; see `family`.
    paths : mapping of str to Path
    event_time_means : EventTimeMeans
        The leading outcome around the start, nothing modelled.
    verdicts : mapping of str to ClaimCheck
        The rule's word on every outcome.
    claims : tuple of ClaimCheck
    published, truth : pandas.DataFrame
    choice : Choice
        The inference used for the leading outcome.
    advice : Recommendation or None
    """

    estimates: pd.DataFrame = field(repr=False)
    against: pd.DataFrame = field(repr=False)
    together: pd.DataFrame = field(repr=False)
    paths: Mapping[str, Path] = field(repr=False)
    event_time_means: EventTimeMeans = field(repr=False)
    verdicts: Mapping[str, ClaimCheck] = field(repr=False)
    claims: tuple[ClaimCheck, ...] = field(repr=False)
    published: pd.DataFrame = field(repr=False)
    truth: pd.DataFrame = field(repr=False)
    choice: Choice
    advice: Recommendation | None = field(repr=False)

    def drawn(self, level: float) -> list[Path]:
        """Paths to draw: the leading outcome's and those of outcomes that stand out after adjusting."""
        lead = self.event_time_means.outcome.id
        out = self.together.loc[self.together["p_adjusted"] <= level, "outcome"].tolist()
        names = [lead, *(name for name in out if name != lead)]
        return [self.paths[name] for name in names if name in self.paths][:4]


def findings(
    case: StaggeredCase,
    *,
    estimates: pd.DataFrame | None = None,
    against: pd.DataFrame | None = None,
    together: pd.DataFrame | None = None,
    paths: Mapping[str, Path] | None = None,
) -> Findings:
    """Estimate everything that a page on the study says, or what of it is not given.

    Parameters
    ----------
    case : StaggeredCase
    estimates, against, together, paths : optional
        As `estimates`, `comparisons`, `family` and `paths` return them: what a notebook made in its cells is
        what its page says.

    Raises
    ------
    EvaluationError
        The leading outcome cannot be estimated against the main comparison.
    """
    table = estimates_of(case) if estimates is None else estimates
    against = comparisons(case) if against is None else against
    together = family(case) if together is None else together
    return Findings(
        estimates=table,
        against=against,
        together=together,
        paths=paths_of(case) if paths is None else paths,
        event_time_means=event_time_means(case, case.lead),
        verdicts=verdicts(case, against, together),
        claims=check_claims(case, against, together),
        published=published(case),
        truth=truth(case, table),
        choice=choose(case, case.lead),
        advice=advice(case, case.lead),
    )
