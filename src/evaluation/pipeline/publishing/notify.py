"""``evaluation notify``: tell people of failures and changed verdicts, once each.

Addresses are apprise URLs in the environment variable ``EVALUATION_NOTIFY_URLS`` and come from nowhere else.
They hold passwords and tokens, so no address, nor any message of another package that might repeat
one, is printed, logged or written: an address is called by its number and its kind.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.errors import OutputError, ReportError, StudyError
from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.publishing.news import News, failing, news, page_of
from evaluation.pipeline.records import history
from evaluation.pipeline.site import write_whole

VARIABLE = "EVALUATION_NOTIFY_URLS"
STATE = "notified.json"
FORMAT = 1
KINDS = {
    "mailto": "mail",
    "mailtos": "mail",
    "wecombot": "WeCom",
    "dingtalk": "DingTalk",
    "feishu": "Feishu",
    "slack": "Slack",
    "json": "JSON",
    "jsons": "JSON",
}
"""Kinds of address that may be named; of any other only the number is said."""

_NOISY = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Notice:
    """One thing to tell: a failure, a recovery or a changed verdict, in both languages."""

    id: str
    study: str
    kind: str
    text: Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """What has been told: failing studies, and the newest result of each study."""

    failing: tuple[str, ...] = ()
    newest: Mapping[str, str] | None = None


def notices(reports: Path, told: Told, url: str = "") -> list[Notice]:
    """What is to be told and has not been.

    Parameters
    ----------
    reports : Path
    told : Told
        Before the first time, with ``newest`` None, only the newest result of each study counts.
    url : str
        Where the site is read, for links.

    Raises
    ------
    ReportError
        A history is damaged.
    """
    now = failing(reports)
    found = [_notice("failed", name) for name in now if name not in told.failing]
    found += [_notice("recovered", name) for name in told.failing if name not in now]
    by_study: dict[str, list[News]] = {}
    for one in news(reports):
        by_study.setdefault(one.study, []).append(one)
    for study, changes in by_study.items():
        since = (told.newest or {}).get(study)
        fresh = changes[:1] if since is None else _until(changes, since)
        found += [_verdict(one, study, url) for one in fresh if one.kind == "verdict"]
    return found


def _until(changes: Sequence[News], since: str) -> Iterator[News]:
    for one in changes:
        if one.id() == since:
            return
        yield one


def _notice(kind: str, study: str) -> Notice:
    from evaluation.report import language as words

    text = {language: words.text(f"notice_{kind}", language, study=study) for language in LANGUAGES}
    return Notice(f"{kind}|{study}", study, kind, text)


def _verdict(one: News, study: str, url: str) -> Notice:
    text = {}
    for language in LANGUAGES:
        lines = [one.title(language), *one.lines(language)]
        if url:
            lines.append(f"{url.rstrip('/')}/{page_of(study, language)}")
        text[language] = "\n".join(lines)
    return Notice(one.id(), study, "verdict", text)


def notify(
    reports: Path,
    *,
    url: str = "",
    languages: Sequence[str] = LANGUAGES,
    dry_run: bool = False,
    say: Say = lambda text: None,
) -> list[Notice]:
    """Send what has not been told yet to every address, and remember it.

    A notice counts as told when one address has taken it: it is not sent again to those that work because
    one of them does not. With nothing to tell, nobody is asked anything.

    Returns
    -------
    list of Notice

    Raises
    ------
    StudyError
        ``EVALUATION_NOTIFY_URLS`` is not set, or an address in it is none.
    ReportError
        An address did not take the message; named by its number and kind only.
    """
    told = read_told(reports)
    found = notices(reports, told, url)
    if dry_run:
        return found
    if found:
        addresses = os.environ.get(VARIABLE, "").split()
        if not addresses:
            raise StudyError(
                f"{len(found)} notices are to be sent, and there is no address to send them to",
                where=f"environment variable {VARIABLE}",
                expected="apprise URLs with spaces between them, such as mailto://… wecombot://… slack://…",
                fix=f"set {VARIABLE}; never write it into a file of the project",
            )
        failed = _send(addresses, found, languages)
        if len(failed) < len(addresses):
            _remember(reports)
        if failed:
            raise ReportError(
                f"{len(failed)} of {len(addresses)} addresses did not take the message",
                where=", ".join(failed),
                expected="an answer that says it was taken",
                fix=f"look at these addresses in {VARIABLE}; they are not printed here",
            )
        say(f"told {len(addresses)} {'address' if len(addresses) == 1 else 'addresses'}")
    else:
        _remember(reports)
    return found


def _send(addresses: Sequence[str], found: Sequence[Notice], languages: Sequence[str]) -> list[str]:
    """Send one message with all notices; return the addresses that did not take it, by number and kind."""
    try:
        with _silence():
            from apprise import Apprise, NotifyType
    except ImportError:
        raise OutputError(
            "sending notices needs the package apprise",
            fix="install it: pip install 'reform-evaluation[notify]'",
        ) from None
    from evaluation.report import language as words

    subject = " · ".join(words.text("notice_subject", language, count=len(found)) for language in languages)
    body = "\n\n".join("\n".join(one.text[language] for one in found) for language in languages)
    kind = NotifyType.FAILURE if any(one.kind == "failed" for one in found) else NotifyType.INFO
    failed = []
    for number, address in enumerate(addresses, start=1):
        taken = False
        # whatever apprise or a socket says of a failure may hold the address
        with _silence():
            try:
                sender = Apprise()
                taken = bool(sender.add(address)) and bool(
                    sender.notify(title=subject, body=body, notify_type=kind)
                )
            except Exception:
                taken = False
        if not taken:
            named = KINDS.get(address.partition("://")[0].lower()) if "://" in address else None
            failed.append(f"address {number}" + (f" ({named})" if named else ""))
    return failed


@contextmanager
def _silence() -> Iterator[None]:
    """No log record of the packages that handle an address reaches anybody."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [logger.disabled for logger in loggers]
    lowest = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        logging.disable(lowest)
        for logger, state in zip(loggers, before, strict=True):
            logger.disabled = state


def read_told(reports: Path) -> Told:
    """What has been told already; nothing, before the first time.

    Raises
    ------
    ReportError
        The file that remembers it is damaged.
    """
    path = reports / history.FOLDER / STATE
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise ValueError(f"format {state['format']!r}")
        return Told(tuple(map(str, state["failing"])), dict(state["newest"]))
    except FileNotFoundError:
        return Told()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(
            "what has been told before cannot be read",
            where=f"{history.FOLDER}/{STATE} in the reports folder: {error}",
            fix="delete it; the newest verdict of each study is then told once more",
        ) from error


def _remember(reports: Path) -> None:
    newest: dict[str, str] = {}
    for one in news(reports):
        newest.setdefault(one.study, one.id())
    state = {"format": FORMAT, "failing": failing(reports), "newest": newest}
    write_whole(reports / history.FOLDER / STATE, json.dumps(state, indent=1) + "\n")
