"""Studies of strangers with nothing but their question in them, and a table of each of many shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w
from staggered_project import _table

from evaluation.sources.manifest import Manifest


def panel(units: list[Any], times: list[Any], *, treated: dict[Any, int], effect: float = 2.0, seed: int = 1):
    """A panel with unit and period effects; ``treated[unit]`` is the position of its first period."""
    rng = np.random.default_rng(seed)
    level, common = rng.normal(20, 3, len(units)), rng.normal(0, 0.5, len(times)).cumsum()
    on = np.arange(len(times)) >= np.array([treated.get(unit, len(times)) for unit in units])[:, None]
    values = level[:, None] + common + effect * on + rng.normal(0, 0.5, on.shape)
    index = pd.MultiIndex.from_product([units, times])
    return pd.DataFrame({"y": values.ravel().round(4), "on": on.ravel().astype(int)}, index=index)


def project(folder: Path, frame: pd.DataFrame, study: dict[str, Any], name: str = "asked") -> Path:
    """Write a project with one table, ``table``, and one study; return the study's file."""
    for part in ("data", "studies"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    info = _table(folder, "table", frame, simulated=False)
    (folder / "data" / "manifest.toml").write_bytes(Manifest(folder / "data", (info,)).to_bytes())
    path = folder / "studies" / f"{name}.toml"
    path.write_text(tomli_w.dumps(study), encoding="utf-8")
    return path


def question(unit: str, time: str, treatment: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The shortest study file there is, with further keys: "data__frequency" is a key of a table."""
    raw: dict[str, Any] = {
        "title": "A question",
        "data": {"table": "table", "unit": unit, "time": time},
        "treatment": treatment,
        "outcomes": [{"column": "y"}],
    }
    for key, value in more.items():
        place = raw
        *parts, last = key.split("__")
        for part in parts:
            place = place[int(part) if part.isdigit() else part]
        place[last] = value
    return raw
