"""``evaluation diff``: find two results by name, date or path, and lay what moved side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.errors import StudyError, shortlist
from evaluation.pipeline.records import history
from evaluation.pipeline.records.moved import Moved, moved
from evaluation.pipeline.site import Place

_WHEN = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}Z?)?)?\Z")
_CONTENT = re.compile(r"[0-9a-f]{6,20}\Z")
_SHOWN = 14


@dataclass(frozen=True)
class Run:
    """A result and how the user named it."""

    label: str
    name: str
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """Two results and what moved from the one to the other."""

    before: Run
    after: Run
    moved: Moved

    def as_record(self) -> dict[str, Any]:
        """Everything as plain lists."""
        runs = {"before": _described(self.before), "after": _described(self.after)}
        return {**runs, **self.moved.as_record()}

    @property
    def head(self) -> list[str]:
        """Lines above the table: which two results."""
        return [f"{word}: {_line(run)}" for word, run in (("before", self.before), ("after", self.after))]

    @property
    def foot(self) -> list[str]:
        """Lines below it: how many moved, and which inputs changed in between."""
        count = len(self.moved.changes)
        lines = [f"{count} {'thing' if count == 1 else 'things'} moved" if count else "nothing moved"]
        causes = [
            f"{cause.what} ({cause.before[:_SHOWN]} → {cause.after[:_SHOWN]})" if cause.before else cause.what
            for cause in self.moved.causes
        ]
        if causes:
            lines.append("changed in between: " + ", ".join(causes))
        elif count:
            lines.append("no input that is recorded changed in between")
        return lines


def _described(run: Run) -> dict[str, Any]:
    return {
        "run": run.label,
        "study": run.result.get("study"),
        "generated": run.result.get("generated"),
        "commit": run.result.get("commit"),
        "content": history.content_of(run.result),
    }


def _line(run: Run) -> str:
    made = f"made {run.result.get('generated', 'at an unknown time')}"
    return f"{run.label}, {made}, commit {str(run.result.get('commit', 'unknown'))[:_SHOWN]}"


def compare(before: str, after: str | None, reports: Path) -> Difference:
    """Find two results and compare them.

    Parameters
    ----------
    before, after : str
        ``STUDY`` (or a variant's name): its newest result. ``STUDY@DATE``: the one that stood on that day.
        ``STUDY@before``: the one before the newest. ``STUDY@CONTENT``: by the first digits of its address in
        the history. A path ending in ``.json``: that file. For ``after`` a date or ``@...`` alone is of the
        same study. Without ``after``: the study against its own result before.
    reports : Path
        The reports folder.

    Raises
    ------
    StudyError
        No such result; what is kept is named. Or the two belong to different studies.
    """
    if after is None:
        if _is_path(before) or "@" in before:
            raise StudyError(
                f"{before} is compared with nothing",
                expected="evaluation diff RUN RUN, or evaluation diff STUDY",
                fix="name the second result",
            )
        before, after = f"{before}@before", before
    first = _find(before, reports)
    if after.startswith("@") or _WHEN.match(after):
        after = f"{first.name}@{after.removeprefix('@')}"
    second = _find(after, reports)
    names = [str(run.result.get("study")) for run in (first, second)]
    if names[0] != names[1]:
        raise StudyError(
            "the two results are of different studies",
            where=" and ".join(names),
            expected="two results of one study",
        )
    return Difference(first, second, moved(first.result, second.result))


def _is_path(text: str) -> bool:
    return text.endswith(".json")


def _find(text: str, reports: Path) -> Run:
    if _is_path(text):
        return _from_file(text)
    name, _, which = text.partition("@")
    place = _place(name, reports)
    entries = history.read(place)
    if not entries:
        if which:
            raise StudyError(
                f"no earlier result of {name} is kept", where=f"{history.FOLDER}/{name} in the reports folder"
            )
        return Run(text, name, _from_file(str(place.result)).result)
    if not which:
        return Run(text, name, entries[0].until)
    if which == "before":
        if len(entries) < 2:
            raise StudyError(
                f"{name} has one result only, so there is none before it",
                where=f"first found {entries[0].first.get('generated')}",
            )
        return Run(text, name, entries[1].until)
    if _WHEN.match(which):
        for entry in entries:
            if str(entry.first.get("generated"))[: len(which)] <= which:
                return Run(text, name, entry.until)
    elif _CONTENT.match(which):
        for entry in entries:
            if entry.content.startswith(which):
                return Run(text, name, entry.until)
    kept = [f"{str(entry.first.get('generated'))[:10]} ({entry.content[:8]})" for entry in entries]
    raise StudyError(
        f"no result of {name} is kept for {which!r}",
        where=f"{history.FOLDER}/{name} in the reports folder",
        expected="a day on or after one of " + shortlist(kept, 12) + ", or 'before'",
    )


def _place(name: str, reports: Path) -> Place:
    """The study or variant of this name that left something in the reports folder."""
    kept = {path.parent.name for path in (reports / history.FOLDER).glob(f"*/{history.LOG}")}
    kept |= {path.stem for path in (reports / "results").glob("*.json")}
    if name not in kept:
        raise StudyError(
            f"there is no result of {name!r}",
            where="the reports folder",
            expected="one of " + shortlist(sorted(kept), 30) if kept else "a result file",
            fix="run the study first: evaluation run STUDY",
        )
    study, sign, _ = name.partition("--")
    return Place(reports, study, name if sign else None)


def _from_file(text: str) -> Run:
    path = Path(text)
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        name = str(result["study"])
    except FileNotFoundError:
        raise StudyError(f"there is no file {text}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{text} is not a result file", where=str(error)) from error
    return Run(text, name, result)


def rows(found: Moved) -> list[tuple[str, ...]]:
    """What moved as rows of text: part, name, before, after."""
    return [
        (change.part, change.name, _cell(change.before, change.after), _cell(change.after, change.before))
        for change in found.changes
    ]


def _cell(value: Any, other: Any) -> str:
    """A value in a few words; of a mapping what differs from the other one."""
    if value is None:
        return "–"
    if not isinstance(value, Mapping):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text if len(text) <= 100 else text[:99] + "…"
    there = other if isinstance(other, Mapping) else {}
    shown = {key: item for key, item in value.items() if key not in there or there[key] != item}
    if "estimate" in value and other is None:
        shown = {key: value[key] for key in ("estimate", "ci_low", "ci_high") if key in value}
    return ", ".join(f"{key} {_short(item)}" for key, item in shown.items())


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "–" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"
