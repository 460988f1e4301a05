"""What the pages of a study were made from when they were last made, kept in the build folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evaluation.errors import OutputError
from evaluation.pipeline.changes.inputs import changes, digest_of
from evaluation.pipeline.site import Place, write_whole

_FORMAT = 2
_LINK = "link to the other language"


@dataclass(frozen=True)
class Made:
    """One page as it was last made.

    Attributes
    ----------
    page : str
        Its checksum.
    link : str
        Where it links for the other language.
    """

    page: str
    link: str


@dataclass(frozen=True)
class State:
    """What is known of the last good run of a study.

    Attributes
    ----------
    pages : mapping of language to Made
        Those that were made from these inputs.
    inputs : mapping
        From `evaluation.pipeline.changes.inputs.Project.inputs`.
    result : str
        Checksum of the result file.
    seconds : float, optional
        How long the run took.
    reads : tuple of str
        Files under the project folder that its notebook read.
    """

    pages: Mapping[str, Made] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict, repr=False)
    result: str = ""
    seconds: float | None = None
    reads: tuple[str, ...] = ()


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
        return State(pages, kept["inputs"], kept["result"], kept["seconds"], tuple(kept["reads"]))
    except (OSError, ValueError, KeyError, TypeError):
        return State()


def write_state(root: Path, place: Place, state: State) -> None:
    """Keep the state; where the build folder cannot be written the next run makes the page again."""
    text = json.dumps({"format": _FORMAT, "study": place.study, **asdict(state)}, ensure_ascii=False)
    with suppress(OutputError):
        write_whole(state_file(root, place), text)


def reasons(place: Place, state: State, inputs: Mapping[str, str], links: Mapping[str, str]) -> list[str]:
    """Why the pages of a study must be made; empty when they are as they would be made now.

    Parameters
    ----------
    place : Place
    state : State
        Of the last good run.
    inputs : mapping
        What the pages would rest on now.
    links : mapping of language to str
        The pages asked for, and where each would link for the other language.
    """
    said: list[str] = []
    if place.failure.is_file():
        said.append("the last run failed")
    for language, link in links.items():
        made = state.pages.get(language)
        page = place.page(language)
        if made is None:
            said.append(f"{_shown(place, page)} was never made here")
            continue
        said += changes({**state.inputs, _LINK: made.link}, {**inputs, _LINK: link})
        for path, digest in ((page, made.page), (place.result, state.result)):
            found = digest_of(path)
            if found != digest:
                how = "is gone" if found == "absent" else "is not as it was made"
                said.append(f"{_shown(place, path)} {how}")
    return list(dict.fromkeys(said))


def _shown(place: Place, path: Path) -> str:
    return f"{place.reports.name}/{path.relative_to(place.reports).as_posix()}"
