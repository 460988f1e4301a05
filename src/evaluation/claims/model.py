"""Frozen models of what is read from TOML files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

LANGUAGES = ("en", "zh")


class Model(BaseModel):
    """Frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        """TOML has arrays, a frozen model has tuples."""
        if isinstance(value, dict):
            return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return value


class Text(Model):
    """A sentence: one string for every language of its file, or a table with a string a language.

    A language that the file does not ask for reads as the other one. A text that a file leaves out is
    `NOTHING`, which is false and reads as the empty string.
    """

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any, info: ValidationInfo) -> Any:
        """Write a plain string out, and leave empty what the file's languages ask for and a table lacks."""
        if isinstance(value, str):
            if not value.strip():
                raise ValueError("is empty: write it out, or take the key out")
            return dict.fromkeys(LANGUAGES, value)
        if not isinstance(value, dict):
            return value
        asked = (info.context or {}).get("languages", ())
        others = [value[language] for language in LANGUAGES if value.get(language)]
        spare = {language: others[0] for language in LANGUAGES if others}
        return {**spare, **dict.fromkeys(asked), **value}

    def __getitem__(self, language: str) -> str:
        return str(getattr(self, language))

    def __bool__(self) -> bool:
        return bool(self.en or self.zh)


NOTHING = Text.model_construct(en="", zh="")
