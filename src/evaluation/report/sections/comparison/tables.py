"""Tables of the variants: all of them with their pages, the other outcomes, and what failed."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd

from evaluation.report import language as words
from evaluation.report.display import Table
from evaluation.report.sections.comparison.data import Cell, Comparison, Measure
from evaluation.report.sections.comparison.sentences import alike, beyond, digits, numbers_of
from evaluation.report.sections.comparison.wording import (
    agrees,
    bounds,
    how_agreed,
    key_name,
    value_name,
)
from evaluation.report.text import Text


def variants_table(page: Comparison, text: Text) -> Table:
    """Every variant: settings, estimate, interval, verdict, size, and the way to its page."""
    lead = page.measures[0] if page.measures else None
    shown = [page.declared, *page.cells]
    columns: dict[str, list[str]] = {text("table.variant"): [_name(i, text) for i in range(len(shown))]}
    for key in page.keys:
        columns[_unused(key_name(key, text), columns)] = [_setting(page, cell, key, text) for cell in shown]
    columns |= _numbers(page, lead, shown, text) if lead else _answers(page, shown, text)
    notes = [text("table.links")]
    if set(page.keys) - set(page.declared.settings):
        notes.append(text("table.unset_note"))
    same = [str(i) for i, cell in enumerate(shown) if cell.same]
    if same:
        names = text("figure.join").join(same)
        notes.append(text("table.same", names=names))
    if lead is not None and lead.estimand:
        notes.append(text("table.estimand", estimand=lead.estimand))
    first = text("table.variant")
    return Table(
        pd.DataFrame(columns),
        caption=text("table.caption"),
        name="all variants",
        notes=notes,
        align={first: "left"},
        simulated=page.simulated,
        language=text.language,
        data=_data(page, shown),
        links={
            first: [
                cell.pages.get(text.language) if not cell.reason else cell.failure or None for cell in shown
            ]
        },
    )


def _name(i: int, text: Text) -> str:
    return text("table.declared") if i == 0 else text("table.number", n=i)


def _unused(name: str, columns: dict[str, list[str]]) -> str:
    while name in columns:
        name += "′"
    return name


def _setting(page: Comparison, cell: Cell, key: str, text: Text) -> str:
    value = cell.settings.get(key, "")
    return value_name(page, value, text) if value else text("table.unset")


def _numbers(page: Comparison, lead: Measure, shown: list[Cell], text: Text) -> dict[str, list[str]]:
    places = digits(page, lead)
    unit = lead.unit[text.language]
    heading = text("table.estimate" if unit else "table.estimate_none", unit=unit)
    made: dict[str, list[str]] = {heading: []}
    names = ("interval", "verdict", "units", "periods")
    made |= {text(f"table.{name}"): [] for name in names}
    for cell in shown:
        one = cell.numbers.get(lead.id)
        if one is None:
            cells = [text("table.failed") if cell.reason else words.NOT_A_NUMBER]
            cells += [words.NOT_A_NUMBER] * len(names)
        else:
            verdict = text(f"verdict.{one.verdict}") if one.verdict else words.NOT_A_NUMBER
            cells = [
                words.number(one.estimate, text.language, places, sign=True),
                bounds(one, text, places),
                verdict,
                _units(one.units, one.treated, text),
                words.number(one.periods, text.language, 0),
            ]
        for column, written in zip(made.values(), cells, strict=True):
            column.append(written)
    nothing = [name for name, column in made.items() if set(column[1:]) | {column[0]} <= {words.NOT_A_NUMBER}]
    return {name: column for name, column in made.items() if name not in nothing}


def _units(units: int | None, treated: int | None, text: Text) -> str:
    if units is None:
        return words.NOT_A_NUMBER
    n = words.number(units, text.language, 0)
    return n if not treated else text("table.units_value", n=n, treated=treated)


def _answers(page: Comparison, shown: list[Cell], text: Text) -> dict[str, list[str]]:
    """Where variants have no number in common: verdicts as declared, and each answer."""
    made: dict[str, list[str]] = {}
    if page.declared.claims:
        made[text("table.claims")] = [_same_verdicts(page, cell, text) for cell in shown]
    made[text("table.answer")] = [
        text("table.failed") if cell.reason else cell.answer.get(text.language, words.NOT_A_NUMBER)
        for cell in shown
    ]
    return made


def _same_verdicts(page: Comparison, cell: Cell, text: Text) -> str:
    declared = page.declared.claims
    if cell.reason:
        return words.NOT_A_NUMBER
    count = sum(cell.claims.get(name) == verdict for name, verdict in declared.items())
    return text("table.claims_value", a=count, n=len(declared))


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


def others_table(page: Comparison, text: Text) -> Table | None:
    """The outcomes that do not lead, a row each."""
    rows = []
    for measure in page.measures[1:]:
        mine = [cell for cell in page.good if measure.id in cell.numbers]
        numbers = numbers_of(mine, measure)
        if not numbers:
            continue
        base, places = page.declared.numbers.get(measure.id), digits(page, measure)
        values = [one.estimate for one in numbers]
        low, high = (words.number(x, text.language, places, sign=True) for x in (min(values), max(values)))
        unit = measure.unit[text.language]
        named = text("others.named", outcome=measure.label[text.language], unit=unit)
        how = how_agreed(mine, page.declared, measure.id)
        agreeing = sum(agrees(cell, page.declared, measure.id, how) for cell in mine)
        known = any(one.known for one in numbers)
        rows.append(
            {
                text("others.outcome"): named if unit else measure.label[text.language],
                text("others.declared"): words.NOT_A_NUMBER
                if base is None
                else words.number(base.estimate, text.language, places, sign=True),
                text("others.range"): low if low == high else text("others.span", low=low, high=high),
                text("others.beyond"): text("others.beyond_value", k=beyond(numbers), n=len(numbers))
                if known
                else words.text("no_interval", text.language),
                text("others.agree"): words.NOT_A_NUMBER
                if how == "none"
                else text("others.beyond_value", k=agreeing, n=len(mine)),
            }
        )
    if not rows:
        return None
    return Table(
        pd.DataFrame(rows),
        caption=text("others.caption"),
        name="other outcomes",
        notes=text("others.note"),
        simulated=page.simulated,
        language=text.language,
    )


def failures_table(page: Comparison, text: Text) -> Table | None:
    """Why variants could not be made, in the words of the run."""
    if not page.failed:
        return None
    first, reason = text("table.variant"), text("failures.reason")
    shown = [(i, cell) for i, cell in enumerate(page.cells, start=1) if cell.reason]
    frame = pd.DataFrame(
        {
            first: [f"{i}" for i, _ in shown],
            **{
                key_name(key, text): [_setting(page, cell, key, text) for _, cell in shown]
                for key in page.keys
            },
            reason: [" ".join(cell.reason.split()) for _, cell in shown],
        }
    )
    return Table(
        frame,
        caption=text("failures.caption", n=len(shown), all=len(page.cells)),
        name="failed variants",
        align={first: "left"},
        language=text.language,
        links={first: [cell.failure or None for _, cell in shown]},
        simulated=page.simulated,
    )


__all__ = ["alike", "failures_table", "others_table", "variants_table"]
