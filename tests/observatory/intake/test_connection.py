"""Bundles straight from a connection: what is answered is what the route answers, and no place is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.server import ServerState

from evidence import Bench, measured
from talkpath.evidence.share import MEDIA_TYPE
from talkpath.observatory.intake import connection as connections
from talkpath.observatory.intake.bundles import AT_ONCE, PATH
from talkpath.observatory.intake.connection import connection
from talkpath.observatory.intake.desk import Settings
from talkpath.observatory.intake.routes import Reports
from talkpath.observatory.log.append import LogError

LIMIT = 4
Answered = tuple[int, dict[str, str], Any]


class Far(asyncio.Transport):
    """The far end of one connection."""

    def __init__(self, protocol: asyncio.Protocol, host: str) -> None:
        super().__init__({"peername": (host, 1), "sockname": ("192.0.2.1", 80)})
        self.protocol, self.heard, self.closed = protocol, b"", False
        protocol.connection_made(self)

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.heard += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """What is read is in memory already."""

    def resume_reading(self) -> None:
        """The same."""

    async def answered(self, count: int = 1) -> list[Answered]:
        """Answers, in order."""
        while len(found := _answers(self.heard)) < count:
            await asyncio.sleep(0.001)
        return found


def _answers(data: bytes) -> list[Answered]:
    found = []
    while b"\r\n\r\n" in data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        body, data = rest[:size], rest[size:]
        told = msgspec.json.decode(body) if "json" in headers.get("content-type", "") else body.decode()
        found.append((int(lines[0].split()[1]), headers, told))
    return found


class Place:
    """A desk, and connections to it."""

    def __init__(self, bench: Bench) -> None:
        self.bench, reports = bench, Reports(bench.desk)
        self.bundles = reports.bundles
        kind = connection(self.bundles)
        self.config = Config(Starlette(routes=reports.routes()), http=kind, access_log=False)
        self.config.load()
        self.state = ServerState()
        self._make: Callable[..., asyncio.Protocol] = kind

    def connect(self, host: str = "192.0.2.7") -> Far:
        return Far(self._make(self.config, self.state, {}), host)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    bench = Bench(tmp_path, Settings(bundles_an_hour=LIMIT))
    yield Place(bench)
    bench.close()


def request(data: bytes, path: str = PATH, **headers: str) -> bytes:
    told = {"Host": "x", "Content-Type": MEDIA_TYPE, "Content-Length": str(len(data))}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode() + data


def play(scene: Callable[[], Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scene(), 60))


def code(answered: Answered) -> tuple[int, str]:
    return answered[0], answered[2]["code"]


def test_it_is_answered_as_the_route_answers_it(place: Place):
    asked: Sequence[bytes] = (
        request(measured(seed=1), Talkpath_Withdraw="ab" * 32),
        request(measured(seed=1), Talkpath_Withdraw="ab" * 32),
        request(measured(seed=2), Talkpath_Withdraw="ab"),
        request(b"x", Content_Type="text/plain"),
        request(b"x"),
        request(measured(seed=3)),
    )

    async def both() -> tuple[list[Answered], list[Answered], int]:
        direct, routed = place.connect(), place.connect("198.51.100.1")
        for at, one in enumerate(asked, 1):
            direct.protocol.data_received(one)
            await direct.answered(at)
        tasks = len(place.state.tasks)
        routed.protocol.data_received(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + b"".join(asked))  # behind another
        return await direct.answered(len(asked)), (await routed.answered(len(asked) + 1))[1:], tasks

    direct, routed, tasks = play(both)
    assert [status for status, _, _ in direct] == [201, 200, 400, 415, 422, 429], "four of an hour, by the limit"
    assert tasks == 0
    assert [(status, told) for status, _, told in direct[1:]] == [(status, told) for status, _, told in routed[1:]]
    assert direct[-1][1].keys() == routed[-1][1].keys() > {"retry-after", "content-type"}


def test_a_body_in_parts_is_one_and_its_sender_is_told_to_go_on(place: Place):
    async def sent() -> tuple[bytes, Answered]:
        far, (head, _, body) = place.connect(), request(measured(seed=4), Expect="100-continue").partition(b"\r\n\r\n")
        far.protocol.data_received(head + b"\r\n\r\n")
        await asyncio.sleep(0.01)
        told, far.heard = far.heard, b""
        for at in range(0, len(body), 1000):
            far.protocol.data_received(body[at : at + 1000])
        return told, (await far.answered())[0]

    told, answered = play(sent)
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (answered[0], place.bench.desk.look_up(answered[2]["id"]).state) == (201, "received")


@pytest.mark.parametrize("told", [True, False])
def test_no_more_is_kept_than_may_be(place: Place, told: bool):
    async def sent() -> tuple[Answered, int, Answered]:
        far, part = place.connect(), bytes(1 << 20)
        head = request(b"", Content_Length=str(3 << 20)) if told else request(b"").replace(
            b"Content-Length: 0", b"Transfer-Encoding: chunked")  # fmt: skip
        far.protocol.data_received(head)
        for _ in range(3):
            far.protocol.data_received(part if told else b"%x\r\n%b\r\n" % (len(part), part))
        if not told:
            far.protocol.data_received(b"0\r\n\r\n")
        first, kept = (await far.answered())[0], len(far.protocol.cycle.body)  # type: ignore[attr-defined]
        far.protocol.data_received(request(b"x"))
        return first, kept, (await far.answered(2))[1]

    first, kept, following = play(sent)
    assert code(first) == (413, "too_large")
    assert kept <= 3 << 20
    assert code(following) == (422, "changed"), "the connection goes on"


def test_who_goes_away_or_does_not_go_on_is_told_and_holds_no_place(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "BODY_S", 0.01)

    async def both() -> tuple[list[Answered], Answered]:
        head, hosts = request(measured(seed=5))[:300], [f"10.0.{at}.1" for at in range(AT_ONCE)]
        for host in hosts:
            gone = place.connect(host)
            gone.protocol.data_received(head)
            gone.protocol.connection_lost(None)
            assert gone.heard == b""
        slow = [place.connect(host) for host in hosts]
        for one in slow:
            one.protocol.data_received(head)
        late = place.connect()
        late.protocol.data_received(request(measured(seed=6)))
        return [(await one.answered())[0] for one in slow], (await late.answered())[0]

    slow, late = play(both)
    assert (code(late), late[1]["retry-after"]) == ((503, "busy"), "5")
    assert {code(answered) for answered in slow} == {(408, "slow")}
    counted = place.bench.desk.metrics.text().decode()
    assert f'talkpath_refused_total{{code="bad_request"}} {AT_ONCE}.0' in counted
    assert place.bundles._reading == 0


def test_who_is_behind_a_proxy_is_whoever_it_names_if_it_is_this_machines(place: Place):
    async def sent() -> list[Answered]:
        by_proxy, stranger = place.connect("127.0.0.1"), place.connect("192.0.2.9")
        for at in range(LIMIT + 1):
            for far, net in ((by_proxy, at), (stranger, at)):
                far.protocol.data_received(request(b"x", X_Forwarded_For=f"203.0.{net}.1"))
        return [(await far.answered(LIMIT + 1))[-1] for far in (by_proxy, stranger)]

    assert [code(answered)[1] for answered in play(sent)] == ["changed", "limited"]


@pytest.mark.parametrize(("error", "status"), [(LogError("No room."), 503), (ValueError("a bug"), 500)])
def test_a_log_that_cannot_write_is_told(place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int):
    def failing(group: object) -> list[bool]:
        raise error

    monkeypatch.setattr(place.bench.log, "commit", failing)

    async def sent() -> tuple[Answered, bool]:
        far = place.connect()
        far.protocol.data_received(request(measured(seed=7)))
        return (await far.answered())[0], far.closed

    answered, closed = play(sent)
    assert (answered[0], closed) == (status, status == 500)


def test_who_went_away_before_the_answer_keeps_nobody_from_theirs(place: Place):
    async def sent() -> tuple[bytes, list[Answered]]:
        gone, stays = place.connect(), place.connect()
        for far, seed in ((gone, 8), (stays, 9)):
            far.protocol.data_received(request(measured(seed=seed), Connection="close"))
        gone.protocol.connection_lost(None)
        answered = await stays.answered()
        return gone.heard, answered

    heard, answered = play(sent)
    assert heard == b""
    assert (answered[0][0], answered[0][1]["connection"]) == (201, "close")


def test_who_fails_on_hearing_keeps_nobody_else_from_hearing(place: Place):
    heard: list[Any] = []

    def fails(outcome: object) -> None:
        raise RuntimeError("cannot hear")

    async def told() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))
        sender = place.bundles.desk.sender("192.0.2.7")
        with place.bench.log._lock:  # so that the last two are one group
            for seed, tell in ((10, heard.append), (11, fails), (12, heard.append)):
                place.bundles.desk.put(measured(seed=seed), sender, "", tell)
            await asyncio.sleep(0.01)
        while len(heard) < 3:
            await asyncio.sleep(0.001)

    play(told)
    assert sorted(type(one).__name__ for one in heard) == ["Answer", "Answer", "RuntimeError"]
