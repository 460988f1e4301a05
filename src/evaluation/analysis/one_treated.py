"""A panel study with one treated unit, as what is asked of one place takes it."""

from __future__ import annotations

from evaluation.analysis.case import Case
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.errors import DesignError, shortlist
from evaluation.study import staggered
from evaluation.study.one_place import (
    Choices,
    Data,
    Date,
    Headline,
    Outcome,
    Pool,
    Rule,
    Study,
    Treatment,
    Years,
)
from evaluation.study.panel import Measured, PanelData


def one_treated(case: StaggeredCase) -> Case:
    """A panel study with one treated unit as a study of one place, for `evaluation.analysis`.

    Its comparisons are pools of their untreated units, its alternatives other dates, and counts with an
    exposure are rates. The years compared are the last before the start of treatment and the last there is.

    Parameters
    ----------
    case : StaggeredCase

    Returns
    -------
    Case
        For `specifications`, `event_path`, `family`, `yearly_estimates` and whatever else takes one.

    Raises
    ------
    DesignError
        Not one unit is treated, or not at one date in all outcomes.
    """
    study, data, lead = case.study, case.study.data, case.lead
    starts = {(unit, case.first(one)[unit]) for one in study.outcomes for unit in case.treated(one)}
    if len(starts) != 1:
        raise DesignError(
            f"{len(starts)} units or dates of treatment, where one is asked about",
            where=shortlist(f"{unit} {when}" for unit, when in sorted(starts, key=str)),
            expected="one treated unit, at one date in all outcomes",
        )
    unit, start = starts.pop()
    table = case.table[case.table[lead.column].notna()]
    for one in study.outcomes:
        if one.model == "count" and data.exposure:
            table = table.assign(**{one.column: data.per * table[one.column] / table[data.exposure]})
    date = str(start).split("/")[0]
    label = study.treatment.event
    others = tuple(
        Date.model_construct(date=str(when).split("/")[0], label=item.label, why=item.why)
        for item in study.alternatives
        if (when := case.first(lead, item.id)[unit]) == when  # not NaT
    )
    years = Years.model_construct(before=start.year - 1, after=case.period(data.end).year)
    asked = Study.model_construct(
        **{
            name: getattr(study, name)
            for name in ("id", "notebook", "seed", "languages", "title", "question")
        },
        **{name: getattr(study, name) for name in ("source", "words", "threats", "settle")},
        data=Data.model_construct(**{name: getattr(data, name) for name in PanelData.model_fields}),
        kind="one_place",
        treatment=Treatment.model_construct(
            unit=unit, date=date, label=label, why=study.treatment.why, alternatives=others
        ),
        pools=tuple(
            Pool.model_construct(id=one.id, label=one.label, units=tuple(case.controls(lead, one)))
            for one in study.comparisons
        ),
        outcomes=tuple(_outcome(one, rate=bool(data.exposure)) for one in study.outcomes),
        headline=Headline.model_construct(outcome=lead.id, years=years),
        rule=Rule.model_construct(
            **{name: getattr(study.rule, name) for name in ("level", "outcomes", "fixed_on", "text")},
            pool=study.rule.comparisons[0],
            scales=_scales(lead),
        ),
        choices=Choices(),
        claims=(),
    )
    return Case(asked, table, case.sources, case.names.get("en", {}), None, None, case.overrides, case.root)


def _outcome(one: staggered.Outcome, *, rate: bool) -> Outcome:
    counted = one.model == "count" and not rate
    kept = {name: getattr(one, name) for name in Measured.model_fields}
    return Outcome.model_construct(**kept, annual="sum" if counted else "mean", scales=_scales(one))


def _scales(one: staggered.Outcome) -> tuple[str, ...]:
    return ("log",) if one.model == "log" else ("level",)
