"""Run the cells of a grid, and set them beside each other on one page in each language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluation.errors import OutputError, StudyError
from evaluation.pipeline.changes.imports import Use
from evaluation.pipeline.changes.inputs import Project, digest_of, digest_of_text
from evaluation.pipeline.changes.state import state_file
from evaluation.pipeline.changes.wanted import Wanted
from evaluation.pipeline.finish import StudyRun
from evaluation.pipeline.grids.grid import Axis, Checked, Grid, check_grid
from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.progress import Lines, Progress
from evaluation.pipeline.run import Order, preview, run_orders
from evaluation.pipeline.site import COMPARISON as DATA
from evaluation.pipeline.site import Place, result_text, write_together, write_whole

Status = Literal["made", "up_to_date"]


@dataclass(frozen=True)
class Compared:
    """The comparison page of a grid.

    Attributes
    ----------
    grid : Grid
    pages : mapping of language to Path
    data : Path
        The same for machines.
    status : {"made", "up_to_date"}
    written : tuple of Path
        What was put in place.
    """

    grid: Grid
    pages: Mapping[str, Path]
    data: Path
    status: Status = "up_to_date"
    written: tuple[Path, ...] = ()


def folder_of(reports: Path, grid: Grid) -> Path:
    """Where the comparison of a grid stands."""
    return reports / "variants" / grid.name


def orders_of(grid: Grid) -> list[Order]:
    """The study as declared, then every cell."""
    return [Order(grid.study), *(Order(grid.study, cell) for cell in grid.cells)]


def compared(reports: Path, grid: Grid, languages: Sequence[str]) -> Compared:
    """Where the comparison of a grid is, or will be."""
    folder = folder_of(reports.absolute(), grid)
    pages = {language: folder / f"{language}.html" for language in languages}
    return Compared(grid, pages, folder / DATA)


def preview_grid(
    checked: Checked, *, root: Path, reports: Path, languages: Sequence[str], force: bool = False
) -> tuple[list[Wanted], Compared, tuple[str, ...]]:
    """What a run would do: each cell with its reasons, and why the comparison would be made again."""
    grid = checked.grid
    wanted = preview(orders_of(grid), root=root, reports=reports, languages=languages, force=force)
    one = compared(reports, grid, languages)
    moving = sum(bool(cell.reasons) for cell in wanted)
    if moving:
        return wanted, one, (f"{moving} of {len(wanted)} reports would be made",)
    project = Project(root.resolve())
    return wanted, one, tuple(_reasons(project, one, _basis(project, checked, one, {}), languages))


def run_grid(
    checked: Checked,
    *,
    root: Path,
    reports: Path,
    languages: Sequence[str],
    progress: Progress | None = None,
    **options: Any,
) -> tuple[list[StudyRun], Compared]:
    """Make every cell of a grid and the study as declared, then the page that compares them.

    Parameters
    ----------
    checked : Checked
        From `check_grid`.
    root, reports : Path
    languages : sequence of {"en", "zh"}
    progress : Progress, optional
        Told whatever is done, for the user.
    **options
        Of `run_orders`: ``jobs, cell_timeout, force, executor``.

    Returns
    -------
    runs : list of StudyRun
        The declared study first. A cell that fails stops no other.
    compared : Compared

    Raises
    ------
    OutputError
        The reports folder cannot be written, or another run is writing it.
    """
    found: list[Compared] = []
    progress = progress or Lines()

    def then(runs: list[StudyRun]) -> None:
        reasons = _failed(runs)
        found.append(_compare(checked, root.resolve(), reports.absolute(), languages, reasons))
        name, status = checked.grid.name, found[0].status
        made = f"compared {checked.grid.size} cells with the study as declared"
        progress.note(f"{name}: {'up to date' if status == 'up_to_date' else made}")

    runs = run_orders(
        orders_of(checked.grid),
        root=root,
        reports=reports,
        languages=languages,
        then=then,
        progress=progress,
        **options,
    )
    return runs, found[0]


def compare_again(root: Path, reports: Path, runs: Sequence[StudyRun], progress: Progress) -> None:
    """Make the comparisons again that stand on studies or variants which were just run.

    Parameters
    ----------
    root, reports : Path
    runs : sequence of StudyRun
    progress : Progress
        Told of what is made, and of a comparison that its study no longer allows: that stays as it is.
    """
    moved = {run.place.name for run in runs if not run.up_to_date}
    failed = _failed(runs)
    for path in sorted((reports / "variants").glob(f"*/{DATA}")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            axes = tuple(Axis(key, tuple(values)) for key, values in content["grid"].items())
            grid = Grid(content["study"], axes, content["set"])
            cells = {cell["variant"] or grid.study: cell for cell in content["cells"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # the index will say that it is none
        if not moved & set(cells) or grid.name != path.parent.name:
            continue
        places = {name: Place(reports, grid.study, cell["variant"]) for name, cell in cells.items()}
        # a cell that was not run now is failed as long as its page of failure stands
        earlier = {
            name: str(cell["reason"])
            for name, cell in cells.items()
            if cell.get("reason") and name not in moved and places[name].failure.is_file()
        }
        languages = [tongue for tongue in LANGUAGES if path.with_name(f"{tongue}.html").is_file()]
        try:
            made = _compare(check_grid(grid, root), root, reports, languages, {**earlier, **failed})
        except StudyError as error:
            progress.note(f"{grid.name}: not compared again: {error.what}")
            continue
        if made.written:
            progress.note(f"{grid.name}: compared again")


def _compare(
    checked: Checked, root: Path, reports: Path, languages: Sequence[str], failed: Mapping[str, str]
) -> Compared:
    one = compared(reports, checked.grid, languages)
    names = {Place.of(reports, order.study, order.overrides).name for order in orders_of(checked.grid)}
    reasons = {name: reason for name, reason in failed.items() if name in names}
    project = Project(root)
    basis = _basis(project, checked, one, reasons)
    if not _reasons(project, one, basis, languages):
        return one
    from evaluation.pipeline.grids.gathered import pages_of  # takes a second to import

    standing = [tongue for tongue in LANGUAGES if tongue in languages or _page(one, tongue).is_file()]
    made, record = pages_of(checked, root, one.data.parent, reasons, languages, standing)
    files: dict[Path, str] = {one.pages[tongue]: text for tongue, text in made.items()}
    files[one.data] = result_text(record)
    changed = {path: text for path, text in files.items() if digest_of(path) != digest_of_text(text)}
    write_together(changed)
    kept = _kept(project, one)
    standing_now = {name: digest_of(path) for name, path in _files(one).items()}
    # without it the page is made again the next time, and not written where it is the same
    with suppress(OutputError):
        write_whole(kept, json.dumps({"basis": basis, "pages": standing_now}))
    status: Status = "made" if changed else "up_to_date"
    return Compared(one.grid, one.pages, one.data, status, tuple(changed))


def _failed(runs: Iterable[StudyRun]) -> dict[str, str]:
    """Why cells failed."""
    return {run.place.name: f"{run.failure.error}: {run.failure.message}" for run in runs if run.failure}


def _page(one: Compared, language: str) -> Path:
    return one.data.with_name(f"{language}.html")


def _files(one: Compared) -> dict[str, Path]:
    return {**one.pages, "data": one.data}


def _kept(project: Project, one: Compared) -> Path:
    reports = one.data.parents[2]
    return state_file(project.root, Place(reports, one.grid.study)).with_name(f"{one.grid.name}.grid.json")


def _basis(project: Project, checked: Checked, one: Compared, reasons: Mapping[str, str]) -> str:
    """Checksum of all that the page rests on: results, failures, the study's words, the code."""
    reports = one.data.parents[2]
    seen: list[Any] = [sorted(_code(project).items())]
    seen.append(
        [checked.grid.study, project.digest(f"studies/{checked.grid.study}.toml"), checked.grid.command]
    )
    for order in orders_of(checked.grid):
        place = Place.of(reports, order.study, order.overrides)
        there = [place.page(language).is_file() for language in LANGUAGES]
        seen.append([place.name, digest_of(place.result), reasons.get(place.name, ""), there])
    return digest_of_text(json.dumps(seen))


def _code(project: Project) -> dict[str, str]:
    """Files that make the page; its words on a study are in the study file."""
    files = project.code.files([Use("evaluation.pipeline.grids.gathered", None, "")])
    return {project.shown(path): digest for path, digest in files.items()}


def _reasons(project: Project, one: Compared, basis: str, languages: Sequence[str]) -> list[str]:
    """Why the page must be made: what it rests on moved, or it is not as it was made."""
    try:
        kept = json.loads(_kept(project, one).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ["it was never made here"]
    said = [] if kept.get("basis") == basis else ["a result, a failure or the program changed"]
    pages = kept.get("pages") or {}
    for name, path in _files(one).items():
        if digest_of(path) != pages.get(name):
            how = "is gone" if digest_of(path) == "absent" else "is not as it was made"
            said.append(f"{path.name} {how}")
    return said
