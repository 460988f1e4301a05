"""Pages to open, and the browser to open them with."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from evaluation.report.page import render_failure, render_index, render_page
from evaluation.report.sections.comparison import render_comparison

SAMPLE = Path(__file__).parent.parent / "report" / "sample.py"
COMPARED = SAMPLE.with_name("compared.py")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium of the system, with a new profile."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=SWITCHES)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def sample_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site like the pipeline's, made of the sample notebook; it shows one of everything."""
    sample = SimpleNamespace(**runpy.run_path(str(SAMPLE)))
    site = tmp_path_factory.mktemp("sample")
    for language, other in (("en", "zh"), ("zh", "en")):
        page = render_page(
            sample.notebook(language),
            language=language,
            study_id="sample",
            title=sample.index_entries()[0]["result"]["title"][language],
            alternate_href=f"../{other}/sample.html",
            provenance=sample.PROVENANCE,
        )
        write(site / language / "sample.html", page)
    small = {"language": "en", "study_id": "other", "title": "Other", "alternate_href": "../zh/sample.html"}
    write(site / "en" / "other.html", render_page(nbformat.v4.new_notebook(), provenance={}, **small))
    failure = SimpleNamespace(
        kind="cell", error="ValueError", message="x" * 200, cell=3, source="fit()\n" * 5
    )
    write(site / "failures" / "other.html", render_failure("other", failure))
    compared = SimpleNamespace(**runpy.run_path(str(COMPARED)))
    for language in ("en", "zh"):
        page = render_comparison(compared.comparison(), language)
        write(site / "variants" / "sample--grid--0" / f"{language}.html", page)
    grid = {language: f"variants/sample--grid--0/{language}.html" for language in ("en", "zh")}
    first, *others = sample.index_entries()
    told = {"finding": {"en": compared.HOSTILE, "zh": "变体"}, "grid": {"design.window": [24]}, "pages": grid}
    write(site / "index.html", render_index([{**first, "comparisons": [told]}, *others]))
    return site


def write(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


@pytest.fixture(scope="session", params=["sample_site", "built_site"])
def pages(request: pytest.FixtureRequest) -> list[Path]:
    """Every HTML file of a site: the sample's, then those that the pipeline makes of the real studies."""
    site: Path = request.getfixturevalue(request.param)
    files = sorted(site.rglob("*.html"))
    assert files, f"no page in {site}"
    return files
