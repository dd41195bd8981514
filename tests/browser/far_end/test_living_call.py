"""The call and its twin that live on beside a check's epochs, at the far end; nothing goes over a network."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import msgspec
import pytest

from factories.checks.browser_sessions import REPORT, START, answers_to, new_session, receive_message
from talkpath.browser.far_end.schedule import CALLS, MOST_WATCH_SLOTS, WATCH_SLOTS
from talkpath.browser.webrtc.call_media import VIDEO_MEDIUM, VOICE_MEDIUM
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts

BESIDE = ["call", "random"]


def report(number: int) -> dict[str, Any]:
    return {"type": "report", "report": {"number": number, "flows": []}}


def test_beside_the_first_epoch_of_each_medium_a_call_and_its_twin_live_on():
    told = answers_to(
        {**START, "media": ["voice", "video"]},
        REPORT,
        {"type": "next", "medium": "voice"},
        report(2),
        {"type": "next", "medium": "video"},
    )
    orders = [message for message in told if message["type"] == "epoch"]
    assert ["beside" in order for order in orders] == [True, False, True]
    for order, medium in zip(orders[::2], (VOICE_MEDIUM, VIDEO_MEDIUM), strict=True):
        beside = order["beside"]
        assert sorted(flow["kind"] for flow in beside["flows"]) == BESIDE
        assert (beside["medium"], beside["slots"], beside["watching"]) == (medium.name, MOST_WATCH_SLOTS, True)
        assert beside["datagram"] == order["datagram"]


def test_calls_that_live_on_outlast_the_epochs_beside_them_and_are_reported_when_they_were_ended():
    async def play() -> list[dict[str, Any]]:
        made, told = new_session()
        await made.receive(START)
        assert made._watch is not None
        await receive_message(made, REPORT)
        await made.receive({"type": "next", "medium": "voice"})
        await made.receive({"type": "media", "number": 1})
        made._watch.start_s = time.monotonic() - 20.0
        await made.receive({"type": "finish", "least": WATCH_SLOTS})
        made._watch.start_s -= 10.0
        await made.receive(report(1))
        with pytest.raises(PeerError):
            await made.receive(report(1))
        await made.close()
        return told

    told = asyncio.run(play())
    finish = next(message for message in told if message["type"] == "finish")
    facts = msgspec.msgpack.decode(base64.b64decode(told[-1]["facts"]), type=Facts)
    assert (finish["number"], finish["medium"], finish["slots"]) == (1, "voice", WATCH_SLOTS)
    assert 6.0 < finish["left_s"] <= 7.0
    assert [(epoch.question.kind, epoch.k) for epoch in facts.epochs] == [("baseline", CALLS), ("watch", 1)]
    assert facts.epochs[1].up.stage.count("media") == WATCH_SLOTS
    assert facts.epochs[0].started_s < facts.epochs[1].started_s


def test_where_nothing_is_gained_by_watching_calls_that_live_on_are_ended_at_once():
    async def play() -> tuple[int, bool]:
        made, told = new_session()
        await made.receive(START)
        await made.receive({"type": "media", "number": 1})
        assert made._watch is not None
        made._watch.start_s = time.monotonic() - 12.0
        await made.receive({"type": "finish", "least": 0})
        with pytest.raises(PeerError):  # both ends send for a moment yet
            await made.receive(report(1))
        made._watch.start_s -= 1.0
        await made.receive(report(1))
        await made.close()
        return told[-2]["slots"], told[-1]["type"] == "facts"

    slots, is_told = asyncio.run(play())
    assert (600 < slots < 650, is_told) == (True, True)


def test_both_ends_stop_after_the_same_packet():
    """The far end sends for as many slots as it told the page, and no further."""

    async def play() -> tuple[int, set[int]]:
        made, told = new_session()
        await made.receive(START)
        run = made._watch
        assert run is not None
        sent: set[int] = set()
        run._send = lambda flow, slot: sent.add(slot)  # type: ignore[method-assign]
        await made.receive({"type": "media", "number": 1})
        await asyncio.sleep(0.3)
        await made.receive({"type": "finish", "least": 0})
        await asyncio.sleep(0.9)
        await made.close()
        return told[-1]["slots"], sent

    slots, sent = asyncio.run(play())
    assert sent == set(range(slots))
