"""A grid of variants of one study: axes read from the command line, cells as their product."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, StudyError, shortlist
from evaluation.pipeline.kernels.execute import check_parameters
from evaluation.pipeline.site import variant_name
from evaluation.pipeline.spec import parse_overrides, parse_value, value_text

MOST_CELLS = 200
"""Cells that a grid may have unless the command line says otherwise: each is a report in two languages."""
_EXAMPLE = "--grid key=a,b, such as --grid treatment.date=2015-01,2016-03"
_LONGEST = 80


@dataclass(frozen=True)
class Axis:
    """One key of the study file with the values that it takes in turn."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes' values, of one study.

    Attributes
    ----------
    study : str
    axes : tuple of Axis
        In the order given; the last varies fastest.
    fixed : mapping
        Keys that all cells share, from ``--set``.
    """

    study: str
    axes: tuple[Axis, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(len(axis.values) for axis in self.axes)

    @cached_property
    def cells(self) -> tuple[dict[str, Any], ...]:
        """The overrides of each cell, in order: the axes' keys, then those that all share."""
        keys = [axis.key for axis in self.axes]
        values = itertools.product(*(axis.values for axis in self.axes))
        return tuple({**dict(zip(keys, one, strict=True)), **self.fixed} for one in values)

    @cached_property
    def name(self) -> str:
        """A folder name: readable, safe, never that of a study or a variant, nor of another grid.

        A variant's name goes on with ``KEY=`` after the study's, and no key is called ``grid-``.
        """
        plain = "--".join((self.study, "grid", *(axis.key for axis in self.axes)))
        content = [self.study, [[axis.key, list(axis.values)] for axis in self.axes], dict(self.fixed)]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', plain)[:_LONGEST]}--{digest}"

    @property
    def command(self) -> str:
        """The command that makes this very grid."""
        words = ["evaluation run", self.study]
        words += [f"--grid {shlex.quote(f'{axis.key}={_joined(axis.values)}')}" for axis in self.axes]
        words += [f"--set {shlex.quote(f'{key}={value_text(value)}')}" for key, value in self.fixed.items()]
        return " ".join(words)

    def variant(self, cell: Mapping[str, Any]) -> str:
        """Name of a cell's variant."""
        return variant_name(self.study, cell)

    def settings(self, cell: Mapping[str, Any]) -> dict[str, str]:
        """What tells a cell from the others, as it was written."""
        return {axis.key: value_text(cell[axis.key]) for axis in self.axes}


def _joined(values: Sequence[Any]) -> str:
    """Values as `split_values` and `parse_value` read them."""
    written = []
    for value in values:
        text = value_text(value)
        safe = isinstance(value, str) and text == value and ("," in text or text[:1] in "\"'[{")
        written.append(json.dumps(value, ensure_ascii=False) if safe else text)
    return ",".join(written)


def parse_grid(
    given: Iterable[str],
    studies: Sequence[str],
    settings: Iterable[str] = (),
    *,
    everything: bool = False,
    most: int = MOST_CELLS,
) -> Grid:
    """Read a grid from the words of the command line.

    Parameters
    ----------
    given : iterable of str
        ``KEY=A,B,C`` each; values as ``--set`` takes them, lists in brackets, text with a comma in quotes.
    studies : sequence of str
        Studies that were named: exactly one.
    settings : iterable of str
        ``KEY=VALUE`` of ``--set``, for all cells.
    everything : bool
        Whether ``--all`` was given.
    most : int
        Cells that the grid may have.

    Raises
    ------
    StudyError
        Several studies or none, an axis that cannot be read, a key or a value given twice, a key that
        stands in ``--set`` too, or more cells than allowed; what is wrong with the axes is listed whole.
    """
    if everything or len(set(studies)) != 1:
        named = "--all" if everything else shortlist(dict.fromkeys(studies)) or "no study was named"
        raise StudyError(
            "--grid belongs to one study", where=named, expected="evaluation run STUDY --grid key=a,b"
        )
    fixed = parse_overrides(settings)
    axes: list[Axis] = []
    problems: list[str] = []
    for text in given:
        key, sign, values = text.partition("=")
        key = key.strip()
        if not sign or not key:
            problems.append(f"{text!r} is not of the form key=a,b")
            continue
        try:
            check_parameters(studies[0], {key: ""})
            axes.append(Axis(key, tuple(_values(key, values))))
        except StudyError as error:
            problems.append(error.what)
    keys = [axis.key for axis in axes]
    problems += [f"{key} is given twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    problems += [f"{key} is in --set too" for key in dict.fromkeys(keys) if key in fixed]
    everyone = [*dict.fromkeys(keys), *(key for key in fixed if key not in keys)]
    problems += [
        f"{inner} lies inside {outer}: one of them would undo the other"
        for outer, inner in itertools.permutations(everyone, 2)
        if inner.startswith(f"{outer}.")
    ]
    if problems:
        raise StudyError("; ".join(problems), where="--grid", expected=_EXAMPLE)
    grid = Grid(studies[0], tuple(axes), fixed)
    if grid.size > most:
        raise StudyError(
            f"the grid has {grid.size:,} cells, and each is a report in every language",
            where=" × ".join(f"{axis.key} ({len(axis.values)})" for axis in axes),
            expected=f"no more than {most:,} cells",
            fix=f"take values out, or allow so many: --max-cells {grid.size}",
        )
    return grid


def _values(key: str, text: str) -> Iterator[Any]:
    seen: set[str] = set()
    for part in split_values(text, key):
        if not part:
            raise StudyError(f'{key} has an empty value (empty text is written "")')
        value = parse_value(part)
        check_parameters("a", {key: value})
        if value_text(value) in seen:
            raise StudyError(f"{key} has the value {part} twice")
        seen.add(value_text(value))
        yield value


def split_values(text: str, key: str = "") -> list[str]:
    """Split at commas, but for those in quotes and in brackets.

    Raises
    ------
    StudyError
        A quote or a bracket that is not closed, or closed without having been opened.
    """
    parts: list[str] = []
    open_: list[str] = []
    start, quote, escaped = 0, "", False
    closing = {"[": "]", "{": "}"}
    for i, char in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif char == "\\" and quote == '"':
                escaped = True
            elif char == quote:
                quote = ""
        elif char in "\"'" and (open_ or not text[start:i].strip()):
            quote = char  # an apostrophe inside a bare word is none
        elif char in closing:
            open_.append(closing[char])
        elif char in closing.values():
            if not open_ or open_.pop() != char:
                raise StudyError(f"{key} has a {char} that nothing opened: {text}")
        elif char == "," and not open_:
            parts.append(text[start:i].strip())
            start = i + 1
    if quote or open_:
        raise StudyError(f"{key} has a {quote or open_[-1]} missing at its end: {text}")
    return [*parts, text[start:].strip()]


@dataclass(frozen=True)
class Checked:
    """A grid whose keys are the study's.

    Attributes
    ----------
    grid : Grid
    declared : BaseStudy
        The study as its file declares it.
    same : tuple of bool
        Whether a cell asks exactly what the study declares.
    """

    grid: Grid
    declared: Any = field(repr=False)
    same: tuple[bool, ...] = ()


def check_grid(grid: Grid, root: Path) -> Checked:
    """Check keys and values of a grid against the study before anything runs.

    A combination of values that the study refuses is a cell that fails; a value that it takes in no
    combination is a mistake of the whole command.

    Raises
    ------
    StudyError
        No such study, a key that it does not have (the known ones are named), a value that fits in no
        cell, or two cells that ask the same in other words.
    """
    from evaluation.study import load_study
    from evaluation.study.keys import require_key

    check_parameters(grid.study, grid.fixed)
    declared = load_study(grid.study, root=root)
    for axis in grid.axes:
        require_key(declared, axis.key, f"--grid {axis.key}={_joined(axis.values)}")
    for key in grid.fixed:
        require_key(declared, key, f"--set {key}")
    loaded: list[Any] = []
    for cell in grid.cells:
        try:
            loaded.append(load_study(grid.study, cell, root))
        except StudyError as error:
            loaded.append(error)
    _require_values(grid, loaded)
    for i, j in itertools.combinations(range(grid.size), 2):
        if not isinstance(loaded[i], EvaluationError) and loaded[i] == loaded[j]:
            one, other = (_said(grid.settings(grid.cells[k])) for k in (i, j))
            raise StudyError("two cells of the grid ask the same", where=f"{one}, and {other}")
    return Checked(grid, declared, tuple(one == declared for one in loaded))


def _apart(where: str | None) -> str:
    """The place of another error, behind its words; a list of wrong keys begins a line of its own."""
    return "" if not where else where if where.startswith("\n") else f", {where}"


def _said(settings: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


def _require_values(grid: Grid, loaded: Sequence[Any]) -> None:
    problems, first = [], None
    for axis in grid.axes:
        for value in axis.values:
            mine = [one for cell, one in zip(grid.cells, loaded, strict=True) if cell[axis.key] == value]
            if all(isinstance(one, StudyError) for one in mine):
                problems.append(f"{axis.key}={value_text(value)}")
                first = first or mine[0]
    if first is not None:
        raise StudyError(
            f"the study {grid.study} takes no such value: {shortlist(problems)}",
            where=f"--grid; {first.what}{_apart(first.where)}",
            fix="correct the value, or leave it out; nothing was run",
        )
