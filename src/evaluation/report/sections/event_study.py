"""The effect by time since the start, and whether the groups had moved apart before it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import Findings, Path, StaggeredCase, disclosure_mask
from evaluation.periods import PER_YEAR
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import number, p_value
from evaluation.report.sections.base import (
    NAN,
    Effect,
    group,
    label_of,
    not_drawn,
    said,
    source_line,
    unit_of,
    withheld_here,
)
from evaluation.report.text import Text


@said
def path_lead(case: StaggeredCase, found: Findings, *, text: Text) -> Prose | None:
    """What the event study asks, under its heading; None without one."""
    drawn = found.drawn(case.study.rule.level)
    if not drawn:
        return None
    told = {
        "drawn": len(drawn),
        "others": len(found.paths) > len(drawn),
        "tested": any(np.isfinite(path.drift) for path in found.paths.values()),
        "single": len(case.treated(case.lead)) == 1,
        "synthetic": all(path.base == "synthetic" for path in drawn),
    }
    return Prose(f"{text('path.heading')}\n\n{text('path.lead', **told)}")


@said
def path_figure(case: StaggeredCase, path: Path, *, text: Text) -> Figure | Prose:
    """The event study of one outcome with the inference that holds; words if withheld."""
    outcome, mask = path.outcome, disclosure_mask(case, path.outcome)
    frame = path.frame[[mask.allows(("event", int(e))) for e in path.frame["event_time"]]]
    if mask.hidden and ((frame["event_time"] >= 0).sum() < 2 or (frame["event_time"] < 0).sum() < 2):
        return not_drawn("path", outcome, text)
    after = frame[frame["event_time"] >= 0]
    width = float((after["ci_high"] - after["ci_low"]).mean())
    outside = int(((after["ci_low"] > 0) | (after["ci_high"] < 0)).sum())
    kind = "intervals" if np.isfinite(width) else "plain"
    if path.n_placebos:
        kind = "band" if path.level >= 0.95 else "widest"
        beyond = (after["estimate"] > after["placebo_high"]) | (after["estimate"] < after["placebo_low"])
        width, outside = float((after["placebo_high"] - after["placebo_low"]).mean()), int(beyond.sum())
    drifting = ("down" if path.drift < 0 else "up") if path.drifting else ""
    spell = text("words.spell", count=int((path.frame["event_time"] < 0).sum()))
    later = text("words.spell", count=len(after))
    told = {
        "kind": kind,
        "outcome": label_of(outcome, text),
        "after": Effect(outcome, float(after["estimate"].mean()), -width / 2, width / 2).amount(text),
        "before": text("path.before", drifting=drifting, tested=bool(np.isfinite(path.drift_p))),
        "base": text("path.base", base=path.base, spell=spell),
        "later_spell": later,
        "synthetic": path.base == "synthetic",
        "placebos": path.n_placebos,
        "smallest": 1 / (1 + path.n_placebos) if path.n_placebos else NAN,
    }
    source = text("path.source", source=source_line(case, text), base=told["base"], later_spell=later)
    return figures.event_study(
        frame,
        policy=text.given["event"],
        x_label=text("path.x_axis"),
        y_label=text("path.y_axis", unit=unit_of(outcome, text), base=path.base),
        title=text("path.title", **told),
        source=withheld_here(source, len(path.frame) - len(frame), text),
        bands=None if not path.n_placebos else text("path.bands", **told),
        alt=text(
            "path.alt",
            group=group(case, case.main, text, outcome),
            outside=outside,
            later=len(after),
            **told,
        ),
        language=text.language,
        name=f"event-study-{outcome.id}",
        simulated=case.simulated,
    )


@said
def drift_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table | None:
    """Whether the groups were moving apart before the start, and what that would have added up to."""
    frequency = case.study.data.frequency
    # a drift is said by the year where a year holds several periods but is not far beyond the record
    yearly = case.calendar and frequency in ("Y", "Q", "M")
    year = PER_YEAR[frequency] if yearly else 1
    leading = found.estimates[found.estimates["leading"]].set_index("outcome")
    rows, count, tested, randomised = [], 0, 0, 0
    for path in found.paths.values():
        if not np.isfinite(path.drift):
            continue
        outcome = path.outcome
        slope = np.array([path.drift, path.drift_low, path.drift_high]) * year
        carried = path.carried
        if outcome.in_percent:
            slope, carried = 100 * np.expm1(slope), 100 * float(np.expm1(carried))
        effect = Effect.of(outcome, leading.loc[outcome.id])
        count += path.drifting
        tested += bool(np.isfinite(path.drift_p))
        randomised += path.test is not None
        shown = number(slope[0], text.language, effect.digits + 1, sign=True)
        if np.isfinite(slope[1]):
            shown = Effect(outcome, *(float(end) for end in slope)).cell(text)
        rows.append(
            {
                "outcome": label_of(outcome, text),
                "slope": shown,
                "p": p_value(path.drift_p, text.language),
                "carried": effect.with_value(carried).amount(text),
                "effect": effect.amount(text),
            }
        )
    if not rows:
        return None
    percents = all(path.outcome.in_percent for path in found.paths.values())
    names = {key: text(f"path.{key}") for key in ("outcome", "p", "carried", "effect")}
    span = text("period.Y") if yearly else text.given["period"]
    names["slope"] = text("path.slope", percents=percents, span=span)
    periods = max(int((path.frame["event_time"] < 0).sum()) for path in found.paths.values())
    spell = text("words.spell", count=periods)
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
        caption=text("path.drift", count=count, tested=tested),
        name="drift",
        notes=[
            text("path.drift_note", spell=spell),
            *([text("path.randomised")] if randomised else []),
            text("path.leads"),
            *circular(case, text),
        ],
        simulated=case.simulated,
        language=text.language,
    )


def circular(case: StaggeredCase, text: Text) -> list[str]:
    """What the checks are worth where treatment is dated from the outcome."""
    return [text("robustness.circular")] if case.study.treatment.from_outcome else []
