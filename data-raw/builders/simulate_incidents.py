"""Simulated incidents of a city with a known effect, written as the export that the importer reads.

Nothing here is data. Levels, seasons and delays are invented; only the names of the districts, the claimed
percentages and the day of the export's format are real. No claim may rest on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DesignError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
HEADERS = {
    "number": "案件编号",
    "occurred": "发案日期",
    "reported": "报案日期",
    "offence": "案别",
    "place": "发案地",
}


@dataclass(frozen=True)
class Group:
    """Offences that the reform moves alike.

    Attributes
    ----------
    id : str
    offences : mapping of str to float
        Names as in the export, with their shares of the group.
    outcomes : tuple of str
        Outcomes that they count towards.
    share : float
        Of all incidents, in every district, without the reform.
    ratio : float
        True effect: incidents with the reform over those without.
    """

    id: str
    offences: Mapping[str, float]
    outcomes: tuple[str, ...]
    share: float
    ratio: float


@dataclass(frozen=True)
class IncidentSimulation:
    """Incidents of several districts, of which one has the reform from a month on.

    Incidents of group k in district i and month t are Poisson with mean ``base_i share_k season_t trend^t
    u_it ratio_k^D_it``, with u_it lognormal, mean 1, standard deviation ``noise`` of its logarithm, whose
    correlation from one month to the next is ``correlation``. Of the incidents that the reform prevents
    the share ``displaced`` happen in the neighbour instead. A share ``quick`` of reports comes in two days,
    the others after a further time that is exponential with mean ``slow`` days.

    Attributes
    ----------
    units : mapping of str to float
        District to its mean incidents a month at the start.
    treated, neighbour, start, first, last, as_of : str
    groups : tuple of Group
        Their shares add up to 1.
    trend : float
        Yearly growth common to all districts.
    season : tuple of 12 floats
    noise, correlation, displaced, quick, slow : float
    dirt : mapping of str to int
        Rows that a real export has too: ``repeated, unreadable, elsewhere, not_criminal``.

    Raises
    ------
    DesignError
        A parameter that no city can have.
    """

    units: Mapping[str, float]
    treated: str
    neighbour: str
    start: str
    first: str
    last: str
    as_of: str
    groups: tuple[Group, ...]
    trend: float = -0.03
    season: tuple[float, ...] = (1.0,) * 12
    noise: float = 0.05
    correlation: float = 0.0
    displaced: float = 0.1
    quick: float = 0.8
    slow: float = 25.0
    dirt: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = sum(group.share for group in self.groups)
        for wrong, what, expected in (
            (
                not {self.treated, self.neighbour} <= set(self.units) or self.treated == self.neighbour,
                f"treated is {self.treated!r} and neighbour is {self.neighbour!r}",
                "two of " + ", ".join(self.units),
            ),
            (any(base <= 0 for base in self.units.values()), "a district has no incidents", "more than 0"),
            (abs(shares - 1) > 1e-9, f"the shares of the groups add up to {shares:g}", "1"),
            (
                any(group.ratio <= 0 for group in self.groups),
                "an effect leaves no incident",
                "ratios above 0",
            ),
            (len(self.season) != 12, f"{len(self.season)} months have a season", "12"),
            (not -1 < self.correlation < 1, f"the correlation is {self.correlation}", "between -1 and 1"),
            (
                any(not 0 <= share <= 1 for share in (self.displaced, self.quick)),
                f"displaced is {self.displaced} and quick is {self.quick}",
                "shares from 0 to 1",
            ),
            (
                not self.months[0] < pd.Period(self.start, freq="M") <= self.months[-1],
                f"the reform starts in {self.start}",
                f"a month after {self.first} and up to {self.last}",
            ),
        ):
            if wrong:
                raise DesignError(what, expected=expected)

    @cached_property
    def months(self) -> pd.PeriodIndex:
        """Every month."""
        return pd.period_range(self.first, self.last, freq="M")

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes in the order in which the groups name them."""
        return tuple(dict.fromkeys(name for group in self.groups for name in group.outcomes))

    @property
    def _treated_months(self) -> NDArray[np.bool_]:
        return np.asarray(self.months >= pd.Period(self.start, freq="M"))

    def means(self, *, reform: bool = True) -> FloatArray:
        """Expected incidents (groups, units, months), with the reform or without it."""
        base = np.array(list(self.units.values()))
        years = np.arange(len(self.months)) / 12
        season = np.array(self.season)[self.months.month.to_numpy() - 1]
        share = np.array([group.share for group in self.groups])
        plain = share[:, None, None] * base[None, :, None] * (season * (1 + self.trend) ** years)
        if not reform:
            return plain
        names = list(self.units)
        i, j, after = names.index(self.treated), names.index(self.neighbour), self._treated_months
        ratio = np.array([group.ratio for group in self.groups])[:, None]
        prevented = plain[:, i, :] * (1 - ratio) * after
        out = plain.copy()
        out[:, i, :] -= prevented
        out[:, j, :] += self.displaced * prevented.clip(min=0)
        return out

    def truth(self) -> pd.DataFrame:
        """The effect on each outcome in the treated district.

        Returns
        -------
        pandas.DataFrame
            ``outcome, percent`` (of what there would have been without the reform, over all treated months),
            ``monthly`` (incidents a month), ``raw`` (change in percent of the last calendar year on the
            last one before the start: what a report without a comparison would say).
        """
        i = list(self.units).index(self.treated)
        without, with_it = (self.means(reform=reform)[:, i, :] for reform in (False, True))
        after = self._treated_months
        years = self.months.year.to_numpy()
        before = years == pd.Period(self.start, freq="M").year - 1
        rows = []
        for name in self.outcomes:
            counts = np.array([name in group.outcomes for group in self.groups])
            a, b = with_it[counts].sum(axis=0), without[counts].sum(axis=0)
            rows.append(
                {
                    "outcome": name,
                    "percent": 100 * (a[after].sum() / b[after].sum() - 1),
                    "monthly": (a - b)[after].mean(),
                    "raw": 100 * (a[years == years.max()].sum() / a[before].sum() - 1),
                }
            )
        return pd.DataFrame(rows)

    def draw(self, generator: np.random.Generator) -> IntArray:
        """Incidents that happen (groups, units, months); the same generator state gives the same numbers."""
        means = self.means()
        shocks = generator.standard_normal(means.shape[1:])
        shocks[:, 1:] *= np.sqrt(1 - self.correlation**2)
        for t in range(1, shocks.shape[1]):
            shocks[:, t] += self.correlation * shocks[:, t - 1]
        return generator.poisson(means * np.exp(self.noise * shocks - self.noise**2 / 2))

    def reported_within(self, days: int) -> float:
        """Share of incidents reported within so many days."""
        slow = 1 - np.exp(-np.maximum(days - np.arange(3) + 0.0, 0) / self.slow)
        return float(self.quick + (1 - self.quick) * slow.mean()) if days >= 2 else float("nan")

    def counts(self, generator: np.random.Generator, *, within: int) -> pd.DataFrame:
        """Counts of incidents reported within so many days, without writing records.

        Returns
        -------
        pandas.DataFrame (units x months,)
            ``unit, month`` and the outcomes; ``attrs["simulated"]`` is True.
        """
        kept = generator.binomial(self.draw(generator), self.reported_within(within))
        frame = pd.DataFrame(
            {
                "unit": np.repeat(list(self.units), len(self.months)),
                "month": np.tile(self.months, len(self.units)),
            }
        )
        for name in self.outcomes:
            frame[name] = kept[[name in group.outcomes for group in self.groups]].sum(axis=0).ravel()
        frame.attrs["simulated"] = True
        return frame

    def records(self, generator: np.random.Generator) -> pd.DataFrame:
        """One row an incident known by the day of the export, in the order of its report.

        Returns
        -------
        pandas.DataFrame
            ``number, occurred, reported, offence, place``: days as datetime64.
        """
        counts = self.draw(generator)
        k, i, t = np.nonzero(counts)
        cell = np.repeat(np.arange(len(k)), counts[k, i, t])
        k, i, t = k[cell], i[cell], t[cell]
        starts = self.months.start_time.to_numpy().astype("datetime64[D]")
        length = self.months.days_in_month.to_numpy()
        occurred = starts[t] + (generator.random(len(t)) * length[t]).astype(np.int64)
        delay = generator.integers(0, 3, len(t))
        slow = generator.random(len(t)) >= self.quick
        delay[slow] += np.ceil(generator.exponential(self.slow, int(slow.sum()))).astype(np.int64)
        offence = np.empty(len(k), dtype=object)
        for code, group in enumerate(self.groups):
            own = k == code
            names, shares = list(group.offences), np.array(list(group.offences.values()))
            offence[own] = generator.choice(names, int(own.sum()), p=shares / shares.sum())
        frame = pd.DataFrame(
            {
                "occurred": occurred,
                "reported": occurred + delay,
                "offence": offence,
                "place": np.array(list(self.units), dtype=object)[i],
            }
        )
        frame = frame[frame["reported"] <= np.datetime64(self.as_of, "D")]
        frame = frame.sort_values(["reported", "occurred", "place", "offence"], ignore_index=True)
        number = frame["reported"].dt.strftime("A%Y%m%d") + (frame.index + 1).astype(str).str.zfill(7)
        frame.insert(0, "number", number)
        frame.attrs["simulated"] = True
        return frame

    def export(self, folder: Path, generator: np.random.Generator) -> dict[str, int]:
        """Write the records as a city might: a file a year, older ones in GB18030 with Chinese dates.

        Parameters
        ----------
        folder : Path
            Made when it is not there.
        generator : numpy.random.Generator

        Returns
        -------
        dict of str to int
            Rows written by kind: ``incidents`` and the kinds of ``dirt``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        records = self.records(generator)
        texts = pd.DataFrame({name: records[name].astype(str) for name in HEADERS})
        dirt = {name: int(self.dirt.get(name, 0)) for name in _DIRT}
        chosen = generator.choice(len(texts), sum(dirt.values()), replace=False)
        parts = np.split(chosen, np.cumsum(list(dirt.values()))[:-1])
        extra = {name: texts.iloc[np.sort(rows)].copy() for name, rows in zip(dirt, parts, strict=True)}
        for name, column, text in (
            ("unreadable", "occurred", "不详"),
            ("elsewhere", "place", "外地"),
            ("not_criminal", "offence", "治安案件"),
        ):
            extra[name][column] = text
            extra[name]["number"] = [f"{name[0].upper()}{n:06d}" for n in range(len(extra[name]))]
        texts = pd.concat([texts, *extra.values()])
        year = texts["reported"].str[:4]
        for value, part in texts.groupby(year):
            self._write(folder, str(value), part.rename(columns=HEADERS))
        return {"incidents": len(records), **dirt}

    def _write(self, folder: Path, year: str, part: pd.DataFrame) -> None:
        if year <= "2013":
            days = part[["发案日期", "报案日期"]].apply(_in_chinese)
            content = part.assign(**days).to_csv(index=False, lineterminator="\r\n").encode("gb18030")
        else:
            renamed = part.rename(columns={"发案日期": "发案时间", "发案地": "所属分局"})
            renamed["所属分局"] = renamed["所属分局"].replace(_STATIONS)
            content = renamed.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
        (folder / f"{year}年案件.csv").write_bytes(content)


_DIRT = ("repeated", "unreadable", "elsewhere", "not_criminal")
_STATIONS = {f"{name}区": f"{name}分局" for name in ("张店", "淄川", "博山", "临淄", "周村")}


def _in_chinese(days: pd.Series) -> pd.Series:
    return days.str.replace(r"^(\d{4})-0?(\d+)-0?(\d+)$", r"\1年\2月\3日", regex=True)


def simulation_of(settings: Mapping[str, Any]) -> IncidentSimulation:
    """A simulation from the tables of a settings file.

    Raises
    ------
    DesignError
        A key that is unknown or absent.
    """
    try:
        groups = tuple(
            Group(**{**group, "outcomes": tuple(group["outcomes"])}) for group in settings["groups"]
        )
        rest = {name: value for name, value in settings.items() if name != "groups"}
        if "season" in rest:
            rest["season"] = tuple(rest["season"])
        return IncidentSimulation(groups=groups, **rest)
    except (KeyError, TypeError) as error:
        raise DesignError(
            f"the settings of the simulation have a key that is unknown or absent: {error}",
            expected="the fields of IncidentSimulation and Group",
        ) from None
