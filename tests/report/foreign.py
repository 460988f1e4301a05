"""Studies whose subjects are none of this project's, and a page made of each without a kernel."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd

from evaluation.report.page import render_page
from evaluation.sources.manifest import Column, Manifest, TableInfo
from evaluation.sources.reading import sha256_of

NOTHING = {"en": "", "zh": ""}
ROOT = Path(__file__).resolve().parents[2]


def panel(
    units: list[str],
    times: list[str],
    first: dict[str, int],
    column: str,
    effect: float,
    *,
    level: float = 100.0,
    noise: float = 2.0,
    seed: int = 1,
) -> pd.DataFrame:
    """A row a unit and period: units differ in level and all drift; ``first`` is where treatment begins."""
    rng = np.random.default_rng(seed)
    base = level + rng.normal(0, 5 * noise, len(units))
    rows = []
    for i, unit in enumerate(units):
        start = first.get(unit)
        for t, time in enumerate(times):
            on = start is not None and t >= start
            value = base[i] + 0.3 * noise * t + rng.normal(0, noise) + (effect if on else 0)
            rows.append((unit, time, "" if start is None else times[start], value))
    return pd.DataFrame(rows, columns=["unit", "time", "first", column])


def tobacco() -> tuple[pd.DataFrame, str]:
    """One treated state of 25, annual data over three decades, English only."""
    names = ["California", *(f"State {chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(24))]
    times = [str(year) for year in range(1970, 2001)]
    frame = panel(names, times, {"California": 19}, "cigsale", -20, noise=3).rename(
        columns={"unit": "state", "time": "year"}
    )
    study = """
title = "Cigarette sales after a tobacco tax"
languages = ["en"]
[data]
table = "tobacco"
unit = "state"
time = "year"
[treatment]
units = { "California" = "1989" }
[[outcomes]]
column = "cigsale"
label = "Cigarette sales"
phrase = "cigarette sales"
unit = "packs"
"""
    return frame.drop(columns="first").round(2), study


def castle() -> tuple[pd.DataFrame, str]:
    """The published panel of fifty states, asked as a stranger would ask."""
    frame = pd.read_csv(ROOT / "data/crime/castle_state_year.csv")
    study = """
title = "Homicide"
languages = ["en"]
[data]
table = "castle"
unit = "state"
time = "year"
start = 2000
end = 2010
[treatment]
first_treated = "first_treated"
[[outcomes]]
column = "rate"
model = "log"
better = "lower"
"""
    return frame, study


def shops() -> tuple[pd.DataFrame, str]:
    """Weekly counts without exposure, 24 shops of which 8 start at two dates; higher is better."""
    rng = np.random.default_rng(3)
    times = [f"2021-W{w:02d}" for w in range(1, 41)]
    rows = []
    for i in range(24):
        start = (18 if i % 2 else 24) if i < 8 else None
        for t, week in enumerate(times):
            on = start is not None and t >= start
            mean = 30 * np.exp(0.02 * i) * (1.3 if on else 1)
            rows.append((f"Shop {i + 1}, High Street", week, int(on), int(rng.poisson(mean))))
    frame = pd.DataFrame(rows, columns=["shop", "week", "loyalty_card", "visits"])
    study = """
title = "Loyalty cards and visits"
languages = ["en"]
[data]
table = "shops"
unit = "shop"
time = "week"
[treatment]
switched_on = "loyalty_card"
[[outcomes]]
column = "visits"
model = "count"
better = "higher"
"""
    return frame, study


def counties() -> tuple[pd.DataFrame, str]:
    """Shares of one by quarter, units named in Chinese, Chinese only."""
    names = [f"{a}{b}县" for a in "青红白黑黄紫" for b in "山水河湖林"]
    times = [f"{year}Q{q}" for year in range(2010, 2017) for q in (1, 2, 3, 4)]
    first = {name: 12 + 2 * (i % 3) for i, name in enumerate(names[:12])}
    frame = panel(names, times, first, "broadband", 0.06, level=0.4, noise=0.02, seed=4)
    frame["broadband"] = frame["broadband"].clip(0, 1).round(4)
    study = """
title = "宽带补贴与入户率"
languages = ["zh"]
[data]
table = "counties"
unit = "县"
time = "季度"
[words]
place = "县"
[treatment]
first_treated = "起始"
[[outcomes]]
column = "broadband"
label = "宽带入户率"
phrase = "宽带入户率"
model = "share"
"""
    return frame.rename(columns={"unit": "县", "time": "季度", "first": "起始"}), study


def schools() -> tuple[pd.DataFrame, str]:
    """300 schools that are all treated in the end, annual data."""
    names = [f"school_{i:03d}" for i in range(300)]
    times = [str(year) for year in range(2008, 2019)]
    first = {name: 4 + i % 6 for i, name in enumerate(names)}
    frame = panel(names, times, first, "score", 3, level=250, noise=4, seed=5)
    study = """
title = "Longer lessons and test scores"
languages = ["en"]
[data]
table = "schools"
unit = "unit"
time = "time"
[words]
place = "school"
[treatment]
first_treated = "first"
[[outcomes]]
column = "score"
unit = "points"
better = "higher"
"""
    return frame.round(2), study


def clinics() -> tuple[pd.DataFrame, str]:
    """Five outcomes of sixteen clinics by month, two languages."""
    names = [f"Clinic {i + 1}" for i in range(16)]
    times = [f"{year}-{month:02d}" for year in (2018, 2019) for month in range(1, 13)]
    first = {name: 12 + 3 * (i % 3) for i, name in enumerate(names[:7])}
    frame = panel(names, times, first, "wait", -4, level=40, noise=1.5, seed=6)
    rng = np.random.default_rng(8)
    for i, column in enumerate(("cost", "visits", "staff", "complaints")):
        frame[column] = (50 + 10 * i + 0.5 * frame["wait"] + rng.normal(0, 3, len(frame))).round(2)
    outcomes = "".join(
        f'[[outcomes]]\ncolumn = "{column}"\nunit = {{ en = "{en}", zh = "{zh}" }}\n'
        for column, en, zh in (
            ("wait", "minutes", "分钟"),
            ("cost", "dollars", "美元"),
            ("visits", "visits", "次"),
            ("staff", "nurses", "名"),
            ("complaints", "letters", "封"),
        )
    )
    study = f"""
title = {{ en = "Appointments by telephone", zh = "电话预约" }}
[data]
table = "clinics"
unit = "clinic"
time = "month"
[words]
place = {{ en = "clinic", zh = "诊所" }}
[treatment]
first_treated = "first"
{outcomes}"""
    return frame.rename(columns={"unit": "clinic", "time": "month"}).round(2), study


def plots() -> tuple[pd.DataFrame, str]:
    """Two treated of fourteen, periods that are numbers of no calendar, the outcome falls below zero."""
    names = [str(i + 1) for i in range(14)]
    times = [str(t) for t in range(1, 17)]
    frame = panel(names, times, {"1": 9, "2": 9}, "balance", 2.5, level=0, noise=0.8, seed=9)
    study = """
title = "Fallow and the nitrogen balance"
languages = ["en"]
[data]
table = "plots"
unit = "plot"
time = "round"
[treatment]
first_treated = "first"
[[outcomes]]
column = "balance"
"""
    return frame.rename(columns={"unit": "plot", "time": "round"}).round(3), study


SUBJECTS: dict[str, Callable[[], tuple[pd.DataFrame, str]]] = {
    made.__name__: made for made in (tobacco, castle, shops, counties, schools, clinics, plots)
}


def write(folder: Path, name: str) -> Path:
    """The project of a subject; returns the path of its study file."""
    frame, study = SUBJECTS[name]()
    for part in ("data", "studies"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    content = frame.to_csv(index=False).encode()
    (folder / "data" / f"{name}.csv").write_bytes(content)
    kinds: Any = {"i": "integer", "f": "number"}
    columns = tuple(Column(c, kinds.get(frame[c].dtype.kind, "text"), NOTHING, NOTHING) for c in frame)
    info = TableInfo(
        name, f"{name}.csv", sha256_of(content), len(frame), NOTHING, NOTHING, NOTHING, "hand", columns
    )
    (folder / "data" / "manifest.toml").write_bytes(Manifest(folder / "data", (info,)).to_bytes())
    path = folder / "studies" / f"{name}.toml"
    path.write_text(study, encoding="utf-8")
    return path


def executed(path: Path, notebook: str = "panel_study") -> tuple[Any, dict[str, Any]]:
    """The notebook run on a study in this process, its outputs kept; and the names it left."""
    made = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4)
    with contextlib.chdir(path.parents[1]):
        return made, _cells(made, path)


def _cells(made: Any, path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for cell in made.cells:
        if cell.cell_type != "code":
            continue
        shown: list[Any] = []
        if "parameters" in cell.metadata.get("tags", []):
            names |= {"study": str(path), "overrides": {}}
            continue
        names["display"] = lambda *parts, to=shown: to.extend(parts)
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with _displayed(shown):
            exec(compile(tree, "cell", "exec"), names)
            if last is not None:
                shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
        cell.outputs = [
            nbformat.v4.new_output("display_data", data=part._repr_mimebundle_()[0])
            for part in shown
            if hasattr(part, "_repr_mimebundle_") and "result" not in type(part).__name__.lower()
        ]
    return names


class _displayed:
    """IPython's ``display`` puts what it is given into a list."""

    def __init__(self, shown: list[Any]) -> None:
        self.shown = shown

    def __enter__(self) -> None:
        import IPython.display

        self.kept = IPython.display.display
        IPython.display.display = lambda *parts: self.shown.extend(parts)

    def __exit__(self, *error: object) -> None:
        import IPython.display

        IPython.display.display = self.kept


def pages(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """The page of a study in each of its languages, and the names that the notebook left."""
    notebook, names = executed(path)
    study = names["case"].study
    return {
        language: render_page(
            notebook,
            language=language,
            study_id=study.id,
            title=study.title[language],
            alternate_href="",
            provenance={},
        )
        for language in study.languages
    }, names
