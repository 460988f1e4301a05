"""What a comparison of variants is made of: frozen values, nothing estimated here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

Both = Mapping[str, str]


@dataclass(frozen=True)
class Number:
    """An estimate with its interval and the verdict of the study's rule.

    Attributes
    ----------
    estimate, low, high : float
        In the measure's unit; NaN where there is none.
    verdict : str
        Of the attributable kind; empty where the study gives none.
    units, treated, periods : int or None
        Units, treated ones among them, and periods that it rests on.
    estimator : str
        As the result file names it.
    """

    estimate: float
    low: float = nan
    high: float = nan
    verdict: str = ""
    units: int | None = None
    treated: int | None = None
    periods: int | None = None
    estimator: str = ""

    @property
    def known(self) -> bool:
        """Whether it has an interval."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def side(self) -> int:
        """1 or -1 where the interval lies wholly above or below no change, else 0."""
        return 0 if not self.known else int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Measure:
    """An outcome in which variants are compared.

    Attributes
    ----------
    id : str
    label : mapping of language to str
    unit : mapping of language to str
        In which all numbers of the measure are.
    estimand : str
        What is estimated, as the result file of the declared study, or the first variant, says it.
    """

    id: str
    label: Both
    unit: Both
    estimand: str = ""


@dataclass(frozen=True)
class Cell:
    """One variant, or the study as declared.

    Attributes
    ----------
    settings : mapping of key to str
        Values of the axes, as written.
    numbers : mapping of measure to Number
    answer : mapping of language to str
        The answer of its page in a sentence.
    claims : mapping of str to str
        Claim to verdict beside other places, and ``reproduced:CLAIM`` to whether it is reproduced.
    pages : mapping of language to str
        Where its pages stand, from this one.
    declared : bool
        The study file as it stands.
    same : bool
        A variant that asks just what the study file declares.
    reason : str
        Why it failed; empty where it did not.
    failure : str
        Where the page stands that says more.
    """

    settings: Mapping[str, str]
    numbers: Mapping[str, Number] = field(default_factory=dict)
    answer: Both = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    pages: Both = field(default_factory=dict)
    declared: bool = False
    same: bool = False
    reason: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Comparison:
    """All variants of a grid, with the study as declared.

    Attributes
    ----------
    study : str
    title : mapping of language to str
        Of the study.
    keys : tuple of str
        The axes, in order.
    declared : Cell
    cells : tuple of Cell
        In the grid's order.
    measures : tuple of Measure
        The one that leads the study's page first; empty where variants have no comparable number.
    names : mapping of str to mapping
        Ids of outcomes, comparisons and pools to their labels.
    simulated : bool
    provenance : mapping
        For the foot of the page.
    alternates : mapping of language to str
        Address of the page in each language that there is.
    """

    study: str
    title: Both
    keys: tuple[str, ...]
    declared: Cell
    cells: tuple[Cell, ...]
    measures: tuple[Measure, ...] = ()
    names: Mapping[str, Both] = field(default_factory=dict, repr=False)
    simulated: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    alternates: Both = field(default_factory=dict)

    @property
    def good(self) -> tuple[Cell, ...]:
        """Variants that were made."""
        return tuple(cell for cell in self.cells if not cell.reason)

    @property
    def failed(self) -> tuple[Cell, ...]:
        """Variants that could not be made."""
        return tuple(cell for cell in self.cells if cell.reason)
