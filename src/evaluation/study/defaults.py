"""What a panel study leaves out: filled in from its other keys when read, from its data when prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evaluation.study.base import LANGUAGES, NOTHING, Text
from evaluation.study.staggered_design import with_leading
from evaluation.study.words import Nouns, Words

if TYPE_CHECKING:
    from evaluation.study.staggered import Outcome, StaggeredStudy

PANEL, SAME = "staggered", ("panel", "one_place")
"""What a panel study's kind is called, and other names of it that are read."""
_FEW = 3
"""So many treated units are named one by one."""
POINTS = Text(en="percentage points", zh="个百分点")
PERCENT = ("%", "percent", "per cent", "percentage points", "个百分点")


def with_defaults(raw: Any) -> Any:
    """A panel study's file, as read, with its comparison, and what its outcomes and its rule leave out."""
    raw = with_leading(raw)
    if not isinstance(raw, dict):
        return raw
    data, rule = raw.get("data"), raw.get("rule", {})
    named = "pools" if "pools" in raw else "comparisons"
    comparisons = raw.get(named) or ({"id": "untreated"},)
    raw = {**raw, named: comparisons}
    if raw.get("kind") in SAME:
        raw["kind"] = PANEL
    outcomes = raw.get("outcomes")
    exposed = isinstance(data, dict) and data.get("exposure") is not None
    if isinstance(outcomes, list | tuple):
        usual = {"better": "lower", "digits": 1} if named == "pools" else {}
        usual |= {"model": "count" if exposed else "level"}
        outcomes = tuple(
            _outcome({**usual, **one}, exposed) if isinstance(one, dict) else one for one in outcomes
        )
        raw["outcomes"] = outcomes
    if isinstance(rule, dict):
        ids = [one["id"] for one in comparisons if isinstance(one, dict) and "id" in one]
        asked = rule.get("comparisons") if isinstance(rule.get("comparisons"), list | tuple) else None
        first = rule.get("pool", next(iter(asked or ids), ""))
        lead = next((one for one in raw.get("outcomes") or () if isinstance(one, dict)), {})
        scales = lead.get("scales", ("level",))[:1]
        raw["rule"] = {"pool": first, "comparisons": (first,), "scales": scales, **rule}
    return raw


def _outcome(one: Mapping[str, Any], exposed: bool) -> dict[str, Any]:
    """An outcome, as read, with how it adds up over a year and on what scale it is compared."""
    return {
        "annual": "sum" if one["model"] == "count" and not exposed else "mean",
        "scales": ("log",) if one["model"] == "log" else ("level",),
        **one,
    }


def complete(
    study: StaggeredStudy,
    *,
    treated: Mapping[str, tuple[str, ...]],
    untreated: bool,
    outcomes: Mapping[str, Mapping[str, Any]],
) -> StaggeredStudy:
    """A study whose periods are known, with everything else that it left to its data.

    Parameters
    ----------
    study : StaggeredStudy
    treated : mapping
        Language to the names of the treated units.
    untreated : bool
        Whether a unit is untreated to the end.
    outcomes : mapping
        Id of an outcome to the keys that its values tell, such as ``digits``.
    """
    treatment, data = study.treatment, study.data
    words = study.words
    if treatment.place and treatment.places:
        both = {one: {"one": treatment.place[one], "many": treatment.places[one]} for one in LANGUAGES}
        words = words.model_copy(update={"place": Nouns.model_validate(both)})
    place = {one: words.place[one] for one in LANGUAGES}
    update: dict[str, Any] = {
        "place": treatment.place or Text(**{one: noun.one for one, noun in place.items()}),
        "places": treatment.places or Text(**{one: noun.many for one, noun in place.items()}),
        "treated": treatment.treated or _treated(treated, words),
        "event": treatment.event or Text(en="treatment", zh="处理"),
    }
    if not untreated and "comparison" not in treatment.model_fields_set:
        update["comparison"] = "not_yet_treated"
    waiting = not untreated and update.get("comparison", treatment.comparison) == "not_yet_treated"
    label = Text(
        en=f"{place['en'].many} not yet treated" if waiting else f"untreated {place['en'].many}",
        zh=f"尚未处理的{place['zh'].one}" if waiting else f"未处理的{place['zh'].one}",
    )
    exposure = data.per_label
    if data.exposure and exposure is None:
        exposure = Text(en=f"per {data.per:,.0f} of {data.exposure}", zh=_per(data.per, data.exposure))
    return study.model_copy(
        update={
            "words": words,
            "data": data.model_copy(update={"per_label": exposure}),
            "treatment": treatment.model_copy(update=update),
            "comparisons": tuple(
                one if one.label else one.model_copy(update={"label": label}) for one in study.comparisons
            ),
            "outcomes": tuple(one.model_copy(update=dict(outcomes[one.id])) for one in study.outcomes),
        }
    )


def _per(count: float, exposure: str) -> str:
    """每10万人口: so many of an exposure in Chinese, by ten thousands."""
    written = f"{count / 10_000:,.0f}万" if count >= 10_000 and count % 10_000 == 0 else f"{count:,.0f}"
    glue = " " if exposure.isascii() else ""
    return f"每{written}{glue}{exposure}"


def _treated(names: Mapping[str, tuple[str, ...]], words: Words) -> Text:
    """The treated units in a sentence: by name where they are few, else how many there are."""
    few = {one: list(names[one]) for one in LANGUAGES}
    count = len(few["en"])
    if not count:
        return NOTHING  # which is refused with its reason
    if count > _FEW:
        return Text(
            en=f"the {count} treated {words.place['en'].many}", zh=f"{count}个处理组{words.place['zh'].one}"
        )
    start = ", ".join(few["en"][:-1])
    return Text(en=f"{start} and {few['en'][-1]}" if start else few["en"][-1], zh="、".join(few["zh"]))


def is_share(outcome: Outcome) -> bool:
    """Whether an outcome is a share, so that its effects are in percentage points."""
    unit = outcome.unit.en.strip().lower()
    return outcome.model == "share" or (outcome.model == "level" and unit in (*PERCENT, "share"))
