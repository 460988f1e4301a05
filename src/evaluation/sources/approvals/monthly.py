"""Tables ``approvals/huantai_simulated_*``: simulated cases by the way that a real export would go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.sources.approvals.mix import decompose, fixed_mix
from evaluation.sources.approvals.panel import CaseCounts, count_cases, measures
from evaluation.sources.approvals.simulated import CaseSimulation
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.manifest import Column, Kind, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of
from evaluation.sources.tables import csv_bytes

NAME = "approvals_huantai_simulated"
MONTH, MIX = "approvals/huantai_simulated_month", "approvals/huantai_simulated_mix"
SEED = 20170725
EVERYWHERE = "全市"

_NONE: Words = {"en": "", "zh": ""}
_DAYS: Words = {"en": "working days", "zh": "个工作日"}
_CASES: Words = {"en": "cases", "zh": "件"}
_SHARE: Words = {"en": "share", "zh": "比例"}


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
    source = RawFile(
        raw.name if raw.is_file() else "a folder of CSV files",
        sha256_of("\n".join(f"{file.sha256}  {file.name}" for file in counted.files).encode()),
    )
    files = [_month(counted, design, source), _mix(counted, design, source)]
    changed = publish(files, out_dir)
    notes = tuple(f"passed over {item.name}: {item.what}" for item in counted.broken)
    return BuildSummary(
        name=NAME,
        raw=source,
        rows_read=counted.counts["rows_read"],
        dropped=counted.reasons,
        missing={},
        tables=tuple(info for info, _ in files),
        changed=changed,
        notes=notes,
    )


def _month(counted: CaseCounts, design: CaseSimulation, source: RawFile) -> tuple[TableInfo, bytes]:
    panel = measures(counted.cells, design.horizon)
    fixed = fixed_mix(counted.cells, design.horizon, list(design.months[:12]))
    truth = design.true_panel().drop(columns="treated")
    panel = panel.merge(fixed.drop(columns="raw"), on=["district", "month"])
    panel = panel.merge(truth, on=["district", "month"]).rename(
        columns={
            "fixed_se": "fixed_mean_se",
            "weight": "mix_weight",
            "raw": "true_mean",
            "fixed_y": "true_fixed",
            "fixed_x": "fixed_mean",
            "fixed_without": "true_without",
        }
    )
    places = {d.name: d for d in design.districts}
    panel.insert(1, "name_en", [places[name].name_en for name in panel["district"]])
    panel.insert(3, "adopted", [places[name].adopted or "" for name in panel["district"]])
    panel["month"] = panel["month"].astype(str)
    columns = _month_columns()
    table = panel[[column.name for column in columns]]
    title: Words = {
        "en": "Simulated approval cases in Zibo's districts and counties by month: durations with and "
        "without open cases",
        "zh": "淄博各区县分月审批办件（模拟数据）：计入与不计入在办件的办理用时",
    }
    return _entry(MONTH, table, columns, title, counted, source)


def _mix(counted: CaseCounts, design: CaseSimulation, source: RawFile) -> tuple[TableInfo, bytes]:
    months = design.months
    known = measures(counted.cells, design.horizon, ["month"])
    last = known.loc[known["restricted_mean"].notna(), "month"].max()
    spans = list(months[:12]), list(months[months <= last][-12:])
    parts = pd.concat(
        [
            decompose(counted.cells, design.horizon, *spans).frame.assign(district=EVERYWHERE),
            decompose(counted.cells, design.horizon, *spans, by=["district"]).frame,
        ],
        ignore_index=True,
    )
    columns = _mix_columns(spans)
    title: Words = {
        "en": "Simulated approval cases: what the change of the mean duration is made of",
        "zh": "模拟审批办件：平均用时变化的构成",
    }
    return _entry(MIX, parts[[column.name for column in columns]], columns, title, counted, source)


def _entry(
    name: str,
    table: pd.DataFrame,
    columns: Sequence[Column],
    title: Words,
    counted: CaseCounts,
    source: RawFile,
) -> tuple[TableInfo, bytes]:
    content = csv_bytes(table, {column.name: 6 for column in columns if column.kind == "number"})
    counts: dict[str, object] = {**counted.counts, "rows_set_aside": counted.reasons}
    if counted.broken:
        counts["files_passed_over"] = {item.name: item.what for item in counted.broken}
    info = TableInfo(
        name=name,
        path=f"{name}.csv",
        sha256=sha256_of(content),
        rows=len(table),
        title=title,
        source={
            "en": "simulated by evaluation.sources.approvals.simulated, seed 20170725; no real case is in it",
            "zh": "由evaluation.sources.approvals.simulated模拟生成（随机种子20170725），不含任何真实办件",
        },
        licence={"en": "MIT (this project)", "zh": "MIT许可（本项目）"},
        made_by=f"evaluation data simulate {NAME} --raw FOLDER && evaluation data build {NAME} --raw FOLDER",
        columns=tuple(columns),
        raw=source,
        counts=counts,
        simulated=True,
    )
    return info, content


def _column(name: str, kind: Kind, unit: Words, en: str, zh: str) -> Column:
    return Column(name, kind, unit, {"en": en, "zh": zh})


def _month_columns() -> tuple[Column, ...]:
    text: Kind = "text"
    number: Kind = "number"
    count: Kind = "integer"
    rows: tuple[tuple[str, Kind, Words, str, str], ...] = (
        ("district", text, _NONE, "district or county", "区县"),
        ("name_en", text, _NONE, "its name in English", "英文名"),
        ("month", text, _NONE, "month of acceptance", "受理月份"),
        ("adopted", text, _NONE, "month of the simulated reform, empty for never", "模拟改革起始月"),
        ("cases", count, _CASES, "accepted", "受理件数"),
        ("decided", count, _CASES, "decided by the day of the export", "导出日前已办结"),
        ("open", count, _CASES, "open on that day", "导出日在办"),
        ("mean", number, _DAYS, "mean of decided cases", "已办结件平均用时"),
        ("median", number, _DAYS, "median of decided cases", "已办结件中位数"),
        ("p90", number, _DAYS, "90th percentile of decided cases", "已办结件第90百分位数"),
        ("limit_share", number, _SHARE, "of the limit taken by decided cases", "已办结件占法定时限的比例"),
        ("on_time", number, _SHARE, "of the judged within the limit", "按时办结率"),
        ("judged", count, _CASES, "with a limit, and decided or open beyond it", "可判定是否按时的件数"),
        ("restricted_mean", number, _DAYS, "mean of all cases up to 40 days", "全部办件限制平均用时"),
        ("restricted_mean_se", number, _DAYS, "its standard error", "其标准误"),
        ("km_median", number, _DAYS, "Kaplan-Meier median of all cases", "全部办件的卡普兰－迈耶中位数"),
        ("km_median_low", number, _DAYS, "lower end of its 95 % interval", "其95%区间下限"),
        ("km_median_high", number, _DAYS, "upper end of its 95 % interval", "其95%区间上限"),
        ("km_median_se", number, _DAYS, "its standard error, from the interval", "其标准误"),
        ("fixed_mean", number, _DAYS, "restricted mean, items of 2014", "按2014年事项构成"),
        ("fixed_mean_se", number, _DAYS, "its standard error", "其标准误"),
        ("mix_weight", number, _SHARE, "of the items of 2014 still present", "2014年事项中仍存在的比例"),
        ("true_mean", number, _DAYS, "what restricted_mean estimates", "restricted_mean的真值"),
        ("true_fixed", number, _DAYS, "what fixed_mean estimates", "fixed_mean的真值"),
        ("true_without", number, _DAYS, "the same without the reform", "若无改革时的真值"),
    )  # fmt: skip
    return tuple(_column(*row) for row in rows)


def _mix_columns(spans: tuple[Sequence[pd.Period], Sequence[pd.Period]]) -> tuple[Column, ...]:
    first, second = (f"{span[0]} to {span[-1]}" for span in spans)
    erste, zweite = (f"{span[0]}至{span[-1]}" for span in spans)
    rows: tuple[tuple[str, Kind, Words, str, str], ...] = (
        ("district", "text", _NONE, "district or county, or the whole city", "区县或全市"),
        ("before", "number", _DAYS, f"restricted mean, {first}", f"{erste}限制平均用时"),
        ("after", "number", _DAYS, f"restricted mean, {second}", f"{zweite}限制平均用时"),
        ("change", "number", _DAYS, "after less before", "变化"),
        ("handling", "number", _DAYS, "part: the same items faster or slower", "其中：同一事项办得快慢"),
        ("mix", "number", _DAYS, "part: other shares of the same items", "其中：相同事项的比重变化"),
        ("new_items", "number", _DAYS, "part: items that were not there before", "其中：新增事项"),
        ("dropped_items", "number", _DAYS, "part: items no longer there", "其中：取消事项"),
        ("common_share", "number", _SHARE, "of the first cases with items of both", "事项仍存在的比例"),
    )  # fmt: skip
    return tuple(_column(*row) for row in rows)
