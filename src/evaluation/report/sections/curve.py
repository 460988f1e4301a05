"""Every choice that a study of one treated unit declares, all at once."""

from __future__ import annotations

from evaluation.analysis import Curve
from evaluation.analysis.choices import WHOLE
from evaluation.analysis.staggered import StaggeredCase
from evaluation.report import figures
from evaluation.report.display import Figure, Prose
from evaluation.report.language import p_value
from evaluation.report.sections.base import period_of, said, source_line
from evaluation.report.text import Text


@said
def curve_figure(case: StaggeredCase, curve: Curve | None, *, text: Text) -> Figure | None:
    """Every declared choice in one figure, ordered by its estimate in units of chance; None without any."""
    return None if curve is None else drawn(case, curve, text)


def drawn(case: StaggeredCase, curve: Curve, text: Text) -> Figure:
    """The figure of a curve, in the words of the page that shows it."""
    study, language = case.study, text.language
    table = curve.check.table[curve.check.table["reason"] == ""]
    pools = (study.rule.pool, *(pool.id for pool in study.choices.pools))
    options = {
        "outcome": {o.id: (o.short or o.label)[language] for o in study.outcomes},
        "scale": {scale: text(f"curve.{scale}") for scale in ("level", "log")},
        "date": {date.date: period_of(case, date.date, text) for date in case.dates},
        "pool": {pool: case.label(pool, language) for pool in pools},
        "window": {WHOLE: text("curve.whole"), **{w.id: w.label[language] for w in study.choices.windows}},
        "method": {m: text(f"curve.{m}") for m in ("month_effects", "year_on_year", "control", "did")},
    }
    main = {
        "outcome": study.headline.outcome,
        "scale": study.rule.scales[0],
        "date": case.dates[0].date,
        "pool": study.rule.pool,
        "window": WHOLE,
        "method": "month_effects",
    }
    return figures.specification_curve(
        table,
        choices={
            key: (text(f"curve.{key}"), options[key])
            for key in curve.check.details["choices"]
            if len(options[key]) > 1
        },
        main=main,
        level=study.rule.level,
        y_label=text("curve.axis"),
        title=text(
            "curve.title",
            same=int((table["estimate"] > 0).sum()),
            count=len(table),
            beyond=int((table["p_value"] <= study.rule.level).sum()),
        ),
        source=source_line(case, text),
        alt=curve.check.text[language],
        language=language,
        name="specification-curve",
        simulated=case.simulated,
    )


@said
def curve_sentence(case: StaggeredCase, curve: Curve | None, *, text: Text) -> Prose | None:
    """The joint test of all declared choices in words; None without any."""
    if curve is None:
        return None
    return Prose(
        text(
            "curve.joint",
            count=len(curve.check.table[curve.check.table["reason"] == ""]),
            p=p_value(curve.check.p_value, text.language),
            beyond=curve.check.p_value <= case.study.rule.level,
            units=curve.check.details["assignments"],
            unfit=curve.unfit,
        )
    )
