"""The command, or how to get it where the library alone is installed."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command ``evaluation``; without the packages of the studies, say what to install."""
    try:
        from evaluation.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "evaluation").startswith("evaluation"):
            raise
        sys.exit(
            f"the command needs the Python package {error.name!r}, which is not installed: "
            "pip install 'reform-evaluation[studies,import]'"
        )
    run()
