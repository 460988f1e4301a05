"""Simulated approval cases of Zibo's districts, whose effect is known. Nothing here is data.

They are written as a city's export, so that importer, panel, estimators and pages are tried on what they are
for before a record exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from evaluation.errors import DesignError
from evaluation.sources.approvals.tables import FIELDS
from evaluation.sources.tables import write_together
from evaluation.sources.working_days import calendar_totals

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """A kind of approval.

    Attributes
    ----------
    name, department : str
    statutory, promised : int
        Limits in working days.
    typical : float
        Median working days without the reform.
    share : float
        Of a district's cases, before scaling to a sum of 1.
    first, last : str, optional
        Months from and up to which the item exists.
    after : float
        The share is multiplied by so much once the district has the one window.
    """

    name: str
    department: str
    statutory: int
    promised: int
    typical: float
    share: float
    first: str = "2014-01"
    last: str = "2016-12"
    after: float = 1.0


@dataclass(frozen=True)
class District:
    """A district or county.

    Attributes
    ----------
    name, name_en : str
    volume : float
        Mean number of cases a month.
    pace : float
        Logarithm by which its cases take longer.
    adopted : str, optional
        Month from which it has the one window; absent for never.
    """

    name: str
    name_en: str
    volume: float
    pace: float
    adopted: str | None = None


ITEMS = (
    Item("建筑工程施工许可", "住建局", 15, 10, 11.0, 8),
    Item("建设用地规划许可", "规划局", 20, 15, 15.0, 6),
    Item("企业设立登记", "工商局", 15, 5, 5.0, 24, after=1.2),
    Item("食品经营许可", "食药监局", 20, 15, 12.0, 16),
    Item("道路运输经营许可", "交通局", 20, 12, 10.0, 12),
    Item("林木采伐许可", "林业局", 20, 10, 9.0, 6),
    Item("取水许可审批", "水利局", 45, 25, 24.0, 4, last="2015-06"),
    Item("户外广告设置许可", "城管局", 20, 15, 16.0, 8, last="2015-06"),
    Item("建设项目环评审批", "环保局", 30, 20, 21.0, 6),
    Item("营业执照变更", "工商局", 15, 3, 3.0, 10, after=1.6),
    Item("食品摊点备案", "食药监局", 10, 2, 1.5, 8, first="2015-07", after=2.0),
)
"""Two items end and a quick one begins in July 2015; the one window attracts quick ones."""

DISTRICTS = (
    District("张店区", "Zhangdian", 150, 0.10, "2015-09"),
    District("淄川区", "Zichuan", 90, 0.05),
    District("博山区", "Boshan", 80, -0.05),
    District("临淄区", "Linzi", 100, 0.00, "2016-02"),
    District("周村区", "Zhoucun", 70, 0.08),
    District("桓台县", "Huantai", 80, 0.02, "2015-04"),
    District("高青县", "Gaoqing", 60, -0.08),
    District("沂源县", "Yiyuan", 70, 0.04),
)


@dataclass(frozen=True, eq=False)
class SimulatedCases:
    """One draw of cases; ``simulated`` is always True.

    Attributes
    ----------
    frame : pandas.DataFrame (cases,)
        ``district, item, department, accepted, decided`` (datetime64, NaT while open on the day of the
        export), ``statutory, promised, days`` (working days that the case takes, known to the simulator
        alone), ``month`` and the suspended time.
    """

    frame: pd.DataFrame = field(repr=False)
    design: CaseSimulation
    simulated: Literal[True] = field(default=True, init=False)

    def cells(self) -> pd.DataFrame:
        """Counts as `CaseCounts.cells` has them, without the way through files."""
        frame, totals = self.frame, self.design.totals
        waited = totals(np.datetime64(self.design.as_of, "D")) - totals(_days(frame["accepted"]))
        done = frame["decided"].notna().to_numpy()
        # the suspended time of an open case began after the day of the export, or is over
        days = np.where(done, frame["days"], waited - frame["paused"]).astype(np.int64)
        keys = frame[["district", "item", "month", "statutory"]].assign(finished=done, days=days)
        summed = keys.groupby(list(keys.columns), sort=True, observed=True).size().rename("cases")
        return summed.reset_index()

    def write(self, folder: str | Path) -> list[Path]:
        """Write the cases as a city would export them: one CSV file a year, in three ways of writing.

        Raises
        ------
        OutputError
            The folder cannot be written to.
        """
        files = {}
        for year, rows in self.frame.groupby(self.frame["accepted"].dt.year):
            style = int(year) % 3
            encoding = ("utf-8", "gb18030", "utf-8-sig")[style]
            table = _as_exported(rows, style)
            text = table.to_csv(index=False, lineterminator="\r\n")
            files[Path(folder) / f"办件明细{year}.csv"] = text.encode(encoding)
        write_together(files)
        return list(files)


@dataclass(frozen=True)
class CaseSimulation:
    """Cases to be drawn.

    A case of item i, accepted in month t in district d, takes ``floor(exp(log(typical_i) + pace_d +
    trend t / 12 + season_t + shock_dt + effect D_dt + spread z))`` working days, z standard normal; one in
    ``1 / stuck`` is never decided. On ``as_of`` what is not yet decided is open. Shares of items are the
    same in all districts but for those that the one window attracts.

    Parameters
    ----------
    districts, items : tuple
    start, end : str
        First and last month.
    effect : float
        In log points of the duration of each case, from adoption on.
    trend : float
        Log points a year, everywhere.
    season : float
        Half the difference between the slowest and the fastest month, log points.
    shock : float
        Standard deviation of a district-month's own shock, log points.
    spread : float
        Standard deviation of the logarithm of durations within an item.
    stuck : float
        Share of cases never decided.
    suspended : float
        Share of cases whose clock is stopped for some days.
    as_of : str
        Day of the export.
    horizon : int
        Working days up to which means are restricted.

    Raises
    ------
    DesignError
        A parameter that no record can have.
    """

    districts: tuple[District, ...] = DISTRICTS
    items: tuple[Item, ...] = ITEMS
    start: str = "2014-01"
    end: str = "2016-12"
    effect: float = -0.35
    trend: float = -0.03
    season: float = 0.06
    shock: float = 0.03
    spread: float = 0.55
    stuck: float = 0.03
    suspended: float = 0.08
    as_of: str = "2016-12-31"
    horizon: int = 40

    def __post_init__(self) -> None:
        for wrong, what, expected in (
            (not self.districts or not self.items, "there are no districts or no items", "one or more"),
            (self.start > self.end, f"the months {self.start} to {self.end} are none", "start before end"),
            (
                pd.Period(self.end, "M").end_time.normalize() > pd.Timestamp(self.as_of),
                f"the day of the export {self.as_of} lies before the end of {self.end}",
                "a day after the last month",
            ),
            (not 0 <= self.stuck < 1, f"the share {self.stuck} is never decided", "0 or more and below 1"),
            (self.horizon < 1, f"the horizon is {self.horizon}", "1 working day or more"),
        ):
            if wrong:
                raise DesignError(what, expected=expected)

    @cached_property
    def months(self) -> pd.PeriodIndex:
        """All months."""
        return pd.period_range(self.start, self.end, freq="M")

    @staticmethod
    def totals(days: NDArray[np.datetime64] | np.datetime64) -> NDArray[np.int64]:
        """Working days up to and including each day."""
        start, total = calendar_totals()
        return np.asarray(total[(days - start).astype(np.int64)])

    @cached_property
    def treated(self) -> NDArray[np.bool_]:
        """Whether a district has the one window in a month (districts, months)."""
        adopted = [pd.Period(d.adopted, "M") if d.adopted else None for d in self.districts]
        return np.array([[a is not None and month >= a for month in self.months] for a in adopted])

    @cached_property
    def shares(self) -> FloatArray:
        """Shares of items (districts, months, items)."""
        there = np.array([[i.first <= str(m) <= i.last for i in self.items] for m in self.months])
        base = there * np.array([item.share for item in self.items])
        more = np.array([item.after for item in self.items])
        out = base[None] * np.where(self.treated[..., None], more, 1.0)
        return np.asarray(out / out.sum(axis=2, keepdims=True))

    def location(self, treated: NDArray[np.bool_] | None = None) -> FloatArray:
        """Mean of the logarithm of durations without shocks (districts, months, items)."""
        month = np.arange(len(self.months))
        calendar = self.months.month.to_numpy()
        common = self.trend * month / 12 + self.season * np.cos(2 * np.pi * (calendar - 2) / 12)
        level = np.log([item.typical for item in self.items])
        pace = np.array([d.pace for d in self.districts])
        where = self.treated if treated is None else treated
        return np.asarray(
            level[None, None] + pace[:, None, None] + common[None, :, None] + self.effect * where[..., None]
        )

    def expected(self, treated: NDArray[np.bool_] | None = None) -> FloatArray:
        """Expected ``min(days, horizon)`` of a case (districts, months, items), shocks averaged over.

        ``E min(T, H) = sum_{k=1..H} P(T >= k)``, T the whole part of a lognormal duration, or never.
        """
        scale = np.hypot(self.spread, self.shock)
        location = self.location(treated)
        beyond = np.zeros_like(location)
        for k in range(1, self.horizon + 1):
            beyond += special.ndtr((location - np.log(k)) / scale)
        return np.asarray((1 - self.stuck) * beyond + self.stuck * self.horizon)

    def true_panel(self) -> pd.DataFrame:
        """True means by district and month.

        Returns
        -------
        pandas.DataFrame
            ``district, month, treated``; ``raw``: expected restricted mean with the items as they are;
            ``fixed`` and ``fixed_without``: with the first year's items that still exist, with and without
            the reform.
        """
        now, without = self.expected(), self.expected(np.zeros_like(self.treated))
        first = self.months.year == self.months.year[0]
        base = self.shares[:, first].mean(axis=1)
        weight = np.where(self.shares > 0, base[:, None, :], 0.0)
        weight = weight / weight.sum(axis=2, keepdims=True)
        d, t = (x.ravel() for x in np.indices(self.treated.shape))
        return pd.DataFrame(
            {
                "district": np.array([x.name for x in self.districts])[d],
                "month": self.months[t],
                "treated": self.treated.ravel(),
                "raw": (self.shares * now).sum(axis=2).ravel(),
                "fixed": (weight * now).sum(axis=2).ravel(),
                "fixed_without": (weight * without).sum(axis=2).ravel(),
            }
        )

    def true_effect(self, months: Sequence[pd.Period] | None = None) -> float:
        """Mean over treated district-months of the effect on the log of the fixed-mix restricted mean.

        It is nearer to 0 than ``effect``: durations are cut at the horizon and a few cases are never decided.

        Parameters
        ----------
        months : sequence of pandas.Period, optional
            Only these.
        """
        panel = self.true_panel()
        panel = panel[panel["treated"]]
        if months is not None:
            panel = panel[panel["month"].isin(list(months))]
        return float(np.log(panel["fixed"] / panel["fixed_without"]).mean())

    def draw(self, generator: np.random.Generator) -> SimulatedCases:
        """Cases of one draw; the same generator state gives the same cases."""
        shape = (len(self.districts), len(self.months))
        mean = np.array([d.volume for d in self.districts])[:, None, None] * self.shares
        number = generator.poisson(mean)
        place = np.repeat(np.arange(number.size), number.ravel())
        d, t, i = np.unravel_index(place, number.shape)
        n = len(place)
        shock = self.shock * generator.standard_normal(shape)
        spread = self.spread * generator.standard_normal(n)
        days = np.floor(np.exp(self.location()[d, t, i] + shock[d, t] + spread)).astype(np.int64)
        never = generator.random(n) < self.stuck
        first_day = self.months.to_timestamp().to_numpy().astype("datetime64[D]")
        length = self.months.days_in_month.to_numpy()
        accepted = first_day[t] + (generator.random(n) * length[t]).astype(np.int64)
        start, total = calendar_totals()
        # nobody is there on a day off: the next working day
        accepted = start + np.searchsorted(total, total[(accepted - start).astype(np.int64) - 1] + 1)
        month = accepted.astype("datetime64[M]")
        accepted = np.where(month == first_day[t].astype("datetime64[M]"), accepted, first_day[t])
        stops = (generator.random(n) < self.suspended) & (days > 1)
        paused = np.where(stops, generator.integers(2, 12, n), 0)
        before = np.where(stops, np.minimum(days - 1, generator.integers(0, 3, n)), 0)
        upto = self.totals(accepted)

        def after(more: NDArray[np.int64]) -> NDArray[np.datetime64]:
            reached = np.searchsorted(total, upto + more)
            return np.where(more > 0, start + np.minimum(reached, len(total) - 1), accepted)

        decided = after(days + paused)
        last = np.datetime64(self.as_of, "D")
        open_ = never | (decided > last)
        nothing = np.datetime64("NaT", "D")
        suspended, resumed = after(before), after(before + paused)
        # what had not happened on the day of the export is not in it, nor is a stop that had not ended
        stops &= resumed <= last
        paused = np.where(stops, paused, 0)
        items = np.array([(x.name, x.department) for x in self.items], dtype=object)
        limits = np.array([(x.statutory, x.promised) for x in self.items], dtype=np.float64)
        frame = pd.DataFrame(
            {
                "district": np.array([x.name for x in self.districts], dtype=object)[d],
                "item": items[i, 0],
                "department": items[i, 1],
                "accepted": accepted.astype("datetime64[s]"),
                "decided": np.where(open_, nothing, decided).astype("datetime64[s]"),
                "statutory": limits[i, 0],
                "promised": limits[i, 1],
                "suspended": np.where(stops, suspended, nothing).astype("datetime64[s]"),
                "resumed": np.where(stops, resumed, nothing).astype("datetime64[s]"),
                "days": days,
                "paused": paused,
                "month": self.months[t],
            }
        )
        order = np.lexsort((d, accepted))
        frame = frame.iloc[order].reset_index(drop=True)
        frame.attrs["simulated"] = True
        return SimulatedCases(frame, self)


def _days(values: pd.Series) -> NDArray[np.datetime64]:
    return values.to_numpy().astype("datetime64[D]")


def _as_exported(rows: pd.DataFrame, style: int) -> pd.DataFrame:
    """Cases under the export's headers, dates and limits as one of three offices would write them."""
    day = ("%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日")[style]
    unit = ("", "个工作日", "")[style]
    year = rows["accepted"].dt.year.astype(str)
    place = np.arange(1, len(rows) + 1)
    columns = {
        "number": [f"SIM{y}{k:06d}" for y, k in zip(year, place, strict=True)],
        "outcome": np.where(rows["decided"].isna(), "", "准予"),
        "channel": np.where(place % 3 == 0, "网上", "窗口"),
        "applied": rows["accepted"].dt.strftime(day),
    }
    for name in ("accepted", "decided", "suspended", "resumed"):
        columns[name] = rows[name].dt.strftime(day).fillna("")
    for name in ("statutory", "promised"):
        columns[name] = rows[name].astype(int).astype(str) + unit
    for name in ("item", "department", "district"):
        columns[name] = rows[name]
    return pd.DataFrame({header: np.asarray(columns[name]) for name, header in FIELDS.items()})
