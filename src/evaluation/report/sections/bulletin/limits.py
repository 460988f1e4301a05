"""What could be wrong, what would settle it, and the record of choices."""

from __future__ import annotations

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report.display import Prose, Record
from evaluation.report.language import date as written_date
from evaluation.report.language import month as written_month
from evaluation.report.sections.bulletin.wording import joined, level, names, said
from evaluation.report.sections.limits import threat_items
from evaluation.report.text import Text


@said
def threats(case: BulletinCase, *, text: Text) -> Prose:
    """Reasons why a rank could mislead, each with its direction."""
    lines = threat_items(case.study.threats, text)
    lead = text("threats.lead" if lines else "threats.none", count=len(lines))
    return Prose("\n\n".join([lead, *lines]))


@said
def settle(case: BulletinCase, *, text: Text) -> Prose:
    """Data that would tell more places apart."""
    lines = [text("settle.item", text=item[text.language]) for item in case.study.settle]
    return Prose("\n".join(lines or [text("settle.none")]))


@said
def record(case: BulletinCase, ranking: MonthRanking, *, text: Text) -> Record:
    """Choices that were fixed beforehand, and the tables that were read."""
    study, wanted, chance = case.study, case.study.bulletin, case.study.chance
    items: dict[str, object] = {}
    if case.overrides:
        items["overrides"] = joined(
            (text("choices.override", key=key, value=value) for key, value in case.overrides.items()),
            text,
        )
    items |= {
        "month": written_month(case.month, text.language),
        "months": text(
            "choices.span",
            start=written_month(case.months[0], text.language),
            end=written_month(case.months[-1], text.language),
        ),
        "lead": text(
            "choices.lead_value",
            measure=ranking.measure.label[text.language],
            scale=text(f"measures.{ranking.scale}"),
            why=wanted.why[text.language],
            date=written_date(wanted.fixed_on, text.language),
        ),
        "level": text("choices.level_value", level=level(case), draws=wanted.draws),
        "chance": text(
            "choices.chance_value",
            parts=study.data.parts,
            part=study.data.parts_name[text.language],
            window=chance.window,
            season=chance.season,
        ),
        "places": ranking.n,
        "left": names(case, ranking.left_out, text) or text("choices.none"),
        "seed": study.seed,
    }
    pairs = [(text(f"choices.{key}"), value) for key, value in items.items()]
    for table in case.sources:
        origin = text("choices.from", source=table.source[text.language], sha256=table.sha256)
        pairs.append((text("choices.table", name=table.name), origin))
    return Record(pairs)
