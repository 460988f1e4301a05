"""What pages on approval time say beyond those on any other reform.

The limits of 2015 and the claim of 80 % are arithmetic on published facts; open cases, the item mix and
files that were passed over come from case records.
"""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.approvals import OpenCases, item_mix, open_cases, passed_over
from evaluation.analysis.limits import Limits, compatible, limit_bounds, limit_curve, official_limits
from evaluation.analysis.staggered import Findings, StaggeredCase
from evaluation.report import figures
from evaluation.report.display import Answer, Figure, Prose, Table
from evaluation.report.language import number, percent
from evaluation.report.sections.answer import first_answer
from evaluation.report.sections.base import said, source_line
from evaluation.report.text import Text
from evaluation.study.staggered_beside import Claim

Part = Figure | Prose | Table
PARTS = ("handling", "mix", "new_items", "dropped_items")


@said
def facts(case: StaggeredCase, *, text: Text) -> list[Part]:
    """What a claim beside a legal limit can mean, and published limits, for a study with ``[limit]``."""
    limit, claim = case.study.limit, _claim(case)
    if limit is None or claim is None:
        return []
    parts: list[Part] = [
        Prose(text("approvals.parts_eighty")),
        eighty_sentence(text),
        eighty_figure(-claim.value / 100, text),
    ]
    if limit.table is None:
        return parts
    limits = official_limits(case.root, limit.table)
    lead = text(
        "approvals.parts_limits_lead",
        before=limits.items_before,
        after=limits.items_after,
        days_before=number(limits.days_before, text.language, 0),
        days_after=number(limits.days_after, text.language, 0),
    )
    return [
        *parts,
        Prose(f"{text('approvals.parts_limits')}\n\n{lead}"),
        limits_figure(limits, text),
        limits_table(limits, text),
    ]


@said
def answer(case: StaggeredCase, found: Findings, *, text: Text) -> Answer:
    """The first sentence: on the claim itself where the study has it, else as on any page of many places."""
    claim = _claim(case)
    if claim is None:
        return first_answer(case, found, text)
    check = next(item for item in found.claims if item.id == claim.id)
    return Answer(
        sentence=text("approvals.answer_sentence", full=percent(-claim.value / 100, text.language)),
        verdicts=[
            (text("approvals.answer_reproduced"), check.reproduced),
            (text("approvals.answer_attributable"), check.attributable),
        ],
        detail=_detail(case, found, text),
        language=text.language,
    )


def _detail(case: StaggeredCase, found: Findings, text: Text) -> str:
    """What decided cases alone would report, beside what all of them give."""
    limit = case.study.limit
    if limit is None or limit.decided is None:
        return ""
    rows = found.estimates[found.estimates["leading"]].set_index("outcome")
    shown = {
        name: percent(float(rows["percent"][name]) / 100, text.language, sign=True) for name in rows.index
    }
    return text(
        "approvals.answer_detail",
        naive=shown[limit.decided],
        found=shown[case.lead.id],
        truth=percent(case.study.truth[case.lead.id] / 100, text.language, sign=True),
    )


def _claim(case: StaggeredCase) -> Claim | None:
    limit = case.study.limit
    return None if limit is None else next(item for item in case.study.claims if item.id == limit.claim)


@said
def records(case: StaggeredCase, *, text: Text) -> list[Part]:
    """Open cases and the item mix, for a study whose table was made from case records; else nothing."""
    parts: list[Part] = []
    broken = passed_over(case)
    if broken:
        told = text.listed((f"{name} ({what})" for name, what in broken.items()), short=False)
        parts.append(Prose(text("approvals.parts_broken", files=told)))
    found = open_cases(case)
    if found is not None:
        lead = text("approvals.parts_records_lead") if case.simulated else ""
        parts.append(Prose(f"{text('approvals.parts_records')}\n\n{lead}"))
        parts.append(open_figure(case, found, text))
    mix = item_mix(case)
    if mix is not None:
        parts += [mix_figure(case, mix, text), mix_table(case, mix, text)]
    return parts


def open_figure(case: StaggeredCase, found: OpenCases, text: Text) -> Figure:
    """The mean of decided cases, the restricted mean of all, and the truth, by month."""
    frame = found.frame
    names = {
        "mean": text("approvals.open_mean"),
        "restricted_mean": text("approvals.open_restricted"),
        "true_mean": text("approvals.open_truth"),
    }
    last = frame.iloc[-1]
    return figures.series(
        frame[list(names)].rename(columns=names),
        treated=names["mean"],
        labels={name: name for name in names.values()},
        y_label=text("approvals.open_y"),
        title=text("approvals.open_title", share=percent(float(found.shortfall.iloc[-1]), text.language)),
        source=source_line(case, text),
        alt=text(
            "approvals.open_alt",
            low=number(float(last["mean"]), text.language, 1),
            truth=number(float(last["true_mean"]), text.language, 1),
        ),
        language=text.language,
        name="open-cases",
        simulated=case.simulated,
    )


def mix_figure(case: StaggeredCase, mix: pd.DataFrame, text: Text) -> Figure:
    """What the change of the first treated district's mean is made of."""
    first = case.first(case.lead)
    place = min(case.treated(case.lead), key=lambda unit: first[unit])
    row = mix.loc[place]
    rows = [figures.Number(text("approvals.mix_change"), float(row["change"]), role="reference")]
    rows += [
        figures.Number(
            text(f"approvals.mix_{part}"),
            float(row[part]),
            role="treated" if part == "handling" else "comparison",
        )
        for part in PARTS
    ]
    written = [
        text("approvals.mix_row", label=r.label, value=number(r.value, text.language, 1, sign=True))
        for r in rows
    ]
    return figures.three_numbers(
        rows,
        x_label=text("approvals.mix_x"),
        title=text(
            "approvals.mix_title",
            place=case.name(place, text.language),
            change=number(-float(row["change"]), text.language, 1),
            handling=number(-float(row["handling"]), text.language, 1),
        ),
        source=source_line(case, text),
        alt=text(
            "approvals.mix_alt", place=case.name(place, text.language), rows=text.listed(written, short=False)
        ),
        language=text.language,
        name="item-mix",
        simulated=case.simulated,
    )


def mix_table(case: StaggeredCase, mix: pd.DataFrame, text: Text) -> Table:
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
        name = case.name(place, text.language) if place in units else text("approvals.mix_everywhere")
        line = {text("approvals.mix_district"): name}
        for column in columns:
            sign = column not in ("before", "after")
            line[text(f"approvals.mix_{column}")] = number(float(row[column]), text.language, 1, sign=sign)
        shown.append(line)
    return Table(
        pd.DataFrame(shown),
        data=mix.reset_index(),
        caption=text(
            "approvals.mix_caption",
            **{
                k: percent(float(v["handling"].sum() / v["change"].sum()), text.language)
                for k, v in share.items()
            },
        ),
        name="item-mix-table",
        notes=text("approvals.mix_note"),
        simulated=case.simulated,
        language=text.language,
    )


def limits_figure(limits: Limits, text: Text) -> Figure:
    """How much sooner the kept items were promised, by what the dropped ones were.

    Parameters
    ----------
    limits : Limits
        From `evaluation.analysis.limits.official_limits`.
    """
    rows = limit_bounds(limits).set_index("case")
    told = {"kept": limits.items_after, "dropped": limits.dropped}

    def share(case: str) -> float:
        return float(rows["percent"][case]) / 100

    def mean(case: str) -> str:
        return number(float(rows["dropped_mean"][case]), text.language, 1)

    marks = [
        (
            float(rows["dropped_mean"][case]),
            float(rows["percent"][case]),
            text(
                f"approvals.limits_{case}",
                mean=mean(case),
                percent=percent(share(case), text.language, sign=True),
            ),
        )
        for case in ("shortest", "all_dropped", "average")
    ]
    return figures.possible(
        limit_curve(limits),
        x="dropped_mean",
        y="percent",
        marks=marks,
        x_label=text("approvals.limits_x", **told),
        y_label=text("approvals.limits_y", **told),
        title=text("approvals.limits_title", most=percent(-share("shortest"), text.language)),
        source=text("approvals.limits_source"),
        alt=text(
            "approvals.limits_alt",
            percent=percent(-share("shortest"), text.language),
            even=mean("all_dropped"),
            mean=mean("average"),
            average=percent(share("average"), text.language),
            **told,
        ),
        language=text.language,
        name="limits-2015",
    )


def limits_table(limits: Limits, text: Text) -> Table:
    """The fall of the summed limits in two parts, case by case."""
    rows = limit_bounds(limits)
    shown = []
    for row in rows.to_dict("records"):
        days = text("approvals.limits_days", mean=number(row["dropped_mean"], text.language, 1))
        shown.append(
            {
                text("approvals.limits_case"): text(f"approvals.limits_what_{row['case']}", days=days),
                text("approvals.limits_dropped"): number(row["dropped"], text.language, 0, sign=True),
                text("approvals.limits_handling"): number(
                    round(row["handling"]), text.language, 0, sign=True
                ),
                text("approvals.limits_percent"): percent(row["percent"] / 100, text.language, sign=True),
            }
        )
    best = float(rows["handling"].min())
    zero = Limits(limits.items_before, limits.items_after, limits.days_before, limits.days_after, 0.0)
    change = limits.days_after - limits.days_before
    return Table(
        pd.DataFrame(shown),
        data=rows,
        caption=text(
            "approvals.limits_caption",
            fall=number(-change, text.language, 0),
            low=text("approvals.limits_none"),
            high=number(-best, text.language, 0),
        ),
        name="limits-2015-table",
        notes=text(
            "approvals.limits_note",
            change=number(change, text.language, 0, sign=True),
            zero=number(-zero.handling(0.0), text.language, 0),
        ),
        language=text.language,
    )


def eighty_sentence(text: Text) -> Prose:
    """What the claim compares with, in two sentences."""
    return Prose(text("approvals.eighty_sentence"))


def eighty_figure(below_limit: float, text: Text) -> Figure:
    """Falls of handling time that are compatible with "at least so far below the statutory limit".

    Parameters
    ----------
    below_limit : float
        Such as 0.8.
    """
    left = 1 - below_limit
    full, half = left - 1, left / 0.5 - 1
    marks = [(left, 0.0, text("approvals.eighty_fifth"))] + [
        (at, 100 * change, text(f"approvals.eighty_{key}", percent=percent(change, text.language, sign=True)))
        for key, at, change in (("half", 0.5, half), ("full", 1.0, full))
    ]
    return figures.possible(
        compatible(below_limit),
        x="before",
        y="percent",
        marks=marks,
        shaded=text("approvals.eighty_shaded"),
        x_percent=True,
        x_label=text("approvals.eighty_x"),
        y_label=text("approvals.eighty_y"),
        title=text("approvals.eighty_title"),
        source=text("approvals.eighty_source", share=percent(below_limit, text.language)),
        alt=text(
            "approvals.eighty_alt", full=percent(-full, text.language), half=percent(-half, text.language)
        ),
        language=text.language,
        name="eighty-percent",
    )
