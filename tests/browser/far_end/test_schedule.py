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
    FOLLOW_UP_SLOTS,
    FOLLOW_UPS,
    MOST_WATCH_SLOTS,
    WATCH_SLOTS,
    EpochRequest,
    check_plan,
    check_seed,
    epoch_schedule,
    requested_schedule,
    watch_request,
)
from talkpath.browser.far_end.transports.webtransport_twin import MAX_SLOT
from talkpath.browser.web.next_epoch import FIRST_EPOCHS, MOST_EPOCHS
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME, TICK_MS, VIDEO_MEDIUM, VOICE_MEDIUM
from talkpath.verdict.statistics.strength import TEST_PARTS
from talkpath.wire.control.question import WatchedCalls


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
    least = min(weight for name, _, weight, _, mix in TEST_PARTS if name != "delay")
    assert nats + log(least) > log(1 / check_plan().alpha)
    assert nats + log(least) > log(2 / check_plan((VOICE_MEDIUM, VIDEO_MEDIUM)).alpha)
    assert min(MOST_EPOCHS.values()) > 2


def test_video_is_drawn_like_voice_in_its_own_slots():
    order = epoch_schedule(b"seed", 3, VIDEO_MEDIUM)
    assert order.medium == VIDEO_MEDIUM
    assert [len(flow.withheld) for flow in order.flows if flow.canary] == [round(0.05 * VIDEO_MEDIUM.slots)]
    assert max(slot for flow in order.flows for slot in flow.withheld) < VIDEO_MEDIUM.slots
    assert [arm.medium for arm in check_plan((VOICE_MEDIUM, VIDEO_MEDIUM)).arms] == ["voice", "video"]


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_one_call_lives_on_beside_a_twin_of_its_own(medium: Literal["voice", "video"]):
    order = requested_schedule(b"seed", 2, watch_request(medium))
    assert Counter(flow.kind for flow in order.flows) == Counter(call=1, random=1)
    assert (order.question, order.calls, order.medium.slots) == (WatchedCalls(), 1, MOST_WATCH_SLOTS)
    assert order.medium.arm == MEDIA_BY_NAME[medium].arm
    assert WATCH_SLOTS < MOST_WATCH_SLOTS < MAX_SLOT


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_what_a_check_may_cost_is_what_its_plan_says(medium: Literal["voice", "video"]):
    """Where calls break off late, and where it stays open: by the packets that are due on all flows, both ways."""
    flows, follow_up = 2 * CALLS + CANARY_COHORT, 2 * CALLS * FOLLOW_UP_SLOTS
    usual, watch = MEDIA_BY_NAME[medium].slots * flows, 2 * MOST_WATCH_SLOTS
    late = FIRST_EPOCHS[medium] * usual + watch + FOLLOW_UPS * follow_up
    most = max(late, MOST_EPOCHS[medium] * usual + watch)
    assert 2 * most * (MEDIA_BY_NAME[medium].wire_bytes + 28) < MEDIA_BY_NAME[medium].budget_bytes
    seconds = FIRST_EPOCHS[medium] * MEDIA_BY_NAME[medium].slots + FOLLOW_UPS * FOLLOW_UP_SLOTS
    assert seconds * TICK_MS / 1000 < MEDIA_BY_NAME[medium].budget_s


def test_a_medium_alone_asks_for_a_usual_epoch():
    usual = requested_schedule(b"seed", 2, msgspec.convert({"medium": "video"}, EpochRequest))
    assert usual == epoch_schedule(b"seed", 2, VIDEO_MEDIUM)


def test_neither_end_alone_draws():
    assert len({check_seed(far, near) for far in (b"a", b"b") for near in (b"c", b"d")}) == 4
