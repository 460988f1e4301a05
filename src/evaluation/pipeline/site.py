"""The reports folder: where each file stands, written whole or not at all, and the result files in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from evaluation.errors import OutputError, StudyError
from evaluation.pipeline.spec import value_text
from evaluation.plain import plain

PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "matplotlib", "papermill", "nbconvert")
HEAD = (
    "study",
    "title",
    "question",
    "overrides",
    "generated",
    "commit",
    "versions",
    "seed",
    "data",
    "inputs",
)
BODY = ("rule", "years", "estimates", "claims", "diagnostics")
COMPARISON = "comparison.json"
"""In the folder of a grid's comparison: what its page says, for machines."""
_LONGEST_SLUG = 80


@dataclass(frozen=True)
class Place:
    """Where the files of one study stand, under the reports folder.

    With overrides the study is a variant: it has a folder of its own, so that
    ``en/STUDY.html`` is always the study file as it stands.
    """

    reports: Path
    study: str
    variant: str | None = None

    @classmethod
    def of(cls, reports: Path, study: str, overrides: Mapping[str, Any]) -> Place:
        """The place of a study with these overrides."""
        return cls(reports, study, variant_name(study, overrides) if overrides else None)

    @property
    def name(self) -> str:
        """Name of the study, or of the variant."""
        return self.variant or self.study

    def page(self, language: str) -> Path:
        """The page in one language."""
        if self.variant:
            return self.reports / "variants" / self.variant / f"{language}.html"
        return self.reports / language / f"{self.study}.html"

    @property
    def result(self) -> Path:
        """The result file."""
        if self.variant:
            return self.reports / "variants" / self.variant / "result.json"
        return self.reports / "results" / f"{self.study}.json"

    @property
    def failure(self) -> Path:
        """The page that says why the last run failed; absent after a good run."""
        return self.reports / "failures" / f"{self.name}.html"

    def alternate(self, language: str) -> str:
        """Link from a page to the same page in the other language."""
        return f"{language}.html" if self.variant else f"../{language}/{self.study}.html"

    @property
    def index(self) -> str:
        """Link from a page to the index."""
        return "../../index.html" if self.variant else "../index.html"


def variant_name(study: str, overrides: Mapping[str, Any]) -> str:
    """A folder name for a study with overrides: readable, safe, and never the same for two.

    Examples
    --------
    >>> variant_name("pollution_enforcement", {"treatment.date": "2016-03"})
    'pollution_enforcement--treatment.date=2016-03'
    """
    parts = [f"{key}={value_text(value)}" for key, value in sorted(overrides.items())]
    plain = "--".join((study, *parts))
    safe = re.sub(r"[^A-Za-z0-9._=-]+", "-", plain)
    plain_parts = not any("--" in part for part in parts)
    if safe == plain and plain_parts and len(safe) <= _LONGEST_SLUG:
        return safe
    # a value that was altered or cut is told apart by its content
    content = json.dumps(dict(overrides), sort_keys=True)
    return f"{safe[:_LONGEST_SLUG]}--{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def require_writable(folder: Path) -> None:
    """Make the folder and write a file into it, before any work is done.

    Raises
    ------
    OutputError
        It cannot be made or written into.
    """
    trial = folder / f".trial-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as error:
        raise OutputError(
            "the reports folder cannot be written",
            where=f"{folder}: {error.strerror}",
            fix="give another with --reports DIR, or change its permissions",
        ) from error


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it, then put it in place: readers see old or new.

    Raises
    ------
    OutputError
        The disk is full, or the folder cannot be written. The old file stands as it was.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, str | bytes]) -> None:
    """Write files that belong together: none is put in place before all are on the disk.

    Raises
    ------
    OutputError
        The disk is full, or a folder or a file in it cannot be written. The old files stand as they were:
        those that were replaced already are put back.
    """
    staged = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in files}
    kept = {path: path.with_name(f".{path.name}.{os.getpid()}.old") for path in files}
    replaced: list[Path] = []
    path = Path()
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(staged[path], "wb") as file:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
        for path in staged if len(staged) > 1 else ():
            _keep(path, kept[path])
        for path, temporary in staged.items():
            os.replace(temporary, path)
            replaced.append(path)
    except OSError as error:
        for done in replaced:
            with suppress(OSError):
                os.replace(kept[done], done) if kept[done].exists() else done.unlink()
        raise OutputError(
            f"{path.name} cannot be written", where=f"{path.parent}: {error.strerror}"
        ) from error
    finally:
        for temporary in (*staged.values(), *kept.values()):
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _keep(path: Path, copy: Path) -> None:
    """A second name for a file, so that it can be put back; a copy where the disk has no such names."""
    if not path.is_file():
        return
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, copy)


def commit_of(root: Path) -> str:
    """The commit of the checkout, with ``-dirty`` when a tracked file was changed, or ``unknown``."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        # inside a git hook these point at another repository
        quiet = {
            k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        }
        quiet["GIT_OPTIONAL_LOCKS"] = "0"
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60, env=quiet
        ).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        # a project copied into a folder of somebody else's repository has no commit of its own
        if not git("ls-files", "studies").strip():
            return "unknown"
        return commit + ("-dirty" if git("status", "--porcelain", "--untracked-files=no").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def generated_now() -> str:
    """The time of the run in UTC; ``SOURCE_DATE_EPOCH`` stands in for the clock when it is set.

    Raises
    ------
    StudyError
        ``SOURCE_DATE_EPOCH`` is not a number of seconds.
    """
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.fromtimestamp(int(stated) if stated else time.time(), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise StudyError(
            "SOURCE_DATE_EPOCH is not a time", where=f"environment: {stated!r}", expected="seconds since 1970"
        ) from error
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of what its numbers rest on."""
    from evaluation import __version__

    found = {"python": python_version(), "evaluation": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def result_text(result: Mapping[str, Any]) -> str:
    """A result file: its parts in their order, numbers that do not exist as null, one trailing newline."""
    ordered = {key: result[key] for key in (*HEAD, *BODY) if key in result}
    ordered.update((key, value) for key, value in result.items() if key not in ordered)
    return json.dumps(plain(ordered), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def read_results(reports: Path) -> list[tuple[Place, dict[str, Any] | None]]:
    """Every result file on disk, studies first, with its place; None for one that cannot be read."""
    found: list[tuple[Place, dict[str, Any] | None]] = []
    paths = [
        *sorted((reports / "results").glob("*.json")),
        *sorted((reports / "variants").glob("*/result.json")),
    ]
    for path in paths:
        variant = path.parent.name if path.name == "result.json" else None
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            found.append((Place(reports, str(result["study"]), variant), result))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            study = variant.partition("--")[0] if variant else path.stem
            found.append((Place(reports, study, variant), None))
    return found


def damaged(reports: Path) -> list[Path]:
    """Result files and comparisons in the folder that cannot be read: cut short, or written by others."""
    found = [place.result for place, result in read_results(reports) if result is None]
    comparisons = sorted((reports / "variants").glob(f"*/{COMPARISON}"))
    return found + [path for path in comparisons if read_comparison(path) is None]


def read_comparison(path: Path) -> dict[str, Any] | None:
    """Content of a comparison; None where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        whole = {"study", "finding", "grid"} <= content.keys() and all(
            "variant" in c for c in content["cells"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return content if whole else None


def shown(path: Path) -> str:
    """A path as the user would write it: from the current folder where it lies in it."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
