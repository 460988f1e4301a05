"""What all tests share."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# a machine under load is no finding: examples may take as long as they take
settings.register_profile("evaluation", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("evaluation")

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


@pytest.fixture(scope="session")
def built_site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports folder of one ``evaluation run --all``, made with an empty home and at a stated time.

    Tests in several processes share one: the first to come makes it and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = "PYTEST_XDIST_WORKER" in os.environ
    site = (base.parent if shared else base) / "built-site"
    reports, made = site / "reports", site / "made"
    site.mkdir(exist_ok=True)
    with (site / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make_site(root, reports, tmp_path_factory.mktemp("home"))
            made.touch()
    return reports


def _make_site(root: Path, reports: Path, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evaluation.cli", "run", "--all", "--reports", str(reports)],
        cwd=root,
        env={**os.environ, "HOME": str(home), "SOURCE_DATE_EPOCH": "1500940800"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
