"""Who makes the reports: this process, or a few processes of which none can bring down another."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from evaluation.pipeline.kernels.environment import LONGEST_FOLDER
from evaluation.pipeline.spec import Failure, RenderOutcome, RenderSpec

Render = Callable[[RenderSpec], RenderOutcome]
_PATIENCE = 10.0  # seconds for a worker to end its kernel before it is killed


class Executor(Protocol):
    """Makes reports, some at once."""

    @property
    def size(self) -> int:
        """How many at once."""

    def start(self, spec: RenderSpec) -> None:
        """Begin a report; called only while fewer than ``size`` are under way."""

    def finished(self) -> tuple[RenderSpec, RenderOutcome]:
        """Wait for any report that was begun."""

    def stop(self) -> None:
        """End whatever is under way, with its kernels."""


class Alone:
    """This process itself, one report after the other."""

    size = 1

    def __init__(self, render: Render) -> None:
        self._render = render
        self._waiting: deque[RenderSpec] = deque()

    def start(self, spec: RenderSpec) -> None:
        """Put a report in the queue."""
        self._waiting.append(spec)

    def finished(self) -> tuple[RenderSpec, RenderOutcome]:
        """Make the next report."""
        spec = self._waiting.popleft()
        return spec, self._render(spec)

    def stop(self) -> None:
        """Nothing is under way between two reports."""


class Processes:
    """A process a report, each forked from one that has imported what they need."""

    def __init__(self, render: Render, size: int) -> None:
        self.size = size
        self._render = render
        self._context = _context()
        self._busy: dict[Connection, tuple[Any, RenderSpec]] = {}

    def start(self, spec: RenderSpec) -> None:
        """Begin a report in a process of its own."""
        receive, send = self._context.Pipe(duplex=False)
        worker = self._context.Process(target=_work, args=(self._render, spec, send))
        worker.start()
        send.close()
        self._busy[receive] = (worker, spec)

    def finished(self) -> tuple[RenderSpec, RenderOutcome]:
        """Wait for a report, or for the end of the process that made it."""
        receive = next(one for one in wait(list(self._busy)) if isinstance(one, Connection))
        worker, spec = self._busy[receive]
        try:
            outcome: RenderOutcome = receive.recv()
        except (EOFError, OSError):
            message = "the process that made this report was ended from outside; memory may have run out"
            outcome = RenderOutcome(spec.study, failure=Failure("kernel", "WorkerEnded", message))
        del self._busy[receive]
        receive.close()
        _end(worker)
        return spec, outcome

    def stop(self) -> None:
        """End all workers; each takes its kernel along."""
        for worker, _ in self._busy.values():
            worker.terminate()
        for receive, (worker, _) in self._busy.items():
            _end(worker)
            receive.close()
        self._busy.clear()


def start_server() -> None:
    """Let the workers' common imports run while this process checks the data."""
    if _context().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()


def _context() -> Any:
    """Workers forked from a clean process that has imported what they need; fresh ones elsewhere."""
    # a socket of theirs in a folder with a long name has an address that is too long
    if os.name == "posix" and len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evaluation.pipeline.executors._preload"])
    return context


def _work(render: Render, spec: RenderSpec, send: Connection) -> None:
    """In the worker: make one report and hand it over."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the runner ends workers
    threading.Thread(target=_end_with_runner, args=(send.fileno(),), daemon=True).start()
    with suppress(KeyboardInterrupt, BrokenPipeError):
        send.send(render(spec))
        os._exit(0)  # done; the watch must not take the closing of the pipe for the end of the runner


def _interrupt(signum: int, frame: Any) -> None:
    """A worker that is told to end takes its kernel and temporary files along."""
    raise KeyboardInterrupt


def _end_with_runner(handle: int) -> None:
    """A run that was killed cannot end its workers: they see that nobody reads from them, and end themselves.

    Who their parent is tells them nothing: that is the process they were forked from, which waits for them.
    """
    if hasattr(select, "poll"):
        watch = select.poll()
        watch.register(handle, 0)  # no event is asked for: an error is told all the same
        watch.poll()
        os.kill(os.getpid(), signal.SIGTERM)


def _end(worker: Any) -> None:
    worker.join(_PATIENCE)
    if worker.is_alive():
        worker.kill()
        worker.join()
    worker.close()
