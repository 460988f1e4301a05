"""Bold words of the pages are bold: in Markdown a mark after full-width punctuation may not count as one."""

from __future__ import annotations

import re

import pytest
from jinja2 import Undefined

from evaluation.report.language import LANGUAGES
from evaluation.report.markdown import Writer
from evaluation.report.text import environment, joined

BLOCK = re.compile(r"\{%-? *block (\w+) *-?%\}(.*?)\{%-? *endblock *-?%\}", re.DOTALL)
EMPHASISED = [
    (language, template, name)
    for language in LANGUAGES
    for template in environment(language).list_templates()
    for name, source in BLOCK.findall(
        environment(language).loader.get_source(environment(language), template)[0]  # type: ignore[union-attr]
    )
    if "**" in source
]


@pytest.mark.parametrize(("language", "template", "name"), EMPHASISED)
def test_no_mark_is_left_in_a_sentence(language: str, template: str, name: str) -> None:
    class Word(Undefined):
        """A word in the place of every value."""

        def __str__(self) -> str:
            return "改善" if language == "zh" else "better"

    lenient = environment(language).overlay(undefined=Word)
    made = lenient.get_template(template)
    text = joined("".join(made.blocks[name](made.new_context({}))), language)
    written = Writer(language).write(text)
    assert "**" not in written, written


def test_the_note_of_a_variant_is_bold() -> None:
    from evaluation.pipeline.render import _VARIANT

    for language, (lead, _, _) in _VARIANT.items():
        assert "<strong>" in Writer(language).write(lead)
