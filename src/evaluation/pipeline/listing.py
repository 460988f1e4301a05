"""The index of the reports folder: every good report on disk, made now or earlier, and every failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError
from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.site import COMPARISON as DATA
from evaluation.pipeline.site import Place, read_comparison, read_results, write_whole


def write_index(reports: Path, root: Path, now: str) -> None:
    """Write ``index.html`` from the files that stand in the reports folder.

    Parameters
    ----------
    reports, root : Path
    now : str
        Time of the run, for the age of a report whose latest run failed.

    Raises
    ------
    OutputError
        The index cannot be written.
    """
    from evaluation.report.index import render_index

    write_whole(reports / "index.html", render_index(_entries(reports, root), now))


def listed(reports: Path, code: Mapping[str, str], now: str) -> str:
    """Checksum of what the index shows and of the code that makes it: the same means the same index."""
    seen: list[Any] = [sorted(code.items()), _ages(reports, now)]
    for folder in ("results", "variants", "failures", *LANGUAGES):
        for path in sorted((reports / folder).rglob("*")):
            if path.is_file():
                # a page counts by being there, a result by what it says
                content = path.read_bytes() if path.suffix == ".json" else b""
                seen.append((path.relative_to(reports).as_posix(), hashlib.sha256(content).hexdigest()))
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _ages(reports: Path, now: str) -> list[tuple[str, int]]:
    """Whole hours since reports were made that could not be made anew: only these show an age."""
    ages = []
    for path in sorted((reports / "failures").glob("*.html")):
        name = path.stem
        kept = (
            reports / "variants" / name / "result.json"
            if "--" in name
            else reports / "results" / f"{name}.json"
        )
        try:
            made = datetime.fromisoformat(str(json.loads((reports / kept).read_text("utf-8"))["generated"]))
            ages.append((name, int((datetime.fromisoformat(now) - made).total_seconds() // 3600)))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # never made, or not a result: the index itself says so
    return ages


def _comparisons(reports: Path) -> list[dict[str, Any]]:
    """Every comparison of a grid that has a page, with its pages and the variants that it compares."""
    found = []
    for path in sorted((reports / "variants").glob(f"*/{DATA}")):
        content = read_comparison(path)
        if content is None:
            continue
        kept = {key: content[key] for key in ("study", "finding", "grid")}
        variants = {str(cell["variant"]) for cell in content["cells"] if cell["variant"]}
        pages = {
            language: path.with_name(f"{language}.html").relative_to(reports).as_posix()
            for language in LANGUAGES
            if path.with_name(f"{language}.html").is_file()
        }
        if pages:
            found.append({**kept, "pages": pages, "variants": variants})
    return found


def _entries(reports: Path, root: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    comparisons = _comparisons(reports)
    # the variants of a grid stand on its comparison, and not here
    inside = {name for one in comparisons for name in one["variants"]}
    for place, result in read_results(reports):
        if place.variant in inside:
            continue
        pages = {
            language: place.page(language).relative_to(reports).as_posix()
            for language in LANGUAGES
            if place.page(language).is_file()
        }
        entry: dict[str, Any] = {
            "result": result,
            "pages": pages,
            "failure": _failed(place),
            "variant": place.variant,
        }
        if result is None:
            entry |= {"result": {"study": place.study, **_titles(place.study, root)}, "damaged": True}
        entries.append(entry)
    shown = {entry["failure"] for entry in entries}
    for path in sorted((reports / "failures").glob("*.html")):
        failure = path.relative_to(reports).as_posix()
        if failure not in shown and path.stem not in inside:
            study, sign, _ = path.stem.partition("--")
            known = {"study": study, **_titles(study, root)}
            entries.append(
                {"result": known, "pages": {}, "failure": failure, "variant": path.stem if sign else None}
            )
    for one in comparisons:
        study = one["study"]
        own = (entry for entry in entries if not entry["variant"] and entry["result"]["study"] == study)
        first = next(own, None)
        entry = first or {}
        if first is None:
            known = {"study": study, **_titles(study, root)}
            entry = {"result": known, "pages": {}, "failure": None, "variant": None}
            entries.append(entry)
        entry.setdefault("comparisons", []).append(one)
    return entries


def _failed(place: Place) -> str | None:
    return place.failure.relative_to(place.reports).as_posix() if place.failure.is_file() else None


def _titles(study: str, root: Path) -> dict[str, Any]:
    """Title and question of a study that has no result yet, if its file can be read."""
    from evaluation.study import load_study

    try:
        loaded = load_study(study, root=root)
    except EvaluationError:
        return {}
    return {"title": loaded.title.model_dump(), "question": loaded.question.model_dump()}
