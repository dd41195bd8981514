"""The page of a call between two phones: four languages, axe, what is asked first, the link, and what is shown."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, WebSocket, WebSocketRoute

from talkpath.browser.answer.paired_result import paired_result
from talkpath.browser.web.page_files import entry_script, render_page
from talkpath.browser.web.page_texts import LANGUAGE_NAMES
from talkpath.browser.web.together_texts import together_texts
from talkpath.measure.paired_call import EndCounts, PairedCallFacts, PairedFlow, PairedRound

MOST_LOADED = 60_000  # bytes, compressed
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COUNTS = EndCounts(setup_ms=90.0, sent=150, received=150, tried=True)
NEVER = EndCounts(tried=True)


def shown_result(code: str) -> dict[str, Any]:
    """Of two who are connected through the server alone."""
    flows = tuple(
        PairedFlow(kind, route, counts, counts)  # type: ignore[arg-type]
        for kind in ("call", "twin")
        for route, counts in (("direct", NEVER), ("relayed", COUNTS))
    )
    facts = PairedCallFacts((PairedRound("voice", flows * 3),) * 5)
    return paired_result(facts, {}, {"a": code, "b": code}, b"")["a"]


def opened(
    browser: Browser,
    origin: str,
    code: str,
    width: int = 320,
    scheme: str = "light",
    room: str = "",
    spy: Callable[[Page], object] = lambda page: None,
) -> Page:
    """The page; `spy` is called before it loads."""
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    spy(page)
    page.goto(f"{origin}/check/together?lang={code}{room}")
    page.wait_for_selector("html[data-ready]")
    return page


def answer_with(page: Page, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Have the server answer the page's first message with these; what the page said. A link opens, if it asks."""
    said: list[dict[str, Any]] = []

    def talk(socket: WebSocketRoute) -> None:
        def receive(message: str | bytes) -> None:
            if (kind := json.loads(message)["type"]) in ("ping", "look"):
                socket.send(json.dumps({"type": {"ping": "pong", "look": "waiting"}[kind]}))
                return
            said.append(json.loads(message))
            for each in messages if len(said) == 1 else ():
                socket.send(json.dumps(each))

        socket.on_message(receive)

    page.route_web_socket("**/check/together/talk", talk)
    page.route_web_socket("**/check/talk", lambda socket: socket.close())
    return said


def assert_accessible(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_no_word_is_missing_and_little_is_loaded(code: str):
    page = render_page("together", code)
    assert not re.findall(r"\{\{\w+\}\}", page)
    texts, english = together_texts(code), together_texts("en")
    for name, text in english.items():
        assert re.findall(r"\{\w+\}", texts[name]) == re.findall(r"\{\w+\}", text)
        assert code == "en" or texts[name] != text or name == "dir", name
    assert sum(len(gzip.compress(each.encode())) for each in (page, entry_script("together"))) < MOST_LOADED


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_every_screen_is_accessible_and_fits(browser: Browser, origin: str, code: str):
    page, texts = opened(browser, origin, code), together_texts(code)
    answer_with(page, {"type": "room", "code": "x" * 22, "life_s": 900})
    assert page.inner_text("h1") == texts["title"]
    assert page.inner_text("#consent-note") == texts["consent"]
    assert_accessible(page, 320)
    page.check('input[value="no"]')
    page.click("#start")
    page.wait_for_selector("#wait:not([hidden])")
    assert page.inner_text("#room-link").endswith(f"/check/together#{'x' * 22}")
    assert_accessible(page, 320)
    page.context.close()


@pytest.mark.parametrize(("code", "width", "scheme"), [("en", 360, "dark"), ("fa", 320, "light"), ("ru", 1280, "dark")])
def test_the_result_is_told(browser: Browser, origin: str, code: str, width: int, scheme: str):
    result, said = shown_result(code), list[dict[str, Any]]()
    paired = {"type": "paired", "end": "b", "media": ["voice"]}

    def spy(page: Page) -> None:
        nonlocal said
        said = answer_with(page, paired, result)

    page = opened(browser, origin, code, width, scheme, "#" + "x" * 22, spy)
    assert page.is_visible("#called")
    assert not page.is_visible("#with-video")
    page.check('input[value="unsure"]')
    page.click("#start")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#result-title") == result["title"]
    shown = page.locator("#rows tr").all_inner_texts()
    assert len(shown) == len(result["rows"]) == 6
    assert said[0] == {"type": "join", "code": "x" * 22, "language": code}
    assert said[1] == {"type": "line", "bundle": ""}  # its own check did not begin here
    assert_accessible(page, width)
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.path().read_bytes() == base64.b64decode(result["bundle"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy-result")
    page.wait_for_selector("#status:not(:empty)")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert all(line in copied for line in [result["title"], *result["sentences"], result["rows"][0]["says"]])
    page.reload()  # it is shown again, and not the invitation, which is spent
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#result-title") == result["title"]
    page.context.close()


@pytest.mark.parametrize("error", ["no_room", "rooms_full", "partner"])
def test_why_there_is_no_call_is_told(browser: Browser, origin: str, error: str):
    refusal = {"type": "error", "code": error, "sentence": ""}
    page = opened(browser, origin, "en", room="#" + "x" * 22, spy=lambda page: answer_with(page, refusal))
    page.check('input[value="no"]')
    page.click("#start")
    page.wait_for_selector("#trouble:not(:empty)")
    assert page.inner_text("#trouble") == together_texts("en")[f"error_{error}"]
    assert page.is_visible("#consent") == (error != "no_room")  # a link that is spent invites nobody
    page.context.close()


@pytest.mark.parametrize("code", ["ru", "fa"])
def test_a_link_that_is_spent_says_so_at_once_and_offers_another(browser: Browser, origin: str, code: str):
    page, texts = opened(browser, origin, code, 360, room="#" + "x" * 22), together_texts(code)
    page.wait_for_selector("#trouble:not(:empty)")
    assert page.inner_text("#ask").split("\n\n") == [texts["error_no_room"], texts["anew"]]
    assert_accessible(page, 360)
    page.click("#anew")
    page.wait_for_selector("#consent:visible")
    assert page.inner_text("#start") == texts["make"]
    page.context.close()


def test_what_is_said_late_of_a_link_covers_no_result(browser: Browser, origin: str):
    asked, result = list[WebSocketRoute](), shown_result("en")

    def talk(socket: WebSocketRoute) -> None:
        def receive(message: str | bytes) -> None:
            match json.loads(message)["type"]:
                case "look":
                    asked.append(socket)
                case "join":
                    socket.send(json.dumps({"type": "paired", "end": "b", "media": ["voice"]}))
                    socket.send(json.dumps(result))

        socket.on_message(receive)

    def spy(page: Page) -> None:
        page.route_web_socket("**/check/together/talk", talk)
        page.route_web_socket("**/check/talk", lambda socket: socket.close())

    page = opened(browser, origin, "en", room="#" + "x" * 22, spy=spy)
    page.check('input[value="no"]')
    page.click("#start")
    page.wait_for_selector("#result:not([hidden])")
    asked[0].send(json.dumps({"type": "error", "code": "no_room", "sentence": ""}))
    page.wait_for_timeout(300)
    assert page.is_visible("#result")
    page.context.close()


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_what_is_asked_and_the_button_stand_on_one_screen_of_a_phone(browser: Browser, origin: str, code: str):
    page = opened(browser, origin, code, 360)
    assert page.evaluate("document.getElementById('start').getBoundingClientRect().bottom") < 740
    page.context.close()


def test_nothing_begins_before_consent_and_the_question(browser: Browser, origin: str):
    page, sockets = opened(browser, origin, "en"), list[Any]()
    page.on("websocket", lambda socket: sockets.append(socket))
    page.click("#start")  # the question about a VPN is not answered
    page.wait_for_timeout(300)
    assert sockets == []
    page.context.close()


def _noted(sockets: list[WebSocket], page: Page) -> None:
    page.on("websocket", lambda socket: sockets.append(socket))


def test_a_link_opens_once_and_for_two(browser: Browser, origin: str):
    """With the real server: the second comes in, the third does not, and the first is told that the second left."""
    pages: Sequence[Page] = [opened(browser, origin, "en")]
    pages[0].check('input[value="no"]')
    pages[0].click("#start")
    pages[0].wait_for_selector("#wait:not([hidden])")
    room = "#" + pages[0].inner_text("#room-link").rpartition("#")[2]
    assert pages[0].evaluate("document.getElementById('room-qr').decode().then(() => true)")  # the link, as a picture
    assert not pages[0].locator("nav:visible, footer a:visible").count()  # either would close the room
    looks: list[WebSocket] = []
    second, third = (opened(browser, origin, "en", room=room, spy=partial(_noted, looks)) for _ in range(2))
    while len(looks) < 2 or not all(look.is_closed() for look in looks):
        third.wait_for_timeout(20)  # until both know that their link is not spent
    second.check('input[value="no"]')
    second.click("#start")
    pages[0].wait_for_selector("#run:not([hidden])")
    assert not pages[0].locator("nav:visible, a:visible").count()  # either would end the call for both
    third.check('input[value="no"]')
    third.click("#start")
    third.wait_for_selector("#trouble:not(:empty)")
    assert third.inner_text("#trouble") == together_texts("en")["error_no_room"]
    second.close()
    pages[0].wait_for_selector("#trouble:not(:empty)", timeout=90_000)
    assert pages[0].inner_text("#trouble") == together_texts("en")["error_partner"]
    for page in (*pages, third):
        page.context.close()
    second.context.close()
