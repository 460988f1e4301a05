"""The ledger on a page: what its rows and filters are, and what is refused."""

from __future__ import annotations

import re
from types import SimpleNamespace

import nbformat
import pytest

from evaluation.errors import ReportError
from evaluation.report.check import problems
from evaluation.report.display import ATTRIBUTABLE, REPRODUCED
from evaluation.report.ledger import FILTERS, SILENT, Ledger, Row
from evaluation.report.page import render_page
from evaluation.report.site import style


def made(*rows: Row) -> Ledger:
    return Ledger([("g", rows)], "c", "ledger", "all", "silent", ("show", "one", "two"))


def row(name: str, *verdicts: str) -> Row:
    return Row(name, "title", "1", "2016", [("q", verdict) for verdict in verdicts], ())


def page_of(sample: SimpleNamespace, ledger: Ledger, index: str = "../index.html") -> str:
    notebook = nbformat.v4.new_notebook(cells=[sample.code("x", sample.shown(ledger))])
    return render_page(
        notebook,
        language="zh",
        study_id="s",
        title="t",
        alternate_href="",
        provenance={},
        index_href=index,
    )


def test_every_filter_has_its_rules_in_the_style_sheet() -> None:
    assert (*REPRODUCED, *ATTRIBUTABLE, SILENT) == FILTERS
    for kind in FILTERS:
        rule = f".ledger:has(#show-{kind}:checked) .entry:not(.is-{kind})"
        assert rule in style(), kind


def test_counts_are_those_of_the_rows(sample: SimpleNamespace) -> None:
    page = page_of(sample, sample.ledger("zh"))
    counted = dict(re.findall(r'id="show-(\w+)"[^>]*><span class="count">(\d+)<', page))
    classes = re.findall(r'class="entry([^"]+)"', page)
    assert int(counted.pop("all")) == len(classes) == 5
    for kind, count in counted.items():
        assert sum(f"is-{kind}" in names.split() for names in classes) == int(count), kind
    # that none is beyond the comparison is said, and cannot be chosen
    assert re.search(r'id="show-beyond_comparison" autocomplete="off" disabled', page)
    assert "show-opposite" in page
    assert problems(page) == []


@pytest.mark.parametrize(
    ("index", "link"),
    [("../index.html", "../zh/sample.html"), ("../../index.html", "../../zh/sample.html")],
)
def test_a_study_is_a_link_to_its_page_in_the_same_language(sample, index, link) -> None:
    page = page_of(sample, sample.ledger("zh"), index)
    assert f'<a href="{link}">' in page


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "no row"),
        ([row("a", "close"), row("a", "close")], "two rows with one address"),
        ([row("a", "proven")], "no verdict 'proven'"),
    ],
)
def test_a_ledger_that_is_not_sound_is_refused(rows, complaint) -> None:
    with pytest.raises(ReportError, match=complaint):
        made(*rows)


def test_an_address_that_would_run_is_refused(sample: SimpleNamespace) -> None:
    from evaluation.report.ledger import Line, Part

    bad = Row("a", "t", "1", "", (), [Line("x", [[Part("y", href="javascript:alert(1)")]])])
    with pytest.raises(ReportError, match="javascript"):
        page_of(sample, made(bad))
