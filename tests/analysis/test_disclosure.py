"""With ``[disclosure]`` a page shows no small count, and none follows from what it shows."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import null_space

from evaluation.analysis import prepare, staggered
from evaluation.errors import DataError, DesignError, StudyError
from evaluation.report import sections as story

sys.path.insert(0, str(Path(__file__).parent))
from staggered_project import make

RULE = {"minimum": 10, "rounding": 1}
SMALL = range(1, 10)


def rare(rows: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Small counts in many towns, in one town alone in its years, and in the last cohort."""
    rng = np.random.default_rng(5)
    few = {"t03": 0.01, "t07": 0.01, "t11": 0.01, "t20": 0.05, "t25": 0.03, "t33": 0.04}
    mean = rows["crimes"] / 3 * rows["town"].map(few).fillna(1.0)
    return rows.assign(crimes=rng.poisson(mean).astype(float)), places


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = make(tmp_path_factory.mktemp("project"), rare, disclosure=RULE)
    return prepare(path, root=path.parents[1])


@pytest.fixture(scope="module")
def found(case: Any) -> Any:
    return staggered.findings(case)


def drawn(figure: Any) -> pd.DataFrame:
    content = figure._repr_mimebundle_()[0]["application/vnd.evaluation.figure+json"]
    return pd.read_csv(io.StringIO(content["csv"]))


def sums_of(case: Any, rows: pd.DataFrame, column: str) -> np.ndarray:
    return rows.groupby("when")[column].sum().to_numpy()


def shown_sums(case: Any, found: Any) -> list[tuple[str, np.ndarray, float]]:
    """What the files of the page tell of counts: name, cells, and the count worked back from the rate."""
    rows = case.rows(case.lead).reset_index(drop=True)
    year = rows["year"].dt.year.to_numpy()
    ever = rows["first_treated"].notna().to_numpy()
    people, count = rows["people"].to_numpy(), rows["crimes"].to_numpy()
    told: list[tuple[str, np.ndarray, float]] = []

    def add(name: str, cells: np.ndarray, rate: float) -> None:
        if not np.isnan(rate):
            told.append((name, cells.astype(float), rate * people[cells].sum() / 1000))

    years = staggered.yearly(case, case.lead)
    csv = drawn(story.years_figure(case, staggered.yearly(case, case.lead))["en"])
    assert csv.notna().sum().sum() > 100
    lines = csv.set_index(csv.columns[0])
    names = [unit for unit in years.units.columns if years.units[unit].notna().any()]
    assert len(names) == len(lines.columns) - 1
    for when in lines.index:
        for i, unit in enumerate(names):
            column = f"{case.name(unit, 'en')} {i}"
            add(f"{unit} {when}", (rows["town"] == unit).to_numpy() & (year == when), lines.at[when, column])
        add(f"treated {when}", ever & (year == when), lines.loc[when].iloc[-1])
        add(f"others {when}", ~ever & (year == when), years.untreated.get(when, np.nan))
    cohorts = story.cohort_table(case, staggered.cohorts(case, case.lead))["en"].frame
    starts = np.array([np.nan if pd.isna(p) else p.year for p in rows["first_treated"]])
    for row in cohorts.to_dict("records"):
        when = int(row["Start"])
        for side, then in (("Before", year < when), ("After", year >= when)):
            add(f"cohort {when} {side}", (starts == when) & then, row[side])
    around = drawn(story.event_time_figure(case, found.event_time_means)["en"]).set_index("event_time")
    event = year - starts
    for when, index in around.iloc[:, 0].items():
        add(f"event {when}", event == when, index * found.event_time_means.before[0] / 100)
    mean = np.where((event < 0) & (event >= -4), 1.0, 0.0)
    for when in range(-4, 0):
        mean[event == when] /= people[event == when].sum()
    told.append(("mean before", mean, float(mean @ count)))
    return told


def test_no_number_of_the_page_is_a_small_count(case: Any, found: Any) -> None:
    told = shown_sums(case, found)
    rows = case.rows(case.lead)
    for name, cells, value in told:
        if name != "mean before":
            assert value == pytest.approx(cells @ rows["crimes"].to_numpy(), abs=1e-4), name
            assert round(value) not in SMALL, name


def test_no_small_count_follows_from_the_page(case: Any, found: Any) -> None:
    told = shown_sums(case, found)
    rows = case.rows(case.lead).reset_index(drop=True)
    free = null_space(np.array([cells / np.linalg.norm(cells) for _, cells, _ in told]))
    counts, ever = rows["crimes"].to_numpy(), rows["first_treated"].notna().to_numpy()
    small = np.flatnonzero((counts > 0) & (counts < 10) & ~ever)
    assert len(small) > 20
    assert (np.abs(free[small]).max(axis=1) > 1e-8).all()
    mask = staggered.disclosure_mask(case, case.lead)
    assert mask.primary > 20
    assert mask.secondary > 0


def test_estimates_use_every_count(case: Any, found: Any, tmp_path: Any) -> None:
    path = make(tmp_path / "plain", rare)
    plain = prepare(path, root=path.parents[1])
    open_found = staggered.findings(plain)
    pd.testing.assert_frame_equal(found.estimates, open_found.estimates)
    assert found.event_time_means.changes == open_found.event_time_means.changes
    assert story.withheld(plain) is None
    assert "disclosure" not in staggered.result_file(plain, open_found).content


def test_the_page_and_the_result_file_say_what_is_withheld(case: Any, found: Any) -> None:
    mask = staggered.disclosure_mask(case, case.lead)
    for language, small in (("en", f"{mask.primary} figures"), ("zh", f"{mask.primary}个数字")):
        text = story.withheld(case)[language].markdown
        assert small in text
        assert "9" in text
        assert str(mask.secondary) in text
    content = staggered.result_file(case, found).content
    assert content["disclosure"]["crime"] == {
        "minimum": 10,
        "rounding": 1,
        "withheld_small": mask.primary,
        "withheld_beside": mask.secondary,
    }
    json.dumps(content, allow_nan=False)


def test_rounded_counts_make_the_rates(tmp_path: Any) -> None:
    path = make(tmp_path / "rounded", rare, disclosure={"minimum": 10, "rounding": 5})
    case = prepare(path, root=path.parents[1])
    assert "multiples of 5" in story.withheld(case)["en"].markdown
    years = staggered.yearly(case, case.lead)
    people = case.table.pivot(index="year", columns="town", values="people")
    for unit in years.units.columns:
        for when, rate in years.units[unit].dropna().items():
            fifths = rate * people.at[pd.Period(str(when), "Y"), unit] / 5000
            assert fifths == pytest.approx(round(fifths), abs=1e-9)


def test_a_claim_on_a_small_count_is_not_answered(tmp_path: Any) -> None:
    def few(rows: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        treated = rows["town"].isin([f"t{i:02d}" for i in range(14)])
        gone = treated & (rows["year"] == 2010)
        return rows.assign(crimes=rows["crimes"].where(~gone, (rows["town"] == "t00") * 4.0)), places

    path = make(tmp_path / "few", few, disclosure=RULE)
    case = prepare(path, root=path.parents[1])
    assert not staggered.disclosure_mask(case, case.lead).allows(("claim", "d", "after"))
    check = staggered.check_claims(case, *[staggered.comparisons(case), staggered.family(case)])[1]
    assert np.isnan(check.found)
    assert check.reproduced == "no_data"
    assert "withheld" in check.reason


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"minimum": 1}, "minimum is 1, so that no count is withheld"),
        ({"minimum": -3}, "minimum is -3"),
        ({"minimum": 10, "rounding": 0}, "rounding is 0"),
        ({"minimum": "ten"}, "disclosure.minimum"),
        ({"least": 10}, "disclosure.least: unknown key"),
    ],
)
def test_bad_settings_are_named(tmp_path: Any, rule: dict[str, Any], said: str) -> None:
    path = make(tmp_path / "bad", disclosure=rule)
    with pytest.raises(StudyError, match=re.escape(said)):
        prepare(path, root=path.parents[1])


def test_a_study_without_counts_has_nothing_to_withhold(tmp_path: Any) -> None:
    path = make(tmp_path / "level", disclosure=RULE, outcomes__0__model="level", published=None)
    with pytest.raises(StudyError, match="no outcome has the model 'count'"):
        prepare(path, root=path.parents[1])
    for name, kind in (("claims", "ledger"), ("monthly_bulletin", "bulletin")):
        with pytest.raises(StudyError, match=f"a study of the kind '{kind}' shows no counts"):
            prepare(name, {"disclosure": RULE})
    with pytest.raises(StudyError, match="cannot withhold some"):
        prepare("pollution_enforcement", {"disclosure": RULE})


def test_counts_must_be_counts(tmp_path: Any) -> None:
    def half(rows: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        return rows.assign(crimes=rows["crimes"] + 0.5 * (rows["town"] == "t20")), places

    path = make(tmp_path / "half", half, disclosure=RULE)
    case = prepare(path, root=path.parents[1])
    with pytest.raises(DataError, match="not whole numbers") as raised:
        staggered.disclosure_mask(case, case.lead)
    assert "t20 2001" in str(raised.value)


def test_a_page_that_must_tell_a_small_count_is_refused(tmp_path: Any) -> None:
    def nothing(rows: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        treated = rows["town"].isin([f"t{i:02d}" for i in range(14)])
        return rows.assign(crimes=rows["crimes"].where(~treated, (rows["town"] == "t00") * 1.0)), places

    path = make(tmp_path / "nothing", nothing, disclosure=RULE)
    case = prepare(path, root=path.parents[1])
    with pytest.raises(DesignError, match="follow from what the page must say") as raised:
        staggered.disclosure_mask(case, case.lead)
    assert "treated" in str(raised.value)


def test_a_figure_of_small_counts_alone_is_replaced_by_words(tmp_path: Any) -> None:
    def few(rows: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        rng = np.random.default_rng(2)
        treated = rows["town"].isin([f"t{i:02d}" for i in range(14)])
        return rows.assign(crimes=rng.poisson(np.where(treated, 0.25, 20)).astype(float)), places

    path = make(tmp_path / "words", few, disclosure=RULE)
    case = prepare(path, root=path.parents[1])
    found = staggered.findings(case)
    for part in (
        story.event_time_figure(case, found.event_time_means)["en"],
        story.path_figure(case, found.paths["crime"])["en"],
    ):
        assert "is not drawn" in part.markdown
        assert "Crimes" in part.markdown
    assert "未画出" in story.event_time_figure(case, found.event_time_means)["zh"].markdown
    said, beside = story.withheld(case)["en"].markdown, staggered.disclosure_mask(case, case.lead).secondary
    assert ("more that would give them away" in said) == (beside > 0)
