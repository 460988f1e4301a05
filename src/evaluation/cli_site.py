"""Commands about the site: what moved, when it is made, where it goes, who hears of it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from evaluation.cli_common import LangOption, ReportsOption, languages_of, project_root, reports_folder, table


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    for command in (diff, schedule, publish, notify):
        app.command()(command)


class Scheduler(StrEnum):
    """What can start a run."""

    cron = "cron"
    systemd = "systemd"
    github = "github"


UrlOption = Annotated[
    str, typer.Option("--url", metavar="URL", help="Where the site is read, for links.", show_default=False)
]


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
    from evaluation.pipeline.records.difference import compare, rows

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


def schedule(
    kind: Annotated[
        Scheduler | None, typer.Argument(help="Only this one; by default cron and systemd.")
    ] = None,
    hour: Annotated[int, typer.Option(min=0, max=23, help="Hour of the day: local time, on GitHub UTC.")] = 6,
    publish: Annotated[
        str,
        typer.Option("--publish", metavar="DIR", help="Publish there too.", show_default=False),
    ] = "",
    notify: Annotated[bool, typer.Option("--notify", help="Send notices after each run.")] = False,
) -> None:
    """Print a ready unit that makes the reports every day: it locks, logs and rotates."""
    from evaluation.pipeline.publishing.schedule import schedule_text

    typer.echo(schedule_text(project_root(), kind.value if kind else None, hour, publish, notify), nl=False)


def publish(
    target: Annotated[
        str, typer.Argument(metavar="DIR", help="A folder, or an fsspec address such as s3://bucket/site.")
    ],
    url: UrlOption = "",
    keep: Annotated[int, typer.Option(min=1, metavar="N", help="Releases kept beside the folder.")] = 2,
    reports: ReportsOption = None,
) -> None:
    """Put the complete site, with feeds of changed findings, in its place at one stroke."""
    from evaluation.pipeline.publishing.publish import publish as put

    done = put(reports_folder(reports), target, url, keep)
    if done.left_out:
        typer.echo(f"left out, since it cannot be read: {', '.join(done.left_out)}", err=True)
    what = "published" if done.changed else "nothing changed:"
    typer.echo(f"{what} {done.files} files, {done.size / 1e6:.1f} MB, at {done.target}")


def notify(
    url: UrlOption = "",
    lang: LangOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent; send nothing.")
    ] = False,
    reports: ReportsOption = None,
) -> None:
    """Tell the addresses in EVALUATION_NOTIFY_URLS of failures and changed verdicts, once each."""
    from evaluation.pipeline.publishing.notify import notify as send

    languages = languages_of(lang) or ("en", "zh")
    found = send(reports_folder(reports), url=url, languages=languages, dry_run=dry_run, say=typer.echo)
    for one in found if dry_run else ():
        typer.echo("\n".join(one.text[tongue] for tongue in languages) + "\n")
    if not found:
        typer.echo("there is nothing to tell")
