"""Tables of the simulated incidents: drawn, written as a city's export, and read back by the importer."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError
from evaluation.sources.build import BuildSummary
from evaluation.sources.incidents.tables import (
    Import,
    import_incidents,
    maps_of,
    summary_of,
    table_of,
)
from evaluation.sources.manifest import Column, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of
from evaluation.sources.settings import check_settings
from evaluation.sources.simulate_incidents import IncidentSimulation, simulation_of
from evaluation.sources.tables import csv_bytes

NAME = "crime_zhangdian_simulated"
PLACES = "crime/zhangdian_simulated_places"
TRUTH = "crime/zhangdian_simulated_truth"
_NONE: Words = {"en": "", "zh": ""}
_PERCENT: Words = {"en": "percent", "zh": "%"}


def read_simulation(path: Path) -> tuple[dict[str, Any], IncidentSimulation, RawFile]:
    """Settings of the simulation and of the import that reads it.

    Raises
    ------
    DataError
        The file cannot be read, is not TOML, or lacks a table.
    DesignError
        See `simulation_of`.
    """
    try:
        content = path.read_bytes()
        settings = tomllib.loads(content.decode("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            "the settings of the simulation cannot be read",
            where=f"{path}: {error}",
            expected="data/crime/zhangdian_simulation.toml, or a file like it",
        ) from None
    absent = [name for name in ("seed", "simulation", "import", "names") if name not in settings]
    if absent:
        raise DataError(
            f"the settings of the simulation have no {', '.join(absent)}",
            where=str(path),
            expected="seed, [simulation], [import] and [names]",
            fix="compare the file with data/crime/zhangdian_simulation.toml",
        )
    return settings, simulation_of(settings["simulation"]), RawFile(path.name, sha256_of(content))


def build_simulated(raw: Path, out_dir: Path) -> BuildSummary:
    """Draw the incidents, write them as an export, import that, and make the committed tables.

    Raises
    ------
    DataError, DesignError
        See `read_simulation` and `evaluation.sources.incidents`.
    OutputError
        The folder cannot be written to.
    """
    raw, out_dir = Path(raw), Path(out_dir)
    settings, simulation, origin = read_simulation(raw)
    wanted = check_settings(settings["import"], raw, Import)
    with tempfile.TemporaryDirectory(prefix="simulated-") as folder:
        simulation.export(Path(folder) / wanted.records, np.random.default_rng(settings["seed"]))
        imported = import_incidents(wanted, Path(folder), out_dir)
    made_by = f"evaluation data build {NAME} --raw data/crime/{raw.name}"
    files = [
        table_of(wanted, imported, origin, made_by, simulated=True),
        *maps_of(wanted, out_dir),
        _table(PLACES, _places(simulation, settings["names"]), wanted.source.model_dump(), origin, made_by),
        _table(TRUTH, simulation.truth(), wanted.source.model_dump(), origin, made_by),
    ]
    return summary_of(NAME, imported.counts, origin, files, out_dir)


def _places(simulation: IncidentSimulation, names: Mapping[str, str]) -> pd.DataFrame:
    units = list(simulation.units)
    return pd.DataFrame(
        {
            "unit": units,
            "name_en": [names.get(unit, unit) for unit in units],
            "first_treated": [simulation.start if unit == simulation.treated else "" for unit in units],
            "near": [simulation.start if unit == simulation.neighbour else "" for unit in units],
        }
    )


_TITLES: Mapping[str, Words] = {
    PLACES: {
        "en": "SIMULATED: districts, the one with the reform, and the neighbour that crime moves to",
        "zh": "模拟数据：区县、实施地区及案件转移到的邻县",
    },
    TRUTH: {
        "en": "SIMULATED: the true effect on each outcome, by construction",
        "zh": "模拟数据：各指标的真实效应（由设定给出）",
    },
}
_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    PLACES: (
        Column("unit", "text", _NONE, {"en": "district or county", "zh": "区县"}),
        Column("name_en", "text", _NONE, {"en": "English name", "zh": "英文名"}),
        Column("first_treated", "text", _NONE, {"en": "first month with the reform", "zh": "实施首月"}),
        Column("near", "text", _NONE, {"en": "first month with displaced incidents", "zh": "案件转入首月"}),
    ),
    TRUTH: (
        Column("outcome", "text", _NONE, {"en": "outcome", "zh": "指标"}),
        Column("percent", "number", _PERCENT, {"en": "true effect", "zh": "真实效应"}),
        Column(
            "monthly",
            "number",
            {"en": "cases a month", "zh": "起/月"},
            {"en": "the same in incidents", "zh": "真实效应（案件数）"},
        ),
        Column(
            "raw",
            "number",
            _PERCENT,
            {
                "en": "expected change 2016 on 2013, without a comparison",
                "zh": "2016年比2013年的预期变化，不作对照",
            },
        ),
    ),
}


def _table(
    name: str, frame: pd.DataFrame, source: Words, origin: RawFile, made_by: str
) -> tuple[TableInfo, bytes]:
    decimals = {column.name: 4 for column in _COLUMNS[name] if column.kind == "number"}
    content = csv_bytes(frame, decimals)
    info = TableInfo(
        name=name,
        path=f"{name}.csv",
        sha256=sha256_of(content),
        rows=len(frame),
        title=_TITLES[name],
        source=source,
        licence={"en": "part of this project", "zh": "属本项目"},
        made_by=made_by,
        columns=_COLUMNS[name],
        raw=origin,
        simulated=True,
    )
    return info, content
