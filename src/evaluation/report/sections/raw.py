"""The raw record as figures and a table, and why it ends where it does."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from evaluation.analysis.disclosure import DisclosureMask
from evaluation.analysis.staggered import (
    EventTimeMeans,
    StaggeredCase,
    Yearly,
    disclosure_mask,
    disclosure_masks,
)
from evaluation.periods import PER_YEAR
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import number
from evaluation.report.sections.base import (
    FEW,
    Effect,
    counted,
    group,
    label_of,
    not_drawn,
    period_of,
    rate_unit,
    said,
    source_line,
    treated_units,
    unit_of,
    withheld_here,
)
from evaluation.report.text import Text, period, sentence_case

TREATED = "treated"


@said
def raw_lead(case: StaggeredCase, *, text: Text) -> Prose:
    """What the section is, under its heading."""
    exposure = case.study.data.exposure if text.given["exposure"] else None
    lead = text("raw.lead", exposure=(exposure or "").replace("_", " "))
    return Prose(f"{text('raw.heading')}\n\n{lead}")


@said
def notes(case: StaggeredCase, *, text: Text) -> Prose | None:
    """What was taken for granted when the data were read; None where nothing was."""
    said_of = [note[text.language] for note in case.notes]
    if not said_of:
        return None
    words = {"en": (("units", "kins"), ("unit", "kin")), "zh": (("单位", "kin"),)}
    written = text.sentences(said_of)
    for unit, key in words[text.language]:
        written = written.replace(unit, text.given[key])
    return Prose(written)


@said
def withheld(case: StaggeredCase, *, text: Text) -> Prose | None:
    """Which counts are not shown, how many and by which rule; None where the study withholds nothing."""
    rule = case.study.disclosure
    if rule is None:
        return None
    found = disclosure_masks(case).values()
    small, beside = sum(one.primary for one in found), sum(one.secondary for one in found)
    told = {"most": rule.minimum - 1, "small": small, "beside": beside, "rounding": rule.rounding}
    return Prose(text("withheld.lead", **told))


@said
def years_figure(case: StaggeredCase, found: Yearly, *, text: Text) -> Figure | Prose | None:
    """Untreated units as thin lines by year, treated ones taken together strong, the others dashed.

    Words where too few years of the groups may be shown; None where the record has no two years.
    """
    outcome = found.outcome
    told_years = (found.treated.notna() & found.untreated.notna()).to_numpy()
    if told_years.sum() < 2:
        return not_drawn("years", outcome, text) if found.mask.hidden else None
    wide = found.units.dropna(axis=1, how="all")
    wide.columns = pd.Index([f"{case.name(unit, text.language)} {i}" for i, unit in enumerate(wide.columns)])
    wide = wide.assign(**{TREATED: found.treated})
    unit = "%" if outcome.in_points else rate_unit(case, outcome, text)
    first, last = (str(start.year) for start in found.starts)
    events = [(first, text("raw.first_start" if last != first or text.given["own"] else "raw.only_start"))]
    if last != first:
        events.append((last, text("raw.last_start")))
    source = source_line(case, text)
    if found.thinned:
        source = text("raw.thinned", source=source, count=found.thinned, counted=counted(text, found.thinned))
    if found.beyond:
        source = text("raw.beyond", source=source, count=found.beyond, counted=counted(text, found.beyond))
    source = withheld_here(source, found.mask.withheld("unit", "treated", "others"), text)
    treated, others = found.treated[told_years], found.untreated[told_years]
    told = {
        "outcome": label_of(outcome, text),
        "treated": treated_units(case, text),
        "span": text("period.Y") if case.calendar else text.given["period"],
        "named": len(case.treated(outcome)) <= FEW and not text.given["own"],
        "group": group(case, case.main, text),
        "first": treated.index[0],
        "last": treated.index[-1],
    }
    return figures.series(
        wide,
        treated=TREATED,
        labels={TREATED: treated_units(case, text, count=False)},
        highlight_mean=text("raw.years_mean", **told),
        pooled=found.untreated,
        events=events,
        y_label=text("raw.years_axis", unit=unit, **told),
        title=text(
            "raw.years",
            ours=_moved(case, treated.iloc[0], treated.iloc[-1], text),
            theirs=_moved(case, others.iloc[0], others.iloc[-1], text),
            **told,
        ),
        source=source,
        alt=text(
            "raw.years_alt",
            a=number(treated.iloc[0], text.language),
            b=number(treated.iloc[-1], text.language),
            c=number(others.iloc[0], text.language),
            d=number(others.iloc[-1], text.language),
            unit=unit,
            **told,
        ),
        language=text.language,
        name=f"years-{outcome.id}",
        simulated=case.simulated,
    )


def _moved(case: StaggeredCase, before: float, after: float, text: Text) -> str:
    """A change as it is said of the leading outcome: growth in percent, or a difference in its unit."""
    if case.lead.in_percent:
        change = 100 * (float(after) / float(before) - 1) if before else float("nan")
        return f"{number(change, text.language, 0, sign=True)}%"
    return Effect(case.lead, float(after) - float(before)).amount(text)


@said
def event_time_figure(case: StaggeredCase, raw: EventTimeMeans, *, text: Text) -> Figure | Prose:
    """Treated units around their start beside the others in the same calendar periods; nothing modelled.

    Words where it is withheld.
    """
    outcome = raw.outcome
    if raw.mask.hidden and (raw.frame.notna().sum() < 3).any():
        return not_drawn("around", outcome, text)
    relative = outcome.in_percent
    ours, theirs = (
        _moved(case, before, after, text) for before, after in zip(raw.before, raw.after, strict=True)
    )
    frame = raw.frame.copy()
    frame.index = pd.Index([int(e) for e in frame.index], name="event_time")
    told: dict[str, Any] = {
        "outcome": label_of(outcome, text),
        "unit": unit_of(outcome, text),
        "relative": relative,
        "ours": ours,
        "theirs": theirs,
        "treated": treated_units(case, text, count=False),
        "group": group(case, case.main, text),
        "spell": text("words.spell", count=int((raw.frame.index < 0).sum())),
    }
    return figures.pair(
        frame,
        treated="treated",
        other="untreated",
        labels={"treated": str(told["treated"]), "untreated": text("raw.around_untreated", **told)},
        policy=(0, text.given["event"]),
        y_label=text("raw.around_axis", **told),
        title=text("raw.around", **told),
        source=withheld_here(source_line(case, text), raw.mask.withheld("event", "other"), text),
        alt=text("raw.around_alt", **told),
        language=text.language,
        name=f"around-{outcome.id}",
        simulated=case.simulated,
    )


@said
def moved_lead(case: StaggeredCase, *, text: Text) -> Prose | None:
    """What the figure around the start does; None where all start at once."""
    first = case.first(case.lead)[case.treated(case.lead)]
    return Prose(text("raw.moved")) if first.nunique() > 1 else None


@said
def cohort_table(case: StaggeredCase, frame: pd.DataFrame, *, text: Text) -> Table:
    """Raw figures of each cohort before and after, and of the comparison in the same periods."""
    outcome = case.lead
    raw_unit = "%" if outcome.in_points else rate_unit(case, outcome, text)
    kind = "percent" if outcome.in_percent else "unit"
    names = {
        "cohort": text("raw.cohort"),
        "places": sentence_case(text.given["places"])
        if text.language == "en"
        else "数目"
        if text.given["own"]
        else f"{text.given['place']}数",
        "before": text("raw.before"),
        "after": text("raw.after"),
        "change": text(f"raw.change_{kind}", unit=unit_of(outcome, text)),
        "others_change": text(f"raw.others_{kind}", unit=unit_of(outcome, text)),
    }
    if frame["others_change"].isna().all() and not disclosure_mask(case, outcome).hidden:
        frame = frame.drop(columns="others_change")
        names.pop("others_change")
    sign = -1 if outcome.better == "lower" else 1
    gap = frame["change"] - frame.get("others_change", pd.Series(float("nan"), index=frame.index))
    digits = 0 if outcome.in_percent else outcome.digits
    changed = partial(number, language=text.language, digits=digits, sign=True)
    beside = group(case, case.main, text) if "others_change" in names else ""
    notes = [text("raw.cohorts_note", group=beside, unit=raw_unit)]
    hidden = disclosure_mask(case, outcome).withheld("cohort", "beside")
    notes += [text("withheld.table", count=hidden)] if hidden else []
    shown = frame.assign(cohort=[period_of(case, c, text, short=True) for c in frame["cohort"]])
    return Table(
        shown.rename(columns=names),
        caption=text(
            "raw.cohorts",
            outcome=label_of(outcome, text),
            favourable=int((sign * gap > 0).sum()),
            count=int(gap.notna().sum()),
        ),
        name="cohorts",
        formats={names[key]: changed for key in ("change", "others_change") if key in names},
        notes=notes,
        simulated=case.simulated,
        language=text.language,
    )


@said
def end_figure(case: StaggeredCase, *, text: Text) -> Figure | None:
    """The series that shows why the record ends where it does, where the study has one."""
    end, series = case.study.end, case.ending
    if end is None or series is None or not (end.label and end.unit and end.mark and end.frequency):
        return None
    at = pd.Period(end.at, freq=end.frequency)
    place = list(series.index).index(at)
    year = PER_YEAR[end.frequency]
    series, small = _few(case, series)
    if small.iloc[max(place - year, 0) : place + 1].any():
        return None
    usual = float(series.iloc[max(place - year, 0) : place].mean())
    told = {
        "label": end.label[text.language],
        "unit": end.unit[text.language],
        "at": period(at, text.language, end.frequency),
        "value": number(float(series.iloc[place]), text.language, 0),
        "usual": number(usual, text.language, 0),
        "span": text(f"period.{end.frequency}"),
    }
    return figures.series(
        pd.DataFrame({"series": series.to_numpy()}, index=series.index),
        treated="series",
        labels={"series": told["label"]},
        events=[(str(at), end.mark[text.language])],
        y_label=text("raw.end_axis", **told),
        title=text("raw.end", **told),
        source=withheld_here(source_line(case, text), int(small.sum()), text),
        alt=text("raw.end_alt", why=end.why[text.language], **told),
        language=text.language,
        name="end-of-record",
        simulated=case.simulated,
        height=170,
    )


def _few(case: StaggeredCase, series: pd.Series) -> tuple[pd.Series, pd.Series]:
    """A series without its small counts, and which those are."""
    rule = case.study.disclosure
    if rule is None or (series.dropna() % 1 != 0).any():
        return series, series != series
    small = (series > 0) & (series < rule.minimum)
    return DisclosureMask(rule=rule).rounded(series).mask(small), small
