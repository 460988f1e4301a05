"""Beside published work, beside a known truth, and beside the source's claims."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase
from evaluation.report.display import Prose, Table
from evaluation.report.language import decimals, interval, interval_decimals, number, with_unit
from evaluation.report.language import text as furniture
from evaluation.report.sections.base import Effect, group, label_of, said, unit_of
from evaluation.report.text import Text
from evaluation.study.staggered_beside import Published


@said
def beside_lead(case: StaggeredCase, found: Findings, *, text: Text) -> Prose | None:
    """The heading of what follows; None where the study names no published number and no claim."""
    if not (case.study.published or found.claims):
        return None
    return Prose(text("beside.heading" if case.study.published else "beside.claim_heading"))


@said
def published_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table | None:
    """Each published number beside ours; None where the study names none."""
    if not case.study.published:
        return None
    rows, agree = [], 0
    for item, row in zip(case.study.published, found.published.to_dict("records"), strict=True):
        agree += bool(row["agrees"])
        against, outcome = case.study.comparison(row["comparison"]), case.study.outcome(item.outcome)
        rows.append(
            {
                text("beside.what"): item.what[text.language],
                text("beside.citation"): item.citation,
                text("beside.value"): _value(item, text),
                text("beside.ours"): _ours(item, row, text),
                text("beside.against"): group(case, against, text, outcome),
                text("beside.agrees"): text(
                    "beside.agrees_in_words",
                    agrees=row["agrees"],
                    agreement=item.agreement,
                    tolerance=f"{item.tolerance or 0:g}",
                    gap=abs(row["ours"] - item.value),
                ),
            }
        )
    return Table(
        pd.DataFrame(rows),
        data=found.published,
        caption=text("beside.published", agree=agree, count=len(rows)),
        name="published",
        notes=text("beside.published_note"),
        simulated=case.simulated,
        language=text.language,
    )


def _value(item: Published, text: Text) -> str:
    if item.agreement == "none":
        return text("beside.no_clear")
    if item.scale == "percent":
        return with_unit(number(item.value, text.language, sign=True), "%", text.language)
    digits = 4 if item.tolerance is None else decimals(item.tolerance, 1)
    return number(item.value, text.language, digits, sign=True)


def _ours(item: Published, row: dict, text: Text) -> str:
    value, low, high = row["ours"], row["ci_low"], row["ci_high"]
    if value != value:
        return number(None, text.language)
    exact = item.agreement == "exact" and item.tolerance is not None
    digits = decimals(item.tolerance or 1.0, 2) if exact else interval_decimals(low, high)
    shown = number(value, text.language, digits, sign=True)
    if low != low or high != high:
        return shown
    within = interval(low, high, text.language, interval_decimals(low, high), sign=True)
    return text("words.cell", value=shown, interval=within)


@said
def truth_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table | None:
    """What each estimator finds beside the effect that was put in; None for real data."""
    if found.truth.empty:
        return None
    rows = []
    for row in found.truth.to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        known = row["covered"] is not None
        shown = number(row["found"], text.language, 1, sign=True)
        if known:
            shown = Effect(outcome, row["found"], row["ci_low"], row["ci_high"]).cell(text)
        covered = text("beside.yes" if row["covered"] else "beside.no")
        label, unit = label_of(outcome, text), unit_of(outcome, text)
        rows.append(
            {
                text("beside.outcome"): text("words.named", outcome=label, unit=unit, beside=None),
                text("beside.method"): text(f"methods.{row['estimator']}"),
                text("beside.truth"): number(row["truth"], text.language, 1, sign=True),
                text("beside.found_truth"): shown,
                text("beside.covered"): covered if known else number(None, text.language),
            }
        )
    known_rows = found.truth[found.truth["covered"].notna()]
    return Table(
        pd.DataFrame(rows),
        data=found.truth,
        caption=text(
            "beside.truth_caption",
            covered=int((known_rows["covered"] == True).sum()),  # noqa: E712
            count=len(known_rows),
        ),
        name="truth",
        notes=text("beside.truth_note"),
        simulated=case.simulated,
        language=text.language,
    )


@said
def claims_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table | None:
    """The source's claims with both verdicts; None where the study has none."""
    if not found.claims:
        return None
    rows, needs = [], []
    for claim, check in zip(case.study.claims, found.claims, strict=True):
        shown = number(check.found, text.language, 1, sign=True)
        if check.found == check.found:
            shown = with_unit(shown, claim.unit[text.language], text.language)
        rows.append(
            {
                text("beside.claim"): claim.text[text.language],
                text("beside.found"): shown,
                text("beside.reproduced"): furniture(f"verdict_{check.reproduced}", text.language),
                text("beside.attributable"): furniture(f"verdict_{check.attributable}", text.language),
            }
        )
        if claim.needs is not None:
            told = {"claim": claim.text[text.language], "needs": claim.needs[text.language]}
            needs.append(text("beside.needs", **told))
    if case.simulated:
        needs.insert(0, text("beside.claims_simulated"))
    return Table(
        pd.DataFrame(rows),
        caption=text("beside.claims", count=len(rows)),
        name="claims",
        notes=needs,
        simulated=case.simulated,
        language=text.language,
    )
