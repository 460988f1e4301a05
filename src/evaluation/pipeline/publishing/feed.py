"""An Atom feed (RFC 4287) of changed findings, one a language, made of the history alone."""

from __future__ import annotations

import html
import uuid
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.publishing.news import NAMESPACE, News, news, page_of

ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "application/atom+xml"
MOST = 50
"""Entries of a feed; older ones leave it, as readers expect."""

_XML = "{http://www.w3.org/XML/1998/namespace}"
_NEVER = "1970-01-01T00:00:00Z"


def feed_name(language: str) -> str:
    """File name of a feed."""
    return f"feed.{language}.xml"


def feeds(reports: Path, url: str = "") -> dict[str, str]:
    """The feeds of a reports folder: file name to content.

    Parameters
    ----------
    reports : Path
    url : str
        Where the site will stand, such as ``https://example.org/reports/``; without it links are relative.

    Raises
    ------
    ReportError
        A history is damaged.
    """
    found = news(reports)
    return {feed_name(language): feed(found, language, url) for language in LANGUAGES}


def feed(found: Sequence[News], language: str, url: str = "", most: int = MOST) -> str:
    """One feed.

    Parameters
    ----------
    found : sequence of News
        The newest first.
    language : {"en", "zh"}
    url : str
    most : int
        Entries kept.

    Returns
    -------
    str
        The same news give the same text: it holds no clock.
    """
    from evaluation.report import language as words
    from evaluation.report.check import printable

    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(f"{{{ATOM}}}feed", {f"{_XML}lang": words.TAGS[language]})

    def add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
        made = ElementTree.SubElement(parent, f"{{{ATOM}}}{tag}", attributes)
        made.text = printable(text) or None
        return made

    base = url.rstrip("/") + "/" if url else ""
    add(root, "id", base + feed_name(language) if url else uuid.uuid5(NAMESPACE, f"feed|{language}").urn)
    add(root, "title", words.text("feed_title", language))
    add(root, "subtitle", words.text("index_title", language))
    add(root, "updated", max((one.when for one in found), default="") or _NEVER)
    add(add(root, "author"), "name", words.text("site", language))
    add(root, "link", rel="self", type=MEDIA, href=base + feed_name(language))
    add(root, "link", rel="alternate", type="text/html", href=base + "index.html")
    for one in found[:most]:
        entry = add(root, "entry")
        add(entry, "id", one.id(language))
        add(entry, "title", one.title(language))
        add(entry, "updated", one.when or _NEVER)
        add(entry, "published", one.when or _NEVER)
        add(entry, "link", rel="alternate", type="text/html", href=base + page_of(one.study, language))
        add(entry, "category", term=one.kind)
        lines = [f"<p>{html.escape(line)}</p>" for line in one.lines(language)]
        add(entry, "content", "".join(lines), type="html")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
