"""The numbers of a result file that lead its page, found alike for every kind of study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import nan
from typing import Any

from evaluation.report import language as words
from evaluation.report.sections.comparison.data import Measure, Number

_PERCENT = ("percent", "percent_low", "percent_high")
_PLAIN = ("estimate", "ci_low", "ci_high")
_CHANGES = ("change", "relative_change")
Row = Mapping[str, Any]


def leading(
    results: Sequence[Mapping[str, Any] | None],
    studies: Sequence[Any],
    wishes: Sequence[Mapping[str, str]],
) -> tuple[tuple[Measure, ...], list[dict[str, Number]]]:
    """For each outcome the estimate that leads, in all results alike.

    A row of ``estimates`` that ``leads`` is taken, unless an axis of the grid is a column of the rows
    (``treatment.date`` is ``date``): then the first row with that value, among those of the same comparison.
    Rankings and ledgers compare verdicts and have no number here.

    Parameters
    ----------
    results : sequence of mapping or None
        The declared study first; None for one that was not made.
    studies : sequence
        The study of each, as loaded; None where it does not load.
    wishes : sequence of mapping
        Columns of the rows, and the value that each result should have there.

    Returns
    -------
    measures : tuple of Measure
        The outcome of the headline first.
    numbers : list of dict
        For each result, measure to number.
    """
    numbers: list[dict[str, Number]] = [{} for _ in results]
    measures: list[Measure] = []
    # a ledger's own estimates are about other studies' figures
    rows = [[] if result is None or result.get("kind") == "ledger" else _rows(result) for result in results]
    study = next((one for one in studies if one is not None), None)
    for outcome in _outcomes(rows, study):
        chosen = _chosen([[row for row in some if row["outcome"] == outcome] for some in rows], wishes)
        percent = all(row.get("percent") is not None for row in chosen.values())
        if not chosen or (not percent and len({row.get("unit") for row in chosen.values()}) > 1):
            continue  # numbers in different units cannot stand beside each other
        first = next(iter(chosen.values()))
        unit = _unit(study, outcome, {"base_unit": "percent"} if percent else first)
        measures.append(Measure(outcome, _label(study, outcome), unit, str(first.get("estimand", ""))))
        for i, row in chosen.items():
            numbers[i][outcome] = _number(row, percent, verdict_of(results[i] or {}, studies[i], outcome))
    return tuple(measures), numbers


def says_who_leads(result: Mapping[str, Any]) -> bool:
    """Whether one row of each outcome is marked, which result files of earlier versions lack."""
    rows = _rows(result)
    led = [row["outcome"] for row in rows if row.get("leads")]
    return sorted(led) == sorted({row["outcome"] for row in rows})


def _rows(result: Mapping[str, Any]) -> list[Row]:
    rows = result.get("estimates") or []
    return [row for row in rows if "outcome" in row and "rank" not in row]


def _outcomes(rows: Iterable[Sequence[Row]], study: Any) -> list[str]:
    """Outcomes of all results in order, the headline's first."""
    headline = getattr(getattr(study, "headline", None), "outcome", None)
    names = dict.fromkeys(row["outcome"] for some in rows for row in some)
    return sorted(names, key=lambda name: name != headline)


def _chosen(rows: Sequence[Sequence[Row]], wishes: Sequence[Mapping[str, str]]) -> dict[int, Row]:
    """The row of each result that has one with an estimate, from its rows of an outcome."""
    found = {i: list(some) for i, some in enumerate(rows) if some}
    leads = {i: next(row for row in some if row["leads"]) for i, some in found.items()}
    for column in dict.fromkeys(column for wish in wishes for column in wish):
        kept = {
            i: [row for row in some if str(row.get(column)) == wishes[i].get(column)]
            for i, some in found.items()
        }
        if all(kept.values()):  # an axis that is no column of the rows in one result is none in any
            found = kept
    chosen = {i: min(some, key=partial(_distance, leads[i])) for i, some in found.items()}
    return {i: row for i, row in chosen.items() if row.get("estimate") is not None}


def _distance(lead: Row, row: Row) -> tuple[bool, bool]:
    """How far a row is from the one that leads: 0 itself, then its comparison, then any other."""
    return row is not lead, any(row.get(key) != lead.get(key) for key in ("pool", "comparison"))


def _number(row: Row, percent: bool, verdict: str) -> Number:
    estimate, low, high = (
        nan if row.get(key) is None else float(row[key]) for key in (_PERCENT if percent else _PLAIN)
    )
    return Number(
        estimate,
        low,
        high,
        verdict,
        units=row.get("n_units"),
        treated=row.get("n_treated"),
        periods=row.get("n_periods"),
        estimator=str(row.get("estimator", "")),
    )


def verdict_of(result: Mapping[str, Any], study: Any, outcome: str) -> str:
    """The rule's verdict on an outcome: its own, else that of the first claim on a change of it."""
    own = (result.get("verdicts") or {}).get(outcome) or {}
    if own.get("verdict"):
        return str(own["verdict"])
    kinds = {claim.id: claim for claim in getattr(study, "claims", ())}
    for claim in result.get("claims") or []:
        asked = kinds.get(claim.get("id"))
        if getattr(asked, "outcome", None) == outcome and getattr(asked, "kind", _CHANGES[0]) in _CHANGES:
            return str((claim.get("attributable") or {}).get("verdict") or "")
    return ""


def claims_of(result: Mapping[str, Any]) -> dict[str, str]:
    """Verdicts of every claim, both of them."""
    found: dict[str, str] = {}
    for claim in result.get("claims") or []:
        for key, mark in (("attributable", ""), ("reproduced", "reproduced:")):
            verdict = (claim.get(key) or {}).get("verdict")
            if verdict:
                found[f"{mark}{claim.get('id')}"] = str(verdict)
    return found


def _entry(study: Any, outcome: str) -> Any:
    return next((one for one in getattr(study, "outcomes", ()) if one.id == outcome), None)


def _label(study: Any, outcome: str) -> dict[str, str]:
    entry = _entry(study, outcome)
    return {"en": outcome, "zh": outcome} if entry is None else entry.label.model_dump()


def _unit(study: Any, outcome: str, row: Row) -> dict[str, str]:
    """The unit of a row of a result file, which is English, in both languages."""
    entry, data = _entry(study, outcome), getattr(study, "data", None)
    unit = str(row.get("base_unit", ""))
    both: dict[str, str] = {language: words.unit(unit, language) for language in words.LANGUAGES}
    for text in (getattr(entry, "unit", None), getattr(data, "per_label", None)):
        if text is not None and unit == text.en:
            both = text.model_dump()
    if row.get("period") and getattr(entry, "annual", None) != "mean":
        # a mean is no more over a month than over a day
        english, chinese = _PERIODS[row["period"]]
        both = {"en": f"{both['en']} a {english}", "zh": f"{both['zh']}/{chinese}"}
    return both


_PERIODS = {
    "Y": ("year", "年"),
    "Q": ("quarter", "季度"),
    "M": ("month", "月"),
    "W": ("week", "周"),
    "D": ("day", "日"),
}
