"""The claims file: complete, sound, and refused when it is not."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from evaluation.claims import ClaimsFile, cases_needed, check_identities, load_claims
from evaluation.claims.arithmetic import check_identity
from evaluation.claims.entries import Claim, Identity
from evaluation.claims.model import Text
from evaluation.errors import DataError
from evaluation.study import list_studies

LABEL = Text(en="x", zh="甲")


@pytest.fixture(scope="module")
def ledger(root: Path) -> ClaimsFile:
    return load_claims(root / "data" / "claims.toml", list_studies(root))


def claim(**changes: object) -> Claim:
    entry = {
        "id": "a",
        "system": "s",
        "section": "1",
        "place": "p",
        "indicator": {"en": "x", "zh": "甲"},
        "kind": "level",
        "value": 10,
        "unit": "days",
        "step": 1,
        "period": "2016",
        "because": "output",
    }
    kept = {key: value for key, value in {**entry, **changes}.items() if value is not None}
    return Claim.model_validate(kept)


@pytest.mark.shared
def test_every_number_of_the_source_is_a_claim_or_left_out_with_a_reason(
    ledger: ClaimsFile, shared: Path
) -> None:
    text = (shared / "source" / "zibo_reform_review_2017.zh.txt").read_text(encoding="utf-8")
    stands = Counter(re.findall(r"\d+(?:\.\d+)?", text))
    accounted = Counter(entry.written for entry in ledger.claims if entry.written is not None)
    for entry in ledger.left_out:
        accounted[entry.number] += entry.times
    assert dict(stands - accounted) == {}, "numbers of the source that are in no entry"
    assert dict(accounted - stands) == {}, "numbers that the source does not have so often"


@pytest.mark.shared
def test_every_claim_of_the_collection_is_in_the_ledger(ledger: ClaimsFile, shared: Path) -> None:
    import pandas as pd

    collected = pd.read_csv(shared / "source" / "claims.csv")
    ours = {entry.id: entry for entry in ledger.claims}
    assert set(collected["id"]) - set(ours) == set()
    for row in collected.itertuples():
        assert ours[row.id].value == pytest.approx(row.value), row.id


@pytest.mark.shared
def test_no_sentence_is_the_sources(ledger: ClaimsFile, shared: Path) -> None:
    text = (shared / "source" / "zibo_reform_review_2017.zh.txt").read_text(encoding="utf-8")
    clauses = set(filter(lambda part: len(part) >= 14, re.split(r"[，。；：、,;\s]+", text)))
    words = ledger.model_dump_json()
    assert [clause for clause in clauses if clause in words] == []


def test_every_system_has_a_test_that_would_settle_it(ledger: ClaimsFile) -> None:
    used = {entry.system for entry in ledger.claims}
    silent = {"education", "medical", "insurance_card", "party_building", "customs"}
    assert silent <= set(ledger.systems)
    assert silent & used == set()
    assert used <= set(ledger.systems)


def test_the_arithmetic_of_the_source(ledger: ClaimsFile) -> None:
    checks = {check.id: check for check in check_identities(ledger)}
    assert all(check.holds is not False for check in checks.values())
    assert checks["it-funding"].value == pytest.approx(273.684, abs=1e-3)
    assert checks["total-energy"].value == pytest.approx(100 * (1.077 * 0.9006 - 1))
    assert checks["visitors-a-visit"].value == pytest.approx(0.588 / 0.708)
    assert checks["good-days-before"].value == 120


def test_a_sum_that_rounding_cannot_mend_is_broken() -> None:
    parts = [claim(id=f"c{i}", unit="percent", value=v, step=0.1) for i, v in enumerate((3.5, 54.0, 42.8))]
    rule = Identity(id="i", label=LABEL, rule="sum", claims=("c0", "c1", "c2"), total=100.0)
    assert check_identity(rule, parts).holds is False
    near = [*parts[:2], claim(id="c2", unit="percent", value=42.6, step=0.1)]
    assert check_identity(rule, near).holds is True  # 100.1: three halves of a rounding step


def test_level_change_and_percent_that_disagree() -> None:
    after = claim(id="a", value=142)
    change = claim(id="b", kind="change", value=104, baseline="2016")
    rule = Identity(id="i", label=LABEL, rule="growth", claims=("a", "b", "c"))

    def grown(percent: float) -> bool | None:
        said = claim(id="c", kind="relative_change", unit="percent", value=percent, baseline="2016")
        return check_identity(rule, [after, change, said]).holds

    assert grown(274)
    assert not grown(174)


def test_a_range_holds_every_figure_that_rounds_to_it() -> None:
    first, second = (
        claim(id=i, kind="relative_change", unit="percent", value=v, step=0.1, baseline="2015")
        for i, v in (("a", 7.7), ("b", -9.9))
    )
    rule = Identity(id="i", label=LABEL, rule="product", claims=("a", "b"))
    found = check_identity(rule, [first, second])
    inside = [
        100 * ((1 + a / 100) * (1 + b / 100) - 1)
        for a, b in product(np.linspace(*first.range, 20), np.linspace(*second.range, 20))
    ]
    assert found.low == pytest.approx(min(inside))
    assert found.high == pytest.approx(max(inside))
    assert found.holds is None


def test_at_least_reaches_to_the_next_round_number() -> None:
    assert claim(value=900, bound="at_least").range == (900, 1000)
    assert claim(kind="relative_change", unit="percent", value=-80, bound="at_least", baseline="b").range == (
        -90,
        -80,
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"verdict": "reproduced"}, "a verdict is computed, never written"),
        ({"attributable": "beyond_comparison"}, "a verdict is computed"),
        ({"kind": "rank", "unit": "days"}, "does not fit the kind 'rank'"),
        ({"kind": "relative_change", "unit": "days", "baseline": "2015"}, "does not fit"),
        ({"kind": "level", "unit": "rank"}, "does not fit the kind 'level'"),
        ({"kind": "change", "unit": "percent", "baseline": "2015"}, "in points"),
        ({"unit": "percent", "value": 120}, "a share of 120 percent"),
        ({"kind": "rank", "unit": "rank", "value": 18, "of": 17}, "rank 18 of 17"),
        ({"kind": "rank", "unit": "rank", "value": 1.5}, "no rank"),
        ({"kind": "change"}, "needs 'baseline'"),
        ({"because": None}, "either 'study'"),
        ({"study": "x"}, "either 'study'"),
        ({"written": "11"}, "written '11' is not the value 10"),
        ({"value": float("nan")}, "not a number"),
    ],
)
def test_an_unsound_claim_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        claim(**changes)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('id = "coal"', 'id = "gdp"', "the id gdp stands twice"),
        ('because = "visibility"', 'study = "no_such"', "blue-days-2016.*'no_such'"),
        ('because = "records"', 'because = "luck"', "'luck' is not declared"),
        (
            'because = "firm"',
            'because = "firm"\nverdict = "reproduced"',
            "garment-lead-time-before.*computed",
        ),
        ('unit = "chains"', 'unit = "rank"', "innovation-chains.*does not fit"),
        ('unit = "chains"', 'unit = "links"', "'links' is not declared"),
        ('claims = ["gdp", "gdp-growth"]', 'claims = ["gdp", "gnp"]', "no claim gnp"),
        ('rule = "growth"', 'rule = "sum"', "'total' belongs to"),
        ('source = "2017-07-25"', "source = ", "not valid TOML"),
        ('source = "2017-07-25"', 'sauce = "x"', "sauce: unknown key"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(
    root: Path, tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = (root / "data" / "claims.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "claims.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=re.compile(complaint, re.DOTALL)):
        load_claims(path, list_studies(root))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load_claims(tmp_path / "claims.toml", [])


def test_cases_needed_give_the_power_that_is_promised() -> None:
    n = cases_needed(-23, 7)
    rng = np.random.default_rng(1)
    draws = 4000
    before, after = rng.poisson(n, draws), rng.poisson(0.77 * n, draws)
    others = rng.poisson(7 * n, (2, draws))
    ratio = np.log(after / before) - np.log(others[1] / others[0])
    error = np.sqrt(1 / before + 1 / after + (1 / others).sum(axis=0))
    assert np.mean(np.abs(ratio / error) > 1.96) == pytest.approx(0.8, abs=0.03)
    assert cases_needed(-61, 7) < cases_needed(-23, 7) < cases_needed(-5, 7)
    with pytest.raises(ValueError, match="not 0"):
        cases_needed(0, 7)
