"""Questions and answers of the checks, made from a key and numbers by the sentences in ``sentences.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

from evaluation.diagnostics.base import LANGUAGES, show, show_p, show_percent


class Said(Mapping[str, str]):
    """A sentence by language, with the key and the numbers that it is made from.

    Parameters
    ----------
    table : str
        Of ``sentences.toml``, one a check.
    key : str
        Which sentence, such as ``too_few``.
    **numbers : object
        What it tells: unrounded numbers, keys of words, and names (by language where they differ).
    """

    def __init__(self, table: str, key: str, **numbers: Any) -> None:
        self.table, self.key, self.numbers = table, key, numbers
        if key not in _sentences()[table]:
            raise KeyError(f"no sentence {key!r} of {table!r}")

    def __getitem__(self, language: str) -> str:
        sentence: str = _sentences()[self.table][self.key][language]
        return _Filler(self, language).format(sentence, **self.numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(LANGUAGES)

    def __len__(self) -> int:
        return len(LANGUAGES)


class _Filler(Formatter):
    def __init__(self, said: Said, language: str) -> None:
        self.said, self.language = said, language

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(str(key), key)

    def format_field(self, value: Any, how: str) -> str:
        if how == "in":
            return Said(self.said.table, value, **self.said.numbers)[self.language]
        if how == "p":
            return show_p(value)
        if how == "pct":
            return show_percent(value)
        if how in ("s2", "s3"):
            return show(value, int(how[1]))
        return format(value[self.language] if isinstance(value, Mapping) else value, how)


@cache
def _sentences() -> dict[str, dict[str, dict[str, str]]]:
    text = files("evaluation.diagnostics").joinpath("sentences.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
