"""How fragile: other comparisons and dates, drift before the start, the checks, the decomposition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase, rate_of_count
from evaluation.diagnostics import Diagnostic
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.language import date, number, p_value, percent
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import (
    PER_YEAR,
    bounds,
    cell,
    effect,
    ends,
    group,
    named,
    periods,
    rate_unit,
    say,
    source_line,
    unit_of,
    whole,
)
from evaluation.report.story.checks import table_of_checks
from evaluation.study.staggered import Outcome


@in_languages
def comparisons_figure(case: StaggeredCase, found: Findings, language: str) -> Figure | None:
    """The leading outcome against every comparison and by every set of dates; None where there is one."""
    outcome = case.lead
    if not _several(case):
        return None
    rows, said = [], []
    table = found.against[found.against["outcome"] == outcome.id]
    for row in table[table["estimate"].notna()].to_dict("records"):
        value, low, high = ends(outcome, row)
        label = _label(case, row["comparison"], row["dates"], language)
        p = p_value(row["p_value"], language)
        main = row["comparison"] == case.main.id and not row["dates"]
        rows.append(
            {
                "label": label,
                "estimate": value,
                "ci_low": low,
                "ci_high": high,
                "text": cell("estimates.cell", outcome, value, low, high, language),
                "note": say("comparisons.note", language, p=p),
                "role": "treated" if main else "comparison",
            }
        )
        said.append(
            say(
                "comparisons.alt_row",
                language,
                label=label,
                value=effect(outcome, value, low, high, language),
                bounds=bounds(outcome, low, high, language),
                p=p,
            )
        )
    frame = pd.DataFrame(rows)
    ordered = frame.sort_values("estimate", kind="stable")
    lowest, highest = ordered.iloc[0], ordered.iloc[-1]
    unit = unit_of(outcome, language)
    return figures.forest(
        frame,
        x_label=say(
            "comparisons.axis" if outcome.in_percent else "comparisons.axis_unit", language, unit=unit
        ),
        title=say(
            "comparisons.title",
            language,
            outcome=outcome.label[language],
            low=effect(outcome, lowest["estimate"], lowest["ci_low"], lowest["ci_high"], language),
            high=effect(outcome, highest["estimate"], highest["ci_low"], highest["ci_high"], language),
        ),
        source=source_line(case, language),
        alt=say(
            "comparisons.alt",
            language,
            outcome=outcome.label[language],
            rows=say("numbers.separator", language).join(said),
        ),
        language=language,
        name="comparisons",
        simulated=case.simulated,
    )


def _label(case: StaggeredCase, comparison: str, dates: str, language: str, *outcomes: Outcome) -> str:
    label = group(case, case.study.comparison(comparison), language, *outcomes, dates=dates or None)
    if not dates:
        return label
    other = next(item for item in case.study.alternatives if item.id == dates)
    return say("comparisons.dates", language, group=label, label=other.label[language])


def _several(case: StaggeredCase) -> bool:
    return len(case.study.comparisons) + len(case.study.alternatives) > 1


@in_languages
def comparisons_table(case: StaggeredCase, found: Findings, language: str) -> Table | None:
    """Every outcome against every comparison and by every set of dates; None where there is one."""
    if not _several(case):
        return None
    lines, same = [], 0
    for outcome in case.study.outcomes:
        mine = found.against[found.against["outcome"] == outcome.id]
        line = {say("comparisons.outcome", language): named(case, outcome, language)}
        for row in mine.to_dict("records"):
            heading = _label(case, row["comparison"], row["dates"], language, *case.study.outcomes)
            p = p_value(row["p_value"], language)
            value = ends(outcome, row)
            line[heading] = (
                cell("comparisons.cell", outcome, *value, language, p=p)
                if np.isfinite(row["estimate"])
                else number(None, language)
            )
        same += mine["estimate"].dropna().gt(0).nunique() == 1
        lines.append(line)
    notes = [
        say(
            "comparisons.why",
            language,
            label=group(case, item, language, *case.study.outcomes),
            why=item.why[language],
        )
        for item in case.study.comparisons
    ]
    notes += [
        say("comparisons.why", language, label=item.label[language], why=item.why[language])
        for item in case.study.alternatives
    ]
    notes.append(say("comparisons.chosen", language, date=date(case.study.rule.fixed_on, language)))
    return Table(
        pd.DataFrame(lines),
        data=found.against,
        caption=say("comparisons.caption", language, same=same, count=len(lines)),
        name="comparisons-table",
        notes=notes,
        simulated=case.simulated,
        language=language,
    )


@in_languages
def drift_table(case: StaggeredCase, found: Findings, language: str) -> Table | None:
    """Whether the groups were moving apart before the start, and what that would have added up to."""
    year = PER_YEAR[case.study.data.frequency]
    leading = found.estimates[found.estimates["leading"]].set_index("outcome")
    percents = all(path.outcome.in_percent for path in found.paths.values())
    rows, total, tested, randomised = [], 0, 0, 0
    for path in found.paths.values():
        if not np.isfinite(path.drift):
            continue
        outcome = path.outcome
        slope = np.array([path.drift, path.drift_low, path.drift_high]) * year
        carried = path.carried
        if outcome.in_percent:
            slope, carried = 100 * np.expm1(slope), 100 * float(np.expm1(carried))
        value, low, high = ends(outcome, leading.loc[outcome.id])
        total += path.drifting
        tested += bool(np.isfinite(path.drift_p))
        randomised += path.test is not None
        shown = number(slope[0], language, whole(outcome, low, high) + 1, sign=True)
        if np.isfinite(slope[1]):
            shown = cell("drift.cell", outcome, slope[0], slope[1], slope[2], language)
        rows.append(
            {
                "outcome": outcome.label[language],
                "slope": shown,
                "p": p_value(path.drift_p, language),
                "carried": effect(outcome, carried, low, high, language),
                "effect": effect(outcome, value, low, high, language),
            }
        )
    if not rows:
        return None
    names = {key: say(f"drift.{key}", language) for key in rows[0]}
    names["slope"] = say("drift.slope" if percents else "drift.slope_unit", language)
    before = -int(case.window()[0])
    return Table(
        pd.DataFrame(rows).rename(columns=names),
        data=pd.DataFrame(
            [
                {
                    "outcome": path.outcome.id,
                    "drift": path.drift,
                    "ci_low": path.drift_low,
                    "ci_high": path.drift_high,
                    "p_value": path.drift_p,
                    "carried": path.carried,
                }
                for path in found.paths.values()
            ]
        ),
        caption=say("drift.caption" if tested else "drift.untested", language, count=total, total=tested),
        name="drift",
        notes=[
            say("drift.note", language, count=before, **periods(case, language)),
            *([say("drift.randomised", language)] if randomised else []),
            say("drift.leads", language),
            *_circular(case, language),
        ],
        simulated=case.simulated,
        language=language,
    )


@in_languages
def checks_table(case: StaggeredCase, checks: Mapping[str, Diagnostic], language: str) -> Table:
    """Each check as a question with its answer."""
    outcome = case.lead
    linear = {"count": "rate", "log": "logarithm"}.get(outcome.model, "level")
    unit = say("checks.log_points", language) if outcome.in_percent else outcome.unit[language]
    if rate_of_count(outcome, outcome.leading):
        unit = say("checks.rate_and_log", language, rate=rate_unit(case, outcome, language))
    note = say(
        "checks.note",
        language,
        outcome=outcome.phrase[language],
        group=group(case, case.main, language),
        unit=unit,
        linear=say(f"checks.{linear}", language),
    )
    questions = {key: _question(key, check, language) for key, check in checks.items()}
    notes = [note, *_circular(case, language)]
    return table_of_checks(say, questions, checks, notes, language, simulated=case.simulated)


def _circular(case: StaggeredCase, language: str) -> list[str]:
    """What the checks are worth where treatment is dated from the outcome."""
    return [say("checks.circular", language)] if case.study.treatment.from_outcome else []


def _question(key: str, check: Diagnostic, language: str) -> str:
    question = check.question[language]
    if key not in ("pretrends", "relative_magnitudes", "smoothness"):
        return question
    return say("checks.restricted", language, question=question, restriction=say(f"checks.{key}", language))


_KINDS = {
    "treated vs never treated": "treated_never",
    "earlier vs later treated": "earlier_later",
    "later vs earlier treated": "later_earlier",
    "treated vs always treated": "treated_always",
}


@in_languages
def bacon_table(case: StaggeredCase, checks: Mapping[str, Diagnostic], language: str) -> Table | None:
    """The simple regression taken apart by the kind of comparison; None where it cannot be."""
    if "bacon" not in checks:
        return None
    check = checks["bacon"]
    parts = check.details["by_kind"]
    digits = 2 if abs(check.details["estimate"]) > 1 else 4
    frame = pd.DataFrame(
        {
            say("bacon.kind", language): [
                *(say(f"bacon.{_KINDS[kind]}", language) for kind in parts["kind"]),
                say("bacon.all", language),
            ],
            say("bacon.weight", language): [
                *(number(w, language, 4) for w in parts["weight"]),
                number(float(parts["weight"].sum()), language, 4),
            ],
            say("bacon.estimate", language): [
                *(number(e, language, digits, sign=True) for e in parts["estimate"]),
                number(check.details["estimate"], language, digits, sign=True),
            ],
        }
    )
    unit = rate_unit(case, case.lead, language)
    if case.lead.model == "log":
        unit = say("checks.log_points", language)
    return Table(
        frame,
        data=check.table,
        caption=say("bacon.caption", language, share=percent(check.statistic, language, 1)),
        name="bacon",
        notes=say("bacon.note", language, unit=unit),
        simulated=case.simulated,
        language=language,
    )
