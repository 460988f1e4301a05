"""What could be wrong, what would settle it, and the record of choices."""

from __future__ import annotations

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report.bulletin_story.wording import joined, level, names, tell
from evaluation.report.display import Prose, Record
from evaluation.report.language import date as written_date
from evaluation.report.language import month as written_month
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import threat_items


@in_languages
def threats(case: BulletinCase, language: str) -> Prose:
    """Reasons why a rank could mislead, each with its direction."""
    lines = threat_items(case.study.threats, language)
    lead = tell(case, "threats.lead" if lines else "threats.none", language, count=len(lines))
    return Prose("\n\n".join([lead, *lines]))


@in_languages
def settle(case: BulletinCase, language: str) -> Prose:
    """Data that would tell more places apart."""
    lines = [tell(case, "settle.item", language, text=item[language]) for item in case.study.settle]
    return Prose("\n".join(lines or [tell(case, "settle.none", language)]))


@in_languages
def record(case: BulletinCase, ranking: MonthRanking, language: str) -> Record:
    """Choices that were fixed beforehand, and the tables that were read."""
    study, wanted, chance = case.study, case.study.bulletin, case.study.chance
    items: dict[str, object] = {}
    if case.overrides:
        items["overrides"] = joined(
            (
                tell(case, "choices.override", language, key=key, value=value)
                for key, value in case.overrides.items()
            ),
            language,
        )
    items |= {
        "month": written_month(case.month, language),
        "months": tell(
            case,
            "choices.span",
            language,
            start=written_month(case.months[0], language),
            end=written_month(case.months[-1], language),
        ),
        "lead": tell(
            case,
            "choices.lead_value",
            language,
            measure=ranking.measure.label[language],
            scale=tell(case, f"measures.{ranking.scale}", language),
            why=wanted.why[language],
            date=written_date(wanted.fixed_on, language),
        ),
        "level": tell(case, "choices.level_value", language, level=level(case), draws=wanted.draws),
        "chance": tell(
            case,
            "choices.chance_value",
            language,
            parts=study.data.parts,
            part=study.data.parts_name[language],
            window=chance.window,
            season=chance.season,
        ),
        "places": ranking.n,
        "left": names(case, ranking.left_out, language) or tell(case, "choices.none", language),
        "seed": study.seed,
    }
    pairs = [(tell(case, f"choices.{key}", language), value) for key, value in items.items()]
    for table in case.sources:
        origin = tell(case, "choices.from", language, source=table.source[language], sha256=table.sha256)
        pairs.append((tell(case, "choices.table", language, name=table.name), origin))
    return Record(pairs)
