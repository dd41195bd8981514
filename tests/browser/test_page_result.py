"""What a page that is open does with a result, and where a check does not come to one."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, WebSocketRoute

from browser_near import start_page_check
from factories.checks import browser_checks
from talkpath.browser.answer.result_message import result_message
from talkpath.browser.web.page_texts import LANGUAGE_NAMES, page_texts
from talkpath.measure.facts import Health

DAY_AND_HOUR = "2026-11-26T09:00:00Z"
MOMENT_MS = 1795683240000  # 2026-11-26 08:54 UTC
MOST_HIGH = 3000  # px, of any screen of the page
BROKEN = """[...document.querySelectorAll("dd, tbody th")].filter(each => {
  const text = document.createRange();
  text.selectNodeContents(each);
  return text.getBoundingClientRect().height > 2 * parseFloat(getComputedStyle(each).fontSize);
}).map(each => each.textContent)"""
APART = """(() => {
  const [name, way] = [...document.querySelector("tbody tr").cells].map(cell => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return text.getBoundingClientRect();
  });
  return Math.max(way.left - name.right, name.left - way.right);
})()"""  # px between a path's name and what is said of it
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"  # as without https
NO_COPY = NO_CLIPBOARD + "document.execCommand = () => false;"
NO_SOUND = "globalThis.AudioContext = class { constructor() { throw new Error('none'); } };"
AWAKE = """globalThis.awake = [];
Object.defineProperty(navigator, "wakeLock", { value: {
  async request(kind) { awake.push(kind); return { async release() { awake.push("released"); } }; } } });"""
LINE = """const line = new EventTarget(); Object.assign(line, { type: "wifi", rtt: 50 });
Object.defineProperty(navigator, "connection", { value: line });"""
REPORTS = "**/v1/reports/*"


@cache
def a_result(code: str) -> dict[str, Any]:
    """As the server tells it, in that language."""
    facts = replace(
        browser_checks.browser_check(browser_checks.even_loss(0.02), 3, drop_up=0.3), started_at=DAY_AND_HOUR
    )
    paths = [{"name": "udp/4434", "carries": False}, {"name": "tls/443", "missing": "certificate"}]
    operator = {"network": "AS64496", "name": "Anna's Mobile", "hosting": False}
    return {**result_message(facts, code, operator=operator), "share": "here", "paths": paths, "at": MOMENT_MS}


def opened(browser: Browser, origin: str, code: str, kept: object = None, script: str = "") -> Page:
    """The page; `kept` is what this browser holds already, `script` what its world is like."""
    page = browser.new_context(viewport={"width": 320, "height": 640}, timezone_id="Asia/Tehran").new_page()
    page.add_init_script(script)
    if kept is not None:
        held = json.dumps(json.dumps(kept))
        page.add_init_script(
            f"localStorage.getItem('talkpath result') || localStorage.setItem('talkpath result', {held})"
        )
    page.goto(f"{origin}/check?lang={code}")
    page.wait_for_selector("html[data-ready]")
    return page


@pytest.mark.parametrize(
    ("event", "changed"), [("line.rtt = 900", False), ("line.type = 'cellular'", True), ("send = 'online'", True)]
)
def test_another_network_is_one_of_another_kind_and_no_other_speed(
    browser: Browser, origin: str, event: str, changed: bool
):
    page = opened(browser, origin, "en", script=LINE)
    seen = page.evaluate(f"""async () => {{
      const {{ Conditions }} = await import("/check/conditions.js");
      const conditions = new Conditions(), line = navigator.connection;
      let send = "";
      {event};
      if (send) dispatchEvent(new Event(send)); else line.dispatchEvent(new Event("change"));
      return conditions.summary();
    }}""")
    assert seen["network_changed"] is changed
    page.context.close()


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_a_kept_result_says_of_when_it_is_and_is_told_in_the_page_s_language(browser: Browser, origin: str, code: str):
    found = a_result("fa")
    page = opened(browser, origin, code, found)
    assert page.get_attribute("#verdicts", "lang") == code
    assert page.inner_text("#result-title") == found["told"][code]["verdicts"][0]["label"]
    assert "12:24" in page.inner_text("#place")  # of the device's own clock
    assert "Anna's Mobile (AS64496)" in page.inner_text("#place")
    assert page.evaluate("document.documentElement.scrollHeight") < MOST_HIGH
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.inner_text("#kept") == page_texts(code)["kept"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(BROKEN) == []
    assert page.evaluate(APART) >= 8
    page.context.close()


def test_what_another_release_kept_spoils_nothing(browser: Browser, origin: str):
    page = opened(browser, origin, "en", {"type": "result"})
    assert page.is_visible("#start")
    page.context.close()


@pytest.mark.parametrize(("script", "word"), [("", "copied"), (NO_CLIPBOARD, "copied"), (NO_COPY, "copied_not")])
def test_it_says_whether_it_copied(browser: Browser, origin: str, script: str, word: str):
    page = opened(browser, origin, "en", a_result("en"), script)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy")
    page.wait_for_selector("#status:not(:empty)")
    assert page.inner_text("#status") == page_texts("en")[word]
    if not script:
        text = page.evaluate("navigator.clipboard.readText()")
        verdict = a_result("en")["verdicts"][0]
        assert all(
            line in text for line in [verdict["label"], verdict["sentence"], *verdict["lines"], verdict["means"]]
        )
    page.context.close()


def passed_on(page: Page) -> str:
    """The link that goes with a result which is passed on, on a device that can."""
    page.evaluate("navigator.share = async words => { globalThis.given = words; }")
    page.evaluate("document.getElementById('pass').onclick()")
    return page.evaluate("given.url")  # type: ignore[no-any-return]


def test_what_was_shared_can_be_taken_back_and_the_page_says_where_it_is(browser: Browser, origin: str):
    page, words, heard = opened(browser, origin, "en", a_result("en")), page_texts("en"), []
    page.click("#evidence summary")
    assert page.inner_text("#share-note") == words["tells"]
    page.route(REPORTS, lambda route: (heard.append(route.request), route.fulfill(status=201, json={}))[1])
    page.click("#share")
    page.wait_for_selector("#withdraw:not([hidden])")
    assert (page.inner_text("#status"), page.inner_text("#kept")) == (words["shared"], words["kept_shared"])
    assert not page.is_visible("#share, #share-note")
    shared = urlsplit(heard[0].url).path.replace("/v1/reports/", "/report/")
    assert page.get_attribute("#shared-link", "href") == shared
    assert passed_on(page) == f"{origin}{shared}"
    page.reload()
    page.click("#evidence summary")
    page.click("#withdraw")
    page.wait_for_selector("#withdraw", state="hidden")
    assert (page.inner_text("#status"), page.inner_text("#kept")) == (words["withdrawn"], words["kept_withdrawn"])
    assert passed_on(page) == f"{origin}/check"
    put, delete = heard
    assert (put.method, delete.method, put.url) == ("PUT", "DELETE", delete.url)
    secret = bytes.fromhex(delete.headers["talkpath-secret"])
    assert page.evaluate(
        "async bytes => [...new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)))]", list(secret)
    ) == list(bytes.fromhex(put.headers["talkpath-withdraw"]))
    page.context.close()


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
@pytest.mark.parametrize("error", ["full", "long", "server", "unread"])
def test_a_server_that_gives_up_is_told_in_the_readers_language(browser: Browser, origin: str, code: str, error: str):
    def give_up(socket: WebSocketRoute) -> None:
        socket.send(json.dumps({"type": "error", "code": error, "sentence": "English."}))

    page = opened(browser, origin, code)
    page.route_web_socket("**/check/talk", give_up)
    start_page_check(page)
    page.wait_for_selector("#trouble:not(:empty)")
    assert page.inner_text("#trouble") == page_texts(code)[f"error_{error}"]
    page.context.close()


def test_a_browser_that_fails_in_the_middle_leaves_nobody_waiting(browser: Browser, origin: str):
    page = opened(browser, origin, "en", script=NO_SOUND)
    start_page_check(page)
    page.wait_for_selector("#trouble:not(:empty)")
    assert page.inner_text("#trouble") == page_texts("en")["error_unread"]
    page.context.close()


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_a_browser_without_calls_is_told_at_once_and_asked_nothing(browser: Browser, origin: str, code: str):
    page = opened(browser, origin, code, script="delete globalThis.RTCPeerConnection;")
    assert page.inner_text("#mode") == page_texts(code)["no_webrtc"]
    assert not page.is_visible("#consent, #start")
    page.context.close()


def test_the_screen_stays_on_as_long_as_a_check_runs(browser: Browser, origin: str):
    page = opened(browser, origin, "en", script=AWAKE)
    start_page_check(page)
    page.wait_for_function("awake.length === 1")
    page.click("#stop")
    page.wait_for_selector("#ask:not([hidden])")
    page.wait_for_function("awake.join() === 'screen,released'")
    page.context.close()


def test_what_was_told_in_one_language_alone_stays_in_it(browser: Browser, origin: str):
    """As an earlier release stored it."""
    found = {key: value for key, value in a_result("fa").items() if key != "told"}
    page = opened(browser, origin, "en", found)
    assert page.get_attribute("#verdicts", "lang") == "fa"
    assert page.get_attribute("#verdicts", "dir") == "rtl"
    page.context.close()


@pytest.mark.parametrize("vpn", [True, None])
def test_the_condition_of_a_vpn_stands_with_the_verdict(browser: Browser, origin: str, vpn: bool | None):
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9)
    facts = replace(facts, health=Health(vpn=vpn), started_at=DAY_AND_HOUR)
    page = opened(browser, origin, "ru", result_message(facts, "ru") | {"at": MOMENT_MS})
    assert "VPN" in page.inner_text(".verdict")
    assert "VPN" in page.inner_text("#verdicts > ul > li >> nth=0")
    page.context.close()


COUNTDOWN = """async estimates => {
  const { Countdown } = await import("/check/countdown.js");
  const countdown = new Countdown(), said = [];
  for (const left_s of estimates) { countdown.set(left_s); said.push(document.getElementById("left").textContent); }
  countdown.end();
  return [...said, document.getElementById("left").textContent];
}"""


def test_where_the_seconds_go_up_it_says_why(browser: Browser, origin: str):
    page = opened(browser, origin, "en")
    once, again = "About {} s left", "About {} s left: a part is measured once more"
    said = page.evaluate(COUNTDOWN, [30, 18, 11, 18, 9])
    assert said == [*(once.format(each) for each in (30, 18, 11)), *(again.format(each) for each in (18, 9)), ""]
    page.context.close()
