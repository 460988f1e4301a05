"""What moved between two result files of one study, and what of its inputs changed in between."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Part = Literal["answer", "claim", "estimate", "diagnostic", "data", "version", "other"]

CIRCUMSTANCES = ("generated", "commit", "inputs")
"""Keys of a result file that say how it was made; a change of these alone moves nothing."""

CLOSE = 1e-9
"""Numbers nearer to each other than this fraction are the same: other processors round otherwise."""

_NUMBERS = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "n_units", "n_periods", "n_treated")
_NOT_A_NAME = ("unit", "base_unit", "period", "inference", "estimand", "reason")
_COMPARED = ("answer", "claims", "estimates", "diagnostics", "data", "versions", *CIRCUMSTANCES)


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was.

    Attributes
    ----------
    part : str
        Kind of thing: an estimate with its interval, a claim with its verdicts, a check, a table of
        data, a version, the answer, or another key of the result file.
    name : str
        Which one, by the ids of the result file.
    before, after : mapping or scalar or None
        What was recorded of it; None where there was nothing.
    unit : str
        Unit of the numbers, where they have one.
    """

    part: Part
    name: str
    before: Any
    after: Any
    unit: str = ""

    @property
    def verdict(self) -> bool:
        """Whether a verdict changed, or a claim came or went."""
        if self.part != "claim":
            return False
        keys = ("reproduced", "attributable")
        return any((self.before or {}).get(key) != (self.after or {}).get(key) for key in keys)


@dataclass(frozen=True)
class Cause:
    """An input that differs between the two runs: data, study, notebook, code or versions."""

    what: Literal["data", "study", "notebook", "code", "versions"]
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Moved:
    """Everything that moved, the verdicts first, and the inputs that changed."""

    changes: tuple[Change, ...] = ()
    causes: tuple[Cause, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """The same as plain lists, for ``--json``."""
        return {
            "moved": [asdict(change) for change in self.changes],
            "changed_inputs": [asdict(cause) for cause in self.causes],
        }


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> Moved:
    """Compare two results.

    Parameters
    ----------
    before, after : mapping
        Contents of result files. Entries are matched by their names (outcome, estimator, pool, date and
        whatever other text tells them apart), not by their place in the list.

    Returns
    -------
    Moved
        Numbers that agree to 9 digits have not moved.
    """
    changes = [
        *_claims(before, after),
        *_answer(before, after),
        *_estimates(before, after),
        *_diagnostics(before, after),
        *_data(before, after),
        *_versions(before, after),
        *_others(before, after),
    ]
    changes.sort(key=lambda change: not change.verdict)
    return Moved(tuple(changes), tuple(_causes(before, after)))


def _pairs(
    part: Part, old: Mapping[str, Any], new: Mapping[str, Any], units: Mapping[str, str] | None = None
) -> list[Change]:
    """Changes between two collections of named things, in the order of the newer one."""
    names = [*new, *(name for name in old if name not in new)]
    return [
        Change(part, name, old.get(name), new.get(name), (units or {}).get(name, ""))
        for name in names
        if not _same(old.get(name), new.get(name))
    ]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(_same(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)]
    if all(numbers):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=1e-12)
    return bool(one == other)


def _estimates(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    rows = _comparable(*(result.get("estimates") or [] for result in (before, after)))
    # the estimand, a whole sentence, is part of a name only where either result needs it
    shared = {name for found in rows for name, n in Counter(map(_short, found)).items() if n > 1}
    old, new = (_named(found, shared) for found in rows)
    units = {name: str(row.get("unit", "")) for found in (old, new) for name, row in found.items()}
    numbers = [
        {name: {key: row[key] for key in _NUMBERS if key in row} for name, row in found.items()}
        for found in (old, new)
    ]
    return _pairs("estimate", numbers[0], numbers[1], units)


def _comparable(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[Sequence[Mapping[str, Any]]]:
    """Rows with the keys that both files know: what a newer version writes beside them moves nothing."""
    if not (before and after):
        return [before, after]
    both = {key for row in before for key in row} & {key for row in after for key in row}
    return [[{key: row[key] for key in row if key in both} for row in rows] for rows in (before, after)]


def _named(rows: Sequence[Mapping[str, Any]], shared: set[str]) -> dict[str, Mapping[str, Any]]:
    """Rows by the text that tells them apart."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        name = _short(row)
        if name in shared and row.get("estimand"):
            name = f"{name}, {row['estimand']}"
        number, base = 1, name
        while name in found:
            number += 1
            name = f"{base} #{number}"
        found[name] = row
    return found


def _short(row: Mapping[str, Any]) -> str:
    return ", ".join(
        str(value) for key, value in row.items() if isinstance(value, str) and key not in _NOT_A_NAME
    )


def _claims(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    return _pairs("claim", _judged(before.get("claims") or []), _judged(after.get("claims") or []))


def _judged(claims: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for claim in claims:
        reproduced, attributable = claim.get("reproduced") or {}, claim.get("attributable") or {}
        found[str(claim.get("id"))] = {
            "claimed": claim.get("claimed"),
            "reproduced": reproduced.get("verdict"),
            "value": reproduced.get("value"),
            "attributable": attributable.get("verdict"),
            **{key: attributable.get(key) for key in ("estimate", "ci_low", "ci_high", "p_value")},
        }
    return found


def _answer(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    old, new = before.get("answer"), after.get("answer")
    return [] if _same(old, new) else [Change("answer", "answer", old, new)]


def _diagnostics(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    keys = ("verdict", "statistic", "p_value")
    found = []
    for result in (before, after):
        checks: dict[str, dict[str, Any]] = {}
        for check in result.get("diagnostics") or []:
            name = str(check.get("name"))
            while name in checks:
                name += "′"
            checks[name] = {key: check.get(key) for key in keys}
        found.append(checks)
    return _pairs("diagnostic", found[0], found[1])


def _data(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    found = []
    for result in (before, after):
        rows = (result.get("inputs") or {}).get("rows") or {}
        found.append(
            {
                str(source.get("name")): {
                    "sha256": source.get("sha256"),
                    "rows": rows.get(source.get("name")),
                    "simulated": source.get("simulated"),
                }
                for source in result.get("data") or []
            }
        )
    return _pairs("data", found[0], found[1])


def _versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    return _pairs("version", before.get("versions") or {}, after.get("versions") or {})


def _others(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Whatever else a kind of study records: its rule, its yearly values, its ledger."""
    old, new = ({key: value for key, value in one.items() if key not in _COMPARED} for one in (before, after))
    if _same(old, new):
        return []
    changes = []
    for place in _differences(old, new):
        values = _at(old, place), _at(new, place)
        if not _same(*values):
            changes.append(Change("other", place, *values))
    return changes


def _at(result: Any, place: str) -> Any:
    """The value at a place that `_differences` named, None where there is none."""
    for step in place.replace("[", ".[").split("."):
        if step.startswith("["):
            result = result[int(step[1:-1])] if isinstance(result, list) else None
        else:
            result = result.get(step) if isinstance(result, Mapping) else None
    return result


def _causes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Cause]:
    old, new = before.get("inputs") or {}, after.get("inputs") or {}
    causes = []
    if _checksums(before) != _checksums(after):
        causes.append(Cause("data"))
    if old.get("study") and new.get("study") and old["study"] != new["study"]:
        causes.append(Cause("study"))
    if old.get("notebook") and new.get("notebook") and old["notebook"] != new["notebook"]:
        causes.append(Cause("notebook"))
    commits = str(before.get("commit") or ""), str(after.get("commit") or "")
    digests = old.get("package"), new.get("package")
    # the commit also counts what is not code; it stands in only where the code itself was not recorded
    if (digests[0] != digests[1]) if all(digests) else (commits[0] != commits[1]):
        causes.append(Cause("code", *commits))
    if before.get("versions") != after.get("versions"):
        causes.append(Cause("versions"))
    return causes


def _checksums(result: Mapping[str, Any]) -> dict[str, str]:
    return {str(source.get("name")): str(source.get("sha256")) for source in result.get("data") or []}


def _differences(first: Any, second: Any, place: str = "") -> list[str]:
    """Keys at which two results differ."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        keys = [*first, *(key for key in second if key not in first)]
        absent = object()
        return [
            item
            for key in keys
            for item in _differences(
                first.get(key, absent), second.get(key, absent), f"{place}.{key}".lstrip(".")
            )
        ]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [item for i, (a, b) in pairs for item in _differences(a, b, f"{place}[{i}]")]
    return [] if type(first) is type(second) and first == second else [place or "the result"]
