"""Every check ends: whatever falls silent or hangs, the page says so within a time that was set before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute

from browser_near import start_page_check
from talkpath.browser.web.page_texts import page_texts

WORDS = page_texts("en")
SILENT_MS, STEP_MS, LONGEST_MS, WORKER_MS = 30_000, 60_000, 200_000, 15_000
CHUNK_MS = 5000  # of made-up time, between which messages come and go
WELCOME = {"type": "welcome", "commit": "", "twin": {"port": 9, "fingerprint": "AA=="}}
EPOCH = {
    "type": "epoch",
    "number": 0,
    "stage": 1,
    "stages": 3,
    "left_s": 50,
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
NEVER = """for (const [owner, name] of [[RTCPeerConnection, "getStats"], [RTCRtpSender, "replaceTrack"]])
  owner.prototype[name] = () => new Promise(() => {});"""


def says(*messages: dict[str, Any]) -> Callable[[WebSocketRoute], None]:
    """A server that says all that and falls silent."""

    def talk(socket: WebSocketRoute) -> None:
        for message in messages:
            socket.send(json.dumps(message))

    return talk


def answers(replies: dict[str, dict[str, Any]]) -> Callable[[WebSocketRoute], None]:
    """A server that welcomes, answers pings, and each other message as `replies` have it."""
    replies = {"ping": {"type": "pong"}, **replies}

    def talk(socket: WebSocketRoute) -> None:
        def hear(message: str | bytes) -> None:
            reply = replies.get(json.loads(message)["type"])
            if reply:
                socket.send(json.dumps(reply))

        socket.on_message(hear)
        socket.send(json.dumps(WELCOME))

    return talk


def started(
    browser: Browser,
    origin: str,
    talk: Callable[[WebSocketRoute], None],
    *,
    clock: bool = True,
    script: str = "",
    held: str = "",
) -> Page:
    """A check before that server. With `clock`, time is made up; `script` is what this browser is like; no file of that
    name ever comes."""
    page = browser.new_context(service_workers="block").new_page()
    if clock:
        page.clock.install()
    page.add_init_script(script)
    if held:
        page.context.route(f"**/check/{held}", lambda route: None)
    page.route_web_socket("**/check/talk", talk)
    page.goto(f"{origin}/check?lang=en")
    page.wait_for_selector("html[data-ready]")
    start_page_check(page)
    return page


def ending(page: Page, within_ms: int) -> str:
    """What the page says in the end, which comes after no more than that."""
    for _ in range(-(-within_ms // CHUNK_MS) + 1):
        page.clock.run_for(CHUNK_MS)
        page.evaluate("0")  # let messages through
        if page.inner_text("#trouble"):
            break
    said = page.inner_text("#trouble")
    assert page.is_visible("#start")
    page.context.close()
    return said


@pytest.mark.parametrize(
    ("talk", "within_ms", "word"),
    [
        (says(), SILENT_MS, "no_server"),
        (says(WELCOME), SILENT_MS, "error_lost"),
        (says(WELCOME, EPOCH), SILENT_MS, "error_lost"),
        (answers({}), STEP_MS, "error_long"),
        (answers({"start": EPOCH}), STEP_MS + CHUNK_MS, "error_long"),
        (answers({"start": EPOCH, "media": {"type": "go", "number": 0}}), STEP_MS + CHUNK_MS, "error_long"),
        (answers({"start": EPOCH, "media": {"type": "go", "number": 0}, "report": EPOCH}), LONGEST_MS, "error_long"),
    ],
    ids=["mute", "mute once it welcomed", "mute in a round", "no round", "no go", "no verdict", "rounds without end"],
)
def test_a_server_that_is_waited_for_is_given_up(
    browser: Browser, origin: str, talk: Callable[[WebSocketRoute], None], within_ms: int, word: str
):
    assert ending(started(browser, origin, talk), within_ms) == WORDS[word]


def test_a_connection_that_breaks_off_is_told_at_once(browser: Browser, origin: str):
    def talk(socket: WebSocketRoute) -> None:
        says(WELCOME)(socket)
        socket.close()

    page = started(browser, origin, talk, clock=False)
    page.wait_for_selector("#trouble:not(:empty)", timeout=5000)
    assert page.inner_text("#trouble") == WORDS["error_lost"]
    page.context.close()


def test_stop_stops_at_once_where_nobody_says_goodbye(browser: Browser, origin: str):
    page = started(browser, origin, says(WELCOME, EPOCH), clock=False)
    page.click("#stop")
    page.wait_for_selector("#ask:not([hidden])", timeout=5000)
    assert page.inner_text("#trouble") == WORDS["stopped"]
    page.context.close()


def test_a_worker_that_does_not_come_over_the_line_is_not_waited_for(browser: Browser, origin: str):
    page = started(browser, origin, answers({}), held="pacing_worker.js")
    assert ending(page, WORKER_MS + CHUNK_MS) == WORDS["error_part"]


def test_who_waits_sees_the_place_in_the_queue(browser: Browser, origin: str):
    page = started(browser, origin, says({"type": "queue", "place": 3}), clock=False)
    page.wait_for_selector("#step:not(:empty)", timeout=5000)
    assert page.inner_text("#step") == WORDS["wait"].replace("{place}", "3")
    page.context.close()


def test_a_browser_that_owes_its_counts_is_told_as_late_and_not_waited_for(browser: Browser, origin: str):
    reports: list[dict[str, Any]] = []
    order = {**EPOCH, "flows": [{"flow": 0, "kind": "call"}]}

    def talk(socket: WebSocketRoute) -> None:
        def hear(text: str | bytes) -> None:
            message = json.loads(text)
            if message["type"] == "start":
                socket.send(json.dumps(order))
            elif message["type"] == "media":
                socket.send(json.dumps({"type": "go", "number": 0}))
            elif message["type"] == "report":
                reports.append(message["report"])
                socket.send(json.dumps({"type": "error", "code": "full", "sentence": ""}))

        socket.on_message(hear)
        socket.send(json.dumps(WELCOME))

    page = started(browser, origin, talk, clock=False, script=NEVER)
    page.wait_for_selector("#trouble:not(:empty)", timeout=20_000)
    assert reports[0]["late_ms_p99"] >= 2000
    assert reports[0]["flows"][0]["polls"] == []
    page.context.close()


def test_a_call_that_lives_on_beside_an_epoch_is_reported_when_the_server_ends_it(browser: Browser, origin: str):
    reports: list[dict[str, Any]] = []
    beside = {**EPOCH, "number": 1, "watching": True, "slots": 2000, "flows": [{"flow": 0, "kind": "call"}]}
    finish = {"type": "finish", "number": 1, "slots": 60, "stage": 3, "stages": 3, "left_s": 1}

    def talk(socket: WebSocketRoute) -> None:
        def hear(text: str | bytes) -> None:
            message = json.loads(text)
            replies = {"start": {**EPOCH, "beside": beside}, "media": {"type": "go", "number": message.get("number")}}
            if message["type"] == "report":
                reports.append(message["report"])
                replies["report"] = finish if len(reports) == 1 else {"type": "error", "code": "full", "sentence": ""}
            if reply := replies.get(message["type"]):
                socket.send(json.dumps(reply))

        socket.on_message(hear)
        socket.send(json.dumps(WELCOME))

    page = started(browser, origin, talk, clock=False)
    page.wait_for_selector("#trouble:not(:empty)", timeout=20_000)
    assert [report["number"] for report in reports] == [0, 1]
    assert [flow["flow"] for flow in reports[1]["flows"]] == [0]
    assert (reports[1]["pings"], "left_ms" in reports[1]["flows"][0]) == (0, False)
    page.context.close()


def test_a_page_that_is_loaded_again_says_that_its_check_has_ended(browser: Browser, origin: str):
    page = started(browser, origin, says(WELCOME), clock=False)
    page.wait_for_selector('body[data-screen="run"]')
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#trouble") == WORDS["reloaded"]
    assert page.evaluate("document.activeElement.id") == "start"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#trouble") == ""  # it is told once
    page.context.close()


def test_a_check_that_was_stopped_leaves_nothing_to_tell_after_a_reload(browser: Browser, origin: str):
    page = started(browser, origin, says(WELCOME), clock=False)
    page.click("#stop")
    page.wait_for_selector('body[data-screen="ask"]')
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#trouble") == ""
    page.context.close()
