"""Commands of a project of one's own: a folder, tables and studies in it, and what is done with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.cli_common import LangOption, ReportsOption, languages_of, project_root, reports_folder
from evaluation.errors import StudyError

if TYPE_CHECKING:
    from evaluation.sources.findings import CannotTell


def register(app: typer.Typer, data: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    for command in (init, new, notebook, remove, rename, docs):
        app.command()(command)
    data.command("add")(data_add)


SheetOption = Annotated[
    str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of a workbook.", show_default=False)
]


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")],
) -> None:
    """Make a folder of one's own: data/, studies/, reports/; the notebooks come with the package."""
    from evaluation.pipeline.starting.folder import init as make

    _say(make(folder))


def new(
    study: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the study: small letters, digits, underscores.")
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="CSV, Excel, Parquet or Stata; copied as it is."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="COL", help="Column with the names of the units.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="COL", help="Column with the periods.")
    ] = None,
    outcomes: Annotated[
        list[str] | None,
        typer.Option("--outcome", metavar="COL", help="Outcome; repeatable, the first leads."),
    ] = None,
    first_treated: Annotated[
        str | None,
        typer.Option("--first-treated", metavar="COL", help="First treated period; empty or 0 is never."),
    ] = None,
    switched_on: Annotated[
        str | None,
        typer.Option("--switched-on", metavar="COL", help="0 and 1 by period: treated from the first 1 on."),
    ] = None,
    treated: Annotated[
        list[str] | None,
        typer.Option("--treated", metavar="UNIT=DATE", help="A treated unit and its date; repeatable."),
    ] = None,
    weights: Annotated[str | None, typer.Option("--weights", metavar="COL", help="Weights.")] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="COL", help="Groups of units that share shocks.")
    ] = None,
    covariates: Annotated[
        list[str] | None,
        typer.Option("--covariates", metavar="COL,COL", help="Covariates; repeatable."),
    ] = None,
    exposure: Annotated[
        str | None, typer.Option("--exposure", metavar="COL", help="What the outcomes are counts out of.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", metavar="en|zh|en,zh", help="Languages of the page.")] = "en",
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="Title of the page.")] = None,
    frequency: Annotated[
        str | None, typer.Option("--frequency", metavar="Y|Q|M|W|D", help="Where the dates do not tell it.")
    ] = None,
    better: Annotated[
        str | None,
        typer.Option("--better", metavar="higher|lower", help="Absent: no word of better or worse."),
    ] = None,
    aggregate: Annotated[
        str | None,
        typer.Option("--aggregate", metavar="mean|sum", help="Combine several rows a unit and period."),
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="The table has a column a period; --time and --outcome name them.")
    ] = False,
    sheet: SheetOption = None,
    skip_rows: Annotated[
        int, typer.Option("--skip-rows", metavar="N", min=0, help="Lines above the header.")
    ] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite study and table.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing, even on a terminal.")] = False,
    template: Annotated[
        str | None, typer.Option("--from", metavar="STUDY", help="Copy this study file instead.")
    ] = None,
) -> None:
    """Start a study from a file; without one, write a short commented template."""
    root = project_root()
    if template is not None:
        from evaluation.pipeline.starting.copying import start_study

        path = start_study(root, study, template)
        typer.echo(f"wrote {path}\nEdit it, then: evaluation check {study} && evaluation run {study}")
        return
    from evaluation.pipeline.starting.new import Request, begin

    _one_of("--better", better, ("higher", "lower"))
    _one_of("--aggregate", aggregate, ("mean", "sum"))
    _one_of("--frequency", frequency, ("Y", "Q", "M", "W", "D"))
    request = Request(
        name=study,
        data=data,
        unit=unit,
        time=time,
        outcomes=tuple(outcomes or ()),
        first_treated=first_treated,
        switched_on=switched_on,
        treated=tuple(treated or ()),
        weights=weights,
        cluster=cluster,
        covariates=tuple(
            name.strip() for text in covariates or () for name in text.split(",") if name.strip()
        ),
        exposure=exposure,
        languages=languages_of(lang) or ("en",),
        title=title,
        frequency=frequency,
        better=better,
        aggregate=aggregate,
        wide=wide,
        sheet=sheet,
        skip_rows=skip_rows,
        replace=replace,
    )
    _say(begin(root, request, ask_for if on_terminal() and not yes else None))


def data_add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Excel, Parquet or Stata.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the table; by default the file's.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of a table.")] = False,
    sheet: SheetOption = None,
    skip_rows: Annotated[
        int | None,
        typer.Option("--skip-rows", metavar="N", min=0, help="Lines above the header.", show_default=False),
    ] = None,
) -> None:
    """Register a table: it is copied as it is, with checksum, rows and types."""
    from evaluation.pipeline.starting.tables import add_table

    _say(add_table(project_root(), file, name, replace_it=replace, sheet=sheet, skip_rows=skip_rows))


def notebook(
    study: Annotated[str, typer.Argument(metavar="NAME", help="A study.")],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the copy that is there.")] = False,
) -> None:
    """Copy the study's notebook from the package into the project, which then uses it."""
    from evaluation.pipeline.starting.notebooks import copy_notebook

    _say(copy_notebook(project_root(), study, replace=replace))


def remove(
    study: Annotated[str, typer.Argument(metavar="NAME", help="A study.")],
    history: Annotated[bool, typer.Option("--history", help="Its earlier results, too.")] = False,
    reports: ReportsOption = None,
) -> None:
    """Remove a study with its pages and results; its table stays."""
    from evaluation.pipeline.starting.keeping import remove as take_away

    _say(take_away(project_root(), reports_folder(reports), study, history=history))


def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A study.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    reports: ReportsOption = None,
) -> None:
    """Give a study another name, with its pages, results and history."""
    from evaluation.pipeline.starting.keeping import rename as move

    _say(move(project_root(), reports_folder(reports), old, new))


def docs(lang: LangOption = None) -> None:
    """Print the reference of every key of a study file."""
    from evaluation.pipeline.spec import study_reference

    if "en" not in (languages_of(lang) or ("en",)):
        typer.echo("the reference is written in English alone", err=True)
    typer.echo(study_reference())


def _say(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


def _one_of(flag: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise StudyError(f"{value!r} is none of its values", where=flag, expected=" or ".join(known))


def on_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask_for(question: CannotTell) -> str:
    """The user's answer to what cannot be told."""
    typer.echo(question.what + (f" ({question.where})" if question.where else ""))
    if question.choices:
        typer.echo("  " + ", ".join(question.choices))
    answer: str = typer.prompt(question.flag)
    return answer.strip()
