"""What a kernel finds around it: an environment that is made up, not inherited, and a folder of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

READS = "EVALUATION_READS"
"""Name of the environment variable that names the file for what a kernel reads."""

CLUSTER = "EVALUATION_CLUSTER"
"""Name of the environment variable with the scheduler's address, when pieces of work go to a cluster."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_KEPT = {"LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SOURCE_DATE_EPOCH"}
_KEPT |= {"PYTHONPATH", "PYTHONUTF8", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "COVERAGE_PROCESS_START"}
_KEPT |= {CLUSTER}
_KEPT |= {"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"}  # Windows
"""What a kernel is told of the user's environment; all else (names, folders, keys, tokens) stays outside."""

# a socket's path may have about 104 bytes; the file name takes up to 20 of them
LONGEST_FOLDER = 80


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
    if os.name == "posix" and len(os.fsencode(folder)) > LONGEST_FOLDER and os.access("/tmp", os.W_OK):
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="evaluation-", dir="/tmp"))
    return folder
