"""Study files: every wrong key at once, with its place."""

from __future__ import annotations

import importlib.util
import re
import shutil

import pytest

from evaluation.claims import load_claims
from evaluation.errors import DataError, StudyError
from evaluation.study import KINDS, list_studies, load_study

STUDY = "pollution_enforcement"


def message(overrides, root) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(STUDY, overrides, root)
    return str(caught.value)


def test_committed_studies_load(root):
    for name in list_studies(root):
        assert load_study(name, root=root).id == name


def test_every_wrong_key_is_listed_at_once(root):
    text = message(
        {"treatment.dat": "x", "headline.years.before": "a", "rule.level": 2, "claims.0.kind": "foo"}, root
    )
    assert "4 wrong keys" in text
    for place in ("treatment.dat: unknown key", "headline.years.before", "rule.level", "claims.0.kind"):
        assert place in text
    assert text.count("[from --set]") == 4


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("treatment.date", "2016-13", "expected a period"),
        ("treatment.date", True, "valid string"),
        ("seed", "7", "valid integer"),
        ("seed", -1, "greater than or equal to 0"),
        ("data.frequency", "X", "'Y', 'Q', 'M', 'W' or 'D'"),
        ("headline.outcome", "joy", "'joy' is not declared"),
        ("rule.pool", "moon", "'moon' is not declared"),
        ("headline.years.after", 2014, "must lie before after"),
        ("data.start", "2018-01", "lies after end"),
        ("choices.pools.0.id", "province", "the id province stands among the pools"),
        ("choices.windows.0.each_side", 0, "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_says_what_was_expected(root, key, value, said):
    assert said in message({key: value}, root)


def test_override_by_id_of_an_entry(root):
    study = load_study(
        STUDY, {"claims.pollution-good-days-change.value": 64, "treatment.date": "2016-03"}, root
    )
    assert {claim.id: claim.value for claim in study.claims}["pollution-good-days-change"] == 64
    assert study.treatment.date == "2016-03"
    # the alternative that has become the main date is not listed twice
    assert [item.date for item in study.treatment.dates] == ["2016-03"]


@pytest.mark.parametrize("key", ["treatmen.date", "claims.no-such.value", "claims.0", "seed.x"])
def test_override_of_a_place_that_does_not_exist(root, key):
    with pytest.raises(StudyError):
        load_study(STUDY, {key: 1}, root)


def test_unknown_study_names_those_there_are(root):
    with pytest.raises(StudyError, match="pollution_enforcement"):
        load_study("polution", root=root)


def test_not_toml_says_where(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("id = \n", encoding="utf-8")
    with pytest.raises(StudyError, match="not valid TOML"):
        load_study(path)


def test_not_utf8_says_so(tmp_path, root):
    path = tmp_path / "gbk.toml"
    path.write_bytes('title = "淄博"'.encode("gb18030"))
    with pytest.raises(StudyError, match="not UTF-8"):
        load_study(path)


def test_the_name_inside_must_be_the_file_name(tmp_path, root):
    path = tmp_path / "other.toml"
    path.write_bytes((root / "studies" / f"{STUDY}.toml").read_bytes())
    with pytest.raises(StudyError, match="calls itself"):
        load_study(path, root=root)


def test_a_study_is_frozen(root):
    study = load_study(STUDY, root=root)
    with pytest.raises(Exception, match="frozen"):
        study.seed = 1


@pytest.fixture
def stated(root, tmp_path):
    """A project whose study of one place names its claims by id and outcome alone."""
    for name in ("studies", "data"):
        shutil.copytree(root / name, tmp_path / name)
    path = tmp_path / "studies" / f"{STUDY}.toml"
    path.write_text(
        re.sub(
            r"(?m)^(id = \"pollution.*\n)text = .*\n|^needs = .*\n", r"\1", path.read_text(encoding="utf-8")
        ),
        encoding="utf-8",
    )
    return tmp_path


def test_a_claim_of_the_ledger_is_stated_there_alone(root, stated):
    """Value, unit, step, kind and years are the ledger's; so are its words where the study has none."""
    ledger = load_claims(root / "data" / "claims.toml", list_studies(root))
    for study in (load_study(STUDY, root=root), load_study(STUDY, root=stated)):
        for claim in study.claims:
            said = ledger.claim(claim.id)
            assert (claim.value, claim.rounding) == (said.value, said.step)
            assert claim.kind == (said.kind if claim.outcome else "none")
            assert claim.year == (int(said.period) if claim.outcome else None)
        if study.claims[0].text != ledger.claim(study.claims[0].id).indicator:
            continue
        bare = study.claims[-1]
        assert (bare.kind, bare.needs) == (
            "none",
            ledger.claim(bare.id).data or ledger.systems["pollution"].data,
        )
        assert study.claims[1].unit == ledger.units["days"]
    assert study.claims[0].text == ledger.claim(study.claims[0].id).indicator
    moved = load_study("claims", root=root).here.claims[1]
    assert (moved.value, moved.kind, moved.year, moved.baseline) == (7.7, "relative_change", 2016, 2015)


def test_what_a_study_states_itself_needs_no_ledger(root, stated):
    path = stated / "data" / "claims.toml"
    path.unlink()
    assert load_study("crime_rio", root=stated).claims
    with pytest.raises(StudyError, match="a claim is not stated in full") as caught:
        load_study(STUDY, root=stated)
    assert "claims.pollution-good-days-2016" in str(caught.value)
    path.write_text("units = 3", encoding="utf-8")
    assert load_study("crime_rio", root=stated).claims
    with pytest.raises(DataError, match="wrong entries"):
        load_study(STUDY, root=stated)


@pytest.fixture(scope="module")
def reference(root):
    spec = importlib.util.spec_from_file_location("study_reference", root / "tools" / "study_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_keys_is_made_from_the_models(reference):
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "python tools/study_reference.py"


def test_every_key_of_every_kind_has_its_meaning_in_the_page(reference):
    bare = {
        f"{kind}: {path}.{name}"
        for kind, model in KINDS.items()
        for path, inner in reference.tables(model)
        for name in inner.model_fields
        if not reference.meaning(inner, name)
    }
    assert not bare


def test_the_example_of_the_page_of_keys_is_a_study_file(root):
    study = load_study(root / "docs" / "study_example.toml")
    assert study.kind == "staggered"
    assert study.treatment.units == {"California": "1989"}
    assert [outcome.id for outcome in study.outcomes] == ["sales", "smokers", "shops"]


def test_an_error_of_a_study_file_points_to_the_page_of_keys(root):
    assert "docs/study-file.md" in message({"seed": "7"}, root)
