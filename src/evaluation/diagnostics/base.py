"""What every check returns: one question, a verdict, the numbers and the answer in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from evaluation.display import Displayed, Summary, number
from evaluation.plain import plain

Verdict = Literal["evidence_against", "no_evidence_against", "not_informative"]
VERDICTS: tuple[str, ...] = ("evidence_against", "no_evidence_against", "not_informative")
LANGUAGES: tuple[str, ...] = ("en", "zh")


@dataclass(frozen=True, eq=False, repr=False)
class Diagnostic(Displayed):
    """The answer to one question about an estimate.

    Attributes
    ----------
    name : str
        Which check, as in the result file.
    question : mapping of str to str
        In the languages ``en`` and ``zh``.
    verdict : {"evidence_against", "no_evidence_against", "not_informative"}
        Against what the estimate rests on. A check that could not have found trouble as large as the
        estimate itself is ``not_informative``: it is never counted as passed.
    statistic, p_value : float
        NaN where there is none.
    table : pandas.DataFrame
        The numbers behind the answer.
    text : mapping of str to str
        The answer as a plain sentence or two, in ``en`` and ``zh``.
    details : mapping of str to object
        Further numbers by name.
    notes : tuple of str
        What a referee must know.
    """

    name: str
    question: Mapping[str, str]
    verdict: Verdict
    statistic: float
    p_value: float
    table: pd.DataFrame = field(repr=False)
    text: Mapping[str, str]
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r} is none of {VERDICTS}")
        for words in (self.question, self.text):
            if set(words) != set(LANGUAGES) or not all(words.values()):
                raise ValueError(f"{self.name}: words are needed in each of {LANGUAGES}")

    def summary(self) -> Summary:
        """Question, answer, verdict, the numbers and the notes."""
        facts = {
            "Question": self.question["en"],
            "Answer": self.text["en"],
            "Verdict": self.verdict,
            "Statistic": number(self.statistic),
            "p-value": number(self.p_value),
        }
        return Summary(f"Diagnostic: {self.name}", facts, self.table, self.notes)

    def __repr__(self) -> str:
        return (
            f"Diagnostic({self.name}: {self.verdict}; statistic {number(self.statistic)}, "
            f"p-value {number(self.p_value)})"
        )

    def as_record(self) -> dict[str, object]:
        """The check as it stands in the result file; NaN and infinity become null."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "statistic": plain(float(self.statistic)),
            "p_value": plain(float(self.p_value)),
            "text": dict(self.text),
        }


def show(value: float, digits: int = 3) -> str:
    """A number for a sentence: ``digits`` significant figures, true minus, thousands separated."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "–"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    written = f"{abs(value):,.{min(decimals, 12)}f}"
    return ("−" if value < 0 and float(written.replace(",", "")) != 0 else "") + written


def show_p(value: float) -> str:
    """A p-value with its relation: ``= 0.012`` or ``< 0.001``."""
    if not math.isfinite(value):
        return "= –"
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def show_percent(value: float) -> str:
    """A share as whole per cent, with a decimal below ten."""
    percent = 100 * value
    return f"{percent:.0f}%" if abs(percent) >= 10 or percent == round(percent) else f"{percent:.1f}%"
