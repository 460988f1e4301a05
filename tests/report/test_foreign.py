"""Pages on subjects that are none of ours: no word that the study did not give, and each reads well."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import foreign

from evaluation.report.sections.base import headed
from evaluation.study.words import from_column

# words of this project's own subjects, which no study here gives
NEVER = r"cit(y|ies)|air|residents?|neighbou?rs?|improve(s|d|ments?)?|provinces?|police|districts?|HJ 633"
NEVER_ZH = r"城市|空气|居民|邻近|改善|省|警|辖区|区县|地区|地方|案件"
MANY = "outcomes|units|states|checks|steps|weeks|years|shops|schools|plots|clinics"
PERIODS = {"year", "years", "quarter", "quarters", "month", "months", "week", "weeks"}
OWN = {
    "tobacco": {"year", "years"},
    "castle": {"year", "years"},
    "shops": {"week", "weeks"},
    "counties": set(),
    "schools": {"year", "years"},
    "clinics": {"month", "months", "year", "years"},  # raw figures are drawn by year
    "plots": set(),
}


FAST = ("shops", "counties", "schools")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in foreign.SUBJECTS],
)
def made(request, tmp_path_factory):
    path = foreign.write(tmp_path_factory.mktemp(request.param), request.param)
    written, names = foreign.pages(path)
    return request.param, written, names


def visible(page: str) -> list[str]:
    """What a reader reads or hears: text and alternative texts, a line each, without code."""
    page = page[page.index("<main") : page.index("</main")] if "<main" in page else page
    page = re.sub(r"<(pre|style|svg)\b.*?</\1>", "", page, flags=re.S)
    page = re.sub(r"<math\b.*?</math>", "x", page, flags=re.S)
    page = re.sub(r'\balt="([^"]*)"', r">\1<", page)
    page = re.sub(r"</?(strong|em|b|i|a|span|sub|sup)\b[^>]*>", "", page)
    lines = [html.unescape(part).strip() for part in re.split(r"<[^>]*>", page)]
    return [line for line in lines if line]


def test_pages_say_nothing_that_the_study_did_not_give(made):
    name, written, _ = made
    for language, page in written.items():
        lines = visible(page)
        text = "\n".join(lines)
        assert not re.search(rf"\b({NEVER})\b", text, flags=re.I), re.findall(rf".*\b(?:{NEVER})\b.*", text)
        if language == "zh":
            assert not re.search(NEVER_ZH, text), re.findall(rf".*(?:{NEVER_ZH}).*", text)
            continue
        others = "|".join(PERIODS - OWN[name])
        assert not re.search(rf"\b({others})\b", text), re.findall(rf".*\b(?:{others})\b.*", text)
        assert not re.search(r"\bplaces?\b", text), re.findall(r".*\bplaces?\b.*", text)


def test_pages_read_as_a_person_writes(made):
    _, written, _ = made
    for page in written.values():
        lines = visible(page)
        for line in lines:
            assert not re.search(r"\b(None|nan|NaN|NaT|Undefined|inf)\b", line), line
            assert not re.search(
                r"(?<![\d.,\-−])\b1 (outcomes|units|states|checks|steps|weeks|years|shops)\b", line
            ), line
            assert not re.search(r"[{}]|  | [.;:](\s|$)|\(\)|（）|, ,", line), line
            assert not re.search("个个|个年|全部年|[\u4e00-\u9fff] [\u4e00-\u9fff]", line), line
            assert not re.search(
                rf"(?<![\d.,\-−])[02-9] of 1 |\b1 of \d+ (?:{MANY}) (?:have|were)\b", line
            ), line
            assert not re.search(r"\b(beside|left over|told from none|elsewhere)\b|p = <|剩下|别处", line), (
                line
            )
            assert not re.search("<<<<<<<|>>>>>>>", line), line
        assert not re.search(r"<h([2-4])[^>]*>[^<]*(<[^>]*>[^<]*)*?</h\1>\s*<h2", page)


def test_a_section_without_content_has_no_heading(made):
    _, written, _ = made
    for page in written.values():
        lines = visible(page)
        assert not any("not computed" in line or "故未计算" in line for line in lines), lines


@pytest.mark.parametrize(
    ("column", "one", "zh"),
    [
        ("countyreal", "unit", "单位"),
        ("regionname", "region", "地区"),
        ("states", "state", "州"),
        ("uid", "unit", "单位"),
        ("firm.id", "firm", "企业"),
    ],
)
def test_a_column_of_units_names_them_only_where_it_is_a_noun(column, one, zh):
    words = from_column(column)
    assert (words["en"].one, words["zh"].one) == (one, zh)


@pytest.mark.parametrize(
    ("column", "shown"),
    [("lemp", "lemp"), ("y0", "y0"), ("share_paid", "share_paid"), ("gdpcap", "gdpcap"), ("sales", "Sales")],
)
def test_a_column_that_is_a_code_keeps_its_spelling(column, shown):
    assert headed(SimpleNamespace(column=column), column) == shown


def test_a_page_of_one_language_has_no_text_in_the_other(made):
    _, written, names = made
    assert tuple(written) == names["case"].study.languages
    if tuple(written) == ("en",):
        assert not re.search(r"[\u4e00-\u9fff]", "\n".join(visible(written["en"])))
    if tuple(written) == ("zh",):
        known = "RMSPE|Goodman|Bacon|Romano|Wolf|statsmodels|evaluation|counties|Ferman|Pinto|sha"
        words = re.findall(r"[A-Za-z]{4,}", "\n".join(visible(written["zh"])))
        assert not [word for word in words if not re.fullmatch(rf"(?:{known})\w*", word)], words


def test_what_the_page_says_is_what_the_cells_made(made):
    """The lead's estimate on the page, in the cells' table and fitted in the open is one number."""
    _, _, names = made
    case, found, fit = names["case"], names["found"], names["fit"]
    table = names["estimates"]
    lead = table[table["leading"] & (table["outcome"] == case.lead.id)].iloc[0]
    assert found.estimates is table
    if "estimate" in dir(fit) and case.lead.model != "count":
        assert float(lead["estimate"]) == pytest.approx(float(fit.estimate), rel=1e-6)


def test_a_share_moves_by_percentage_points(made):
    name, written, _ = made
    if name == "counties":
        text = "\n".join(visible(written["zh"]))
        assert "个百分点" in text
        assert not re.search(r"变化[+−]\d+(\.\d+)?%", text)
