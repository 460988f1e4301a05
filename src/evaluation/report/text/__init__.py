"""What pages on panels say: a template a section and language, and the filters that write numbers in them.

``en/answer.j2`` holds the sentences of the section ``answer`` in English, each a block with its conditions;
``labels.toml`` holds heads of columns and other words that take no value. A sentence is asked for by
``section.name``. Line breaks inside a block are for whoever edits it: they become a space in English and
nothing in Chinese; an empty line begins a paragraph.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from evaluation.errors import ReportError
from evaluation.report.language import check_language, date, month, number, p_value, percent

PACKAGE = "evaluation.report.text"
_ORDINAL = ("first", "second", "third", "fourth")


class Text:
    """The sentences of one language, for one page.

    Parameters
    ----------
    language : {"en", "zh"}
    given : mapping
        What every sentence may name: the words of the study.
    folder : str
        Where the templates of pages of another kind stand; those of panels when empty.
    """

    def __init__(self, language: str, given: Mapping[str, Any] | None = None, folder: str = "") -> None:
        self.language: str = check_language(language)
        self.given = dict(given or {})
        self.folder = folder

    def __call__(self, key: str, /, **values: Any) -> str:
        """A label, or a sentence with its values filled in.

        Raises
        ------
        ReportError
            There is no such label or sentence, or it names a value that is not given.
        """
        section, _, name = key.partition(".")
        for folder in dict.fromkeys((self.folder, "")):
            label = labels(self.language, folder).get(key)
            if label is not None:
                return label
            file = f"{folder}/{section}.j2" if folder else f"{section}.j2"
            block = _template(self.language, file).get(name)
            if block is None:
                continue
            template, write = block
            try:
                return joined("".join(write(template.new_context({**self.given, **values}))), self.language)
            except jinja2.UndefinedError as error:
                raise ReportError(
                    f"the sentence {key!r} needs a value that is not given ({error})",
                    where=f"{PACKAGE.replace('.', '/')}/{self.language}/{file}",
                ) from error
        raise ReportError(
            f"the page has no sentence {key!r}",
            where=f"{PACKAGE.replace('.', '/')}/{self.language}/{file}",
        )

    def listed(self, items: Iterable[str], *, short: bool = True) -> str:
        """Items in a row: with commas, or, where they hold commas of their own, semicolons."""
        marks = {"en": (", ", "; "), "zh": ("、", "；")}
        return marks[self.language][0 if short else 1].join(items)

    def sentences(self, parts: Iterable[str]) -> str:
        """Sentences one after the other."""
        return (" " if self.language == "en" else "").join(part for part in parts if part)


@cache
def labels(language: str, folder: str = "") -> dict[str, str]:
    """Every label of a language by ``section.name``."""
    name = f"labels/{folder}.toml" if folder else "labels.toml"
    sections = tomllib.loads(files(PACKAGE).joinpath(name).read_text(encoding="utf-8"))
    return {
        f"{section}.{name}": words[check_language(language)]
        for section, names in sections.items()
        for name, words in names.items()
    }


@cache
def _template(language: str, file: str) -> dict[str, tuple[jinja2.Template, Callable[..., Any]]]:
    """The sentences of a template by name, each with the template that it stands in; none without a file."""
    try:
        template = environment(language).get_template(file)
    except jinja2.TemplateNotFound:
        return {}
    return {name: (template, write) for name, write in template.blocks.items()}


@cache
def environment(language: str) -> jinja2.Environment:
    """The templates of a language, strict about names, with the filters that write numbers."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation.report", f"text/{check_language(language)}"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # plain text and markdown; the page escapes
    )
    written: dict[str, Callable[..., Any]] = {
        "number": partial(_given_language, number, language),
        "p": lambda p: p_value(p, language),
        "p_is": lambda p: _compared(p_value(p, language)),
        "percent": partial(_given_language, percent, language),
        "date": lambda day: date(day, language),
        "period": partial(_given_language, period, language),
        "cap": sentence_case,
        "bare": bare,
    }
    made.filters.update(written)
    return made


def _given_language(write: Callable[..., str], language: str, value: Any, *options: Any, **named: Any) -> str:
    return write(value, language, *options, **named)


def _compared(p: str) -> str:
    """A p-value after its name: ``= 0.85``, ``< 0.001``."""
    return f"{p[0]} {p[1:]}" if p[:1] in ("<", ">") else f"= {p}"


def joined(written: str, language: str) -> str:
    """A block as it is read: lines joined, paragraphs apart."""
    glue = " " if language == "en" else ""
    paragraphs = re.split(r"\n[ \t]*\n\s*", written.strip(" \t\n"))
    # a line that begins with a dash is an item of a list and stays a line
    lines = (re.sub(r"[ \t]*\n(?!- )[ \t]*", glue, paragraph).strip(" \t\n") for paragraph in paragraphs)
    return "\n\n".join(re.sub(" {2,}", " ", line) for line in lines if line)


def period(value: Any, language: str, frequency: str = "", *, short: bool = False) -> str:
    """A period as readers write it: 2008年第4季度, March 2016, 2016.

    Parameters
    ----------
    value : pandas.Period, str or int
    language : {"en", "zh"}
    frequency : str
        Y, Q, M, W or D; without one, periods that are no dates: they stand as they are.
    short : bool
        As a table says it.
    """
    if not frequency or isinstance(value, int):
        return str(value)
    moment = pd.Period(str(value).partition("/")[0], freq=frequency)
    if frequency == "Q":
        if language == "zh":
            return f"{moment.year}年{'一二三四'[moment.quarter - 1]}季度"
        ordinal = f"{_ORDINAL[moment.quarter - 1]} quarter of {moment.year}"
        return f"{moment.year} Q{moment.quarter}" if short else ordinal
    if frequency == "M":
        return month(moment, language)
    if frequency == "Y":
        return f"{moment.year}年" if language == "zh" else str(moment.year)
    if frequency == "W":
        week = moment.end_time.isocalendar()
        if language == "zh":
            return f"{week.year}年第{week.week}周"
        return f"{week.year} W{week.week:02d}" if short else f"week {week.week} of {week.year}"
    return date(moment.start_time, language)


def sentence_case(words: str) -> str:
    """The words with a capital at the start."""
    return words[:1].upper() + words[1:]


def bare(sentence: str) -> str:
    """A sentence without its full stop, to be joined to others."""
    return sentence.rstrip(".。")
