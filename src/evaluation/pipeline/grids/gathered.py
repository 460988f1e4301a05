"""What the cells of a grid found, gathered for the page that compares them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evaluation.errors import EvaluationError
from evaluation.pipeline.grids.grid import Checked
from evaluation.pipeline.grids.leading import claims_of, leading, says_who_leads
from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.publishing.news import simulated
from evaluation.pipeline.site import Place
from evaluation.pipeline.spec import value_text
from evaluation.report.sections.comparison import Cell, Comparison, finding, render_comparison, text_in

_NO_RESULT = "ReportError: its result file is missing or cannot be read"
_OLD_RESULT = (
    "ReportError: its result file does not say which estimate of each outcome leads (the key leads), as "
    "those of earlier versions do not: run the study again with --force"
)
_MADE = ("commit", "generated", "seed", "versions")


def pages_of(
    checked: Checked,
    root: Path,
    folder: Path,
    reasons: Mapping[str, str],
    languages: Sequence[str],
    standing: Sequence[str],
) -> tuple[dict[str, str], dict[str, Any]]:
    """The pages of a comparison by language, and what they say for machines.

    Parameters
    ----------
    checked : Checked
    root : Path
        The project folder.
    folder : Path
        Where the pages will stand, two below the reports folder.
    reasons : mapping
        Name of a study or variant that failed to the reason.
    languages, standing : sequence of {"en", "zh"}
        Languages to make, and those of which there is a page then.
    """
    reports = folder.parents[1]
    grid = checked.grid
    asked: list[dict[str, Any]] = [{}, *grid.cells]
    places = [Place.of(reports, grid.study, overrides) for overrides in asked]
    results, unread = [], []
    for place in places:
        result, why = (None, reasons[place.name]) if place.name in reasons else _result(place)
        results.append(result)
        unread.append(why)
    studies = [_loaded(grid.study, overrides, root) for overrides in asked]
    measures, numbers = leading(results, studies, [_wishes(checked, overrides) for overrides in asked])
    cells = []
    for i, (place, result) in enumerate(zip(places, results, strict=True)):
        settings = grid.settings(grid.cells[i - 1]) if i else _declared_settings(checked)
        cells.append(
            Cell(
                settings,
                numbers[i],
                (result or {}).get("answer") or {},
                claims_of(result or {}),
                {
                    tongue: _link(place.page(tongue), reports)
                    for tongue in LANGUAGES
                    if place.page(tongue).is_file()
                },
                declared=i == 0,
                same=i > 0 and checked.same[i - 1],
                reason=unread[i],
                failure=_link(place.failure, reports) if place.failure.is_file() else "",
            )
        )
    known = [result for result in results if result is not None]
    page = Comparison(
        grid.study,
        checked.declared.title.model_dump(),
        tuple(axis.key for axis in grid.axes),
        cells[0],
        tuple(cells[1:]),
        measures,
        _names(checked.declared),
        any(result.get("simulated", simulated(result)) for result in known),
        {
            "command": grid.command,
            **_making(known),
            "overrides": {k: value_text(v) for k, v in grid.fixed.items()},
        },
        {tongue: f"{tongue}.html" for tongue in standing},
    )
    made = {language: render_comparison(page, language) for language in languages}
    return made, _record(checked, page, places, known, standing)


def _result(place: Place) -> tuple[dict[str, Any] | None, str]:
    """The result of a study or variant, or why there is none to compare."""
    try:
        read = json.loads(place.result.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None, _NO_RESULT
    if not isinstance(read, dict):
        return None, _NO_RESULT
    return (read, "") if says_who_leads(read) else (None, _OLD_RESULT)


def _loaded(study: str, overrides: Mapping[str, Any], root: Path) -> Any:
    from evaluation.study import load_study

    try:
        return load_study(study, overrides, root)
    except EvaluationError:
        return None  # the run has said so: the cell stands as failed


def _link(path: Path, reports: Path) -> str:
    """Address of a file of the reports folder from a folder two below it."""
    return "../../" + quote(path.relative_to(reports).as_posix(), safe="/=,~")


def _wishes(checked: Checked, overrides: Mapping[str, Any]) -> dict[str, str]:
    """Columns of the result's rows that the axes may be, with the value that this study has there."""
    return {
        axis.key.rpartition(".")[2]: str(overrides.get(axis.key, _at(checked.declared, axis.key)))
        for axis in checked.grid.axes
    }


def _at(study: Any, key: str) -> Any:
    """The value that a study has at a dotted key; None where it has none."""
    place = study
    for part in key.split("."):
        if isinstance(place, tuple):
            place = next(
                (entry for i, entry in enumerate(place) if part in (getattr(entry, "id", None), str(i))), None
            )
        else:
            place = place.get(part) if isinstance(place, Mapping) else getattr(place, part, None)
    return place


def _declared_settings(checked: Checked) -> dict[str, str]:
    """The study's own values of the axes, where it states one."""
    found = {axis.key: _at(checked.declared, axis.key) for axis in checked.grid.axes}
    return {
        key: value_text(list(value) if isinstance(value, tuple) else value)
        for key, value in found.items()
        if isinstance(value, str | int | float | tuple)
    }


def _names(study: Any) -> dict[str, dict[str, str]]:
    """Labels of what values may name: outcomes, comparisons, pools."""
    entries = [
        *getattr(study, "outcomes", ()),
        *getattr(study, "comparisons", ()),
        *getattr(study, "every_pool", ()),
    ]
    labels = {entry.id: entry.label.model_dump() for entry in entries if getattr(entry, "label", None)}
    # a label with a number to fill in needs the data, which nobody reads here
    return {name: label for name, label in labels.items() if "{" not in "".join(label.values())}


def _making(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How the newest of the results was made, and every table that any of them read."""
    if not results:
        return {}
    newest = max(results, key=lambda result: str(result.get("generated", "")))
    data = {source.get("name"): dict(source) for result in results for source in result.get("data") or []}
    return {**{key: newest[key] for key in _MADE if key in newest}, "data": list(data.values())}


def _record(
    checked: Checked,
    page: Comparison,
    places: Sequence[Place],
    results: Sequence[Mapping[str, Any]],
    standing: Sequence[str],
) -> dict[str, Any]:
    """The comparison for machines, and for the index."""
    grid = checked.grid
    cells = [
        {
            "variant": place.variant,
            "declared": cell.declared,
            "same_as_declared": cell.same,
            "settings": dict(cell.settings),
            "status": "failed" if cell.reason else "made",
            "reason": cell.reason or None,
            "numbers": {
                name: {
                    "estimate": one.estimate,
                    "ci_low": one.low,
                    "ci_high": one.high,
                    "verdict": one.verdict or None,
                    "estimator": one.estimator,
                    "n_units": one.units,
                    "n_treated": one.treated,
                    "n_periods": one.periods,
                }
                for name, one in cell.numbers.items()
            },
        }
        for place, cell in zip(places, (page.declared, *page.cells), strict=True)
    ]
    return {
        "study": grid.study,
        "title": dict(page.title),
        "finding": {language: finding(page, text_in(language)) for language in LANGUAGES},
        "generated": page.provenance.get("generated"),
        "commit": page.provenance.get("commit"),
        "simulated": page.simulated,
        "grid": {axis.key: list(axis.values) for axis in grid.axes},
        "set": dict(grid.fixed),
        "command": grid.command,
        "languages": list(standing),
        "measures": [
            {"id": one.id, "unit": one.unit["en"], "estimand": one.estimand} for one in page.measures
        ],
        "cells": cells,
    }
