"""The first screen: the answer in one sentence, and the numbers it rests on."""

from __future__ import annotations

from typing import Any

from evaluation.analysis.staggered import Findings, StaggeredCase
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.language import interval, interval_decimals, number
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import (
    effect,
    ends,
    group,
    n_treated,
    no_interval,
    say,
    size,
    source_line,
    span,
    unit_of,
    whole,
)
from evaluation.report.story.wording import sentence_case
from evaluation.study.staggered import Outcome


@in_languages
def answer(case: StaggeredCase, found: Findings, language: str) -> Answer:
    """One sentence that answers the question, with the verdicts on the leading outcome.

    Parameters
    ----------
    case : StaggeredCase
    found : Findings
    language : {"en", "zh"}
    """
    check = found.verdicts[case.lead.id]
    verdict = "not_testable_simulated" if case.simulated else check.attributable
    circular = case.study.treatment.from_outcome
    label = "reproduced" if len(found.published) and not case.simulated else "reproduced_claim"
    asked = [(say(f"answer.{label}", language), reproduced(case, found))]
    if not (len(found.published) or found.claims):
        asked = []
    return Answer(
        sentence=say(
            "answer.full",
            language,
            story=_story(case, found, language),
            verdict=circular[language] if circular else say(f"answer.{verdict}", language),
        ),
        verdicts=[
            *asked,
            (say("answer.attributable", language), check.attributable),
        ],
        detail=_detail(case, found, language),
        language=language,
    )


def reproduced(case: StaggeredCase, found: Findings) -> str:
    """Whether the first published number on the leading outcome, else the first claim, is met."""
    if case.simulated:
        return "no_data"
    for item, row in zip(case.study.published, found.published.to_dict("records"), strict=True):
        if item.outcome == case.lead.id and row["agrees"] is not None:
            if not row["agrees"]:
                return "not_reproduced"
            return "reproduced" if item.agreement == "exact" else "close"
    return found.claims[0].reproduced if found.claims else "no_data"


def leading(case: StaggeredCase, found: Findings, comparison: str) -> dict[Any, Any]:
    """The leading estimate of the leading outcome against a comparison."""
    table = found.against
    rows = table[
        (table["outcome"] == case.lead.id) & (table["comparison"] == comparison) & (table["dates"] == "")
    ]
    return rows.to_dict("records")[0]


def _story(case: StaggeredCase, found: Findings, language: str) -> str:
    outcome = case.lead
    parts = []
    for i, name in enumerate(case.study.rule.comparisons):
        comparison = case.study.comparison(name)
        row = leading(case, found, name)
        value, low, high = ends(outcome, row)
        digits = whole(outcome, low, high)
        told = {
            "group": group(case, comparison, language),
            "size": size(outcome, value, language, digits),
            "interval": _within(outcome, row, language, digits, short=i > 0),
        }
        if i == 0:
            phrase = outcome.phrase[language]
            told |= {
                "phrase": sentence_case(phrase) if language == "en" and not case.simulated else phrase,
                "n": str(n_treated(case)),
                "treated": case.study.treatment.treated[language],
            }
        parts.append(say("answer.also" if i else "answer.main", language, **told))
    story = "".join(parts)
    return say("answer.simulated", language, story=story) if case.simulated else story


def _within(outcome: Outcome, row: Any, language: str, digits: int, *, short: bool) -> str:
    _, low, high = ends(outcome, row)
    if not (low == low and high == high):
        return no_interval(row, language)
    key = "answer.interval_short" if short else "answer.interval"
    return say(key, language, bounds=span(outcome, low, high, language, digits))


def _detail(case: StaggeredCase, found: Findings, language: str) -> str:
    level, together = case.study.rule.level, found.together
    parts = []
    if case.study.treatment.from_outcome and case.study.alternatives:
        parts.append(_by_dates(case, found, language))
    elif len(together) > 1 and not case.simulated:
        parts.append(
            say(
                "answer.several",
                language,
                count=len(together),
                together=int((together["p_adjusted"] <= level).sum()),
                beyond=sum(
                    found.verdicts[name].attributable in ("beyond_comparison", "opposite")
                    for name in together["outcome"]
                ),
                group=group(case, case.main, language, *_ruled(case)),
            )
        )
    drifting = [path for path in found.paths.values() if path.drifting]
    names = [path.outcome.phrase[language] for path in drifting]
    if any(path.outcome.id == case.lead.id for path in drifting):
        parts.append(say("answer.drifting_lead", language))
    elif names:
        parts.append(say("answer.drifting", language, outcomes=say("numbers.comma", language).join(names)))
    if found.verdicts[case.lead.id].attributable == "not_distinguishable":
        parts.append(say("answer.not_none", language))
    return (" " if language == "en" else "").join(parts)


def _ruled(case: StaggeredCase) -> list[Outcome]:
    return [case.study.outcome(name) for name in case.study.rule.outcomes]


def _by_dates(case: StaggeredCase, found: Findings, language: str) -> str:
    """How far the leading estimate moves when treatment is dated otherwise."""
    outcome = case.lead
    table = found.against
    rows = table[(table["outcome"] == outcome.id) & table["estimate"].notna()]
    shown = [ends(outcome, row) for row in rows.to_dict("records")]
    low, high = min(shown), max(shown)
    return say(
        "answer.dates",
        language,
        low=size(outcome, low[0], language, whole(outcome, *low[1:])),
        high=size(outcome, high[0], language, whole(outcome, *high[1:])),
    )


@in_languages
def three_numbers(case: StaggeredCase, found: Findings, language: str) -> Figure:
    """Published or claimed, what happened there and elsewhere, and what is left, on one scale."""
    outcome, raw = case.lead, found.around
    ours, theirs = raw.changes
    if not outcome.in_percent:
        ours, theirs = (a - b for a, b in zip(raw.after, raw.before, strict=True))
    main = group(case, case.main, language)
    rows = [*_stated(case, found, language)]
    rows.append(_number(say("numbers.raw", language), ours, outcome, language, "treated"))
    rows.append(_number(say("numbers.others", language, group=main), theirs, outcome, language, "comparison"))
    for name in case.study.rule.comparisons:
        value, low, high = ends(outcome, leading(case, found, name))
        label = say("numbers.beyond", language, group=group(case, case.study.comparison(name), language))
        rows.append(_number(label, value, outcome, language, "treated", low, high))
    value, low, high = ends(outcome, leading(case, found, case.main.id))
    unit = unit_of(outcome, language)
    axis = "numbers.axis_percent" if outcome.in_percent else "numbers.axis"
    return figures.three_numbers(
        rows,
        x_label=say(axis, language, outcome=outcome.label[language], unit=unit),
        title=say(
            "numbers.title",
            language,
            outcome=outcome.label[language],
            raw=effect(outcome, ours, low, high, language),
            others=effect(outcome, theirs, low, high, language),
            left=effect(outcome, value, low, high, language),
        ),
        source=source_line(case, language),
        alt=say(
            "numbers.alt",
            language,
            outcome=outcome.label[language],
            rows=say("numbers.separator", language).join(_row(row, outcome, language) for row in rows),
        ),
        language=language,
        name="three-numbers",
        simulated=case.simulated,
    )


def _stated(case: StaggeredCase, found: Findings, language: str) -> list[figures.Number]:
    """What was published or claimed about the leading outcome, or put into the simulation."""
    outcome = case.lead
    if case.simulated:
        if outcome.id not in case.study.truth:
            return []
        known = case.study.truth[outcome.id]
        return [_number(say("numbers.truth", language), known, outcome, language, "simulated")]
    for item in case.study.published:
        in_unit = item.scale == "percent" or not outcome.in_percent
        if item.outcome == outcome.id and in_unit and item.agreement != "none":
            label = say("numbers.published", language, what=item.what[language])
            return [_number(label, item.value, outcome, language, "reference")]
    return []


def _number(
    label: str,
    value: float,
    outcome: Outcome,
    language: str,
    role: str,
    low: float = float("nan"),
    high: float = float("nan"),
) -> figures.Number:
    known = low == low and high == high
    digits = interval_decimals(low, high) if known else 0 if outcome.in_percent else outcome.digits
    return figures.Number(
        label,
        value,
        low if known else None,
        high if known else None,
        role=role,
        text=number(value, language, digits, sign=True),
    )


def _row(row: figures.Number, outcome: Outcome, language: str) -> str:
    shown = row.text or ""
    if row.low is None or row.high is None:
        return say("numbers.row", language, label=row.label, value=shown)
    within = interval(row.low, row.high, language, interval_decimals(row.low, row.high), sign=True)
    return say("numbers.row_interval", language, label=row.label, value=shown, bounds=within)
