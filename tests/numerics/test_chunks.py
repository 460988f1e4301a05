"""Pieces of work: the same bytes whoever does them, streams of their own, order kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.numerics.chunks import _normal, each, here, spread, working


def square(x: int) -> int:
    return x * x


def together(pieces: list[np.ndarray]) -> bytes:
    return np.concatenate(pieces).tobytes()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_processes_give_the_bytes_of_one(workers: int) -> None:
    alone = together(spread(_normal, 1001, seed=20170725, chunk=100))
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:

        def do(function: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
            futures = [pool.submit(function, argument) for argument in reversed(arguments)]
            return [future.result() for future in reversed(futures)]

        with working(do):
            assert together(spread(_normal, 1001, seed=20170725, chunk=100)) == alone
            assert each(square, range(10), chunk=3) == [x * x for x in range(10)]
    assert together(spread(_normal, 1001, seed=20170725, chunk=100)) == alone


@given(draws=st.integers(1, 60), chunk=st.integers(1, 70), seed=st.integers(0, 2**64))
@settings(max_examples=60)
def test_every_draw_is_made_once_and_pieces_start_as_the_seed_says(draws: int, chunk: int, seed: int) -> None:
    pieces = spread(_normal, draws, seed=seed, chunk=chunk)
    assert [len(piece) for piece in pieces[:-1]] == [chunk] * (len(pieces) - 1)
    assert sum(map(len, pieces)) == draws
    streams = np.random.SeedSequence(seed).spawn(len(pieces))
    for piece, stream in zip(pieces, streams, strict=True):
        own = np.random.Generator(np.random.PCG64(stream)).standard_normal(len(piece))
        assert own.tobytes() == piece.tobytes()


def test_streams_are_unlike_each_other() -> None:
    pieces = np.stack(spread(_normal, 40 * 500, seed=7, chunk=500))
    correlation = np.corrcoef(pieces)[np.triu_indices(40, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(500)
    assert abs(correlation.mean()) < 4 / np.sqrt(500 * len(correlation))


@given(items=st.lists(st.integers(), max_size=30), chunk=st.integers(1, 40))
def test_each_keeps_the_order(items: list[int], chunk: int) -> None:
    assert each(square, items, chunk=chunk) == [square(item) for item in items]


@pytest.mark.parametrize(("draws", "chunk"), [(0, 1), (1, 0), (-1, 5)])
def test_wrong_sizes_are_named(draws: int, chunk: int) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        spread(_normal, draws, seed=1, chunk=chunk)
    with pytest.raises(ValueError, match="must be 1 or more"):
        each(square, [1], chunk=0)


def test_an_error_in_a_piece_is_raised_and_the_workers_are_given_back() -> None:
    def fail(function: Any, arguments: Any) -> list[Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), working(fail):
        each(square, [1])
    assert each(square, [3]) == [9] == here(square, [3])
    with pytest.raises(TypeError):
        each(partial(int, base="x"), ["1"])  # type: ignore[arg-type]
