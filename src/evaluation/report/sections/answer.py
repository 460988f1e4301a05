"""The first screen: the answer in one sentence, and the numbers it rests on."""

from __future__ import annotations

from typing import Any

from evaluation.analysis.staggered import Findings, StaggeredCase
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.language import interval, interval_decimals, number
from evaluation.report.sections.base import (
    NAN,
    Effect,
    group,
    headed,
    in_unit,
    label_of,
    leading,
    no_interval,
    said,
    source_line,
    treated_units,
    unit_of,
    verdict_of,
)
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome


@said
def answer(case: StaggeredCase, found: Findings, *, text: Text) -> Answer:
    """One sentence that answers the question, with the verdicts on the leading outcome."""
    return first_answer(case, found, text)


def first_answer(case: StaggeredCase, found: Findings, text: Text) -> Answer:
    """The answer in one language."""
    verdict = verdict_of(case.lead, found.verdicts[case.lead.id])
    alike = text("answer.alike", one=len(case.controls(case.lead, case.main)) == 1)
    label = "reproduced" if len(found.published) and not case.simulated else "reproduced_claim"
    asked = [(text(f"answer.{label}"), reproduced(case, found))]
    if not (len(found.published) or found.claims):
        asked = []
    return Answer(
        sentence=text(
            "answer.full",
            story=_story(case, found, text),
            verdict=text("answer.verdict", verdict=verdict, alike=alike),
        ),
        verdicts=[*asked, (text("answer.attributable", alike=alike), verdict)],
        detail=_detail(case, found, text),
        language=text.language,
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


def _story(case: StaggeredCase, found: Findings, text: Text) -> str:
    outcome = case.lead
    parts: list[dict[str, Any]] = []
    for name in case.study.rule.comparisons:
        row = leading(case, found, name)
        effect = Effect.of(outcome, row)
        within = effect.span(text) if effect.known else no_interval(row, text)
        if not parts and effect.known:
            within = text("answer.interval", bounds=within)
        beside = group(case, case.study.comparison(name), text)
        parts.append({"group": beside, "size": effect.size(text), "within": within})
    phrase = outcome.phrase[text.language]
    units = case.treated(outcome)
    return text(
        "answer.story",
        phrase=phrase if case.simulated else headed(outcome, phrase),
        treated=treated_units(case, text),
        count=len(units),
        others=parts[1:],
        **parts[0],
    )


def _detail(case: StaggeredCase, found: Findings, text: Text) -> str:
    level, together = case.study.rule.level, found.together
    parts = []
    if case.study.treatment.from_outcome and case.study.alternatives:
        parts.append(_by_dates(case, found, text))
    elif len(together) > 1 and not case.simulated:
        told = [found.verdicts[name].attributable for name in together["outcome"]]
        ruled = [case.study.outcome(name) for name in case.study.rule.outcomes]
        parts.append(
            text(
                "answer.several",
                count=len(together),
                together=int((together["p_adjusted"] <= level).sum()),
                beyond=sum(verdict in ("beyond_comparison", "opposite") for verdict in told),
                group=group(case, case.main, text, *ruled),
            )
        )
    drifting = [path.outcome for path in found.paths.values() if path.drifting]
    if drifting:
        names = text.listed(outcome.phrase[text.language] for outcome in drifting)
        parts.append(text("answer.drifting", lead=case.lead in drifting, outcomes=names))
    if found.verdicts[case.lead.id].attributable == "not_distinguishable":
        parts.append(text("answer.not_none"))
    return text.sentences(parts)


def _by_dates(case: StaggeredCase, found: Findings, text: Text) -> str:
    """How far the leading estimate moves when treatment is dated otherwise."""
    outcome, table = case.lead, found.against
    rows = table[(table["outcome"] == outcome.id) & table["estimate"].notna()]
    shown = sorted((Effect.of(outcome, row) for row in rows.to_dict("records")), key=lambda e: e.value)
    return text("answer.dates", low=shown[0].size(text), high=shown[-1].size(text))


@said
def three_numbers(case: StaggeredCase, found: Findings, *, text: Text) -> Figure:
    """Published or claimed, what happened there and elsewhere, and what is left, on one scale."""
    outcome, raw = case.lead, found.around
    if outcome.in_percent:
        ours, theirs = raw.changes
    else:
        ours, theirs = (a - b for a, b in zip(raw.after, raw.before, strict=True))
    left = Effect.of(outcome, leading(case, found, case.main.id))
    told = {"treated": treated_units(case, text), "group": group(case, case.main, text)}
    change = text("answer.raw")
    if not text.given["own"]:
        before = raw.frame.index < 0
        counts = {"spell_before": int(before.sum()), "spell_after": int((~before).sum())}
        spells = {name: text("words.spell", count=count) for name, count in counts.items()}
        change = text("answer.change", **told, **spells)
    # raw changes are written as the estimate beside them, unless the study says how
    digits = None if text.given["own"] else left.digits
    rows = [
        *_stated(case, text),
        _number(change, Effect(outcome, ours), text, "treated", digits),
        _number(text("answer.others", **told), Effect(outcome, theirs), text, "comparison", digits),
    ]
    for name in case.study.rule.comparisons:
        effect = Effect.of(outcome, leading(case, found, name))
        beside = group(case, case.study.comparison(name), text)
        label = text("answer.left", group=beside, known=effect.known or text.given["own"])
        rows.append(_number(label, effect, text, "treated", None if digits is None else effect.digits))
    label = label_of(outcome, text)
    return figures.three_numbers(
        rows,
        x_label=text("answer.axis", outcome=label, unit=unit_of(outcome, text)),
        title=text(
            "answer.numbers",
            outcome=label,
            raw=left.with_value(ours).amount(text),
            others=left.with_value(theirs).amount(text),
            left=left.amount(text),
            **told,
        ),
        source=source_line(case, text),
        alt=text(
            "answer.numbers_alt",
            outcome=label,
            rows=text.listed((_row(row, unit_of(outcome, text), text) for row in rows), short=False),
        ),
        language=text.language,
        name="three-numbers",
        simulated=case.simulated,
    )


def _stated(case: StaggeredCase, text: Text) -> list[figures.Number]:
    """What was published about the leading outcome, or put into the simulation."""
    outcome = case.lead
    if case.simulated:
        if outcome.id not in case.study.truth:
            return []
        known = Effect(outcome, case.study.truth[outcome.id])
        return [_number(text("answer.truth"), known, text, "simulated")]
    for item in case.study.published:
        in_unit = item.scale == "percent" or not outcome.in_percent
        if item.outcome == outcome.id and in_unit and item.agreement != "none":
            label = text("answer.published", what=item.what[text.language])
            return [_number(label, Effect(outcome, item.value), text, "reference")]
    return []


def _number(label: str, effect: Effect, text: Text, role: str, digits: int | None = None) -> figures.Number:
    outcome: Outcome = effect.outcome
    if digits is None:
        digits = interval_decimals(effect.low, effect.high) if effect.known else _digits(outcome)
    return figures.Number(
        label,
        effect.value,
        effect.low if effect.known else None,
        effect.high if effect.known else None,
        role=role,
        text=number(effect.value, text.language, digits, sign=True),
    )


def _digits(outcome: Outcome) -> int:
    return 0 if outcome.in_percent else outcome.digits


def _row(row: figures.Number, unit: str, text: Text) -> str:
    within = ""
    low, high = (NAN if end is None else end for end in (row.low, row.high))
    if low == low and high == high:
        within = interval(low, high, text.language, interval_decimals(low, high), sign=True)
        if not text.given["own"]:
            shown = len((row.text or "").partition(".")[2])
            within = in_unit(interval(low, high, text.language, shown, sign=True), unit, text)
    value = row.text or ""
    told: dict[str, Any] = {
        "label": row.label,
        "value": value if text.given["own"] else in_unit(value, unit, text),
        "bounds": within,
    }
    return text("answer.row", **told)
