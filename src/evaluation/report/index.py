"""The page that lists all reports, in the languages they are written in, and the page of a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from evaluation.report import display
from evaluation.report import language as words
from evaluation.report.check import printable, require_safe
from evaluation.report.site import furniture, template_folder

_WORST_FIRST = {
    "reproduced": ("not_reproduced", "close", "reproduced", "no_data"),
    "attributable": ("opposite", "not_distinguishable", "differs", "beyond_comparison", "not_testable"),
}


def render_index(entries: Iterable[Mapping[str, Any]], now: str | None = None) -> str:
    """Make ``index.html``: a card a report, in the languages of its pages; the reader chooses without script.

    Parameters
    ----------
    entries : iterable of mapping
        ``result`` (content of the result file; ``study``, and where given ``title``, ``question``, ``answer``
        as ``{"en", "zh"}``, ``claims``, ``generated``, ``data``, ``overrides``), ``pages`` (language to
        address), ``failure`` (address or None), ``variant`` (name or None),
        ``damaged`` (the result file cannot be read), ``comparisons`` (of its variants, each with
        ``finding``, ``grid`` and ``pages``).
    now : str, optional
        Time of the run: a report whose latest run failed says how old it is.
    """
    entries = list(entries)
    written = {language for entry in entries for language in entry.get("pages") or ()}
    languages = [language for language in words.LANGUAGES if language in written] or list(words.LANGUAGES)
    context = furniture(
        languages[0],
        title=words.text("index_title", languages[0]),
        description=words.text("index_lead", languages[0]),
        index_href="",
        languages=languages,
    )
    # a ledger leads: it is about all the others
    ordered = sorted(entries, key=lambda entry: entry["result"].get("kind") != "ledger" or _varied(entry))
    context["cards"] = [_card(entry, now) for entry in ordered]
    return require_safe(_render("listing.html.j2", context), "index.html")


def render_failure(name: str, failure: Any, making: Mapping[str, Any] | None = None) -> str:
    """Make the page that stands in for a report that could not be made.

    Parameters
    ----------
    name : str
        The study, or its variant.
    failure : object
        With ``kind``, ``error``, ``message``, ``cell`` and ``source``.
    making : mapping, optional
        ``command``, ``commit``, ``generated``, ``versions``, ``overrides``, as known.
    """
    known = dict.fromkeys(("commit", "generated", "versions", "overrides"))
    making = {**known, "command": f"evaluation run {name}", **(making or {})}
    title = words.text("failure_title", "en", study=name)
    context = furniture("en", title=title, description=title, index_href="../index.html")
    context.update(
        study=name,
        making=making,
        overrides=[f"{key} = {value}" for key, value in (making.get("overrides") or {}).items()],
        failure=failure,
    )
    return require_safe(_render("failure.html.j2", context), f"failure page of {name}")


def _varied(entry: Mapping[str, Any]) -> bool:
    return entry.get("variant") is not None


def _card(entry: Mapping[str, Any], now: str | None) -> dict[str, Any]:
    result = entry["result"]
    study = str(result["study"])
    both = {"en": study, "zh": study}
    claims = result.get("claims") or []
    return {
        "study": study,
        "title": _both(result.get("title")) or both,
        "question": _both(result.get("question")),
        "answer": _both(result.get("answer") or entry.get("answer")),
        "reproduced": _tally(claims, "reproduced"),
        "attributable": _tally(claims, "attributable"),
        "generated": result.get("generated"),
        "simulated": rests_on_simulated(result),
        "pages": {language: _address(page) for language, page in (entry.get("pages") or {}).items()},
        "failure": _address(entry.get("failure")),
        "damaged": bool(entry.get("damaged")),
        "age": _age(result.get("generated"), now),
        "comparisons": [
            {
                "finding": _both(one["finding"]),
                "keys": list(one["grid"]),
                "pages": {language: _address(page) for language, page in one["pages"].items()},
            }
            for one in entry.get("comparisons") or []
        ],
        "settings": "; ".join(f"{key} = {value}" for key, value in (result.get("overrides") or {}).items())
        or entry.get("variant"),
    }


def rests_on_simulated(result: Mapping[str, Any]) -> bool:
    """Whether a result says that it rests on simulated data; else whether all its tables are simulated."""
    data = result.get("data") or []
    return bool(result.get("simulated", bool(data) and all(source.get("simulated") for source in data)))


def _address(path: str | None) -> str | None:
    """A path as a link: a file may be called a#b."""
    return None if path is None else quote(path, safe="/=,~")


def _age(generated: Any, now: str | None) -> dict[str, str] | None:
    """How old a report is, in both languages, where its time and the present one are known."""
    try:
        made, present = (datetime.fromisoformat(str(stamp)) for stamp in (generated, now))
        hours = int((present - made).total_seconds() // 3600)
    except (ValueError, TypeError):
        return None
    key, count = ("age_days", hours // 24) if hours >= 48 else ("age_hours", hours)
    if hours < 2:
        key = "age_fresh"
    return {language: words.text(key, language, count=count) for language in words.LANGUAGES}


def _both(value: Any) -> dict[str, str] | None:
    if isinstance(value, str):
        return {"en": value, "zh": value}
    if not value:
        return None
    some = next((text for text in value.values() if text), "")  # what one language lacks is told in the other
    return {language: str(value.get(language) or some) for language in words.LANGUAGES}


def _tally(claims: Iterable[Mapping[str, Any]], what: str) -> list[tuple[str, int]]:
    """How many claims have each verdict, the least welcome first."""
    given = [
        display.check_verdict(claim[what]["verdict"], where=str(claim.get("id")))
        for claim in claims
        if claim.get(what)
    ]
    return [(verdict, given.count(verdict)) for verdict in _WORST_FIRST[what] if verdict in given]


def _render(template: str, context: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(template_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return printable(environment.get_template(template).render(page=context))
