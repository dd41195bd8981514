"""The rendezvous of two browsers: a code opens once, for two; what may be said, when, and how much of it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from talkpath.browser.web import paired_room
from talkpath.browser.web.paired_room import (
    MAX_ROOMS,
    MAX_SDP_CHARACTERS,
    MAX_TALKING_ROOMS,
    PAIRED_ROUNDS,
    PairedPage,
    PairedRoom,
    PairedRooms,
    RoomError,
    drawn_flows,
)
from talkpath.errors import PeerError
from talkpath.measure.paired_call import PairedCallFacts, PairedEnd

Told = dict[str, list[dict[str, Any]]]


async def conclude(
    facts: PairedCallFacts, lines: Mapping[PairedEnd, bytes], languages: Mapping[PairedEnd, str]
) -> Mapping[PairedEnd, dict[str, Any]]:
    """Instead of a verdict, what it would be made of."""
    made = {"type": "result", "rounds": len(facts.rounds), "lines": {end: len(line) for end, line in lines.items()}}
    return {"a": {**made, "language": languages["a"]}, "b": {**made, "language": languages["b"]}}


def new_page(told: list[dict[str, Any]], language: str = "en", block: bytes = b"") -> PairedPage:
    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    return PairedPage(
        send, language, lambda route: {"iceTransportPolicy": "relay"} if route == "relayed" else {}, block
    )


def joined(rooms: PairedRooms | None = None) -> tuple[PairedRoom, Told]:
    """A room in which both ends are."""
    rooms, told = rooms or PairedRooms(), {"a": [], "b": []}
    room = rooms.open_room(new_page(told["a"], "ru"), ("voice",), conclude, relay_offered=True)
    assert rooms.join_room(room.code, new_page(told["b"], "fa")) is room
    return room, told


def counts(flows: int, number: int = 0) -> dict[str, Any]:
    row = {"setup_ms": 80.5, "sent": 150, "received": 149, "tried": True}
    return {"type": "report", "report": {"number": number, "flows": [row] * flows}}


def test_a_code_is_long_and_random_and_opens_once():
    rooms = PairedRooms()
    room, _ = joined(rooms)
    other, _ = joined(rooms)
    assert room.code != other.code
    assert len(base64.urlsafe_b64decode(room.code + "==")) == 16
    for code in (room.code, "", "x" * 22):
        with pytest.raises(RoomError, match="no_room"):
            rooms.join_room(code, new_page([]))
        with pytest.raises(RoomError, match="no_room"):
            rooms.require_waiting(code)


def test_whether_a_code_opens_can_be_asked_without_spending_it():
    rooms = PairedRooms()
    room = rooms.open_room(new_page([]), ("voice",), conclude, relay_offered=False)
    rooms.require_waiting(room.code)
    assert rooms.join_room(room.code, new_page([])) is room


def test_rooms_that_wait_and_those_that_talk_are_few_and_end():
    rooms = PairedRooms()
    talking = [joined(rooms)[0] for _ in range(MAX_TALKING_ROOMS)]
    waiting = [rooms.open_room(new_page([]), ("voice",), conclude, relay_offered=False) for _ in range(MAX_ROOMS)]
    with pytest.raises(RoomError, match="rooms_full"):
        rooms.open_room(new_page([]), ("voice",), conclude, relay_offered=False)
    with pytest.raises(RoomError, match="rooms_full"):
        rooms.join_room(waiting[0].code, new_page([]))
    rooms.close_room(talking[0])
    assert rooms.join_room(waiting[0].code, new_page([])) is waiting[0]
    rooms.close_room(waiting[1])
    with pytest.raises(RoomError, match="no_room"):
        rooms.join_room(waiting[1].code, new_page([]))


def test_a_few_address_blocks_cannot_take_all_rooms():
    """The newest of the block that has most is told so and gives way, be it waiting or talking."""

    async def play() -> None:
        rooms, ended = PairedRooms(), list[PairedRoom]()

        async def hold(room: PairedRoom) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(60.0) as room.limits["a"]:
                    await asyncio.Event().wait()
            ended.append(room)

        def opened(block: bytes) -> PairedRoom:
            return rooms.open_room(new_page([], block=block), ("voice",), conclude, relay_offered=False)

        talking = [opened(b"one") for _ in range(MAX_TALKING_ROOMS)]
        for room in talking:
            rooms.join_room(room.code, new_page([], block=b"two"))
        waiting = [opened(b"one" if place % 2 else b"two") for place in range(MAX_ROOMS)]
        tasks = [asyncio.create_task(hold(room)) for room in (*talking, *waiting)]
        await asyncio.sleep(0)
        newcomer = opened(b"three")
        assert rooms.join_room(newcomer.code, new_page([], block=b"two")) is newcomer
        await asyncio.sleep(0.05)
        assert len(ended) == 2
        assert all(room.is_over for room in ended)
        assert talking[-1] in ended
        with pytest.raises(RoomError, match="rooms_full"):
            rooms.join_room(opened(b"one").code, new_page([]))
        for task in tasks:
            task.cancel()

    asyncio.run(play())


def test_roles_are_drawn_over_all_flows_of_a_route():
    drawn = [tuple(drawn_flows(relay_offered=True)) for _ in range(20)]
    assert len(set(drawn)) > 10
    for flows in drawn:
        assert sorted(flows) == sorted(drawn[0])
        assert [flows.count(("call", route)) for route in ("direct", "relayed")] == [3, 3]
    assert {route for _, route in drawn_flows(relay_offered=False)} == {"direct"}


def test_a_whole_call_from_the_code_to_the_result():
    async def play() -> Told:
        room, told = joined()
        await room.begin()
        await room.receive("b", {"type": "line", "bundle": ""})
        await room.receive("a", {"type": "line", "bundle": base64.b64encode(b"four").decode()})
        for number in range(PAIRED_ROUNDS):
            flows = len(told["a"][-1]["flows"])
            await room.receive("a", {"type": "offer", "number": number, "flow": 0, "sdp": "v=0"})
            assert told["b"][-1] == {"type": "offer", "number": number, "flow": 0, "sdp": "v=0"}
            await room.receive("b", {"type": "answer", "number": number, "flow": 0, "sdp": "v=1"})
            assert told["a"][-1]["sdp"] == "v=1"
            await room.receive("a", {"type": "media", "number": number})
            assert told["a"][-1]["type"] == "answer"  # nobody sends before both are ready
            await room.receive("b", {"type": "media", "number": number})
            assert told["a"][-1] == told["b"][-1] == {"type": "go", "number": number}
            await room.receive("a", counts(flows, number))
            await room.receive("b", counts(flows, number))
        assert room.is_over
        return told

    told = asyncio.run(play())
    orders = {end: told[end][1] for end in told}
    assert orders["a"]["caller"] is True
    assert orders["b"]["caller"] is False
    assert [flow["kind"] for flow in orders["a"]["flows"]] == [flow["kind"] for flow in orders["b"]["flows"]]
    assert [told[end][-1]["language"] for end in ("a", "b")] == ["ru", "fa"]
    assert told["a"][-1] == {"type": "result", "rounds": 5, "lines": {"a": 4, "b": 0}, "language": "ru"}


OFFER = {"type": "offer", "number": 0, "flow": 0, "sdp": "v=0"}
NOT_DUE: dict[str, list[tuple[PairedEnd, dict[str, Any]]]] = {
    "twice": [("a", OFFER), ("a", OFFER)],
    "offer of the other": [("b", OFFER)],
    "answer of the caller": [("a", {**OFFER, "type": "answer"})],
    "another round": [("a", {**OFFER, "number": 1})],
    "another flow": [("a", {**OFFER, "flow": 12})],
    "long": [("a", {**OFFER, "sdp": "v" * (MAX_SDP_CHARACTERS + 1)})],
    "no text": [("a", {**OFFER, "sdp": 5})],
    "unknown": [("a", {"type": "next"})],
    "nothing": [("a", {})],
    "few counts": [("a", counts(3))],
    "negative": [("a", {"type": "report", "report": {"number": 0, "flows": [{"sent": -1}] * 12}})],
    "many": [("a", {"type": "report", "report": {"number": 0, "flows": [{"sent": 10**6}] * 12}})],
    "two reports": [("a", counts(12)), ("a", counts(12))],
    "media of later": [("a", {"type": "media", "number": 3})],
    "line twice": [("a", {"type": "line", "bundle": ""})],
}


@pytest.mark.parametrize("messages", NOT_DUE.values(), ids=NOT_DUE.keys())
def test_what_is_not_due_ends_the_room(messages: list[tuple[PairedEnd, dict[str, Any]]]):
    async def play() -> None:
        room, _ = joined()
        await room.begin()
        for end in ("a", "b"):
            await room.receive(end, {"type": "line", "bundle": ""})
        for end, message in messages[:-1]:
            await room.receive(end, message)
        with pytest.raises(PeerError):
            await room.receive(*messages[-1])

    asyncio.run(play())


@pytest.mark.parametrize("bundle", ["not base64!", "A" * (paired_room.MAX_LINE_CHARACTERS + 4)])
def test_a_line_that_is_no_bundle_s_text_ends_the_room(bundle: str):
    async def play() -> None:
        room, _ = joined()
        await room.begin()
        with pytest.raises(PeerError):
            await room.receive("a", {"type": "line", "bundle": bundle})

    asyncio.run(play())


def test_nothing_is_passed_on_before_the_other_end_is_there():
    async def play() -> None:
        room = PairedRooms().open_room(new_page([]), ("voice",), conclude, relay_offered=True)
        with pytest.raises(PeerError):
            await room.receive("a", OFFER)

    asyncio.run(play())
