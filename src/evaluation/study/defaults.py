"""What a panel study leaves out: filled in from its other keys when read, from its data when prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evaluation.study.base import LANGUAGES, Text
from evaluation.study.staggered_design import with_leading
from evaluation.study.words import Nouns, Words

if TYPE_CHECKING:
    from evaluation.study.staggered import Outcome, StaggeredStudy

_FEW = 3
"""So many treated units are named one by one."""
POINTS = Text(en="percentage points", zh="个百分点")
PERCENT = ("%", "percent", "per cent", "percentage points", "个百分点")


def with_defaults(raw: Any) -> Any:
    """A panel study's file, as read, with its comparison, and the model of outcomes with an exposure."""
    raw = with_leading(raw)
    if not isinstance(raw, dict):
        return raw
    data, rule = raw.get("data"), raw.get("rule", {})
    comparisons = raw.get("comparisons") or ({"id": "untreated"},)
    raw = {**raw, "comparisons": comparisons}
    if isinstance(rule, dict):
        ids = (one["id"] for one in comparisons if isinstance(one, dict) and "id" in one)
        raw["rule"] = {"comparisons": tuple(ids)[:1], **rule}
    model = "count" if isinstance(data, dict) and data.get("exposure") is not None else "level"
    if isinstance(raw.get("outcomes"), list | tuple):
        raw["outcomes"] = tuple(
            {"model": model, **one} if isinstance(one, dict) else one for one in raw["outcomes"]
        )
    return raw


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
