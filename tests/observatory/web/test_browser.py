"""The pages in a real browser: axe, 320 pixels, the keyboard alone, no JavaScript. Chromium, once for all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from factories.observatories.memory_index import BEGAN, WITHDRAWN
from talkpath.report.words.language import language_codes

PATHS = [
    "now",
    "map?app=whatsapp",
    "search?q=tele",
    "network/XX/AS64496",
    "events",
    f"event/{BEGAN}",
    f"event/{WITHDRAWN}",
    f"letter/{BEGAN}",
    "series/XX/voice/telegram?step=week",
    "transports",
    "servers",
    "servers?page=2",
    "claims",
    "claims/S10",
    "picture/strip/XX/voice/whatsapp",
    "article",
    "data",
    "method",
    "risks",
    "nothing",
]
TALLEST = 3000  # pixels of any page on a phone of 360: folds are closed there
NEEDS = "needs a browser: apt-get install chromium, and playwright and axe-playwright-python (make dev)"
OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && !each.closest('.skip, thead, .scroll, .charts') &&
    (box.right > innerWidth + 1 || box.left < -1);
}).map(each => each.outerHTML.slice(0, 80))"""
FOCUSED = "() => { const it = document.activeElement; return it === document.body ? '' : it.outerHTML.slice(0, 60); }"
SHOWN = """() => { const it = document.activeElement, look = getComputedStyle(it);
  return look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0; }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip(NEEDS)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def phone(browser: Any) -> Iterator[Any]:
    """A small screen without JavaScript, as far as pages are concerned."""
    context = browser.new_context(viewport={"width": 320, "height": 640}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("code", language_codes())
def test_axe_finds_nothing_and_nothing_overflows_at_320_pixels(served: str, phone: Any, code: str):
    from axe_playwright_python.sync_playwright import Axe

    for path in PATHS:
        phone.goto(f"{served}/{code}/{path}")
        found = Axe().run(phone)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert phone.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert phone.evaluate(OVERFLOWING) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_wide_screen_in_light_and_dark(served: str, browser: Any, scheme: str):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1200, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    for path in PATHS:
        page.goto(f"{served}/en/{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
    context.close()


@pytest.mark.parametrize("code", language_codes())
def test_pages_are_short_on_a_phone(served: str, browser: Any, code: str):
    page = browser.new_page(viewport={"width": 360, "height": 640})
    heights = {}
    pages = {path: f"{served}/{code}/{path}" for path in PATHS if "page=" not in path}  # further rows are asked for
    pages["a network with all apps"] = f"{served}/full/{code}/network/XX/AS64496"
    for path, address in pages.items():
        page.goto(address)
        heights[path] = page.evaluate("document.documentElement.scrollHeight")
    page.close()
    assert {path: height for path, height in heights.items() if height > TALLEST} == {}


def test_where_there_is_room_folds_are_open(served: str, browser: Any):
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(f"{served}/en/now")
    assert page.locator("details.fold").count() > 2
    assert page.locator("table.networks").is_visible()
    page.set_viewport_size({"width": 360, "height": 640})
    assert not page.locator("table.networks").is_visible()
    page.close()


def test_axe_would_find_something(served: str, phone: Any):
    """The check itself is checked: a picture without words, text that nobody can read, a line too wide."""
    from axe_playwright_python.sync_playwright import Axe

    phone.goto(f"{served}/en/method")
    phone.evaluate("""() => {
      document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=""><p class="pale">pale</p>');
      const pale = document.querySelector('.pale').style;
      [pale.color, pale.background] = ['#eeeeee', '#ffffff'];
    }""")
    found = {each["id"] for each in Axe().run(phone).response["violations"]}
    assert found >= {"image-alt", "color-contrast"}
    assert phone.evaluate(OVERFLOWING) == []
    phone.evaluate("document.querySelector('.pale').style.width = '999px'")
    assert phone.evaluate(OVERFLOWING) != []


def test_without_javascript_a_reader_gets_from_now_to_an_event_and_its_claims(served: str, browser: Any):
    context = browser.new_context(java_script_enabled=False, locale="fa", viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.goto(served)
    assert page.url == f"{served}/fa/now"
    page.locator("table.networks a[href*='/event/']").first.click()
    assert "/fa/event/XX/" in page.url
    assert page.locator("section.card").count() == 2
    page.locator("figure summary").first.click()
    assert page.locator("figure details table").first.is_visible()
    page.locator("a[href*='/claims/S10']").click()
    assert page.url == f"{served}/fa/claims/S10"
    page.locator("a[hreflang='ru']").click()
    assert page.url == f"{served}/ru/claims/S10"
    context.close()


def test_by_the_keyboard_alone(served: str, phone: Any):
    """The first stop skips to the content; every stop is seen; a network and a chart's table are opened by keys."""
    phone.goto(f"{served}/en/now")
    phone.keyboard.press("Tab")
    assert "skip" in phone.evaluate(FOCUSED)
    phone.keyboard.press("Enter")
    assert phone.evaluate("document.activeElement.id") == "main"
    seen: list[str] = []
    while "AS64496" not in (stop := phone.evaluate(FOCUSED)):
        phone.keyboard.press("Tab")
        assert phone.evaluate(SHOWN), stop
        seen.append(stop)
        assert len(seen) < 60, "no way to the networks"
        if stop.startswith("<summary") and not phone.evaluate("document.activeElement.parentElement.open"):
            phone.keyboard.press("Enter")
    assert any(stop.startswith("<summary") for stop in seen)
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/network/XX/AS64496")


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_refused(served: str, browser: Any):
    """No request leaves the observatory, and the strict content policy stops nothing of its own."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for path in PATHS[:-1]:
        page.goto(f"{served}/en/{path}")
    assert [address for address in asked if not address.startswith(served)] == []
    assert said == []
    context.close()
