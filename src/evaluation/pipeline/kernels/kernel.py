"""A kernel of this very interpreter, deaf to the kernels and settings installed on the machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evaluation.pipeline.kernels.environment import (
    LONGEST_FOLDER,
    end_strays,
    environment,
    hide_environment,
    short_folder,
)

MODULE = "evaluation.pipeline.kernels._kernel_process"


@contextmanager
def private_kernel(root: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """A kernel manager, not yet started, and the environment to start it in.

    Kernels talk through sockets in a folder of their own where the system has them, so that
    parallel kernels cannot take each other's TCP port.

    Parameters
    ----------
    root : Path
        The project folder; caches go to its ``build/cache``.

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
                argv=[sys.executable, "-m", MODULE, "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
            )

    hide_environment()
    folder = short_folder()
    try:
        fits = os.name == "posix" and len(os.fsencode(folder)) <= LONGEST_FOLDER
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=OwnInterpreter(),
            connection_file=str(folder / "k.json"),
            transport="ipc" if fits else "tcp",
        )
        (folder / "home").mkdir()
        yield manager, environment(root, folder)
    finally:
        end_strays(folder)
        shutil.rmtree(folder, ignore_errors=True)
