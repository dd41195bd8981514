"""The page as people meet it: four languages, axe, keyboard, 320 px, without JavaScript, and what it asks first."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, WebSocketRoute

from talkpath.browser.web.page_files import choose_language, entry_script, render_page
from talkpath.browser.web.page_texts import LANGUAGE_NAMES, most_mb, page_texts
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME

MOST_LOADED = 60_000  # bytes, compressed
MOST_HIGH = 3000  # px, of any screen of the page
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

SMALL = """[...document.querySelectorAll('button, label, nav a, summary')].filter(each => each.offsetHeight)
  .filter(each => each.offsetHeight < 44 || each.offsetWidth < 44).map(each => each.textContent)"""


def opened(browser: Browser, origin: str, code: str, **options: object) -> Page:
    page = browser.new_context(viewport={"width": 320, "height": 640}, **options).new_page()  # type: ignore[arg-type]
    page.goto(f"{origin}/check?lang={code}")
    return page


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_every_language_is_whole_accessible_and_fits_a_narrow_screen(browser: Browser, origin: str, code: str):
    page = opened(browser, origin, code)
    page.wait_for_selector("html[data-ready]")
    assert page.get_attribute("html", "dir") == ("rtl" if code in ("fa", "ar") else "ltr")
    assert page.inner_text("h1") == page_texts(code)["title"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollHeight") < MOST_HIGH
    page.context.close()


def test_the_cost_that_people_agree_to_is_an_upper_bound():
    budgets = {name: medium.budget_bytes / 1e6 for name, medium in MEDIA_BY_NAME.items()}
    texts = {name: text.replace("\N{NO-BREAK SPACE}", " ") for name, text in page_texts("en").items()}
    assert f"at most {most_mb('voice')} MB" in texts["cost"]
    assert budgets["voice"] < most_mb("voice")
    assert f"at most {most_mb('voice', 'video')} MB" in texts["which_video"]
    assert sum(budgets.values()) < most_mb("voice", "video")


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_no_word_is_missing(code: str):
    assert not re.findall(r"\{\{\w+\}\}", render_page("check", code))
    assert "<code>talkpath verify</code>" in render_page("check", code)
    english, words = page_texts("en"), page_texts(code)
    assert words.keys() == english.keys()
    for name, text in english.items():
        assert re.findall(r"\{\w+\}", words[name]) == re.findall(r"\{\w+\}", text)
        assert code == "en" or words[name] != text or name == "dir", name


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_what_is_loaded_is_small(code: str):
    loaded = [render_page("check", code), entry_script()]
    assert sum(len(gzip.compress(text.encode())) for text in loaded) < MOST_LOADED


def test_the_language_is_the_one_asked_for_else_the_browsers():
    assert choose_language("ar", "ru") == "ar"
    assert choose_language("", "xx, fa-IR;q=0.8, en") == "fa"
    assert choose_language("<script>", "") == "en"


SCREEN = {"width": 360, "height": 640}  # of a cheap phone
ABOVE = """id => {
  const page = [...document.querySelectorAll("main p")].filter(each => each.offsetHeight);
  const button = document.getElementById(id).getBoundingClientRect();
  return page.filter(each => each.getBoundingClientRect().bottom <= button.top).map(each => each.innerText);
}"""


def is_in_sight(page: Page, selector: str) -> bool:
    box = page.locator(selector).bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= SCREEN["height"]


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_on_a_small_phone_the_button_is_in_sight_below_cost_and_consent(browser: Browser, origin: str, code: str):
    page = opened(browser, origin, code)
    page.set_viewport_size(SCREEN)
    page.wait_for_selector("html[data-ready]")
    texts = page_texts(code)
    assert is_in_sight(page, "#start")
    assert page.evaluate("scrollY") == 0
    assert page.evaluate(ABOVE, "start") == [texts["cost"], texts["risk"]]
    assert not page.is_visible("#vpn")
    page.click("#start")
    assert all(is_in_sight(page, f"#vpn-{answer}") for answer in ("no", "yes", "unsure"))
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.click("#back")  # to switch a VPN off, or to choose other calls
    assert is_in_sight(page, "#start")
    assert not page.is_visible("#vpn")
    page.context.close()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X)", "vpn_apple"),
        ("Mozilla/5.0 (Linux; Android 16)", "vpn"),
    ],
)
def test_private_relay_is_asked_of_apple_s_devices_alone(browser: Browser, origin: str, agent: str, name: str):
    page = opened(browser, origin, "en", user_agent=agent)
    page.wait_for_selector("html[data-ready]")
    page.click("#start")
    assert page.inner_text("#vpn-question") == page_texts("en")[name]
    page.context.close()


@pytest.mark.parametrize(
    ("answer", "vpn", "chosen", "media"),
    [
        ("no", False, "voice", ["voice"]),
        ("yes", True, "voice", ["voice"]),
        ("unsure", None, "video", ["voice", "video"]),
    ],
)
def test_the_check_starts_with_the_answers(
    browser: Browser, origin: str, answer: str, vpn: bool | None, chosen: str, media: list[str]
):
    page, started = opened(browser, origin, "en"), []

    def talk(socket: WebSocketRoute) -> None:
        def receive(message: str | bytes) -> None:
            if json.loads(message)["type"] == "start":
                started.append(json.loads(message))

        socket.on_message(receive)
        socket.send(json.dumps({"type": "welcome", "commit": "", "twin": {"port": 9, "fingerprint": "AA=="}}))

    page.route_web_socket("**/check/talk", talk)
    page.wait_for_selector("html[data-ready]")
    page.click("#options summary")
    page.check(f'input[value="{chosen}"]')
    page.click("#start")
    page.click(f"#vpn-{answer}")
    page.wait_for_selector("#run:not([hidden])")
    for _ in range(100):
        page.wait_for_timeout(50)
        if started:
            break
    assert (started[0]["vpn"], started[0]["media"]) == (vpn, media)
    page.context.close()


def test_it_starts_and_stops_by_keyboard_alone(browser: Browser, origin: str):
    page = opened(browser, origin, "en")
    page.wait_for_selector("html[data-ready]")
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#vpn-no:enabled")  # a second quick tap answers nothing
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first answer: no VPN
    page.wait_for_selector("#run:not([hidden])")
    page.keyboard.press("Enter")  # on Stop
    page.wait_for_selector("#ask:not([hidden])")
    assert page.inner_text("#trouble") == page_texts("en")["stopped"]
    page.context.close()


def test_without_javascript_it_says_so_kindly(browser: Browser, origin: str):
    page = opened(browser, origin, "ru", java_script_enabled=False)
    assert page_texts("ru")["noscript"].replace("`", "") in page.inner_text("main")
    assert not page.is_visible("#loading")
    assert not page.is_visible("#start")
    page.context.close()


SLOW = {"offline": False, "latency": 300, "downloadThroughput": 6000, "uploadThroughput": 6000}  # ms, bytes a second


def test_a_slow_line_brings_the_words_first_and_then_the_rest(browser: Browser, origin: str):
    page = browser.new_context().new_page()
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    page.goto(f"{origin}/check?lang=fa", wait_until="commit", timeout=60_000)
    page.wait_for_selector("footer", state="attached", timeout=60_000)
    page.wait_for_selector("#consent", state="hidden", timeout=60_000)  # the style is there
    assert page.is_visible("#loading")
    assert page.inner_text("h1") == page_texts("fa")["title"]
    assert not page.is_visible("#start")
    page.wait_for_selector("html[data-ready]", timeout=60_000)
    assert page.is_visible("#start")
    assert not page.is_visible("#loading")
    page.context.close()


def test_where_a_part_of_it_never_comes_it_says_what_to_do(browser: Browser, origin: str):
    page = browser.new_context(service_workers="block").new_page()
    page.route("**/check/check.js", lambda route: route.abort())
    page.goto(f"{origin}/check?lang=en")
    assert page.inner_text("#loading") == page_texts("en")["loading"]
    assert not page.is_visible("#start")
    page.context.close()


def test_less_motion_where_that_is_wished(browser: Browser, origin: str):
    page = opened(browser, origin, "en", reduced_motion="reduce")
    page.evaluate("document.getElementById('run').hidden = false")
    assert page.evaluate("getComputedStyle(document.getElementById('step'), '::before').animationName") == "none"
    page.context.close()


def test_it_is_there_without_a_network(browser: Browser, origin: str):
    page = opened(browser, origin, "en")
    page.wait_for_selector("html[data-ready]")
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.context.set_offline(True)
    page.reload()
    assert page.inner_text("h1") == page_texts("en")["title"]
    page.context.close()


def test_only_its_own_files_are_served(browser: Browser, origin: str):
    page = browser.new_page()
    assert page.request.get(f"{origin}/check/..%2F__init__.py").status == 404
    assert page.request.get(f"{origin}/check/check.html").status == 404
    answer = page.request.get(f"{origin}/check")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page.close()
