"""The result file of every kind of study: what a machine reads from a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.analysis.estimate import Estimate
from evaluation.claims import ClaimCheck
from evaluation.diagnostics import Diagnostic
from evaluation.plain import plain

RESULT_MIME = "application/vnd.evaluation.result+json"


@dataclass(frozen=True, eq=False)
class ResultFile:
    """Content of ``reports/results/<study>.json`` but for time and commit.

    Displayed in a notebook it shows its size; the runner picks the content up and writes it.
    """

    content: dict[str, Any]

    def to_json(self) -> str:
        """The content as JSON text, sorted as written, no NaN."""
        return json.dumps(self.content, ensure_ascii=False, indent=1, allow_nan=False)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown = (
            f"result file: {len(self.content['estimates'])} estimates, {len(self.content['claims'])} claims"
        )
        return {RESULT_MIME: json.loads(self.to_json()), "text/plain": shown}


def collect(
    case: Any,
    estimates: Iterable[Estimate],
    *,
    claims: Iterable[ClaimCheck] = (),
    diagnostics: Iterable[Diagnostic] = (),
    answer: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
    digits: int | None = None,
    **sections: Any,
) -> ResultFile:
    """Collect the numbers of a run.

    Parameters
    ----------
    case : object with ``study, overrides, sources``
    estimates : iterable of Estimate
        In the order of the page, one row an outcome marked as leading.
    claims : iterable of ClaimCheck
    diagnostics : iterable of Diagnostic
    answer : mapping, optional
        The answer in one sentence, by language.
    files : mapping of str to str, optional
        Checksums of files that were read beside the tables of ``case.sources``.
    keys : mapping, optional
        Attributes of `Estimate` that files of this kind call otherwise.
    digits : int, optional
        Significant digits of all numbers, where more would differ between machines.
    **sections
        Further parts of the file, by their keys.
    """
    study = case.study
    data = [{"name": name, "sha256": sha256, "simulated": False} for name, sha256 in (files or {}).items()]
    data += [
        {"name": source.name, "sha256": source.sha256, "simulated": bool(source.simulated)}
        for source in case.sources
    ]
    content = {
        "study": study.id,
        "title": study.title.model_dump(),
        "question": study.question.model_dump(),
        **({"answer": answer} if answer else {}),
        "seed": study.seed,
        "overrides": case.overrides,
        "data": data,
        **sections,
        "estimates": [row.as_record(keys) for row in estimates],
        "claims": [claim.as_record() for claim in claims],
        "diagnostics": [check.as_record() for check in diagnostics],
    }
    return ResultFile(plain(content, digits))


__all__ = ["RESULT_MIME", "ResultFile", "collect"]
