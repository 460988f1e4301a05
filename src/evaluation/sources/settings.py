"""The settings by which a city's own export becomes a table: TOML, every key checked.

They stand in a file of their own, or in the study file that the table is for, under ``[import]``: then
``table`` is that of ``[data]`` where it is not given, and paths are relative to the study file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.errors import DataError
from evaluation.sources.exports import Columns, Mapped

IMPORT = "import"
"""The table of a study file that holds the settings."""


_KINDS = {"extra_forbidden": "unknown key", "missing": "missing key"}


class Strict(BaseModel):
    """Settings that take no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Strict):
    """A text in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


def first_months(value: Any) -> Any:
    """Places with the first month of a measure, each written 2015-04.

    Raises
    ------
    ValueError
        A month that cannot be read.
    """
    if not isinstance(value, dict):
        return value
    out = {}
    for place, month in value.items():
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", str(month)[:7]):
            raise ValueError(f"{place}: expected a month such as 2015-04")
        out[place] = str(month)[:7]
    return out


Settings = TypeVar("Settings", bound=Strict)


def read_settings(path: Path, model: type[Settings]) -> Settings:
    """Read the settings of an import, from a file of its own or from ``[import]`` of a study file.

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
    if IMPORT in loaded or "kind" in loaded or "question" in loaded:
        loaded = _of_study(loaded, path)
    return check_settings(loaded, path, model)


def _of_study(loaded: Mapping[str, Any], path: Path) -> dict[str, Any]:
    if not isinstance(loaded.get(IMPORT), dict):
        raise DataError(
            "the study file does not say how its table is made from an export",
            where=str(path),
            expected=f"a table [{IMPORT}] with the keys that data/README.md shows",
            fix=f"add [{IMPORT}], or name a file of settings after --raw",
        )
    data = loaded.get("data", {})
    table = {"table": data["table"]} if isinstance(data, dict) and "table" in data else {}
    return {**table, **loaded[IMPORT]}


def named(path: Path) -> str:
    """The settings as the manifest names them: a study file with its folder."""
    return f"{path.parent.name}/{path.name}" if path.parent.name == "studies" else path.name


def mapped(columns: Columns, path: Path) -> Mapped:
    """The headers that settings name, with the place where they name them."""
    text = path.read_text(encoding="utf-8-sig")
    return Mapped(columns, path, f"{IMPORT}.columns" if IMPORT in tomllib.loads(text) else "columns")


def check_settings(loaded: Mapping[str, Any], path: Path, model: type[Settings]) -> Settings:
    """Settings as they were read from a file, checked."""
    try:
        return model.model_validate(loaded)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'the file'}: "
            + (_KINDS.get(item["type"]) or item["msg"].removeprefix("Value error, "))
            for item in error.errors()
        )
        count = error.error_count()
        raise DataError(
            f"the settings of the import have {count} wrong {'key' if count == 1 else 'keys'}",
            where=f"{path}: {wrong}",
            expected="the keys " + ", ".join(model.model_fields),
            fix="correct them; data/README.md shows a whole file",
        ) from None
