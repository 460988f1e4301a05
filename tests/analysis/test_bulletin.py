"""The bulletin: its figures against the monthly table, its sets against their definition."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evaluation import analysis
from evaluation.analysis.bulletin_ranks import Choices
from evaluation.errors import DataError, DesignError, EstimationError, StudyError
from evaluation.sources.manifest import read_table

STUDY = "monthly_bulletin"
TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "bulletin_project.py")))


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare(STUDY, root=root)


@pytest.fixture(scope="module")
def ranking(case):
    return analysis.month_ranking(case)


@pytest.fixture(scope="module")
def months(root):
    return read_table("air_quality/city_month", root / "data")[0].set_index(["month", "city"])


def tiny(tmp_path, frame=None, study=TINY.STUDY, **overrides):
    TINY.write(tmp_path, frame, study)
    return analysis.prepare("tiny_bulletin", overrides, tmp_path)


def test_the_last_month_of_the_table_is_the_default(case):
    assert str(case.month) == "2017-01"
    assert (str(case.months[0]), str(case.months[-1]), len(case.months)) == ("2014-12", "2017-01", 26)
    assert [str(month) for month in case.history] == [
        str(month) for month in pd.period_range("2016-02", "2017-01", freq="M")
    ]


def test_every_month_of_every_city_is_that_of_the_monthly_table(case, months):
    for at in range(case.n_months):
        month = case.first + at
        rows = months.loc[str(month)].loc[list(case.places)]
        for name in ("composite", "good_days"):
            ours = case.stretches(name).values[case.row(month)]
            np.testing.assert_allclose(ours, rows[name], rtol=0, atol=1e-9)
        for name in ("pm25", "pm10", "so2", "no2", "co", "o3"):
            # a missing value takes the mean of its dekad; two decimals of each dekad are kept
            np.testing.assert_allclose(case.stretches(name).values[case.row(month)], rows[name], rtol=0.035)


@pytest.mark.parametrize("month", ["2014-12", "2016-02", "2017-01"])
def test_plain_ranks_are_those_of_the_monthly_table(case, months, month):
    now, ago = months.loc[month], months.loc[str(pd.Period(month, freq="M") - 12)]
    ranked = analysis.month_ranking(case, "composite", "percent", pd.Period(month, freq="M")).table
    ratio = (now["composite"] / ago["composite"])[list(case.places)]
    assert ranked.set_index("place")["rank"].equals(
        ratio.rank(method="min").astype("int64")[ranked["place"]].rename("rank").rename_axis("place")
    )
    np.testing.assert_allclose(ranked["percent"], 100 * (ratio[ranked["place"]] - 1))
    days = analysis.month_ranking(case, "good_days", "level", pd.Period(month, freq="M")).table
    gained = (now["good_days"] - ago["good_days"])[days["place"]]
    assert days["change"].tolist() == gained.tolist()
    assert days["rank"].tolist() == gained.rank(ascending=False, method="min").astype(int).tolist()


def test_first_by_percent_in_january_2017(ranking):
    assert ranking.first == ("济宁",)
    row = ranking.table.iloc[0]
    assert row["before"] == pytest.approx(11.425, abs=5e-4)
    assert row["percent"] == pytest.approx(-28.57, abs=0.01)


def test_sets_follow_from_the_pairs_that_are_told(case):
    for one in analysis.all_rankings(case).values():
        above = one.sets.above
        assert not (above & above.T).any()
        for i, row in enumerate(one.table.itertuples()):
            better = sum(bool(above[k, i]) for k in range(one.n))
            worse = sum(bool(above[i, k]) for k in range(one.n))
            assert (row.low, row.high) == (1 + better, one.n - worse)
            assert row.low <= row.rank <= row.high
        assert set(one.first) <= set(one.could_be_first)


def test_a_told_pair_differs_by_more_than_the_critical_value(case):
    one = analysis.month_ranking(case, "no2", "percent")
    value = one.table["improvement"].to_numpy()
    told = np.abs(value[:, None] - value[None, :]) > one.sets.critical * one.errors
    upper = np.triu(np.ones_like(told), k=1)
    assert (one.sets.above | one.sets.above.T)[upper.astype(bool)].tolist() == told[
        upper.astype(bool)
    ].tolist()
    assert one.sets.distinguishable_pairs == sum(len(worse) for worse in one.told.values()) > 0
    assert all(better not in worse for better, worse in one.told.items())
    assert one.p_equal < 0.05


def test_the_gap_to_the_first_is_told_where_the_pair_is(case, ranking):
    for one in (ranking, analysis.month_ranking(case, "no2", "level")):
        gap = one.behind()
        assert gap["place"].tolist() == one.table["place"].tolist()[1:]
        assert (gap["ci_low"] > 0).tolist() == one.sets.above[0, 1:].tolist()
        assert (gap["ci_low"] <= gap["estimate"]).all()
        assert (gap["estimate"] <= gap["ci_high"]).all()
    # Zaozhuang's index would have to fall further by so much that its ratio to last year's is Jining's
    ratio = ranking.table["after"] / ranking.table["before"]
    assert ranking.behind()["estimate"].iloc[0] == pytest.approx(100 * (1 - ratio[0] / ratio[1]))


def test_a_bulletin_is_the_same_whatever_is_made_beside_it(root, case):
    early = analysis.prepare(STUDY, {"bulletin.month": "2016-11"}, root)
    alone = analysis.month_ranking(early)
    among = next(one for one in analysis.earlier_bulletins(case) if str(one.month) == "2016-11")
    pd.testing.assert_frame_equal(alone.table, among.table)
    assert alone.p_equal == among.p_equal
    assert len(analysis.earlier_bulletins(early)) == 12
    first = analysis.prepare(STUDY, {"bulletin.month": "2014-12"}, root)
    assert len(analysis.earlier_bulletins(first)) == 1


def test_less_confidence_tells_no_fewer_pairs(case):
    found = analysis.other_choices(case)
    assert list(found) == ["study", "shorter", "longer", "all_year", "level_90"]
    assert found["level_90"].sets.distinguishable_pairs >= found["study"].sets.distinguishable_pairs
    assert found["study"].sets.critical > found["level_90"].sets.critical
    same = analysis.month_ranking(case, choices=Choices())
    pd.testing.assert_frame_equal(found["study"].table, same.table)


def test_several_months_are_averaged(case):
    frame = analysis.several_months(case)
    assert frame["months"].tolist() == [1, 3, 6, 12]
    parts = [analysis.month_ranking(case, month=month).table.set_index("place") for month in case.months[-3:]]
    mean = sum(part["improvement"].loc[list(case.places)] for part in parts) / 3
    assert frame.loc[1, "first"] == mean.idxmax()
    assert (frame["pairs"] == 136).all()


def test_the_lines_end_with_the_month(case):
    lines = analysis.monthly_series(case)
    assert lines.shape == (25, 17)
    assert str(lines.index[-1]) == "2017-01"
    assert lines.loc[pd.Period("2016-01", freq="M"), "济宁"] == pytest.approx(11.425, abs=5e-4)


def test_the_result_file_has_its_shape(case, ranking):
    rankings = analysis.all_rankings(case)
    made = analysis.bulletin_result(case, rankings, [ranking], {"en": "a", "zh": "b"})
    content = json.loads(made.to_json())
    assert content["study"] == STUDY
    assert content["claims"] == []
    assert content["bulletin"]["month"] == "2017-01"
    assert len(content["estimates"]) == 17 * sum(len(o.scales) for o in case.study.outcomes)
    row = next(
        r
        for r in content["estimates"]
        if (r["place"], r["outcome"], r["scale"]) == ("济宁", "composite", "percent")
    )
    assert row["estimate"] == pytest.approx(-28.57, abs=0.01)
    assert (row["rank"], row["rank_low"], row["std_error"], row["n_treated"]) == (1, 1, None, 0)
    assert (
        made.to_json()
        == analysis.bulletin_result(case, rankings, [ranking], {"en": "a", "zh": "b"}).to_json()
    )


# made-up places -------------------------------------------------------------------------------


def test_places_that_really_differ_are_told_apart(tmp_path):
    case = tiny(tmp_path)
    ranking = analysis.month_ranking(case)
    assert ranking.first == ("Alder",)
    assert ranking.could_be_first == ("Alder",)
    assert ranking.table["place"].iloc[1] == "Birch"
    # its own break in level, a year before, is taken for chance too: nothing is told of the others
    assert ranking.table["low"].tolist() == [1, 2, 2, 2, 2]
    assert case.simulated


def test_equal_changes_share_a_rank(tmp_path):
    frame = TINY.table()
    # from month to month nothing moves but Alder, which is halved
    level = {place: 100.0 + 10 * i for i, place in enumerate(TINY.PLACES)}
    wobble = 1 + 0.01 * np.sin(np.arange(len(frame)))
    last = frame["month"].isin(["2015-12", "2016-12"])
    frame["dust"] = np.where(last, frame["place"].map(level), frame["place"].map(level) * wobble)
    halved = (frame["place"] == "Alder") & (frame["month"] == "2016-12")
    frame.loc[halved, "dust"] /= 2
    ranking = analysis.month_ranking(tiny(tmp_path, frame))
    assert ranking.table["rank"].tolist() == [1, 2, 2, 2, 2]
    assert ranking.table["place"].tolist() == list(TINY.PLACES)
    assert set(ranking.table["low"].iloc[1:]) == {2}


def test_a_place_without_a_dekad_is_left_out_and_named(tmp_path):
    frame = TINY.table()
    gone = (frame["place"] == "Cedar") & (frame["month"] == "2016-12") & (frame["dekad"] == 2)
    case = tiny(tmp_path, frame[~gone])
    ranking = analysis.month_ranking(case)
    assert ranking.left_out == ("Cedar",)
    assert ranking.n == 4
    # the same month a year later needs it too; other months do not
    assert analysis.month_ranking(case, month=pd.Period("2016-10", freq="M")).n == 5


def test_the_bulletin_follows_the_table(tmp_path):
    frame = TINY.table()
    assert str(tiny(tmp_path, frame[frame["month"] <= "2016-06"]).month) == "2016-06"
    # a month that has begun is not yet one
    begun = frame[(frame["month"] <= "2016-06") | ((frame["month"] == "2016-07") & (frame["dekad"] < 3))]
    assert str(tiny(tmp_path, begun).month) == "2016-06"


def test_a_place_with_too_few_days_is_left_out(tmp_path):
    frame = TINY.table()
    few = (frame["place"] == "Elm") & (frame["month"] == "2015-12")
    frame.loc[few, ["days", "good"]] = [6, 0]
    assert analysis.month_ranking(tiny(tmp_path, frame)).left_out == ("Elm",)


def test_a_missing_value_leaves_the_place_out(tmp_path):
    frame = TINY.table()
    frame.loc[(frame["place"] == "Elm") & (frame["month"] == "2016-12") & (frame["dekad"] == 1), "dust"] = (
        np.nan
    )
    case = tiny(tmp_path, frame)
    assert analysis.month_ranking(case).left_out == ("Elm",)
    assert analysis.month_ranking(case, "good", "level").left_out == ()


def test_means_are_weighted_by_days_and_counts_added(tmp_path):
    frame = TINY.table()
    case = tiny(tmp_path, frame)
    rows = frame[(frame["place"] == "Birch") & (frame["month"] == "2016-01")]
    row, column = case.row(pd.Period("2016-01", freq="M")), case.places.index("Birch")
    expected = (rows["dust"] * rows["days"]).sum() / rows["days"].sum()
    assert case.stretches("dust").values[row, column] == pytest.approx(expected)
    assert case.stretches("good").values[row, column] == rows["good"].sum()
    assert case.stretches("good").of[row, column] == 31


def _spoil(frame, column, value):
    frame.loc[3, column] = value
    return frame


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: pd.concat([f, f.iloc[[0]]]), ["stands twice in 2 rows", "Alder 2014-01 1"]),
        (lambda f: _spoil(f, "dekad", 4), ["is not a part", "Dogwood 2014-01 4", "from 1 to 3"]),
        (lambda f: _spoil(f, "dust", 0.0), ["dust is not positive in 1 rows", "values above 0"]),
        (lambda f: _spoil(f, "dust", -3.0), ["dust is not positive"]),
        (lambda f: _spoil(f, "good", 11), ["good is not a count out of days"]),
        (lambda f: _spoil(f, "days", 40), ["days is not a number of days"]),
        (lambda f: _spoil(f, "month", "2014-13"), ["1 rows of the table dust name no month", "2014-13"]),
        (lambda f: f.iloc[:0], ["has no rows"]),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_is_named_with_its_rows(tmp_path, spoil, said):
    with pytest.raises(DataError) as caught:
        tiny(tmp_path, spoil(TINY.table()))
    for part in said:
        assert part in str(caught.value)


def test_a_table_of_one_year_has_no_bulletin(tmp_path):
    frame = TINY.table()
    with pytest.raises(DesignError, match="can be compared with the one a year before"):
        tiny(tmp_path, frame[frame["month"] < "2015-01"])


def test_too_short_a_record_says_how_much_is_needed(tmp_path):
    frame = TINY.table()
    study = TINY.STUDY + "\n[chance]\nwindow = 41\n"
    case = tiny(tmp_path, frame[frame["month"] < "2015-02"], study)
    with pytest.raises(EstimationError, match="a record of at least 41 periods"):
        analysis.month_ranking(case)


@pytest.mark.parametrize(
    ("overrides", "kind", "said"),
    [
        ({"bulletin.month": "2017-02"}, DesignError, "expected: a month from 2014-12 to 2017-01"),
        ({"bulletin.month": "2014-11"}, DesignError, "no bulletin can be made for 2014-11"),
        ({"bulletin.month": "1999-01"}, DesignError, "the same month of the year before"),
        ({"bulletin.month": "2016-13"}, StudyError, "expected a period"),
        ({"bulletin.month": 2016}, StudyError, "expected a month such as 2016-11"),
        ({"bulletin.mont": "2016-11"}, StudyError, "bulletin.mont: unknown key"),
        ({"bulletin.measure": "joy"}, StudyError, "'joy' is not declared"),
        ({"bulletin.measure": "good_days"}, StudyError, "'good_days' is not ranked by percent"),
        ({"outcomes.good_days.scales": ["percent"]}, StudyError, "a count may be 0"),
        ({"outcomes.good_days.of": None}, StudyError, "a count needs 'of'"),
        ({"chance.window": 14}, StudyError, "does not fit months of 3 parts"),
        ({"bulletin.level": 1.5}, StudyError, "bulletin.level"),
        ({"bulletin.history": 0}, StudyError, "bulletin.history"),
        ({"data.unit": "town"}, DataError, "has no column 'town'"),
        ({"data.table": "air_quality/none"}, DataError, "there is no table 'air_quality/none'"),
        ({"outcomes.co.column": "smell"}, DataError, "has no column 'smell'"),
    ],
)
def test_bad_input_is_named_before_anything_runs(root, overrides, kind, said):
    with pytest.raises(kind) as caught:
        analysis.prepare(STUDY, overrides, root)
    assert said in str(caught.value)
