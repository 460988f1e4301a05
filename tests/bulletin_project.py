"""A project with a bulletin of made-up places; loaded by path: tests are not a package."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w

PLACES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm")
COLUMNS = {
    "place": "text",
    "month": "text",
    "dekad": "integer",
    "days": "integer",
    "good": "integer",
    "dust": "number",
}
STUDY = """
id = "tiny_bulletin"
kind = "bulletin"
notebook = "monthly_bulletin"
seed = 7

[title]
en = "A tiny bulletin"
zh = "一份小通报"

[question]
en = "Which of five places are told apart?"
zh = "五个地方中，哪些分得出先后？"

[place]
en = "town"
zh = "镇"

[places]
en = "towns"
zh = "镇"

[data]
table = "dust"
unit = "place"
month = "month"
part = "dekad"
parts_name = { en = "ten-day periods", zh = "旬" }
days = "days"
least = 20

[bulletin]
measure = "dust"
scale = "percent"
draws = 499
fixed_on = "2026-01-01"
why = { en = "It is the only pollutant.", zh = "只有这一项污染物。" }

[[outcomes]]
id = "dust"
column = "dust"
label = { en = "Dust", zh = "扬尘" }
phrase = { en = "dust", zh = "扬尘浓度" }
unit = { en = "µg/m³", zh = "微克/立方米" }

[[outcomes]]
id = "good"
column = "good"
kind = "count"
of = "days"
label = { en = "Good days", zh = "优良天数" }
phrase = { en = "good days", zh = "优良天数" }
unit = { en = "days", zh = "天" }
better = "higher"
scales = ["level"]
digits = 0

[[threats]]
title = { en = "Made up", zh = "虚构" }
text = { en = "The figures are made up.", zh = "数据是虚构的。" }
direction = { en = "Either way", zh = "方向不定" }

[[settle]]
en = "Real figures."
zh = "真实数据。"
"""


def table(noise: float = 0.02) -> pd.DataFrame:
    """Three years of dekads. In the last twelve months Alder's dust is halved, Birch's a fifth lower."""
    rng = np.random.default_rng(0)
    rows = []
    for at, month in enumerate(pd.period_range("2014-01", "2016-12", freq="M")):
        for dekad in (1, 2, 3):
            days = month.days_in_month - 20 if dekad == 3 else 10
            for i, place in enumerate(PLACES):
                cut = {"Alder": 0.5, "Birch": 0.8}.get(place, 1.0) if at >= 24 else 1.0
                dust = 100 * cut * np.exp(0.1 * i + noise * rng.standard_normal())
                good = min(days, int(rng.binomial(days, min(0.9, 60 / dust))))
                rows.append((place, str(month), dekad, days, good, round(float(dust), 2)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write(root: Path, frame: pd.DataFrame | None = None, study: str = STUDY) -> Path:
    """The project's folders, table, manifest and study file under ``root``."""
    for folder in ("studies", "notebooks", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    frame = table() if frame is None else frame
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    (root / "data" / "dust.csv").write_bytes(content)
    words = {"en": "made for a test", "zh": "测试用"}
    entry = {
        "name": "dust",
        "path": "dust.csv",
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": len(frame),
        "simulated": True,
        "made_by": "hand",
        "title": words,
        "source": words,
        "licence": words,
        "columns": [
            {"name": name, "kind": kind, "unit": words, "description": words}
            for name, kind in COLUMNS.items()
        ],
    }
    manifest = tomli_w.dumps({"format": 1, "tables": [entry]})
    (root / "data" / "manifest.toml").write_text(manifest, encoding="utf-8")
    (root / "studies" / "tiny_bulletin.toml").write_text(study, encoding="utf-8")
    return root
