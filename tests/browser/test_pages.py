"""Every page in a real browser: nothing leaves it, nothing fails in it, everyone can read it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
LARGEST = 800_000
WIDTHS = (320, 1280)
SCHEMES = ("light", "dark")
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@cache
def axe() -> str:
    """Source of axe-core as its Python package ships it."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    found = [path for folder in package.__path__ for path in Path(folder).rglob("axe.min.js")]
    assert found, "the package holds no axe.min.js"
    return found[0].read_text(encoding="utf-8")


@contextmanager
def opened(
    browser: Any, path: Path, *, width: int = 1280, scheme: str = "light", trusted: bool = False
) -> Iterator[Any]:
    """A page, with what it asked for in ``requests`` and what it complained of in ``faults``.

    ``trusted`` lifts the page's own policy so that axe can be put in; never when the policy is tested.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        bypass_csp=trusted,
        java_script_enabled=True,
    )
    page = context.new_page()
    page.requests, page.faults = [], []

    def decide(route: Any) -> None:
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            page.requests.append(route.request.url[:120])
            route.abort()

    context.route("**/*", decide)
    page.on("request", lambda r: page.requests.append(r.url[:120]) if not mine(r.url, path) else None)
    page.on("console", lambda m: page.faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    try:
        page.goto(path.as_uri(), wait_until="load")
        yield page
    finally:
        context.close()


def mine(url: str, path: Path) -> bool:
    return url == path.as_uri() or url.startswith("data:")


def open_folds(page: Any, state: bool) -> None:
    page.evaluate("state => document.querySelectorAll('details').forEach(d => { d.open = state })", state)


def languages(page: Any) -> list[str]:
    """Choices to make on a page that holds both languages."""
    return ["choose-en", "choose-zh"] if page.locator("#choose-zh").count() else [""]


def show(page: Any, choice: str) -> None:
    if choice:
        page.check(f"#{choice}")


def test_no_request_leaves_a_page_and_no_error_is_logged(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        for scheme in SCHEMES:
            with opened(browser, path, scheme=scheme) as page:
                open_folds(page, True)
                page.mouse.wheel(0, 20_000)
                page.wait_for_timeout(100)
                assert page.requests == [], path
                assert page.faults == [], path
                assert page.evaluate("document.scripts.length") == 0


def test_the_policy_holds(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        with opened(browser, path) as page:
            broken = page.evaluate(
                """async () => {
                  const seen = [];
                  document.addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
                  const script = document.createElement('script'); script.textContent = 'window.ran = 1';
                  const image = document.createElement('img'); image.src = 'https://example.org/x.png';
                  document.body.append(script, image);
                  await new Promise(done => setTimeout(done, 200));
                  return [window.ran === undefined, seen.sort()];
                }"""
            )
            assert broken == [True, ["img-src", "script-src-elem"]], path


def test_links_and_pictures_work(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        with opened(browser, path) as page:
            whole = page.evaluate(
                "[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt.trim())"
            )
            assert whole, path
            for address in page.eval_on_selector_all(
                "a[href]", "links => links.map(a => a.getAttribute('href'))"
            ):
                if address.startswith("#"):
                    assert page.evaluate("id => !!document.getElementById(id)", address[1:]), (path, address)
                elif ":" not in address:
                    assert (path.parent / address).resolve().is_file(), (path, address)


def test_axe_finds_nothing(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        with opened(browser, path, trusted=True) as page:
            page.add_script_tag(content=axe())
            for choice in languages(page):
                show(page, choice)
                for width, scheme, state in itertools.product(WIDTHS, SCHEMES, (False, True)):
                    page.set_viewport_size({"width": width, "height": 800})
                    page.emulate_media(color_scheme=scheme)
                    open_folds(page, state)
                    violations = page.evaluate(
                        "async rules => (await axe.run(document, rules)).violations", RULES
                    )
                    faults = [
                        (found["id"], node["html"][:160], node["failureSummary"])
                        for found in violations
                        for node in found["nodes"][:2]
                    ]
                    assert faults == [], f"{path} {width} {scheme} folds {'open' if state else 'closed'}"


def test_nothing_scrolls_sideways_on_a_phone(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        with opened(browser, path, width=320) as page:
            for choice in languages(page):
                show(page, choice)
                for state in (False, True):
                    open_folds(page, state)
                    wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
                    culprits = page.evaluate(TOO_WIDE)
                    assert wide <= room, (path, culprits)
                    assert culprits == [], path


def test_the_answer_is_on_the_first_screen_of_a_phone(browser: Any, pages: list[Path]) -> None:
    seen = 0
    for path in pages:
        with opened(browser, path, width=360) as page:
            for box in page.locator(".answer .sentence").all()[:1]:
                seen += 1
                assert box.bounding_box()["y"] < 500, path
    assert seen, "no page has an answer"


def test_chinese_is_drawn_and_not_boxed(browser: Any, pages: list[Path]) -> None:
    checked = 0
    for path in pages:
        with opened(browser, path) as page:
            for choice in languages(page):
                show(page, choice)
            boxed = page.evaluate(BOXES)
            checked += boxed["count"]
            assert boxed["tofu"] == [], path
    assert checked > 20


TOO_WIDE = """() => [...document.querySelectorAll('main *')]
  .filter(e => !e.closest('.scroll, .formula') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.tagName + '.' + e.className).slice(0, 5)"""


BOXES = """() => {
  const text = document.body.innerText;
  const characters = [...new Set(text.match(/[\\u3001-\\u303f\\u4e00-\\u9fff\\uff00-\\uffef]/g) || [])];
  const element = document.querySelector('[lang|=zh] p, [lang|=zh]') || document.body;
  const family = getComputedStyle(element).fontFamily;
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 40;
  const brush = canvas.getContext('2d', {willReadFrequently: true}); brush.font = '32px ' + family;
  const draw = c => { brush.clearRect(0, 0, 40, 40); brush.fillText(c, 2, 32);
                      return brush.getImageData(0, 0, 40, 40).data.join(); };
  const missing = draw('\\u{10FFFF}'), empty = draw(' ');
  return {count: characters.length, tofu: characters.filter(c => [missing, empty].includes(draw(c)))};
}"""


def test_night_pictures_stand_on_the_colour_of_the_page(browser: Any, pages: list[Path]) -> None:
    """The corner of a figure, as the browser shows it, is the page's own ground in either scheme."""
    from PIL import Image

    for path in pages:
        for scheme in SCHEMES:
            with opened(browser, path, scheme=scheme) as page:
                figure = page.locator(".picture img").first
                if not figure.count():
                    continue
                shot = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
                ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
                wanted = tuple(int(part) for part in ground.strip("rgb()").split(","))
                corner = shot.getpixel((shot.width - 3, 3))
                assert max(abs(a - b) for a, b in zip(corner, wanted, strict=True)) <= 2, (
                    path,
                    scheme,
                    corner,
                    wanted,
                )


def test_print_opens_folds_and_is_light(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        with opened(browser, path, scheme="dark") as page:
            page.emulate_media(media="print", color_scheme="light")
            state = page.evaluate(
                """() => { const code = document.querySelector('details.code pre');
                   const shown = e => e && getComputedStyle(e).display !== 'none';
                   return {code: !code || code.getBoundingClientRect().height > 0,
                           furniture: [...document.querySelectorAll('.skip, .wide, .narrow, .csv')]
                             .some(shown),
                           ground: getComputedStyle(document.body).backgroundColor}; }"""
            )
            assert state == {"code": True, "furniture": False, "ground": "rgb(255, 255, 255)"}, path
            assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")


def test_a_page_is_small(pages: list[Path]) -> None:
    for path in pages:
        assert path.stat().st_size < LARGEST, f"{path} has {path.stat().st_size:,} bytes"


def test_keyboard_reaches_the_content_first(browser: Any, pages: list[Path]) -> None:
    for path in pages:
        with opened(browser, path) as page:
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.className") == "skip", path
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.id") == "main", path
