"""Tables ``approvals/huantai_simulated_*``: simulated cases by the way that a real export would go."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from builders.simulate_cases import CaseSimulation
from evaluation.sources.approvals.columns import measured_columns
from evaluation.sources.approvals.own import entry, folder_of, mix_of, panel_of, published
from evaluation.sources.approvals.panel import count_cases
from evaluation.sources.build import BuildSummary
from evaluation.sources.manifest import Words

NAME = "approvals_huantai_simulated"
MONTH, MIX = "approvals/huantai_simulated_month", "approvals/huantai_simulated_mix"
SEED = 20170725
BASE_MONTHS = 12


def simulate(folder: Path) -> list[Path]:
    """Write the simulated export that `build_huantai` reads; the same files every time."""
    return CaseSimulation().draw(np.random.default_rng(SEED)).write(folder)


def build_huantai(raw: Path, out_dir: Path, *, skip_broken: bool = False) -> BuildSummary:
    """Make the two tables from the simulated export, as one would from a city's own.

    Parameters
    ----------
    raw : Path
        Folder of the export.
    out_dir : Path
        The data folder.
    skip_broken : bool
        Pass over files that cannot be read; the manifest and the page then say so.

    Returns
    -------
    BuildSummary

    Raises
    ------
    DataError, OutputError
        See `evaluation.sources.approvals.count_cases` and `evaluation.sources.tables.write_together`.
    """
    design = CaseSimulation()
    counted = count_cases(raw, design.as_of, skip_broken=skip_broken)
    origin = folder_of(counted, "a folder of CSV files")
    made_by = f"evaluation data simulate {NAME} --raw FOLDER && evaluation data build {NAME} --raw FOLDER"
    panel, _ = panel_of(counted, design.horizon, BASE_MONTHS)
    truth = design.true_panel().drop(columns="treated")
    truth = truth.rename(columns={"raw": "true_mean", "fixed": "true_fixed", "fixed_without": "true_without"})
    panel = panel.merge(truth.assign(month=truth["month"].astype(str)), on=["district", "month"])
    places = {d.name: d for d in design.districts}
    panel.insert(1, "name_en", [places[name].name_en for name in panel["district"]])
    panel.insert(3, "adopted", [places[name].adopted or "" for name in panel["district"]])
    columns = measured_columns(design.horizon, design.start, BASE_MONTHS, truth=True)
    files = [entry(MONTH, panel, columns, counted, origin, made_by, _words(_MONTHLY), simulated=True)]
    mix = mix_of(counted, design.horizon, BASE_MONTHS)
    assert mix is not None
    files.append(entry(MIX, *mix, counted, origin, made_by, _words(_PARTS), simulated=True))
    return published(NAME, counted, origin, files, out_dir)


_MONTHLY: Words = {
    "en": "Simulated approval cases in Zibo's districts and counties by month: durations with and without "
    "open cases",
    "zh": "淄博各区县分月审批办件（模拟数据）：计入与不计入在办件的办理用时",
}
_PARTS: Words = {
    "en": "Simulated approval cases: what the change of the mean duration is made of",
    "zh": "模拟审批办件：平均用时变化的构成",
}


def _words(title: Words) -> dict[str, Words]:
    return {
        "title": title,
        "source": {
            "en": f"simulated by data-raw/builders/simulate_cases.py, seed {SEED}; no real case is in it",
            "zh": f"由data-raw/builders/simulate_cases.py模拟生成（随机种子{SEED}），不含任何真实办件",
        },
        "licence": {"en": "MIT (this project)", "zh": "MIT许可（本项目）"},
    }
