"""A small project with one study of many places, for tests of the kind ``staggered``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w

from evaluation.sources.manifest import Column, Manifest, TableInfo
from evaluation.sources.reading import sha256_of

TEXT = {"en": "words", "zh": "文字"}
STUDY = """
id = "small"
kind = "staggered"
notebook = "crime_reduction"
seed = 7
title = { en = "T", zh = "题" }
question = { en = "Q", zh = "问" }
settle = [{ en = "More data.", zh = "更多数据。" }]

[source]
title = { en = "S", zh = "源" }
publisher = { en = "P", zh = "者" }
date = "2020-01-01"
section = "1"

[[claims]]
id = "c"
text = { en = "fell", zh = "下降" }
value = -20.0
unit = { en = "%", zh = "%" }
kind = "none"
needs = { en = "data", zh = "数据" }

[[claims]]
id = "d"
text = { en = "fell", zh = "下降" }
value = -20.0
unit = { en = "%", zh = "%" }
kind = "relative_change"
outcome = "crime"
before = 2004
after = 2010

[[threats]]
title = { en = "Threat", zh = "问题" }
text = { en = "Why.", zh = "原因。" }
direction = { en = "Up", zh = "偏高" }

[data]
table = "small"
unit = "town"
time = "year"
frequency = "Y"
start = 2001
end = 2012
places = "towns"
name_en = "english"
exposure = "people"
per = 1000.0
per_label = { en = "per 1,000", zh = "每千人" }

[treatment]
first_treated = "first"
cluster = "county"
window = [-4, 3]
place = { en = "town", zh = "镇" }
places = { en = "towns", zh = "个镇" }
treated = { en = "towns with the measure", zh = "实施的镇" }
event = { en = "measure begins", zh = "措施开始" }
why = { en = "By decree.", zh = "依法令。" }

[neighbours]
column = "near"
label = { en = "next to a treated town", zh = "邻镇" }

[[alternatives]]
id = "sure"
label = { en = "sure dates", zh = "确定的日期" }
first_treated = "sure"
why = { en = "Documents.", zh = "有文件。" }

[[comparisons]]
id = "all"
label = { en = "{count} other towns", zh = "其余{count}个镇" }
why = { en = "All there are.", zh = "全部。" }

[[comparisons]]
id = "south"
label = { en = "{count} other southern towns", zh = "南部其余{count}个镇" }
why = { en = "Alike.", zh = "相似。" }
column = "region"
values = ["south"]
neighbours = "drop"

[[outcomes]]
id = "crime"
column = "crimes"
label = { en = "Crimes", zh = "案件" }
phrase = { en = "crimes", zh = "案件" }
unit = { en = "cases", zh = "起" }
model = "count"
digits = 0

[[outcomes]]
id = "days"
column = "days"
label = { en = "Days (log)", zh = "天数（对数）" }
phrase = { en = "days", zh = "天数" }
unit = { en = "days", zh = "天" }
model = "log"

[[outcomes]]
id = "score"
column = "score"
label = { en = "Score", zh = "得分" }
phrase = { en = "score", zh = "得分" }
unit = { en = "points", zh = "分" }
better = "higher"
model = "level"

[headline]
outcome = "crime"

[rule]
level = 0.05
outcomes = ["crime", "days", "score"]
comparisons = ["all", "south"]
fixed_on = "2026-11-24"
text = { en = "Rule.", zh = "规则。" }

[[published]]
id = "other"
outcome = "crime"
value = -25.0
what = { en = "fall", zh = "降幅" }
citation = "Somebody (2010)"
agreement = "size"
scale = "percent"
"""


def frames(towns: int = 40, seed: int = 1, treated: int = 14) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows by town and year (2000 to 2012) and by town; crime falls by a quarter, days by a fifth."""
    rng = np.random.default_rng(seed)
    names = [f"t{i:02d}" for i in range(towns)]
    first = [2005 + i % 4 if i < treated else None for i in range(towns)]
    places = pd.DataFrame(
        {
            "town": names,
            "english": [f"Town {i}" for i in range(towns)],
            "county": [i // 2 for i in range(towns)],
            "region": ["south" if i % 2 else "north" for i in range(towns)],
            "first": ["" if f is None else str(f) for f in first],
            "sure": ["" if f is None or i == 0 else str(f) for i, f in enumerate(first)],
            "near": ["2006" if treated <= i < treated + 4 else "" for i in range(towns)],
        }
    )
    level = rng.normal(0, 0.4, towns)
    people = np.round(np.exp(rng.normal(9, 0.5, towns)))
    rows = []
    for i, name in enumerate(names):
        for year in range(2000, 2013):
            on = first[i] is not None and year >= first[i]
            mean = people[i] * 0.02 * np.exp(level[i] - 0.02 * (year - 2000)) * (0.75 if on else 1)
            days = 30 * np.exp(level[i] + 0.1 * rng.normal()) * (0.8 if on else 1)
            score = 50 + 5 * level[i] + rng.normal() + (2 if on else 0)
            rows.append(
                (name, year, float(rng.poisson(mean)), people[i], round(days, 3), round(score, 3), int(on))
            )
    columns = ["town", "year", "crimes", "people", "days", "score", "on"]
    return pd.DataFrame(rows, columns=columns), places


def make(folder: Path, change: Any = None, *, simulated: bool = False, **edits: Any) -> Path:
    """Write the project; ``change(rows, places)`` may alter the tables, ``edits`` dotted keys of the study.

    Returns the path of the study file; the project folder is its second parent.
    """
    rows, places = frames()
    if change is not None:
        rows, places = change(rows, places)
    (folder / "data").mkdir(parents=True)
    (folder / "studies").mkdir()
    tables = [_table(folder, "small", rows, simulated), _table(folder, "towns", places, simulated)]
    (folder / "data" / "manifest.toml").write_bytes(Manifest(folder / "data", tuple(tables)).to_bytes())
    study = tomllib.loads(STUDY)
    for key, value in edits.items():
        place = study
        *parts, last = key.split("__")
        for part in parts:
            place = place[int(part) if part.isdigit() else part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    path = folder / "studies" / "small.toml"
    path.write_text(tomli_w.dumps(study), encoding="utf-8")
    return path


def _table(folder: Path, name: str, frame: pd.DataFrame, simulated: bool) -> TableInfo:
    content = frame.to_csv(index=False).encode()
    (folder / "data" / f"{name}.csv").write_bytes(content)
    kinds = {"i": "integer", "f": "number"}
    columns = tuple(
        Column(c, kinds.get(frame[c].dtype.kind, "text"), TEXT, TEXT)
        for c in frame.columns  # type: ignore[arg-type]
    )
    return TableInfo(
        name,
        f"{name}.csv",
        sha256_of(content),
        len(frame),
        TEXT,
        TEXT,
        TEXT,
        "hand",
        columns,
        simulated=simulated,
    )
