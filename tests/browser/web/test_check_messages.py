"""The web server's side of a check, before a far end that only says welcome: who must wait is told his place."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast
from urllib.request import urlopen

import msgspec
import pytest
import uvicorn
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from factories.checks import browser_checks
from talkpath.browser.far_end.counts_to_facts.call_paths import CallPath, path_epoch
from talkpath.browser.far_end.counts_to_facts.epoch_report import EpochTimes, FarFlowReport, PageEpochReport
from talkpath.browser.far_end.far_end_process import FarEnd
from talkpath.browser.far_end.schedule import WATCH_SLOTS
from talkpath.browser.web import admission_queue, check_messages, next_epoch
from talkpath.browser.web import check_messages as page_inbox
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.browser.web.routes import starlette_routes
from talkpath.measure.facts import Epoch, Facts
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin
from talkpath.wire.control.keys import Signer

HELLOS: list[dict[str, Any]] = []


class Polite(socketserver.StreamRequestHandler):
    """Says welcome, and listens until the other end goes."""

    def handle(self) -> None:
        HELLOS.append(json.loads(self.rfile.readline()))
        self.wfile.write(b'{"type": "welcome"}\n')
        while line := self.rfile.readline():
            if b"report" in line:
                self.wfile.write(b'{"type": "facts", "facts": ""}\n')


@pytest.fixture(scope="module")
def far() -> Iterator[FarEnd]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Polite)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield FarEnd(server.server_address[1], "token", cast(Any, None))
    server.shutdown()
    server.server_close()


@pytest.fixture
def talk(far: FarEnd) -> Iterator[str]:
    """The address of /check/talk, where one check at a time is carried."""
    with serving(
        starlette_routes(lambda: [far], ReceiptIssuer(Signer.fresh()), address="192.0.2.1", each=1)
    ) as address:
        yield address


@contextmanager
def serving(routes: list[BaseRoute]) -> Iterator[str]:
    """The address of /check/talk among these."""
    app = Starlette(routes=routes)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/check/talk"
    server.should_exit = True
    thread.join()


def connect(talk: str, origin: str | None = None) -> ClientConnection:
    """A page of that origin, by default the server's own."""
    own = talk.replace("ws:", "http:").removesuffix("/check/talk")
    return client.connect(talk, origin=Origin(origin if origin is not None else own))


def heard(page: ClientConnection) -> dict[str, Any]:
    return json.loads(page.recv(10))  # type: ignore[no-any-return]


def test_who_comes_while_it_is_full_is_told_his_place_and_let_in(talk: str):
    with connect(talk) as inside, connect(talk) as waiting:
        assert heard(inside)["type"] == "welcome"
        assert heard(waiting) == {"type": "queue", "place": 1}
        with connect(talk) as last:
            assert heard(last) == {"type": "queue", "place": 2}
            inside.close()
            assert heard(waiting)["type"] == "welcome"
            assert heard(last) == {"type": "queue", "place": 1}


def test_it_tells_how_many_checks_it_carries_and_how_many_wait(talk: str):
    address = talk.replace("ws:", "http:").replace("/talk", "/health")
    with connect(talk) as inside, connect(talk) as waiting:
        assert (heard(inside)["type"], heard(waiting)["type"]) == ("welcome", "queue")
        load = json.loads(urlopen(address).read())
    assert load == {"far_ends": 1, "at_a_time": 1, "checks": 1, "waiting": 1}


def test_behind_another_web_server_calls_go_to_the_address_that_was_named(talk: str):
    with connect(talk) as page:
        assert heard(page)["type"] == "welcome"
    assert HELLOS[-1]["host"] == "192.0.2.1"


def test_where_even_the_queue_is_full_it_says_so(far: FarEnd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admission_queue, "MAX_WAITING", 0)
    routes = starlette_routes(lambda: [far], ReceiptIssuer(Signer.fresh()), address="192.0.2.1", each=0)
    with serving(routes) as talk, connect(talk) as refused:
        answer = heard(refused)
    assert (answer["type"], answer["code"]) == ("error", "full")
    assert "full" in answer["sentence"]


def test_where_judging_fails_the_page_is_not_left_waiting(talk: str):
    with connect(talk) as page:
        assert heard(page)["type"] == "welcome"
        page.send('{"type": "start"}')
        page.send('{"type": "report"}')
        with pytest.raises(ConnectionClosed):
            page.recv(10)


def is_closed(page: ClientConnection) -> bool:
    """Whether the server hangs up, whatever it says before."""
    try:
        while True:
            heard(page)
    except ConnectionClosed:
        return True


@pytest.mark.parametrize("origin", ["https://another.example", "null", "", "http://[", "ftp://127.0.0.1"])
def test_a_page_of_another_server_is_refused(talk: str, origin: str):
    with pytest.raises(InvalidStatus, match="403"), connect(talk, origin):
        pass


def test_a_program_that_names_no_origin_is_refused(talk: str):
    with pytest.raises(InvalidStatus, match="403"), client.connect(talk):
        pass


def test_an_address_block_holds_no_more_than_its_share_and_gets_it_back(talk: str):
    with ExitStack() as pages:
        for _ in range(admission_queue.MAX_PER_BLOCK):
            heard(pages.enter_context(connect(talk)))
        with connect(talk) as refused:
            assert heard(refused)["code"] == "full"
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        with connect(talk) as page:
            if heard(page)["type"] == "welcome":
                return
    pytest.fail("the places of those who left were never free again")


def test_a_page_that_does_not_begin_loses_its_place(talk: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check_messages, "MAX_PAGE_START_S", 0.3)
    with connect(talk) as silent, connect(talk) as waiting:
        assert heard(silent)["type"] == "welcome"
        assert heard(waiting)["type"] == "queue"
        assert heard(silent)["code"] == "long"
        assert heard(waiting)["type"] == "welcome"


def test_a_page_that_waits_and_falls_silent_leaves_the_queue(talk: str, monkeypatch: pytest.MonkeyPatch):
    with connect(talk) as inside:
        assert heard(inside)["type"] == "welcome"
        monkeypatch.setattr(page_inbox, "MAX_PAGE_SILENCE_S", 0.3)
        with connect(talk) as silent:
            assert heard(silent) == {"type": "queue", "place": 1}
            with pytest.raises(ConnectionClosed):
                heard(silent)


def test_pings_are_answered_in_the_queue_too(talk: str):
    with connect(talk) as inside, connect(talk) as waiting:
        assert heard(inside)["type"] == "welcome"
        assert heard(waiting)["type"] == "queue"
        waiting.send('{"type": "ping", "number": 7}')
        assert heard(waiting) == {"type": "pong", "number": 7}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no JSON",
        "[]",
        "7",
        '{"type": 7}',
        "{}",
        "[" * 100_000,
        b"bytes",
        '{"type": "ping", "x": "' + admission_queue.MAX_MESSAGE_BYTES * "y" + '"}',
    ],
    ids=["empty", "text", "list", "number", "number as type", "no type", "nested", "binary", "long"],
)
def test_what_is_no_message_ends_the_check_and_nothing_else(talk: str, message: str | bytes, caplog: Any):
    with connect(talk) as page:
        assert heard(page)["type"] == "welcome"
        page.send(message)
        assert is_closed(page)
    with connect(talk) as next_page:
        assert heard(next_page)["type"] == "welcome"
    assert not [record for record in caplog.records if record.exc_info]


def test_a_page_that_sends_without_end_before_its_turn_is_hung_up_on(talk: str):
    with connect(talk) as inside, connect(talk) as waiting:
        assert heard(inside)["type"] == "welcome"
        with suppress(ConnectionClosed):
            for _ in range(10 * admission_queue.MAX_QUEUED):
                waiting.send('{"type": "start"}')
        assert is_closed(waiting)


def test_while_no_far_end_runs_a_page_is_hung_up_on_and_can_say_so():
    with serving(starlette_routes(list, ReceiptIssuer(Signer.fresh()))) as talk, connect(talk) as page:
        assert is_closed(page)


def test_a_page_that_waits_may_not_let_much_wait_with_it(talk: str):
    long = json.dumps({"type": "start", "more": "x" * (admission_queue.MAX_QUEUED_CHARACTERS // 2)})
    with connect(talk) as inside, connect(talk) as waiting:
        assert heard(inside)["type"] == "welcome"
        with suppress(ConnectionClosed):
            for _ in range(2):
                waiting.send(long)
        assert is_closed(waiting)


PATHS = path_epoch(
    9,
    [CallPath(name="udp/4434", transport="udp", port=4434)],
    PageEpochReport(9),
    {0: FarFlowReport(0)},
    EpochTimes(started_s=24.0, ended_s=28.0, known_s=28.0),
)


def brief(
    facts: Facts, elsewhere: bool = False
) -> tuple[type[socketserver.StreamRequestHandler], list[dict[str, Any]]]:
    """A far end that has these facts at once, and what it is told: the greeting, then what it is asked for."""
    message = {
        "type": "facts",
        "facts": base64.b64encode(msgspec.msgpack.encode(facts)).decode(),
        "half": "00" * 32,
        "late_ms": 0.0,
        "apart": False,
        "elsewhere": elsewhere,
    }
    told: list[dict[str, Any]] = []

    class Brief(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            told.append(json.loads(self.rfile.readline()))
            self.wfile.write(json.dumps(message).encode() + b"\n")
            while line := self.rfile.readline():
                told.append(json.loads(line))
                self.wfile.write(b'{"type": "error", "code": "full"}\n')

    return Brief, told


@contextmanager
def far_end(handler: type[socketserver.StreamRequestHandler]) -> Iterator[FarEnd]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield FarEnd(server.server_address[1], "token", cast(Any, None))
        server.shutdown()


USUAL = next_epoch.FIRST_EPOCHS["voice"]


@pytest.mark.parametrize(
    ("had", "paths", "asked"),
    [
        (USUAL - 1, (), {"type": "next", "medium": "voice"}),
        (USUAL, (), {"type": "paths", "paths": [], "user": "", "password": ""}),
        (USUAL, (PATHS,), {"type": "finish", "least": WATCH_SLOTS}),
    ],
)
def test_the_far_end_is_asked_for_what_comes_next(had: int, paths: tuple[Epoch, ...], asked: dict[str, Any]):
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 3, had)
    handler, told = brief(replace(facts, epochs=facts.epochs + paths))
    with (
        far_end(handler) as far,
        serving(starlette_routes(lambda: [far], ReceiptIssuer(Signer.fresh()))) as talk,
        connect(talk) as page,
    ):
        assert heard(page)["type"] == "error"
    assert told[1] == asked


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_network_is_the_page_s_unless_no_flow_came_from_there(elsewhere: bool):
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 3)
    ended = replace(facts, epochs=(*facts.epochs, PATHS), duration_s=next_epoch.LAST_EPOCH_S + 1)
    handler, told = brief(ended, elsewhere)
    asked: list[str] = []

    def find(address: str) -> NetworkOrigin:
        asked.append(address)
        return UNKNOWN_ORIGIN

    with (
        far_end(handler) as far,
        serving(starlette_routes(lambda: [far], ReceiptIssuer(Signer.fresh(), find=find))) as talk,
        connect(talk) as page,
    ):
        assert heard(page)["type"] == "result"
    assert (told[0]["page"], asked) == ("127.0.0.1", ["" if elsewhere else "127.0.0.1"])
