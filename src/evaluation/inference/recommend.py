"""Which inference holds for a design, in what order, and why the others do not.

The rules look at the design and at outcomes before treatment only, never at the estimate, so that a
method is not chosen for its answer. What the outcomes before treatment cannot tell is never taken for
granted: a method that needs it is not recommended, and the reason says what could not be told. The rules
follow MacKinnon, Nielsen and Webb (2023), Ferman and Pinto (2019), Pustejovsky and Tipton (2018) and the
simulations in METHODS.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from math import inf
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.design import Design
from evaluation.display import Displayed, Summary, number
from evaluation.errors import DesignError
from evaluation.inference import _power
from evaluation.inference._facts import (
    FEWEST_FOR_NOISE,
    FEWEST_FOR_PERSISTENCE,
    MOST_FOR_DF,
    Before,
    DesignFacts,
    design_facts,
)
from evaluation.inference.cluster_robust import FEW_DF
from evaluation.inference.enough import FEW_CLUSTERS, how_many
from evaluation.inference.refusal import refusal
from evaluation.panel import Panel

LEVEL = 0.05
FEWEST_WILD = 3
"""Treated, or untreated, clusters below which the restricted wild bootstrap hardly ever rejects."""
EXCESS = 1.12
"""Noise of an estimate over that of its permutations at which a normal estimate rejects 8 % at 5 %."""
EXCESS_BOUND = 1.33
"""The most that the same may be when the noise ratio is one standard error above its estimate."""
CAUTIOUS = 0.75
"""Noise of an estimate over that of its permutations below which the test rejects 1 % at 5 %."""
MORE_PERSISTENT = 0.25
"""p-value of equal persistence below which the treated are taken for more persistent. Few periods have little
power, so the level is lax."""
TOGETHER = 0.1
"""p-value below which treated items are taken to move together."""
AS_PERSISTENT = 0.6
"""p-value from which the treated look less persistent than the untreated's mean: what the subcluster
bootstrap asks for, because unlike persistence costs it most."""
UNEQUAL_SIZE = 3.0
LIKE_SIZE = 2.0
DRIFT = 0.7
"""Autocorrelation beyond which shifts in time reject too often."""
DRAWS = 300
"""Panels in which size and power are simulated: a Monte Carlo error of 1.3 points at 5 %."""


@dataclass(frozen=True)
class Advice:
    """One method, whether it holds, and why: keys and numbers, from which `name` and `reason` are made.

    Attributes
    ----------
    method : str
        Key, such as ``randomization_test``.
    holds : bool
    key : str
        Name of the reason, such as ``no_persistence``.
    numbers : mapping of str to object
        What the reason tells: numbers, unrounded, and keys of words such as ``clusters``.
    section : str
        Table of ``recommend.toml`` with the reason's sentence, where it is not the method's own.
    rejects : tuple of float
        Share of panels like the periods before treatment in which the method rejects a zero effect, for
        true effects of 0, 1, 2 and 3 standard deviations of the treated; empty where it was not simulated.
    """

    method: str
    holds: bool
    key: str
    numbers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    section: str = ""
    rejects: tuple[float, ...] = ()

    @property
    def name(self) -> dict[str, str]:
        """Name of the method, ``{"en", "zh"}``."""
        return dict(_texts()["names"][self.method])

    @property
    def reason(self) -> dict[str, str]:
        """Why it holds or does not, ``{"en", "zh"}``."""
        out = {}
        for language, text in _texts()[self.section or self.method][self.key].items():
            out[language] = _filled(text, self.numbers, language)
            if self.rejects:
                shares = {f"share{k}": 100 * share for k, share in enumerate(self.rejects)}
                added = _filled(
                    _texts()["sentence"]["rejects"][language], {**self.numbers, **shares}, language
                )
                out[language] += (" " if language == "en" else "") + added
        return out


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation(Displayed):
    """Methods that hold for a design, best first, and those ruled out.

    Attributes
    ----------
    facts : DesignFacts
    methods : tuple of Advice
    ruled_out : tuple of Advice
        In the order in which they would be taken if they held.
    standard_deviation : float
        Of the treated items before treatment, in units of the outcome, what a mean removed takes added:
        the unit of the simulated effects. NaN where nothing was simulated.
    not_simulated : dict
        ``{"en", "zh"}``: why size and power were not simulated; empty where they were.
    """

    facts: DesignFacts
    methods: tuple[Advice, ...]
    ruled_out: tuple[Advice, ...] = field(repr=False)
    standard_deviation: float = float("nan")
    not_simulated: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> Advice | None:
        """The method to report; None where none holds."""
        return self.methods[0] if self.methods else None

    @property
    def first_for_any(self) -> Advice | None:
        """The first method that holds and takes any estimator; None where none does."""
        return next((one for one in self.methods if one.method in ANY_ESTIMATOR), None)

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

    def summary(self) -> Summary:
        """The methods, whether they hold, their simulated size and power, and the reasons as notes."""
        table = self.table()
        facts = {
            "Recommended": self.sentence("en"),
            "One sd before treatment": number(self.standard_deviation),
        }
        notes = tuple(
            f"{name}: {reason}" for name, reason in zip(table["name"], table["reason"], strict=True)
        )
        shown = table.drop(columns=["method", "reason"])
        return Summary("Which inference holds for this design", facts, shown, notes)

    def __repr__(self) -> str:
        first = self.first.name["en"] if self.first is not None else "no method holds"
        return f"Recommendation({first}; {len(self.methods)} methods hold, {len(self.ruled_out)} do not)"

    def sentence(self, language: Literal["en", "zh"]) -> str:
        """The recommended method and its reason; where none holds, that, and why the nearest does not."""
        text = _texts()["sentence"]
        if self.first is not None:
            done = _told(text["holds"][language], self.first, language)
            return f"{done[:1].upper()}{done[1:]}" + self.not_simulated.get(language, "")
        nearest = [a for a in self.ruled_out if a.key in CANNOT_TELL] or [*self.ruled_out]
        return _told(text["none"][language], nearest[0], language)

    def table(self, language: Literal["en", "zh"] = "en") -> pd.DataFrame:
        """One row a method: ``method, name, holds, reason, size, power_1, power_2, power_3``.

        Those that hold come first. Size and power are shares, NaN where they were not simulated.
        """
        none = (float("nan"),) * len(_power.EFFECTS)
        return pd.DataFrame(
            [
                (a.method, a.name[language], a.holds, a.reason[language], *(a.rejects or none))
                for a in (*self.methods, *self.ruled_out)
            ],
            columns=["method", "name", "holds", "reason", "size", "power_1", "power_2", "power_3"],
        )


ANY_ESTIMATOR = ("randomization_test", "jackknife", "clustered_t")
"""Methods that can be put to whatever estimator leads; the others are of the two-way regression."""
CHECKED = frozenset(
    {
        "randomization_test",
        "conley_taber",
        "ferman_pinto",
        "ibragimov_muller",
        "randomization_in_time",
    }
)
"""Methods that are asked whether they take a design."""
CANNOT_TELL = frozenset({"no_noise", "imprecise", "no_persistence", "perhaps_persistent", "no_drift"})
"""Reasons that say what outcomes before treatment cannot tell, rather than what they tell."""


def recommend(panel: Panel, design: Design, *, draws: int = DRAWS, seed: int = 0) -> Recommendation:
    """Say which inference holds for a design and why, with its size and power in data like these.

    Which methods hold, and their order, depends on the design and on outcomes before treatment. Size and
    power of those that hold come from panels drawn like the periods before treatment (one
    autoregression an item, innovations resampled from the data's own), and change no order.

    Parameters
    ----------
    panel : Panel
    design : Design
    draws : int
        Panels drawn; 0 for none.
    seed : int
        Of these panels.

    Returns
    -------
    Recommendation

    Raises
    ------
    DataError, DesignError
        As `Design.cohorts`; every unit is treated; negative draws.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, recommend
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> found = recommend(panel, design)
    >>> found
    Recommendation(restricted wild cluster bootstrap; 4 methods hold, 8 do not)
    """
    if draws < 0:
        raise DesignError(f"draws is {draws}", expected="0, or a number of panels")
    facts, early = design_facts(panel, design)
    few = how_many(facts.treated_clusters, facts.control_clusters + facts.mixed_clusters) == "few"
    space = [_space(facts), _ferman_pinto(facts, few), _conley_taber(facts, few)]
    time = [_time(facts), _subcluster(facts, few)]
    wild, cr2 = _wild(facts, few, restricted=True), _satterthwaite(facts, "cr2")
    cr3, clusters = _satterthwaite(facts, "cr3"), _ibragimov_muller(facts)
    usual = _clustered_t(facts, few)
    jackknife = _jackknife(facts, few, usual)
    rest = [_wild(facts, few, restricted=False), usual]
    some = [wild, cr2, cr3, jackknife, clusters, *space, *time]
    if usual.holds:
        some = [wild, cr2, cr3, usual, jackknife, clusters, *space, *time]
        rest = rest[:1]
    order = [*space, clusters, wild, *time, cr2, cr3, jackknife] if few else some
    order = [_taken(a, panel, design) for a in [*order, *rest]]
    made = Recommendation(facts, tuple(a for a in order if a.holds), tuple(a for a in order if not a.holds))
    return _simulated(made, design, early, draws, seed)


def _taken(advice: Advice, panel: Panel, design: Design) -> Advice:
    """As it is, or ruled out where the method itself refuses the design."""
    if not advice.holds or advice.method not in CHECKED or refusal(advice.method, panel, design) is None:
        return advice
    return _say(advice.method, "refused", False, texts="shared")


def _simulated(made: Recommendation, design: Design, early: Before, draws: int, seed: int) -> Recommendation:
    """With size and power of the methods that hold, where they can be drawn."""
    f = made.facts
    able = tuple(a.method for a in made.methods if a.method in _power.METHODS)
    if not draws or not able:
        return made
    key = ""
    if f.dates > 1:
        key = "dates"
    elif f.weighted or design.covariates:
        key = "covariates"
    elif f.level not in ("unit", "cluster") or (f.level == "cluster" and f.size_ratio > LIKE_SIZE):
        key = "clusters"
    elif f.items * f.periods > _power.LARGEST:
        key = "large"
    process = None if key else _power.process_before(early, f.periods)
    if process is not None:
        sides = process.n_treated, len(process.scale) - process.n_treated
        asked = f.treated_items, f.items - f.treated_items
        if any(drawn < min(2, of) for drawn, of in zip(sides, asked, strict=True)):
            process = None  # too few are seen in every period before treatment to draw from
    if process is None:
        return replace(made, not_simulated=dict(_texts()["not_simulated"][key or "short"]))
    found = _power.rejected(process, able, draws=draws, seed=seed, level=LEVEL)
    told = {"draws": draws, "deviation": process.unit_of_effect}
    methods = [
        replace(a, rejects=found[a.method], numbers={**a.numbers, **told}) if a.method in found else a
        for a in made.methods
    ]
    return replace(made, methods=tuple(methods), standard_deviation=process.unit_of_effect)


# rules ----------------------------------------------------------------------------------------


def _space(f: DesignFacts) -> Advice:
    method = "randomization_test"
    if f.level == "refused":
        return _say(method, "refused", False)
    smallest = 1 / min(f.assignments, 10_000)
    donors = f.items - f.treated_items
    items = _items(f)
    if smallest > LEVEL:
        return _say(method, "too_few", False, donors=donors, smallest=smallest, items=items)
    values: dict[str, Any] = {
        "assignments": f.assignments if f.assignments < 1e6 else 10_000.0,
        "smallest": smallest,
        "items": "within_clusters" if f.level == "within" else items,
    }
    key = _unlike(f) or _persistent(f) or _together(f)
    if key is not None:
        return _say(method, key, False, texts="shared", **_noise(f))
    key = "cautious" if f.excess < CAUTIOUS else "holds"
    return _say(method, key, True, **{**_noise(f), **values})


def _ferman_pinto(f: DesignFacts, few: bool) -> Advice:
    key = _untreated_stand_in(f, few)
    if key is None and f.before < FEWEST_FOR_NOISE:
        key = "no_size"
    if key is not None:
        return _say("ferman_pinto", key, False, **_noise(f))
    key = _persistent(f) or _together(f)
    if key is not None:
        return _say("ferman_pinto", key, False, texts="shared", **_noise(f))
    return _say("ferman_pinto", "holds", True, **_noise(f))


def _conley_taber(f: DesignFacts, few: bool) -> Advice:
    key = _untreated_stand_in(f, few)
    if key is not None:
        return _say("conley_taber", key, False, texts="ferman_pinto", **_noise(f))
    key = _unlike(f) or _persistent(f) or _together(f)
    if key is not None:
        return _say("conley_taber", key, False, texts="shared", **_noise(f))
    return _say("conley_taber", "holds", True, **_noise(f))


def _untreated_stand_in(f: DesignFacts, few: bool) -> str | None:
    """Why untreated units cannot stand in for the treated, or None."""
    if f.coarse:
        return "clusters"
    if f.weighted:
        return "weights"
    if not few or f.treated_units > f.units / 4:
        return "many_treated"
    if not f.complete:
        return "incomplete"
    return "too_few" if 1 / (1 + f.units - f.treated_units) > LEVEL and f.treated_units == 1 else None


def _unlike(f: DesignFacts) -> str | None:
    """Why the treated's noise is not known to be like the untreated's, or None."""
    if np.isnan(f.excess):
        return "no_noise"
    if f.excess > EXCESS:
        return "unlike"
    return "imprecise" if f.excess_bound > EXCESS_BOUND else None


def _persistent(f: DesignFacts) -> str | None:
    """Why the treated's persistence is not known to be like the untreated's, or None."""
    if np.isnan(f.persistence_p):
        return "no_persistence"
    return "persistent" if f.persistence_p < MORE_PERSISTENT else None


def _together(f: DesignFacts) -> str | None:
    """Whether the treated are seen to move together; one treated cannot."""
    return "together" if f.together_p < TOGETHER else None


def _noise(f: DesignFacts) -> dict[str, Any]:
    controls = f.units - f.treated_units
    return {
        "controls": controls,
        "treated": f.treated_units,
        "ratio": f.noise_ratio,
        "excess": f.excess,
        "bound": f.excess_bound,
        "smallest": 1 / (1 + controls),
        "before": f.before,
        "fewest": FEWEST_FOR_NOISE,
        "together": f.together,
        "together_p": f.together_p,
        "enough": FEWEST_FOR_PERSISTENCE,
        "items": _items(f),
        **_persistence(f),
    }


def _persistence(f: DesignFacts) -> dict[str, Any]:
    return {
        "own": f.own_autocorrelation,
        "others": f.autocorrelation,
        "p": f.persistence_p,
        "before": f.before,
        "enough": FEWEST_FOR_PERSISTENCE,
        "items": _items(f),
    }


def _items(f: DesignFacts) -> str:
    return "clusters" if f.level == "cluster" else "units"


def _time(f: DesignFacts) -> Advice:
    # with as many periods after as before, the opposite window has the same mean with the other sign
    smallest = (2 if f.before == f.after else 1) / f.periods
    values: dict[str, Any] = {
        "periods": f.periods,
        "before": f.before,
        "dates": f.dates,
        "smallest": smallest,
        "drift": DRIFT,
        **_persistence(f),
    }
    alike = f.persistence_p >= MORE_PERSISTENT
    # what looks alike may be read together with the others, what does not only by itself
    own = f.own_autocorrelation if alike else f.own_autocorrelation + 2 * f.own_error
    rho = max(f.autocorrelation, own)
    key = "holds"
    if f.dates > 1:
        key = "staggered"
    elif not f.complete:
        key = "incomplete"
    elif smallest > LEVEL:
        key = "too_short"
    elif f.before < max(5, f.periods / 5):
        key = "short_before"
    elif np.isnan(f.persistence_p):
        key = "no_drift"
    elif not rho <= DRIFT:
        key = "drifts" if f.autocorrelation > DRIFT else "own_drifts"
    return _say("randomization_in_time", key, key == "holds", **values)


def _subcluster(f: DesignFacts, few: bool) -> Advice:
    values: dict[str, Any] = {**_fewest(f), "size_ratio": f.size_ratio, **_persistence(f)}
    if f.two_way:
        return _say("subcluster_bootstrap", "two_way", False, texts="shared")
    if not few:
        return _say("subcluster_bootstrap", "not_needed", False, **values)
    if f.size_ratio > LIKE_SIZE:
        return _say("subcluster_bootstrap", "unequal", False, **values)
    key = _persistent(f)
    if key is not None:
        return _say("subcluster_bootstrap", key, False, texts="shared", **values)
    key = "holds" if f.persistence_p >= AS_PERSISTENT else "perhaps_persistent"
    return _say("subcluster_bootstrap", key, key == "holds", **values)


def _wild(f: DesignFacts, few: bool, *, restricted: bool) -> Advice:
    method = "wild_restricted" if restricted else "wild_unrestricted"
    if f.two_way:
        return _say(method, "two_way", False, texts="shared")
    fewest = _fewest(f)
    if few and (not restricted or fewest["fewest"] < FEWEST_WILD):
        return _say(method, "few", False, **fewest)
    vectors = 2 ** (f.clusters - 1) if f.clusters < 40 else 2**39
    if 1 / vectors > LEVEL:
        small: dict[str, Any] = {"vectors": vectors, "smallest": 1 / vectors, **fewest}
        return _say(method, "small", False, texts="wild_restricted", **small)
    if not restricted:
        return _say(method, "second", False)
    if few:
        unlike = _unlike(f) or _persistent(f) or _together(f)
        key = "three_unlike" if unlike else "three"
        return _say(method, key, not unlike, **fewest)
    return _say(method, "holds", True, **fewest)


def _satterthwaite(f: DesignFacts, method: str) -> Advice:
    values: dict[str, Any] = {**_fewest(f), "df": f.df}
    if f.two_way:
        return _say(method, "two_way", False, texts="shared")
    if min(f.treated_clusters, f.control_clusters) == 1 and not f.mixed_clusters:
        return _say(method, "one", False, texts="cr2", **values)
    if np.isnan(f.df):
        if f.clusters > MOST_FOR_DF:
            return _say(method, "holds", True, **{**values, "df": inf})
        return _say(method, "failed", False, texts="cr2")
    if f.df < FEW_DF:
        return _say(method, "few_df", False, texts="cr2", **values)
    return _say(method, "holds", True, **values)


def _ibragimov_muller(f: DesignFacts) -> Advice:
    values: dict[str, Any] = _fewest(f)
    if f.two_way:
        return _say("ibragimov_muller", "two_way", False, texts="shared")
    if f.mixed_clusters >= 2:
        fewest, groups = f.mixed_clusters, "within"
    else:
        if f.dates > 1:
            return _say("ibragimov_muller", "staggered", False, dates=f.dates)
        fewest, groups = values["fewest"], "between"
    if fewest < 2:
        return _say("ibragimov_muller", "one", False, **values)
    if fewest == 2:
        return _say("ibragimov_muller", "two", False, df=1, **values)
    if not f.mixed_clusters and fewest < FEW_CLUSTERS and _together(f):
        told: dict[str, Any] = {"together": f.together, "together_p": f.together_p}
        return _say("ibragimov_muller", "together", True, groups=groups, **values, **told)
    return _say("ibragimov_muller", "holds", True, groups=groups, **values)


def _clustered_t(f: DesignFacts, few: bool) -> Advice:
    values: dict[str, Any] = {**_fewest(f), "size_ratio": f.size_ratio}
    if few:
        return _say("clustered_t", "few", False, **values)
    if f.size_ratio > UNEQUAL_SIZE:
        return _say("clustered_t", "unequal", False, **values)
    if how_many(f.treated_clusters, f.control_clusters + f.mixed_clusters) != "many":
        return _say("clustered_t", "not_many", False, **values)
    return _say("clustered_t", "holds", True, **values)


def _jackknife(f: DesignFacts, few: bool, usual: Advice) -> Advice:
    """Any estimator again without each cluster, t with the smaller side's clusters less one."""
    fewest = min(f.treated_clusters, f.control_clusters + f.mixed_clusters)
    values: dict[str, Any] = {**_fewest(f), "df": fewest - 1}
    if f.two_way:
        return _say("jackknife", "two_way", False, texts="shared")
    if few:
        return _say("jackknife", "few", False, **values)
    if usual.holds:
        return _say("jackknife", "not_needed", False, **values)
    return _say("jackknife", "holds", True, **values)


def _fewest(f: DesignFacts) -> dict[str, Any]:
    by_treated = f.treated_clusters <= f.control_clusters or f.control_clusters == 0
    fewest = f.treated_clusters if by_treated else f.control_clusters
    kind = "treated" if by_treated else "untreated"
    return {
        "fewest": fewest,
        "kind": kind,
        "treated_clusters": f.treated_clusters,
        "control_clusters": f.control_clusters,
        "clusters": f.clusters,
    }


# words ----------------------------------------------------------------------------------------


@cache
def _texts() -> dict[str, dict[str, Any]]:
    text = files("evaluation.inference").joinpath("recommend.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _measured() -> dict[str, str]:
    """Sizes and powers in percent, as `benchmarks/size_power.py` measured them: name to number."""
    text = files("evaluation.inference").joinpath("measured.toml").read_text(encoding="utf-8")
    cells = tomllib.loads(text)["cell"]
    return {f"{name}_{key}": f"{share:.0f}" for name, cell in cells.items() for key, share in cell.items()}


def _say(method: str, key: str, holds: bool, *, texts: str = "", **numbers: Any) -> Advice:
    return Advice(method, holds, key, numbers, texts)


def _told(text: str, advice: Advice, language: str) -> str:
    return text.format(name=advice.name[language], reason=advice.reason[language])


def _filled(text: str, numbers: Mapping[str, Any], language: str) -> str:
    """A sentence with its numbers as ``[formats]`` writes them, its words in the language."""
    words, formats = _texts()["words"], _texts()["formats"]
    filled = {name: _written(value, formats.get(name, "")) for name, value in numbers.items()}
    if "kind" in numbers:
        count, kind = words["cluster_count"][language], words[numbers["kind"]][language]
        filled["few"] = count.format(
            fewest=numbers["fewest"], kind=kind, s="" if numbers["fewest"] == 1 else "s"
        )
    for name, value in numbers.items():
        if isinstance(value, str):
            filled[name] = words[value][language].format(**filled)
    return text.format(**_measured(), **filled)


def _written(value: Any, how: Any) -> str:
    if isinstance(value, str | int):
        return str(value)
    if value == inf:
        return f"{MOST_FOR_DF}+"
    if how == "p":
        return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"
    return format(value, how)
