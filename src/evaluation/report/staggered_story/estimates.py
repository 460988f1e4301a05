"""Effects on every outcome: together, by every method, and by time since the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import (
    Findings,
    Path,
    StaggeredCase,
    choose,
    rate_of_count,
    shares,
    without_events,
)
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import number, p_value, percent
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import (
    bounds,
    cell,
    effect,
    ends,
    group,
    named,
    no_interval,
    not_drawn,
    periods,
    say,
    source_line,
    unit_of,
    whole,
    withheld_here,
)
from evaluation.report.story.wording import sentence_case
from evaluation.study.staggered import Outcome


@in_languages
def outcomes_figure(case: StaggeredCase, found: Findings, language: str) -> Figure | None:
    """The leading estimate of every outcome that is said in the leading outcome's unit, with its interval."""
    unit = unit_of(case.lead, language)
    adjusted = found.together.set_index("outcome")["p_adjusted"]
    rows, said, drawn = [], [], []
    for row in found.estimates[found.estimates["leading"]].to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        value, low, high = ends(outcome, row)
        if unit_of(outcome, language) != unit or not np.isfinite(value):
            continue
        drawn.append(outcome)
        alone = p_value(row["p_value"], language)
        together = p_value(adjusted.get(outcome.id, np.nan), language)
        rows.append(
            {
                "label": outcome.label[language],
                "estimate": value,
                "ci_low": low,
                "ci_high": high,
                "text": cell("estimates.cell", outcome, value, low, high, language),
                "note": say("outcomes.note", language, p=alone, adjusted=together),
                "improves": (1 if outcome.better == "higher" else -1) * value > 0,
                "beyond": low > 0 or high < 0,
            }
        )
        said.append(
            say(
                "outcomes.alt_row",
                language,
                outcome=outcome.label[language],
                value=effect(outcome, value, low, high, language),
                bounds=bounds(outcome, low, high, language),
                p=alone,
                adjusted=together,
            )
        )
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    main = group(case, case.main, language, *drawn)
    known = np.isfinite(frame["ci_low"]).any()
    told = {
        "beyond": int((frame["beyond"] & frame["improves"]).sum()),
        "worse": int((frame["beyond"] & ~frame["improves"]).sum()),
        "count": len(frame),
        "group": main,
        "why": "" if known else no_interval(leading_row(case, found), language),
    }
    return figures.forest(
        frame.drop(columns=["improves", "beyond"]),
        x_label=say(
            "outcomes.axis" if case.lead.in_percent else "outcomes.axis_unit",
            language,
            group=main,
            unit=unit,
        ),
        title=say("outcomes.title" if known else "outcomes.title_none", language, **told),
        source=source_line(case, language),
        alt=say("outcomes.alt", language, group=main, rows=say("numbers.separator", language).join(said)),
        language=language,
        name="outcomes",
        simulated=case.simulated,
    )


@in_languages
def family_table(case: StaggeredCase, found: Findings, language: str) -> Table:
    """Every outcome against the comparisons of the rule, alone and adjusted, with the rule's word."""
    level = case.study.rule.level
    together = found.together.set_index("outcome")
    rows = []
    ruled = [case.study.outcome(name) for name in case.study.rule.outcomes]
    for outcome in ruled:
        name = outcome.id
        line = {say("family.outcome", language): named(case, outcome, language)}
        for comparison in case.study.rule.comparisons:
            table = found.against
            row = table[
                (table["outcome"] == name) & (table["comparison"] == comparison) & (table["dates"] == "")
            ].iloc[0]
            heading = group(case, case.study.comparison(comparison), language, *ruled)
            line[say("family.effect", language, group=heading)] = cell(
                "family.cell", outcome, *ends(outcome, row), language
            )
        line[say("family.alone", language)] = p_value(float(together["p_value"][name]), language)
        line[say("family.together", language)] = p_value(float(together["p_adjusted"][name]), language)
        line[say("family.verdict", language)] = say(f"family.{found.verdicts[name].attributable}", language)
        rows.append(line)
    return Table(
        pd.DataFrame(rows),
        data=found.together,
        caption=say(
            "family.caption",
            language,
            count=len(together),
            alone=int((together["p_value"] <= level).sum()),
            together=int((together["p_adjusted"] <= level).sum()),
            beyond=_ruled(found, ruled, "beyond_comparison"),
            worse=_ruled(found, ruled, "opposite"),
        ),
        name="family",
        notes=[case.study.rule.text[language], say("family.note", language)],
        simulated=case.simulated,
        language=language,
    )


def _ruled(found: Findings, outcomes: list[Outcome], verdict: str) -> int:
    return sum(found.verdicts[outcome.id].attributable == verdict for outcome in outcomes)


def leading_row(case: StaggeredCase, found: Findings) -> dict[Any, Any]:
    """The leading estimate of the leading outcome against the main comparison."""
    table = found.estimates
    rows: list[dict[Any, Any]] = table[table["leading"] & (table["outcome"] == case.lead.id)].to_dict(
        "records"
    )
    return rows[0]


@in_languages
def estimates_table(case: StaggeredCase, found: Findings, language: str) -> Table:
    """Outcomes by estimators; estimators that give the same numbers share a column."""
    table = found.estimates
    order = list(dict.fromkeys(table["estimator"]))
    twins = _twins(table)
    shown = [name for name in order if name not in twins and table.loc[table["estimator"] == name, "estimate"]
             .notna().any()]  # fmt: skip
    rows, agree = [], 0
    for outcome in case.study.outcomes:
        mine = table[table["outcome"] == outcome.id].set_index("estimator")
        line = {say("estimates.outcome", language): named(case, outcome, language)}
        for name in shown:
            line[say(f"methods.{name}", language)] = _cell(mine, name, outcome, language)
        signs = set(np.sign(mine["estimate"].dropna()))
        agree += len(signs) == 1
        rows.append(line)
    mine = _in_words(case, found)
    notes = [say("estimates.note", language, group=group(case, case.main, language, *case.study.outcomes))]
    notes += [
        say(
            "estimates.same",
            language,
            one=say(f"methods.{one}", language),
            other=say(f"methods.{other}", language),
        )
        for one, other in twins.items()
    ]
    notes += [
        say(
            "estimates.rare",
            language,
            outcome=outcome.label[language],
            count=count,
            method=say("methods.extended_poisson", language),
        )
        for outcome in case.study.outcomes
        if "extended_poisson" in set(table.loc[table["outcome"] == outcome.id, "estimator"])
        and (count := without_events(case, outcome))
    ]
    if "group_time" in shown and "imputation" in order:
        notes.append(say("estimates.base", language, **periods(case, language)))
    return Table(
        pd.DataFrame(rows),
        data=table.drop(columns=["comparison"]),
        caption=say(
            "estimates.caption",
            language,
            outcome=case.lead.label[language],
            low=_shown(case, mine["value"].min(), mine, language),
            high=_shown(case, mine["value"].max(), mine, language),
            agree=agree,
            count=len(case.study.outcomes),
        ),
        name="estimates",
        notes=notes,
        simulated=case.simulated,
        language=language,
    )


def _in_words(case: StaggeredCase, found: Findings) -> pd.DataFrame:
    """Estimates of the leading outcome by method, in the unit in which they are said."""
    table = found.estimates
    rows = table[(table["outcome"] == case.lead.id) & table["estimate"].notna()]
    ends_of = [ends(case.lead, row) for row in rows.to_dict("records")]
    return pd.DataFrame(ends_of, columns=["value", "low", "high"], index=rows["estimator"].tolist())


def _shown(case: StaggeredCase, value: float, mine: pd.DataFrame, language: str) -> str:
    low, high = (float(mine[name].iloc[0]) for name in ("low", "high"))
    return effect(case.lead, float(value), low, high, language)


@in_languages
def methods_sentence(case: StaggeredCase, found: Findings, language: str) -> Prose | None:
    """The simple regression of the leading outcome beside the methods made for several dates."""
    mine = _in_words(case, found)
    others = mine[~mine.index.isin(["two_way", "poisson"])]
    if "two_way" not in mine.index or others.empty:
        return None
    simple, low, high = (float(mine[name]["two_way"]) for name in ("value", "low", "high"))
    inside = not (others["value"].min() < low or others["value"].max() > high)
    verdict = "within" if inside else "outside"
    told = mine[mine["low"].notna() & mine["high"].notna()]
    clear = int(((told["low"] > 0) | (told["high"] < 0)).sum())
    if inside and 0 < clear < len(told):
        verdict = "within_split"
    values: dict[str, object] = {"clear": clear, "count": len(told)}
    if not (np.isfinite(low) and np.isfinite(high)):
        table = found.estimates
        row = table[(table["outcome"] == case.lead.id) & (table["estimator"] == "two_way")].iloc[0]
        verdict, values = "no_interval", {"why": sentence_case(no_interval(row, language))}
    return Prose(
        say(
            "estimates.simple",
            language,
            outcome=case.lead.phrase[language],
            simple=effect(case.lead, simple, low, high, language),
            interval=bounds(case.lead, low, high, language),
            low=effect(case.lead, float(others["value"].min()), low, high, language),
            high=effect(case.lead, float(others["value"].max()), low, high, language),
            verdict=say(f"estimates.{verdict}", language, **values),
        )
    )


def _twins(table: pd.DataFrame) -> dict[str, str]:
    """Estimators that gave the numbers of another in every outcome."""
    out = {}
    for name, rows in table[table["estimate"].notna()].groupby("estimator"):
        others = set(rows["same_as"])
        if len(others) == 1 and "" not in others:
            out[str(name)] = str(others.pop())
    return out


def _cell(mine: pd.DataFrame, name: str, outcome: Any, language: str) -> str:
    if name not in mine.index or not np.isfinite(float(mine["estimate"][name])):
        return number(None, language)
    value, low, high = ends(outcome, mine.loc[name])
    if not (np.isfinite(low) and np.isfinite(high)):
        return number(value, language, whole(outcome, low, high), sign=True)
    return cell("estimates.cell", outcome, value, low, high, language)


@in_languages
def inference_sentence(case: StaggeredCase, found: Findings, language: str) -> Prose:
    """Which inference holds here and why, in one paragraph."""
    choice = found.choice
    # the extended Poisson estimate has no other error than the jackknife's
    compared = found.estimates[found.estimates["estimator"] != "extended_poisson"]
    compared = compared[compared["own_error"].notna() & compared["std_error"].notna()]
    ratio = float((compared["own_error"] / compared["std_error"]).mean()) if len(compared) else np.nan
    told = {
        "treated": choice.treated,
        "untreated": choice.untreated,
        "clusters": choice.clusters,
        "df": number(float(leading_row(case, found)["df"]), language, 0),
        "few": choice.few,
        "ratio": percent(ratio, language),
        "s": "" if choice.treated == 1 else "s",
        "groups": say("inference.groups", language)
        if case.study.treatment.cluster
        else say("inference.single", language, places=case.study.treatment.places[language]),
        "places": case.study.treatment.places[language],
    }
    key: str = choice.kind
    if key == "randomization" and case.study.treatment.cluster:
        key = "randomization_groups"
    lines = [say(f"inference.{key}", language, **told), *_otherwise(case, found, language)]
    if case.study.estimator is not None:
        key = "leads_rates" if rate_of_count(case.lead, case.study.estimator) else "leads"
        name = say(f"methods.{case.study.estimator}", language)
        lines.insert(0, say(f"inference.{key}", language, name=name) + "\n\n")
    if found.advice is not None and choice.kind == "randomization":
        names = [method.name[language] for method in found.advice.methods]
        if names:
            joined = say("numbers.comma", language).join(names)
            lines.append(say("inference.advice", language, methods=joined))
        permuting = found.advice.advice("randomization_test")
        if not permuting.holds:
            lines.append(say("inference.doubted", language, reason=permuting.reason[language]))
    return Prose((" " if language == "en" else "").join(lines))


def _otherwise(case: StaggeredCase, found: Findings, language: str) -> list[str]:
    """Outcomes whose units are so many, or so few, that another inference holds for them."""
    kinds: dict[str, list[str]] = {}
    for outcome in case.study.outcomes:
        kind = choose(case, outcome).kind
        if kind != found.choice.kind:
            kinds.setdefault(kind, []).append(outcome.phrase[language])
    comma = say("numbers.comma", language)
    return [
        say(
            "inference.otherwise",
            language,
            outcomes=comma.join(names),
            kind=say(f"inference.name_{kind}", language),
        )
        for kind, names in kinds.items()
    ]


@in_languages
def path_figure(case: StaggeredCase, path: Path, language: str) -> Figure | Prose:
    """The event study of one outcome with the inference that holds; words if withheld."""
    outcome, may = path.outcome, shares(case, path.outcome)
    frame = path.frame[[may.may(("event", int(e))) for e in path.frame["event_time"]]]
    after = frame[frame["event_time"] >= 0]
    if may.hidden and (len(after) < 2 or len(frame) - len(after) < 2):
        return not_drawn("path", outcome, language)
    mean = float(after["estimate"].mean())
    width = float((after["ci_high"] - after["ci_low"]).mean())
    outside = int(((after["ci_low"] > 0) | (after["ci_high"] < 0)).sum())
    kind = "alt" if np.isfinite(width) else "alt_plain"
    if path.test is not None:
        kind = "alt_band" if path.level >= 0.95 else "alt_widest"
        beyond = (after["estimate"] > after["placebo_high"]) | (after["estimate"] < after["placebo_low"])
        width, outside = float((after["placebo_high"] - after["placebo_low"]).mean()), int(beyond.sum())
    before = "steady" if np.isfinite(path.drift_p) else "untested"
    if path.drifting:
        before = "drifting_down" if path.drift < 0 else "drifting_up"
    told = {
        "outcome": outcome.label[language],
        "after": effect(outcome, mean, -width / 2, width / 2, language),
        "before": say(f"path.{before}", language),
        "base": say(
            f"path.base_{path.base}",
            language,
            count=int((path.frame["event_time"] < 0).sum()),
            **periods(case, language),
        ),
        "placebos": 0 if path.test is None else path.test.n_assignments - 1,
        "smallest": p_value(np.nan if path.test is None else path.test.smallest_p, language),
        **periods(case, language),
    }
    source = say("path.source", language, source=source_line(case, language), base=told["base"])
    axis = "path.y_axis_percent" if outcome.in_percent else "path.y_axis"
    x_axis = say("path.x_axis", language, **told)
    return figures.event_study(
        frame,
        policy=case.study.treatment.event[language],
        x_label=sentence_case(x_axis),
        y_label=say(axis, language, unit=unit_of(outcome, language)),
        title=say("path.title", language, **told),
        source=withheld_here(source, len(path.frame) - len(frame), language),
        bands=None if path.test is None else say(f"path.{kind.replace('alt', 'band')}", language, **told),
        alt=say(
            f"path.{kind}",
            language,
            group=group(case, case.main, language, outcome),
            outside=outside,
            later=len(after),
            **told,
        ),
        language=language,
        name=f"event-study-{outcome.id}",
        simulated=case.simulated,
    )
