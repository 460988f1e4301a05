"""The claims, what their percentages can mean, and those that other places published."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.simulated import SimulatedCase, check_claims
from evaluation.report import figures
from evaluation.report import language as words
from evaluation.report.display import Figure, Table
from evaluation.report.language import NOT_A_NUMBER, month, number
from evaluation.report.sections.simulated.wording import bounds, join, percent, said, size
from evaluation.report.text import Text

SHOWN = (50, 200, 1000, 5000)
"""Base counts in the table; the CSV has all."""


@said
def claims_table(case: SimulatedCase, *, text: Text) -> Table:
    """Each claim: no data, not testable, and what it would take."""
    rows = []
    for claim, check in zip(case.study.claims, check_claims(case), strict=True):
        years = case.study.data.after - case.study.data.before if claim.outcome else 1
        yearly = 100 * ((1 + claim.value / 100) ** (1 / years) - 1)
        cells = {
            "claim": claim.text[text.language],
            "yearly": percent(yearly, text, 1),
            "found": NOT_A_NUMBER,
            "reproduced": words.text(f"verdict_{check.reproduced}", text.language),
            "attributable": words.text(f"verdict_{check.attributable}", text.language),
            "needs": claim.needs[text.language],
        }
        rows.append({text(f"claims.{key}"): cell for key, cell in cells.items()})
    return Table(
        pd.DataFrame(rows),
        caption=text("claims.caption", count=len(rows)),
        name="claims",
        notes=text("claims.note"),
        language=text.language,
    )


@said
def ranges_figure(case: SimulatedCase, ranges: pd.DataFrame, *, text: Text) -> Figure:
    """The true change behind the leading claim, by the number of cases."""
    claim = case.study.claims[0]
    lead = ranges[(ranges["claim"] == claim.id) & (ranges["dispersion"] == 1)]
    claimed = percent(claim.value, text)
    rows = [
        {
            "label": text("ranges.row", count=number(row["count"], text.language, 0)),
            "estimate": row["percent"],
            "ci_low": row["low"],
            "ci_high": row["high"],
            "text": bounds(row["low"], row["high"], text),
            "role": "reference" if row["low"] <= 0 <= row["high"] else "treated",
        }
        for row in lead.to_dict("records")
    ]
    said = [
        text("ranges.alt_row", count=number(count, text.language, 0), interval=row["text"])
        for count, row in zip(lead["count"], rows, strict=True)
    ]
    return figures.forest(
        pd.DataFrame(rows),
        x_label=text("ranges.axis", claimed=claimed),
        title=text("ranges.title", claimed=size(claim.value, text)),
        source=text("words.source", source=text("source.arithmetic")),
        alt=text("ranges.alt", claimed=claimed, rows=join(said, text)),
        language=text.language,
        name="ranges",
    )


@said
def ranges_table(case: SimulatedCase, ranges: pd.DataFrame, *, text: Text) -> Table:
    """Every claim by several base counts."""
    plain = ranges[ranges["dispersion"] == 1].set_index(["claim", "count"])
    counts = [count for count in SHOWN if count in case.study.percentages.counts]
    rows = []
    for claim in case.study.claims:
        row = {text("ranges.claim"): claim.text[text.language]}
        for count in counts:
            low, high = (float(plain[name][claim.id, count]) for name in ("low", "high"))
            head = text("ranges.count", count=number(count, text.language, 0))
            row[head] = bounds(low, high, text)
        rows.append(row)
    return Table(
        pd.DataFrame(rows),
        data=ranges,
        caption=text("ranges.caption"),
        name="ranges-table",
        notes=text("ranges.note"),
        language=text.language,
    )


@said
def smallest_table(case: SimulatedCase, smallest: pd.DataFrame, *, text: Text) -> Table:
    """The claims and what other places published, with the cases that each would need."""
    named = [claim.text[text.language] for claim in case.study.claims]
    for row in case.published.to_dict("records"):
        place = row["place_en"] if text.language == "en" else row["place"]
        period = _period(str(row["period"]), text)
        named.append(
            text("smallest.published", place=place, measure=row[f"measure_{text.language}"], period=period)
        )
    plain, *wider = case.study.percentages.dispersions
    frame = pd.DataFrame(
        {
            text("smallest.what"): named,
            text("smallest.percent"): [
                percent(value, text, 0 if value == round(value) else 1) for value in smallest["percent"]
            ],
            text("smallest.plain"): [number(n, text.language, 0) for n in smallest[plain]],
            **{
                text("smallest.wide", times=f"{times:g}"): [
                    number(n, text.language, 0) for n in smallest[times]
                ]
                for times in wider
            },
        }
    )
    sources = [""] * len(case.study.claims) + [str(url) for url in case.published.get("source", [])]
    return Table(
        frame,
        data=smallest.rename(columns=str).assign(source=sources),
        caption=text("smallest.caption"),
        name="smallest-counts",
        notes=text("smallest.note"),
        language=text.language,
    )


def _period(written: str, text: Text) -> str:
    """A year, or months from one to another, as the table writes them: ``2014``, ``2014-01 to 2014-10``."""
    year = {"en": "{}", "zh": "{}年"}[text.language]
    ends = [month(end, text.language) if len(end) == 7 else year.format(end) for end in written.split(" to ")]
    return text("smallest.to").join(ends)
