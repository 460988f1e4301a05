"""The ledger itself: a row a claim, which opens to its evidence."""

from __future__ import annotations

import math

import pandas as pd

from evaluation.analysis import Entry, LedgerCase, Needed, needed_for
from evaluation.claims import System, Test
from evaluation.report.language import interval, interval_decimals, number, p_value, text, with_unit
from evaluation.report.languages import in_languages
from evaluation.report.ledger import Ledger, Line, Part, Row
from evaluation.report.ledger_story.wording import (
    digits,
    expected,
    gap,
    implied,
    measured,
    ranked,
    say,
    section,
    stated,
    verdict_of,
    when,
)
from evaluation.study import Outcome


@in_languages
def ledger(case: LedgerCase, language: str) -> Ledger:
    """Every claim by system, then the systems of which no figure is stated.

    Parameters
    ----------
    case : LedgerCase
    language : {"en", "zh"}
    """
    groups = []
    for name, system in case.claims.systems.items():
        rows = [_row(case, entry, language) for entry in case.entries if entry.claim.system == name]
        if rows:
            groups.append((system.name[language], rows))
    silent = [_silent(case, name, system, language) for name, system in case.silent.items()]
    if silent:
        groups.append((say("ledger.silent", language).capitalize(), silent))
    return Ledger(
        groups,
        caption=say("ledger.caption", language),
        name="ledger",
        everything=say("ledger.everything", language),
        silent=say("ledger.silent", language),
        legends=(
            say("ledger.filters", language),
            say("ledger.reproduced", language),
            say("ledger.attributable", language),
        ),
        language=language,
        data=_numbers(case, language),
    )


def _row(case: LedgerCase, entry: Entry, language: str) -> Row:
    claim, check = entry.claim, entry.check
    lines = [
        _line("stated", [[Part(section(claim.section, language))]], language),
        _line("found", _found(case, entry, language), language),
        _line("tests", [[Part(told)] for told in _tests(entry, language)], language),
        _line("arithmetic", [[Part(told)] for told in _rules(case, entry, language)], language),
        _line("elsewhere", _facts(entry, language), language),
        _line("note", [[Part(claim.note[language])]] if claim.note else [], language),
    ]
    if claim.because in _BUILT:
        lines.append(_line("outcome", [[Part(entry.system.outcome[language])]], language))
    if claim.because not in _NOTHING and not (entry.case is not None and claim.kind == "level"):
        lines += [
            _line("settle", _settle(entry, language), language),
            _line("smallest", [[Part(_smallest(entry, language))]] if entry.needed else [], language),
        ]
    lines.append(_line("study", [_study(case, entry, language)], language))
    return Row(
        id=claim.id,
        title=claim.indicator[language],
        value=stated(claim, case, language),
        when=when(claim, case, language),
        verdicts=[
            (say("ledger.reproduced", language), check.reproduced),
            (say("ledger.attributable", language), check.attributable),
        ],
        lines=[line for line in lines if line.items],
        simulated=entry.simulated,
    )


_NOTHING = {"rule", "plan", "context", "formula"}
_BUILT = {"output", "award"}


def _line(key: str, items: list[list[Part]], language: str) -> Line:
    return Line(say(f"row.{key}", language), [item for item in items if any(part.text for part in item)])


def _found(case: LedgerCase, entry: Entry, language: str) -> list[list[Part]]:
    """What other data give, or why there are none."""
    claim, check = entry.claim, entry.check
    if claim.because is not None:
        return [[Part(case.claims.because[claim.because][language])]]
    if math.isnan(check.found):
        told = [say("row.simulated", language)] if entry.simulated else []
        theirs = case.theirs(str(claim.study), claim.id)
        if theirs.needs is not None:
            needs = theirs.needs[language].removeprefix("需要")
            if entry.simulated:
                told.append(say("row.wanted", language, needs=needs))
            else:
                told.append(say("row.needs", language, needs=needs[:1].upper() + needs[1:]))
        return [[Part(line)] for line in told]
    value = ranked(check.found, claim, language) if claim.kind == "rank" else measured(
        check.found, claim, case, language
    )  # fmt: skip
    verdict = text(f"verdict_{check.reproduced}", language)
    said = say("row.given", language, value=value, claimed=stated(claim, case, language), verdict=verdict)
    others = [[Part(say("row.ranks", language))]] if claim.kind == "rank" else []
    return [[Part(said)], *others]


def _tests(entry: Entry, language: str) -> list[str]:
    """Every test of the rule, then the rule; or why a level is not tested."""
    if entry.case is None or entry.claim.study is None:
        return []
    if not entry.check.tests:
        share = entry.claim.unit == "percent"
        level = entry.claim.kind == "level"
        return [say("row.is_share" if share else "row.is_level", language)] if level else []
    study = entry.case.study
    lines = [_test(test, study.outcome(test.outcome), language) for test in entry.check.tests]
    told = {
        "level": f"{study.rule.level:g}",
        "count": len(lines),
        "group": entry.case.label(study.rule.pool, language),
        "verdict": text(f"verdict_{entry.check.attributable}", language),
    }
    return [*lines, say("row.rule" if len(lines) > 1 else "row.rule_one", language, **told)]


def _test(test: Test, outcome: Outcome, language: str) -> str:
    log = test.scale == "log"
    estimate, low, high = (
        100 * math.expm1(value) if log else value for value in (test.estimate, test.ci_low, test.ci_high)
    )
    places = interval_decimals(low, high) if log else outcome.digits
    written = number(estimate, language, places, sign=True)
    return say(
        "row.test",
        language,
        outcome=outcome.label[language],
        scale=say(f"row.{test.scale}", language),
        estimate=f"{written}%" if log else with_unit(written, outcome.unit[language], language),
        interval=interval(low, high, language, places),
        p=say("row.p", language, p=p_value(test.p_value, language)),
    )


def _rules(case: LedgerCase, entry: Entry, language: str) -> list[str]:
    labels = {identity.id: identity.label[language] for identity in case.claims.identities}
    lines = []
    for check in entry.rules:
        key = check.rule if check.rule in ("sum", "growth") else "implied"
        value, low, high = (implied(check, case, x, language) for x in (check.value, check.low, check.high))
        known = "" if math.isnan(check.stated) else expected(check, case, language)
        told = say(f"rules.{key}", language, value=value, low=low, high=high, stated=known)
        lines.append(
            say(
                "rules.labelled",
                language,
                label=labels[check.id],
                text=told,
                verdict=verdict_of(check, language),
            )
        )
    return lines


def _facts(entry: Entry, language: str) -> list[list[Part]]:
    brackets = ("（", "）") if language == "zh" else (" (", ")")
    return [
        [
            Part(fact.text[language] + brackets[0]),
            Part(say("row.source", language), href=fact.url),
            Part(brackets[1]),
        ]
        for fact in entry.facts
    ]


def _settle(entry: Entry, language: str) -> list[list[Part]]:
    """The data that would decide: what a study still lacks, or what is lacking altogether."""
    if entry.check.tests and entry.case is not None and entry.case.study.settle:
        return [[Part(item[language])] for item in entry.case.study.settle]
    if entry.claim.data is not None:
        return [[Part(entry.claim.data[language])]]
    return _wanted(entry.system, language)


def _wanted(system: System, language: str) -> list[list[Part]]:
    return [
        [Part(system.data[language])],
        [Part(say("row.design", language, design=system.design[language]))],
    ]


def _smallest(entry: Entry, language: str) -> str:
    assert entry.needed is not None
    outcome = entry.case.study.outcome(entry.needed.outcome) if entry.case and entry.needed.outcome else None
    return smallest(entry.needed, outcome, language)


def smallest(needed: Needed, outcome: Outcome | None, language: str) -> str:
    """The smallest effect that data could show, in words."""
    if needed.kind in ("gap", "percent_gap"):
        assert outcome is not None
        scale = "log" if needed.kind == "percent_gap" else "level"
        size = gap(needed.values[0], outcome, scale, language, sign=False)
        return say("smallest.gap", language, size=size, peers=needed.peers)
    if needed.kind == "sizes":
        ten, fifty, many = (number(value, language, 2) for value in needed.values)
        return say("smallest.sizes", language, ten=ten, fifty=fifty, many=many)
    assert needed.peers is not None
    if needed.kind == "cases":
        cases = number(needed.values[0], language, 0)
        return say("smallest.cases", language, cases=cases, peers=needed.peers)
    size = number(needed.values[0], language, 1)
    told = say("smallest.spread", language, size=size, peers=needed.peers)
    least = 1 / (needed.peers + 1)
    return told + (say("smallest.never", language, smallest=f"{least:.3f}") if least > 0.05 else "")


def _study(case: LedgerCase, entry: Entry, language: str) -> list[Part]:
    claim = entry.claim
    if claim.study == case.study.id:
        return [Part(say("row.here", language))]
    if claim.study is not None:
        title = case.cases[claim.study].study.title[language]
        return [Part(title, study=claim.study)]
    if claim.because in _NOTHING:
        return [Part(say("row.no_study", language))]
    return _where(case, entry.system, language)


def _where(case: LedgerCase, system: System, language: str) -> list[Part]:
    """The page of a system's study, or the file that it would be."""
    if system.study in case.cases:
        title = case.cases[system.study].study.title[language]
        return [Part(say("row.method", language)), Part(title, study=system.study)]
    if system.study == case.study.id:
        return [Part(say("row.here_only", language))]
    return [Part(say("row.planned", language, study=system.study))]


def _silent(case: LedgerCase, name: str, system: System, language: str) -> Row:
    lines = [
        _line("outcome", [[Part(system.outcome[language])]], language),
        _line("settle", _wanted(system, language), language),
        _line("smallest", [[Part(smallest(needed_for(system), None, language))]], language),
        _line("study", [_where(case, system, language)], language),
    ]
    return Row(
        id=f"system-{name.replace('_', '-')}",
        title=system.name[language],
        value=say("ledger.no_figure", language),
        when="",
        verdicts=(),
        lines=lines,
    )


def _numbers(case: LedgerCase, language: str) -> pd.DataFrame:
    """The ledger as a table of plain values."""
    return pd.DataFrame(
        [
            {
                "id": entry.claim.id,
                "section": entry.claim.section,
                "indicator": entry.claim.indicator[language],
                "place": case.claims.places[entry.claim.place][language],
                "period": entry.claim.period,
                "baseline": entry.claim.baseline or "",
                "kind": entry.claim.kind,
                "claimed": round(entry.claim.value, digits(entry.claim.step)),
                "unit": case.claims.units[entry.claim.unit][language],
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
