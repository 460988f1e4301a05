"""What a stranger's table does to a study: told before a page is begun, or on the page."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation import evaluate
from evaluation.errors import EvaluationError
from evaluation.sources.findings import Asked, find


def panel(units: int = 12, periods: int = 8) -> pd.DataFrame:
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "shop": [f"s{i}" for i in np.repeat(np.arange(units), periods)],
            "year": np.tile(np.arange(2000, 2000 + periods), units),
        }
    )
    frame["start"] = frame["shop"].map({f"s{i}": 2004 for i in range(6)})
    frame["price"] = random.normal(size=len(frame))
    frame["heads"] = random.uniform(1, 3, size=len(frame))
    frame["sales"] = random.normal(size=len(frame)) + (frame["year"] >= frame["start"])
    frame["chain"] = np.repeat([f"c{i // 2}" for i in range(units)], periods)
    return frame


def asked(frame: pd.DataFrame, **keys):
    given = {"unit": "shop", "time": "year", "outcome": "sales", "first_treated": "start"} | keys
    return evaluate(frame, **given)


def test_weights_that_change_are_the_mean_of_a_unit():
    frame = panel()
    case = asked(frame, weights="heads").case
    means = frame.groupby("shop")["heads"].mean()
    held = case.table.groupby("shop")["heads"]
    assert (held.nunique() == 1).all()
    assert np.allclose(held.first(), means)
    (note,) = case.notes
    assert "heads" in note["en"]
    assert "12 units" in note["en"]
    steady = frame.assign(heads=frame["shop"].map(means))
    assert asked(steady, weights="heads").case.notes == ()


bad = {
    "text": (lambda f: f.assign(price="a"), {"covariates": ["price"]}, "price"),
    "infinite": (lambda f: f.assign(price=np.inf), {"covariates": ["price"]}, "price"),
    "no covariate": (
        lambda f: f.assign(price=f["price"].where(f["start"].isna())),
        {"covariates": ["price"]},
        "price",
    ),
    "no cluster": (
        lambda f: f.assign(chain=f["chain"].where(f["shop"] != "s3")),
        {"cluster": "chain"},
        "chain",
    ),
    "one cluster": (lambda f: f.assign(chain="c"), {"cluster": "chain"}, "chain"),
    "no weight": (
        lambda f: f.assign(heads=f["heads"].where(f["shop"] != "s3")),
        {"weights": "heads"},
        "heads",
    ),
    "not before": (lambda f: f.assign(sales=f["sales"].where(~(f["year"] < f["start"]))), {}, "sales"),
    "not after": (lambda f: f.assign(sales=f["sales"].where(~(f["year"] >= f["start"]))), {}, "sales"),
    "one row each": (lambda f: f.drop_duplicates("shop"), {}, "sales"),
}


@pytest.mark.parametrize("name", bad)
def test_what_a_page_would_fail_on_is_told_before(name):
    change, keys, column = bad[name]
    with pytest.raises(EvaluationError) as found:
        asked(change(panel()), **keys)
    assert found.value.exit_status == 2
    assert column in str(found.value)


@pytest.mark.parametrize("name", [name for name in bad if name != "text"])
def test_new_tells_it_from_the_file(name):
    change, keys, _ = bad[name]
    given = {one: tuple(value) if isinstance(value, list) else value for one, value in keys.items()}
    question = Asked(unit="shop", time="year", outcomes=("sales",), first_treated="start", **given)
    with pytest.raises(EvaluationError):
        find(change(panel()), question)
    find(panel(), question)


def test_two_dates_are_enough_where_all_are_treated():
    frame = panel()
    frame["start"] = frame["shop"].map({f"s{i}": 2003 + 2 * (i % 2) for i in range(12)})
    assert asked(frame).case.study.treatment.comparison == "not_yet_treated"


def test_a_page_without_a_kernel(tmp_path: Path):
    frame = panel()
    frame["price"] = frame["price"].where(frame.index % 9 > 0)  # rows that the estimator leaves out
    frame["steady"] = frame["shop"].map(dict(zip(frame["shop"].unique(), range(12), strict=True)))
    made = asked(frame, covariates=["price", "steady"], languages=["en", "zh"])
    path = made.page(tmp_path / "out.html")
    text = path.read_text(encoding="utf-8")
    assert "statsmodels" in text
    assert 'lang="zh' in made.page(tmp_path / "zh.html", language="zh").read_text(encoding="utf-8")
    with pytest.raises(EvaluationError, match="no text in 'fr'"):
        made.page(tmp_path / "fr.html", language="fr")
