"""Beside published work, beside a known truth, and beside the source's claims."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase
from evaluation.report.display import Table
from evaluation.report.language import decimals, interval, interval_decimals, number, text, with_unit
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import cell, group, say, unit_of
from evaluation.study.staggered_beside import Published


@in_languages
def published_table(case: StaggeredCase, found: Findings, language: str) -> Table | None:
    """Each published number beside ours; None where the study names none."""
    if not case.study.published:
        return None
    rows, agree = [], 0
    for item, row in zip(case.study.published, found.published.to_dict("records"), strict=True):
        agree += bool(row["agrees"])
        value = _plain(item, language)
        if item.scale == "percent":
            value = with_unit(number(item.value, language, sign=True), "%", language)
        if item.agreement == "none":
            value = say("published.none", language)
        rows.append(
            {
                say("published.what", language): item.what[language],
                say("published.citation", language): item.citation,
                say("published.value", language): value,
                say("published.ours", language): _ours(item, row, language),
                say("published.against", language): group(
                    case,
                    case.study.comparison(row["comparison"]),
                    language,
                    case.study.outcome(item.outcome),
                ),
                say("published.agrees", language): _agrees(item, row, language),
            }
        )
    return Table(
        pd.DataFrame(rows),
        data=found.published,
        caption=say("published.caption", language, agree=agree, count=len(rows)),
        name="published",
        notes=say("published.note", language),
        simulated=case.simulated,
        language=language,
    )


def _plain(item: Published, language: str) -> str:
    digits = 4 if item.tolerance is None else decimals(item.tolerance, 1)
    return number(item.value, language, digits, sign=True)


def _ours(item: Published, row: dict, language: str) -> str:
    value, low, high = row["ours"], row["ci_low"], row["ci_high"]
    if value != value:
        return number(None, language)
    exact = item.agreement == "exact" and item.tolerance is not None
    digits = decimals(item.tolerance or 1.0, 2) if exact else interval_decimals(low, high)
    shown = number(value, language, digits, sign=True)
    if low != low or high != high:
        return shown
    within = interval(low, high, language, interval_decimals(low, high), sign=True)
    return say("published.cell", language, value=shown, interval=within)


def _agrees(item: Published, row: dict, language: str) -> str:
    if row["agrees"] is None:
        return say("published.no_number", language)
    answer = "yes" if row["agrees"] else "no"
    told: dict[str, str] = {}
    if item.agreement == "exact":
        gap = abs(row["ours"] - item.value)
        told = {"tolerance": f"{item.tolerance:g}", "gap": number(gap, language, 6)}
    return say(f"published.{answer}_{item.agreement}", language, **told)


@in_languages
def truth_table(case: StaggeredCase, found: Findings, language: str) -> Table | None:
    """What each estimator finds beside the effect that was put in; None for real data."""
    if found.truth.empty:
        return None
    rows = []
    for row in found.truth.to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        unit = unit_of(outcome, language)
        known = row["covered"] is not None
        digits = interval_decimals(row["ci_low"], row["ci_high"]) if known else 1
        shown = number(row["found"], language, digits, sign=True)
        if known:
            shown = cell("truth.cell", outcome, row["found"], row["ci_low"], row["ci_high"], language)
        covered = say("truth.yes" if row["covered"] else "truth.no", language)
        rows.append(
            {
                say("truth.outcome", language): say(
                    "estimates.named", language, outcome=outcome.label[language], unit=unit
                ),
                say("truth.method", language): say(f"methods.{row['estimator']}", language),
                say("truth.truth", language): number(row["truth"], language, 1, sign=True),
                say("truth.found", language): shown,
                say("truth.covered", language): covered if known else number(None, language),
            }
        )
    known_rows = found.truth[found.truth["covered"].notna()]
    return Table(
        pd.DataFrame(rows),
        data=found.truth,
        caption=say(
            "truth.caption",
            language,
            covered=int((known_rows["covered"] == True).sum()),  # noqa: E712
            count=len(known_rows),
        ),
        name="truth",
        notes=say("truth.note", language),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def claims_table(case: StaggeredCase, found: Findings, language: str) -> Table | None:
    """The source's claims with both verdicts; None where the study has none."""
    if not found.claims:
        return None
    rows, needs = [], []
    for claim, check in zip(case.study.claims, found.claims, strict=True):
        shown = number(check.found, language, 1, sign=True)
        rows.append(
            {
                say("claims.claim", language): claim.text[language],
                say("claims.found", language): shown
                if check.found != check.found
                else with_unit(shown, claim.unit[language], language),
                say("claims.reproduced", language): text(f"verdict_{check.reproduced}", language),
                say("claims.attributable", language): text(f"verdict_{check.attributable}", language),
            }
        )
        if claim.needs is not None:
            needs.append(
                say("claims.needs", language, claim=claim.text[language], needs=claim.needs[language])
            )
    if case.simulated:
        needs.insert(0, say("claims.simulated", language))
    return Table(
        pd.DataFrame(rows),
        caption=say("claims.caption", language),
        name="claims",
        notes=needs,
        simulated=case.simulated,
        language=language,
    )
