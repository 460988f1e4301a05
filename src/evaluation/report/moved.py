"""What moved since the result before this one, in a reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.report import language as words
from evaluation.report.display import VERDICTS

MOST_LINES = 8
"""Changes that a page lists; the command that lists them all stands below."""

_INTERVAL = ("ci_low", "ci_high")
_SHORT = 12  # characters of a commit or checksum that tell it apart


def moved_since(
    history: Mapping[str, Any] | None, language: str, most: int = MOST_LINES
) -> dict[str, Any] | None:
    """The part of the record that says since when the numbers stand and what moved then.

    Parameters
    ----------
    history : mapping or None
        ``name`` of the study or variant, ``since`` and ``before`` (times, ``before`` may be None) and
        ``moved``: lists ``moved`` (each with
        ``part``, ``name``, ``before``, ``after``) and ``changed_inputs`` (``what``, ``before``, ``after``).
    language : {"en", "zh"}
    most : int
        Changes listed.

    Returns
    -------
    dict or None
        ``sentences``, ``lines`` (each ``what``, ``name``, ``text``), ``more``, ``command``, ``inputs``;
        None without a history.
    """
    if history is None:
        return None
    since = words.date(str(history["since"])[:10], language)
    sentences = [words.text("stood_since", language, date=since)]
    shown: dict[str, Any] = {"sentences": sentences, "lines": [], "more": "", "command": "", "inputs": ""}
    if history["moved"] is None:
        sentences.append(words.text("no_earlier", language))
        return shown
    changes, inputs = history["moved"]["moved"], history["moved"]["changed_inputs"]
    before = words.date(str(history["before"])[:10], language)
    start = words.text("moved_from", language, date=before)
    if not any(change["part"] in ("claim", "estimate", "diagnostic", "answer") for change in changes):
        start += ("" if language == "zh" else " ") + words.text("moved_none", language)
    sentences.append(start)
    shown["lines"] = [_line(change, language) for change in changes[:most]]
    if len(changes) > most:
        shown["more"] = words.text("moved_more", language, count=len(changes) - most)
        shown["command"] = f"evaluation diff {history['name']}"
    shown["inputs"] = _inputs(inputs, language)
    return shown


def _inputs(inputs: list[Mapping[str, Any]], language: str) -> str:
    if not inputs:
        return words.text("moved_unknown", language)
    named = [
        words.text(
            f"input_{cause['what']}",
            language,
            before=_cut(str(cause["before"])),
            after=_cut(str(cause["after"])),
        )
        for cause in inputs
    ]
    return words.text("moved_inputs", language, inputs=words.text("list_comma", language).join(named))


def _cut(commit: str) -> str:
    commit, dash, dirty = commit.partition("-")
    return commit[:_SHORT] + dash + dirty


def _line(change: Mapping[str, Any], language: str) -> dict[str, str]:
    part, before, after = change["part"], change["before"], change["after"]
    what = words.text(f"moved_{part}", language)
    name = "" if part == "answer" else str(change["name"])
    if part == "answer":
        text = words.text("moved_answer_text", language)
    elif before is None or after is None:
        text = words.text("moved_new" if before is None else "moved_gone", language)
        there = after if before is None else before
        if part in ("estimate", "version"):
            text += f"{words.text('colon', language)}{_value(there, language)}"
    elif part == "data":
        text = _table(before, after, language)
    elif part == "claim":
        text = _claim(before, after, language)
    else:
        text = _step(before, after, language)
    return {"what": what, "name": name, "text": text}


def _table(before: Mapping[str, Any], after: Mapping[str, Any], language: str) -> str:
    said = []
    if before.get("rows") != after.get("rows"):
        rows = (words.number(one.get("rows"), language) for one in (before, after))
        said.append(words.text("moved_rows", language, **dict(zip(("before", "after"), rows, strict=True))))
    if before.get("sha256") != after.get("sha256"):
        said.append(words.text("moved_checksum", language))
    return words.text("list_comma", language).join(said)


def _claim(before: Mapping[str, Any], after: Mapping[str, Any], language: str) -> str:
    said = [
        _to(_verdict(before.get(key), language), _verdict(after.get(key), language), language)
        for key in ("reproduced", "attributable")
        if before.get(key) != after.get(key)
    ]
    found = before.get("value"), after.get("value")
    if found[0] != found[1]:
        said.append(_to(_plain(found[0], language), _plain(found[1], language), language))
    if any(before.get(key) != after.get(key) for key in ("estimate", *_INTERVAL)):
        said.append(_to(_value(before, language), _value(after, language), language))
    if not said:
        said.append(_step(before, after, language))
    return words.text("list_comma", language).join(said)


def _step(before: Any, after: Any, language: str) -> str:
    """From one value to the other; where rounding would hide the difference, the keys that differ."""
    old, new = _value(before, language), _value(after, language)
    if old != new:
        return _to(old, new, language)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [key for key in after if before.get(key) != after[key]]
        parts = [f"{key} {_to(repr(before.get(key)), repr(after[key]), language)}" for key in keys]
        return words.text("list_comma", language).join(parts)
    return _to(repr(before), repr(after), language)


def _to(before: str, after: str, language: str) -> str:
    return words.text("moved_to", language, before=before, after=after)


def _value(value: Any, language: str) -> str:
    """An estimate with its interval, a check with its verdict, or a plain value."""
    if not isinstance(value, Mapping):
        return _plain(value, language)
    if "estimate" in value:
        low, high = (value.get(key) for key in _INTERVAL)
        if low is None or high is None:
            return words.number(value["estimate"], language)
        digits = words.interval_decimals(low, high)
        written = words.number(value["estimate"], language, digits)
        return words.text(
            "moved_with", language, value=written, interval=words.interval(low, high, language, digits)
        )
    if "verdict" in value:
        return _verdict(value["verdict"], language)
    return _plain(dict(value), language)


def _verdict(verdict: Any, language: str) -> str:
    if verdict in VERDICTS:
        return words.text(f"verdict_{verdict}", language)
    if verdict in ("evidence_against", "no_evidence_against", "not_informative"):
        return words.text(f"check_{verdict}", language)
    return words.NOT_A_NUMBER if verdict is None else str(verdict)


def _plain(value: Any, language: str) -> str:
    if value is None:
        return words.NOT_A_NUMBER
    if isinstance(value, int | float) and not isinstance(value, bool):
        return words.number(value, language)
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
