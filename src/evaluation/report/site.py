"""What all pages share: style, policy, words, links."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from evaluation.report import language as words
from evaluation.report.png import night

MARKS: dict[str, str] = {
    "reproduced": '<circle cx="8" cy="8" r="7" fill="currentColor"/>'
    '<path class="cut" d="M4.6 8.3l2.4 2.4 4.6-5"/>',
    "close": '<circle cx="8" cy="8" r="6.2"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor"/>',
    "not_reproduced": '<circle cx="8" cy="8" r="6.2"/><path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2"/>',
    "no_data": '<circle cx="8" cy="8" r="6.2" stroke-dasharray="2.6 2.3"/>',
    "beyond_comparison": '<path d="M8 2l6.6 11.6H1.4z" fill="currentColor"/>',
    "differs": '<path d="M8 1.6l6 6.4-6 6.4L2 8z" fill="currentColor"/>',
    "not_distinguishable": '<path d="M1.5 6.2c2.2-2.6 4.3-2.6 6.5-.7s4.3 1.9 6.5-.7"/>'
    '<path d="M1.5 11.2c2.2-2.6 4.3-2.6 6.5-.7s4.3 1.9 6.5-.7"/>',
    "opposite": '<path d="M8 14L1.4 2.4h13.2z" fill="currentColor"/>',
    "not_testable": '<path d="M2.5 2.5h11v11h-11z" stroke-dasharray="2.6 2.3"/>',
}


@cache
def template_folder() -> Path:
    """Where the templates and the style sheet are."""
    return Path(__file__).parent / "template"


@cache
def style() -> str:
    """The style sheet, without comments and needless space."""
    sheet = (template_folder() / "style.css").read_text(encoding="utf-8")
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    sheet = re.sub(r"\s+", " ", sheet)
    return re.sub(r" ?([{};,]) ?", r"\1", sheet).replace(": ", ":").strip()


@cache
def policy() -> str:
    """Content security policy: this one style sheet and pictures within the page; nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@cache
def night_matrix() -> str:
    """Values of the colour matrix that shows a light picture on a dark page."""
    rows = [f"{r:g} {g:g} {b:g} 0 {c:g}" for r, g, b, c in night()]
    return " ".join([*rows, "0 0 0 1 0"])


def furniture(
    language: str,
    *,
    title: str,
    description: str,
    index_href: str,
    alternate_href: str | None = None,
    languages: Sequence[str] = words.LANGUAGES,
) -> dict[str, Any]:
    """What the base template asks for; ``languages`` are those that a page of several is written in."""
    other = "zh" if language == "en" else "en"
    return {
        "language": language,
        "lang": words.TAGS[language],
        "other_lang": words.TAGS[other],
        "tags": {one: words.TAGS[one] for one in languages},
        "title": title,
        "description": " ".join(description.split())[:300],
        "alternate_href": alternate_href,
        "index_href": index_href,
        "style": style(),
        "policy": policy(),
        "night_matrix": night_matrix(),
        "marks": MARKS,
        "word": partial(_word, language),
        "word_in": lambda tongue, key, **values: words.text(key, tongue, **values),
        "when": lambda stamp, tongue=language: moment(stamp, tongue),
    }


def _word(language: str, key: str, **values: object) -> str:
    return words.text(key, language, **values)


def moment(stamp: str, language: str) -> str:
    """A time of generation for readers: date, and hour with its zone when it is given."""
    found = re.match(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}))?.*?(Z|\+00:00)?$", str(stamp))
    if not found:
        return str(stamp)
    day, hour, utc = found.groups()
    shown = words.date(day, language)
    if hour:
        shown += f"{'，' if language == 'zh' else ', '}{hour}"
    return shown + (" UTC" if hour and utc else "")


def data_uri(csv: str) -> str:
    """CSV as an address that holds it; the byte order mark lets spreadsheets read the Chinese."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(csv.encode("utf-8-sig")).decode("ascii")
