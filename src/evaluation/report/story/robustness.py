"""How fragile: synthetic comparisons, the curve of all choices, the checks, and the rule examined."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from evaluation.analysis import Case, Curve, RuleAudit, RulePower, Twin
from evaluation.analysis.choices import FITS, WHOLE
from evaluation.diagnostics import Diagnostic
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.figures_key import word
from evaluation.report.language import month, number, p_value, percent, text
from evaluation.report.languages import in_languages
from evaluation.report.story.checks import table_of_checks
from evaluation.report.story.wording import amount, place, say, source_line


@in_languages
def synthetic_table(case: Case, frame: pd.DataFrame, language: str) -> Table:
    """Synthetic control and synthetic difference-in-differences for every outcome and pool.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.synthetic_estimates`.
    language : {"en", "zh"}
    """
    near = case.study.pools[0].id
    lines: dict[str, dict[str, str]] = {}
    for row in frame.to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        unit, digits = outcome.unit[language], outcome.digits + 1
        named = say("synthetic.named", language, outcome=outcome.label[language], unit=unit)
        line = lines.setdefault(outcome.id, {say("synthetic.outcome", language): named})
        column = f"synthetic.{row['method']}_{'near' if row['pool'] == near else 'far'}"
        if row["method"] == "control" and row["misfit_ratio"] > FITS:
            misfit = number(row["misfit"], language, digits)
            ratio = number(row["misfit_ratio"], language, 1)
            cell = say("synthetic.misfit", language, misfit=misfit, ratio=ratio)
        else:
            estimate = number(row["estimate"], language, digits, sign=True)
            cell = say("synthetic.cell", language, estimate=estimate, p=p_value(row["p_value"], language))
        line[say(column, language)] = cell
    told = {"start": month(frame["date"].iloc[0], language), "place": place(case, language)}
    return Table(
        pd.DataFrame(list(lines.values())),
        data=frame,
        caption=say("synthetic.caption", language, **told),
        name="synthetic",
        notes=say("synthetic.note", language, **told),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def twin_figure(case: Case, twin: Twin, language: str) -> Figure:
    """The treated place beside its synthetic twin, month by month."""
    outcome, start, mine = twin.outcome, month(twin.date, language), place(case, language)
    path, digits = twin.path.set_index("time"), outcome.digits + 1
    after = path[path.index >= case.period(twin.date)]
    weights = [(case.name(str(unit), language), float(share)) for unit, share in twin.weights.items()]
    shares = [say("synthetic.weight", language, unit=u, share=percent(w, language)) for u, w in weights]
    return figures.pair(
        path,
        treated="treated",
        other="synthetic",
        labels={"treated": mine, "synthetic": say("synthetic.twin_name", language, place=mine)},
        policy=(case.period(twin.date), start),
        weights=weights,
        y_label=say(
            "synthetic.twin_axis", language, outcome=outcome.label[language], unit=outcome.unit[language]
        ),
        title=say("synthetic.twin_title", language, place=mine, count=len(weights), start=start),
        source=source_line(case, language),
        alt=say(
            "synthetic.twin_alt",
            language,
            outcome=outcome.phrase[language],
            place=mine,
            weights=say("claims.separator", language).join(shares),
            start=start,
            misfit=amount(twin.rmspe_before, outcome, language, digits=digits),
            gap=amount(
                float((after["treated"] - after["synthetic"]).mean()),
                outcome,
                language,
                sign=True,
                digits=digits,
            ),
        ),
        language=language,
        name=f"twin-{outcome.id}-{twin.pool}",
        simulated=case.simulated,
    )


@in_languages
def curve_figure(case: Case, curve: Curve, language: str) -> Figure:
    """Every declared choice in one figure, ordered by its estimate in units of chance."""
    table = curve.check.table[curve.check.table["reason"] == ""]
    beyond = int((table["p_value"] <= case.study.rule.level).sum())
    study = case.study
    options = {
        "outcome": {o.id: (o.short or o.label)[language] for o in study.outcomes},
        "scale": {scale: say(f"estimates.{scale}", language) for scale in ("level", "log")},
        "date": {date.date: month(date.date, language) for date in study.treatment.dates},
        "pool": {
            pool: case.label(pool, language)
            for pool in (study.rule.pool, *(pool.id for pool in study.choices.pools))
        },
        "window": {
            WHOLE: say("curve.whole", language),
            **{window.id: window.label[language] for window in study.choices.windows},
        },
        "method": {
            m: say(f"curve.{m}", language) for m in ("month_effects", "year_on_year", "control", "did")
        },
    }
    main = {
        "outcome": study.headline.outcome,
        "scale": "level",
        "date": study.treatment.date,
        "pool": study.rule.pool,
        "window": WHOLE,
        "method": "month_effects",
    }
    return figures.specification_curve(
        table,
        choices={
            key: (say(f"curve.{key}", language), options[key])
            for key in curve.check.details["choices"]
            if len(options[key]) > 1
        },
        main=main,
        level=study.rule.level,
        y_label=say("curve.axis", language),
        title=say(
            "curve.title",
            language,
            same=int((table["estimate"] > 0).sum()),
            count=len(table),
            beyond=beyond,
        ),
        source=source_line(case, language),
        alt=curve.check.text[language],
        language=language,
        name="specification-curve",
        simulated=case.simulated,
    )


@in_languages
def curve_sentence(case: Case, curve: Curve, language: str) -> Prose:
    """The joint test of all choices in words."""
    within = curve.check.p_value > case.study.rule.level
    return Prose(
        say(
            "curve.joint",
            language,
            count=len(curve.check.table[curve.check.table["reason"] == ""]),
            share=percent(curve.check.p_value, language),
            p=p_value(curve.check.p_value, language),
            verdict=say("curve.within" if within else "curve.beyond", language),
            cities=curve.check.details["assignments"],
            unfit=curve.unfit,
        )
    )


@in_languages
def pools_sentence(case: Case, frame: pd.DataFrame, language: str) -> Prose:
    """What the rule says when its comparison is exchanged.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.rule_by_pool`.
    language : {"en", "zh"}
    """
    largest = frame.groupby("pool", sort=False)["p_value"].max()
    verdicts = frame.groupby("pool", sort=False)["verdict"].first()
    own = str(largest.index[0]) if len(largest) else ""
    return Prose(
        " ".join(
            say(
                "curve.pools",
                language,
                group=case.label(str(pool), language),
                p=p_value(largest[pool], language),
                own=p_value(largest[own], language),
                verdict=text(f"verdict_{verdicts[pool]}", language),
            )
            for pool in largest.index[1:]
        )
    )


@in_languages
def checks_table(case: Case, checks: Mapping[str, Diagnostic], language: str) -> Table:
    """Each check as a question with its answer."""
    outcome = case.study.outcome(case.study.headline.outcome)
    note = say(
        "checks.note",
        language,
        outcome=outcome.phrase[language],
        start=month(case.study.treatment.date, language),
        group=case.label(case.study.rule.pool, language),
        unit=outcome.unit[language],
    )
    questions = {key: _question(key, check, language) for key, check in checks.items()}
    return table_of_checks(say, questions, checks, note, language, simulated=case.simulated)


@in_languages
def inference_table(case: Case, frame: pd.DataFrame, language: str) -> Table:
    """Which inference holds here and why, with what each method would say.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.inference_methods`; the pool is the one it was computed with.
    language : {"en", "zh"}
    """
    pool = str(frame["pool"].iloc[0])
    columns: dict[str, list[str]] = {
        "method": frame[f"name_{language}"].tolist(),
        "holds": [say("inference.yes" if holds else "inference.no", language) for holds in frame["holds"]],
        "p": [p_value(p, language) for p in frame["p_value"]],
        "why": frame[f"reason_{language}"].tolist(),
    }
    return Table(
        pd.DataFrame({say(f"inference.{key}", language): values for key, values in columns.items()}),
        caption=say("inference.caption", language, units=len(case.donors(pool)) + 1),
        name="inference",
        notes=say(
            "inference.note",
            language,
            outcome=case.study.outcome(case.study.headline.outcome).phrase[language],
            start=month(case.study.treatment.date, language),
            group=case.label(pool, language),
        ),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def sensitivity_figure(case: Case, check: Diagnostic, language: str) -> Figure | Prose:
    """Intervals of the mean effect when parallel trends may be broken, by how much; or why there is none."""
    outcome = case.study.outcome(case.study.headline.outcome)
    table = check.table
    if table.empty or not table["estimate"].notna().any():
        return Prose(say("sensitivity.no_figure", language, reason=check.text[language]))
    unit = say("sensitivity.unit", language, unit=outcome.unit[language])
    return figures.intervals(
        table,
        target=check.details.get("target"),
        breakdown=check.statistic,
        x_label=word(check.name, language, unit=unit),
        y_label=word("labelled", language, label=say("sensitivity.axis", language), unit=unit),
        title=_sensitivity_title(check, language),
        source=source_line(case, language),
        alt=word("intervals_alt", language, question=check.question[language], text=check.text[language]),
        language=language,
        name="sensitivity",
        simulated=case.simulated,
    )


def _sensitivity_title(check: Diagnostic, language: str) -> str:
    limit = check.statistic
    if limit == 0 or limit != limit:
        return say("sensitivity.title_none", language)
    if limit == float("inf"):
        return say("sensitivity.title_robust", language)
    return say("sensitivity.title_limit", language, limit=number(limit, language, 1))


def _question(key: str, check: Diagnostic, language: str) -> str:
    """The check's question, with the restriction where one check is made under two."""
    question = check.question[language]
    if key not in ("relative_magnitudes", "smoothness"):
        return question
    return say("checks.restricted", language, question=question, restriction=say(f"checks.{key}", language))


@in_languages
def audit_table(case: Case, audit: RuleAudit, language: str) -> Table:
    """The rule applied to places where nothing was claimed."""
    outcome = case.study.outcome(case.study.headline.outcome)
    level = f"{case.study.rule.level:g}"
    frame = audit.table.iloc[1:].sort_values("largest_p", kind="stable")
    columns = {
        say("audit.city", language): [case.name(unit, language) for unit in frame["unit"]],
        say("audit.estimate", language, unit=outcome.unit[language]): frame["estimate"].to_numpy(),
        say("audit.p", language): frame["largest_p"].to_numpy(),
        say("audit.verdict", language): [
            text(f"verdict_{verdict}", language) for verdict in frame["verdict"]
        ],
    }
    _, estimate, p, _ = columns
    return Table(
        pd.DataFrame(columns),
        caption=say("audit.caption", language, others=audit.others, called=audit.called),
        name="audit",
        formats={
            estimate: partial(number, language=language, digits=outcome.digits, sign=True),
            p: partial(p_value, language=language),
        },
        notes=say("audit.note", language, level=level),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def power_figure(case: Case, power: RulePower, language: str) -> Figure:
    """The chance that the rule finds an effect, by its size."""
    outcome = case.study.outcome(case.study.headline.outcome)
    smallest = power.smallest()
    found = smallest == smallest
    shown = amount(smallest, outcome, language)
    return figures.power_curve(
        power.table,
        smallest=smallest if found else None,
        unit=outcome.unit[language],
        x_label=say("power.x_axis", language, unit=outcome.unit[language]),
        level=case.study.rule.level,
        title=say("power.title", language, smallest=shown) if found else say("power.title_none", language),
        source=source_line(case, language),
        alt=say(
            "power.alt",
            language,
            places=power.places,
            place=place(case, language),
            none=percent(float(power.table["power"].iloc[0]), language),
            smallest=shown,
        ),
        language=language,
        name="power",
        simulated=case.simulated,
    )


@in_languages
def power_sentence(case: Case, power: RulePower, language: str) -> Prose:
    """The smallest effect that the rule can be relied on to find, in words."""
    outcome, smallest = case.study.outcome(case.study.headline.outcome), power.smallest()
    return Prose(
        say(
            "power.sentence" if smallest == smallest else "power.sentence_none",
            language,
            smallest=amount(smallest, outcome, language),
            size=percent(power.size, language, 1),
            alike=percent(float(power.table["power"].iloc[0]), language, 1),
            places=power.places,
            place=place(case, language),
        )
    )
