"""Which inference holds for a design, in what order, and why the others do not.

The rules look at the design and at outcomes before treatment only, never at the estimate, so that a
method is not chosen for its answer. They follow MacKinnon, Nielsen and Webb (2023), Ferman and Pinto
(2019), Pustejovsky and Tipton (2018) and the simulations in METHODS.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.design import Design
from evaluation.errors import DesignError
from evaluation.inference._facts import MOST_FOR_DF, DesignFacts, design_facts
from evaluation.inference.cluster_robust import FEW_DF
from evaluation.inference.enough import FEW_CLUSTERS, MANY_CLUSTERS
from evaluation.panel import Panel

LEVEL = 0.05
ALIKE = (0.75, 1.33)
"""Ratios of standard deviations within which units count as exchangeable."""
UNEQUAL_SIZE = 3.0
LIKE_SIZE = 2.0
DRIFT = 0.7
"""Autocorrelation beyond which shifts in time reject too often: 4 % at 0.6, 12 % at 0.9 in 38 periods."""


@dataclass(frozen=True)
class Advice:
    """One method, whether it holds, and why.

    Attributes
    ----------
    method : str
        Key, such as ``randomization_test``.
    holds : bool
    name, reason : dict
        ``{"en", "zh"}``.
    """

    method: str
    holds: bool
    name: dict[str, str]
    reason: dict[str, str]


@dataclass(frozen=True, eq=False)
class Recommendation:
    """Methods that hold for a design, best first, and those ruled out.

    Attributes
    ----------
    facts : DesignFacts
    methods : tuple of Advice
    ruled_out : tuple of Advice
    """

    facts: DesignFacts
    methods: tuple[Advice, ...]
    ruled_out: tuple[Advice, ...] = field(repr=False)

    @property
    def first(self) -> Advice | None:
        """The method to report; None where none holds."""
        return self.methods[0] if self.methods else None

    def advice(self, method: str) -> Advice:
        """What is said of one method.

        Raises
        ------
        DesignError
            There is no such method.
        """
        for one in (*self.methods, *self.ruled_out):
            if one.method == method:
                return one
        raise DesignError(f"there is no method {method!r}", expected="one of " + ", ".join(_texts()["names"]))

    def sentence(self, language: Literal["en", "zh"]) -> str:
        """The recommended method and its reason."""
        if self.first is None:
            return {
                "en": "No method here can tell an effect from chance at 5 %: see the reasons.",
                "zh": "没有一种方法能在5%的水平上把效应与偶然区分开来，理由见各条。",
            }[language]
        name, reason = self.first.name[language], self.first.reason[language]
        return f"{name[:1].upper()}{name[1:]}: {reason}" if language == "en" else f"{name}：{reason}"

    def table(self, language: Literal["en", "zh"] = "en") -> pd.DataFrame:
        """One row a method: ``method, name, holds, reason``, those that hold first."""
        return pd.DataFrame(
            [
                (a.method, a.name[language], a.holds, a.reason[language])
                for a in (*self.methods, *self.ruled_out)
            ],
            columns=["method", "name", "holds", "reason"],
        )


def recommend(panel: Panel, design: Design) -> Recommendation:
    """Say which inference holds for a design and why.

    Parameters
    ----------
    panel : Panel
    design : Design

    Returns
    -------
    Recommendation

    Raises
    ------
    DataError, DesignError
        As `Design.cohorts`; every unit is treated.
    """
    facts = design_facts(panel, design)
    few = min(facts.treated_clusters, facts.control_clusters or facts.treated_clusters) < FEW_CLUSTERS
    if facts.mixed_clusters:
        few = facts.clusters < FEW_CLUSTERS
    rules = [_space(facts), _ferman_pinto(facts, few), _conley_taber(facts, few)]
    variance_first = few and not _alike(facts)
    if variance_first:
        rules = [rules[1], rules[0], rules[2]]
    few_order = [*rules, _subcluster(facts, few), _time(facts)]
    many_order = [
        _wild(facts, few, restricted=True),
        _satterthwaite(facts, "cr2"),
        _satterthwaite(facts, "cr3"),
        _ibragimov_muller(facts),
    ]
    rest = [_wild(facts, few, restricted=False), _clustered_t(facts, few)]
    order = [*few_order, *many_order, *rest] if few else [*many_order, *few_order, *rest]
    return Recommendation(facts, tuple(a for a in order if a.holds), tuple(a for a in order if not a.holds))


# rules ----------------------------------------------------------------------------------------


def _space(f: DesignFacts) -> Advice:
    smallest = 1 / min(f.assignments, 10_000)
    donors = f.units - f.treated_units
    if smallest > LEVEL:
        return _say("randomization_test", "too_few", False, donors=donors, smallest=_p(smallest))
    ways = f"{f.assignments:,.0f}" if f.assignments < 1e6 else "10,000"
    values: dict[str, Any] = {
        "assignments": ways,
        "smallest": _p(smallest),
        "ratio": f"{f.variance_ratio:.2g}",
    }
    key = "holds"
    if f.treated_clusters < FEW_CLUSTERS and not _alike(f):
        key = "unlike" if f.variance_ratio > 1 else "cautious"
    return _say("randomization_test", key, key != "unlike", **values)


def _ferman_pinto(f: DesignFacts, few: bool) -> Advice:
    key = _cannot_read_noise(f, few)
    if key is None and f.before < 3:
        key = "no_size"
    return _say("ferman_pinto", key or "holds", key is None, **_noise(f))


def _conley_taber(f: DesignFacts, few: bool) -> Advice:
    key = _cannot_read_noise(f, few)
    if key is not None:
        return _say("conley_taber", key, False, texts="ferman_pinto", **_noise(f))
    if not _alike(f) and f.variance_ratio > 1:
        return _say("conley_taber", "unlike", False, texts="randomization_test", **_noise(f))
    return _say("conley_taber", "holds", True, **_noise(f))


def _cannot_read_noise(f: DesignFacts, few: bool) -> str | None:
    if not few or f.treated_units > f.units / 4:
        return "many_treated"
    if not f.complete:
        return "incomplete"
    return "too_few" if 1 / (1 + f.units - f.treated_units) > LEVEL and f.treated_units == 1 else None


def _noise(f: DesignFacts) -> dict[str, Any]:
    controls = f.units - f.treated_units
    ratio = "1" if np.isnan(f.variance_ratio) else f"{f.variance_ratio:.2g}"
    return {
        "controls": controls,
        "treated": f.treated_units,
        "ratio": ratio,
        "smallest": _p(1 / (1 + controls)),
        "before": f.before,
    }


def _time(f: DesignFacts) -> Advice:
    values: dict[str, Any] = {
        "periods": f.periods,
        "before": f.before,
        "dates": f.dates,
        "smallest": _p(1 / f.periods),
        "autocorrelation": f"{f.autocorrelation:.2f}",
    }
    key = "holds"
    if f.dates > 1:
        key = "staggered"
    elif not f.complete:
        key = "incomplete"
    elif 1 / f.periods > LEVEL:
        key = "too_short"
    elif f.before < max(5, f.periods / 5):
        key = "short_before"
    elif f.autocorrelation > DRIFT:
        key = "drifts"
    return _say("randomization_in_time", key, key == "holds", **values)


def _subcluster(f: DesignFacts, few: bool) -> Advice:
    values: dict[str, Any] = {**_fewest(f), "size_ratio": f"{f.size_ratio:.1f}"}
    if not few:
        return _say("subcluster_bootstrap", "not_needed", False, **values)
    key = "unequal" if f.size_ratio > LIKE_SIZE else "holds"
    return _say("subcluster_bootstrap", key, key == "holds", **values)


def _wild(f: DesignFacts, few: bool, *, restricted: bool) -> Advice:
    method = "wild_restricted" if restricted else "wild_unrestricted"
    if few:
        return _say(method, "few", False, **_fewest(f))
    vectors = 2 ** (f.clusters - 1) if f.clusters < 40 else 2**39
    if 1 / vectors > LEVEL:
        small: dict[str, Any] = {"vectors": vectors, "smallest": _p(1 / vectors), **_fewest(f)}
        return _say(method, "small", False, texts="wild_restricted", **small)
    if not restricted:
        return _say(method, "second", False)
    return _say(method, "holds", True, **_fewest(f))


def _satterthwaite(f: DesignFacts, method: str) -> Advice:
    values: dict[str, Any] = {**_fewest(f), "df": f"{f.df:.1f}"}
    if min(f.treated_clusters, f.control_clusters) == 1 and not f.mixed_clusters:
        return _say(method, "one", False, texts="cr2", **values)
    if np.isnan(f.df):
        if f.clusters > MOST_FOR_DF:
            return _say(method, "holds", True, **{**values, "df": f"{MOST_FOR_DF}+"})
        return _say(method, "failed", False, texts="cr2", why="the variance does not exist")
    if f.df < FEW_DF:
        return _say(method, "few_df", False, texts="cr2", **values)
    return _say(method, "holds", True, **values)


def _ibragimov_muller(f: DesignFacts) -> Advice:
    values: dict[str, Any] = _fewest(f)
    if f.mixed_clusters >= 2:
        fewest, groups = f.mixed_clusters, _words("within")
    else:
        if f.dates > 1:
            return _say("ibragimov_muller", "staggered", False, dates=f.dates)
        fewest, groups = values["fewest"], _words("between", **values)
    if fewest < 2:
        return _say("ibragimov_muller", "one", False, **values)
    if fewest == 2:
        return _say("ibragimov_muller", "two", False, df=1, **values)
    return _say("ibragimov_muller", "holds", True, groups=groups, **values)


def _clustered_t(f: DesignFacts, few: bool) -> Advice:
    values: dict[str, Any] = {**_fewest(f), "size_ratio": f"{f.size_ratio:.1f}"}
    if few:
        return _say("clustered_t", "few", False, **values)
    if f.size_ratio > UNEQUAL_SIZE:
        return _say("clustered_t", "unequal", False, **values)
    if f.clusters < MANY_CLUSTERS:
        return _say("clustered_t", "not_many", False, **values)
    return _say("clustered_t", "holds", True, **values)


def _alike(f: DesignFacts) -> bool:
    return bool(np.isnan(f.variance_ratio) or ALIKE[0] <= f.variance_ratio <= ALIKE[1])


def _fewest(f: DesignFacts) -> dict[str, Any]:
    by_treated = f.treated_clusters <= f.control_clusters or f.control_clusters == 0
    fewest = f.treated_clusters if by_treated else f.control_clusters
    kind = "treated" if by_treated else "untreated"
    few = {
        language: text.format(
            fewest=fewest, kind=_texts()["words"][kind][language], s="" if fewest == 1 else "s"
        )
        for language, text in _texts()["words"]["cluster_count"].items()
    }
    return {
        "fewest": fewest,
        "kind": kind,
        "few": few,
        "treated_clusters": f.treated_clusters,
        "control_clusters": f.control_clusters,
        "clusters": f.clusters,
    }


# words ----------------------------------------------------------------------------------------


@cache
def _texts() -> dict[str, dict[str, dict[str, str]]]:
    text = files("evaluation.inference").joinpath("recommend.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"


def _words(key: str, **values: Any) -> dict[str, str]:
    return {language: text.format(**values) for language, text in _texts()["words"][key].items()}


def _say(method: str, key: str, holds: bool, *, texts: str | None = None, **values: Any) -> Advice:
    """Advice in both languages; values that are words of ours are translated."""
    words = _texts()["words"]
    reason = {}
    for language, text in _texts()[texts or method][key].items():
        filled = {
            name: value[language]
            if isinstance(value, dict)
            else words[value][language]
            if isinstance(value, str) and value in words
            else value
            for name, value in values.items()
        }
        reason[language] = text.format(**filled)
    return Advice(method, holds, dict(_texts()["names"][method]), reason)
