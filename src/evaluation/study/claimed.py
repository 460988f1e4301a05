"""Claims of a study that the ledger states: the study names them by id, and the rest stands in the ledger."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from evaluation.claims.entries import Claim, ClaimsFile, load_claims
from evaluation.errors import StudyError

LEDGER = "claims"
"""The ledger of a project is ``data/claims.toml``."""
_STATED = ("text", "value", "unit")


def fill_claims(raw: dict[str, Any], model: type[BaseModel], root: Path) -> None:
    """Complete the claims of a study file, as read, that leave value, unit or text to the ledger.

    Every key that such a claim does not give itself is the ledger's: ``value, unit, rounding, text`` (the
    indicator) and, where the claim has an ``outcome``, ``kind`` and the periods, else ``kind = "none"`` and
    ``needs`` (the data that would settle it).

    Parameters
    ----------
    raw : dict
        The content of the file; it is changed.
    model : type
        Of its kind of study.
    root : Path
        The project folder.

    Raises
    ------
    StudyError
        A claim is not stated in full, and the ledger has no claim with its id.
    DataError
        The ledger cannot be read, or is wrong.
    """
    inner = model.model_fields.get("here")
    if inner is not None and isinstance(raw.get("here"), dict):
        _fill(raw["here"], _model(inner.annotation), root, "here.")
    _fill(raw, model, root, "")


def _model(annotation: Any) -> type[BaseModel]:
    """The model of an entry in an annotation such as ``tuple[Model, ...]``, or of the annotation itself."""
    return next(one for one in (*get_args(annotation), annotation) if isinstance(one, type))


def _fill(raw: dict[str, Any], model: type[BaseModel], root: Path, where: str) -> None:
    entries = raw.get("claims")
    if "claims" not in model.model_fields or not isinstance(entries, list):
        return
    dicts = [entry for entry in entries if isinstance(entry, dict) and "id" in entry]
    named = [entry for entry in dicts if any(key not in entry for key in _STATED)]
    if not named:
        return
    path = root / "data" / f"{LEDGER}.toml"
    known: dict[str, Claim] = {}
    if path.is_file():
        ledger = load_claims(path, None)
        known = {claim.id: claim for claim in ledger.claims}
    lost = [f"{where}claims.{entry['id']}" for entry in named if entry["id"] not in known]
    if lost:
        raise StudyError(
            "a claim is not stated in full",
            where=", ".join(lost),
            expected=f"{', '.join(_STATED)}; or the id of a claim of data/{LEDGER}.toml, which states them",
            fix="correct the id, or state the claim in the study",
        )
    fields = _model(model.model_fields["claims"].annotation).model_fields
    for entry in named:
        stated = _stated(ledger, known[entry["id"]], entry, testable="kind" in fields)
        entry.update({key: value for key, value in stated.items() if key in fields and key not in entry})


def _stated(ledger: ClaimsFile, claim: Claim, entry: dict[str, Any], testable: bool) -> dict[str, Any]:
    """What the ledger says of a claim, under the keys of studies of every kind."""
    stated: dict[str, Any] = {
        "text": claim.indicator.model_dump(),
        "value": claim.value,
        "unit": ledger.units[claim.unit].model_dump(),
        "rounding": claim.step,
    }
    if testable and "outcome" in entry and entry.get("kind") != "none":
        stated |= {"kind": claim.kind, "after": claim.period, "before": claim.baseline}
        years = {"year": claim.period, "baseline": claim.baseline}
        stated |= {key: int(year) for key, year in years.items() if year and re.fullmatch(r"\d{4}", year)}
    else:
        data = claim.data or ledger.systems[claim.system].data
        stated |= {"kind": "none", "needs": data.model_dump()}
    return stated
