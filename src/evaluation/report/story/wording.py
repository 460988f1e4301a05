"""Sentences in both languages, and the phrases that several parts of a page share."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from evaluation.analysis import Case, Headline
from evaluation.errors import ReportError
from evaluation.report.language import check_language, interval, number, with_unit
from evaluation.study import Outcome, Threat

STORY = "evaluation.report.story"


@cache
def phrases(package: str = STORY) -> dict[str, dict[str, str]]:
    """Every sentence of a package's ``phrases.toml`` by ``section.key``, with its languages."""
    text = files(package).joinpath("phrases.toml").read_text(encoding="utf-8")
    sections = tomllib.loads(text)
    return {f"{section}.{key}": words for section, keys in sections.items() for key, words in keys.items()}


def sentence(package: str, key: str, language: str, /, **values: object) -> str:
    """A sentence of a package's ``phrases.toml`` with its values filled in.

    Raises
    ------
    ReportError
        There is no such sentence, or it names a value that is not given.
    """
    try:
        return phrases(package)[key][check_language(language)].format(**values)
    except KeyError as error:
        raise ReportError(
            f"the page has no sentence {key!r}, or it needs the value {error}",
            where=f"{package.replace('.', '/')}/phrases.toml",
        ) from error


def say(key: str, language: str, /, **values: object) -> str:
    """A sentence of the pages on one place with its values filled in."""
    return sentence(STORY, key, language, **values)


def threat_items(threats: Iterable[Threat], language: str) -> list[str]:
    """Threats to validity as items of a list, each with which way it would mislead; for pages of any kind."""
    return [
        say(
            "threats.item",
            language,
            title=item.title[language],
            text=item.text[language],
            direction=item.direction[language],
        )
        for item in threats
    ]


def place(case: Case, language: str) -> str:
    """The treated place by name."""
    return case.name(case.treated, language)


def amount(
    value: float, outcome: Outcome, language: str, *, sign: bool = False, digits: int | None = None
) -> str:
    """A value with its unit and as many digits as the outcome is given."""
    digits = outcome.digits if digits is None else digits
    return with_unit(number(value, language, digits, sign=sign), outcome.unit[language], language)


def sentence_case(words: str) -> str:
    """The words with a capital at the start."""
    return words[:1].upper() + words[1:]


def verb(value: float, language: str) -> str:
    """The verb for a change."""
    return say("verb.rose" if value >= 0 else "verb.fell", language)


def change_sentence(case: Case, head: Headline, pool: str, language: str) -> str:
    """What happened to the treated place and, in the same years, to a pool; no full stop."""
    outcome = head.years.outcome
    return say(
        "change.sentence",
        language,
        before=head.before,
        after=head.after,
        place=place(case, language),
        outcome=outcome.phrase[language],
        verb=verb(head.change, language),
        own=amount(abs(head.change), outcome, language),
        group=case.label(pool, language),
        other_verb=verb(head.others_change[pool], language),
        other=amount(abs(head.others_change[pool]), outcome, language),
    )


def unusual(head: Headline, pool: str) -> tuple[int, int]:
    """How many of the other places strayed from the average at least as far, and how many there are."""
    test = head.tests[pool]
    assert test.n_as_extreme is not None  # `change_test` refuses values that are not finite
    return test.n_as_extreme, test.n_assignments - 1


def bounds(low: float, high: float, outcome: Outcome, language: str) -> str:
    """An interval with its unit."""
    return with_unit(interval(low, high, language, outcome.digits), outcome.unit[language], language)


def level_in_words(level: float) -> str:
    """A level of confidence as a whole percentage, rounded down: 0.9412 is 94%."""
    return f"{int(100 * level + 1e-9)}%"


def source_line(case: Case, language: str) -> str:
    """The line under a figure: who measured and where the numbers were taken from."""
    credit = case.study.data.credit
    source = credit[language] if credit else case.sources[0].source[language]
    return say("source.line", language, source=source)
