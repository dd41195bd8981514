"""What is drawn before the first packet."""

from __future__ import annotations

from collections import Counter
from math import comb, log
from typing import Literal

import msgspec
import pytest

from talkpath.browser.far_end.schedule import (
    CALLS,
    CANARY_COHORT,
    MAX_EPOCHS,
    WATCH_CALLS,
    WATCH_SLOTS,
    WATCH_TEXTS,
    EpochRequest,
    check_plan,
    check_seed,
    epoch_schedule,
    requested_schedule,
)
from talkpath.browser.far_end.transports.webtransport_twin import MAX_SLOT
from talkpath.browser.webrtc.call_media import MEDIA, VIDEO, VOICE
from talkpath.verdict.statistics.strength import PARTS


def test_every_place_is_as_often_a_call():
    orders = [epoch_schedule(check_seed(bytes([i]), b"near"), number) for i in range(250) for number in range(2)]
    counts = Counter(flow.flow for order in orders for flow in order.flows if flow.kind == "call")
    expected = len(orders) * CALLS / (2 * CALLS + CANARY_COHORT)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values())
    assert len(counts) == 2 * CALLS + CANARY_COHORT


def test_one_text_twin_is_the_canary_and_withholds():
    order = epoch_schedule(b"seed", 0)
    canaries = [flow for flow in order.flows if flow.canary]
    assert [flow.kind for flow in canaries] == ["text"]
    assert len(canaries[0].withheld) == 15
    assert not any(flow.withheld for flow in order.flows if not flow.canary)


def test_so_many_connections_can_pass_alpha():
    """Two epochs in which all calls fail and no twin does are enough for each test that may accuse, by its weight."""
    nats = 2 * log(comb(2 * CALLS, CALLS))
    least = min(weight for name, _, weight, _, mix in PARTS if name != "delay")
    assert nats + log(least) > log(1 / check_plan().alpha)
    assert nats + log(least) > log(2 / check_plan((VOICE, VIDEO)).alpha)
    assert MAX_EPOCHS > 2


def test_video_is_drawn_like_voice_in_its_own_slots():
    order = epoch_schedule(b"seed", 3, VIDEO)
    assert order.medium == VIDEO
    assert [len(flow.withheld) for flow in order.flows if flow.canary] == [round(0.05 * VIDEO.slots)]
    assert max(slot for flow in order.flows for slot in flow.withheld) < VIDEO.slots
    assert [arm.medium for arm in check_plan((VOICE, VIDEO)).arms] == ["voice", "video"]


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_calls_are_watched_in_an_epoch_of_their_own(medium: Literal["voice", "video"]):
    calls, texts = WATCH_CALLS[medium], WATCH_TEXTS[medium]
    asked = {
        "type": "next",
        "medium": medium,
        "question": "watch",
        "calls": calls,
        "texts": texts,
        "slots": WATCH_SLOTS,
    }
    order = requested_schedule(b"seed", 2, msgspec.convert(asked, EpochRequest))
    assert Counter(flow.kind for flow in order.flows) == Counter(call=calls, random=calls, text=texts)
    assert (order.question, order.calls, order.medium.slots) == ("watch", calls, WATCH_SLOTS)
    assert order.medium.arm == MEDIA[medium].arm
    assert WATCH_SLOTS < MAX_SLOT


def test_a_medium_alone_asks_for_a_usual_epoch():
    usual = requested_schedule(b"seed", 2, msgspec.convert({"medium": "video"}, EpochRequest))
    assert usual == epoch_schedule(b"seed", 2, VIDEO)


def test_neither_end_alone_draws():
    assert len({check_seed(far, near) for far in (b"a", b"b") for near in (b"c", b"d")}) == 4
