"""The file of settings by which a city's own export becomes a table: TOML, every key checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.errors import DataError


class Strict(BaseModel):
    """Settings that take no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Strict):
    """A text in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


Settings = TypeVar("Settings", bound=Strict)


def read_settings(path: Path, model: type[Settings]) -> Settings:
    """Read the settings of an import.

    Raises
    ------
    DataError
        The file is absent, is not TOML, or has a key that is unknown, absent or wrong: all are listed.
    """
    try:
        loaded = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(
            "the settings of the import cannot be read",
            where=f"{path}: {error.strerror or error}",
            expected="a TOML file; data/README.md shows one",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            "the settings of the import are not TOML in UTF-8", where=f"{path}: {error}"
        ) from None
    return check_settings(loaded, path, model)


def check_settings(loaded: Mapping[str, Any], path: Path, model: type[Settings]) -> Settings:
    """Settings as they were read from a file, checked."""
    try:
        return model.model_validate(loaded)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'the file'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise DataError(
            f"the settings of the import have {error.error_count()} wrong keys",
            where=f"{path}: {wrong}",
            expected="the keys " + ", ".join(model.model_fields),
            fix="correct them; data/README.md shows a whole file",
        ) from None
