"""When a person's one call is over: listening ends by itself, and not before."""

from __future__ import annotations

import pytest

from talkpath.capture.live.live_picture import LiveCall, LivePicture
from talkpath.listening.followed_stream import (
    CALL_QUIET_S,
    CALL_UNANSWERED_S,
    CALL_UNSEEN_S,
    LONGEST_CALL_WAIT_S,
    OneCall,
)


def call(end_s: float) -> LiveCall:
    return LiveCall(
        number=1,
        app="telegram",
        app_confidence=1.0,
        media=("voice",),
        start_s=5.0,
        end_s=end_s,
        flows={1},
        protocol="udp",
    )


@pytest.mark.parametrize(
    ("now_s", "ends_s", "over"),
    [
        (20.0, [19.5], False),
        (20.0 + CALL_QUIET_S - 0.1, [20.0], False),
        (20.0 + CALL_QUIET_S, [20.0], True),
        (40.0, [20.0, 39.0], False),
        (LONGEST_CALL_WAIT_S, [LONGEST_CALL_WAIT_S], True),
    ],
)
def test_a_call_is_over_when_nothing_of_any_came_for_a_while(now_s: float, ends_s: list[float], over: bool):
    assert OneCall().is_over(LivePicture(now_s=now_s, calls=[call(end_s) for end_s in ends_s])) is over


def test_nobody_waits_for_ever_for_a_call():
    assert not OneCall().is_over(LivePicture(now_s=CALL_UNSEEN_S - 1))
    assert OneCall().is_over(LivePicture(now_s=CALL_UNSEEN_S))


def test_set_up_that_brings_no_call_is_waited_for_from_when_it_was_seen():
    one_call = OneCall()
    assert not one_call.is_over(LivePicture(now_s=100.0, set_up=("telegram",)))
    assert not one_call.is_over(LivePicture(now_s=CALL_UNSEEN_S + 1))
    assert one_call.is_over(LivePicture(now_s=100.0 + CALL_UNANSWERED_S))
