"""What case records add to the page: open cases, the item mix, files that were passed over."""

from __future__ import annotations

from functools import partial

import pandas as pd

from evaluation.analysis.approvals import OpenCases, item_mix, open_cases, passed_over
from evaluation.analysis.limits import official_limits
from evaluation.analysis.staggered import Findings, StaggeredCase
from evaluation.report import figures, staggered_story
from evaluation.report.approval_story.facts import (
    PACKAGE,
    eighty_figure,
    eighty_sentence,
    limits_figure,
    limits_table,
)
from evaluation.report.display import Answer, Figure, Prose, Table
from evaluation.report.language import number, percent
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import source_line
from evaluation.report.story.wording import sentence
from evaluation.study.staggered_beside import Claim

Part = Figure | Prose | Table
PARTS = ("handling", "mix", "new_items", "dropped_items")
say = partial(sentence, PACKAGE)


@in_languages
def facts(case: StaggeredCase, language: str) -> list[Part]:
    """What a claim beside a legal limit can mean, and published limits, for a study with ``[limit]``.

    Parameters
    ----------
    case : StaggeredCase
    language : {"en", "zh"}
    """
    limit, claim = case.study.limit, _claim(case)
    if limit is None or claim is None:
        return []
    parts: list[Part] = [
        Prose(say("parts.eighty", language)),
        eighty_sentence(language),
        eighty_figure(-claim.value / 100, language),
    ]
    if limit.table is None:
        return parts
    limits = official_limits(case.root, limit.table)
    lead = say(
        "parts.limits_lead",
        language,
        before=limits.items_before,
        after=limits.items_after,
        days_before=number(limits.days_before, language, 0),
        days_after=number(limits.days_after, language, 0),
    )
    return [
        *parts,
        Prose(f"{say('parts.limits', language)}\n\n{lead}"),
        limits_figure(limits, language),
        limits_table(limits, language),
    ]


@in_languages
def answer(case: StaggeredCase, found: Findings, language: str) -> Answer:
    """The first sentence: on the claim itself where the study has it, else as on any page of many places."""
    claim = _claim(case)
    if claim is None:
        return staggered_story.answer(case, found, language)
    check = next(item for item in found.claims if item.id == claim.id)
    return Answer(
        sentence=say("answer.sentence", language, full=percent(-claim.value / 100, language)),
        verdicts=[
            (say("answer.reproduced", language), check.reproduced),
            (say("answer.attributable", language), check.attributable),
        ],
        detail=_detail(case, found, language),
        language=language,
    )


def _detail(case: StaggeredCase, found: Findings, language: str) -> str:
    """What decided cases alone would report, beside what all of them give."""
    limit = case.study.limit
    if limit is None or limit.decided is None:
        return ""
    rows = found.estimates[found.estimates["leading"]].set_index("outcome")
    shown = {name: percent(float(rows["percent"][name]) / 100, language, sign=True) for name in rows.index}
    return say(
        "answer.detail",
        language,
        naive=shown[limit.decided],
        found=shown[case.lead.id],
        truth=percent(case.study.truth[case.lead.id] / 100, language, sign=True),
    )


@in_languages
def beside(case: StaggeredCase, found: Findings, language: str) -> list[Part]:
    """The claims of the study under their heading; nothing for a study without one."""
    if not case.study.claims:
        return []
    table = staggered_story.claims_table(case, found, language)
    return [Prose(say("answer.beside", language)), *([table] if table is not None else [])]


def _claim(case: StaggeredCase) -> Claim | None:
    limit = case.study.limit
    return None if limit is None else next(item for item in case.study.claims if item.id == limit.claim)


@in_languages
def records(case: StaggeredCase, language: str) -> list[Part]:
    """Open cases and the item mix, for a study whose table was made from case records; else nothing.

    Parameters
    ----------
    case : StaggeredCase
    language : {"en", "zh"}
    """
    parts: list[Part] = []
    broken = passed_over(case)
    if broken:
        told = ("; " if language == "en" else "；").join(f"{name} ({what})" for name, what in broken.items())
        parts.append(Prose(say("parts.broken", language, files=told)))
    found = open_cases(case)
    if found is not None:
        lead = say("parts.records_lead", language) if case.simulated else ""
        parts.append(Prose(f"{say('parts.records', language)}\n\n{lead}"))
        parts.append(open_figure(case, found, language))
    mix = item_mix(case)
    if mix is not None:
        parts += [mix_figure(case, mix, language), mix_table(case, mix, language)]
    return parts


def open_figure(case: StaggeredCase, found: OpenCases, language: str) -> Figure:
    """The mean of decided cases, the restricted mean of all, and the truth, by month."""
    frame = found.frame
    names = {
        "mean": say("open.mean", language),
        "restricted_mean": say("open.restricted", language),
        "true_mean": say("open.truth", language),
    }
    last = frame.iloc[-1]
    return figures.series(
        frame[list(names)].rename(columns=names),
        treated=names["mean"],
        labels={name: name for name in names.values()},
        y_label=say("open.y", language),
        title=say("open.title", language, share=percent(float(found.shortfall.iloc[-1]), language)),
        source=source_line(case, language),
        alt=say(
            "open.alt",
            language,
            low=number(float(last["mean"]), language, 1),
            truth=number(float(last["true_mean"]), language, 1),
        ),
        language=language,
        name="open-cases",
        simulated=case.simulated,
    )


def mix_figure(case: StaggeredCase, mix: pd.DataFrame, language: str) -> Figure:
    """What the change of the first treated district's mean is made of."""
    first = case.first(case.lead)
    place = min(case.treated(case.lead), key=lambda unit: first[unit])
    row = mix.loc[place]
    rows = [figures.Number(say("mix.change", language), float(row["change"]), role="reference")]
    rows += [
        figures.Number(
            say(f"mix.{part}", language),
            float(row[part]),
            role="treated" if part == "handling" else "comparison",
        )
        for part in PARTS
    ]
    separator = "; " if language == "en" else "；"
    written = [
        say("mix.row", language, label=r.label, value=number(r.value, language, 1, sign=True)) for r in rows
    ]
    return figures.three_numbers(
        rows,
        x_label=say("mix.x", language),
        title=say(
            "mix.title",
            language,
            place=case.name(place, language),
            change=number(-float(row["change"]), language, 1),
            handling=number(-float(row["handling"]), language, 1),
        ),
        source=source_line(case, language),
        alt=say("mix.alt", language, place=case.name(place, language), rows=separator.join(written)),
        language=language,
        name="item-mix",
        simulated=case.simulated,
    )


def mix_table(case: StaggeredCase, mix: pd.DataFrame, language: str) -> Table:
    """The change of every district's mean and its parts."""
    columns = ["before", "after", "change", *PARTS]
    treated = case.treated(case.lead)
    share = {
        "treated": mix.loc[treated],
        "others": mix.loc[[unit for unit in mix.index if unit in case.places.index and unit not in treated]],
    }
    units = set(case.table[case.study.data.unit])
    shown = []
    for place, row in mix.iterrows():
        name = case.name(place, language) if place in units else say("mix.everywhere", language)
        line = {say("mix.district", language): name}
        for column in columns:
            sign = column not in ("before", "after")
            line[say(f"mix.{column}", language)] = number(float(row[column]), language, 1, sign=sign)
        shown.append(line)
    return Table(
        pd.DataFrame(shown),
        data=mix.reset_index(),
        caption=say(
            "mix.caption",
            language,
            **{
                k: percent(float(v["handling"].sum() / v["change"].sum()), language) for k, v in share.items()
            },
        ),
        name="item-mix-table",
        notes=say("mix.note", language),
        simulated=case.simulated,
        language=language,
    )
