"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["MPLBACKEND"] = "Agg"  # before any test imports matplotlib

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder that holds data/, reference/ and design/: beside the checkout, or EVALUATION_SHARED."""
    named = os.environ.get("EVALUATION_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no raw data: {'EVALUATION_SHARED' if named else '../shared'} holds no folder data")
    return folder
