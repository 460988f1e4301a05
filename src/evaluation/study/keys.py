"""Whether a dotted key is one of a study's, before anything is made of its value."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import AliasChoices, BaseModel

from evaluation.errors import StudyError, shortlist

_SHOWN = 40


def require_key(study: BaseModel, key: str, where: str) -> None:
    """Check that a study has a key.

    Parameters
    ----------
    study : BaseModel
        A study that loads.
    key : str
        Dotted; an entry of a list is named by its id or its number from 0: ``outcomes.theft.model``.
    where : str
        Where the key was given, for the message.

    Raises
    ------
    StudyError
        The study has no such key: names it, and the keys that there are in its place.
    """
    parts = key.split(".")
    place: Any = study
    for i, part in enumerate(parts):
        before = ".".join(parts[:i])
        if isinstance(place, dict):
            return  # a free table, such as [truth]: its names are checked with its values
        if isinstance(place, tuple):
            place = _entry(place, part, before, key, where)
            continue
        fields = _fields(place)
        if part not in fields:
            raise StudyError(
                f"the study has no key {key!r}",
                where=where,
                expected=f"{before + '.' if before else ''}KEY, with KEY one of {shortlist(fields, _SHOWN)}"
                if fields
                else f"{before!r}, which has no keys inside it",
                fix="every key is named in docs/study-file.md",
            )
        value = getattr(place, fields[part][0], None)
        place = value if value is not None else _model(fields[part][1])


def _fields(place: Any) -> dict[str, tuple[str, Any]]:
    """Names of the keys that a model has, with the field and its annotation; none for a plain value."""
    model = place if isinstance(place, type) else type(place)
    if not issubclass(model, BaseModel):
        return {}
    found = {name: (name, field.annotation) for name, field in model.model_fields.items()}
    for name, field in model.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices):
            found |= {str(other): (name, field.annotation) for other in field.validation_alias.choices}
    return found


def _model(annotation: Any) -> Any:
    """The model in an annotation such as ``Model | None``: the key is absent from the file."""
    options = [annotation, *get_args(annotation)]
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _entry(entries: tuple[Any, ...], part: str, before: str, key: str, where: str) -> Any:
    ids = [getattr(entry, "id", None) for entry in entries]
    if part in ids:
        return entries[ids.index(part)]
    if part.isdigit() and int(part) < len(entries):
        return entries[int(part)]
    known = [name for name in ids if name is not None] or range(len(entries))
    raise StudyError(
        f"the study has no key {key!r}: {before} has no entry {part!r}",
        where=where,
        expected=f"one of {shortlist(known, _SHOWN)}",
    )
