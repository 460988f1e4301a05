"""What the variants of a grid say together: the finding, its range, and how many agree."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.report import language as words
from evaluation.report.sections.comparison.data import Cell, Comparison, Measure, Number
from evaluation.report.sections.comparison.wording import agrees, amount, bounds, digits_of, how_agreed
from evaluation.report.text import Text


def numbers_of(cells: Sequence[Cell], measure: Measure) -> list[Number]:
    """The numbers that there are of a measure, in order."""
    return [cell.numbers[measure.id] for cell in cells if measure.id in cell.numbers]


def digits(page: Comparison, measure: Measure) -> int:
    """Decimals of every number of a measure on the page."""
    return digits_of(numbers_of([page.declared, *page.cells], measure))


def beyond(numbers: Sequence[Number]) -> int:
    """How many intervals exclude no change."""
    return sum(one.side != 0 for one in numbers)


def alike(page: Comparison) -> int:
    """Variants with the verdicts of the declared study, or its very answer where it has no claims."""
    if page.declared.claims:
        return sum(cell.claims == page.declared.claims for cell in page.good)
    return sum(dict(cell.answer) == dict(page.declared.answer) for cell in page.good)


def finding(page: Comparison, text: Text) -> str:
    """The title: what the variants show, counted, and what could not be made; simulated data are named."""
    if not page.good:
        return text("title.failed", n=len(page.cells))
    found = _finding(page, text)
    failed = len(page.failed)
    if failed:
        found = text("title.and_failed", finding=found, f=failed)
    return text("title.simulated", finding=found) if page.simulated else found


def _finding(page: Comparison, text: Text) -> str:
    lead = page.measures[0] if page.measures else None
    mine = [] if lead is None else numbers_of(page.good, lead)
    if lead is None or not mine:
        key = "title.no_number" if page.declared.claims else "title.answers"
        return text(key, a=alike(page), n=len(page.good))
    label, n, k = lead.label[text.language], len(mine), beyond(mine)
    if not any(one.known for one in mine):
        low, high = ends(page, lead, mine, text)
        key = "title.no_interval" if n > 1 else "title.no_interval_one"
        return text(key, label=label, n=n, low=low, high=high)
    if n == 1:
        return text("title.one_out" if k else "title.one_in", label=label)
    key = "title.all" if k == n else "title.some" if k else "title.none"
    return text(key, label=label, k=k, n=n)


def ends(page: Comparison, measure: Measure, numbers: Sequence[Number], text: Text) -> tuple[str, str]:
    """The smallest and the largest estimate in words."""
    values = [one.estimate for one in numbers]
    places = digits(page, measure)
    low, high = (amount(value, measure, text, places) for value in (min(values), max(values)))
    return low, high


def answer(page: Comparison, text: Text) -> tuple[str, str]:
    """The sentence of the first box and the line below it."""
    detail = [text("answer.warning")]
    failed = len(page.failed)
    if failed and page.good:
        detail.insert(0, text("answer.some_failed", f=failed))
    lead = page.measures[0] if page.measures else None
    mine = [] if lead is None else numbers_of(page.good, lead)
    if lead is None or not mine:
        story = text("answer.no_number" if page.good else "answer.failed")
    else:
        unknown = sum(not one.known for one in mine)
        if unknown and unknown < len(mine):
            detail.insert(0, text("answer.some_open", f=unknown))
        base = page.declared.numbers.get(lead.id)
        if base is not None and base.verdict == "not_testable":
            detail.insert(0, text("answer.not_testable"))
        story = _story(page, lead, mine, text)
    if page.simulated:
        story = text("answer.simulated", story=story[:1].lower() + story[1:])
    return story, ("" if text.language == "zh" else " ").join(detail)


def _verdict(base: Number | None, text: Text) -> dict[str, str]:
    if base is None or not base.verdict:
        return {}
    return {"verdict": words.text(f"verdict_{base.verdict}", text.language)}


def _story(page: Comparison, lead: Measure, mine: Sequence[Number], text: Text) -> str:
    low, high = ends(page, lead, mine, text)
    key = "answer.range" if low != high else "answer.single"
    base = page.declared.numbers.get(lead.id)
    if base is None:
        declared = text("answer.declared_absent")
    else:
        places = digits(page, lead)
        value = amount(base.estimate, lead, text, places)
        known = "answer.declared_interval" if base.known else "answer.declared"
        declared = text(known, value=value, bounds=bounds(base, text, places))
    cells = [cell for cell in page.good if lead.id in cell.numbers]
    how = how_agreed(cells, page.declared, lead.id)
    count = sum(agrees(cell, page.declared, lead.id, how) for cell in cells)
    return text(
        "answer.join",
        range=text(key, low=low, high=high),
        declared=declared,
        agree=text(f"answer.agree_{how}", a=count, n=len(cells), **_verdict(base, text)),
    )
