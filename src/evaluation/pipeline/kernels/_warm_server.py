"""The process that warm kernels are forked from: it imports libraries, and nothing of this project.

What it has imported every kernel has, as it was before the first line of a notebook. So nothing may be
imported here that keeps a choice, a connection or a thread of its own, and the project's package is imported
by each kernel for itself.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

LIBRARIES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "IPython.core.completer",
    "IPython.core.pylabtools",
    "numpy",
    "pandas",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "scipy.special",
    "scipy.stats",
    "statsmodels.api",
    "statsmodels.formula.api",
    "matplotlib.figure",  # not pyplot, which chooses how figures are shown
    "matplotlib.backends.backend_agg",
    "matplotlib.ticker",
    "pydantic",
    "pyarrow",
    "markdown_it",
)
"""What notebooks and this package use; one that is not installed is left to whoever asks for it."""

_PATIENCE = 10.0  # seconds for a client to say what it wants
_LONGEST = 1 << 20


def main() -> None:
    """Import, then fork a kernel for each request until the run that started this ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's; it ends this process
    listener = socket.socket(fileno=int(sys.argv[1]))
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    # nothing of what every kernel shares need be looked at again, or copied, when a kernel collects garbage
    gc.collect()
    gc.freeze()
    asked = _serve(listener)
    if asked is not None:
        listener.close()
        _become(asked)


def _serve(listener: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; a child returns what was asked for, the parent nothing when the run is over."""
    watch = selectors.DefaultSelector()
    watch.register(listener, selectors.EVENT_READ)
    watch.register(0, selectors.EVENT_READ)  # closed by the end of the runner, whatever ended it
    kernels: dict[int, tuple[int, socket.socket]] = {}  # by the handle that tells of their end
    clients: dict[socket.socket, int] = {}
    while True:
        for key, _ in watch.select():
            if key.fileobj == 0:
                for pid, _client in kernels.values():
                    _end(pid)
                return None
            if key.fileobj is listener:
                client, _address = listener.accept()
                asked = _request(client)
                if asked is None:
                    client.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    watch.close()
                    for other in (*clients, client):
                        other.close()
                    for handle in kernels:
                        os.close(handle)
                    return asked
                handle = os.pidfd_open(pid)
                kernels[handle], clients[client] = (pid, client), pid
                watch.register(handle, selectors.EVENT_READ)
                watch.register(client, selectors.EVENT_READ)
                _tell(client, {"pid": pid})
            elif key.fd in kernels:
                pid, client = kernels.pop(key.fd)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                watch.unregister(key.fd)
                os.close(key.fd)
                if clients.pop(client, None) is not None:
                    watch.unregister(client)
                    _tell(client, {"status": status})
                    client.close()
            else:  # a client says no more: it has ended, and its kernel has nobody to work for
                client = key.fileobj  # type: ignore[assignment]
                _end(clients.pop(client))
                watch.unregister(client)
                client.close()


def _request(client: socket.socket) -> dict[str, Any] | None:
    """Read one line of JSON; a client that does not finish it is given up."""
    client.settimeout(_PATIENCE)
    text = b""
    with suppress(OSError, ValueError):
        while not text.endswith(b"\n") and len(text) < _LONGEST:
            more = client.recv(65536)
            if not more:
                return None
            text += more
        asked = json.loads(text)
        return asked if isinstance(asked, dict) else None
    return None


def _tell(client: socket.socket, what: dict[str, int]) -> None:
    with suppress(OSError):
        client.sendall(json.dumps(what).encode() + b"\n")


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # where it has not made its group yet
        os.kill(pid, signal.SIGKILL)


def _become(asked: dict[str, Any]) -> None:
    """In the child: be the kernel that was asked for, as if it had been started by its command."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.environ.clear()
        os.environ.update(asked["env"])
        os.environ["JPY_PARENT_PID"] = str(os.getppid())  # a kernel whose parent is gone ends by itself
        os.chdir(asked["cwd"])
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()  # or all kernels would draw the same numbers
        for name in [name for name in sys.modules if name.partition(".")[0] == "evaluation"]:
            del sys.modules[name]
        sys.argv = ["", *asked["arguments"]]
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # never back into the parent's frames, but what kernels leave for their end is done
        with suppress(Exception):
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
