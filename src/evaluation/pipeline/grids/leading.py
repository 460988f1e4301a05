"""The numbers of a result file that lead its page, found alike for every kind of study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import isfinite, nan
from typing import Any

from evaluation.report.comparison_story.data import Measure, Number

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
    known = [i for i, result in enumerate(results) if result is not None]
    numbers: list[dict[str, Number]] = [{} for _ in results]
    measures: list[Measure] = []
    if not known or any((results[i] or {}).get("kind") == "ledger" for i in known):
        return (), numbers  # a ledger's own estimates are about other studies' figures
    study = next((one for one in studies if one is not None), None)
    for outcome in _outcomes([results[i] for i in known], study):
        chosen = _chosen(outcome, results, wishes)
        if not chosen:
            continue
        percent = all(_finite(row.get("percent")) for row in chosen.values())
        if not percent and len({str(row.get("unit", "")) for row in chosen.values()}) > 1:
            continue  # numbers in different units cannot stand beside each other
        first = next(iter(chosen.values()))
        unit = "percent" if percent else str(first.get("base_unit", ""))
        said = _unit(study, outcome, unit, first.get("period"))
        measures.append(Measure(outcome, _label(study, outcome), said, str(first.get("estimand", ""))))
        for i, row in chosen.items():
            numbers[i][outcome] = _number(row, percent, verdict_of(results[i] or {}, studies[i], outcome))
    return tuple(measures), numbers


def _outcomes(results: Iterable[Any], study: Any) -> list[str]:
    """Outcomes of all results in order, the headline's first."""
    names = [str(row["outcome"]) for result in results for row in _rows(result)]
    headline = getattr(getattr(study, "headline", None), "outcome", None)
    return list(dict.fromkeys([*([headline] if headline in names else []), *names]))


def _rows(result: Mapping[str, Any] | None) -> list[Row]:
    rows = (result or {}).get("estimates") or []
    return [row for row in rows if "outcome" in row and "rank" not in row]


def says_who_leads(result: Mapping[str, Any]) -> bool:
    """Whether one row of each outcome is marked, which result files of earlier versions lack."""
    rows = _rows(result)
    led = [row["outcome"] for row in rows if row.get("leads")]
    return sorted(led) == sorted({row["outcome"] for row in rows})


def _chosen(
    outcome: str, results: Sequence[Mapping[str, Any] | None], wishes: Sequence[Mapping[str, str]]
) -> dict[int, Row]:
    """The row of each result that has one with an estimate."""
    found = {
        i: [row for row in _rows(result) if row["outcome"] == outcome] for i, result in enumerate(results)
    }
    found = {i: rows for i, rows in found.items() if rows}
    leads = {i: next(row for row in rows if row["leads"]) for i, rows in found.items()}
    for column in dict.fromkeys(column for wish in wishes for column in wish):
        kept = {
            i: [row for row in rows if str(row.get(column)) == wishes[i].get(column)]
            for i, rows in found.items()
        }
        if all(kept.values()):  # an axis that is no column of the rows in one result is none in any
            found = kept
    chosen = {i: min(rows, key=partial(_distance, leads[i])) for i, rows in found.items()}
    return {i: row for i, row in chosen.items() if _finite(row.get("estimate"))}


def _distance(lead: Row, row: Row) -> tuple[bool, bool]:
    """How far a row is from the one that leads: 0 itself, then its comparison, then any other."""
    return row is not lead, any(row.get(key) != lead.get(key) for key in ("pool", "comparison"))


def _number(row: Row, percent: bool, verdict: str) -> Number:
    estimate, low, high = (row.get(key) for key in (_PERCENT if percent else _PLAIN))
    return Number(
        _float(estimate),
        _float(low),
        _float(high),
        verdict,
        units=row.get("n_units"),
        treated=row.get("n_treated"),
        periods=row.get("n_periods"),
        estimator=str(row.get("estimator", "")),
    )


def _float(value: Any) -> float:
    return float(value) if _finite(value) else nan


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


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


def _unit(study: Any, outcome: str, unit: str, period: str | None) -> dict[str, str]:
    """A unit of a result file, which is English, in both languages."""
    from evaluation.report import language as words

    entry = _entry(study, outcome)
    both: dict[str, str] = {tongue: words.unit(_KNOWN.get(unit, unit), tongue) for tongue in words.LANGUAGES}
    for text in (getattr(entry, "unit", None), getattr(getattr(study, "data", None), "per_label", None)):
        if text is not None and unit == text.en:
            both = text.model_dump()
    if period and getattr(entry, "annual", None) != "mean":  # a mean is no more over a month than over a day
        english, chinese = _PERIODS[period]
        both = {"en": f"{both['en']} a {english}", "zh": f"{both['zh']}/{chinese}"}
    return both


_PERIODS = {
    "Y": ("year", "年"),
    "Q": ("quarter", "季度"),
    "M": ("month", "月"),
    "W": ("week", "周"),
    "D": ("day", "日"),
}


_KNOWN = {"log points": "log", "index points": "index"}
