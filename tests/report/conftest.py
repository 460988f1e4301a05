"""The sample notebook, loaded by path: tests are not a package."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def sample() -> SimpleNamespace:
    """Names of ``sample.py``."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("sample.py"))))
