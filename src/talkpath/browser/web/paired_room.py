"""The rendezvous of two browsers that call each other: rooms, the rounds of a call, and what both ends report.

One page opens a room and gets a code; the page that brings the code first is the other end, and the code is spent.
The server passes offers and answers on, draws which connections are calls and which are twins, and joins the counts.
What it passes on has the browsers' addresses in it, as ICE needs: that is stored nowhere.

Contract: a code has 128 random bits, opens once, and lives ROOM_LIFE_S; there are at most MAX_ROOMS; an end may say
each thing once a round, in so many characters; a room ends when either end leaves. Where all rooms are taken, the
address block that opened most of them gives one up.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.browser.far_end.epoch_run import CHANNEL_OVERHEAD
from talkpath.browser.web.admission_queue import crowded_block
from talkpath.browser.webrtc.call_media import DESCRIPTOR_BYTES, PAYLOAD_BYTES, RTP_BYTES, TAG_BYTES, TICK_MS
from talkpath.errors import PeerError
from talkpath.measure.paired_call import (
    EndCounts,
    PairedCallFacts,
    PairedEnd,
    PairedFlow,
    PairedFlowKind,
    PairedMedium,
    PairedRound,
    PairedRoute,
)

MAX_ROOMS, MAX_TALKING_ROOMS = 50, 4
ROOM_LIFE_S = 900.0
CODE_BYTES = 16
PAIRED_ROUNDS, FLOWS_OF_A_KIND = 5, 3
PAIRED_SLOTS = 150
PAIRED_PICTURE_BYTES = 440  # with all headers still within what the relay carries for one allocation
MAX_SDP_CHARACTERS = 16_000
MAX_LINE_CHARACTERS = 250_000  # of a check's bundle, as base64
UNREADABLE_MESSAGE = "The page sent something that this server cannot read; load the page again."

Send = Callable[[dict[str, Any]], Awaitable[None]]
IceOf = Callable[[PairedRoute], dict[str, Any]]
"""The ICE settings of one end for a route; {} where the server offers none."""


class RoomError(Exception):
    """The page cannot have the room; `code` is that of the page's text."""

    def __init__(self, code: Literal["rooms_full", "no_room"]) -> None:
        super().__init__(code)
        self.code = code


class SignalMessage(Struct, frozen=True):
    """An offer or an answer of one flow, for the other end."""

    type: Literal["offer", "answer"]
    number: int
    flow: int
    sdp: Annotated[str, Meta(max_length=MAX_SDP_CHARACTERS)]


class RoundReport(Struct, frozen=True):
    """What one end counted of a round's flows, in their order."""

    number: int
    flows: tuple[EndCounts, ...]


class PairedPage(Struct, frozen=True):
    """One end: how it is told something, in which language, its ICE settings, and the block of its address."""

    send: Send
    language: str
    ice: IceOf
    block: bytes = b""


ConcludeCall = Callable[
    [PairedCallFacts, Mapping[PairedEnd, bytes], Mapping[PairedEnd, str]], Awaitable[Mapping[PairedEnd, dict[str, Any]]]
]
"""(facts, each end's bundle or b"", languages) -> the last message for each end."""


class PairedRoom:
    """One room, from its code to its result."""

    def __init__(self, code: str, media: Sequence[PairedMedium], conclude: ConcludeCall, relay_offered: bool) -> None:
        self.code = code
        self.pages: dict[PairedEnd, PairedPage] = {}
        self.limits: dict[PairedEnd, asyncio.Timeout] = {}  # of the time that each end has
        self.is_over = False
        self._conclude, self._relay_offered = conclude, relay_offered
        self._started_at = f"{datetime.now(UTC):%Y-%m-%dT%H}:00:00Z"
        self._media = [medium for medium in media for _ in range(PAIRED_ROUNDS)]
        self._drawn: list[tuple[PairedFlowKind, PairedRoute]] = []
        self._said: set[tuple[object, ...]] = set()
        self._reports: dict[PairedEnd, RoundReport] = {}
        self._rounds: list[PairedRound] = []
        self._lines: dict[PairedEnd, bytes] = {}

    async def begin(self) -> None:
        """Both ends are there: tell them. Each checks its own line first, and sends the bundle of that."""
        for end, page in self.pages.items():
            await page.send({"type": "paired", "end": end, "media": list(dict.fromkeys(self._media))})

    async def receive(self, end: PairedEnd, message: dict[str, Any]) -> None:
        """Act on a message of one end. `PeerError` if it is not due or cannot be read."""
        kind = message.get("type")
        try:
            if kind in ("offer", "answer"):
                await self._pass_on(end, msgspec.convert(message, SignalMessage))
            elif kind == "media":
                await self._wait_for_both(end, int(message["number"]))
            elif kind == "report":
                self._take_report(end, msgspec.convert(message["report"], RoundReport))
            elif kind == "line":
                self._take_line(end, str(message["bundle"]))
            else:
                raise PeerError(UNREADABLE_MESSAGE)
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise PeerError(UNREADABLE_MESSAGE) from error
        if kind in ("line", "report") and len(self._lines) == 2 and len(self._reports) in (0, 2):
            await self._go_on()

    def _say_once(self, *what: object) -> None:
        """`PeerError` where that was said before: each message comes once."""
        if what in self._said or len(self.pages) < 2:
            raise PeerError(UNREADABLE_MESSAGE)
        self._said.add(what)

    # -- a round ------------------------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        """Begin the next round: draw its flows, and have both ends open them. After the last there is a result."""
        number = len(self._rounds)
        if number == len(self._media):
            await self._tell_result()
            return
        self._drawn, self._reports = drawn_flows(self._relay_offered), {}
        phases = [round(secrets.SystemRandom().uniform(0.0, TICK_MS), 1) for _ in self._drawn]
        for end, page in self.pages.items():
            flows = [
                {"flow": flow, "kind": kind, "route": route, "phase_ms": phases[flow], "ice": page.ice(route)}
                for flow, (kind, route) in enumerate(self._drawn)
            ]
            await page.send(
                {**round_order(number, len(self._media), self._media[number]), "flows": flows, "caller": end == "a"}
            )

    async def _pass_on(self, end: PairedEnd, message: SignalMessage) -> None:
        is_due = message.number == len(self._rounds) and 0 <= message.flow < len(self._drawn)
        if not is_due or (message.type == "offer") != (end == "a"):
            raise PeerError(UNREADABLE_MESSAGE)
        self._say_once(end, message.type, message.number, message.flow)
        await self.pages[other_end(end)].send(msgspec.to_builtins(message))

    async def _wait_for_both(self, end: PairedEnd, number: int) -> None:
        if number != len(self._rounds):
            raise PeerError(UNREADABLE_MESSAGE)
        self._say_once(end, "media", number)
        if (other_end(end), "media", number) in self._said:
            for page in self.pages.values():
                await page.send({"type": "go", "number": number})

    def _take_report(self, end: PairedEnd, report: RoundReport) -> None:
        if report.number != len(self._rounds) or len(report.flows) != len(self._drawn):
            raise PeerError(UNREADABLE_MESSAGE)
        self._say_once(end, "report", report.number)
        self._reports[end] = report
        if len(self._reports) < 2:
            return
        counts = zip(self._drawn, self._reports["a"].flows, self._reports["b"].flows, strict=True)
        flows = tuple(PairedFlow(kind=kind, route=route, a=a, b=b) for (kind, route), a, b in counts)
        self._rounds.append(PairedRound(self._media[len(self._rounds)], flows))

    # -- the end ------------------------------------------------------------------------------------------------------

    def _take_line(self, end: PairedEnd, bundle: str) -> None:
        """An end's own check of its line, "" where it has none."""
        if len(bundle) > MAX_LINE_CHARACTERS:
            raise PeerError(UNREADABLE_MESSAGE)
        self._say_once(end, "line")
        self._lines[end] = base64.b64decode(bundle, validate=True)

    async def _tell_result(self) -> None:
        """Judge everything, and tell both ends."""
        facts = PairedCallFacts(tuple(self._rounds), self._started_at, self._relay_offered)
        results = await self._conclude(facts, self._lines, {end: page.language for end, page in self.pages.items()})
        self.is_over = True
        for to, page in self.pages.items():
            await page.send(results[to])


class PairedRooms:
    """All rooms of one server."""

    def __init__(self) -> None:
        self._waiting: dict[str, PairedRoom] = {}
        self._talking: dict[str, PairedRoom] = {}

    def open_room(
        self, page: PairedPage, media: Sequence[PairedMedium], conclude: ConcludeCall, *, relay_offered: bool
    ) -> PairedRoom:
        """Open a room for its first end. `RoomError` where there are too many."""
        self._make_place(self._waiting, MAX_ROOMS, page.block)
        room = PairedRoom(secrets.token_urlsafe(CODE_BYTES), media, conclude, relay_offered)
        room.pages["a"] = page
        self._waiting[room.code] = room
        return room

    def require_waiting(self, code: str) -> None:
        """`RoomError` where that code opens nothing, or no more."""
        if code not in self._waiting:
            raise RoomError("no_room")

    def join_room(self, code: str, page: PairedPage) -> PairedRoom:
        """Give the second end its room, whose code is spent then. `RoomError` where there is none."""
        self.require_waiting(code)
        self._make_place(self._talking, MAX_TALKING_ROOMS, self._waiting[code].pages["a"].block)
        room = self._talking[code] = self._waiting.pop(code)
        room.pages["b"] = page
        return room

    def _make_place(self, rooms: Mapping[str, PairedRoom], most: int, block: bytes) -> None:
        """Where all are taken, end the newest room of the block that opened most; `RoomError` where none did."""
        if len(rooms) < most:
            return
        crowded = crowded_block((room.pages["a"].block for room in rooms.values()), block)
        if crowded is None:
            raise RoomError("rooms_full")
        room = [room for room in rooms.values() if room.pages["a"].block == crowded][-1]
        room.is_over = True
        self.close_room(room)
        for limit in room.limits.values():
            with suppress(RuntimeError):  # that end's time is over already
                limit.reschedule(0.0)

    def close_room(self, room: PairedRoom) -> None:
        """Forget a room, whichever end left it."""
        self._waiting.pop(room.code, None)
        self._talking.pop(room.code, None)


def other_end(end: PairedEnd) -> PairedEnd:
    """The end that is not this one."""
    return "b" if end == "a" else "a"


def drawn_flows(relay_offered: bool) -> list[tuple[PairedFlowKind, PairedRoute]]:
    """Draw the flows of a round in a random order: so many calls and as many twins for each route."""
    routes: tuple[PairedRoute, ...] = ("direct", "relayed") if relay_offered else ("direct",)
    kinds: tuple[PairedFlowKind, ...] = ("call", "twin")
    flows = [(kind, route) for route in routes for kind in kinds for _ in range(FLOWS_OF_A_KIND)]
    Random(secrets.token_bytes(16)).shuffle(flows)
    return flows


def round_order(number: int, rounds: int, medium: PairedMedium) -> dict[str, Any]:
    """What both ends are told of a round beside its flows: the fields of a check's epoch (page/epoch.js)."""
    picture = PAIRED_PICTURE_BYTES if medium == "video" else 0
    wire_bytes = RTP_BYTES + TAG_BYTES + (DESCRIPTOR_BYTES + picture if picture else PAYLOAD_BYTES)
    return {
        "type": "epoch",
        "number": number,
        "stage": number + 1,
        "stages": rounds,
        "left_s": 6 * (rounds - number),  # about so long does a round take that sets up without trouble
        "trying": False,
        "watching": False,
        "slots": PAIRED_SLOTS,
        "tick_ms": TICK_MS,
        "gap_ms": 60,
        "setup_ms": 6000,
        "tail_ms": 1500,
        "medium": medium,
        "picture": picture,
        "payload": PAYLOAD_BYTES,
        "datagram": wire_bytes - CHANNEL_OVERHEAD,
    }
