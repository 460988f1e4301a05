"""A study of many places that are treated at dates of their own, in several outcomes.

One TOML file and one table make a study; no code is needed. ``studies/crime_rio.toml`` is the fullest
example, ``studies/crime_castle.toml`` a short one. Texts are tables ``{ en = "…", zh = "…" }``. Periods are
written 2016, "2016-03" or "2016Q1". Keys marked * are optional.

Top of the file
    ``id, kind = "staggered", notebook, seed, title, question``; ``estimator`` * (leads for every outcome,
    whatever its ``main``: "imputation" or, as its class is called, "Imputation").
``[design]`` *
    ``window`` * (months on either side of the start; rows of treated units further away are left out).
``[source]``
    Where the question or the claim comes from: ``title, publisher, date, section``.
``[data]``
    ``table`` (a row a unit and period), ``unit``, ``time``, ``frequency`` (Y, Q, M, W, D), ``start``,
    ``end``; ``places`` * (a table with a row a unit: its columns can be used as if they stood in the main
    table), ``name_en`` * and ``name_zh`` * (columns with the names of units), ``exposure`` * (column of
    what counts are out of: population, cases, hours), ``per`` * (rates are per so much of it, 100000 by
    default), ``per_label`` * (the unit of a rate, such as "per 100,000 residents and quarter"), ``credit``
    * (the source in a few words). Whether data are simulated is not said here: the manifest says it.
``[treatment]``
    ``first_treated`` (column with the first treated period of the unit, empty for never) or ``switched_on``
    (a column of 0 and 1: the first period with 1 counts, rows before the window among them);
    each outcome may name its own instead.
    ``comparison`` * ("never_treated", the default, or "not_yet_treated"), ``anticipation`` * (0),
    ``window`` * (first and last event time of the paths, such as [-8, 16]), ``cluster`` * (column; the unit
    when absent), ``weights`` * (column; for counts the linear estimators work on rates and are weighted by
    the mean exposure when this is absent), ``independent_rows`` * (true: errors are independent between
    rows, which is known of simulated data only), ``place``, ``places`` (what a unit is called, one and many),
    ``treated`` (the treated places in a sentence), ``event`` (what happened, for the line at event time 0),
    ``why``, ``from_outcome`` * (a sentence, where treatment is recorded because the outcome moved: it is
    printed in the answer, and no verdict is given).
``[[alternatives]]`` *
    Another column of dates that could be argued for: ``id, label, first_treated`` (``{outcome}`` in it is the
    outcome's id), ``why``.
``[neighbours]`` *
    ``column`` (first period from which an untreated unit may have been reached), ``label``.
``[[comparisons]]``
    Untreated units to compare with; the first is the main one. ``id, label`` (``{count}`` is filled in),
    ``why``, ``column`` * and ``values`` * (only units with these values), ``neighbours`` * ("keep", the
    default, or "drop").
``[[outcomes]]``
    ``id, column, label, phrase`` (inside a sentence), ``short`` *, ``unit``, ``better`` ("lower" or
    "higher"), ``digits`` *, ``model``: "count" (Poisson with exposure; effects in percent), "rate" or
    "level" (effects in the unit), "log" (of a positive column; effects in percent), ``main`` * (the
    estimator that leads: by default the extended Poisson for counts, imputation for others),
    ``first_treated`` * or ``switched_on`` *, ``covariates`` * (columns; "log population" takes the
    logarithm).
``[headline]``
    ``outcome``: the one that leads the page.
``[rule]``
    ``level``, ``outcomes`` (the family that is adjusted for together), ``comparisons`` (each must agree),
    ``fixed_on``, ``text``.
``[end]`` *
    Why the record ends where it does: ``why``; and, for a figure, ``table, time, frequency, column, label,
    unit, at`` (the period of the break), ``mark`` (words at it).
``[[published]]`` *
    A number of the literature to agree with: ``id, outcome, value, what, citation, agreement`` ("exact"
    with ``tolerance``; "size": same sign and between half and twice as large; "none": the other found no
    clear effect), ``estimator`` *, ``comparison`` * (the main ones by default), ``covariates`` *,
    ``weights`` *, ``scale`` * ("percent" or "natural": log points for count and log outcomes, the unit for
    others).
``[truth]`` *
    Simulated data only: outcome = true effect, in percent for counts and logs, else in the unit.
``[[claims]]`` *
    ``id, text, value, unit, rounding, kind``: "none" with ``needs``, or "relative_change" with ``outcome``,
    ``before`` and ``after`` (periods of the same length; the treated places' total in the one beside the
    other, in percent). Of a claim of the project's ledger the ``id`` and the ``outcome`` are enough, as in
    studies of every kind: see `evaluation.study.claimed`. Claims of a study on simulated data have no data
    and are not testable, whatever their kind.
``[limit]`` *
    One of the claims says how far a time lies below the limit that the law allows: ``claim`` (its id),
    ``table`` * (published numbers of items and sums of promised limits: ``figure`` one of ``items_before,
    items_after, days_before, days_after``, and ``value``), ``decided`` * (id of the outcome that counts
    decided cases alone; it and the leading one need a ``[truth]``). The page answers by arithmetic.
``[disclosure]`` *
    ``minimum`` (10) and ``rounding`` * (1): counts of 1 to ``minimum`` - 1, and what would give one away, are
    not shown on the page, in its files or in the result file; estimates use every count. For studies
    with an outcome whose model is "count".
``[[threats]]``, ``[[settle]]``
    As in every study.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import (
    NOTHING,
    BaseStudy,
    Disclosure,
    Model,
    Source,
    Text,
    Threat,
    read_period,
    repeated_ids,
    undeclared,
)
from evaluation.study.defaults import is_share, with_defaults
from evaluation.study.staggered_beside import Claim, End, Limit, Published
from evaluation.study.staggered_design import (
    POISSON,
    EstimatorName,
    InferenceName,
    Span,
    SyntheticName,
    read_estimator,
)
from evaluation.study.words import Words

ModelName = Literal["count", "rate", "log", "level", "share"]
MAIN: dict[str, EstimatorName] = {
    "count": "extended_poisson",
    "rate": "imputation",
    "log": "imputation",
    "level": "imputation",
    "share": "imputation",
}
"""The estimator that leads for each kind of outcome: one that never compares with the already treated."""


class Data(Model):
    """Which committed table, and how its rows are units and periods."""

    table: str = Field(min_length=1)
    unit: str
    time: str
    frequency: Literal["", "Y", "Q", "M", "W", "D"] = ""
    start: str = ""
    end: str = ""
    places: str | None = None
    name_en: str | None = None
    name_zh: str | None = None
    exposure: str | None = None
    per: float = Field(default=100_000.0, gt=0)
    per_label: Text | None = None
    credit: Text | None = None

    _read = field_validator("start", "end", mode="before")(read_period)

    @model_validator(mode="after")
    def _ordered(self) -> Data:
        longer = len(self.start) == len(self.end) and self.start[:4].isdigit()
        if longer and self.start > self.end:
            raise ValueError(f"start {self.start} lies after end {self.end}")
        return self


class Dated(Model):
    """Where the first treated period of a unit stands."""

    first_treated: str | None = None
    switched_on: str | None = None
    units: dict[str, str] = Field(default_factory=dict)
    never: tuple[str | int | float, ...] = ()

    @field_validator("units", mode="before")
    @classmethod
    def _dates(cls, value: Any) -> Any:
        return {unit: read_period(when) for unit, when in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _one(self) -> Dated:
        named = [key for key in ("units", "first_treated", "switched_on") if getattr(self, key)]
        if len(named) > 1:
            raise ValueError(f"give one of {', '.join(map(repr, named))}, not {len(named)}")
        if self.never and not self.first_treated:
            raise ValueError("'never' lists codes of the column 'first_treated', which is not given")
        return self

    @property
    def dated(self) -> bool:
        """Whether it is said at all who is treated, and when."""
        return bool(self.units or self.first_treated or self.switched_on)


class Treatment(Dated):
    """Who is treated, from when, and how that is said."""

    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    anticipation: int = Field(default=0, ge=0)
    window: tuple[int, int] | None = None
    cluster: str | None = None
    weights: str | None = None
    independent_rows: bool = False
    place: Text = NOTHING
    places: Text = NOTHING
    treated: Text = NOTHING
    event: Text = NOTHING
    why: Text = NOTHING
    from_outcome: Text | None = None

    @model_validator(mode="after")
    def _spans(self) -> Treatment:
        if self.window is not None and not self.window[0] < 0 <= self.window[1]:
            raise ValueError(f"the window {list(self.window)} must begin before 0 and end at 0 or later")
        return self


class Alternative(Model):
    """Another column of dates that could be argued for."""

    id: str
    label: Text
    first_treated: str
    why: Text = NOTHING

    def column(self, outcome: str) -> str:
        """The column of dates of an outcome, by its id."""
        return self.first_treated.replace("{outcome}", outcome)


class Neighbours(Model):
    """Untreated units that may have been reached, and from when."""

    column: str
    label: Text


class Comparison(Model):
    """Untreated units that the treated ones are compared with."""

    id: str
    label: Text = NOTHING
    why: Text = NOTHING
    column: str | None = None
    values: tuple[str | int, ...] = ()
    neighbours: Literal["keep", "drop"] = "keep"

    @model_validator(mode="after")
    def _complete(self) -> Comparison:
        if (self.column is None) != (not self.values):
            raise ValueError("'column' and 'values' belong together: only units with these values are taken")
        return self


class Outcome(Dated):
    """A column of the table, what it measures and how it is modelled."""

    id: str
    column: str
    label: Text
    phrase: Text
    short: Text | None = None
    unit: Text = NOTHING
    better: Literal["higher", "lower"] | None = None
    model: ModelName
    digits: int = Field(default=1, ge=0, le=6)
    main: EstimatorName | None = None
    covariates: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Outcome:
        if self.main in POISSON and self.model != "count":
            raise ValueError(f"the estimator {self.main!r} is for outcomes whose model is 'count'")
        return self

    @property
    def leading(self) -> EstimatorName:
        """The estimator that leads for this outcome."""
        return self.main or MAIN[self.model]

    @property
    def in_percent(self) -> bool:
        """Whether effects are said in percent."""
        return self.model in ("count", "log")

    @property
    def in_points(self) -> bool:
        """Whether effects are said in percentage points: the outcome is a share."""
        return is_share(self)


class Headline(Model):
    """The outcome that leads the page."""

    outcome: str


class Rule(Model):
    """How the verdict is reached, with the day on which it was written down."""

    level: float = Field(default=0.05, gt=0, lt=0.5)
    outcomes: tuple[str, ...] = Field(min_length=1)
    comparisons: tuple[str, ...] = Field(min_length=1)
    fixed_on: str = ""
    text: Text = NOTHING


class StaggeredStudy(BaseStudy):
    """Many places, treated at dates of their own; see the module for every key.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["staggered"] = "staggered"
    notebook: str = "panel_study"
    source: Source | None = None
    data: Data
    words: Words = Words()
    estimator: EstimatorName | SyntheticName | None = None
    inference: InferenceName | None = None
    design: Span = Span()
    treatment: Treatment
    alternatives: tuple[Alternative, ...] = ()
    neighbours: Neighbours | None = None
    comparisons: tuple[Comparison, ...] = Field(min_length=1)
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    headline: Headline
    rule: Rule
    end: End | None = None
    published: tuple[Published, ...] = ()
    truth: dict[str, float] = Field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    limit: Limit | None = None
    disclosure: Disclosure | None = None
    threats: tuple[Threat, ...] = ()
    settle: tuple[Text, ...] = ()

    _named = field_validator("estimator", mode="before")(read_estimator)
    _defaults = model_validator(mode="before")(with_defaults)

    @model_validator(mode="after")
    def _refers(self) -> StaggeredStudy:
        """Every name used elsewhere in the file must be declared in it."""
        problems = repeated_ids(self, "outcomes", "comparisons", "alternatives", "published", "claims")
        outcomes = {item.id for item in self.outcomes}
        comparisons = {item.id for item in self.comparisons}
        used = [
            ("headline.outcome", self.headline.outcome, outcomes),
            *((f"rule.outcomes.{i}", o, outcomes) for i, o in enumerate(self.rule.outcomes)),
            *((f"rule.comparisons.{i}", c, comparisons) for i, c in enumerate(self.rule.comparisons)),
            *((f"published.{p.id}.outcome", p.outcome, outcomes) for p in self.published),
            *(
                (f"published.{p.id}.comparison", p.comparison, comparisons)
                for p in self.published
                if p.comparison
            ),
            *((f"truth.{name}", name, outcomes) for name in self.truth),
            *((f"claims.{c.id}.outcome", c.outcome, outcomes) for c in self.claims if c.outcome),
        ]
        if self.limit is not None:
            used.append(("limit.claim", self.limit.claim, {c.id for c in self.claims}))
            if self.limit.decided is not None:
                known = outcomes & set(self.truth) if self.headline.outcome in self.truth else set()
                used.append(("limit.decided", self.limit.decided, known))
        problems += undeclared(used)
        problems += self.design.problems(self.data.frequency) if self.data.frequency else []
        if not self.treatment.dated:
            problems += [
                f"outcomes.{o.id}: neither it nor [treatment] says when units are treated "
                "('units', 'first_treated' or 'switched_on')"
                for o in self.outcomes
                if not o.dated
            ]
        if self.neighbours is None:
            problems += [
                f"comparisons.{c.id}.neighbours: 'drop' needs [neighbours]"
                for c in self.comparisons
                if c.neighbours == "drop"
            ]
        models = {o.id: o.model for o in self.outcomes}
        if self.disclosure is not None and "count" not in models.values():
            problems.append(
                "disclosure: no outcome has the model 'count', so the page shows no counts and there is "
                "nothing to withhold; take [disclosure] out"
            )
        problems += [
            f"published.{p.id}.estimator: {p.estimator!r} is for outcomes whose model is 'count'"
            for p in self.published
            if p.estimator in POISSON and models.get(p.outcome, "count") != "count"
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def outcome(self, name: str) -> Outcome:
        """The outcome with this id."""
        return next(item for item in self.outcomes if item.id == name)

    def comparison(self, name: str) -> Comparison:
        """The comparison with this id."""
        return next(item for item in self.comparisons if item.id == name)
