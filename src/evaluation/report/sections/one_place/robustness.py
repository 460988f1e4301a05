"""How fragile: synthetic comparisons, the curve of all choices, the checks, and the rule examined."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from evaluation.analysis import Curve, RuleAudit, RulePower, Twin
from evaluation.analysis.choices import FITS
from evaluation.analysis.staggered import StaggeredCase
from evaluation.diagnostics import Diagnostic
from evaluation.report import figures
from evaluation.report import language as words
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.figures_key import word
from evaluation.report.language import month, number, p_value, percent
from evaluation.report.sections.base import source_line
from evaluation.report.sections.curve import drawn
from evaluation.report.sections.one_place.wording import amount, place, said
from evaluation.report.text import Text


@said
def synthetic_table(case: StaggeredCase, frame: pd.DataFrame, *, text: Text) -> Table:
    """Synthetic control and synthetic difference-in-differences for every outcome and pool.

    Parameters
    ----------
    case : StaggeredCase
    frame : pandas.DataFrame
        From `evaluation.analysis.synthetic_estimates`.
    """
    near = case.study.comparisons[0].id
    lines: dict[str, dict[str, str]] = {}
    for row in frame.to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        unit, digits = outcome.unit[text.language], outcome.digits + 1
        named = text("synthetic.named", outcome=outcome.label[text.language], unit=unit)
        line = lines.setdefault(outcome.id, {text("synthetic.outcome"): named})
        column = f"synthetic.{row['method']}_{'near' if row['pool'] == near else 'far'}"
        if row["method"] == "control" and row["misfit_ratio"] > FITS:
            misfit = number(row["misfit"], text.language, digits)
            ratio = number(row["misfit_ratio"], text.language, 1)
            cell = text("synthetic.misfit", misfit=misfit, ratio=ratio)
        else:
            estimate = number(row["estimate"], text.language, digits, sign=True)
            cell = text("synthetic.cell", estimate=estimate, p=p_value(row["p_value"], text.language))
        line[text(column)] = cell
    told = {"start": month(frame["date"].iloc[0], text.language), "place": place(case, text)}
    return Table(
        pd.DataFrame(list(lines.values())),
        data=frame,
        caption=text("synthetic.caption", **told),
        name="synthetic",
        notes=text("synthetic.note", **told),
        simulated=case.simulated,
        language=text.language,
    )


@said
def twin_figure(case: StaggeredCase, twin: Twin, *, text: Text) -> Figure:
    """The treated place beside its synthetic twin, month by month."""
    outcome, start, mine = twin.outcome, month(twin.date, text.language), place(case, text)
    path, digits = twin.path.set_index("time"), outcome.digits + 1
    after = path[path.index >= case.period(twin.date)]
    weights = [(case.name(str(unit), text.language), float(share)) for unit, share in twin.weights.items()]
    shares = [text("synthetic.weight", unit=u, share=percent(w, text.language)) for u, w in weights]
    return figures.pair(
        path,
        treated="treated",
        other="synthetic",
        labels={"treated": mine, "synthetic": text("synthetic.twin_name", place=mine)},
        policy=(case.period(twin.date), start),
        weights=weights,
        y_label=text(
            "synthetic.twin_axis", outcome=outcome.label[text.language], unit=outcome.unit[text.language]
        ),
        title=text("synthetic.twin_title", place=mine, count=len(weights), start=start),
        source=source_line(case, text),
        alt=text(
            "synthetic.twin_alt",
            outcome=outcome.phrase[text.language],
            place=mine,
            weights=text("claims.separator").join(shares),
            start=start,
            misfit=amount(twin.rmspe_before, outcome, text, digits=digits),
            gap=amount(
                float((after["treated"] - after["synthetic"]).mean()),
                outcome,
                text,
                sign=True,
                digits=digits,
            ),
        ),
        language=text.language,
        name=f"twin-{outcome.id}-{twin.pool}",
        simulated=case.simulated,
    )


@said
def curve_figure(case: StaggeredCase, curve: Curve, *, text: Text) -> Figure:
    """Every declared choice in one figure, ordered by its estimate in units of chance."""
    return drawn(case, curve, text)


@said
def curve_sentence(case: StaggeredCase, curve: Curve, *, text: Text) -> Prose:
    """The joint test of all choices in words."""
    within = curve.check.p_value > case.study.rule.level
    return Prose(
        text(
            "curve.joint",
            count=len(curve.check.table[curve.check.table["reason"] == ""]),
            share=percent(curve.check.p_value, text.language),
            p=p_value(curve.check.p_value, text.language),
            verdict=text("curve.within" if within else "curve.beyond"),
            cities=curve.check.details["assignments"],
            unfit=curve.unfit,
        )
    )


@said
def pools_sentence(case: StaggeredCase, frame: pd.DataFrame, *, text: Text) -> Prose:
    """What the rule says when its comparison is exchanged.

    Parameters
    ----------
    case : StaggeredCase
    frame : pandas.DataFrame
        From `evaluation.analysis.rule_by_pool`.
    """
    largest = frame.groupby("pool", sort=False)["p_value"].max()
    verdicts = frame.groupby("pool", sort=False)["verdict"].first()
    own = str(largest.index[0]) if len(largest) else ""
    return Prose(
        " ".join(
            text(
                "curve.pools",
                group=case.label(str(pool), text.language),
                p=p_value(largest[pool], text.language),
                own=p_value(largest[own], text.language),
                verdict=words.text(f"verdict_{verdicts[pool]}", text.language),
            )
            for pool in largest.index[1:]
        )
    )


@said
def checks_table(case: StaggeredCase, checks: Mapping[str, Diagnostic], *, text: Text) -> Table:
    """Each check as a question with its answer."""
    outcome = case.study.outcome(case.study.headline.outcome)
    note = text(
        "checks.note",
        outcome=outcome.phrase[text.language],
        start=month(case.dates[0].date, text.language),
        group=case.label(case.study.rule.pool, text.language),
        unit=outcome.unit[text.language],
    )
    questions = {key: _question(key, check, text) for key, check in checks.items()}
    rows = [
        {
            text("checks.question"): questions[key],
            text("checks.answer"): check.text[text.language],
            text("checks.verdict"): text(f"checks.{check.verdict}"),
        }
        for key, check in checks.items()
    ]
    verdicts = [check.verdict for check in checks.values()]
    against, silent = verdicts.count("evidence_against"), verdicts.count("not_informative")
    return Table(
        pd.DataFrame(rows),
        caption=text("checks.caption", count=len(rows), against=against, silent=silent),
        name="checks",
        notes=note,
        simulated=case.simulated,
        language=text.language,
    )


@said
def inference_table(case: StaggeredCase, frame: pd.DataFrame, *, text: Text) -> Table:
    """Which inference holds here and why, with what each method would say.

    Parameters
    ----------
    case : StaggeredCase
    frame : pandas.DataFrame
        From `evaluation.analysis.inference_methods`; the pool is the one it was computed with.
    """
    pool = str(frame["pool"].iloc[0])
    columns: dict[str, list[str]] = {
        "method": frame[f"name_{text.language}"].tolist(),
        "holds": [text("inference.yes" if holds else "inference.no") for holds in frame["holds"]],
        "p": [p_value(p, text.language) for p in frame["p_value"]],
        "why": frame[f"reason_{text.language}"].tolist(),
    }
    return Table(
        pd.DataFrame({text(f"inference.{key}"): values for key, values in columns.items()}),
        caption=text("inference.caption", units=len(case.donors(pool)) + 1),
        name="inference",
        notes=text(
            "inference.note",
            outcome=case.study.outcome(case.study.headline.outcome).phrase[text.language],
            start=month(case.dates[0].date, text.language),
            group=case.label(pool, text.language),
        ),
        simulated=case.simulated,
        language=text.language,
    )


@said
def sensitivity_figure(case: StaggeredCase, check: Diagnostic, *, text: Text) -> Figure | Prose:
    """Intervals of the mean effect when parallel trends may be broken, by how much; or why there is none."""
    outcome = case.study.outcome(case.study.headline.outcome)
    table = check.table
    if table.empty or not table["estimate"].notna().any():
        return Prose(text("sensitivity.no_figure", reason=check.text[text.language]))
    unit = text("sensitivity.unit", unit=outcome.unit[text.language])
    return figures.intervals(
        table,
        target=check.details.get("target"),
        breakdown=check.statistic,
        x_label=word(check.name, text.language, unit=unit),
        y_label=word("labelled", text.language, label=text("sensitivity.axis"), unit=unit),
        title=_sensitivity_title(check, text),
        source=source_line(case, text),
        alt=word(
            "intervals_alt",
            text.language,
            question=check.question[text.language],
            text=check.text[text.language],
        ),
        language=text.language,
        name="sensitivity",
        simulated=case.simulated,
    )


def _sensitivity_title(check: Diagnostic, text: Text) -> str:
    limit = check.statistic
    if limit == 0 or limit != limit:
        return text("sensitivity.title_none")
    if limit == float("inf"):
        return text("sensitivity.title_robust")
    return text("sensitivity.title_limit", limit=number(limit, text.language, 1))


def _question(key: str, check: Diagnostic, text: Text) -> str:
    """The check's question, with the restriction where one check is made under two."""
    question = check.question[text.language]
    if key not in ("relative_magnitudes", "smoothness"):
        return question
    return text("checks.restricted", question=question, restriction=text(f"checks.{key}"))


@said
def audit_table(case: StaggeredCase, audit: RuleAudit, *, text: Text) -> Table:
    """The rule applied to places where nothing was claimed."""
    outcome = case.study.outcome(case.study.headline.outcome)
    level = f"{case.study.rule.level:g}"
    frame = audit.table.iloc[1:].sort_values("largest_p", kind="stable")
    columns = {
        text("audit.city"): [case.name(unit, text.language) for unit in frame["unit"]],
        text("audit.estimate", unit=outcome.unit[text.language]): frame["estimate"].to_numpy(),
        text("audit.p"): frame["largest_p"].to_numpy(),
        text("audit.verdict"): [
            words.text(f"verdict_{verdict}", text.language) for verdict in frame["verdict"]
        ],
    }
    _, estimate, p, _ = columns
    return Table(
        pd.DataFrame(columns),
        caption=text("audit.caption", others=audit.others, called=audit.called),
        name="audit",
        formats={
            estimate: partial(number, language=text.language, digits=outcome.digits, sign=True),
            p: partial(p_value, language=text.language),
        },
        notes=text("audit.note", level=level),
        simulated=case.simulated,
        language=text.language,
    )


@said
def power_figure(case: StaggeredCase, power: RulePower, *, text: Text) -> Figure:
    """The chance that the rule finds an effect, by its size."""
    outcome = case.study.outcome(case.study.headline.outcome)
    smallest = power.smallest()
    found = smallest == smallest
    shown = amount(smallest, outcome, text)
    return figures.power_curve(
        power.table,
        smallest=smallest if found else None,
        unit=outcome.unit[text.language],
        x_label=text("power.x_axis", unit=outcome.unit[text.language]),
        level=case.study.rule.level,
        title=text("power.title", smallest=shown) if found else text("power.title_none"),
        source=source_line(case, text),
        alt=text(
            "power.alt",
            places=power.places,
            place=place(case, text),
            none=percent(float(power.table["power"].iloc[0]), text.language),
            smallest=shown,
        ),
        language=text.language,
        name="power",
        simulated=case.simulated,
    )


@said
def power_sentence(case: StaggeredCase, power: RulePower, *, text: Text) -> Prose:
    """The smallest effect that the rule can be relied on to find, in words."""
    outcome, smallest = case.study.outcome(case.study.headline.outcome), power.smallest()
    return Prose(
        text(
            "power.sentence" if smallest == smallest else "power.sentence_none",
            smallest=amount(smallest, outcome, text),
            size=percent(power.size, text.language, 1),
            alike=percent(float(power.table["power"].iloc[0]), text.language, 1),
            places=power.places,
            place=place(case, text),
        )
    )
