"""Tables of the ledger: arithmetic, ranks, output and its structure; and what to keep in mind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.analysis import LedgerCase
from evaluation.analysis.choices import FITS
from evaluation.analysis.staggered import StaggeredCase
from evaluation.claims import IdentityCheck
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import NOT_A_NUMBER, number, p_value, percent
from evaluation.report.language import date as written_date
from evaluation.report.sections.ledger.wording import expected, implied, said, verdict_of
from evaluation.report.sections.limits import threat_items
from evaluation.report.text import Text

_FLAT = 1e-8
"""A gap this small before the date is none: the mix goes through every point."""


@said
def arithmetic_table(case: LedgerCase, *, text: Text) -> Table:
    """Every rule of arithmetic among the figures, and whether it holds."""
    rules = {identity.id: identity for identity in case.claims.identities}
    rows, checks = [], case.identities
    for check in checks:
        value, low, high = (implied(check, case, x, text) for x in (check.value, check.low, check.high))
        cells = {
            "what": rules[check.id].label[text.language],
            "value": value,
            "range": text("rules.within", low=low, high=high),
            "stated": _expected(check, rules[check.id].within, case, text),
            "verdict": verdict_of(check, text),
        }
        rows.append({text(f"rules.{key}"): cell for key, cell in cells.items()})
    verdicts = [check.holds for check in checks]
    return Table(
        pd.DataFrame(rows),
        caption=text(
            "rules.caption",
            count=len(checks),
            holds=verdicts.count(True),
            broken=verdicts.count(False),
            only=verdicts.count(None),
        ),
        name="arithmetic",
        notes=text("rules.note"),
        language=text.language,
    )


def _expected(check: IdentityCheck, within: tuple[float, float] | None, case: LedgerCase, text: Text) -> str:
    """What the figure must be: what the account states, or what is possible."""
    if not math.isnan(check.stated):
        return expected(check, case, text)
    possible = (0.0, 100.0) if check.rule == "part" else within
    if possible is None:
        return NOT_A_NUMBER
    low, high = (f"{end:g}" for end in possible)
    return text("rules.within", low=low, high=high)


@said
def ranks_table(case: LedgerCase, ranks: pd.DataFrame, *, text: Text) -> Table:
    """Is the place first? Its rank by every way of counting, and what chance leaves open.

    Parameters
    ----------
    case : LedgerCase
    ranks : pandas.DataFrame
        From `evaluation.analysis.claimed_ranks`.
    """
    rows = [_rank(case, row, text) for row in ranks.to_dict("records")]
    claim = case.theirs(ranks["study"].iloc[0], ranks["claim"].iloc[0])
    return Table(
        pd.DataFrame(rows),
        data=ranks,
        caption=text("ranks.caption", first=int((ranks["by_rate"] == 1).sum()), count=len(ranks)),
        name="ranks",
        notes=text("ranks.note", of=int(ranks["of"].max()), before=claim.baseline, after=claim.year),
        language=text.language,
    )


def _rank(case: LedgerCase, row: Mapping[Any, Any], text: Text) -> dict[str, str]:
    tested = case.cases[row["study"]]
    assert isinstance(tested, StaggeredCase)  # ranks are of studies of one place
    known = not math.isnan(row["low"])
    cells = {
        "measure": tested.study.outcome(row["outcome"]).label[text.language],
        "claimed": str(row["claimed"]),
        "rate": str(row["by_rate"]),
        "change": str(row["by_change"]),
        "own": percent(row["rate"], text.language, 1, sign=True),
        "first": text(
            "ranks.place_rate",
            place=tested.name(row["first"], text.language),
            rate=percent(row["first_rate"], text.language, 1, sign=True),
        ),
        "set": text("rules.within", low=f"{row['low']:g}", high=f"{row['high']:g}")
        if known
        else text("ranks.absent"),
    }
    return {text(f"ranks.{key}"): cell for key, cell in cells.items()}


@said
def economy_table(case: LedgerCase, frame: pd.DataFrame, *, text: Text) -> Table:
    """Output, its structure and emissions beside other cities, by three methods, with the fit before.

    Parameters
    ----------
    case : LedgerCase
    frame : pandas.DataFrame
        From `evaluation.analysis.yearly_estimates`.
    """
    here, rule = case.here, case.here.study.rule
    far = frame[frame["pool"] == rule.pool]
    rows = [_economy_row(here, group, text) for _, group in far.groupby(["outcome", "date"], sort=False)]
    unusual = int((far["p_value"] <= rule.level).sum())
    near = next(pool.id for pool in here.study.comparisons if pool.id != rule.pool)
    told = {"count": len(far), "group": here.label(rule.pool, text.language)}
    return Table(
        pd.DataFrame(rows),
        data=frame,
        caption=text("economy.caption", low=unusual, **told)
        if unusual
        else text("economy.caption_none", **told),
        name="economy",
        notes=[
            text(
                "economy.note",
                smallest=f"{1 / far['n_assignments'].max():.3f}",
                before=int(far["n_before"].max()),
                peers=len(here.donors(rule.pool)),
                near=len(here.donors(near)),
            ),
            text("economy.choices", count=len(here.study.comparison(rule.pool).exclude)),
            text("economy.emissions"),
        ],
        simulated=here.simulated,
        language=text.language,
    )


def _economy_row(here: StaggeredCase, group: pd.DataFrame, text: Text) -> dict[str, str]:
    first = group.iloc[0]
    outcome = here.study.outcome(first["outcome"])
    unit = text("economy.percent") if first["scale"] == "log" else outcome.unit[text.language]
    methods = {row["method"]: row for row in group.to_dict("records")}
    control = methods.get("control")
    cells = {
        "outcome": text("economy.named", outcome=outcome.label[text.language], unit=unit, date=first["date"]),
        "years": f"{first['n_before']}, {first['n_after']}",
        "two_way": _economy_cell(methods["two_way"], text),
        "control": _economy_cell(control, text),
        "fit": NOT_A_NUMBER if control is None else number(_size(control, "misfit"), text.language, 2),
        "did": _economy_cell(methods.get("did"), text),
    }
    return {text(f"economy.{key}"): cell for key, cell in cells.items()}


def _economy_cell(row: Mapping[Any, Any] | None, text: Text) -> str:
    if row is None:
        return text("economy.short")
    if row["method"] == "control" and row["misfit"] > _FLAT and row["misfit_ratio"] > FITS:
        return text("economy.misfit")
    estimate = number(_size(row, "estimate"), text.language, 1, sign=True)
    return text("economy.cell", estimate=estimate, p=p_value(row["p_value"], text.language))


def _size(row: Mapping[Any, Any], what: str) -> float:
    """A gap in units of the outcome, or in percent where it is of logarithms."""
    return 100 * math.expm1(row[what]) if row["scale"] == "log" else float(row[what])


@said
def yearbook_note(case: LedgerCase, *, text: Text) -> Prose:
    """What it means that the yearbook has the account's figures."""
    return Prose(text("economy.yearbook"))


@said
def threats(case: LedgerCase, *, text: Text) -> Prose:
    """What could mislead a reader of the ledger, each with the direction."""
    lines = threat_items(case.study.threats, text)
    return Prose("\n\n".join([text("threats.lead", count=len(lines)), *lines]))


@said
def record(case: LedgerCase, *, text: Text) -> Record:
    """Choices that were fixed beforehand, and everything that was read."""
    study, rule = case.study, case.here.study.rule
    join = text("row.separator").join
    source = [
        study.source.title[text.language],
        study.source.publisher[text.language],
        written_date(study.source.date, text.language),
        text("choices.section"),
    ]
    dates = [
        text("choices.date", date=item.date, why=item.why[text.language].rstrip(".。"))
        for item in case.here.dates
    ]
    depends = [text("choices.depends_value", study=name) for name in study.depends_on]
    fixed = written_date(rule.fixed_on, text.language)
    count = sum(item.times for item in case.claims.left_out)
    items = [
        ("source", join(source)),
        ("claims", f"{case.file}, sha256 {case.files[case.file]}"),
        ("depends", join(depends)),
        ("rule", text("choices.fixed", rule=rule.text[text.language], date=fixed)),
        ("dates", join(dates)),
        ("left_out", text("choices.left_out_value", count=count)),
        ("seed", study.seed),
    ]
    named: list[tuple[str, object]] = [(text(f"choices.{key}"), value) for key, value in items]
    named += [
        (
            text("choices.table", name=table.name),
            text("choices.from", source=table.source[text.language], sha256=table.sha256),
        )
        for table in case.sources
    ]
    if case.overrides:
        changed = join(f"{key} = {value}" for key, value in case.overrides.items())
        named.append((text("choices.overrides"), changed))
    return Record(named)
