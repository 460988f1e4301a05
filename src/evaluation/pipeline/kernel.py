"""A kernel of this very interpreter, deaf to the kernels and settings installed on the machine."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evaluation.pipeline._kernel_process import CLUSTER, READS

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_KEPT = {"LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SOURCE_DATE_EPOCH"}
_KEPT |= {"PYTHONPATH", "PYTHONUTF8", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "COVERAGE_PROCESS_START"}
_KEPT |= {CLUSTER}
_KEPT |= {"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"}  # Windows
"""What a kernel is told of the user's environment; all else (names, folders, keys, tokens) stays outside."""

# a socket's path may have about 104 bytes; the file name takes up to 20 of them
_LONGEST_FOLDER = 80


@contextmanager
def private_kernel(root: Path, warm: Path | None = None) -> Iterator[tuple[Any, dict[str, str]]]:
    """A kernel manager, not yet started, and the environment to start it in.

    Kernels talk through sockets in a folder of their own where the system has them, so that
    parallel kernels cannot take each other's TCP port.

    Parameters
    ----------
    root : Path
        The project folder; caches go to its ``build/cache``.
    warm : Path, optional
        Address of the process that the kernel is forked from; see `evaluation.pipeline.warm`.

    Yields
    ------
    manager : jupyter_client.AsyncKernelManager
    environment : dict
    """
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class OwnInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(
                argv=[sys.executable, "-m", "evaluation.pipeline._kernel_process", "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
            )

    folder = short_folder()
    try:
        fits = os.name == "posix" and len(os.fsencode(folder)) <= _LONGEST_FOLDER
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=OwnInterpreter(),
            connection_file=str(folder / "k.json"),
            transport="ipc" if fits else "tcp",
        )
        if warm is not None:
            from evaluation.pipeline.warm import provisioner

            manager.provisioner = provisioner(warm, manager)
        (folder / "home").mkdir()
        yield manager, environment(root, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(root: Path, folder: Path) -> dict[str, str]:
    """Environment of a kernel: one thread for linear algebra, no user settings, stable hashes.

    It is made up here and not inherited, so that nothing of the user or of a machine's secrets can be
    printed by a notebook; its home folder is a temporary one.
    """
    home = folder / "home"
    own = {
        name: value for name, value in os.environ.items() if name.upper() in _KEPT or name.startswith("LC_")
    }
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    if os.name == "nt":
        own["PATH"] = os.environ.get("PATH", own["PATH"])
    own.update(HOME=str(home), USERPROFILE=str(home))
    own.update(dict.fromkeys(THREADS, "1"))
    own.update(
        IPYTHONDIR=str(folder / "ipython"),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        JUPYTER_DATA_DIR=str(folder / "data"),
        JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
        JUPYTER_PLATFORM_DIRS="1",
        MPLCONFIGDIR=str(_cache(root, folder)),
        MPLBACKEND="agg",
        PYTHONHASHSEED="0",
        PYDEVD_DISABLE_FILE_VALIDATION="1",
    )
    own[READS] = str(folder / "reads")
    return own


def reads_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Files under the project folder that a kernel with this environment has read, sorted."""
    try:
        text = Path(environment[READS]).read_text(encoding="utf-8")
    except (OSError, KeyError):
        return ()
    return tuple(sorted(set(text.splitlines())))


def _cache(root: Path, folder: Path) -> Path:
    """Where matplotlib keeps its list of fonts from run to run; building it takes seconds."""
    cache = root / "build" / "cache" / "matplotlib"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:  # a read-only checkout still runs, only slower
        return folder / "matplotlib"
    return cache


def short_folder() -> Path:
    """A new folder in which a socket's path is not too long."""
    folder = Path(tempfile.mkdtemp(prefix="evaluation-"))
    if os.name == "posix" and len(os.fsencode(folder)) > _LONGEST_FOLDER and os.access("/tmp", os.W_OK):
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="evaluation-", dir="/tmp"))
    return folder
