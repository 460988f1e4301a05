"""Tables of the ledger: arithmetic, ranks, output and its structure; and what to keep in mind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.analysis import Case, LedgerCase
from evaluation.analysis.choices import FITS
from evaluation.claims import IdentityCheck
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import NOT_A_NUMBER, number, p_value, percent
from evaluation.report.language import date as written_date
from evaluation.report.languages import in_languages
from evaluation.report.ledger_story.wording import expected, implied, say, verdict_of
from evaluation.report.story.wording import threat_items

_FLAT = 1e-8
"""A gap this small before the date is none: the mix goes through every point."""


@in_languages
def arithmetic_table(case: LedgerCase, language: str) -> Table:
    """Every rule of arithmetic among the figures, and whether it holds."""
    rules = {identity.id: identity for identity in case.claims.identities}
    rows, checks = [], case.identities
    for check in checks:
        value, low, high = (implied(check, case, x, language) for x in (check.value, check.low, check.high))
        cells = {
            "what": rules[check.id].label[language],
            "value": value,
            "range": say("rules.within", language, low=low, high=high),
            "stated": _expected(check, rules[check.id].within, case, language),
            "verdict": verdict_of(check, language),
        }
        rows.append({say(f"rules.{key}", language): cell for key, cell in cells.items()})
    verdicts = [check.holds for check in checks]
    return Table(
        pd.DataFrame(rows),
        caption=say(
            "rules.caption",
            language,
            count=len(checks),
            holds=verdicts.count(True),
            broken=verdicts.count(False),
            only=verdicts.count(None),
        ),
        name="arithmetic",
        notes=say("rules.note", language),
        language=language,
    )


def _expected(
    check: IdentityCheck, within: tuple[float, float] | None, case: LedgerCase, language: str
) -> str:
    """What the figure must be: what the account states, or what is possible."""
    if not math.isnan(check.stated):
        return expected(check, case, language)
    possible = (0.0, 100.0) if check.rule == "part" else within
    if possible is None:
        return NOT_A_NUMBER
    low, high = (f"{end:g}" for end in possible)
    return say("rules.within", language, low=low, high=high)


@in_languages
def ranks_table(case: LedgerCase, ranks: pd.DataFrame, language: str) -> Table:
    """Is the place first? Its rank by every way of counting, and what chance leaves open.

    Parameters
    ----------
    case : LedgerCase
    ranks : pandas.DataFrame
        From `evaluation.analysis.claimed_ranks`.
    language : {"en", "zh"}
    """
    rows = [_rank(case, row, language) for row in ranks.to_dict("records")]
    claim = case.theirs(ranks["study"].iloc[0], ranks["claim"].iloc[0])
    return Table(
        pd.DataFrame(rows),
        data=ranks,
        caption=say("ranks.caption", language, first=int((ranks["by_rate"] == 1).sum()), count=len(ranks)),
        name="ranks",
        notes=say("ranks.note", language, of=int(ranks["of"].max()), before=claim.baseline, after=claim.year),
        language=language,
    )


def _rank(case: LedgerCase, row: Mapping[Any, Any], language: str) -> dict[str, str]:
    tested = case.cases[row["study"]]
    assert isinstance(tested, Case)  # ranks are of studies of one place
    known = not math.isnan(row["low"])
    cells = {
        "measure": tested.study.outcome(row["outcome"]).label[language],
        "claimed": str(row["claimed"]),
        "rate": str(row["by_rate"]),
        "change": str(row["by_change"]),
        "own": percent(row["rate"], language, 1, sign=True),
        "first": say(
            "ranks.place_rate",
            language,
            place=tested.name(row["first"], language),
            rate=percent(row["first_rate"], language, 1, sign=True),
        ),
        "set": say("rules.within", language, low=f"{row['low']:g}", high=f"{row['high']:g}")
        if known
        else say("ranks.absent", language),
    }
    return {say(f"ranks.{key}", language): cell for key, cell in cells.items()}


@in_languages
def economy_table(case: LedgerCase, frame: pd.DataFrame, language: str) -> Table:
    """Output, its structure and emissions beside other cities, by three methods, with the fit before.

    Parameters
    ----------
    case : LedgerCase
    frame : pandas.DataFrame
        From `evaluation.analysis.yearly_estimates`.
    language : {"en", "zh"}
    """
    here, rule = case.here, case.here.study.rule
    far = frame[frame["pool"] == rule.pool]
    rows = [_economy_row(here, group, language) for _, group in far.groupby(["outcome", "date"], sort=False)]
    unusual = int((far["p_value"] <= rule.level).sum())
    near = next(pool.id for pool in here.study.pools if pool.id != rule.pool)
    told = {"count": len(far), "group": here.label(rule.pool, language)}
    return Table(
        pd.DataFrame(rows),
        data=frame,
        caption=say("economy.caption", language, low=unusual, **told)
        if unusual
        else say("economy.caption_none", language, **told),
        name="economy",
        notes=[
            say(
                "economy.note",
                language,
                smallest=f"{1 / far['n_assignments'].max():.3f}",
                before=int(far["n_before"].max()),
                peers=len(here.donors(rule.pool)),
                near=len(here.donors(near)),
            ),
            say("economy.choices", language, count=len(here.study.pool(rule.pool).exclude)),
            say("economy.emissions", language),
        ],
        simulated=here.simulated,
        language=language,
    )


def _economy_row(here: Case, group: pd.DataFrame, language: str) -> dict[str, str]:
    first = group.iloc[0]
    outcome = here.study.outcome(first["outcome"])
    unit = say("economy.percent", language) if first["scale"] == "log" else outcome.unit[language]
    methods = {row["method"]: row for row in group.to_dict("records")}
    control = methods.get("control")
    cells = {
        "outcome": say(
            "economy.named", language, outcome=outcome.label[language], unit=unit, date=first["date"]
        ),
        "years": f"{first['n_before']}, {first['n_after']}",
        "two_way": _economy_cell(methods["two_way"], language),
        "control": _economy_cell(control, language),
        "fit": NOT_A_NUMBER if control is None else number(_size(control, "misfit"), language, 2),
        "did": _economy_cell(methods.get("did"), language),
    }
    return {say(f"economy.{key}", language): cell for key, cell in cells.items()}


def _economy_cell(row: Mapping[Any, Any] | None, language: str) -> str:
    if row is None:
        return say("economy.short", language)
    if row["method"] == "control" and row["misfit"] > _FLAT and row["misfit_ratio"] > FITS:
        return say("economy.misfit", language)
    estimate = number(_size(row, "estimate"), language, 1, sign=True)
    return say("economy.cell", language, estimate=estimate, p=p_value(row["p_value"], language))


def _size(row: Mapping[Any, Any], what: str) -> float:
    """A gap in units of the outcome, or in percent where it is of logarithms."""
    return 100 * math.expm1(row[what]) if row["scale"] == "log" else float(row[what])


@in_languages
def yearbook_note(case: LedgerCase, language: str) -> Prose:
    """What it means that the yearbook has the account's figures."""
    return Prose(say("economy.yearbook", language))


@in_languages
def threats(case: LedgerCase, language: str) -> Prose:
    """What could mislead a reader of the ledger, each with the direction."""
    lines = threat_items(case.study.threats, language)
    return Prose("\n\n".join([say("threats.lead", language, count=len(lines)), *lines]))


@in_languages
def record(case: LedgerCase, language: str) -> Record:
    """Choices that were fixed beforehand, and everything that was read."""
    study, rule = case.study, case.here.study.rule
    join = say("row.separator", language).join
    source = [
        study.source.title[language],
        study.source.publisher[language],
        written_date(study.source.date, language),
        say("choices.section", language),
    ]
    dates = [
        say("choices.date", language, date=item.date, why=item.why[language].rstrip(".。"))
        for item in case.here.study.treatment.dates
    ]
    depends = [say("choices.depends_value", language, study=name) for name in study.depends_on]
    fixed = written_date(rule.fixed_on, language)
    count = sum(item.times for item in case.claims.left_out)
    items = [
        ("source", join(source)),
        ("claims", f"{case.file}, sha256 {case.files[case.file]}"),
        ("depends", join(depends)),
        ("rule", say("choices.fixed", language, rule=rule.text[language], date=fixed)),
        ("dates", join(dates)),
        ("left_out", say("choices.left_out_value", language, count=count)),
        ("seed", study.seed),
    ]
    named: list[tuple[str, object]] = [(say(f"choices.{key}", language), value) for key, value in items]
    named += [
        (
            say("choices.table", language, name=table.name),
            say("choices.from", language, source=table.source[language], sha256=table.sha256),
        )
        for table in case.sources
    ]
    if case.overrides:
        changed = join(f"{key} = {value}" for key, value in case.overrides.items())
        named.append((say("choices.overrides", language), changed))
    return Record(named)
