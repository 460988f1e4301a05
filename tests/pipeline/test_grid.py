"""A grid of variants: its words, its cells, and the page that compares them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.pipeline.grids.grid import Grid, check_grid, parse_grid, split_values
from evaluation.pipeline.publishing.publish import site_files
from evaluation.pipeline.site import variant_name
from evaluation.pipeline.spec import parse_overrides
from evaluation.report.check import problems

Evaluation = Callable[..., Any]
ROW = (
    '"estimates": [{"outcome": "level", "leads": True, "base_unit": "points", "estimator": "difference", '
    '"n_units": 6, "n_treated": 1, "n_periods": 36, "estimate": mean(treated) - mean(others), '
    '"ci_low": mean(treated) - mean(others) - 30 * asked.rule.level, '
    '"ci_high": mean(treated) - mean(others) + 30 * asked.rule.level}],'
)
UNLUCKY = "if asked.seed == 13:\n    raise ValueError('no such luck')\nrows = list("
LANGUAGES = ("en", "zh")


@pytest.fixture
def gridded(project: Any, result_cell: str) -> Any:
    """The small project, with an interval as wide as its rule's level and a seed that fails."""
    old = '"estimates": [{"outcome": "level", "leads": True, "estimate": mean(treated) - mean(others)}],'
    assert old in result_cell
    project.notebook(result_cell.replace(old, ROW).replace("rows = list(", UNLUCKY))
    return project


def parse(*given: str, studies: tuple[str, ...] = ("tiny",), **options: Any) -> Grid:
    return parse_grid(given, studies, **options)


def refused(*given: str, **options: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        parse(*given, **options)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_cells_are_the_product_in_the_order_given() -> None:
    grid = parse("rule.level=0.01,0.2", "treatment.date=2015-07,2016-01", settings=["seed=4"])
    assert grid.size == 4
    assert [tuple(cell.values()) for cell in grid.cells] == [
        (0.01, "2015-07", 4),
        (0.01, "2016-01", 4),
        (0.2, "2015-07", 4),
        (0.2, "2016-01", 4),
    ]
    assert grid.settings(grid.cells[0]) == {"rule.level": "0.01", "treatment.date": "2015-07"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("24,36", ["24", "36"]),
        ('["a", "b"],["c"],x', ['["a", "b"]', '["c"]', "x"]),
        ("\"a, b\",'c,d', it's", ['"a, b"', "'c,d'", "it's"]),
        ('"a\\",b",c', ['"a\\",b"', "c"]),
        ("{ en = 'x, y', zh = \"z\" },2", ["{ en = 'x, y', zh = \"z\" }", "2"]),
        ("one", ["one"]),
        ("a,,b", ["a", "", "b"]),
    ],
)
def test_values_are_split_outside_quotes_and_brackets(text: str, parts: list[str]) -> None:
    assert split_values(text) == parts


def test_values_are_read_as_by_set() -> None:
    for text in (
        "24",
        "0.5",
        "true",
        "2016-03",
        '["a", "b"]',
        '"24"',
        "plain words",
        "{ en = 'x', zh = 'y' }",
    ):
        (axis,) = parse(f"a.b={text}").axes
        assert axis.values == (parse_overrides([f"a.b={text}"])["a.b"],)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["seed"], "'seed' is not of the form key=a,b"),
        (["=1,2"], "is not of the form key=a,b"),
        (["seed=1,2", "seed=3"], "seed is given twice"),
        (["seed=1,2,1"], "seed has the value 1 twice"),
        (["seed=1,,2"], "seed has an empty value"),
        (["seed="], "seed has an empty value"),
        (["seed=[1,2"], "seed has a ] missing at its end: [1,2"),
        (["seed='1,2"], "seed has a ' missing at its end"),
        (["seed=1],2"], "seed has a ] that nothing opened"),
        (["a b=1"], "'a b' is not a key of a study file"),
        (["rule={level = 0.1}", "rule.level=0.1,0.2"], "rule.level lies inside rule"),
    ],
)
def test_an_axis_that_cannot_be_read_is_named(given: list[str], said: str) -> None:
    text = refused(*given)
    assert said in text
    assert "--grid key=a,b" in text


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = refused("seed=1,1", "x", "rule.level=", settings=["seed=2"])
    for part in ("seed has the value 1 twice", "'x' is not", "rule.level has an empty"):
        assert part in text
    assert "seed is in --set too" in refused("seed=1,2", settings=["seed=3"])


def test_a_grid_belongs_to_one_study() -> None:
    assert "--grid belongs to one study" in refused("seed=1,2", studies=("tiny", "other"))
    assert "no study was named" in refused("seed=1,2", studies=())
    assert "where: --all" in refused("seed=1,2", studies=(), everything=True)


def test_a_grid_that_would_run_for_days_is_refused() -> None:
    wide = [f"seed={','.join(map(str, range(21)))}", f"data.least={','.join(map(str, range(1, 11)))}"]
    text = refused(*wide)
    assert "210 cells" in text
    assert "seed (21) × data.least (10)" in text
    assert "--max-cells 210" in text
    assert parse(*wide, most=210).size == 210


def test_the_name_is_stable_and_nobody_elses() -> None:
    grid = parse("rule.level=0.1,0.2", "seed=1,2")
    assert grid.name == parse("rule.level=0.1,0.2", "seed=1,2").name
    others = [
        parse("rule.level=0.1,0.3", "seed=1,2"),
        parse("seed=1,2", "rule.level=0.1,0.2"),
        parse("rule.level=0.1,0.2", "seed=1,2", settings=["data.least=3"]),
        parse("rule.level=0.1,0.2", 'seed="1",2'),
    ]
    names = {grid.name, *(other.name for other in others)}
    assert len(names) == 5
    for name in names:
        assert name.startswith("tiny--grid--rule.level--seed--") or name.startswith("tiny--grid--seed--")
        assert "=" not in name
    # a variant's name goes on with a key and its sign, whatever the key
    assert variant_name("tiny", {"grid": "x"}).startswith("tiny--grid=")
    long = parse(f"{'k' * 100}=1,2")
    assert len(long.name) <= 100


def test_the_command_makes_the_same_grid() -> None:
    grid = parse("title.en=\"a, b\",c,'[d'", "data.least=1,2", settings=["seed=5"])
    import shlex

    words = shlex.split(grid.command)
    assert words[:3] == ["evaluation", "run", "tiny"]
    axes = [words[i + 1] for i, word in enumerate(words) if word == "--grid"]
    fixed = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert parse(*axes, settings=fixed) == grid


def test_unknown_keys_are_named_with_the_known_before_anything_runs(
    project: Any, evaluation: Evaluation
) -> None:
    said = evaluation("run", "tiny", "--grid", "treatment.dat=2015-07,2016-01")
    assert said.status == 2
    assert "the study has no key 'treatment.dat'" in said.err
    assert "treatment.KEY, with KEY one of" in said.err
    assert {"unit,", "date,"} <= set(said.err.split())
    said = evaluation("run", "tiny", "--grid", "outcomes.lvel.digits=1,2")
    assert "outcomes has no entry 'lvel'" in said.err
    assert "one of level" in said.err
    said = evaluation("run", "tiny", "--grid", "rule.level=0.1,0.2", "--set", "rule.levl=1")
    assert "'rule.levl'" in said.err
    assert not (project.root / "reports").exists()


def test_a_value_that_fits_in_no_cell_is_refused(project: Any, evaluation: Evaluation) -> None:
    said = evaluation("run", "tiny", "--grid", "rule.level=0.1,7", "--grid", "seed=1,2")
    assert said.status == 2
    assert "the study tiny takes no such value: rule.level=7" in said.err
    assert "less than 0.5" in said.err
    assert not (project.root / "reports").exists()
    # one that fits with some others is a cell that fails, not a mistake of the command
    checked = check_grid(
        parse("headline.years.before=2014,2015", "headline.years.after=2015,2016"), project.root
    )
    assert checked.grid.size == 4


def test_two_ways_to_ask_the_same_are_refused(project: Any) -> None:
    with pytest.raises(EvaluationError, match="two cells of the grid ask the same"):
        check_grid(parse('data.start=2014,"2014"'), project.root)


def test_a_cell_that_is_the_declared_study_is_known(project: Any) -> None:
    checked = check_grid(parse("rule.level=0.1,0.2", "seed=2,1"), project.root)
    assert checked.same == (False, True, False, False)


def test_a_grid_makes_its_cells_and_one_comparison(
    gridded: Any, evaluation: Evaluation, no_orphans: None
) -> None:
    words = ("run", "tiny", "--grid", "rule.level=0.05,0.2", "--grid", "seed=1,13", "--jobs", "1")
    planned = json.loads(evaluation(*words, "--dry-run", "--json").out)
    assert not gridded.reports.exists()
    assert planned["axes"] == {"rule.level": [0.05, 0.2], "seed": [1, 13]}
    assert [cell["would_run"] for cell in planned["cells"]] == [True] * 4
    assert planned["comparison"]["reasons"] == ["5 of 5 reports would be made"]
    table = evaluation(*words, "--dry-run").out
    assert planned["name"] in table
    assert "tiny--rule.level=0.2--seed=13" in table

    done = evaluation(*words, "--json")
    assert done.status == 1
    told = json.loads(done.out)
    assert told["exit_status"] == 1
    grid = told["grid"]
    assert [cell["status"] for cell in grid["cells"]] == ["made", "failed", "made", "failed"]
    assert grid["cells"][1]["settings"] == {"rule.level": "0.05", "seed": "13"}
    assert grid["cells"][1]["reason"] == "ValueError: no such luck"
    assert grid["comparison"]["status"] == "made"
    pages = {language: gridded.root / path for language, path in grid["comparison"]["pages"].items()}
    assert set(pages) == set(LANGUAGES)
    for cell in (grid["cells"][0], grid["cells"][2]):
        for language in LANGUAGES:
            assert (gridded.reports / "variants" / cell["variant"] / f"{language}.html").is_file()
    _the_pages_say_it(pages)
    _the_index_groups_them(gridded.reports)
    _nothing_is_written_twice(gridded, evaluation, words, pages)


def _the_pages_say_it(pages: dict[str, Path]) -> None:
    html = {language: page.read_text(encoding="utf-8") for language, page in pages.items()}
    assert "<h1>Simulated data. Level: in 1 of 2 variants the interval excludes no change" in html["en"]
    assert "; 2 more could not be made</h1>" in html["en"]
    assert "<h1>模拟数据：水平：2个变体中有1个的区间排除“无变化”；另有2个未能生成</h1>" in html["zh"]
    for language, page in html.items():
        assert problems(page) == []
        assert page.count("no such luck") == 2
        assert f'href="../../variants/tiny--rule.level=0.05--seed=1/{language}.html"' in page
        assert f'href="../../{language}/tiny.html"' in page
        assert 'href="../../failures/tiny--rule.level=0.05--seed=13.html"' in page
        assert len(page) < 800_000
    assert "To pick the variant one likes best" in html["en"]
    assert "No joint p-value is claimed" in html["en"]
    assert html["en"].count('class="simulated">SIMULATED') >= 4


def _the_index_groups_them(reports: Path) -> None:
    index = (reports / "index.html").read_text(encoding="utf-8")
    assert index.count("<article>") == 1
    assert "Level: in 1 of 2 variants" in index
    assert "水平：2个变体中有1个" in index
    assert "tiny--rule.level" not in index
    files = site_files(reports)
    assert any(name.endswith("/comparison.json") for name in files)


def _nothing_is_written_twice(
    gridded: Any, evaluation: Evaluation, words: tuple[str, ...], pages: dict[str, Path]
) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in pages.values()}
    again = json.loads(evaluation(*words, "--json").out)
    assert [cell["status"] for cell in again["grid"]["cells"]] == ["up_to_date", "failed"] * 2
    assert again["grid"]["comparison"]["status"] == "up_to_date"
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in pages.values()} == before
    pages["en"].unlink()
    planned = json.loads(evaluation(*words[:-2], "--dry-run", "--json").out)
    assert planned["comparison"]["would_run"]
    again = json.loads(evaluation(*words, "--json").out)
    assert again["grid"]["comparison"]["status"] == "made"
    assert [Path(name).name for name in again["grid"]["comparison"]["written"]] == ["en.html"]
    assert pages["en"].read_bytes() == before[pages["en"]][0]


def test_a_comparison_follows_its_cells_and_its_study(
    gridded: Any, evaluation: Evaluation, result_cell: str
) -> None:
    words = ("run", "tiny", "--grid", "seed=1,13", "--jobs", "1")
    assert evaluation(*words).status == 1
    (folder,) = (gridded.reports / "variants").glob("tiny--grid--*")
    before = (folder / "en.html").read_text(encoding="utf-8")
    assert "could not be made" in before
    # another study leaves it alone
    gridded.study("other")
    assert "compared again" not in evaluation("run", "other", "--jobs", "1").out
    assert (folder / "en.html").read_text(encoding="utf-8") == before
    # the study as declared has other numbers: its cells stand as they were, the failed one too
    gridded.study(**{"level = 0.1": "level = 0.2"})
    done = evaluation("run", "tiny", "--jobs", "1")
    assert "compared again" in done.out
    after = (folder / "en.html").read_text(encoding="utf-8")
    assert after != before
    assert "no such luck" in after
    # the cell is mended and run alone: its page of failure is gone, and no page links there
    text = (gridded.root / "notebooks" / "tiny.ipynb").read_text(encoding="utf-8")
    (gridded.root / "notebooks" / "tiny.ipynb").write_text(text.replace("seed == 13", "seed == 99"))
    assert evaluation("run", "tiny", "--set", "seed=13", "--jobs", "1").status == 0
    assert "no such luck" not in (folder / "zh.html").read_text(encoding="utf-8")
    assert json.loads((folder / "comparison.json").read_text("utf-8"))["cells"][2]["status"] == "made"
    site_files(gridded.reports)


def test_one_language_and_a_cell_refused_before_it_runs(gridded: Any, evaluation: Evaluation) -> None:
    words = ("run", "tiny", "--grid", "data.end=2016-12,2020-12", "--language", "en", "--jobs", "1")
    done = evaluation(*words)
    assert done.status == 2
    (folder,) = (gridded.reports / "variants").glob("tiny--grid--*")
    assert sorted(path.name for path in folder.iterdir()) == ["comparison.json", "en.html"]
    page = (folder / "en.html").read_text(encoding="utf-8")
    assert "reaches outside the data" in page
    assert 'hreflang="zh' not in page
    kept = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert [cell["status"] for cell in kept["cells"]] == ["made", "made", "failed"]
    assert kept["cells"][1]["same_as_declared"]
    assert kept["simulated"] is True
    assert "comparison reports/variants/" in done.out


def test_the_same_grid_anywhere_gives_the_same_bytes(
    gridded: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")
    words = ("run", "tiny", "--grid", "rule.level=0.05,0.2", "--jobs", "1")
    found = []
    for folder in ("one", "two"):
        assert evaluation(*words, "--reports", folder).status == 0
        (made,) = Path(folder, "variants").glob("tiny--grid--*")
        found.append({path.name: path.read_bytes() for path in sorted(made.iterdir())})
    assert found[0] == found[1]
    assert set(found[0]) == {"comparison.json", "en.html", "zh.html"}
