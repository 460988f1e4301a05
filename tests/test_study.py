"""Study files: every wrong key at once, with its place."""

from __future__ import annotations

import pytest

from evaluation.errors import StudyError
from evaluation.study import list_studies, load_study

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
        ("data.labels", None, "'where' needs a table of labels"),
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
        load_study(path)


def test_a_study_is_frozen(root):
    study = load_study(STUDY, root=root)
    with pytest.raises(Exception, match="frozen"):
        study.seed = 1
