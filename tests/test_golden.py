"""Results of all studies as they were when the last number was meant to move.

``tests/golden/<study>.json`` holds every number of a result file and the sentences of its answer. A number
is looked for anywhere in the study's result file: the layout of these files may change, the numbers may not.
After a number was moved on purpose (and has its line in CHANGELOG.md), freeze them anew:
``python tests/test_golden.py reports/results``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"
STUDIES = sorted(path.stem for path in GOLDEN.glob("*.json"))
ABOUT_THE_RUN = ("data", "inputs", "versions", "seed", "generated", "commit", "overrides")
RELATIVE, ABSOLUTE = 1e-7, 1e-10


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a result file that tells one result from another, and where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path or key not in ABOUT_THE_RUN:
                yield from numbers(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from numbers(inner, f"{path}[{i}]")
    elif isinstance(value, float) and abs(value - round(value)) > 1e-9:
        # small whole numbers are counts, which stand everywhere and prove nothing
        yield path, float(value)


def missing(golden: dict[str, float], result: dict[str, Any]) -> list[str]:
    """Golden numbers that a result file does not hold."""
    found = np.sort([value for _, value in numbers(result)])
    wanted = np.array(list(golden.values()))
    near = np.searchsorted(found, wanted)
    gap = np.minimum(
        np.abs(found[np.clip(near, 0, len(found) - 1)] - wanted),
        np.abs(found[np.maximum(near - 1, 0)] - wanted),
    )
    lost = gap > ABSOLUTE + RELATIVE * np.abs(wanted)
    return [f"{path} = {value!r}" for (path, value), gone in zip(golden.items(), lost, strict=True) if gone]


@pytest.mark.parametrize("study", STUDIES)
def test_no_number_and_no_answer_moved(study: str, built_site: Path) -> None:
    golden = json.loads((GOLDEN / f"{study}.json").read_text("utf-8"))
    result = json.loads((built_site / "results" / f"{study}.json").read_text("utf-8"))
    assert not missing(golden["numbers"], result)
    assert result["answer"] == golden["answer"]


def test_every_study_is_frozen(root: Path) -> None:
    assert sorted(path.stem for path in (root / "studies").glob("*.toml")) == STUDIES


def test_a_number_that_moved_is_found() -> None:
    golden = {"estimates[0].estimate": 1.25, "estimates[1].estimate": -3.5}
    assert missing(golden, {"rows": [{"value": 1.25 * (1 + 1e-9)}, {"other": [-3.5]}]}) == []
    assert missing(golden, {"rows": [{"value": 1.25}, {"other": [-3.5001]}]}) == [
        "estimates[1].estimate = -3.5"
    ]


def write(results: Path) -> None:
    """Freeze the result files of a folder."""
    GOLDEN.mkdir(exist_ok=True)
    for path in sorted(results.glob("*.json")):
        result = json.loads(path.read_text("utf-8"))
        frozen = {"answer": result["answer"], "numbers": dict(numbers(result))}
        text = json.dumps(frozen, ensure_ascii=False, indent=0, sort_keys=True)
        (GOLDEN / path.name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
