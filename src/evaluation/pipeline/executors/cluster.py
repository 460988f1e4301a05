"""``--cluster``: reports, and the pieces of work within them, done by Dask workers.

A report is `render(spec)`, which is pure and picklable, so that it can be made anywhere that sees the project
folder; a piece of a simulation carries its own random stream (`evaluation.numerics.chunks`). A worker that
is lost takes nothing along: what it was doing is done again by another, with the same result.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evaluation.errors import OutputError, ReportError, StudyError
from evaluation.pipeline.kernels.environment import CLUSTER
from evaluation.pipeline.records.history import package_checksum
from evaluation.pipeline.render import render
from evaluation.pipeline.spec import Failure, RenderOutcome, RenderSpec

if TYPE_CHECKING:
    from evaluation.numerics.chunks import Workers  # brings numpy, which a run with nothing to do needs not

T = TypeVar("T")
A = TypeVar("A")
Render = Callable[[RenderSpec], RenderOutcome]

REPORT, PIECE = "report", "piece"
"""Dask resources of which a report and a piece of work take one: a local worker does one of each at once."""

TRIES = 2
"""Times that work is begun again after the worker that did it was lost."""

PATIENCE = 10.0
_SLURM = {
    "queue",
    "account",
    "cores",
    "memory",
    "walltime",
    "jobs",
    "processes",
    "interface",
    "setup",
    "extra",
}
_NEEDED = {"cores", "memory", "jobs"}


@dataclass(frozen=True)
class Asked:
    """What ``--cluster`` asks for.

    Attributes
    ----------
    kind : {"local", "tcp", "slurm"}
    workers : int
        Of a local cluster.
    address : str
        Of a scheduler that runs already.
    settings : mapping
        Of the file for Slurm.
    """

    kind: str
    workers: int = 0
    address: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def asked(text: str) -> Asked:
    """Read ``local``, ``local:4``, ``tcp://host:8786`` or the path of a YAML file for Slurm.

    Raises
    ------
    StudyError
        None of these, or a file with a key that is unknown, absent or ill-typed.
    """
    found = re.fullmatch(r"local(?::(\d+))?", text)
    if found:
        workers = int(found.group(1) or os.cpu_count() or 1)
        if workers < 1:
            raise StudyError(f"{workers} workers cannot do anything", where="--cluster", expected="local:2")
        return Asked("local", workers=workers)
    if re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+", text):
        return Asked("tcp", address=text)
    if text.endswith((".yaml", ".yml")):
        return Asked("slurm", settings=_settings(Path(text)))
    raise StudyError(
        f"{text!r} names no cluster",
        where="--cluster",
        expected="local, local:4, tcp://host:8786, or a YAML file for Slurm",
    )


def _settings(path: Path) -> dict[str, Any]:
    yaml = _needs("yaml")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path} cannot be read", where=str(error.strerror)) from None
    except yaml.YAMLError as error:
        raise StudyError(f"{path} is not valid YAML", where=" ".join(str(error).split())) from None
    if not isinstance(found, dict):
        raise StudyError(f"{path} has no settings", expected="keys " + ", ".join(sorted(_SLURM)))
    wrong = [f"unknown key {key!r}" for key in found if key not in _SLURM]
    wrong += [f"missing key {key!r}" for key in sorted(_NEEDED - found.keys())]
    wrong += [
        f"{key} is {found[key]!r}, not a whole number above 0"
        for key in ("cores", "jobs", "processes")
        if key in found and (not isinstance(found[key], int) or found[key] < 1)
    ]
    wrong += [
        f"{key} is {found[key]!r}, not a list of lines"
        for key in ("setup", "extra")
        if key in found and not (isinstance(found[key], list) and all(isinstance(x, str) for x in found[key]))
    ]
    if wrong:
        raise StudyError(
            f"{path} has wrong keys",
            where="; ".join(wrong),
            expected="keys " + ", ".join(sorted(_SLURM)) + "; needed: " + ", ".join(sorted(_NEEDED)),
        )
    return found


def _needs(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise OutputError(
            "a cluster needs packages that are not installed",
            where=module,
            fix="install them: pip install 'reform-evaluation[cluster]'",
        ) from None


class Cluster:
    """Dask workers, asked for when there is first something to do.

    Attributes
    ----------
    size : int
        Reports at once. At least as many threads are left for pieces of work, where there are enough.
    """

    def __init__(self, wanted: Asked, root: Path, make: Render = render) -> None:
        self._wanted, self._root, self._make = wanted, root, make
        self._client: Any = None
        self._cluster: Any = None
        self._done: Any = None
        self._specs: dict[str, RenderSpec] = {}
        self._threads = 0
        self._own = False

    @property
    def client(self) -> Any:
        """The client; the cluster is started by the first look at it.

        Raises
        ------
        OutputError
            The extra is not installed.
        ReportError
            No scheduler answers, or it has no worker.
        """
        if self._client is None:
            self._open()
        return self._client

    @property
    def size(self) -> int:
        """Reports at once; more as more workers of a queue begin."""
        client = self.client
        if self._wanted.kind != "local":
            self._threads = sum(client.nthreads().values())
        return max(1, self._threads // 2)

    def _open(self) -> None:
        distributed = _needs("distributed")
        dask = _needs("dask")
        dask.config.set(
            {"distributed.scheduler.allowed-failures": TRIES, "distributed.logging.distributed": "error"}
        )
        try:
            if self._wanted.kind == "local":
                self._cluster = distributed.LocalCluster(
                    n_workers=self._wanted.workers,
                    threads_per_worker=2,  # one waits for a kernel, one does pieces of work
                    processes=True,
                    dashboard_address=None,
                    host="127.0.0.1",
                    resources={REPORT: 1, PIECE: 1},
                    local_directory=str(self._root / "build" / "dask"),
                    silence_logs=logging.CRITICAL,
                )
            elif self._wanted.kind == "slurm":
                self._cluster = slurm(self._wanted.settings)
                self._cluster.scale(jobs=self._wanted.settings["jobs"])
            self._own = self._cluster is not None
            self._client = distributed.Client(self._cluster or self._wanted.address, timeout=PATIENCE)
            self._client.wait_for_workers(1, timeout=PATIENCE if self._wanted.kind != "slurm" else 3600)
        except (OSError, TimeoutError, RuntimeError) as error:
            self.close()
            raise ReportError(
                "no worker of the cluster answers",
                where=self._wanted.address or self._wanted.kind,
                expected=f"a scheduler with workers within {PATIENCE:g} seconds",
                fix="start them: dask scheduler, and dask worker ADDRESS in the project's environment",
            ) from error
        self._done = distributed.as_completed()
        self._threads = 2 * self._wanted.workers
        self._require_same_code()

    def _require_same_code(self) -> None:
        """Workers must run this very package: another one would give other numbers without a word."""
        own = package_checksum()
        theirs = self._client.run(_look, str(self._root))
        strange = {address: found for address, found in theirs.items() if found != (own, True)}
        if strange:
            address, (code, _) = next(iter(strange.items()))
            self.close()
            raise ReportError(
                "a worker of the cluster has another version of the package"
                if code != own
                else "a worker of the cluster does not see the project folder",
                where=address,
                expected="the same checkout in the same place on every machine, such as a shared disk",
            )

    # reports: what `evaluation.pipeline.executors.executor.Executor` asks for

    def start(self, spec: RenderSpec) -> None:
        """Begin a report on some worker."""
        inner = self._threads > 1 and not str(self.client.scheduler.address).startswith("tls")
        one = _one_of(self.client, REPORT)
        future = self.client.submit(_report, self._make, spec, inner, pure=False, resources=one)
        self._specs[future.key] = spec
        self._done.add(future)

    def finished(self) -> tuple[RenderSpec, RenderOutcome]:
        """Wait for any report. One that ended its worker more often than it may is a failed report."""
        future = next(self._done)
        spec = self._specs.pop(future.key)
        if future.status == "finished":
            return spec, future.result()
        error = future.exception() if future.status == "error" else None
        kind = type(error).__name__ if error is not None else "CancelledError"
        message = f"the report could not be made on the cluster: {kind}"
        if kind == "KilledWorker":
            message = f"{TRIES + 1} workers that made this report were lost; memory may have run out"
        return spec, RenderOutcome(spec.study, failure=Failure("kernel", kind, message))

    def stop(self) -> None:
        """End what is under way."""
        self.close()

    # pieces of work: what `evaluation.numerics.chunks.working` asks for

    def workers(self, function: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        """Do pieces on the workers; results in their order."""
        return _pieces(self.client, function, arguments)

    def close(self) -> None:
        """End the workers that were started here; leave others alone."""
        for one in (self._client, self._cluster if self._own else None):
            if one is not None:
                one.close()
        self._client = self._cluster = None


@contextmanager
def cluster(text: str | None, root: Path, make: Render = render) -> Iterator[Cluster | None]:
    """The cluster that ``--cluster`` names, or None without it; closed at the end.

    Raises
    ------
    StudyError
        The text names no cluster.
    """
    if text is None:
        yield None
        return
    made = Cluster(asked(text), root.resolve(), make)
    try:
        yield made
    finally:
        made.close()


def slurm(settings: dict[str, Any]) -> Any:
    """A Slurm cluster from the settings of the file, no job asked for yet."""
    jobqueue = _needs("dask_jobqueue")
    names = {"setup": "job_script_prologue", "extra": "job_extra_directives"}
    options = {names.get(key, key): value for key, value in settings.items() if key != "jobs"}
    # a thread that waits for a kernel and one that does pieces of work, for each core of a worker
    cores = max(1, settings["cores"] // settings.get("processes", 1))
    extra = ["--nthreads", str(2 * cores), "--resources", f"{REPORT}={cores},{PIECE}={cores}"]
    return jobqueue.SLURMCluster(**options, python=sys.executable, worker_extra_args=extra)


def _look(root: str) -> tuple[str, bool]:
    """On a worker: which package it has, and whether it sees the project."""
    return package_checksum(), Path(root, "studies").is_dir()


def _report(make: Render, spec: RenderSpec, inner: bool) -> RenderOutcome:
    """On a worker: make one report; its kernel hands pieces of work to the same cluster."""
    from distributed import get_worker

    if inner:
        os.environ[CLUSTER] = get_worker().scheduler.address
    else:
        os.environ.pop(CLUSTER, None)
    return make(spec)


def workers_at(address: str) -> Workers:
    """Workers of a scheduler that runs, asked when there is first more than one piece."""
    from evaluation.numerics.chunks import here

    held: list[Any] = []

    def do(function: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        if len(arguments) < 2:
            return here(function, arguments)
        if not held:
            from distributed import Client

            held.append(Client(address, timeout=PATIENCE, set_as_default=False))
        return _pieces(held[0], function, arguments)

    return do


def _pieces(client: Any, function: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    one = _one_of(client, PIECE)
    futures = client.map(function, list(arguments), pure=False, priority=1, resources=one)
    found: list[T] = client.gather(futures)
    return found


def _one_of(client: Any, resource: str) -> dict[str, int] | None:
    """One of a resource, where every worker says how many it has."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return {resource: 1} if workers and all(resource in worker["resources"] for worker in workers) else None
