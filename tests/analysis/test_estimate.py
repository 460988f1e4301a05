"""One row for a number, and the one writer of result files."""

from __future__ import annotations

import json
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evaluation.analysis.estimate import Estimate, as_frame, with_leads
from evaluation.analysis.results import collect
from evaluation.plain import plain

STATED = {
    "unit": "days",
    "estimator": "e",
    "estimand": "effect",
    "n_units": 8,
    "n_periods": 4,
    "n_treated": 1,
}


def made(outcome: str = "a", **stated: Any) -> Estimate:
    return Estimate(**{"outcome": outcome, "value": 1.5, **STATED, **stated})


def test_a_row_of_a_table_becomes_an_estimate() -> None:
    row = {"outcome": "a", "estimate": 1.5, "ci_low": nan, "p_value": 0.25, "n_as_extreme": 1.0, "other": 3}
    found = Estimate.of(row, **STATED, p_value=0.5)
    assert (found.value, found.p_value, found.n_as_extreme) == (1.5, 0.5, 1)
    assert type(found.n_as_extreme) is int
    assert Estimate.of({**row, "n_as_extreme": nan}, **STATED).n_as_extreme is None


def test_a_record_has_every_attribute_and_null_for_what_is_absent() -> None:
    record = made(period="M", comparison="near", more={"rank": np.int64(2)}).as_record({"comparison": "pool"})
    assert (record["unit"], record["base_unit"], record["period"]) == ("days a period", "days", "M")
    assert (record["estimate"], record["pool"], record["rank"]) == (1.5, "near", 2)
    assert record["std_error"] is record["n_as_extreme"] is record["reason"] is None
    assert not {"value", "comparison", "more"} & set(record)
    assert as_frame([made(), made("b")])["outcome"].tolist() == ["a", "b"]


def test_one_row_of_each_outcome_leads() -> None:
    rows = [made("a", comparison="near"), made("b", comparison="near"), made("a", comparison="far")]
    assert [row.leads for row in with_leads(rows)] == [True, True, False]
    far = with_leads(rows, lambda row: row.comparison == "far")
    assert [row.leads for row in far] == [False, True, True]
    # marked again, the mark moves
    assert [row.leads for row in with_leads(far)] == [True, True, False]


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ({1: (np.float64(nan), inf)}, {"1": [None, None]}),
        ([np.int64(3), np.bool_(True), "a", None], [3, True, "a", None]),
        (2.0, 2.0),
    ],
)
def test_values_become_what_json_knows(value: Any, known: Any) -> None:
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == known


def test_the_file_has_its_parts_and_sections() -> None:
    text = SimpleNamespace(model_dump=lambda: {"en": "T", "zh": "题"})
    case = SimpleNamespace(
        study=SimpleNamespace(id="s", title=text, question=text, seed=1),
        overrides={},
        sources=[SimpleNamespace(name="t", sha256="0", simulated=np.bool_(True))],
    )
    content = collect(case, [made(value=1 / 3)], files={"f": "1"}, digits=3, truth=[{"x": nan}]).content
    assert content["data"] == [
        {"name": "f", "sha256": "1", "simulated": False},
        {"name": "t", "sha256": "0", "simulated": True},
    ]
    assert content["estimates"][0]["estimate"] == 0.333
    assert (content["truth"], content["claims"], content["diagnostics"]) == ([{"x": None}], [], [])
