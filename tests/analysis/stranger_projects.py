"""Projects of a stranger, for tests of what a page says of its inference: none of them is about Zibo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from staggered_project import make

SHARE = {
    "id": "share",
    "column": "share",
    "label": {"en": "Uninsured", "zh": "未参保"},
    "phrase": {"en": "the uninsured share", "zh": "未参保比例"},
    "unit": {"en": "points", "zh": "点"},
    "model": "level",
}
OTHERS = {
    "id": "all",
    "label": {"en": "{count} other states", "zh": "其余{count}个州"},
    "why": {"en": "All.", "zh": "全部。"},
}
INSURANCE = [*[2014] * 20, *[2015] * 3, *[2016] * 2, *[2019] * 2, 2020, *[None] * 23]


def stranger(folder: Path, first: list[int | None], years: range, *, effect: float, seed: int = 5, **edits):
    """Write a project of states in which ``first[i]`` is when state i is treated; return its study file.

    The share falls by 0.2 a year, with errors of autocorrelation 0.5, and by ``effect`` once treated.
    Counties are four groups of states (0 to 3), in turn.
    """
    rng = np.random.default_rng(seed)
    names = [f"s{i:03d}" for i in range(len(first))]
    places = pd.DataFrame(
        {
            "town": names,
            "english": [f"State {i}" for i in range(len(first))],
            "county": [i % 4 for i in range(len(first))],
            "first": ["" if f is None else str(f) for f in first],
        }
    )
    rows = []
    for name, start in zip(names, first, strict=True):
        level, error = rng.normal(15, 4), 0.0
        for year in years:
            error = 0.5 * error + rng.normal(0, 0.6)
            on = start is not None and year >= start
            value = level - 0.2 * (year - years[0]) + error + (effect if on else 0.0)
            rows.append((name, year, round(value, 3), round(50 + error, 3)))
    table = pd.DataFrame(rows, columns=["town", "year", "share", "other"])
    usual = {
        **dict.fromkeys(("claims", "neighbours", "alternatives", "published"), None),
        **dict.fromkeys(("data__exposure", "data__per", "data__per_label"), None),
        **dict.fromkeys(("treatment__cluster", "treatment__window"), None),
        "outcomes": [SHARE],
        "comparisons": [OTHERS],
        "headline__outcome": "share",
        "rule__outcomes": ["share"],
        "rule__comparisons": ["all"],
        "data__start": years[0],
        "data__end": years[-1],
    }
    change = edits.pop("change", lambda rows, places: (rows, places))
    return make(folder, lambda *_: change(table, places), **{**usual, **edits})


def insurance(folder: Path, **edits):
    """Insurance in 51 states over 12 years: 28 expand it in five years, 23 never."""
    mixed = np.random.default_rng(3).permutation(np.array(INSURANCE, dtype=object)).tolist()
    return stranger(folder, mixed, range(2009, 2021), effect=-2.5, **edits)


def one_state(folder: Path, others: int, *, effect: float = -2.0, **edits):
    """One state treated in 2014, in annual data of 21 years; the regression leads, as the study names it."""
    edits = {"estimator": "imputation", **edits}
    return stranger(folder, [2014, *[None] * others], range(2000, 2021), effect=effect, **edits)
