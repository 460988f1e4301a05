"""Which number of a result file leads, for every kind of study."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from evaluation.pipeline.grids.gathered import _result
from evaluation.pipeline.grids.leading import claims_of, leading, says_who_leads, verdict_of
from evaluation.study import load_study


def row(outcome: str, estimate: float | None, **others: Any) -> dict[str, Any]:
    made = {"outcome": outcome, "unit": "days", "base_unit": "days", "estimator": "e", "estimate": estimate}
    return {**made, "ci_low": None, "ci_high": None, "leads": True, **others}


def result(*rows: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"estimates": list(rows), **others}


def one(results: list[Any], wishes: list[dict[str, str]] | None = None, study: Any = None) -> Any:
    return leading(results, [study] * len(results), wishes or [{}] * len(results))


def other(outcome: str, estimate: float, **others: Any) -> dict[str, Any]:
    return row(outcome, estimate, leads=False, **others)


def test_the_row_that_leads_is_compared() -> None:
    (measure,), numbers = one([result(other("a", 1.0), row("a", 2.0)), result(row("a", 3.0))])
    assert (measure.id, measure.unit["zh"]) == ("a", "天")
    assert [found["a"].estimate for found in numbers] == [2.0, 3.0]


def test_an_axis_that_is_a_column_of_the_rows_picks_the_row() -> None:
    rows = (
        row("a", 1.0, pool="all"),
        other("a", 4.0, date="2015-01", pool="near"),
        other("a", 2.0, date="2015-01", pool="all"),
        other("a", 3.0, date="2016-03", pool="all"),
    )
    wishes = [{"date": "2015-01"}, {"date": "2016-03"}]
    _, numbers = one([result(*rows), result(*rows)], wishes)
    assert [found["a"].estimate for found in numbers] == [2.0, 3.0]
    # a value that one result has no row for is no column in any: all keep the one that leads
    _, numbers = one([result(*rows), result(*rows)], [{"date": "2015-01"}, {"date": "2017-01"}])
    assert [found["a"].estimate for found in numbers] == [1.0, 1.0]


def test_a_file_of_an_earlier_version_does_not_say_who_leads() -> None:
    old = {"outcome": "a", "unit": "days", "estimate": 1.0}
    assert not says_who_leads(result(old))
    assert not says_who_leads(result(row("a", 1.0), row("a", 2.0)))
    assert not says_who_leads(result(row("a", 1.0), other("b", 2.0)))
    assert says_who_leads(result(row("a", 1.0), other("a", 2.0), {**old, "rank": 1}))


def test_a_file_of_an_earlier_version_is_not_compared(tmp_path: Path) -> None:
    place: Any = SimpleNamespace(result=tmp_path / "s.json")
    assert "missing or cannot be read" in _result(place)[1]
    place.result.write_text(json.dumps(result({"outcome": "a", "estimate": 1.0})), "utf-8")
    found, why = _result(place)
    assert found is None
    assert "run the study again" in why
    place.result.write_text(json.dumps(result(row("a", 1.0))), "utf-8")
    assert _result(place) == (result(row("a", 1.0)), "")


def test_percent_makes_units_alike() -> None:
    both = (
        result(row("a", -0.7, base_unit="log points", percent=-50.0, percent_low=-60.0, percent_high=None)),
        result(row("a", -1.3, base_unit="a rate", percent=-45.0, percent_low=-60.0, percent_high=-20.0)),
    )
    (measure,), numbers = one(list(both))
    assert measure.unit["en"] == "%"
    assert [found["a"].estimate for found in numbers] == [-50.0, -45.0]
    assert isnan(numbers[0]["a"].high)
    assert not numbers[0]["a"].known
    plain = [result(row("a", 1.0, unit="days")), result(row("a", 1.0, unit="points"))]
    assert one(plain)[0] == ()


def test_what_was_not_made_and_what_is_no_number_has_none() -> None:
    measures, numbers = one([None, result(row("a", None)), result(row("a", 2.0))])
    assert [measure.id for measure in measures] == ["a"]
    assert numbers[:2] == [{}, {}]
    assert numbers[2]["a"].estimate == 2.0
    assert one([None, None]) == ((), [{}, {}])
    ranking = result(row("a", 1.0, rank=1, place="x"))
    assert one([ranking])[0] == ()
    assert one([{"study": "claims", "claims": []}])[0] == ()
    assert one([{**result(row("gdp", 1.0)), "kind": "ledger"}])[0] == ()


def test_the_headline_leads_and_speaks_both_languages(root: Any) -> None:
    study = load_study("pollution_enforcement", root=root)
    rows = result(
        row("so2", 1.0, unit="µg/m³ a period", base_unit="µg/m³", period="M"), row("good_days", 2.0)
    )
    measures, _ = one([rows], study=study)
    assert [measure.id for measure in measures] == ["good_days", "so2"]
    assert measures[0].label == {"en": "Good-air days (index recomputed)", "zh": "优良天数（按国标重算）"}
    assert measures[1].unit == {"en": "µg/m³", "zh": "微克/立方米"}


def test_days_add_up_over_a_month(root: Any) -> None:
    study = load_study("pollution_enforcement", root=root)
    (measure,), _ = one([result(row("good_days", 2.0, period="M"))], study=study)
    assert measure.unit == {"en": "days a month", "zh": "天/月"}


def test_the_verdict_is_the_rules_else_the_first_claim_on_a_change() -> None:
    claims = [
        {"id": "level", "attributable": {"verdict": "not_testable"}, "reproduced": {"verdict": "close"}},
        {"id": "change", "attributable": {"verdict": "not_distinguishable"}},
    ]
    study = SimpleNamespace(
        claims=[
            SimpleNamespace(id="level", outcome="a", kind="level"),
            SimpleNamespace(id="change", outcome="a", kind="change"),
        ]
    )
    assert verdict_of({"claims": claims}, study, "a") == "not_distinguishable"
    assert verdict_of({"claims": claims}, study, "b") == ""
    own = {"claims": claims, "verdicts": {"a": {"verdict": "opposite"}}}
    assert verdict_of(own, study, "a") == "opposite"
    assert claims_of({"claims": claims}) == {
        "level": "not_testable",
        "reproduced:level": "close",
        "change": "not_distinguishable",
    }
