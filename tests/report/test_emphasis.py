"""Bold words of the pages are bold: in Markdown a mark after full-width punctuation may not count as one."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from evaluation.report.markdown import Writer
from evaluation.report.story.wording import phrases

PACKAGES = sorted(
    f"evaluation.report.{path.parent.name}"
    for path in (Path(__file__).parents[2] / "src" / "evaluation" / "report").glob("*/phrases.toml")
)


def filled(text: str, language: str) -> str:
    """The sentence with a word in the place of every value."""
    word = "改善" if language == "zh" else "better"
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return text.format(**dict.fromkeys(names, word))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_mark_is_left_in_a_sentence(package: str) -> None:
    for key, words in phrases(package).items():
        for language, text in words.items():
            if "**" in text:
                written = Writer(language).write(filled(text, language))
                assert "**" not in written, f"{package}: {key}, {language}: {written}"
                assert "<strong>" in written


def test_the_note_of_a_variant_is_bold() -> None:
    from evaluation.pipeline.render import _VARIANT

    for language, (lead, _, _) in _VARIANT.items():
        assert "<strong>" in Writer(language).write(lead)
