"""The messages of one check between the page (a WebSocket) and the far end (a loopback connection).

Most are passed on as they are. Facts from the far end are judged here, in a thread, and not in the process that keeps
time; the verdict decides whether the page runs another epoch, tries the paths, or gets its result.

Reads the messages of one page: answers its pings, queues the rest, and ends when the page leaves or falls silent.

Messages wait as the text that they came as, since a list of empty lists takes thirty times as much once it is decoded.

How far a check is: its stage, and about how many seconds are left.

The stages are the usual epochs of the first medium, the other ways through, and the call that lives on to its end; each
further medium has two of these. Nobody knows before whether further epochs follow, so those are counted when they come.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from talkpath.browser.answer.result_message import Row, result_message
from talkpath.browser.far_end.counts_to_facts.call_paths import PATH_S
from talkpath.browser.far_end.far_end_group import FarEndPlaces
from talkpath.browser.far_end.far_end_process import LINE_BYTES, LOOPBACK, FarEnd, error_message
from talkpath.browser.far_end.schedule import WATCH_SLOTS
from talkpath.browser.turn_relay import TurnRelay
from talkpath.browser.web.admission_queue import (
    MAX_MESSAGE_BYTES,
    MAX_PAGE_SILENCE_S,
    MAX_PAGE_START_S,
    MAX_QUEUED,
    MAX_QUEUED_CHARACTERS,
    AdmissionQueue,
    QueueFullError,
    host_name,
)
from talkpath.browser.web.next_epoch import FIRST_EPOCHS, FinishWatch, TryPaths, next_step
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME, TICK_MS
from talkpath.measure.facts import Facts

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

EPOCH_OVERHEAD_S = 2.5  # an epoch's set-up and end, and what comes until the next one
PATHS_AROUND_S = 4.0  # the same where some paths may not answer

Kind = Literal["usual", "paths", "watch"]
MediumName = Literal["voice", "video"]


class PlannedStep(NamedTuple):
    """A step that every check has."""

    stage: int
    medium: str
    kind: Kind
    lasts_s: float


class PageProgress:
    """The progress of one check of these media."""

    def __init__(self, media: Sequence[str]) -> None:
        known: list[MediumName] = [medium for medium in MEDIA_BY_NAME if medium in media]
        self._planned = list(_planned_s(known or ["voice"]))
        self.stages = self._planned[-1].stage
        self._stage = 1

    def begun(self, epoch: dict[str, Any]) -> dict[str, Any]:
        """What the page is told of an epoch that begins, beside its order."""
        kind: Kind = "paths" if epoch["trying"] else "watch" if epoch["watching"] else "usual"
        around_s = PATHS_AROUND_S if epoch["trying"] else EPOCH_OVERHEAD_S
        return self._told(epoch["medium"], kind, epoch["slots"] * TICK_MS / 1000 + around_s)

    def finishing(self, watch: dict[str, Any]) -> dict[str, Any]:
        """The same where only the call that lives on is left."""
        return self._told(watch["medium"], "watch", watch["left_s"] + EPOCH_OVERHEAD_S)

    def _told(self, medium: str, kind: Kind, own_s: float) -> dict[str, Any]:
        """Take the step from the plan, and what should have come before it."""
        is_this = [(step.medium, step.kind) == (medium, kind) for step in self._planned]
        if True in is_this:
            step = self._planned[is_this.index(True)]
            self._stage = max(self._stage, step.stage)
            self._planned = self._planned[is_this.index(True) + 1 :]
        left_s = own_s + sum(step.lasts_s for step in self._planned)
        return {"stage": self._stage, "stages": self.stages, "left_s": round(left_s)}


def _planned_s(media: Sequence[MediumName]) -> Iterator[PlannedStep]:
    stage = 0
    for place, medium in enumerate(media):
        epoch_s = MEDIA_BY_NAME[medium].slots * TICK_MS / 1000 + EPOCH_OVERHEAD_S
        paths_s = PATH_S + PATHS_AROUND_S if place == 0 else 0.0
        before_s = FIRST_EPOCHS[medium] * epoch_s + paths_s
        stage += 1
        yield from FIRST_EPOCHS[medium] * [PlannedStep(stage, medium, "usual", epoch_s)]
        if paths_s:
            stage += 1
            yield PlannedStep(stage, medium, "paths", paths_s)
        stage += 1
        yield PlannedStep(stage, medium, "watch", max(0.0, WATCH_SLOTS * TICK_MS / 1000 - before_s) + EPOCH_OVERHEAD_S)


def parse_message(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is, with a `type`; None if it is no message."""
    try:
        message = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return message if isinstance(message.get("type"), str) else None


class PageInbox:
    """The messages of one page that are not pings, in order."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._texts: asyncio.Queue[str] = asyncio.Queue(MAX_QUEUED)
        self._queued_characters = 0

    async def next(self) -> dict[str, Any]:
        """Wait for the next message."""
        text = await self._texts.get()
        self._queued_characters -= len(text)
        message = parse_message(text)
        assert message is not None  # else it would not have been queued
        return message

    async def first(self) -> dict[str, Any] | None:
        """Wait for the first message; None if it does not come in time."""
        try:
            async with asyncio.timeout(MAX_PAGE_START_S):
                return await self.next()
        except TimeoutError:
            return None

    async def read(self) -> None:
        """Read until the page leaves, is silent for SILENT_S, or sends what is no message or too many of them."""
        from starlette.websockets import WebSocketDisconnect

        with suppress(WebSocketDisconnect, TimeoutError, asyncio.QueueFull):
            while await self._take(await self._receive()):
                pass

    async def _take(self, text: str) -> bool:
        """Answer a ping, let another message wait; False if it is no message."""
        message = parse_message(text)
        if message is None:
            return False
        if message["type"] == "ping":
            await self._socket.send_json({"type": "pong", "number": message.get("number")})
        else:
            self._queue(text)
        return True

    def _queue(self, text: str) -> None:
        """Let it wait. `QueueFull` if too much waits already."""
        if self._queued_characters + len(text) > MAX_QUEUED_CHARACTERS:
            raise asyncio.QueueFull
        self._texts.put_nowait(text)
        self._queued_characters += len(text)

    async def _receive(self) -> str:
        """The next text; "" for what is none, or longer than any of a page."""
        from starlette.websockets import WebSocketDisconnect

        async with asyncio.timeout(MAX_PAGE_SILENCE_S):
            event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        text = event.get("text") or ""
        return text if len(text) <= MAX_MESSAGE_BYTES else ""


SERVER_ONLY = ("next", "paths", "finish")  # messages that no page may send
FULL = error_message("full", "The test server is full; try again in some minutes.")

Others = Callable[[str, str], list[str]]
"""(the page's address, language) -> sentences on what others measured on its network."""


def no_others(host: str, code: str) -> list[str]:
    """No sentences, for a server without an observatory."""
    return []


OperatorOf = Callable[[str], Row | None]
"""The page's address -> the network that it belongs to, as `network_operator` gives it."""


def no_operator(address: str) -> Row | None:
    """None, for a server without geolocation files."""
    return None


@dataclass(frozen=True, slots=True)
class PageServices:
    """What a check uses: a far end with room, the TURN relay, and whoever issues receipts.

    `share` is the base URL of a report API (tp-006), "here" for this server's own; `others` tells what is known of a
    network, `operator` whose network an address belongs to. `address` is where calls go, if that is not where the page
    came from, as behind another web server.
    """

    far_ends: FarEndPlaces
    relay: TurnRelay | None
    issuer: ReceiptIssuer
    share: str
    others: Others
    operator: OperatorOf
    address: str


async def serve_check(socket: WebSocket, queue: AdmissionQueue, services: PageServices) -> None:
    """Run a check, from the queue to its result, as long as the page is there."""
    inbox = PageInbox(socket)
    await while_page_stays(socket, inbox, _wait_and_run(socket, inbox, queue, services))


async def while_page_stays(socket: WebSocket, inbox: PageInbox, work: Coroutine[Any, Any, None]) -> None:
    """Do that work, and read the page's messages, until either ends; then close the WebSocket."""
    from starlette.websockets import WebSocketDisconnect

    try:
        await _until_one_ends(inbox.read(), work)
    finally:
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()


async def _until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of these until one has ended, and raise what any of them failed with."""
    tasks = [asyncio.create_task(each) for each in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _wait_and_run(socket: WebSocket, inbox: PageInbox, queue: AdmissionQueue, services: PageServices) -> None:
    """Wait for a place in the queue, then run the check."""

    async def tell_place(place: int) -> None:
        await socket.send_json({"type": "queue", "place": place})

    host = socket.client.host if socket.client else ""
    try:
        async with queue.admitted(tell_place, host):
            with services.far_ends.one() as far_end:
                if far_end is not None:  # else it ended a moment ago; the page says that there was no answer
                    await _pass_messages(socket, inbox, services, far_end)
    except QueueFullError:
        await socket.send_json(FULL)


async def _pass_messages(socket: WebSocket, inbox: PageInbox, services: PageServices, far_end: FarEnd) -> None:
    """Pass messages on in both directions until one of them ends."""
    host = services.address or socket.scope["server"][0]
    reader, writer = await asyncio.open_connection(LOOPBACK, far_end.control, limit=LINE_BYTES)
    check = CheckMessages(socket, writer, services, host)
    await check.tell_far_end({"token": far_end.token, "host": host, "page": check.page_address})

    async def pass_to_page() -> None:
        while line := await reader.readline():
            await check.from_far_end(json.loads(line))

    async def pass_to_far_end() -> None:
        message = await inbox.first()
        if message is None or message["type"] != "start":
            await socket.send_json(error_message("long", "The page did not begin its check; load it again."))
            return
        while True:
            await check.from_page(message)
            message = await inbox.next()

    with closing(writer):
        await _until_one_ends(pass_to_page(), pass_to_far_end())


class CheckMessages:
    """Handles the messages of one check, in both directions."""

    def __init__(self, socket: WebSocket, far_end: asyncio.StreamWriter, services: PageServices, host: str) -> None:
        self._socket, self._far_end, self._services, self._host = socket, far_end, services, host
        self._name = host_name(socket.headers) or host
        self._language, self._is_plain = "en", True
        self._progress = PageProgress(())
        self.page_address = socket.client.host if socket.client else ""

    async def tell_far_end(self, message: dict[str, Any]) -> None:
        """Send one line to the far end."""
        self._far_end.write(json.dumps(message).encode() + b"\n")
        await self._far_end.drain()

    async def from_page(self, message: dict[str, Any]) -> None:
        """Pass a message to the far end, unless no page may send it."""
        if message["type"] == "start":
            self._language = str(message.get("language", "en"))
            self._is_plain = message.get("vpn") is False
            media = message.get("media")
            self._progress = PageProgress(media if isinstance(media, list) else ())
        if message["type"] not in SERVER_ONLY:
            await self.tell_far_end(message)

    async def from_far_end(self, message: dict[str, Any]) -> None:
        """Pass a message to the page. Judge facts, and ask for the next step, or end the check."""
        kind = message["type"]
        if kind == "epoch":
            message |= self._progress.begun(message)
        elif kind == "finish":
            message |= self._progress.finishing(message)
        if kind != "facts":
            await self._socket.send_json(message)
            return
        facts = msgspec.msgpack.decode(base64.b64decode(message["facts"]), type=Facts)
        step = await asyncio.to_thread(next_step, facts)
        match step:
            case None:
                await self._send_result(facts, message)
            case TryPaths():
                await self.tell_far_end(self._paths_message())
            case FinishWatch(least=least):
                await self.tell_far_end({"type": "finish", "least": least})
            case _:
                await self.tell_far_end({"type": "next", **msgspec.to_builtins(step)})

    def _paths_message(self) -> dict[str, Any]:
        """The paths to try, with credentials for the relay."""
        relay = self._services.relay
        user, password = relay.credentials() if relay else ("", "")
        paths = [path for path in relay.paths(self._host, self._name) if path.url] if relay else []
        return {"type": "paths", "paths": msgspec.to_builtins(paths), "user": user, "password": password}

    async def _send_result(self, facts: Facts, last: dict[str, Any]) -> None:
        """Send the result to the page. `last` is the far end's message with these facts."""
        services, half, late_ms = self._services, bytes.fromhex(last["half"]), float(last["late_ms"])
        address = "" if last["elsewhere"] else self.page_address  # a proxy's network was not measured

        def sign(facts: Facts, run_key: bytes) -> Facts:
            return services.issuer.with_receipt(facts, half, run_key, address)

        offered = services.relay.paths(self._host, self._name) if services.relay else []
        result = await asyncio.to_thread(
            result_message,
            facts,
            self._language,
            sign,
            different_routes=last["apart"],
            not_offered=[{"name": path.name, "missing": path.missing} for path in offered if path.missing],
            operator=services.operator(address),
        )
        for code, told in result["told"].items() if self._is_plain else ():
            told["others"] = await asyncio.to_thread(services.others, address, code)
        share = services.share if self._is_plain else ""  # what may be another network's is counted by nobody
        await self._socket.send_json(result | {"share": share, "server_late_ms": late_ms})
