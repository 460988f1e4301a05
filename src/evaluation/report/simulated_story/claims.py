"""The claims, what their percentages can mean, and those that other places published."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.simulated import SimulatedCase, check_claims
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.language import NOT_A_NUMBER, month, number, text
from evaluation.report.languages import in_languages
from evaluation.report.simulated_story.wording import bounds, join, percent, say, size
from evaluation.report.story.wording import sentence

SHOWN = (50, 200, 1000, 5000)
"""Base counts in the table; the CSV has all."""


@in_languages
def claims_table(case: SimulatedCase, language: str) -> Table:
    """Each claim: no data, not testable, and what it would take."""
    rows = []
    for claim, check in zip(case.study.claims, check_claims(case), strict=True):
        years = case.study.data.after - case.study.data.before if claim.outcome else 1
        yearly = 100 * ((1 + claim.value / 100) ** (1 / years) - 1)
        cells = {
            "claim": claim.text[language],
            "yearly": percent(yearly, language, 1),
            "found": NOT_A_NUMBER,
            "reproduced": text(f"verdict_{check.reproduced}", language),
            "attributable": text(f"verdict_{check.attributable}", language),
            "needs": claim.needs[language],
        }
        rows.append({say(f"claims.{key}", language): cell for key, cell in cells.items()})
    return Table(
        pd.DataFrame(rows),
        caption=say("claims.caption", language, count=len(rows)),
        name="claims",
        notes=say("claims.note", language),
        language=language,
    )


@in_languages
def ranges_figure(case: SimulatedCase, ranges: pd.DataFrame, language: str) -> Figure:
    """The true change behind the leading claim, by the number of cases."""
    claim = case.study.claims[0]
    lead = ranges[(ranges["claim"] == claim.id) & (ranges["dispersion"] == 1)]
    claimed = percent(claim.value, language)
    rows = [
        {
            "label": say("ranges.row", language, count=number(row["count"], language, 0)),
            "estimate": row["percent"],
            "ci_low": row["low"],
            "ci_high": row["high"],
            "text": bounds(row["low"], row["high"], language),
            "role": "reference" if row["low"] <= 0 <= row["high"] else "treated",
        }
        for row in lead.to_dict("records")
    ]
    said = [
        say("ranges.alt_row", language, count=number(count, language, 0), interval=row["text"])
        for count, row in zip(lead["count"], rows, strict=True)
    ]
    return figures.forest(
        pd.DataFrame(rows),
        x_label=say("ranges.axis", language, claimed=claimed),
        title=say("ranges.title", language, claimed=size(claim.value, language)),
        source=sentence(
            "evaluation.report.story", "source.line", language, source=say("source.arithmetic", language)
        ),
        alt=say("ranges.alt", language, claimed=claimed, rows=join(said, language)),
        language=language,
        name="ranges",
    )


@in_languages
def ranges_table(case: SimulatedCase, ranges: pd.DataFrame, language: str) -> Table:
    """Every claim by several base counts."""
    plain = ranges[ranges["dispersion"] == 1].set_index(["claim", "count"])
    counts = [count for count in SHOWN if count in case.study.percentages.counts]
    rows = []
    for claim in case.study.claims:
        row = {say("ranges.claim", language): claim.text[language]}
        for count in counts:
            low, high = (float(plain[name][claim.id, count]) for name in ("low", "high"))
            head = say("ranges.count", language, count=number(count, language, 0))
            row[head] = bounds(low, high, language)
        rows.append(row)
    return Table(
        pd.DataFrame(rows),
        data=ranges,
        caption=say("ranges.caption", language),
        name="ranges-table",
        notes=say("ranges.note", language),
        language=language,
    )


@in_languages
def smallest_table(case: SimulatedCase, smallest: pd.DataFrame, language: str) -> Table:
    """The claims and what other places published, with the cases that each would need."""
    named = [claim.text[language] for claim in case.study.claims]
    for row in case.published.to_dict("records"):
        place = row["place_en"] if language == "en" else row["place"]
        period = _period(str(row["period"]), language)
        named.append(
            say(
                "smallest.published", language, place=place, measure=row[f"measure_{language}"], period=period
            )
        )
    plain, *wider = case.study.percentages.dispersions
    frame = pd.DataFrame(
        {
            say("smallest.what", language): named,
            say("smallest.percent", language): [
                percent(value, language, 0 if value == round(value) else 1) for value in smallest["percent"]
            ],
            say("smallest.plain", language): [number(n, language, 0) for n in smallest[plain]],
            **{
                say("smallest.wide", language, times=f"{times:g}"): [
                    number(n, language, 0) for n in smallest[times]
                ]
                for times in wider
            },
        }
    )
    sources = [""] * len(case.study.claims) + [str(url) for url in case.published.get("source", [])]
    return Table(
        frame,
        data=smallest.rename(columns=str).assign(source=sources),
        caption=say("smallest.caption", language),
        name="smallest-counts",
        notes=say("smallest.note", language),
        language=language,
    )


def _period(text: str, language: str) -> str:
    """A year, or months from one to another, as the table writes them: ``2014``, ``2014-01 to 2014-10``."""
    year = {"en": "{}", "zh": "{}年"}[language]
    ends = [month(end, language) if len(end) == 7 else year.format(end) for end in text.split(" to ")]
    return say("smallest.to", language).join(ends)
