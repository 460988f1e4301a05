"""The panel from many files: equal to a plain query, cached by content, and honest about what it left out."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from evaluation.errors import DataError
from evaluation.sources.approvals import count_cases, durations, measures, read_cases
from evaluation.sources.approvals.panel import count_quantile
from evaluation.sources.approvals.typed import FAULTS, is_typed

AS_OF = "2015-06-30"
HEADERS = {
    "number": "办件编号",
    "item": "事项名称",
    "district": "区县",
    "accepted": "受理日期",
    "decided": "办结日期",
    "statutory": "法定时限",
    "suspended": "补正开始",
    "resumed": "补正结束",
}


def cases(n: int, seed: int = 0, first: int = 0) -> pd.DataFrame:
    """Cases of every kind, some of them impossible."""
    draw = np.random.default_rng(seed)
    start = np.datetime64("2015-01-05")
    accepted = start + draw.integers(0, 150, n)
    decided = accepted + draw.integers(0, 60, n) - (draw.random(n) < 0.02) * 80
    suspended = np.where(draw.random(n) < 0.2, accepted + draw.integers(0, 9, n), np.datetime64("NaT"))
    resumed = np.where(draw.random(n) < 0.8, suspended + draw.integers(-1, 12, n), np.datetime64("NaT"))
    never = np.datetime64("NaT")
    frame = pd.DataFrame(
        {
            "number": [f"B{first + i:07d}" for i in range(n)],
            "item": draw.choice(["施工许可", "开办企业", " 登记财产", "—"], n, p=[0.5, 0.3, 0.18, 0.02]),
            "district": draw.choice(["桓台县", "张店区", "高青县"], n),
            "accepted": np.where(draw.random(n) < 0.01, never, accepted).astype("datetime64[s]"),
            "decided": np.where(draw.random(n) < 0.25, never, decided).astype("datetime64[s]"),
            "statutory": draw.choice([10.0, 20.0, np.nan], n, p=[0.5, 0.4, 0.1]),
            "suspended": suspended.astype("datetime64[s]"),
            "resumed": resumed.astype("datetime64[s]"),
        }
    )
    return frame.rename(columns=HEADERS)


def folder(tmp_path: Path, kind: str = "parquet", files: int = 3) -> Path:
    out = tmp_path / f"办件-{kind}"
    out.mkdir()
    for i in range(files):
        frame = cases(1500, seed=i, first=10_000 * i)
        path = out / f"{i}.{kind}"
        frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    return out


def test_duckdb_and_the_importer_count_the_same(tmp_path: Path) -> None:
    typed, texts = folder(tmp_path), folder(tmp_path, "csv")
    assert is_typed(typed / "0.parquet", {})
    fast, slow = count_cases(typed, AS_OF), count_cases(texts, AS_OF)
    pd.testing.assert_frame_equal(fast.cells, slow.cells, check_dtype=False)
    assert fast.counts == slow.counts
    assert fast.reasons == slow.reasons
    assert set(fast.reasons) == set(FAULTS) - {"no case number", "no district"}
    rows = [
        frame.assign(row=frame["row"] - shift, file=frame["file"].str[0]).sort_values(["file", "row"])
        for frame, shift in ((fast.set_aside, 0), (slow.set_aside, 1))
    ]
    pd.testing.assert_frame_equal(*(r.reset_index(drop=True) for r in rows), check_dtype=False)


def test_the_panel_is_that_of_a_plain_query(tmp_path: Path) -> None:
    path = folder(tmp_path)
    panel = measures(count_cases(path, AS_OF).cells, 30)
    frame = read_cases(path).frame
    took = durations(frame, AS_OF)
    every = pd.DataFrame(  # noqa: F841 (the query names it)
        {
            "district": frame["district"],
            "month": frame["accepted"].dt.strftime("%Y-%m"),
            "done": took["finished"],
            "days": took["working_days"],
            "share": took["share_of_limit"],
            "on_time": took["on_time"].astype("float64"),
        }
    )
    plain = duckdb.sql(
        "SELECT district, month, count(*) cases, count(*) FILTER (done) decided, "
        "avg(days) FILTER (done) mean, "
        "median(days) FILTER (done) median, quantile_cont(days, 0.9) FILTER (done) p90, "
        "avg(share) FILTER (done AND NOT isnan(share)) limit_share, "
        "avg(on_time) FILTER (NOT isnan(on_time)) on_time, "
        "count(*) FILTER (NOT isnan(on_time)) judged FROM every GROUP BY ALL ORDER BY 1, 2"
    ).df()
    assert panel["month"].astype(str).tolist() == plain["month"].tolist()
    for name in ("cases", "decided", "judged"):
        np.testing.assert_array_equal(panel[name], plain[name])
    for name in ("mean", "median", "p90", "limit_share", "on_time"):
        np.testing.assert_allclose(panel[name], plain[name], rtol=1e-9, atol=0, err_msg=name)


def test_open_cases_are_censored_as_statsmodels_has_it(tmp_path: Path) -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    path = folder(tmp_path)
    panel = measures(count_cases(path, AS_OF).cells, 25, by=["district"]).set_index("district")
    frame = read_cases(path).frame
    took = durations(frame, AS_OF)
    for district in panel.index:
        mine = (frame["district"] == district).to_numpy()
        curve = SurvfuncRight(
            took["working_days"][mine].to_numpy(), took["finished"][mine].to_numpy().astype(int)
        )
        assert panel.loc[district, "km_median"] == curve.quantile(0.5)
        inside = curve.surv_times < 25
        steps = np.concatenate([[0.0], curve.surv_times[inside], [25.0]])
        area = float(np.concatenate([[1.0], curve.surv_prob[inside]]) @ np.diff(steps))
        assert panel.loc[district, "restricted_mean"] == pytest.approx(area, rel=1e-10)


def test_a_changed_file_costs_only_itself(tmp_path: Path) -> None:
    path, cache = folder(tmp_path), tmp_path / "cache"
    first = count_cases(path, AS_OF, cache=cache)
    assert first.cached == ()
    again = count_cases(path, AS_OF, cache=cache)
    assert again.cached == ("0.parquet", "1.parquet", "2.parquet")
    pd.testing.assert_frame_equal(first.cells, again.cells)
    pd.testing.assert_frame_equal(first.set_aside, again.set_aside, check_dtype=False)
    assert (first.counts, first.reasons) == (again.counts, again.reasons)
    cases(1200, seed=9, first=10_000).to_parquet(path / "1.parquet")
    changed = count_cases(path, AS_OF, cache=cache)
    assert changed.cached == ("0.parquet", "2.parquet")
    assert changed.counts["rows_read"] == 4200
    assert count_cases(path, "2015-06-29", cache=cache).cached == ()


def test_spoilt_counts_are_made_again(tmp_path: Path) -> None:
    path, cache = folder(tmp_path, files=1), tmp_path / "cache"
    first = count_cases(path, AS_OF, cache=cache)
    (kept,) = cache.glob("*.counts")
    kept.write_bytes(kept.read_bytes()[:200])
    again = count_cases(path, AS_OF, cache=cache)
    assert again.cached == ()
    pd.testing.assert_frame_equal(first.cells, again.cells)


def test_a_case_in_two_files_is_refused_with_both_rows(tmp_path: Path) -> None:
    path = folder(tmp_path, files=2)
    cases(50, seed=3, first=10_007).to_csv(path / "late.csv", index=False)
    with pytest.raises(DataError, match=r"50 case numbers stand in two files") as caught:
        count_cases(path, AS_OF, cache=tmp_path / "cache")
    assert "B0010007: 1.parquet row 8 and late.csv row 2" in str(caught.value)
    cases(50, seed=3, first=13_000).to_csv(path / "late.csv", index=False)
    # the ranges of numbers overlap now and share none: looked at once
    cases(50, seed=4, first=10_000 + 1500).to_csv(path / "more.csv", index=False)
    frame = cases(2, seed=5, first=0)
    frame["办件编号"] = ["B0002000", "B0009999"]
    frame.to_parquet(path / "between.parquet")
    assert count_cases(path, AS_OF, cache=tmp_path / "cache").counts["rows_read"] == 3102


def test_repeated_numbers_in_a_file_are_looked_at_closely(tmp_path: Path) -> None:
    frame = cases(100)
    frame["办件编号"] = [f"B{i}" for i in range(100)]
    pd.concat([frame, frame.iloc[[7]]]).to_parquet(tmp_path / "a.parquet")
    assert count_cases(tmp_path / "a.parquet", AS_OF).reasons["the row repeats an earlier one"] == 1
    other = frame.iloc[[7]].assign(区县="沂源县")
    pd.concat([frame, other]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"B7: a\.parquet row 8 and a\.parquet row 101"):
        count_cases(tmp_path / "a.parquet", AS_OF)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("法定时限", 0.0, r"1 values of statutory are not above 0.*rows 4"),
        (
            "受理日期",
            pd.Timestamp("2016-01-05"),
            r"1 cases were accepted after the day of the export, 2015-06-30.*rows 4",
        ),
        ("受理日期", pd.Timestamp("1999-01-05"), r"the holidays of 1999 are not in the table"),
    ],
)
def test_what_cannot_be_counted_is_named_with_its_row(
    tmp_path: Path, column: str, value: object, said: str
) -> None:
    frame = cases(10)[
        [HEADERS[n] for n in ("number", "item", "district", "accepted", "decided", "statutory")]
    ]
    frame["事项名称"] = "施工许可"
    frame["受理日期"] = pd.Timestamp("2015-02-02")
    frame["办结日期"] = pd.NaT
    frame.loc[3, column] = value
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError) as caught:
        count_cases(tmp_path / "a.parquet", AS_OF)
    import re

    assert re.search(said, str(caught.value), re.DOTALL)


def test_a_broken_file_is_named_or_passed_over(tmp_path: Path) -> None:
    path = folder(tmp_path, files=2)
    whole = (path / "1.parquet").read_bytes()
    (path / "1.parquet").write_bytes(whole[:-40])
    with pytest.raises(DataError, match=r"1\.parquet"):
        count_cases(path, AS_OF)
    counted = count_cases(path, AS_OF, skip_broken=True)
    assert [item.name for item in counted.broken] == ["1.parquet"]
    assert "Parquet" in counted.broken[0].what
    assert counted.counts["rows_read"] == 1500
    (path / "0.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="none of the files can be read"):
        count_cases(path, AS_OF, skip_broken=True)


def test_months_whose_record_ends_before_the_horizon_have_no_restricted_mean(tmp_path: Path) -> None:
    panel = measures(count_cases(folder(tmp_path), AS_OF).cells, 40, by=["month"]).set_index("month")
    assert panel.loc["2015-01", "restricted_mean"] > panel.loc["2015-01", "mean"]
    assert np.isnan(panel.loc["2015-06", "restricted_mean"])
    assert (panel["km_median_se"].dropna() > 0).all()


def test_quantiles_of_counts_are_those_of_the_rows() -> None:
    draw = np.random.default_rng(1)
    group = draw.integers(0, 7, 300)
    value, number = draw.integers(0, 40, 300).astype(float), draw.integers(1, 5, 300)
    for p in (0.0, 0.1, 0.5, 0.9, 1.0):
        found = count_quantile(value, number.astype(float), group, 8, p)
        expected = [np.quantile(np.repeat(value[group == g], number[group == g]), p) for g in range(7)]
        np.testing.assert_allclose(found[:7], expected, rtol=1e-12)
        assert np.isnan(found[7])
