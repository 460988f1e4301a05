"""Tables of the simulated incidents: drawn, written as a city's export, and read back by the importer."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from builders.described import Described
from builders.simulate_incidents import IncidentSimulation, simulation_of
from evaluation.errors import DataError
from evaluation.sources.build import BuildSummary
from evaluation.sources.incidents.tables import (
    Import,
    import_incidents,
    maps_of,
    summary_of,
    table_of,
)
from evaluation.sources.manifest import TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of
from evaluation.sources.settings import check_settings
from evaluation.sources.tables import csv_bytes

NAME = "crime_zhangdian_simulated"
PLACES = "crime/zhangdian_simulated_places"
TRUTH = "crime/zhangdian_simulated_truth"
TABLES = Described("crime_simulated")


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
    source = wanted.source.model_dump()
    files = [
        table_of(wanted, imported, origin, made_by, simulated=True),
        *maps_of(wanted, out_dir),
        _table(PLACES, _places(simulation, settings["names"]), source, origin, made_by),
        _table(TRUTH, simulation.truth(), source, origin, made_by),
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


def _table(
    name: str, frame: pd.DataFrame, source: Words, origin: RawFile, made_by: str
) -> tuple[TableInfo, bytes]:
    decimals = {column.name: 4 for column in TABLES.columns[name] if column.kind == "number"}
    content = csv_bytes(frame, decimals)
    info = TABLES.table_info(name, content, len(frame), raw=origin, counts={}, simulated=True)
    return replace(info, source=source, made_by=made_by), content
