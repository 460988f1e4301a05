"""The project's own studies, end to end: what a run leaves in the reports folder."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation.pipeline.plan import how_made, plan
from evaluation.pipeline.records import history
from evaluation.pipeline.render import render
from evaluation.pipeline.site import Place, result_text
from evaluation.study import list_studies

STUDY = "pollution_enforcement"
ESTIMATE = {
    "outcome",
    "unit",
    "estimator",
    "estimand",
    "estimate",
    "std_error",
    "ci_low",
    "ci_high",
    "p_value",
}
ESTIMATE |= {"inference", "n_units", "n_periods", "n_treated"}


@pytest.fixture(scope="module")
def result(built_site: Path) -> dict[str, Any]:
    """The pollution study's result file."""
    text = (built_site / "results" / f"{STUDY}.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_every_study_has_both_pages_and_a_result(built_site: Path, root: Path) -> None:
    expected = {"index.html"}
    for study in list_studies(root):
        expected |= {f"en/{study}.html", f"zh/{study}.html", f"results/{study}.json"}
        content = history.content_of(
            json.loads((built_site / "results" / f"{study}.json").read_text("utf-8"))
        )
        expected |= {f"history/{study}/log.json", f"history/{study}/{content}.json"}
    assert {p.relative_to(built_site).as_posix() for p in built_site.rglob("*") if p.is_file()} == expected


def test_good_days_are_those_of_the_record(result: dict[str, Any]) -> None:
    recomputed, published = result["years"]
    assert recomputed["values"] == {"2014": 119, "2015": 136, "2016": 186}
    assert published["values"] == {"2014": 104, "2015": 140, "2016": 202}
    assert recomputed["others_change"]["province"] == pytest.approx(50.875)
    assert recomputed["difference"]["province"] == pytest.approx(16.125)


def test_one_estimate_of_each_outcome_leads(built_site: Path) -> None:
    for path in (built_site / "results").glob("*.json"):
        rows = json.loads(path.read_text("utf-8"))["estimates"]
        led = [row["outcome"] for row in rows if row["leads"]]
        assert sorted(led) == sorted({row["outcome"] for row in rows}), path.name


def test_the_result_file_has_its_shape(result: dict[str, Any]) -> None:
    assert list(result)[:9] == [
        "study", "title", "question", "overrides", "generated", "commit", "versions", "seed", "data",
    ]  # fmt: skip
    assert result["study"] == STUDY
    assert set(result["question"]) == {"en", "zh"}
    assert result["generated"] == "2017-07-25T00:00:00Z"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", result["commit"])
    assert result["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert result["overrides"] == {}
    for entry in result["data"]:
        assert set(entry) == {"name", "sha256", "simulated"}
        assert re.fullmatch(r"[0-9a-f]{64}", entry["sha256"])
        assert entry["simulated"] is False
    assert result["estimates"]
    for row in result["estimates"]:
        assert set(row) >= ESTIMATE
    assert result["claims"]
    for claim in result["claims"]:
        assert claim["reproduced"]["verdict"] in {"reproduced", "close", "not_reproduced", "no_data"}
        verdict = claim["attributable"]["verdict"]
        assert verdict in {"beyond_comparison", "not_distinguishable", "opposite", "not_testable"}
        assert set(claim["attributable"]) == {"estimate", "ci_low", "ci_high", "p_value", "verdict", "reason"}


def test_the_page_made_again_is_the_same_byte_for_byte(
    built_site: Path, root: Path, result: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    # the commit of the first run, should the checkout have moved on meanwhile
    made = {**how_made(root), "commit": result["commit"]}
    spec = plan(Place.of(built_site, STUDY, {}), root, {}, ("zh",), making=made)
    outcome = render(spec)
    assert outcome.failure is None
    assert outcome.pages["zh"] == (built_site / "zh" / f"{STUDY}.html").read_text(encoding="utf-8")
    assert outcome.result is not None
    assert result_text({**outcome.result, **made}) == (built_site / "results" / f"{STUDY}.json").read_text(
        "utf-8"
    )


def test_no_file_names_this_machine(built_site: Path, root: Path) -> None:
    for path in built_site.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for place in (str(root) + "/", sys.prefix + "/", str(built_site.parent), "ipykernel_"):
                assert place not in text, path


def test_pages_are_small(built_site: Path) -> None:
    for path in built_site.rglob("*.html"):
        assert path.stat().st_size < 800_000, path.name


def test_each_language_stands_on_its_own_page(built_site: Path) -> None:
    english = (built_site / "en" / f"{STUDY}.html").read_text(encoding="utf-8")
    chinese = (built_site / "zh" / f"{STUDY}.html").read_text(encoding="utf-8")
    assert "What could be wrong" in english
    assert "What could be wrong" not in chinese
    assert "可能的问题" in chinese
    assert "可能的问题" not in english
    assert f'href="../zh/{STUDY}.html"' in english
    assert f'href="../en/{STUDY}.html"' in chinese
