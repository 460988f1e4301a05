"""The ledger itself: a row a claim, which opens to its evidence."""

from __future__ import annotations

import math

import pandas as pd

from evaluation.analysis import Entry, LedgerCase, Needed, needed_for
from evaluation.claims import System, Test
from evaluation.report import language as words
from evaluation.report.language import interval, interval_decimals, number, p_value, with_unit
from evaluation.report.ledger import Ledger, Line, Part, Row
from evaluation.report.sections.ledger.wording import (
    digits,
    expected,
    gap,
    implied,
    measured,
    ranked,
    said,
    section,
    stated,
    verdict_of,
    when,
)
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome


@said
def ledger(case: LedgerCase, *, text: Text) -> Ledger:
    """Every claim by system, then the systems of which no figure is stated.

    Parameters
    ----------
    case : LedgerCase
    """
    groups = []
    for name, system in case.claims.systems.items():
        rows = [_row(case, entry, text) for entry in case.entries if entry.claim.system == name]
        if rows:
            groups.append((system.name[text.language], rows))
    silent = [_silent(case, name, system, text) for name, system in case.silent.items()]
    if silent:
        groups.append((text("ledger.silent").capitalize(), silent))
    return Ledger(
        groups,
        caption=text("ledger.caption"),
        name="ledger",
        everything=text("ledger.everything"),
        silent=text("ledger.silent"),
        legends=(
            text("ledger.filters"),
            text("ledger.reproduced"),
            text("ledger.attributable"),
        ),
        language=text.language,
        data=_numbers(case, text),
    )


def _row(case: LedgerCase, entry: Entry, text: Text) -> Row:
    claim, check = entry.claim, entry.check
    lines = [
        _line("stated", [[Part(section(claim.section, text))]], text),
        _line("found", _found(case, entry, text), text),
        _line("tests", [[Part(told)] for told in _tests(entry, text)], text),
        _line("arithmetic", [[Part(told)] for told in _rules(case, entry, text)], text),
        _line("elsewhere", _facts(entry, text), text),
        _line("note", [[Part(claim.note[text.language])]] if claim.note else [], text),
    ]
    if claim.because in _BUILT:
        lines.append(_line("outcome", [[Part(entry.system.outcome[text.language])]], text))
    if claim.because not in _NOTHING and not (entry.case is not None and claim.kind == "level"):
        lines += [
            _line("settle", _settle(entry, text), text),
            _line("smallest", [[Part(_smallest(entry, text))]] if entry.needed else [], text),
        ]
    lines.append(_line("study", [_study(case, entry, text)], text))
    return Row(
        id=claim.id,
        title=claim.indicator[text.language],
        value=stated(claim, case, text),
        when=when(claim, case, text),
        verdicts=[
            (text("ledger.reproduced"), check.reproduced),
            (text("ledger.attributable"), check.attributable),
        ],
        lines=[line for line in lines if line.items],
        simulated=entry.simulated,
    )


_NOTHING = {"rule", "plan", "context", "formula"}
_BUILT = {"output", "award"}


def _line(key: str, items: list[list[Part]], text: Text) -> Line:
    return Line(text(f"row.{key}"), [item for item in items if any(part.text for part in item)])


def _found(case: LedgerCase, entry: Entry, text: Text) -> list[list[Part]]:
    """What other data give, or why there are none."""
    claim, check = entry.claim, entry.check
    if claim.because is not None:
        return [[Part(case.claims.because[claim.because][text.language])]]
    if math.isnan(check.found):
        told = [text("row.simulated")] if entry.simulated else []
        theirs = case.theirs(str(claim.study), claim.id)
        if theirs.needs is not None:
            needs = theirs.needs[text.language].removeprefix("需要")
            if entry.simulated:
                told.append(text("row.wanted", needs=needs))
            else:
                told.append(text("row.needs", needs=needs[:1].upper() + needs[1:]))
        return [[Part(line)] for line in told]
    value = ranked(check.found, claim, text) if claim.kind == "rank" else measured(
        check.found, claim, case, text
    )  # fmt: skip
    verdict = words.text(f"verdict_{check.reproduced}", text.language)
    said = text("row.given", value=value, claimed=stated(claim, case, text), verdict=verdict)
    others = [[Part(text("row.ranks"))]] if claim.kind == "rank" else []
    return [[Part(said)], *others]


def _tests(entry: Entry, text: Text) -> list[str]:
    """Every test of the rule, then the rule; or why a level is not tested."""
    if entry.case is None or entry.claim.study is None:
        return []
    if not entry.check.tests:
        share = entry.claim.unit == "percent"
        level = entry.claim.kind == "level"
        return [text("row.is_share" if share else "row.is_level")] if level else []
    study = entry.case.study
    lines = [_test(test, study.outcome(test.outcome), text) for test in entry.check.tests]
    told = {
        "level": f"{study.rule.level:g}",
        "count": len(lines),
        "group": entry.case.label(study.rule.pool, text.language),
        "verdict": words.text(f"verdict_{entry.check.attributable}", text.language),
    }
    return [*lines, text("row.rule" if len(lines) > 1 else "row.rule_one", **told)]


def _test(test: Test, outcome: Outcome, text: Text) -> str:
    log = test.scale == "log"
    estimate, low, high = (
        100 * math.expm1(value) if log else value for value in (test.estimate, test.ci_low, test.ci_high)
    )
    places = interval_decimals(low, high) if log else outcome.digits
    written = number(estimate, text.language, places, sign=True)
    return text(
        "row.test",
        outcome=outcome.label[text.language],
        scale=text(f"row.{test.scale}"),
        estimate=f"{written}%" if log else with_unit(written, outcome.unit[text.language], text.language),
        interval=interval(low, high, text.language, places),
        p=text("row.p", p=p_value(test.p_value, text.language)),
    )


def _rules(case: LedgerCase, entry: Entry, text: Text) -> list[str]:
    labels = {identity.id: identity.label[text.language] for identity in case.claims.identities}
    lines = []
    for check in entry.rules:
        key = check.rule if check.rule in ("sum", "growth") else "implied"
        value, low, high = (implied(check, case, x, text) for x in (check.value, check.low, check.high))
        known = "" if math.isnan(check.stated) else expected(check, case, text)
        told = text(f"rules.{key}", value=value, low=low, high=high, stated=known)
        lines.append(
            text(
                "rules.labelled",
                label=labels[check.id],
                text=told,
                verdict=verdict_of(check, text),
            )
        )
    return lines


def _facts(entry: Entry, text: Text) -> list[list[Part]]:
    brackets = ("（", "）") if text.language == "zh" else (" (", ")")
    return [
        [
            Part(fact.text[text.language] + brackets[0]),
            Part(text("row.source"), href=fact.url),
            Part(brackets[1]),
        ]
        for fact in entry.facts
    ]


def _settle(entry: Entry, text: Text) -> list[list[Part]]:
    """The data that would decide: what a study still lacks, or what is lacking altogether."""
    if entry.check.tests and entry.case is not None and entry.case.study.settle:
        return [[Part(item[text.language])] for item in entry.case.study.settle]
    if entry.claim.data is not None:
        return [[Part(entry.claim.data[text.language])]]
    return _wanted(entry.system, text)


def _wanted(system: System, text: Text) -> list[list[Part]]:
    return [
        [Part(system.data[text.language])],
        [Part(text("row.design", design=system.design[text.language]))],
    ]


def _smallest(entry: Entry, text: Text) -> str:
    assert entry.needed is not None
    outcome = entry.case.study.outcome(entry.needed.outcome) if entry.case and entry.needed.outcome else None
    return smallest(entry.needed, outcome, text)


def smallest(needed: Needed, outcome: Outcome | None, text: Text) -> str:
    """The smallest effect that data could show, in words."""
    if needed.kind in ("gap", "percent_gap"):
        assert outcome is not None
        scale = "log" if needed.kind == "percent_gap" else "level"
        size = gap(needed.values[0], outcome, scale, text, sign=False)
        return text("smallest.gap", size=size, peers=needed.peers)
    if needed.kind == "sizes":
        ten, fifty, many = (number(value, text.language, 2) for value in needed.values)
        return text("smallest.sizes", ten=ten, fifty=fifty, many=many)
    assert needed.peers is not None
    if needed.kind == "cases":
        cases = number(needed.values[0], text.language, 0)
        return text("smallest.cases", cases=cases, peers=needed.peers)
    size = number(needed.values[0], text.language, 1)
    return text("smallest.spread", size=size, peers=needed.peers, least=1 / (needed.peers + 1))


def _study(case: LedgerCase, entry: Entry, text: Text) -> list[Part]:
    claim = entry.claim
    if claim.study == case.study.id:
        return [Part(text("row.here"))]
    if claim.study is not None:
        title = case.cases[claim.study].study.title[text.language]
        return [Part(title, study=claim.study)]
    if claim.because in _NOTHING:
        return [Part(text("row.no_study"))]
    return _where(case, entry.system, text)


def _where(case: LedgerCase, system: System, text: Text) -> list[Part]:
    """The page of a system's study, or the file that it would be."""
    if system.study in case.cases:
        title = case.cases[system.study].study.title[text.language]
        return [Part(text("row.method")), Part(title, study=system.study)]
    if system.study == case.study.id:
        return [Part(text("row.here_only"))]
    return [Part(text("row.planned", study=system.study))]


def _silent(case: LedgerCase, name: str, system: System, text: Text) -> Row:
    lines = [
        _line("outcome", [[Part(system.outcome[text.language])]], text),
        _line("settle", _wanted(system, text), text),
        _line("smallest", [[Part(smallest(needed_for(system), None, text))]], text),
        _line("study", [_where(case, system, text)], text),
    ]
    return Row(
        id=f"system-{name.replace('_', '-')}",
        title=system.name[text.language],
        value=text("ledger.no_figure"),
        when="",
        verdicts=(),
        lines=lines,
    )


def _numbers(case: LedgerCase, text: Text) -> pd.DataFrame:
    """The ledger as a table of plain values."""
    return pd.DataFrame(
        [
            {
                "id": entry.claim.id,
                "section": entry.claim.section,
                "indicator": entry.claim.indicator[text.language],
                "place": case.claims.places[entry.claim.place][text.language],
                "period": entry.claim.period,
                "baseline": entry.claim.baseline or "",
                "kind": entry.claim.kind,
                "claimed": round(entry.claim.value, digits(entry.claim.step)),
                "unit": case.claims.units[entry.claim.unit][text.language],
                "found": entry.check.found,
                "reproduced": entry.check.reproduced,
                "beyond": entry.check.tests[0].estimate if entry.check.tests else math.nan,
                "p_value": max((test.p_value for test in entry.check.tests), default=math.nan),
                "attributable": entry.check.attributable,
                "study": entry.claim.study or "",
            }
            for entry in case.entries
        ]
    )
