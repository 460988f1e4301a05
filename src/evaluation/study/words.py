"""What units and periods are called on a page: one and many of them, in each language."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, model_validator

from evaluation.claims.model import LANGUAGES, Model

_IDENTIFIER = re.compile(r"[ _.]?(id|ids|name|names|code|no|nr|num|fips)$", re.IGNORECASE)
# what units of a table usually are; the name of a column that is none of these is a code, not a word
_NOUNS = set(
    re.findall(
        "[a-z]+",
        """
    agency area bank block borough branch business campus canton car centre center city class classroom clinic
    college community commune company constituency council country county court customer department district
    division economy employee enterprise establishment facility factory family farm farmer field firm fund
    garden governorate group hospital hotel household individual industry island jurisdiction kindergarten
    lake library market member metro mine ministry municipality nation neighborhood neighbourhood network
    nursery office officer orchard organisation organization parcel parish park patient person pharmacy
    physician plant player plot port postcode practice prefecture producer product project province pupil
    region restaurant river road route school seat sector segment service shop site state station store
    street student subject supplier system taxpayer teacher team territory theatre tower town township tract
    trader tree university user vehicle village ward warehouse website well worker workplace zone
    """,
    )
)
_IN_CHINESE = {
    **{
        "state": "州",
        "county": "县",
        "city": "城市",
        "province": "省份",
        "country": "国家",
        "district": "区",
    },
    **{
        "school": "学校",
        "hospital": "医院",
        "firm": "企业",
        "company": "企业",
        "shop": "商店",
        "store": "商店",
    },
    **{"clinic": "诊所", "village": "村", "town": "镇", "bank": "银行", "plant": "工厂", "factory": "工厂"},
    **{"station": "站点", "person": "人", "household": "家庭", "region": "地区", "municipality": "市镇"},
}
_CHINESE = re.compile(r"^[\u4e00-\u9fff]+$")
_PERIODS = {
    "Y": ("year", "年"),
    "Q": ("quarter", "季度"),
    "M": ("month", "月"),
    "W": ("week", "周"),
    "D": ("day", "日"),
}


class Noun(Model):
    """A word for one and for many: ``state``, ``states``."""

    one: str = Field(min_length=1)
    """One of them, such as "state"."""
    many: str = Field(min_length=1)
    """Many of them, such as "states"; made from ``one`` by the usual rules where absent."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"one": value}
        if isinstance(value, dict) and "many" not in value and isinstance(value.get("one"), str):
            return {**value, "many": plural(value["one"])}
        return value


class Nouns(Model):
    """A noun in each language; empty in what nobody gave, until the data are read."""

    en: Noun | None = None
    """In English: a word, or a table with ``one`` and ``many``."""
    zh: Noun | None = None
    """In Chinese: a word."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, dict) and value and set(value) <= {"one", "many"}):
            return dict.fromkeys(LANGUAGES, value)
        return value

    def __getitem__(self, language: str) -> Noun:
        found = self.en or self.zh if language == "en" else self.zh or self.en
        assert found is not None  # as `prepare` gives it
        return found

    def over(self, other: Nouns) -> Nouns:
        """These nouns, and another's in the languages without one."""
        return Nouns(en=self.en or other.en, zh=self.zh or other.zh)


class Words(Model):
    """What units and periods are called."""

    place: Nouns = Nouns()
    """A unit, such as "state" (many are "states"), ``{ one = "county", many = "counties" }``, or a table of
    languages; absent: the name of the unit's column where it is a word, else "unit"."""
    period: Nouns = Nouns()
    """A period; absent: year, quarter, month, week or day by the frequency, "period" for numbered ones."""

    def complete(self, unit: str, frequency: str, calendar: bool = True) -> Words:
        """These words, with those that follow from the data in place of the absent ones.

        Parameters
        ----------
        unit : str
            The column of units.
        frequency : str
        calendar : bool
            False where periods are numbers of no calendar.
        """
        english, chinese = _PERIODS[frequency] if calendar else ("period", "期")
        period = Nouns.model_validate({"en": english, "zh": chinese})
        return Words(place=self.place.over(from_column(unit)), period=self.period.over(period))


def from_column(column: str) -> Nouns:
    """The noun that a column of units names: ``state_id`` is of states; units where it is no word."""
    if _CHINESE.match(column):
        return Nouns.model_validate({"en": "unit", "zh": column})
    word = _IDENTIFIER.sub("", column).lower()
    many = {plural(noun): noun for noun in _NOUNS}
    noun = many.get(word, word if word in _NOUNS else "unit")
    return Nouns.model_validate({"en": noun, "zh": _IN_CHINESE.get(noun, "单位")})


def plural(word: str) -> str:
    """The plural of an English noun by the usual rules; words of other scripts as they stand."""
    if not word.isascii():
        return word
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")
