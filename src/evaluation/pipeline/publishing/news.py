"""What happened to the findings: new reports, changed verdicts and estimates, failures and recoveries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.records import history
from evaluation.pipeline.records.moved import Moved
from evaluation.pipeline.site import Place

Kind = Literal["first", "verdict", "numbers"]
NAMESPACE = uuid.UUID("6f2f7d0a-0d0e-5a3c-9a53-0f1c6c1f6d55")
"""Of the ids of news: an id depends on what happened and on nothing else."""

_FINDINGS = ("claim", "answer", "estimate")


@dataclass(frozen=True)
class News:
    """One change of a study's findings.

    Attributes
    ----------
    study : str
    kind : {"first", "verdict", "numbers"}
        The first result, a changed verdict, or other numbers.
    when : str
        Time at which it was first found, UTC.
    content : str
        Address of the result in the history.
    result : mapping
    moved : Moved, optional
        Against the result before; None for the first.
    before : str
        Time until which that one stood.
    """

    study: str
    kind: Kind
    when: str
    content: str
    result: Mapping[str, Any]
    moved: Moved | None
    before: str = ""

    def id(self, language: str = "") -> str:
        """An id that never changes: the same event has it in every feed that is ever made."""
        return uuid.uuid5(NAMESPACE, "|".join((self.study, self.content, self.when, language))).urn

    def title(self, language: str) -> str:
        """What happened, and the title of the study."""
        from evaluation.report import language as words

        title = (self.result.get("title") or {}).get(language, self.study)
        mark = f"{words.text('simulated', language)} " if simulated(self.result) else ""
        return f"{mark}{words.text(f'news_{self.kind}', language)}{words.text('colon', language)}{title}"

    def lines(self, language: str) -> list[str]:
        """The answer, then what moved, in words."""
        from evaluation.report import language as words
        from evaluation.report.moved import moved_since

        answer = (self.result.get("answer") or {}).get(language)
        question = (self.result.get("question") or {}).get(language)
        said = [text for text in (question, answer) if text]
        if self.moved is None:
            return said
        told = {"since": self.when, "before": self.before, "moved": self.moved.as_record()}
        shown = moved_since({"name": self.study, **told}, language)
        assert shown is not None
        said.append(shown["sentences"][-1])
        colon = words.text("colon", language)
        said += [f"{line['what']} {line['name']}".strip() + colon + line["text"] for line in shown["lines"]]
        said += [f"{shown['more']} {shown['command']}"] if shown["more"] else []
        return [*said, shown["inputs"]]


def simulated(result: Mapping[str, Any]) -> bool:
    """Whether a result rests on simulated data, official figures beside them or not."""
    data = result.get("data") or []
    return bool(result.get("simulated", bool(data) and all(source.get("simulated") for source in data)))


def studies(reports: Path) -> list[str]:
    """Studies with a history, variants left out."""
    found = (path.parent.name for path in (reports / history.FOLDER).glob(f"*/{history.LOG}"))
    return sorted(name for name in found if "--" not in name)


def news(reports: Path) -> list[News]:
    """Every change of a finding that the history knows, the newest first.

    A change of data, versions or checks that moved no claim, no answer and no estimate is no news.

    Raises
    ------
    ReportError
        A history is damaged.
    """
    found = [one for study in studies(reports) for one in _of(Place(reports, study))]
    return sorted(found, key=lambda one: (one.when, one.study), reverse=True)


def _of(place: Place) -> Iterator[News]:
    steps = history.changes(place)
    befores = [str(entry.last.get("generated", "")) for entry, _ in steps[1:]]
    for (entry, step), before in zip(steps, [*befores, ""], strict=True):
        kind: Kind = "first"
        if step is not None:
            if not any(change.part in _FINDINGS for change in step.changes):
                continue
            kind = "verdict" if any(change.verdict for change in step.changes) else "numbers"
        when = str(entry.first.get("generated", ""))
        yield News(place.study, kind, when, entry.content, entry.result, step, before)


def failing(reports: Path) -> list[str]:
    """Studies and variants whose last run failed."""
    return sorted(path.stem for path in (reports / "failures").glob("*.html"))


def page_of(study: str, language: str) -> str:
    """Address of a study's page within the site."""
    assert language in LANGUAGES
    return f"{language}/{study}.html"
