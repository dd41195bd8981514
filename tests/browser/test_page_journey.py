"""From the start to a picture that is passed on, by keyboard alone; what a device keeps; no contradictions."""

from __future__ import annotations

import json
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, WebSocketRoute

from factories.checks import browser_checks
from talkpath.browser.answer.result_message import result_message
from talkpath.browser.web.page_texts import page_texts
from talkpath.measure.facts import Health

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
WELCOME = {"type": "welcome", "commit": "", "twin": {"port": 9, "fingerprint": "AA=="}}
EPOCH = {
    "type": "epoch",
    "number": 0,
    "stage": 1,
    "stages": 3,
    "left_s": 30,
    "seed": "",
    "flows": [],
    "trying": False,
    "slots": 5,
    "tick_ms": 20,
    "gap_ms": 1,
    "setup_ms": 100,
    "tail_ms": 10,
    "medium": "voice",
    "picture": 0,
    "payload": 50,
    "datagram": 60,
}
DEVICE = """globalThis.drawn = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (line, ...place) {
  drawn.push(line);
  return write.call(this, line, ...place);
};
navigator.canShare = () => true;
navigator.share = async ({ files: [file], text, url }) => {
  globalThis.given = { text, url, file: file.name + file.type };
};"""
OPERATOR = {"network": "AS64496", "name": "Anna's Mobile", "hosting": False}


@cache
def a_result() -> dict[str, Any]:
    facts = replace(
        browser_checks.browser_check(browser_checks.even_loss(0.02), 3, drop_up=0.3), started_at="2026-11-26T09:00:00Z"
    )
    return result_message(facts, "en", operator=OPERATOR) | {"share": "here", "others": []}


def opened(browser: Browser, origin: str, *, script: str = "", result: object = None) -> Page:
    """The page before a server whose checks have no flows and end with that result."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, accept_downloads=True, service_workers="block"
    )
    page = context.new_page()
    page.add_init_script(script)
    replies = {
        "ping": {"type": "pong"},
        "start": EPOCH,
        "media": {"type": "go", "number": 0},
        "report": result or a_result(),
    }

    def talk(socket: WebSocketRoute) -> None:
        def hear(message: str | bytes) -> None:
            reply = replies.get(json.loads(message)["type"])
            if reply:
                socket.send(json.dumps(reply))

        socket.on_message(hear)
        socket.send(json.dumps(WELCOME))

    page.route_web_socket("**/check/talk", talk)
    page.goto(f"{origin}/check?lang=en")
    page.wait_for_selector("html[data-ready]")
    return page


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus."""
    for _ in range(40):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by keyboard")


def press(page: Page, selector: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("Enter")


def png_chunks(data: bytes) -> dict[str, bytes]:
    """The chunks of a PNG by their names, each with a valid checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(body)
        found.setdefault(body[:4].decode(), body[4:])
        at += 12 + size
    return found


def check_by_keyboard(page: Page) -> None:
    press(page, "#start")
    page.keyboard.press("Enter")  # the second of two quick presses answers nothing
    page.wait_for_selector("#vpn-no:enabled")
    press(page, "#vpn-no")
    page.wait_for_selector("#result:not([hidden])")


def test_a_second_quick_tap_on_start_answers_no_question(browser: Browser, origin: str):
    page = opened(browser, origin)
    page.dblclick("#start")
    page.mouse.click(
        *page.evaluate("(({x, y}) => [x + 9, y + 9])(document.getElementById('vpn-no').getBoundingClientRect())")
    )
    assert page.is_visible("#vpn")
    page.click("#vpn-no")  # waits until it can be answered
    page.wait_for_selector("#result:not([hidden])")
    page.context.close()


@cache
def good_result() -> dict[str, Any]:
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 3)
    brief = replace(facts.plan, ok_s=0.0)  # which the lab's plans alone may say
    facts = replace(facts, started_at="2026-11-26T09:00:00Z", simulated=True, plan=brief)
    return result_message(facts, "en", operator=OPERATOR) | {"share": "here", "others": []}


def test_a_good_result_says_in_picture_and_message_what_was_not_tested_where_and_in_which_hour(
    browser: Browser, origin: str
):
    page = opened(browser, origin, script=DEVICE, result=good_result())
    check_by_keyboard(page)
    assert page.get_attribute(".verdict", "data-state") == "ok"
    assert "WhatsApp, Telegram" in page.inner_text("#verdicts")
    press(page, "#pass")
    page.wait_for_function("globalThis.given")
    place = page.inner_text("#place")
    for told in (page.evaluate("given.text"), " ".join(page.evaluate("drawn"))):
        assert "No app was tested: calls in WhatsApp, Telegram or another one may be held back" in told
        assert "Anna's Mobile (AS64496)" in told
        assert place.rpartition("Measured: ")[2].rstrip(".") in told  # with the hour
        assert "between you" not in told
    page.context.close()


def test_the_whole_journey_by_keyboard_ends_with_a_picture_whose_text_is_the_verdict(browser: Browser, origin: str):
    page = opened(browser, origin, script=DEVICE)
    check_by_keyboard(page)
    verdict = a_result()["verdicts"][0]
    assert page.evaluate("document.activeElement.id") == "result"
    with page.expect_download() as saved:
        press(page, "#picture")
    chunks = png_chunks(Path(saved.value.path()).read_bytes())
    keyword, text = chunks["iTXt"].split(b"\0")[0], chunks["iTXt"].rpartition(b"\0")[2].decode()
    assert (keyword, struct.unpack(">II", chunks["IHDR"][:8])) == (b"Description", (1080, 1080))
    lines = text.split("\n")
    assert lines[:3] == [verdict["label"], verdict["sentence"], verdict["means"]]
    assert lines[3] == verdict["is_not"]  # nor does it accuse anybody, or speak of an app
    assert "Anna's Mobile (AS64496)" in lines[4]
    assert lines[-1] == f"{origin.removeprefix('http://')}/check"
    assert " ".join(page.evaluate("drawn")) == " ".join(lines)  # what is drawn is what is said
    press(page, "#pass")
    page.wait_for_function("globalThis.given")
    given = page.evaluate("given")
    assert given["url"] == f"{origin}/check"
    assert verdict["sentence"] in given["text"]
    assert "no proof of who does it or why. No app was tested" in given["text"]
    assert given["file"] == "talkpath.pngimage/png"
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    press(page, "#again")
    assert page.evaluate("document.activeElement.id") == "start"
    page.context.close()


def test_a_device_lists_its_results_and_forgets_them(browser: Browser, origin: str):
    page, words = opened(browser, origin), page_texts("en")
    assert not page.is_visible("#earlier")
    for _ in range(2):
        check_by_keyboard(page)
        press(page, "#again")
    press(page, "#earlier summary")
    assert page.locator("#history li").count() == 2
    assert "Anna's Mobile" in page.inner_text("#history li >> nth=0")
    page.click("#history li >> nth=0 >> button")
    assert (page.locator("#history li").count(), page.inner_text("#trouble")) == (1, words["deleted"])
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.click("#earlier summary")
    page.click("#forget")
    assert page.inner_text("#trouble") == words["forgotten"]
    assert not page.is_visible("#earlier")
    assert page.evaluate("localStorage.length") == 0
    page.context.close()


def test_what_was_not_offered_for_one_reason_is_one_row(browser: Browser, origin: str):
    missing = [{"name": name, "missing": "own"} for name in ("udp/3478", "udp/443", "tcp/443")]
    paths = [{"name": "udp/4434", "carries": True}, *missing, {"name": "tls/443", "missing": "certificate"}]
    page = opened(browser, origin, result=a_result() | {"paths": paths})
    check_by_keyboard(page)
    page.click("#details summary")
    assert page.locator("#paths tr").count() == 3
    assert page.inner_text("#paths tr >> nth=1 >> th").split() == ["udp/3478", "udp/443", "tcp/443"]
    page.context.close()


KEEPING = """async () => {
  const { history, store } = await import("/check/result_store.js");
  for (let at = 1; at <= 30; at++) store({ at, verdicts: [], bundle: "x".repeat(1000) });
  return [history().map(each => each.at), JSON.stringify(history()).includes("xxx")];
}"""


def test_the_list_is_bounded_and_holds_no_evidence(browser: Browser, origin: str):
    page = opened(browser, origin)
    assert page.evaluate(KEEPING) == [list(range(30, 10, -1)), False]
    page.context.close()


def test_a_void_check_shows_no_table_and_no_number_that_says_otherwise(browser: Browser, origin: str):
    facts = replace(
        browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9),
        health=Health(vpn=False, hidden=True),
    )
    facts = replace(facts, started_at="2026-11-26T09:00:00Z")
    page = opened(browser, origin, result=result_message(facts, "en") | {"share": "", "others": []})
    check_by_keyboard(page)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.inner_text("#result-title") == "Could not tell"
    assert page.locator("#paths-table").is_hidden()
    shown = page.inner_text("#result")
    assert "lost" not in shown
    assert "Check again, keep the page in front" in shown
    page.context.close()


LIVE = """async calm => {
  const { LivePicture } = await import("/check/live_picture.js");
  const flow = { polls: [[0, 0, 0]] }, twin = { polls: [[0, 0, 0]], tick() {} };
  let passed = 0;
  const add = setInterval(() => {
    passed += 5;
    flow.polls.push([0, 0, passed]);
    twin.polls.push([0, 0, 2 * passed]);
  }, 200);
  const live = new LivePicture(), stops = [0, 1].map(() => live.watch([flow, twin], 20)); // two at once
  await new Promise(done => setTimeout(done, 2600));
  stops.forEach(stop => stop());
  clearInterval(add);
  const line = id => document.getElementById(id).getAttribute("d");
  return [line("live-calls"), line("live-twins"), document.getElementById("now-calls").textContent];
}"""


def test_a_check_that_runs_is_left_by_its_stop_button_alone_and_its_picture_has_a_scale(browser: Browser, origin: str):
    page = opened(browser, origin, result={"type": "queue", "place": 1})  # so that it never ends
    press(page, "#start")
    page.wait_for_selector("#vpn-no:enabled")
    press(page, "#vpn-no")
    page.wait_for_selector("#run:not([hidden])")
    assert not page.locator("a:visible").count()
    assert page.evaluate("[...document.querySelectorAll('.scale span')].map(each => each.textContent)") == [
        "100",
        "50",
        "0",
    ]
    page.context.close()


@pytest.mark.parametrize("calm", [False, True])
def test_two_lines_show_what_arrives_each_second_unless_less_motion_is_wished(
    browser: Browser, origin: str, calm: bool
):
    context = browser.new_context(reduced_motion="reduce" if calm else "no-preference")
    page = context.new_page()
    page.goto(f"{origin}/check?lang=en")
    calls, twins, share = page.evaluate(LIVE, calm)
    if calm:
        assert (calls, twins, share) == ("", "", "")
    else:
        heights = [float(line.split("M")[1].split("L")[0].split()[1]) for line in (calls, twins)]
        assert heights[0] > heights[1]  # fewer calls arrive, so their line is lower
        assert calls.count("L") <= 1  # a point a second, over both epochs
        assert 25 <= int(share.split()[0]) <= 75
    context.close()
