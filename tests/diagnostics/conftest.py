"""Event studies with reference intervals, and small panels."""

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


@pytest.fixture(scope="session")
def honest() -> dict[str, Any]:
    return json.loads((REFERENCE / "honest_did.json").read_text())


@pytest.fixture(scope="session")
def medicaid() -> dict[str, Any]:
    return json.loads((REFERENCE / "medicaid_event_study.json").read_text())


@pytest.fixture(scope="session")
def published(honest) -> Callable[[str], tuple[np.ndarray, np.ndarray, int]]:
    """Estimates, covariance and number of periods before treatment of an example of HonestDiD."""

    def read(name: str) -> tuple[np.ndarray, np.ndarray, int]:
        example = honest["inputs"][name]
        return (
            np.array(example["betahat"]),
            np.array(example["sigma"]),
            len(example["prePeriodIndices"]),
        )

    return read


@pytest.fixture(scope="session")
def staggered() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "staggered.csv")
    frame["g"] = frame["g"].where(frame["g"] > 0)
    return frame


@pytest.fixture(scope="session")
def simulate() -> Callable[..., pd.DataFrame]:
    return simulate_panel


@pytest.fixture(scope="session")
def panel_of() -> Callable[[pd.DataFrame], Panel]:
    return lambda frame: Panel(frame, unit="unit", time="time")


def simulate_panel(
    seed: int = 1,
    *,
    units: int = 20,
    periods: int = 10,
    first: dict[int, float] | None = None,
    effect: float = 0.0,
    trend: float = 0.0,
    noise: float = 1.0,
) -> pd.DataFrame:
    """Unit and period effects, noise, an effect on treated cells and a trend of treated units."""
    rng = np.random.default_rng(seed)
    first = {0: 6.0} if first is None else first
    frame = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    frame["first"] = frame["unit"].map(first).astype(float)
    treated = frame["time"] >= frame["first"]
    frame["y"] = (
        rng.normal(size=units)[frame["unit"]]
        + rng.normal(size=periods)[frame["time"]]
        + noise * rng.normal(size=len(frame))
        + effect * treated
        + trend * frame["time"] * frame["first"].notna()
    )
    return frame
