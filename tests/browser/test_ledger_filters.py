"""The filters of the ledger in a browser: without script, by keyboard, and where ``:has()`` is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evaluation.report.ledger import FILTERS

pytestmark = pytest.mark.browser


@contextmanager
def opened(browser: Any, address: Path, **options: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 390, "height": 800}, **options)
    page = context.new_page()
    page.goto(address.as_uri())
    try:
        yield page
    finally:
        context.close()


@pytest.fixture(params=["sample_site", "built_site"])
def ledger_page(request: pytest.FixtureRequest) -> Path:
    site: Path = request.getfixturevalue(request.param)
    return site / "zh" / ("sample.html" if request.param == "sample_site" else "claims.html")


def shown(page: Any) -> int:
    return sum(entry.is_visible() for entry in page.locator(".entry").all())


def test_each_filter_shows_as_many_rows_as_it_says_without_script(browser: Any, ledger_page: Path) -> None:
    with opened(browser, ledger_page, java_script_enabled=False) as page:
        everything = page.locator(".entry").count()
        assert shown(page) == everything > 4
        for kind in FILTERS:
            choice = page.locator(f"#show-{kind}")
            if not choice.count() or choice.is_disabled():
                continue
            choice.check()
            told = int(page.locator(f"label:has(#show-{kind}) .count").inner_text())
            assert shown(page) == told, kind
            for system in page.locator(".system").all():
                rows = sum(entry.is_visible() for entry in system.locator(".entry").all())
                assert system.is_visible() == (rows > 0)
        page.locator("#show-all").check()
        assert shown(page) == everything


def test_the_filters_and_the_rows_answer_to_the_keyboard(browser: Any, ledger_page: Path) -> None:
    with opened(browser, ledger_page, java_script_enabled=False) as page:
        page.locator("#show-all").focus()
        page.keyboard.press("ArrowDown")
        assert not page.locator("#show-all").is_checked()
        row = page.locator(".entry:visible summary").first
        row.focus()
        page.keyboard.press("Enter")
        assert page.locator(".entry[open] dl").first.is_visible()


def test_everything_shows_where_has_is_unknown(browser: Any, ledger_page: Path, tmp_path: Path) -> None:
    text = ledger_page.read_text(encoding="utf-8").replace(":has(", ":no-such(")
    other = tmp_path / "page.html"
    other.write_text(text, encoding="utf-8")
    with opened(browser, other, bypass_csp=True) as page:
        page.locator("#show-not_testable").check()
        assert shown(page) == page.locator(".entry").count()
        assert page.locator(".entry .what").first.evaluate("e => getComputedStyle(e).gridColumnStart") == "2"
