"""What the command line shows of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.pipeline.changes.wanted import Wanted
from evaluation.pipeline.finish import StudyRun
from evaluation.pipeline.grids.compare import Compared
from evaluation.pipeline.overview import plan_records, to_json
from evaluation.pipeline.site import shown


def grid_plan_row(page: Compared, why: Sequence[str]) -> tuple[str, ...]:
    """The comparison page in the table of a dry run."""
    return page.grid.name, "yes" if why else "no", "; ".join(why) or "up to date"


def grid_plan_json(would: Sequence[Wanted], page: Compared, why: Sequence[str]) -> str:
    """What a run of a grid would do, for machines."""
    records = plan_records(would)
    cells = [
        {"settings": page.grid.settings(cell), **record}
        for cell, record in zip(page.grid.cells, records[1:], strict=True)
    ]
    comparison = {**_pages(page), "would_run": bool(why), "reasons": list(why)}
    return to_json({**_named(page), "declared": records[0], "cells": cells, "comparison": comparison})


def grid_outcome(page: Compared, runs: Sequence[StudyRun]) -> dict[str, Any]:
    """What became of a grid: every cell with its reason where it failed, and the comparison page."""
    cells = []
    for cell, run in zip(page.grid.cells, runs[1:], strict=True):
        reason = f"{run.failure.error}: {run.failure.message}" if run.failure else None
        status = "failed" if run.failure else "up_to_date" if run.up_to_date else "made"
        cells.append(
            {
                "settings": page.grid.settings(cell),
                "variant": run.place.variant,
                "status": status,
                "reason": reason,
                "result": None if reason else shown(run.place.result),
            }
        )
    written = [shown(path) for path in page.written]
    comparison = {**_pages(page), "status": page.status, "written": written}
    return {**_named(page), "cells": cells, "comparison": comparison}


def grid_summary(page: Compared) -> str:
    """Where the comparison is."""
    paths = " ".join(shown(path) for path in page.pages.values())
    return f"comparison {paths}{' (up to date)' if page.status == 'up_to_date' else ''}"


def _named(page: Compared) -> dict[str, Any]:
    axes: Mapping[str, Any] = {axis.key: list(axis.values) for axis in page.grid.axes}
    return {"study": page.grid.study, "name": page.grid.name, "axes": axes, "set": dict(page.grid.fixed)}


def _pages(page: Compared) -> dict[str, Any]:
    pages = {language: shown(path) for language, path in page.pages.items()}
    return {"pages": pages, "data": shown(page.data)}
