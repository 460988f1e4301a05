"""A project of small studies on one small notebook, for the benchmarks of the pipeline and of the cluster."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

PARAMETERS = 'study = "s0"\noverrides = {}'
MONTHS = [f"{year}-{month:02d}" for year in (2014, 2015, 2016) for month in range(1, 13)]
X = '{ en = "x", zh = "x" }'
STUDY = """
id = "NAME"
notebook = "small"
seed = SEED
title = X
question = X
source = { title = X, publisher = X, date = "2017", section = "1" }
pools = [{ id = "others", label = X, units = "all" }]
outcomes = [{ id = "level", column = "level", label = X, phrase = X, unit = X }]
[data]
table = "levels"
unit = "place"
time = "month"
frequency = "M"
start = "2014-01"
end = "2016-12"
[treatment]
unit = "A"
date = "2015-07"
label = X
why = X
[headline]
outcome = "level"
years = { before = 2014, after = 2016 }
[rule]
level = 0.1
pool = "others"
outcomes = ["level"]
fixed_on = "2026-01-01"
text = X
"""
MANIFEST = """
format = 1
[[tables]]
name = "levels"
path = "levels.csv"
rows = 216
sha256 = "SHA"
simulated = true
made_by = "hand"
title = X
source = X
licence = X
columns = [
  { name = "place", kind = "text", unit = X, description = X },
  { name = "month", kind = "text", unit = X, description = X },
  { name = "level", kind = "number", unit = X, description = X },
]
"""


def small_project(folder: Path, *cells: str, reports: int) -> list[str]:
    """Write the project.

    Parameters
    ----------
    folder : Path
        Made here.
    *cells : str
        Code of the notebook, after its parameters.
    reports : int
        Number of studies, which differ in their names and seeds.

    Returns
    -------
    list of str
        The studies.
    """
    for name in ("studies", "notebooks", "data"):
        (folder / name).mkdir(parents=True)
    rows = [
        f"{p},{month},{10 + i + j % 12}" for i, p in enumerate("ABCDEF") for j, month in enumerate(MONTHS)
    ]
    table = ("\n".join(["place,month,level", *rows]) + "\n").encode()
    (folder / "data" / "levels.csv").write_bytes(table)
    manifest = MANIFEST.replace("SHA", hashlib.sha256(table).hexdigest()).replace(" X", " " + X)
    (folder / "data" / "manifest.toml").write_text(manifest, encoding="utf-8")
    made = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {"tags": tags}, "source": source, "outputs": []}
        | {"execution_count": None}
        for i, (source, tags) in enumerate([(PARAMETERS, ["parameters"]), *((cell, []) for cell in cells)])
    ]
    notebook = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "notebooks" / "small.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    names = [f"s{i}" for i in range(reports)]
    for i, name in enumerate(names):
        study = STUDY.replace("NAME", name).replace("SEED", str(i)).replace(" X", " " + X)
        (folder / "studies" / f"{name}.toml").write_text(study, encoding="utf-8")
    return names
