"""One shown object in every language, so that a notebook runs once for all its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from evaluation.errors import ReportError
from evaluation.report.display import MEDIA, Bundle
from evaluation.report.language import LANGUAGES
from evaluation.report.text import Text

IN_LANGUAGES = MEDIA.format("languages")
_OURS = MEDIA.partition("{")[0]

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


def spoken(
    folder: str = "", given: Callable[[Any, str], Mapping[str, Any]] | None = None
) -> Callable[[Callable[..., _T]], Callable[..., Any]]:
    """Let a section that writes with ``text`` be called without: it is written in each language of its study.

    Parameters
    ----------
    folder : str
        Of the templates that the section's sentences stand in (`evaluation.report.text.Text`).
    given : callable, optional
        From a case and a language to what every sentence may name.

    Returns
    -------
    callable
        The decorator. What is shown is an `InLanguages`, for a list a list of them, None where nothing is
        shown. The languages are those of the first argument's study; without one, all there are. With a
        ``text``, as another section calls it, the function returns what it says it returns.

    Raises
    ------
    ReportError
        When called: one language shows something where another shows nothing or less.
    """

    def decorated(function: Callable[..., _T]) -> Callable[..., Any]:
        @wraps(function)
        def said(*args: Any, **named: Any) -> Any:
            if "text" in named:
                return function(*args, **named)
            case = args[0] if args else None
            study = getattr(case, "study", None)
            written = {
                one: function(*args, **named, text=Text(one, given(case, one) if given else None, folder))
                for one in getattr(study, "languages", LANGUAGES)
            }
            return together(written, function.__name__)

        return said

    return decorated


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
