"""The command line: it parses, calls one function a command, and prints."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from evaluation import cli_own, cli_site
from evaluation.cli_common import LangOption, ReportsOption, languages_of
from evaluation.cli_common import project_root as _root
from evaluation.cli_common import reports_folder as _reports
from evaluation.cli_common import table as _table
from evaluation.errors import EvaluationError, StudyError

# Whatever a command needs is imported inside it: `evaluation --help` must not wait for pandas.

app = typer.Typer(
    name="evaluation",
    help="From a government's claim to a report that a mayor, a journalist and a referee can read.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the boxed help takes 0.3 s to import
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="The tables and how they are made.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")
cli_own.register(app, data_app)
cli_site.register(app)

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a key of the study file for this run; repeatable."
    ),
]
GridOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="KEY=A,B,...",
        help="Run the study with each of these values, and compare them on one page; repeatable: "
        "every combination is run.",
    ),
]
MostOption = Annotated[
    int, typer.Option("--max-cells", metavar="N", min=1, help="Combinations that a grid may have.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from evaluation import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root_options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if debug:
        _State.debug = True


class _State:
    debug = False


@app.command("list")
def list_command() -> None:
    """List the studies, what they ask, and when they last ran."""
    from evaluation.pipeline.overview import study_rows

    _table(["study", "question", "last run"], study_rows(_root(), _reports(None)))


@app.command()
def check(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Only these: each is prepared on its data."),
    ] = None,
) -> None:
    """Check tables, study files, claims and notebooks, and prepare every study on its data."""
    from evaluation.pipeline.overview import check_project
    from evaluation.pipeline.starting.notebooks import copies
    from evaluation.study import list_studies

    problems, checked, notes = check_project(_root(), studies or None)
    for text in [*notes, *copies(_root(), studies or list_studies(_root()))]:
        typer.echo(text, err=True)
    if problems:
        _table(["where", "what is wrong"], problems, error=True)
        raise typer.Exit(2)
    typer.echo(checked)


@app.command()
def run(
    studies: Annotated[
        list[str] | None, typer.Argument(metavar="[STUDY]...", help="Names from `evaluation list`.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Run every study.")] = False,
    settings: SetOption = None,
    grid: GridOption = None,
    most: MostOption = 200,
    lang: LangOption = None,
    reports: ReportsOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Reports made at once; by default 2, or 1 on one processor.", show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longest that one cell may take.")
    ] = 900.0,
    on: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="WHERE",
            help="local[:N], tcp://host:8786 or a Slurm file: make reports on Dask workers.",
            show_default=False,
        ),
    ] = None,
    warm: Annotated[
        bool, typer.Option("--warm", hidden=True, help="Understood for one release; changes nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Run what is up to date, too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run and why; run nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the outcome as JSON; progress goes to stderr.")
    ] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Run studies whose inputs changed, and write their pages, result files and the index."""
    from evaluation.cli_progress import brief, shown
    from evaluation.pipeline.executors.cluster import cluster
    from evaluation.pipeline.grids.compare import preview_grid, run_grid
    from evaluation.pipeline.grids.grid import check_grid, parse_grid
    from evaluation.pipeline.grids.grid_shown import grid_outcome, grid_plan_json, grid_plan_row, grid_summary
    from evaluation.pipeline.overview import outcome_json, page_of, plan_json, plan_rows, summary
    from evaluation.pipeline.run import preview
    from evaluation.pipeline.run import run as run_studies
    from evaluation.pipeline.spec import parse_overrides
    from evaluation.pipeline.starting.notebooks import copies
    from evaluation.study import list_studies

    root = _root()
    cells = None
    if grid:
        cells = check_grid(
            parse_grid(grid, studies or [], settings or [], everything=everything, most=most), root
        )
    elif bool(studies) == everything:
        raise StudyError(
            "no study was named" if not studies else "--all runs every study; none can be named beside it",
            expected="evaluation run STUDY..., or evaluation run --all",
            fix="run `evaluation list` for the studies",
        )
    overrides = {} if cells else parse_overrides(settings or [])
    if overrides and (everything or len(set(studies or [])) > 1):
        raise StudyError("--set belongs to one study", expected="evaluation run STUDY --set key=value")
    folder = _reports(reports)
    names = studies or list_studies(root)
    languages = languages_of(lang)
    if cells and languages is None:
        languages = cells.declared.languages
    shared: dict[str, Any] = {
        "root": root,
        "reports": folder,
        "languages": languages,
        "force": force,
    }
    if warm:
        typer.echo("--warm changes nothing any more: every kernel is started anew", err=True)
    if dry_run:
        if cells:
            would, page, why = preview_grid(cells, **shared)
            text, rows = grid_plan_json(would, page, why), [*plan_rows(would), grid_plan_row(page, why)]
        else:
            would = preview(names, **shared, overrides=overrides)
            text, rows = plan_json(would), plan_rows(would)
        if as_json:
            typer.echo(text)
        else:
            _table(["study", "would run", "why"], rows)
        return
    for text in copies(root, names):
        typer.echo(text, err=True)
    signal.signal(signal.SIGTERM, _terminated)
    compared = None
    with cluster(on, root) as executor, shown(error=as_json) as progress:
        how: dict[str, Any] = {**shared, "jobs": jobs, "cell_timeout": timeout, "executor": executor}
        if cells:
            done, compared = run_grid(cells, **how, progress=progress)
        else:
            done = run_studies(names, **how, overrides=overrides, progress=progress)
    for one in done:
        if one.failure is not None and one.failure.trace:
            _log(f"{one.place.name}\n{one.failure.trace}")
    good, bad = summary(done, folder)
    for text in bad:
        typer.echo(text, err=True)
    for text in [*brief(good), *([grid_summary(compared)] if compared else [])]:
        typer.echo(text, err=as_json)
    if as_json:
        typer.echo(outcome_json(done, folder, grid_outcome(compared, done) if compared else None))
    if open_it and (first := page_of(done, folder)):
        import webbrowser

        webbrowser.open(first.resolve().as_uri())
    raise typer.Exit(max((one.exit_status for one in done), default=0))


@data_app.command("list")
def data_list() -> None:
    """List the tables with source and licence."""
    from evaluation.pipeline.overview import table_rows

    _table(["table", "rows", "source", "licence", "sha256"], table_rows(_root()))


@data_app.command("build")
def data_build(
    name: Annotated[str, typer.Argument(help="Name of the source, such as air_quality.")],
    raw: Annotated[Path, typer.Option("--raw", metavar="PATH", help="The raw record: a file or a folder.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Data folder; data/ of the project by default.", show_default=False
        ),
    ] = None,
    skip_broken: Annotated[
        bool,
        typer.Option("--skip-broken", help="Pass over files of a folder that cannot be read, and say so."),
    ] = False,
) -> None:
    """Make a committed table from its raw record."""
    from evaluation.pipeline.overview import build_table

    for text in build_table(_root(), name, raw, out, skip_broken=skip_broken):
        typer.echo(text)


@data_app.command("simulate")
def data_simulate(
    name: Annotated[str, typer.Argument(help="Name of the source, such as approvals_huantai_simulated.")],
    raw: Annotated[Path, typer.Option("--raw", metavar="DIR", help="Folder to write the record into.")],
) -> None:
    """Write a simulated raw record, the same every time, to be built like a real one."""
    from evaluation.sources.build import simulate

    for path in simulate(name, raw, _root()):
        typer.echo(f"wrote {path}")


def main() -> NoReturn:
    """Run the command line: a user's mistake is printed without a traceback, with its exit status."""
    debug = "--debug" in sys.argv
    try:
        app()
    except EvaluationError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, SystemExit) as end:
        # typer makes exit status 130 of Ctrl-C, without a word
        if isinstance(end, SystemExit) and end.code != 130:
            raise
        typer.echo("stopped; what was written stands", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the pipe is gone; Python would complain about its last flush
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        import traceback

        log = _log(traceback.format_exc())
        typer.echo(f"unexpected error: {type(error).__name__}: {error}", err=True)
        typer.echo(f"  log: {log}\n  the same with --debug shows the traceback here", err=True)
        sys.exit(1)
    sys.exit(0)


def _terminated(signum: int, frame: Any) -> NoReturn:
    # as for Ctrl-C, so that kernels are ended and temporary files removed on the way out
    raise KeyboardInterrupt


def _log(text: str) -> Path:
    """Append to the log in the project's build folder, or in the temporary one where there is no project."""
    try:
        path = _root() / "build" / "evaluation.log"
        path.parent.mkdir(exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except (OSError, EvaluationError):
        path = Path(tempfile.gettempdir()) / f"evaluation-{os.getpid()}.log"
        file = path.open("a", encoding="utf-8")
    with file:
        file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n{text}\n")
    return path


if __name__ == "__main__":
    main()
