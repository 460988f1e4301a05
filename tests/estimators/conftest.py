"""Reference panels and small random panels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation import Panel

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


def read_panel(name: str) -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / name)
    frame["g"] = frame["g"].where(frame["g"] > 0)
    return frame


@pytest.fixture(scope="session")
def staggered() -> pd.DataFrame:
    return read_panel("staggered.csv")


@pytest.fixture(scope="session")
def staggered_unbalanced() -> pd.DataFrame:
    return read_panel("staggered_unbalanced.csv")


@pytest.fixture(scope="session")
def reference() -> Callable[[str], dict[str, Any]]:
    def read(name: str) -> dict[str, Any]:
        return json.loads((REFERENCE / name).read_text())

    return read


@pytest.fixture(scope="session")
def simulate() -> Callable[..., pd.DataFrame]:
    return simulate_panel


@pytest.fixture(scope="session")
def panel_of() -> Callable[[pd.DataFrame], Panel]:
    return lambda frame: Panel(frame, unit="id", time="t")


def simulate_panel(
    seed: int,
    *,
    units: int = 40,
    periods: int = 6,
    cohorts: tuple[float, ...] = (3, 5),
    missing: float = 0.0,
    never: bool = True,
    effect: float = 1.0,
) -> pd.DataFrame:
    """A small staggered panel; every cohort has at least four units.

    Columns ``id, t, g, y, x, z, w, cl, count``: ``x`` varies over time, ``z`` and the weight ``w`` do not,
    ``cl`` joins units of different cohorts.
    """
    rng = np.random.default_rng(seed)
    groups = [*cohorts, *([np.nan] if never else [])]
    g = np.concatenate([np.repeat(groups, 4), rng.choice(groups, size=units - 4 * len(groups))])
    t = np.arange(1, periods + 1)
    treated = t[None, :] >= np.nan_to_num(g, nan=np.inf)[:, None]
    z = rng.standard_normal(units) + 0.3 * np.nan_to_num(g, nan=0.0) / periods
    x = rng.standard_normal((units, periods)) + 0.5 * z[:, None]
    y = (
        rng.standard_normal((units, 1)) * 2
        + np.sin(t)
        + 0.3 * z[:, None] * t
        + 0.5 * x
        + effect * treated * (1 + 0.3 * t)
        + rng.standard_normal((units, periods))
    )
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(units), periods),
            "t": np.tile(t, units),
            "g": np.repeat(g, periods),
            "y": y.ravel(),
            "x": x.ravel(),
            "z": np.repeat(z, periods),
            "w": np.repeat(rng.uniform(0.5, 2.0, units), periods),
            "cl": np.repeat(rng.permutation(np.arange(units) % max(units // 3, 2)), periods),
            "count": rng.poisson(np.exp(0.3 + 0.2 * y / 2)).ravel(),
        }
    )
    if missing:
        frame = frame[rng.random(len(frame)) >= missing].reset_index(drop=True)
    return frame
