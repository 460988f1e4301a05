"""A study of units that are treated at dates of their own; every key is in docs/study-file.md."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from evaluation.study.base import (
    NOTHING,
    Disclosure,
    Model,
    Text,
    read_period,
    repeated_ids,
    undeclared,
)
from evaluation.study.comparisons import Choices, Comparison, Date, Headline
from evaluation.study.defaults import POINTS, is_share, with_defaults
from evaluation.study.panel import Decision, Measured, PanelData, PanelStudy
from evaluation.study.staggered_beside import Claim, End, Limit, Published
from evaluation.study.staggered_design import (
    POISSON,
    EstimatorName,
    InferenceName,
    LeadName,
    Span,
    read_estimator,
)

ModelName = Literal["count", "rate", "log", "level", "share"]
MAIN: dict[str, EstimatorName] = {
    "count": "extended_poisson",
    "rate": "imputation",
    "log": "imputation",
    "level": "imputation",
    "share": "imputation",
}
"""The estimator that leads for each kind of outcome: one that never compares with the already treated."""


class Data(PanelData):
    """Which table, and how its rows are units and periods."""

    places: str | None = Field(default=None, validation_alias=AliasChoices("places", "labels"))
    """Table with a row a unit: its columns can be used as if they stood in the main table. As ``labels``, its
    column ``name_en`` has the English names."""
    name_en: str | None = None
    """Column with the English names of units."""
    name_zh: str | None = None
    """Column with the Chinese names of units."""
    exposure: str | None = None
    """Column of what counts are out of: population, cases, hours."""
    per: float = Field(default=100_000.0, gt=0)
    """Rates are per so much of the exposure."""
    per_label: Text | None = None
    """The unit of a rate in words; absent: made from ``per`` and the name of the exposure."""
    observed: str | None = None
    """Column that counts the observations in a row, such as days; with ``least`` the fewest that will do."""
    least: int | None = Field(default=None, ge=1)
    """Fewest observations of a period that will do, where one treated unit is compared with complete ones."""
    annual: str | None = None
    """Table with the columns ``unit`` and ``year``: yearly figures that periods cannot be added up to."""

    @model_validator(mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        return {"name_en": "name_en", **value} if isinstance(value, dict) and value.get("labels") else value


class Dated(Model):
    """Where the first treated period of a unit stands."""

    first_treated: str | None = None
    """Column with the first treated period of a unit; empty is never, and 0 is never."""
    switched_on: str | None = None
    """Column of 0 and 1: whether the unit is treated in the period. A unit is treated from its first 1 on,
    rows before ``data.start`` among them."""
    units: dict[str, str] = Field(default_factory=dict)
    """Treated units, written as in the table, and the first treated period of each."""
    never: tuple[str | int | float, ...] = ()
    """Values of ``first_treated`` that mean never treated, beside 0 and nothing."""

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
    def starts(self) -> dict[str, str]:
        """Treated units that are named with their first treated periods."""
        return self.units

    @property
    def dated(self) -> bool:
        """Whether it is said at all who is treated, and when."""
        return bool(self.starts or self.first_treated or self.switched_on)


class Treatment(Dated):
    """Who is treated, from when, and how that is said."""

    unit: str = ""
    """The treated unit, where there is one, with its ``date`` instead of ``units``."""
    date: str = ""
    """Its first treated period."""
    alternatives: tuple[Date, ...] = ()
    """Other dates of the one treated unit that could be argued for."""
    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    """With whom treated units are compared; absent: with never treated ones, and where all are treated in
    the end, with those not yet treated."""
    anticipation: int = Field(default=0, ge=0)
    """Periods before the start in which units may already have reacted."""
    window: tuple[int, int] | None = None
    """First and last event time of paths, such as ``[-8, 16]``."""
    cluster: str | None = None
    """Column of the clusters of errors; absent: the unit."""
    weights: str | None = None
    """Column of weights; rates of counts are weighted by the mean exposure when absent."""
    independent_rows: bool = False
    """Whether errors are known to be independent between rows, as in simulated data only."""
    place: Text = NOTHING
    """What one unit is called; now also ``words.place``."""
    places: Text = NOTHING
    """What many units are called."""
    treated: Text = NOTHING
    """The treated units in a sentence; absent: their names, or how many there are."""
    event: Text = Field(default=NOTHING, validation_alias=AliasChoices("event", "label"))
    """What happened, for the line at the start of treatment; or, as ``label``, what the date is called."""
    why: Text = NOTHING
    """Why these units and dates."""
    from_outcome: Text | None = None
    """A sentence, where treatment is recorded because the outcome moved: it is printed in the answer, and
    no verdict is given."""

    @model_validator(mode="after")
    def _spans(self) -> Treatment:
        if self.window is not None and not self.window[0] < 0 <= self.window[1]:
            raise ValueError(f"the window {list(self.window)} must begin before 0 and end at 0 or later")
        if bool(self.unit) != bool(self.date):
            raise ValueError("'unit' and 'date' belong together: the treated unit and its first period")
        if self.unit and (self.units or self.first_treated or self.switched_on):
            raise ValueError("give 'unit' with 'date', or one of 'units', 'first_treated' and 'switched_on'")
        return self

    _read = field_validator("date", mode="before")(read_period)

    @property
    def starts(self) -> dict[str, str]:
        """Treated units that are named with their first treated periods."""
        return {self.unit: self.date} if self.unit else self.units

    @property
    def dates(self) -> tuple[Date, ...]:
        """The date of the one treated unit first, then the alternatives that differ from it."""
        main = Date.model_construct(date=self.date, label=self.event, why=self.why)
        stated = {item.date: item for item in self.alternatives}
        others = (item for item in self.alternatives if item.date != self.date)
        return (stated.get(self.date, main), *others)


class Alternative(Model):
    """Another column of dates that could be argued for."""

    id: str
    """To name it by."""
    label: Text
    """What the dates are called."""
    first_treated: str
    """Another column of dates that could be argued for; ``{outcome}`` in it is the id of the outcome."""
    why: Text = NOTHING
    """Why it could be."""

    def column(self, outcome: str) -> str:
        """The column of dates of an outcome, by its id."""
        return self.first_treated.replace("{outcome}", outcome)


class Neighbours(Model):
    """Untreated units that may have been reached, and from when."""

    column: str | None = None
    """Column of the first period from which an untreated unit may have been reached."""
    units: tuple[str, ...] = ()
    """Or the units; a list of them may stand for the whole table ``[neighbours]``."""
    label: Text = NOTHING
    """What these units are called."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return {"units": tuple(value)} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _one_way(self) -> Neighbours:
        if (self.column is None) == (not self.units):
            raise ValueError("give either 'column' with the periods, or 'units'")
        return self


class Outcome(Measured, Dated):
    """A column of the table, what it measures and how it is modelled."""

    unit: Text = NOTHING
    """Of a value. With "%" (0 to 100) or "share" (0 to 1) effects are in percentage points."""
    model: ModelName
    """Counts (Poisson regression; effects in percent), rates, logarithms of positive values (effects in
    percent), values as they stand, or shares (effects in percentage points). Absent: "count" where
    ``data.exposure`` is given."""
    digits: int = Field(default=1, ge=0, le=6)
    """Digits after the point; absent: told from the spread of the values."""
    main: EstimatorName | None = None
    """The estimator that leads for this outcome, instead of what the design chooses."""
    covariates: tuple[str, ...] = ()
    """Columns; "log population" takes the logarithm of the column population."""
    annual: Literal["sum", "mean"]
    """Whether a year is the sum or the mean of its periods; absent: the sum of counts without an exposure,
    else the mean."""
    scales: tuple[Literal["level", "log"], ...]
    """On which one treated unit is compared; absent: "log" for the model "log", else "level"."""

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

    @property
    def effect_unit(self) -> Text:
        """Of an effect, where it is not in percent: percentage points of a share, else the outcome's unit."""
        return POINTS if self.in_points else self.unit


class Rule(Decision):
    """How the verdict is reached, with the day on which it was written down."""

    comparisons: tuple[str, ...] = Field(min_length=1)
    """Ids of the comparisons that must each agree; absent: ``pool``."""
    pool: str
    """Id of the comparison that decides where two years are compared; absent: the first."""
    scales: tuple[Literal["level", "log"], ...]
    """On which the rule compares two years; absent: as the leading outcome is compared."""


class StaggeredStudy(PanelStudy):
    """Units that are treated at dates of their own, or one of them, beside units that are not.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["staggered"] = "staggered"
    """"panel", "staggered" or "one_place": the same; absent, too."""
    notebook: str = "panel_study"
    """Name of the notebook that makes the page."""
    data: Data
    """Which table, and how its rows are units and periods."""
    estimator: LeadName | None = None
    """Leads for every outcome, instead of what the design chooses; the names of the library's classes are
    read, too."""
    inference: InferenceName | None = None
    """The method of inference, instead of what the design chooses."""
    design: Span = Span()
    """What part of the record the estimates use."""
    treatment: Treatment
    """Who is treated, and from when: one of ``units``, ``first_treated`` and ``switched_on``."""
    alternatives: tuple[Alternative, ...] = ()
    """Other dates that could be argued for."""
    neighbours: Neighbours | None = None
    """Untreated units that treatment may have reached."""
    comparisons: tuple[Comparison, ...] = Field(
        min_length=1, validation_alias=AliasChoices("comparisons", "pools")
    )
    """Untreated units to compare with; absent: all of them. As ``[[pools]]``, with outcomes of which less is
    better, with one digit, unless they say otherwise."""
    choices: Choices = Choices()
    """What could be chosen otherwise, with one treated unit."""
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    """What is measured; the first leads."""
    headline: Headline
    """What leads the page; absent: the first outcome."""
    rule: Rule
    """How the verdict is reached; absent: tests at 5 %, all outcomes adjusted for together."""
    end: End | None = None
    """Why the record ends where it does, with a figure of the break."""
    published: tuple[Published, ...] = ()
    """Numbers of the literature to agree with."""
    truth: dict[str, float] = Field(default_factory=dict)
    """Simulated data only: id of an outcome = its true effect, in percent for counts and logarithms, else
    in the unit."""
    claims: tuple[Claim, ...] = ()
    """Figures of the source, and how the data answer them."""
    limit: Limit | None = None
    """A claim that compares with a limit which the law allows."""
    disclosure: Disclosure | None = None
    """Which counts may be shown."""

    _named = field_validator("estimator", mode="before")(read_estimator)
    _defaults = model_validator(mode="before")(with_defaults)

    @model_validator(mode="after")
    def _refers(self) -> StaggeredStudy:
        """Every name used elsewhere in the file must be declared in it."""
        problems = repeated_ids(self, "outcomes", "comparisons", "alternatives", "published", "claims")
        outcomes = {item.id for item in self.outcomes}
        comparisons = {item.id for item in self.comparisons}
        twice = comparisons & {item.id for item in self.choices.pools}
        problems += [f"choices.pools: the id {name} stands among the pools" for name in sorted(twice)]
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
            *((f"claims.{c.id}.pool", c.pool, comparisons) for c in self.claims if c.pool),
            ("rule.pool", self.rule.pool, comparisons),
        ]
        if self.headline.check is not None:
            used.append(("headline.check", self.headline.check, outcomes))
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
        problems += [p for c in self.claims for p in c.problems(years=self.headline.years is not None)]
        if self.disclosure is not None and self.headline.years is not None:
            problems.append(
                "disclosure: a page on two years of one place shows every place's yearly figure and its gap "
                "to the others, and cannot withhold some; where these are counts of events, take "
                "[headline] years out (one treated place will do without), or take [disclosure] out"
            )
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
        return next(item for item in self.every_pool if item.id == name)

    @property
    def every_pool(self) -> tuple[Comparison, ...]:
        """The comparisons of the page, and those that only the curve of all choices uses."""
        return (*self.comparisons, *self.choices.pools)
