"""What a page may hold: nothing that runs, nothing that is fetched, no picture without words."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from evaluation.errors import ReportError, shortlist

_FORBIDDEN = frozenset(
    ("script", "iframe", "frame", "object", "embed", "base", "form", "applet", "audio", "video", "source")
)
_FETCHED = frozenset(
    ("src", "srcset", "poster", "data", "background", "action", "formaction", "ping", "xlink:href")
)
_LINKS = frozenset(["icon", "alternate", "canonical"])


# they turn the reading order of what follows them, so that a name in a table could rewrite a sentence
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# what no HTML file may hold: control characters but tab and line ends, halves of characters, non-characters
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def printable(page: str) -> str:
    """The page without characters that turn the direction of text; those no file may hold become U+FFFD."""
    return _UNFIT.sub("\ufffd", _TURNING.sub("", page))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, str] = {}
        for name, value in attrs:
            given.setdefault(name, value or "")  # as browsers do: of repeated attributes the first holds
        if tag in _FORBIDDEN:
            self.problems.append(f"<{tag}>")
        self._style = tag == "style"
        for name, value in attrs:
            self._attribute(tag, name, (value or "").strip())
        if tag == "img" and not given.get("alt", "").strip():
            self.problems.append("a picture without alternative text")
        if tag == "link" and given.get("rel") not in _LINKS:
            self.problems.append(f"<link rel={given.get('rel')!r}>")
        if tag == "meta" and given.get("http-equiv", "").strip().lower() == "refresh":
            self.problems.append("<meta http-equiv=refresh>")
        if "id" in given:
            if given["id"] in self.ids:
                self.problems.append(f"two elements with the address {given['id']!r}")
            self.ids.add(given["id"])

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            self.problems.append(f"<{tag} {name}=…>")
        elif name == "style":
            self.problems.append(f"<{tag} style=…>, which the page's policy blocks")
        elif name in _FETCHED and not value.startswith("data:image/"):
            self.problems.append(f"<{tag} {name}={value[:60]!r}>")
        elif name == "href":
            self._href(tag, value)

    def _href(self, tag: str, value: str) -> None:
        scheme = re.match(r"\s*([a-zA-Z][\w+.-]*):", re.sub(r"[\x00-\x20]", "", value))
        if tag == "link":
            return
        if tag != "a" and not value.startswith("#"):
            self.problems.append(f"<{tag} href={value[:60]!r}>")
        elif scheme and scheme.group(1).lower() not in ("http", "https", "mailto"):
            if not value.startswith(("data:text/csv;", "data:image/png;")):
                self.problems.append(f"a link to {value[:60]!r}")
        elif value.startswith("#"):
            self.targets.add(value[1:])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._style = False

    def handle_data(self, data: str) -> None:
        if self._style:
            for fetched in re.findall(r"@import[^;]*|url\(\s*['\"]?(?!#)[^)]*\)", data):
                self.problems.append(f"a style that fetches {fetched[:60]!r}")


def problems(page: str) -> list[str]:
    """Everything in a page that may not be there; empty when it is as it should be."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lost = sorted(target for target in reader.targets - reader.ids if target)
    return reader.problems + [f"a link to #{target}, which is not on the page" for target in lost]


def require_safe(page: str, where: str) -> str:
    """Return the page, or raise ReportError naming what it may not hold."""
    found = problems(page)
    if found:
        raise ReportError(
            "A page holds what no report may hold: " + shortlist(found),
            where=where,
            expected="no script, nothing fetched from elsewhere, words for every picture",
            fix="mend the cell or the template that writes it",
        )
    return page
