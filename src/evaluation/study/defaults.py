"""What a panel study leaves out: filled in from its other keys when read, from its data when prepared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evaluation.study.base import NOTHING, Text
from evaluation.study.staggered_design import with_leading
from evaluation.study.words import Nouns, Words

if TYPE_CHECKING:
    from evaluation.study.staggered import Outcome, StaggeredStudy

_FEW = 3
"""So many treated units are named one by one."""
POINTS = Text(en="percentage points", zh="个百分点")
PERCENT = ("%", "percent", "per cent", "percentage points", "个百分点")


def with_defaults(raw: Any) -> Any:
    """A study file, as read, with what follows from its own keys: ids, the lead, the rule's family."""
    raw = with_leading(raw)
    if not isinstance(raw, dict) or not isinstance(raw.get("outcomes"), list | tuple):
        return raw
    data = raw.get("data")
    count = isinstance(data, dict) and data.get("exposure") is not None
    outcomes = tuple(_outcome(one, count) for one in raw["outcomes"])
    comparisons = raw.get("comparisons") or ({"id": "untreated"},)
    raw = {**raw, "outcomes": outcomes, "comparisons": comparisons}
    ids = _ids(outcomes)
    if ids:
        raw.setdefault("headline", {"outcome": ids[0]})
    rule = raw.get("rule", {})
    if isinstance(rule, dict):
        raw["rule"] = {"outcomes": ids, "comparisons": _ids(comparisons)[:1], **rule}
    return raw


def _outcome(raw: Any, count: bool) -> Any:
    """An outcome's table with id and labels after its column; a count where there is an exposure."""
    if not isinstance(raw, dict) or not isinstance(raw.get("column"), str):
        return raw
    label = raw.get("label", raw["column"])
    named = re.sub(r"\W+", "_", raw["column"]).strip("_").lower() or "outcome"
    usual = {"id": named, "label": label, "phrase": label, "model": "count" if count else "level"}
    return {**usual, **raw}


def _ids(entries: Any) -> tuple[Any, ...]:
    return tuple(one["id"] for one in entries if isinstance(one, Mapping) and "id" in one)


def given_words(raw: Words, place: Text, places: Text) -> Words:
    """The words of a study whose ``treatment`` says what a unit is called."""
    if not (place and places):
        return raw
    both = {one: {"one": place[one], "many": places[one]} for one in ("en", "zh")}
    return raw.model_copy(update={"place": raw.place.over(Nouns.model_validate(both))})


def complete(
    study: StaggeredStudy,
    *,
    frequency: str,
    start: str,
    end: str,
    calendar: bool,
    treated: Mapping[str, tuple[str, ...]],
    untreated: bool,
    outcomes: Mapping[str, Mapping[str, Any]],
) -> StaggeredStudy:
    """A study with everything that it left to its data.

    Parameters
    ----------
    study : StaggeredStudy
    frequency, start, end : str
        Of the periods used.
    calendar : bool
        False where periods are numbers of no calendar.
    treated : mapping
        Language to the names of the treated units.
    untreated : bool
        Whether a unit is untreated to the end.
    outcomes : mapping
        Id of an outcome to the keys that its values tell, such as ``digits``.
    """
    treatment, data = study.treatment, study.data
    words = given_words(study.words, treatment.place, treatment.places)
    words = words.complete(data.unit, frequency, calendar)
    place = {one: words.place[one] for one in ("en", "zh")}
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
        exposure = Text(en=f"per {data.per:,.0f} of {data.exposure}", zh=f"每{data.per:,.0f} {data.exposure}")
    filled = {"frequency": frequency, "start": start, "end": end, "per_label": exposure}
    return study.model_copy(
        update={
            "words": words,
            "data": data.model_copy(update=filled),
            "treatment": treatment.model_copy(update=update),
            "comparisons": tuple(
                one if one.label else one.model_copy(update={"label": label}) for one in study.comparisons
            ),
            "outcomes": tuple(one.model_copy(update=dict(outcomes[one.id])) for one in study.outcomes),
        }
    )


def _treated(names: Mapping[str, tuple[str, ...]], words: Words) -> Text:
    """The treated units in a sentence: by name where they are few, else how many there are."""
    few = {one: list(names[one]) for one in ("en", "zh")}
    count = len(few["en"])
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


__all__ = ["NOTHING", "POINTS", "complete", "given_words", "is_share", "with_defaults"]
