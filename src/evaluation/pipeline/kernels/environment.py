"""What a kernel finds around it: an environment that is made up, not inherited, and a folder of its own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

READS = "EVALUATION_READS"
"""Name of the environment variable that names the file for what a kernel reads."""

CLUSTER = "EVALUATION_CLUSTER"
"""Name of the environment variable with the scheduler's address, when pieces of work go to a cluster."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_KEPT = {"LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SOURCE_DATE_EPOCH"}
_KEPT |= {"PYTHONPATH", "PYTHONUTF8", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "COVERAGE_PROCESS_START"}
_KEPT |= {CLUSTER}
_KEPT |= {f"LC_{part}" for part in ("ALL", "COLLATE", "CTYPE", "MESSAGES", "MONETARY", "NUMERIC", "TIME")}
_KEPT |= {"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"}  # Windows
"""What a kernel is told of the user's environment; all else (names, folders, keys, tokens) stays outside."""

# a socket's path may have about 104 bytes; the file name takes up to 20 of them
LONGEST_FOLDER = 80
_PREFIX = "evaluation-"


def environment(root: Path, folder: Path) -> dict[str, str]:
    """Environment of a kernel: one thread for linear algebra, no user settings, stable hashes.

    It is made up here and not inherited, so that nothing of the user or of a machine's secrets can be
    printed by a notebook; its home folder is a temporary one.
    """
    home = folder / "home"
    own = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
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
    prefix = f"{_PREFIX}{os.getpid()}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if os.name == "posix" and len(os.fsencode(folder)) > LONGEST_FOLDER and os.access("/tmp", os.W_OK):
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    return folder


def sweep_folders() -> None:
    """Remove the folders of kernels whose process was killed before it could: names say which it was."""
    import psutil

    for place in {tempfile.gettempdir(), "/tmp"} if os.name == "posix" else {tempfile.gettempdir()}:
        for folder in Path(place).glob(f"{_PREFIX}[0-9]*-*"):
            process = folder.name.removeprefix(_PREFIX).partition("-")[0]
            with suppress(OSError):
                ours = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
                if ours and process.isdigit() and not psutil.pid_exists(int(process)):
                    shutil.rmtree(folder, ignore_errors=True)


def end_strays(folder: Path) -> None:
    """End what a notebook started in a session of its own: it still has the environment of its kernel."""
    import psutil

    mark = str(folder / "runtime")
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get("JUPYTER_RUNTIME_DIR") == mark:
                process.kill()


def hide_environment() -> None:
    """Close ``/proc/self/environ`` to other processes of the user: a notebook is one (Linux only).

    A superuser sees it all the same.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
