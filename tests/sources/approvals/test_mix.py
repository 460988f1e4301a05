"""The mix of items: held fixed, and a change of the mean in parts that add up to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import DataError
from evaluation.sources.approvals import decompose, fixed_mix, measures

JAN, FEB = pd.Period("2015-01", "M"), pd.Period("2016-01", "M")


def cells(rows: list[tuple[str, str, pd.Period, int, int]], finished: bool = True) -> pd.DataFrame:
    """District, item, month, days, cases."""
    frame = pd.DataFrame(rows, columns=["district", "item", "month", "days", "cases"])
    return frame.assign(statutory=20.0, finished=finished)


MOVED = cells(
    [
        ("甲", "long", JAN, 10, 50),
        ("甲", "short", JAN, 2, 40),
        ("甲", "gone", JAN, 30, 10),
        ("甲", "long", FEB, 8, 20),
        ("甲", "short", FEB, 2, 60),
        ("甲", "new", FEB, 1, 20),
    ]
)


def test_the_parts_by_hand() -> None:
    row = decompose(MOVED, 60, [JAN], [FEB], measure="mean").frame.iloc[0]
    # of the common items, long and short, 5/9 and 4/9 before, 1/4 and 3/4 after
    assert row["before"] == pytest.approx(8.8)
    assert row["after"] == pytest.approx(3.0)
    assert row["handling"] == pytest.approx(5 / 9 * -2)
    assert row["mix"] == pytest.approx((8 * 0.25 + 2 * 0.75) - (8 * 5 / 9 + 2 * 4 / 9))
    assert row["new_items"] == pytest.approx(3.0 - 3.5)
    assert row["dropped_items"] == pytest.approx((10 * 5 / 9 + 2 * 4 / 9) - 8.8)
    assert row["common_share"] == pytest.approx(0.9)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("甲乙"),
            st.sampled_from("abcde"),
            st.sampled_from([JAN, FEB]),
            st.integers(0, 50),
            st.integers(1, 9),
            st.booleans(),
        ),
        min_size=4,
        max_size=40,
    ),
    st.sampled_from(["mean", "restricted_mean"]),
)
@settings(max_examples=60)
def test_the_parts_add_up(rows: list[tuple[str, str, pd.Period, int, int, bool]], measure: str) -> None:
    frame = pd.DataFrame(rows, columns=["district", "item", "month", "days", "cases", "finished"])
    frame["statutory"] = np.nan
    done = frame[frame["finished"]]
    if set(done.loc[done["month"] == JAN, "item"]).isdisjoint(done.loc[done["month"] == FEB, "item"]):
        return
    found = decompose(frame, 1.0 if measure == "restricted_mean" else 60, [JAN], [FEB], measure=measure).frame
    parts = found[["handling", "mix", "new_items", "dropped_items"]].sum(axis=1, skipna=False)
    np.testing.assert_allclose(parts, found["change"], atol=1e-12)
    if measure == "mean":
        means = measures(done, 60, ["month"]).set_index("month")["mean"]
        assert found["after"].iloc[0] - found["before"].iloc[0] == pytest.approx(
            means[FEB] - means[JAN], abs=1e-12
        )


def test_by_district_each_has_its_own_parts() -> None:
    both = pd.concat([MOVED, MOVED.assign(district="乙", days=MOVED["days"] * 2)])
    found = decompose(both, 60, [JAN], [FEB], ["district"], "mean").frame.set_index("district")
    np.testing.assert_allclose(found.loc["乙", "handling"], 2 * found.loc["甲", "handling"])


def test_with_the_mix_held_fixed_only_handling_is_left() -> None:
    found = fixed_mix(MOVED, 60, [JAN], measure="mean").set_index("month")
    assert found.loc[JAN, "fixed"] == pytest.approx(found.loc[JAN, "raw"])
    assert found.loc[FEB, "raw"] == pytest.approx(3.0)
    assert found.loc[FEB, "fixed"] == pytest.approx((0.5 * 8 + 0.4 * 2) / 0.9)
    assert found.loc[FEB, "weight"] == pytest.approx(0.9)


def test_the_fixed_restricted_mean_and_its_error() -> None:
    rows = pd.concat(
        [
            cells([("甲", "a", JAN, d, 5) for d in (2, 4, 9)] + [("甲", "b", JAN, d, 5) for d in (1, 3)]),
            cells([("甲", "a", JAN, 6, 4)], finished=False),
            cells([("甲", "a", FEB, d, 9) for d in (2, 3)] + [("甲", "b", FEB, d, 1) for d in (1, 8)]),
        ]
    )
    found = fixed_mix(rows, 10, [JAN]).set_index("month").loc[FEB]
    parts = measures(rows[rows["month"] == FEB], 10, ["item"]).set_index("item")
    share = {"a": 19 / 29, "b": 10 / 29}
    assert found["fixed"] == pytest.approx(sum(w * parts.loc[i, "restricted_mean"] for i, w in share.items()))
    error = np.sqrt(sum((w * parts.loc[i, "restricted_mean_se"]) ** 2 for i, w in share.items()))
    assert found["fixed_se"] == pytest.approx(error)


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(DataError, match="no case was accepted in the base months"):
        fixed_mix(MOVED, 60, [pd.Period("2013-01", "M")])
    with pytest.raises(DataError, match="no item was handled at both times"):
        decompose(MOVED[MOVED["item"].isin(["gone", "new"])], 60, [JAN], [FEB], measure="mean")
    with pytest.raises(DataError, match="no case was accepted after the change"):
        decompose(MOVED, 60, [JAN], [pd.Period("2017-01", "M")])
    with pytest.raises(DataError, match="'median' is not a mean"):
        fixed_mix(MOVED, 60, [JAN], measure="median")
    with pytest.raises(DataError, match="cannot be grouped by town"):
        measures(MOVED, 60, ["town"])
