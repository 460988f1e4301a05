"""Work in pieces that can be done anywhere: the same bytes whatever the number of workers.

A simulation or a permutation test is cut into pieces whose size does not depend on who does them, and each
piece has a random stream of its own, spawned from one seed (`numpy.random.SeedSequence.spawn`,
after Salmon et al. 2011's argument for streams keyed by task). Results come back in the order of the pieces.
So one process, two processes and a cluster give the same numbers, bit for bit.

Who does the pieces is said once, from outside, with `working`; nothing below knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import numpy as np

T = TypeVar("T")
A = TypeVar("A")


class Workers(Protocol):
    """Whoever does pieces of work: calls a function on each argument and keeps their order."""

    def __call__(self, function: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        """Results in the order of the arguments; an error in any piece is raised."""


def here(function: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Do all pieces in this process, one after the other."""
    return [function(argument) for argument in arguments]


_WORKERS: ContextVar[Workers] = ContextVar("workers", default=here)


@contextmanager
def working(workers: Workers) -> Iterator[None]:
    """Have the pieces within this block done by others, such as a cluster's workers."""
    token = _WORKERS.set(workers)
    try:
        yield
    finally:
        _WORKERS.reset(token)


def hire(workers: Workers) -> None:
    """Have all pieces from now on done by others: for a process that does one report and ends."""
    _WORKERS.set(workers)


def spread(
    work: Callable[[int, np.random.Generator], T],
    draws: int,
    *,
    seed: int | Sequence[int],
    chunk: int,
) -> list[T]:
    """Do random draws in pieces.

    Parameters
    ----------
    work : callable
        ``work(count, generator)`` makes ``count`` draws. To be done by another process it must be a
        function of a module, or a `functools.partial` of one, and its result must be picklable.
    draws : int
        Draws in all.
    seed : int or sequence of int
        Where the streams start; piece i has the i-th spawn of it.
    chunk : int
        Draws in a piece; the last piece may have fewer. It is part of what the numbers depend on, as
        the seed is, and must not be chosen from the number of workers.

    Returns
    -------
    list
        A result a piece, in order.

    Raises
    ------
    ValueError
        Draws or chunk below 1.

    Examples
    --------
    >>> [round(float(piece.sum()), 3) for piece in spread(_normal, 5, seed=1, chunk=2)]
    [-0.248, 3.592, 1.442]
    """
    if draws < 1 or chunk < 1:
        raise ValueError(f"draws ({draws}) and chunk ({chunk}) must be 1 or more")
    bounds = [*range(0, draws, chunk), draws]
    counts = [end - start for start, end in pairwise(bounds)]
    streams = np.random.SeedSequence(seed).spawn(len(counts))
    pieces = [(work, count, stream) for count, stream in zip(counts, streams, strict=True)]
    return _WORKERS.get()(_drawn, pieces)


def _drawn(piece: tuple[Callable[[int, np.random.Generator], Any], int, np.random.SeedSequence]) -> Any:
    work, count, stream = piece
    return work(count, np.random.Generator(np.random.PCG64(stream)))


def _normal(count: int, generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal(count)


def each(work: Callable[[A], T], items: Sequence[A], *, chunk: int = 1) -> list[T]:
    """Do the same with each item, a few at a time; nothing is random.

    Parameters
    ----------
    work : callable
        As for `spread`, of one item.
    items : sequence
    chunk : int
        Items that are done together.

    Returns
    -------
    list
        A result an item, in order.
    """
    if chunk < 1:
        raise ValueError(f"chunk ({chunk}) must be 1 or more")
    pieces = [(work, tuple(items[start : start + chunk])) for start in range(0, len(items), chunk)]
    return [result for piece in _WORKERS.get()(_done, pieces) for result in piece]


def _done(piece: tuple[Callable[[Any], Any], tuple[Any, ...]]) -> list[Any]:
    work, items = piece
    return [work(item) for item in items]
