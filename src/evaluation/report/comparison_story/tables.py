"""Tables of the variants: all of them with their pages, the other outcomes, and what failed."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd

from evaluation.report import language as words
from evaluation.report.comparison_story.data import Cell, Comparison, Measure
from evaluation.report.comparison_story.sentences import alike, beyond, digits, numbers_of
from evaluation.report.comparison_story.wording import (
    agrees,
    bounds,
    how_agreed,
    key_name,
    say,
    value_name,
)
from evaluation.report.display import Table


def variants_table(page: Comparison, language: str) -> Table:
    """Every variant: settings, estimate, interval, verdict, size, and the way to its page."""
    lead = page.measures[0] if page.measures else None
    shown = [page.declared, *page.cells]
    columns: dict[str, list[str]] = {
        say("table.variant", language): [_name(i, language) for i in range(len(shown))]
    }
    for key in page.keys:
        columns[_unused(key_name(key, language), columns)] = [
            _setting(page, cell, key, language) for cell in shown
        ]
    columns |= _numbers(page, lead, shown, language) if lead else _answers(page, shown, language)
    notes = [say("table.links", language)]
    if set(page.keys) - set(page.declared.settings):
        notes.append(say("table.unset_note", language))
    same = [str(i) for i, cell in enumerate(shown) if cell.same]
    if same:
        names = say("figure.join", language).join(same)
        notes.append(say("table.same", language, names=names))
    if lead is not None and lead.estimand:
        notes.append(say("table.estimand", language, estimand=lead.estimand))
    first = say("table.variant", language)
    return Table(
        pd.DataFrame(columns),
        caption=say("table.caption", language),
        name="all variants",
        notes=notes,
        align={first: "left"},
        simulated=page.simulated,
        language=language,
        data=_data(page, shown),
        links={
            first: [cell.pages.get(language) if not cell.reason else cell.failure or None for cell in shown]
        },
    )


def _name(i: int, language: str) -> str:
    return say("table.declared", language) if i == 0 else say("table.number", language, n=i)


def _unused(name: str, columns: dict[str, list[str]]) -> str:
    while name in columns:
        name += "′"
    return name


def _setting(page: Comparison, cell: Cell, key: str, language: str) -> str:
    value = cell.settings.get(key, "")
    return value_name(page, value, language) if value else say("table.unset", language)


def _numbers(page: Comparison, lead: Measure, shown: list[Cell], language: str) -> dict[str, list[str]]:
    places = digits(page, lead)
    unit = lead.unit[language]
    heading = say("table.estimate" if unit else "table.estimate_none", language, unit=unit)
    made: dict[str, list[str]] = {heading: []}
    names = ("interval", "verdict", "units", "periods")
    made |= {say(f"table.{name}", language): [] for name in names}
    for cell in shown:
        one = cell.numbers.get(lead.id)
        if one is None:
            cells = [say("table.failed", language) if cell.reason else words.NOT_A_NUMBER]
            cells += [words.NOT_A_NUMBER] * len(names)
        else:
            verdict = say(f"verdict.{one.verdict}", language) if one.verdict else words.NOT_A_NUMBER
            cells = [
                words.number(one.estimate, language, places, sign=True),
                bounds(one, language, places),
                verdict,
                _units(one.units, one.treated, language),
                words.number(one.periods, language, 0),
            ]
        for column, text in zip(made.values(), cells, strict=True):
            column.append(text)
    nothing = [name for name, column in made.items() if set(column[1:]) | {column[0]} <= {words.NOT_A_NUMBER}]
    return {name: column for name, column in made.items() if name not in nothing}


def _units(units: int | None, treated: int | None, language: str) -> str:
    if units is None:
        return words.NOT_A_NUMBER
    n = words.number(units, language, 0)
    return n if not treated else say("table.units_value", language, n=n, treated=treated)


def _answers(page: Comparison, shown: list[Cell], language: str) -> dict[str, list[str]]:
    """Where variants have no number in common: verdicts as declared, and each answer."""
    made: dict[str, list[str]] = {}
    if page.declared.claims:
        made[say("table.claims", language)] = [_same_verdicts(page, cell, language) for cell in shown]
    made[say("table.answer", language)] = [
        say("table.failed", language) if cell.reason else cell.answer.get(language, words.NOT_A_NUMBER)
        for cell in shown
    ]
    return made


def _same_verdicts(page: Comparison, cell: Cell, language: str) -> str:
    declared = page.declared.claims
    if cell.reason:
        return words.NOT_A_NUMBER
    count = sum(cell.claims.get(name) == verdict for name, verdict in declared.items())
    return say("table.claims_value", language, a=count, n=len(declared))


def _data(page: Comparison, shown: list[Cell]) -> pd.DataFrame:
    """Every number of every outcome, for machines."""
    rows: list[dict[str, Any]] = []
    for i, cell in enumerate(shown):
        named = {"variant": i, "declared": cell.declared, **dict.fromkeys(page.keys, ""), **cell.settings}
        named["failed"] = cell.reason.splitlines()[0] if cell.reason else ""
        for measure in page.measures or (None,):
            one = cell.numbers.get(measure.id) if measure else None
            known = one is not None
            rows.append(
                {
                    **named,
                    "outcome": measure.id if measure else "",
                    "unit": measure.unit["en"] if measure else "",
                    "estimator": one.estimator if one else "",
                    "estimate": one.estimate if one else nan,
                    "ci_low": one.low if one else nan,
                    "ci_high": one.high if one else nan,
                    "verdict": one.verdict if known and one else "",
                    "n_units": one.units if one else None,
                    "n_treated": one.treated if one else None,
                    "n_periods": one.periods if one else None,
                    "simulated": page.simulated,
                }
            )
    return pd.DataFrame(rows)


def others_table(page: Comparison, language: str) -> Table | None:
    """The outcomes that do not lead, a row each."""
    rows = []
    for measure in page.measures[1:]:
        mine = [cell for cell in page.good if measure.id in cell.numbers]
        numbers = numbers_of(mine, measure)
        if not numbers:
            continue
        base, places = page.declared.numbers.get(measure.id), digits(page, measure)
        values = [one.estimate for one in numbers]
        low, high = (words.number(x, language, places, sign=True) for x in (min(values), max(values)))
        unit = measure.unit[language]
        named = say("others.named", language, outcome=measure.label[language], unit=unit)
        how = how_agreed(mine, page.declared, measure.id)
        agreeing = sum(agrees(cell, page.declared, measure.id, how) for cell in mine)
        known = any(one.known for one in numbers)
        rows.append(
            {
                say("others.outcome", language): named if unit else measure.label[language],
                say("others.declared", language): words.NOT_A_NUMBER
                if base is None
                else words.number(base.estimate, language, places, sign=True),
                say("others.range", language): low
                if low == high
                else say("others.span", language, low=low, high=high),
                say("others.beyond", language): say(
                    "others.beyond_value", language, k=beyond(numbers), n=len(numbers)
                )
                if known
                else words.text("no_interval", language),
                say("others.agree", language): words.NOT_A_NUMBER
                if how == "none"
                else say("others.beyond_value", language, k=agreeing, n=len(mine)),
            }
        )
    if not rows:
        return None
    return Table(
        pd.DataFrame(rows),
        caption=say("others.caption", language),
        name="other outcomes",
        notes=say("others.note", language),
        simulated=page.simulated,
        language=language,
    )


def failures_table(page: Comparison, language: str) -> Table | None:
    """Why variants could not be made, in the words of the run."""
    if not page.failed:
        return None
    first, reason = say("table.variant", language), say("failures.reason", language)
    shown = [(i, cell) for i, cell in enumerate(page.cells, start=1) if cell.reason]
    frame = pd.DataFrame(
        {
            first: [f"{i}" for i, _ in shown],
            **{
                key_name(key, language): [_setting(page, cell, key, language) for _, cell in shown]
                for key in page.keys
            },
            reason: [" ".join(cell.reason.split()) for _, cell in shown],
        }
    )
    return Table(
        frame,
        caption=say("failures.caption", language, n=len(shown), all=len(page.cells)),
        name="failed variants",
        align={first: "left"},
        language=language,
        links={first: [cell.failure or None for _, cell in shown]},
        simulated=page.simulated,
    )


__all__ = ["alike", "failures_table", "others_table", "variants_table"]
