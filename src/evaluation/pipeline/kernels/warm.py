"""Kernels forked from one process that has imported the libraries (`--warm`): Linux only, for one run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from evaluation.errors import StudyError
from evaluation.pipeline.kernels.surroundings import environment, short_folder

_MODULE = "evaluation.pipeline.kernels._warm_server"
_START = 120.0  # seconds for the server to import the libraries and to fork
_END = 10.0


def require_warm() -> None:
    """Say so where kernels cannot be forked and watched.

    Raises
    ------
    StudyError
        The system is not Linux, or its kernel is older than 5.3.
    """
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        raise StudyError(
            "warm kernels need Linux",
            where="--warm",
            expected="Linux 5.3 or newer",
            fix="run without --warm: the pages are the same",
        )


@contextmanager
def warm_kernels(root: Path) -> Iterator[Path]:
    """Start the process that kernels are forked from, and end it and all of them at the end.

    The server gets the environment of a kernel, not the user's. It ends by itself, with its kernels, when
    this process is killed.

    Parameters
    ----------
    root : Path
        The project folder, in which the kernels work.

    Yields
    ------
    Path
        Address for `evaluation.pipeline.spec.RenderSpec.warm`.

    Raises
    ------
    StudyError
        See `require_warm`.
    """
    require_warm()
    folder = short_folder()
    address = folder / "warm"
    try:
        (folder / "home").mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            # bound here: who connects before the server has imported everything waits its turn
            listener.bind(str(address))
            listener.listen(128)
            handle = listener.fileno()
            server = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(handle)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                cwd=root,
                env=environment(root, folder),
                pass_fds=[handle],
                start_new_session=True,
            )
        try:
            yield address
        finally:
            assert server.stdin is not None
            server.stdin.close()
            try:
                server.wait(_END)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Forked:
    """A kernel that the server has forked; it answers like `subprocess.Popen`.

    Parameters
    ----------
    address : Path
        From `warm_kernels`.
    command : list of str
        Command of the kernel: an interpreter, ``-m``, a module and its arguments.
    env : dict
    cwd : str

    Raises
    ------
    RuntimeError
        The server has ended.
    """

    stdin = stdout = stderr = None

    def __init__(self, address: Path, command: list[str], env: dict[str, str], cwd: str) -> None:
        self.returncode: int | None = None
        self._text = b""
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(_START)
        asked = {"module": command[2], "arguments": command[3:], "env": env, "cwd": cwd}
        try:
            self._line.connect(str(address))
            self._line.sendall(json.dumps(asked).encode() + b"\n")
            told = self._told()
        except OSError:
            told = None
        if told is None:
            self._line.close()
            raise RuntimeError("the process that warm kernels are forked from has ended; run without --warm")
        self.pid: int = told["pid"]

    def poll(self) -> int | None:
        """Exit status, or None while the kernel runs."""
        if self.returncode is None:
            self._line.settimeout(0)
            try:
                self._end_with(self._told())
            except BlockingIOError:
                return None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, when the kernel has ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("kernel", timeout or 0.0)
            time.sleep(0.01)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Signal the kernel, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it; it may tidy up."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _told(self) -> dict[str, int] | None:
        """The next line from the server; None when it has hung up.

        Raises
        ------
        BlockingIOError
            It has not said a whole line yet.
        """
        while b"\n" not in self._text:
            more = self._line.recv(4096)
            if not more:
                return None
            self._text += more
        line, _, self._text = self._text.partition(b"\n")
        return dict(json.loads(line))

    def _end_with(self, told: dict[str, int] | None) -> None:
        # a server that hung up without a word has been killed, and its kernels end themselves
        self.returncode = -signal.SIGKILL if told is None else told["status"]
        self._line.close()


def provisioner(address: Path, manager: Any) -> Any:
    """What starts a kernel for `manager`, by asking the server at `address`."""
    from jupyter_client.connect import KernelConnectionInfo
    from jupyter_client.provisioning import LocalProvisioner

    class WarmProvisioner(LocalProvisioner):
        process: Any  # a Forked where the base class has a Popen

        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
            self.process = kernel = Forked(address, cmd, dict(kwargs["env"]), str(kwargs["cwd"]))
            self.pid = self.pgid = kernel.pid
            self.cwd = kwargs["cwd"]
            return self.connection_info

    return WarmProvisioner(kernel_id="warm", kernel_spec=manager.kernel_spec, parent=manager)
