"""Commands about the site: what moved, when it is made, where it goes, who hears of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from evaluation.cli_common import ReportsOption, reports_folder, table


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command("diff")(diff)


def diff(
    before: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A study (its newest result), STUDY@DATE, STUDY@before, or the path of a result file.",
        ),
    ],
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="The same, or a DATE of the same study. Without it: the study and its result before.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
    reports: ReportsOption = None,
) -> None:
    """Compare two results: estimates, intervals, verdicts, data and versions that moved."""
    from evaluation.pipeline.difference import compare, rows

    found = compare(before, after, reports_folder(reports))
    if as_json:
        typer.echo(json.dumps(found.as_record(), ensure_ascii=False, indent=1))
        return
    for line in found.head:
        typer.echo(line)
    if found.moved.changes:
        table(["what", "which", "before", "after"], rows(found.moved))
    for line in found.foot:
        typer.echo(line)
