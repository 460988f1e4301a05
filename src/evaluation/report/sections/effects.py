"""Effects on every outcome: together, by every method, and the inference that they rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase, choose, rate_of_count, without_events
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import NOT_A_NUMBER, number, p_value
from evaluation.report.language import figures as significant_decimals
from evaluation.report.sections.base import (
    NAN,
    Effect,
    group,
    in_unit,
    in_words,
    label_of,
    named,
    no_interval,
    said,
    source_line,
    unit_of,
)
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome

WORSE = {"higher": -1, "lower": 1, None: -1}


def leading_row(case: StaggeredCase, found: Findings) -> dict[Any, Any]:
    """The leading estimate of the leading outcome against the main comparison."""
    table = found.estimates
    rows = table[table["leading"] & (table["outcome"] == case.lead.id)]
    return dict(rows.to_dict("records")[0])


@said
def model_lead(case: StaggeredCase, found: Findings, *, text: Text) -> Prose:
    """What the leading estimator takes the outcome to be without treatment, as a formula."""
    told = {"model": case.lead.model, "unit": unit_of(case.lead, text), "estimator": found.choice.estimator}
    return Prose(f"{text('effects.heading')}\n\n{text('effects.model', **told)}")


@said
def outcomes_figure(case: StaggeredCase, found: Findings, *, text: Text) -> Figure | None:
    """The leading estimate of every outcome that is said in the leading outcome's unit, with its interval.

    None where it would be one estimate.
    """
    unit = unit_of(case.lead, text)
    adjusted = found.together.set_index("outcome")["p_adjusted"]
    rows, said_of, drawn = [], [], []
    for row in found.estimates[found.estimates["leading"]].to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        effect = Effect.of(outcome, row)
        if unit_of(outcome, text) != unit or not np.isfinite(effect.value):
            continue
        drawn.append(outcome)
        told = {"p": row["p_value"], "adjusted": adjusted.get(outcome.id, NAN)}
        label = label_of(outcome, text)
        rows.append(
            {
                "label": label,
                "estimate": effect.value,
                "ci_low": effect.low,
                "ci_high": effect.high,
                "text": effect.cell(text),
                "note": text("effects.note", **told),
                "improves": WORSE[outcome.better] * effect.value < 0,
                "beyond": effect.low > 0 or effect.high < 0,
            }
        )
        amounts = {"value": effect.amount(text), "bounds": effect.bounds(text)}
        said_of.append(text("effects.outcomes_alt_row", outcome=label, **amounts, **told))
    if not rows or (len(rows) == 1 and not text.given["own"]):
        return None
    frame = pd.DataFrame(rows)
    main = group(case, case.main, text, *drawn)
    known = bool(np.isfinite(frame["ci_low"]).any())
    return figures.forest(
        frame.drop(columns=["improves", "beyond"]),
        x_label=text("effects.axis", group=main, unit=unit),
        title=text(
            "effects.outcomes",
            known=known,
            beyond=int((frame["beyond"] & frame["improves"]).sum()),
            worse=int((frame["beyond"] & ~frame["improves"]).sum()),
            count=len(frame),
            group=main,
            why="" if known else no_interval(leading_row(case, found), text),
        ),
        source=source_line(case, text),
        alt=text("effects.outcomes_alt", group=main, rows=text.listed(said_of, short=False)),
        language=text.language,
        name="outcomes",
        simulated=case.simulated,
    )


@said
def family_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table:
    """Every outcome against the comparisons of the rule, alone and adjusted, with the rule's word."""
    level, rule = case.study.rule.level, case.study.rule
    together = found.together.set_index("outcome")
    ruled = [case.study.outcome(name) for name in rule.outcomes]
    several = len(ruled) > 1
    rows = []
    for outcome in ruled:
        line = {text("effects.outcome"): named(case, outcome, text)}
        for comparison in rule.comparisons:
            table = found.against
            row = table[
                (table["outcome"] == outcome.id)
                & (table["comparison"] == comparison)
                & (table["dates"] == "")
            ].iloc[0]
            heading = group(case, case.study.comparison(comparison), text, *ruled)
            line[text("effects.effect", group=heading)] = Effect.of(outcome, row).cell(text)
        alone, adjusted = (float(together[name][outcome.id]) for name in ("p_value", "p_adjusted"))
        line[text("effects.alone" if several else "effects.p")] = p_value(alone, text.language)
        if several:
            line[text("effects.together")] = p_value(adjusted, text.language)
        line[text("effects.verdict")] = _word(found, outcome, text)
        rows.append(line)
    told = [found.verdicts[outcome.id].attributable for outcome in ruled]
    told_rule = text(
        "effects.rule", level=f"{100 * level:g}%", several=several, against=len(rule.comparisons)
    )
    notes = [rule.text[text.language] if rule.text else told_rule]
    return Table(
        pd.DataFrame(rows),
        data=found.together,
        caption=text(
            "effects.family",
            count=len(together),
            outcome=label_of(ruled[0], text),
            verdict=told[0],
            word=_word(found, ruled[0], text),
            alone=int((together["p_value"] <= level).sum()),
            together=int((together["p_adjusted"] <= level).sum()),
            beyond=told.count("beyond_comparison"),
            worse=told.count("opposite"),
        ),
        name="family",
        notes=[*notes, *([text("effects.family_note")] if several else [])],
        simulated=case.simulated,
        language=text.language,
    )


def _word(found: Findings, outcome: Outcome, text: Text) -> str:
    """The rule's word on an outcome."""
    verdict = found.verdicts[outcome.id].attributable
    if verdict in ("beyond_comparison", "opposite"):
        if not outcome.better:
            return text("effects.differs")
        return text("effects.better" if verdict == "beyond_comparison" else "effects.worse")
    return text(f"effects.{verdict}")


@said
def methods_lead(case: StaggeredCase, *, text: Text) -> Prose:
    """What the table of methods is, under its heading."""
    return Prose(f"{text('effects.methods_heading')}\n\n{text('effects.methods')}")


@said
def estimates_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table:
    """Outcomes by estimators; estimators that give the same numbers share a column."""
    table = found.estimates
    twins = _twins(table)
    there = table.groupby("estimator", sort=False)["estimate"].count()
    shown = [str(name) for name in there.index if name not in twins and there[name]]
    rows, agree = [], 0
    for outcome in case.study.outcomes:
        mine = table[table["outcome"] == outcome.id].set_index("estimator")
        line = {text("effects.outcome"): named(case, outcome, text)}
        for name in shown:
            line[text(f"methods.{name}")] = _cell(mine, name, outcome, text)
        agree += len(set(np.sign(mine["estimate"].dropna()))) == 1
        rows.append(line)
    notes = [
        text(
            "effects.estimates_note",
            group=group(case, case.main, text, *case.study.outcomes),
            several=len(shown) > 1,
            percents=text.given["own"] or any(outcome.in_percent for outcome in case.study.outcomes),
            counts=text.given["own"]
            or (
                case.study.data.exposure is not None
                and any(outcome.model == "count" for outcome in case.study.outcomes)
            ),
            empty=text.given["own"] or any(cell == NOT_A_NUMBER for line in rows for cell in line.values()),
            bare=not text.given["own"] and _bare(table, shown),
        )
    ]
    notes += [
        text("effects.same", one=text(f"methods.{one}"), other=text(f"methods.{other}"))
        for one, other in twins.items()
    ]
    notes += [
        text(
            "effects.rare",
            outcome=label_of(outcome, text),
            count=count,
            method=text("methods.extended_poisson"),
        )
        for outcome in case.study.outcomes
        if "extended_poisson" in set(table.loc[table["outcome"] == outcome.id, "estimator"])
        and (count := without_events(case, outcome))
    ]
    if "group_time" in shown and "imputation" in there.index:
        counts = text.given["own"] or any(outcome.model == "count" for outcome in case.study.outcomes)
        notes.append(text("effects.base", counts=counts))
    lead = list(_of_lead(case, found).values())
    ends = {"low": min(lead, key=_value), "high": max(lead, key=_value)}
    return Table(
        pd.DataFrame(rows),
        data=table.drop(columns=["comparison"]),
        caption=text(
            "effects.estimates",
            outcome=label_of(case.lead, text),
            agree=agree,
            count=len(case.study.outcomes),
            **{name: lead[0].with_value(effect.value).amount(text) for name, effect in ends.items()},
        ),
        name="estimates",
        notes=notes,
        simulated=case.simulated,
        language=text.language,
    )


def _value(effect: Effect) -> float:
    return effect.value


def _bare(table: pd.DataFrame, shown: list[str]) -> bool:
    """Whether an estimate of the table stands without an interval."""
    told = table[table["estimator"].isin(shown) & table["estimate"].notna()]
    return bool(told["ci_low"].isna().any())


def _of_lead(case: StaggeredCase, found: Findings) -> dict[str, Effect]:
    """Estimates of the leading outcome by method, in the unit in which they are said."""
    table = found.estimates
    rows = table[(table["outcome"] == case.lead.id) & table["estimate"].notna()]
    return {row["estimator"]: Effect.of(case.lead, row) for row in rows.to_dict("records")}


@said
def methods_sentence(case: StaggeredCase, found: Findings, *, text: Text) -> Prose | None:
    """The simple regression of the leading outcome beside the methods made for several dates."""
    every = _of_lead(case, found)
    others = [effect for name, effect in every.items() if name not in ("two_way", "poisson")]
    first = case.first(case.lead)[case.treated(case.lead)]
    if "two_way" not in every or not others or (first.nunique() == 1 and not text.given["own"]):
        return None
    simple = every["two_way"]
    low, high = min(others, key=_value), max(others, key=_value)
    inside = not (low.value < simple.low or high.value > simple.high)
    told = [effect for effect in every.values() if effect.known]
    clear = sum(effect.low > 0 or effect.high < 0 for effect in told)
    verdict = "within" if inside else "outside"
    if inside and 0 < clear < len(told):
        verdict = "within_split"
    why = ""
    if not simple.known:
        table = found.estimates
        row = table[(table["outcome"] == case.lead.id) & (table["estimator"] == "two_way")].iloc[0]
        why = no_interval(row, text)
    return Prose(
        text(
            "effects.simple",
            outcome=case.lead.phrase[text.language],
            simple=simple.amount(text),
            interval=simple.bounds(text),
            low=simple.with_value(low.value).amount(text),
            high=simple.with_value(high.value).amount(text),
            verdict=verdict,
            clear=clear,
            count=len(told),
            why=why,
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


def _cell(mine: pd.DataFrame, name: str, outcome: Outcome, text: Text) -> str:
    if name not in mine.index or not np.isfinite(float(mine["estimate"][name])):
        return number(None, text.language)
    effect = Effect.of(outcome, mine.loc[name])
    if effect.known:
        return effect.cell(text)
    if round(effect.value, effect.digits) or not effect.value:
        return effect.plain(text)
    # what would be written as 0.0 shows its first figure
    return number(effect.value, text.language, significant_decimals(effect.value, 1), sign=True)


@said
def inference_sentence(case: StaggeredCase, found: Findings, *, text: Text) -> Prose:
    """Which inference holds here and why, in one paragraph."""
    choice = found.choice
    # the extended Poisson estimate has no other error than the jackknife's
    compared = found.estimates[found.estimates["estimator"] != "extended_poisson"]
    compared = compared[compared["own_error"].notna() & compared["std_error"].notna()]
    ratio = float((compared["own_error"] / compared["std_error"]).mean()) if len(compared) else NAN
    lines = [
        text(
            "effects.inference",
            kind=choice.kind,
            treated=choice.treated,
            untreated=choice.untreated,
            clusters=choice.clusters,
            few=choice.few,
            df=float(leading_row(case, found)["df"]),
            ratio=ratio,
            cluster=bool(case.study.treatment.cluster),
            enough=choice.advice is not None and choice.advice.advice("clustered_t").holds,
            did=choice.estimator == "synthetic_did",
            stated="inference" in choice.overridden,
            doubted=choice.why["holds"] is False,
            smallest=1 / max(int(leading_row(case, found)["n_assignments"]), 1),
        ),
        *_otherwise(case, found, text),
    ]
    if found.advice is not None and choice.kind == "randomization":
        names = [method.name[text.language] for method in found.advice.methods]
        if names:
            lines.append(text("effects.advice", methods=text.listed(names)))
        permuting = found.advice.advice("randomization_test")
        if not permuting.holds:
            lines.append(text("effects.doubted", reason=in_words(permuting.reason[text.language], text)))
    said_of = text.sentences(lines)
    if choice.kind == "placebo":
        return Prose(f"{_synthetic(case, found, text)}\n\n{said_of}")
    estimator = case.study.estimator
    if estimator is None:
        return Prose(said_of)
    rates = rate_of_count(case.lead, estimator)
    return Prose(f"{text('effects.leads', name=text(f'methods.{estimator}'), rates=rates)}\n\n{said_of}")


def _synthetic(case: StaggeredCase, found: Findings, text: Text) -> str:
    """Why a synthetic method leads, with its fit before the start."""
    choice, why = found.choice, found.choice.why
    key = "misfit_synthetic_did" if choice.estimator == "synthetic_did" else "misfit"
    fit = {
        name: in_unit(number(why.get(of, NAN), text.language), unit_of(case.lead, text), text)
        for name, of in (("misfit", key), ("regression", "misfit_regression"))
    }
    spell = text("words.spell", count=why["before"])
    return text("effects.synthetic", name=text(f"methods.{choice.estimator}"), spell=spell, **fit)


def _otherwise(case: StaggeredCase, found: Findings, text: Text) -> list[str]:
    """Outcomes whose units are so many, or so few, that another inference holds for them."""
    kinds: dict[str, list[str]] = {}
    for outcome in case.study.outcomes:
        kind = choose(case, outcome).kind
        if kind != found.choice.kind:
            kinds.setdefault(kind, []).append(outcome.phrase[text.language])
    return [
        text("effects.otherwise", outcomes=text.listed(names), kind=kind) for kind, names in kinds.items()
    ]
