"""Errors meant for a person: what is wrong, where, what was expected, what to edit."""

from __future__ import annotations

from collections.abc import Iterable


class EvaluationError(Exception):
    """A mistake that the user can mend. The command line prints it without a traceback.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str, optional
        File, rows, columns or key where it is wrong.
    expected : str, optional
        What was expected there.
    fix : str, optional
        What to edit.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import EvaluationError, Panel
    >>> try:
    ...     Panel(pd.DataFrame({"city": ["a"]}), unit="city", time="year")
    ... except EvaluationError as error:
    ...     print(error.what)
    the panel has no column 'year'
    """

    exit_status = 2

    def __init__(
        self, what: str, *, where: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> None:
        self.what, self.where, self.expected, self.fix = what, where, expected, fix
        lines = [what]
        for label, text in (("where", where), ("expected", expected), ("to mend", fix)):
            if text:
                lines.append(f"  {label}: {text}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        # keyword-only arguments would be lost when the error crosses a process
        return _rebuild, (type(self), self.what, self.where, self.expected, self.fix)


def _rebuild(
    kind: type[EvaluationError], what: str, where: str | None, expected: str | None, fix: str | None
) -> EvaluationError:
    return kind(what, where=where, expected=expected, fix=fix)


class DataError(EvaluationError):
    """A table or raw record that is missing, malformed or corrupt."""


class DesignError(EvaluationError):
    """A question that the panel cannot answer as it is put."""


class StudyError(EvaluationError):
    """A study file or a parameter that is not valid."""


class EstimationError(EvaluationError):
    """An estimate that does not exist for this design, or an iteration that did not converge."""


class OutputError(EvaluationError):
    """A report or table that cannot be written."""


class ReportError(EvaluationError):
    """A report that was run and failed."""

    exit_status = 1


def shortlist(items: Iterable[object], most: int = 5) -> str:
    """Name the first few of many things: ``a, b, c and 12 more``."""
    names = [str(item) for item in items]
    head = ", ".join(names[:most])
    return head if len(names) <= most else f"{head} and {len(names) - most} more"
