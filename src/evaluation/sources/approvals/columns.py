"""What the columns of tables of approval cases are, for the manifest."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.sources.manifest import Column, Kind, Words

_NONE: Words = {"en": "", "zh": ""}
_DAYS: Words = {"en": "working days", "zh": "个工作日"}
_CASES: Words = {"en": "cases", "zh": "件"}
_SHARE: Words = {"en": "share", "zh": "比例"}


def _column(name: str, kind: Kind, unit: Words, en: str, zh: str) -> Column:
    return Column(name, kind, unit, {"en": en, "zh": zh})


def measured_columns(
    horizon: int, first: str, base_months: int, *, truth: bool = False
) -> tuple[Column, ...]:
    """Columns of a panel of cases: what each is, its unit and kind.

    Parameters
    ----------
    horizon : int
        Working days up to which means are restricted.
    first : str
        First month.
    base_months : int
        Months from the first on whose items are held fixed.
    truth : bool
        Whether the simulator's truth stands beside the measures.
    """
    text: Kind = "text"
    number: Kind = "number"
    count: Kind = "integer"
    upto, upto_zh = f"mean of all cases up to {horizon} days", f"全部办件限制平均用时（上限{horizon}日）"
    base, base_zh = f"the first {base_months} months from {first}", f"{first}起{base_months}个月"
    rows: tuple[tuple[str, Kind, Words, str, str], ...] = (
        ("district", text, _NONE, "district or county", "区县"),
        ("name_en", text, _NONE, "its name in English", "英文名"),
        ("month", text, _NONE, "month of acceptance", "受理月份"),
        ("adopted", text, _NONE, "first month of the measure, empty for never", "措施起始月"),
        ("cases", count, _CASES, "accepted", "受理件数"),
        ("decided", count, _CASES, "decided by the day of the export", "导出日前已办结"),
        ("open", count, _CASES, "open on that day", "导出日在办"),
        ("mean", number, _DAYS, "mean of decided cases", "已办结件平均用时"),
        ("median", number, _DAYS, "median of decided cases", "已办结件中位数"),
        ("p90", number, _DAYS, "90th percentile of decided cases", "已办结件第90百分位数"),
        ("limit_share", number, _SHARE, "of the limit taken by decided cases", "已办结件占法定时限的比例"),
        ("on_time", number, _SHARE, "of the judged within the limit", "按时办结率"),
        ("judged", count, _CASES, "with a limit, and decided or open beyond it", "可判定是否按时的件数"),
        ("restricted_mean", number, _DAYS, upto, upto_zh),
        ("restricted_mean_se", number, _DAYS, "its standard error", "其标准误"),
        ("km_median", number, _DAYS, "Kaplan-Meier median of all cases", "全部办件的卡普兰－迈耶中位数"),
        ("km_median_low", number, _DAYS, "lower end of its 95 % interval", "其95%区间下限"),
        ("km_median_high", number, _DAYS, "upper end of its 95 % interval", "其95%区间上限"),
        ("km_median_se", number, _DAYS, "its standard error, from the interval", "其标准误"),
        ("fixed_mean", number, _DAYS, f"the same, items of {base}", f"按{base_zh}的事项构成"),
        ("fixed_mean_se", number, _DAYS, "its standard error", "其标准误"),
        ("mix_weight", number, _SHARE, f"of the items of {base} still there", f"{base_zh}的事项仍存在的比例"),
    )  # fmt: skip
    known: tuple[tuple[str, Kind, Words, str, str], ...] = (
        ("true_mean", number, _DAYS, "what restricted_mean estimates", "restricted_mean的真值"),
        ("true_fixed", number, _DAYS, "what fixed_mean estimates", "fixed_mean的真值"),
        ("true_without", number, _DAYS, "the same without the reform", "若无改革时的真值"),
    )  # fmt: skip
    return tuple(_column(*row) for row in (*rows, *(known if truth else ())))


def mix_columns(spans: tuple[Sequence[pd.Period], Sequence[pd.Period]]) -> tuple[Column, ...]:
    """Columns of a decomposition between two spans of months."""
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
