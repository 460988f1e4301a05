"""The raw record as figures and a table, and why it ends where it does."""

from __future__ import annotations

from functools import partial

import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase, all_shares, cohorts, shares, yearly
from evaluation.analysis.withholding import Shares
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import number
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import (
    group,
    n_treated,
    not_drawn,
    periods,
    rate_unit,
    say,
    source_line,
    when,
    withheld_here,
)
from evaluation.report.story.wording import sentence_case

TREATED = "treated"


@in_languages
def withheld(case: StaggeredCase, language: str) -> Prose | None:
    """Which counts are not shown, how many and by which rule; None where the study withholds nothing."""
    found = all_shares(case).values()
    rule = case.study.disclosure
    if rule is None:
        return None
    rounded = say("withheld.rounded", language, rounding=rule.rounding) if rule.rounding > 1 else ""
    small, beside = sum(one.small for one in found), sum(one.beside for one in found)
    more = say("withheld.more", language, beside=beside) if beside else ""
    told = {"most": rule.minimum - 1, "small": small, "more": more, "rounded": rounded}
    return Prose(say("withheld.lead" if small else "withheld.none", language, **told))


@in_languages
def years_figure(case: StaggeredCase, language: str) -> Figure | Prose:
    """Untreated places as thin lines by year, treated ones taken together strong, the others dashed.

    Words where too few years of the groups may be shown.
    """
    found, outcome = yearly(case, case.lead), case.lead
    told_years = (found.treated.notna() & found.untreated.notna()).to_numpy()
    if found.shares.hidden and told_years.sum() < 2:
        return not_drawn("years", outcome, language)
    wide = found.units.dropna(axis=1, how="all")
    wide.columns = pd.Index([case.name(unit, language) for unit in wide.columns])
    wide.columns = pd.Index([f"{name} {i}" for i, name in enumerate(wide.columns)])
    wide[TREATED] = found.treated
    unit = rate_unit(case, outcome, language)
    first, last = (found.starts[0], found.starts[1])
    events = [(str(first)[:4], say("years.first_start", language))]
    if str(last)[:4] != str(first)[:4]:
        events.append((str(last)[:4], say("years.last_start", language)))
    source = source_line(case, language)
    if found.beyond:
        source = say(
            "years.beyond",
            language,
            source=source + ("; " if language == "en" else "。"),
            count=found.beyond,
            places=case.study.treatment.places[language],
        )
    source = withheld_here(source, found.shares.withheld("unit", "treated", "others"), language)
    treated, others = found.treated[told_years], found.untreated[told_years]
    told = {
        "outcome": outcome.label[language],
        "n": n_treated(case),
        "treated": case.study.treatment.treated[language],
        "group": group(case, case.main, language),
        "first": treated.index[0],
        "last": treated.index[-1],
    }
    return figures.series(
        wide,
        treated=TREATED,
        labels={TREATED: say("years.treated", language, **told)},
        highlight_mean=say("years.mean", language, **told),
        pooled=found.untreated,
        events=events,
        y_label=say("years.axis", language, outcome=outcome.label[language], unit=unit),
        title=say(
            "years.title", language, ours=_rate(treated, language), theirs=_rate(others, language), **told
        ),
        source=source,
        alt=say(
            "years.alt",
            language,
            a=number(treated.iloc[0], language),
            b=number(treated.iloc[-1], language),
            c=number(others.iloc[0], language),
            d=number(others.iloc[-1], language),
            unit=unit,
            places=case.study.treatment.places[language],
            **told,
        ),
        language=language,
        name=f"years-{outcome.id}",
        simulated=case.simulated,
    )


def _rate(values: pd.Series, language: str) -> str:
    change = 100 * (float(values.iloc[-1]) / float(values.iloc[0]) - 1)
    return f"{number(change, language, 0, sign=True)}%"


@in_languages
def around_figure(case: StaggeredCase, found: Findings, language: str) -> Figure | Prose:
    """Treated places around their start beside the others in the same calendar periods; nothing modelled.

    Words where it is withheld.
    """
    raw, outcome = found.around, case.lead
    if raw.shares.hidden and (raw.frame.notna().sum() < 3).any():
        return not_drawn("around", outcome, language)
    ours, theirs = (f"{number(change, language, 0, sign=True)}%" for change in raw.changes)
    frame = raw.frame.copy()
    frame.index = pd.Index([int(e) for e in frame.index], name="event_time")
    told = {
        "outcome": outcome.label[language],
        "ours": ours,
        "theirs": theirs,
        "treated": case.study.treatment.treated[language],
        "group": group(case, case.main, language),
        "event": case.study.treatment.event[language],
        "count": int((raw.frame.index < 0).sum()),
        **periods(case, language),
    }
    return figures.pair(
        frame,
        treated="treated",
        other="untreated",
        labels={
            "treated": say("around.treated", language, **told),
            "untreated": say("around.untreated", language, **told),
        },
        policy=(0, case.study.treatment.event[language]),
        y_label=say("around.axis", language, **told),
        title=say("around.title", language, **told),
        source=withheld_here(source_line(case, language), raw.shares.withheld("event", "other"), language),
        alt=say("around.alt", language, **told),
        language=language,
        name=f"around-{outcome.id}",
        simulated=case.simulated,
    )


@in_languages
def cohort_table(case: StaggeredCase, language: str) -> Table:
    """Raw figures of each cohort before and after, and of the comparison in the same periods."""
    outcome = case.lead
    frame = cohorts(case, outcome)
    unit = rate_unit(case, outcome, language)
    frequency = case.study.data.frequency
    told = {"unit": unit, "places": sentence_case(case.study.treatment.places[language])}
    told |= periods(case, language)
    kind = "" if outcome.in_percent else "_unit"
    names = {
        "cohort": say("cohorts.cohort", language),
        "places": say("cohorts.places", language, **told),
        "before": say("cohorts.before", language),
        "after": say("cohorts.after", language),
        "change": say(f"cohorts.change{kind}", language, **told),
        "others_change": say(f"cohorts.others{kind}", language, **told),
    }
    sign = 1 if outcome.better == "higher" else -1
    gap = frame["change"] - frame["others_change"]
    better, known = int((sign * gap > 0).sum()), int(gap.notna().sum())
    digits = 0 if outcome.in_percent else outcome.digits
    changed = partial(number, language=language, digits=digits, sign=True)
    notes = [say("cohorts.note", language, group=group(case, case.main, language), unit=sentence_case(unit))]
    hidden = shares(case, outcome).withheld("cohort", "beside")
    notes += [say("withheld.table", language, count=hidden)] if hidden else []
    shown = frame.assign(cohort=[when(c, language, frequency, short=True) for c in frame["cohort"]]).rename(
        columns=names
    )
    return Table(
        shown,
        caption=say("cohorts.caption", language, outcome=outcome.label[language], better=better, count=known),
        name="cohorts",
        formats={names["change"]: changed, names["others_change"]: changed},
        notes=notes,
        simulated=case.simulated,
        language=language,
    )


@in_languages
def end_figure(case: StaggeredCase, language: str) -> Figure | None:
    """The series that shows why the record ends where it does, where the study has one."""
    end, series = case.study.end, case.ending
    if end is None or series is None or not (end.label and end.unit and end.mark and end.frequency):
        return None
    at = pd.Period(end.at, freq=end.frequency)
    place = list(series.index).index(at)
    year = {"Y": 1, "Q": 4, "M": 12}.get(end.frequency, 12)
    series, small = _few(case, series)
    if small.iloc[max(place - year, 0) : place + 1].any():
        return None
    usual = float(series.iloc[max(place - year, 0) : place].mean())
    value = float(series.iloc[place])
    told = {
        "label": end.label[language],
        "unit": end.unit[language],
        "at": when(at, language, end.frequency),
        "value": number(value, language, 0),
        "usual": number(usual, language, 0),
        "period": say(f"period.{end.frequency}", language),
    }
    frame = pd.DataFrame({"series": series.to_numpy()}, index=series.index)
    return figures.series(
        frame,
        treated="series",
        labels={"series": say("end.series", language, **told)},
        events=[(str(at), end.mark[language])],
        y_label=say("end.axis", language, **told),
        title=say("end.title", language, **told),
        source=withheld_here(source_line(case, language), int(small.sum()), language),
        alt=say("end.alt", language, why=end.why[language], **told),
        language=language,
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
    return Shares(rule=rule).rounded(series).mask(small), small
