"""One shown object in every language, so that a notebook runs once for all its pages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from evaluation.errors import ReportError
from evaluation.report.display import MEDIA, Bundle
from evaluation.report.language import LANGUAGES

IN_LANGUAGES = MEDIA.format("languages")
_OURS = MEDIA.partition("{")[0]

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True)
class InLanguages:
    """What is shown, in every language; the page maker takes that of its page.

    Attributes
    ----------
    shown : mapping of language to object
        Objects of `evaluation.report.display`. JupyterLab shows the first.
    """

    shown: Mapping[str, Any]

    def __getitem__(self, language: str) -> Any:
        return self.shown[language]

    def each(self, attribute: str) -> dict[str, Any]:
        """An attribute of what is shown, by language."""
        return {language: getattr(shown, attribute) for language, shown in self.shown.items()}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        bundles = {language: shown._repr_mimebundle_() for language, shown in self.shown.items()}
        first, metadata = next(iter(bundles.values()))
        # a picture is large: the page needs its twin alone, and JupyterLab the picture alone
        twins = {language: _own(data) or data for language, (data, _) in bundles.items()}
        seen = {media: data for media, data in first.items() if media not in _own(first)}
        return {**seen, IN_LANGUAGES: twins}, metadata


def in_languages(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a function that writes in a ``language`` be called without one, for all languages at once.

    With a language, as the page's other functions call it, it returns what it says it returns. Without one,
    as a notebook calls it, it returns the same in an `InLanguages`: for a list a list of them, and None where
    there is nothing to show.

    Raises
    ------
    ReportError
        When called: one language shows something where another shows nothing or less.
    """
    signature = inspect.signature(function)
    assert "language" in signature.parameters, function
    one_by_one: Callable[..., Any] = function

    @wraps(function)
    def said(*args: _P.args, **kwargs: _P.kwargs) -> Any:
        if "language" in signature.bind_partial(*args, **kwargs).arguments:
            return function(*args, **kwargs)
        written = {one: one_by_one(*args, **{**kwargs, "language": one}) for one in LANGUAGES}
        return together(written, function.__name__)

    return said


def _own(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """What the page is made from: the media types of our own."""
    return {media: data for media, data in bundle.items() if media.startswith(_OURS)}


def together(written: Mapping[Any, Any], where: str) -> Any:
    """What was made in each language as one, item by item for lists; None where it is nothing."""
    values = list(written.values())
    if all(value is None for value in values):
        return None
    if all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1:
        items = zip(*values, strict=True)
        return [together(dict(zip(written, item, strict=True)), where) for item in items]
    if any(value is None or isinstance(value, list) for value in values):
        raise ReportError("The languages do not show the same.", where=where)
    return InLanguages(written)
