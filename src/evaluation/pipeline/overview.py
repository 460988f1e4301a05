"""What the command line shows of a project: studies, tables, problems, and the outcome of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.errors import EvaluationError, StudyError, shortlist
from evaluation.pipeline.kernels.execute import LANGUAGES, read_notebook, scrub
from evaluation.pipeline.site import shown
from evaluation.study import list_studies, load_study

if TYPE_CHECKING:
    from evaluation.pipeline.changes.wanted import Wanted
    from evaluation.pipeline.finish import StudyRun

Rows = list[tuple[str, ...]]
CLAIMS = "claims.toml"


def study_rows(root: Path, reports: Path) -> Rows:
    """Name, question and last run of every study; one that does not load says so."""
    rows: Rows = []
    for name in list_studies(root):
        try:
            study = load_study(name, root=root)
            question = (study.question or study.title)[study.languages[0]]
        except StudyError as error:
            question = f"cannot be read: {error.what}"
        rows.append((name, question, _last_run(reports, name)))
    return rows


def _last_run(reports: Path, study: str) -> str:
    try:
        text = json.loads((reports / "results" / f"{study}.json").read_text(encoding="utf-8"))["generated"]
    except (OSError, ValueError, KeyError):
        text = "never"
    return f"{text}, then failed" if (reports / "failures" / f"{study}.html").is_file() else str(text)


def table_rows(root: Path) -> Rows:
    """Name, source, licence and checksum of every committed table."""
    from evaluation.sources.manifest import load_manifest

    manifest = load_manifest(root / "data")
    return [(t.name, f"{t.rows:,}", t.source["en"], t.licence["en"], t.sha256[:12]) for t in manifest.tables]


def check_project(root: Path, only: Sequence[str] | None = None) -> tuple[Rows, str, list[str]]:
    """Look at everything that a run rests on, and collect what is wrong.

    Parameters
    ----------
    root : Path
        The project folder.
    only : sequence of str, optional
        Look at these studies alone.

    Returns
    -------
    problems : list of (where, what)
    checked : str
        What was looked at, in one line.
    notes : list of str
        What is no fault and may be one: tables without an entry.

    Raises
    ------
    StudyError
        A study that is not there.
    """
    from evaluation.analysis import prepare

    problems: Rows = []

    def note(where: str, error: Exception) -> None:
        if not isinstance(error, EvaluationError):
            problems.append((where, scrub(f"unexpected error: {type(error).__name__}: {error}", root)))
            return
        said = (error.what, error.where, error.expected and f"expected {error.expected}", error.fix)
        problems.append((where, scrub("; ".join(filter(None, said)), root)))

    tables, notes = (0, []) if only else _check_tables(root, note)
    studies = list(only or list_studies(root))
    for name in studies:
        try:
            study = load_study(name, root=root)
        except EvaluationError as error:
            if name not in list_studies(root):
                raise
            note(_line(root, name, error), error)
            continue
        for look in (partial(read_notebook, root, study.notebook), partial(prepare, study, root=root)):
            try:
                look()
            except EvaluationError as error:
                note(_line(root, name, error), error)
            except Exception as error:  # one study that cannot be checked hides nothing of the others
                note(f"studies/{name}.toml", error)
    if only:
        good = f"{', '.join(studies)}: the study file, its notebook and its data are as they should be"
        return problems, good, notes
    if not studies:
        problems.append(("studies/", "there is no study file; evaluation new NAME --data FILE makes one"))
    claims = _check_claims(root, studies, note)
    checked = f"{tables} tables, {len(studies)} studies and {claims} claims are as they should be"
    return problems, checked, notes


def _line(root: Path, name: str, error: EvaluationError) -> str:
    """The study file, with the line of the key or column that an error is about where it can be found."""
    path = f"studies/{name}.toml"
    try:
        lines = (root / path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return path
    said = f"{error.what} {error.where or ''}"
    keys = [word.split(".")[-1] for word in re.findall(r"[a-z_]+(?:\.[a-z_0-9]+)+", said)]
    named = re.findall(r"'([^']+)'", said)
    for key in keys:
        for number, line in enumerate(lines, start=1):
            if re.match(rf"\s*\[*{re.escape(key)}(\s*=|\]|\.)", line):
                return f"{path}:{number}"
    for value in named:
        for number, line in enumerate(lines, start=1):
            if f'"{value}"' in line.split("#")[0] or re.match(rf"\s*\[*{re.escape(value)}\s*[=\]]", line):
                return f"{path}:{number}"
    return path


def page_of(runs: Iterable[StudyRun], reports: Path) -> Path | None:
    """The first page of a run that stands, the index where several were asked for."""
    pages = [
        next((page for language in LANGUAGES if (page := run.place.page(language)).is_file()), None)
        for run in runs
        if run.failure is None
    ]
    return reports / "index.html" if len(pages) > 1 else next(iter(pages), None)


def _check_claims(root: Path, studies: list[str], note: Callable[[str, EvaluationError], None]) -> int:
    """The ledger of claims, in a project that has one."""
    from evaluation.claims import load_claims

    path = root / "data" / CLAIMS
    if not path.is_file():
        return 0
    try:
        ledger = load_claims(path, studies)
    except EvaluationError as error:
        note(f"data/{CLAIMS}", error)
        return 0
    return len(ledger.claims)


def _check_tables(root: Path, note: Callable[[str, EvaluationError], None]) -> tuple[int, list[str]]:
    from evaluation.sources.manifest import load_manifest

    try:
        manifest = load_manifest(root / "data")
    except EvaluationError as error:
        note("data/manifest.toml", error)
        return 0, []
    for problem in manifest.verify():
        note("data", problem)
    loose = manifest.unregistered()
    if not loose:
        return len(manifest.tables), []
    return len(manifest.tables), [f"not registered: {shortlist(loose, 9)}; evaluation data add FILE does it"]


def build_table(
    root: Path, name: str, raw: Path, out: Path | None, *, skip_broken: bool = False
) -> list[str]:
    """Make the committed tables of a source from its raw record, and say what was read and set aside.

    Raises
    ------
    DataError
        No such source, or a raw record that is missing or malformed.
    OutputError
        The tables cannot be written.
    """
    from evaluation.sources.build import build

    made = build(name, raw, out or root / "data", skip_broken=skip_broken, project=root)
    lines = [f"read {made.rows_read:,} rows of {made.raw.name}, sha256 {made.raw.sha256}"]
    lines += [f"  dropped {count:,} rows: {reason}" for reason, count in made.dropped.items()]
    lines += [f"  set {count:,} values to missing: {reason}" for reason, count in made.missing.items()]
    for table in made.tables:
        state = "changed" if table.name in made.changed else "the same as before"
        lines.append(f"{table.name}: {table.rows:,} rows, {state}, sha256 {table.sha256}")
    return [*lines, *made.notes]


def summary(runs: Iterable[StudyRun], reports: Path) -> tuple[list[str], list[str]]:
    """What a run made, and what it did not, each with the place to look at."""
    good: list[str] = []
    bad: list[str] = []
    for run in runs:
        failure = run.failure
        if failure is not None:
            cell = f" (cell {failure.cell})" if failure.cell else ""
            text = "\n".join(f"  {line}" for line in failure.message.splitlines())
            bad.append(f"failed: {run.place.name}{cell}: {failure.error}\n{text}")
            before = any(run.place.page(language).is_file() for language in LANGUAGES)
            last = "the last good report is as it was" if before else "there was no report before"
            bad.append(f"  see {shown(run.place.failure)}; {last}")
        else:
            good += [f"wrote {shown(path)}" for path in run.written]
    return [*good, f"index {shown(reports / 'index.html')}"], bad


def plan_rows(wanted: Iterable[Wanted]) -> Rows:
    """What a run would do: the study, whether it would run, and what changed."""
    return [(one.place.name, "yes" if one.reasons else "no", _because(one.reasons)) for one in wanted]


def _because(reasons: Sequence[str], most: int = 6) -> str:
    """The first few reasons, the rest as a number."""
    shown = "; ".join(reasons[:most])
    return shown + (f"; and {len(reasons) - most} more" if len(reasons) > most else "") or "up to date"


def plan_json(wanted: Iterable[Wanted]) -> str:
    """The same for machines."""
    return to_json(plan_records(wanted))


def plan_records(wanted: Iterable[Wanted]) -> list[dict[str, object]]:
    """What a run would do, a record a study."""
    return [
        {
            "study": one.place.study,
            "variant": one.place.variant,
            "languages": list(one.languages),
            "would_run": bool(one.reasons),
            "reasons": list(one.reasons),
        }
        for one in wanted
    ]


def outcome_json(runs: Iterable[StudyRun], reports: Path, grid: Mapping[str, object] | None = None) -> str:
    """What a run made, for machines: a record a study, with times, files and failures; and its grid."""
    runs = list(runs)
    return to_json(
        {
            "exit_status": max((run.exit_status for run in runs), default=0),
            "index": shown(reports / "index.html"),
            **({"grid": grid} if grid else {}),
            "studies": [
                {
                    "study": run.place.study,
                    "variant": run.place.variant,
                    "status": "failed" if run.failure else "up_to_date" if run.up_to_date else "made",
                    "reasons": list(run.reasons),
                    "seconds": round(sum(run.outcome.seconds.values()), 2) if run.outcome else None,
                    "written": [shown(path) for path in run.written],
                    "failure": run.failure
                    and {key: getattr(run.failure, key) for key in ("kind", "error", "message", "cell")},
                }
                for run in runs
            ],
        }
    )


def to_json(content: object) -> str:
    """Plain content as indented JSON."""
    return json.dumps(content, ensure_ascii=False, indent=2)
