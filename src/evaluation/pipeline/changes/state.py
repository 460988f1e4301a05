"""What each page was made from when it was last made, kept in the build folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.errors import OutputError
from evaluation.pipeline.changes.inputs import changes, digest_of
from evaluation.pipeline.site import Place, write_whole

_FORMAT = 1


@dataclass(frozen=True)
class Made:
    """One page as it was last made.

    Attributes
    ----------
    inputs : mapping
        From `evaluation.pipeline.changes.inputs.Project.inputs`.
    page, result : str
        Checksums of the page and of the result file.
    seconds : float
        How long it took.
    """

    inputs: Mapping[str, str] = field(repr=False)
    page: str
    result: str
    seconds: float = 0.0


@dataclass(frozen=True)
class State:
    """What is known of the last good run of a study.

    Attributes
    ----------
    pages : mapping of language to Made
    reads : tuple of str
        Files under the project folder that its notebook read.
    """

    pages: Mapping[str, Made] = field(default_factory=dict)
    reads: tuple[str, ...] = ()

    def seconds(self, language: str) -> float | None:
        """How long a page took the last time."""
        return self.pages[language].seconds if language in self.pages else None


def state_file(root: Path, place: Place) -> Path:
    """Where the state of a study is kept: a file for each reports folder."""
    folder = hashlib.sha256(str(place.reports).encode()).hexdigest()[:12]
    return root / "build" / "made" / folder / f"{place.name}.json"


def read_state(root: Path, place: Place) -> State:
    """The state of a study; empty when there is none, or when it cannot be read."""
    try:
        kept = json.loads(state_file(root, place).read_text(encoding="utf-8"))
        if kept["format"] != _FORMAT:
            return State()
        pages = {language: Made(**entry) for language, entry in kept["pages"].items()}
        return State(pages, tuple(kept["reads"]))
    except (OSError, ValueError, KeyError, TypeError):
        return State()


def write_state(root: Path, place: Place, state: State) -> None:
    """Keep the state; where the build folder cannot be written the next run makes the page again."""
    pages: dict[str, Any] = {language: vars(made) for language, made in state.pages.items()}
    text = json.dumps(
        {"format": _FORMAT, "study": place.study, "reads": list(state.reads), "pages": pages},
        ensure_ascii=False,
    )
    with suppress(OutputError):
        write_whole(state_file(root, place), text)


def reasons(place: Place, state: State, inputs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Why the pages of a study must be made; empty when they are as they would be made now.

    Parameters
    ----------
    place : Place
    state : State
        Of the last good run.
    inputs : mapping of language to mapping
        What each page would rest on now.
    """
    said: list[str] = []
    if place.failure.is_file():
        said.append("the last run failed")
    for language, now in inputs.items():
        made = state.pages.get(language)
        page = place.page(language)
        if made is None:
            said.append(f"{_shown(place, page)} was never made here")
            continue
        said += changes(made.inputs, now)
        for path, digest in ((page, made.page), (place.result, made.result)):
            found = digest_of(path)
            if found != digest:
                how = "is gone" if found == "absent" else "is not as it was made"
                said.append(f"{_shown(place, path)} {how}")
    return list(dict.fromkeys(said))


def _shown(place: Place, path: Path) -> str:
    return f"{place.reports.name}/{path.relative_to(place.reports).as_posix()}"
