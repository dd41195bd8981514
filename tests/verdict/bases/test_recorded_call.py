"""The verdict on a captured call: what it takes to say anything, and that it never accuses."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from talkpath.measure.call import Attempt, Call, Flow, Moment, Second, Stream
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call

FLOW = Flow(1, "relay", "udp", 600, 600, 500, 500, 0.0, 10.0, 10.0, 4, 4)


def stream(direction: Any, lost: int = 0, seconds: float = 10.0, **changes: Any) -> Stream:
    packets = round(50 * seconds) - lost
    made = Stream(
        direction=direction, ssrc=1, payload_type=111, medium="voice", packets=packets, lost=lost,
        loss_pct=100 * lost / max(packets + lost, 1), loss_basis="sequence", duplicates=0, reordered=0, jitter_ms=2.0,
        late_ms=5.0, freezes=0, frozen_s=0.0, longest_gap_ms=20.0, mos=4.4, start_s=0.0, duration_s=seconds, kbps=30.0,
        clock_hz=48000, packet_ms=20.0, mean_burst=None, flows=(1,),
    )  # fmt: skip
    return replace(made, **changes)


def call(*streams: Stream, others: int = 30, **changes: Any) -> Call:
    end = max(one.start_s + one.duration_s for one in streams)
    seconds = tuple(Moment(at, Second(50, 0, 30.0), Second(50, 0, 30.0), others) for at in range(round(end)))
    made = Call(
        app="whatsapp", app_confidence=1.0, media=("voice",), start_s=0.0, duration_s=end, setup_s=0.0,
        transport="relay", protocol="udp", encrypted=True, flows=(FLOW,), streams=streams, seconds=seconds,
        control_end_s=end, file_end_s=end + 1, closed=True,
    )  # fmt: skip
    return replace(made, **changes)


def test_a_good_call():
    verdict = judge_call(call(stream("sent"), stream("received")))
    assert (verdict.state, verdict.basis, verdict.log10_e) == ("ok", "call", None)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (call(stream("sent", seconds=2.0), stream("received", seconds=2.0)), "short_capture"),
        (call(stream("sent"), stream("received"), closed=False, control_end_s=30.0), "short_capture"),
        (call(stream("received")), "no_control"),
        (call(stream("sent"), stream("received", frozen_s=3.0, freezes=2)), "no_control"),
        (call(stream("sent")), "no_control"),
        (call(stream("sent"), stream("received", seconds=6.0), others=0), "no_control"),
    ],
    ids=["short", "cut in mid-talk", "only heard", "stood still", "only said", "silent at the end, alone"],
)
def test_what_is_not_enough(found: Call, reason: str):
    verdict = judge_call(found)
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", reason)


def test_loss_is_consistent_with_a_drop_and_no_more():
    verdict = judge_call(call(stream("sent"), stream("received", lost=150, mos=2.5)))
    assert (verdict.state, verdict.rule, verdict.direction) == ("insufficient", None, "down")
    assert verdict.alternatives == ("media.drop",)
    share: Any = verdict.parameters["p"]
    assert share.low < 0.3 < share.high


@pytest.mark.parametrize(
    ("spared_s", "fits"), [(0, ("media.drop",)), (1, ("media.drop",)), (4, ("media.police", "media.drop"))]
)
def test_losses_that_begin_late_are_not_said_to_be_at_random_alone(spared_s: int, fits: tuple[str, ...]):
    """A policer's bucket is full at first. Of 50 packets a second a tenth is lost: the first second may be spared."""
    lost = stream("received", seconds=10.0, lost=45, mos=2.5)
    moments = tuple(
        Moment(at, Second(packets=50), Second(packets=50 - 5 * late, lost=5 * late), 20)
        for at in range(10)
        for late in [at > spared_s]
    )
    verdict = judge_call(replace(call(stream("sent", seconds=10.0), lost), seconds=moments, duration_s=10.0))
    assert verdict.alternatives == fits
    assert "kbps" not in verdict.parameters, "which would be alike in three calls of one codec"


def test_pictures_lost_but_not_sound():
    video = stream("received", lost=200, medium="video", mos=None)
    found = call(stream("sent"), stream("received"), video, media=("voice", "video"))
    assert judge_call(found).alternatives[0] == "media.size_drop"


def test_nothing_came_any_more():
    dead = replace(FLOW, last_received_s=4.0, media_received=200, media_sent=500)
    found = call(stream("sent"), stream("received", seconds=4.0), flows=(dead,))
    verdict = judge_call(found)
    assert verdict.alternatives[0] == "media.freeze"
    assert verdict.parameters["after_s"].estimate == 4.0
    quiet = call(stream("sent"), stream("received", seconds=4.0), flows=(dead,), others=0)
    assert judge_call(quiet).alternatives == (), "nothing else went on either"
    alive = call(stream("sent"), stream("received", seconds=4.0))
    assert judge_call(alive).alternatives == (), "the flow itself went on: the other side fell silent"


def test_who_only_listens_is_not_accused():
    late = replace(FLOW, packets_received=12, media_received=0, last_received_s=9.0)
    assert judge_call(call(stream("sent"), flows=(late,))).alternatives == (), "alone in the room: the server replies"
    dead = replace(FLOW, packets_received=2, media_received=0, last_received_s=0.3)
    assert judge_call(call(stream("sent"), flows=(dead,))).alternatives == ("media.drop",)
    music = call(stream("sent"), flows=(dead,), app="rtp")
    assert judge_call(music).alternatives == (), "what no app was told of may be meant one way"


def test_the_next_reply_is_waited_for():
    """Reports come each 5 s and the last came with the last sound: 4 s of silence are no sign yet, 12 s are."""
    rare = replace(FLOW, packets_received=502, media_received=500, last_received_s=10.2)
    heard = stream("received", seconds=10.0)
    for seconds, fits in ((14.0, False), (22.0, True)):
        verdict = judge_call(call(stream("sent", seconds=seconds), heard, flows=(rare,)))
        assert ("media.freeze" in verdict.alternatives) == fits, seconds


def test_a_flow_that_replied_a_moment_ago_has_not_gone_silent():
    """Set-up comes fast, so that replies seem to come often; a muted end's next one may take a few seconds."""
    muted = replace(FLOW, packets_received=234, media_received=200, last_received_s=9.4)
    found = call(stream("sent"), stream("received", seconds=6.5, longest_gap_ms=400.0), flows=(muted,))
    assert judge_call(found).alternatives == ()
    assert judge_call(found).figures["loss_down_pct"] == 0.0, "nor does the silence count as lost"
    frozen = replace(muted, last_received_s=6.6)
    assert judge_call(replace(found, flows=(frozen,))).alternatives[0] == "media.freeze"


def test_a_call_of_four_seconds_says_nothing():
    dead = replace(FLOW, last_received_s=0.5, media_received=25, media_sent=190)
    found = call(stream("sent", seconds=3.8), stream("received", seconds=0.5), flows=(dead,))
    assert judge_call(found).alternatives == ()


@pytest.mark.parametrize(("sent_lost", "burst", "fits"), [(0, None, True), (40, None, False), (0, 75.0, False)],
                         ids=["on the way here", "in the recording, both ways", "two outages"])  # fmt: skip
def test_whose_losses_they_are(sent_lost: int, burst: float | None, fits: bool):
    heard = stream("received", lost=75, mos=2.5, mean_burst=burst and burst / 2)
    verdict = judge_call(call(stream("sent", lost=sent_lost), heard))
    assert (verdict.alternatives == ("media.drop",)) == fits


@pytest.mark.parametrize(
    ("answered", "others", "end_s", "others_answered", "code", "fits"),
    [
        (False, 500, 20.0, False, "no_control", True),
        (False, 0, 20.0, False, "no_control", False),
        (True, 500, 20.0, False, "single_request", False),
        (False, 500, 3.5, False, "single_request", False),
        (False, 500, 20.0, True, "no_control", False),
    ],
    ids=["unanswered", "alone", "answered", "no time to answer", "others were answered"],
)
def test_attempts(answered: bool, others: int, end_s: float, others_answered: bool, code: str, fits: bool):
    attempt = Attempt("signal", 0.9, 1.0, end_s, answered, 12, 8 if answered else 0, others, others_answered)
    verdict = judge_attempt(attempt)
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", code)
    assert ("stun.drop" in verdict.alternatives) == fits


@pytest.mark.parametrize(("app", "far_hosts", "fits"), [("webrtc", 20, False), ("webrtc", 4, True), ("max", 20, True)])
def test_who_looks_for_peers_that_are_gone_fits_no_rule(app: str, far_hosts: int, fits: bool):
    attempt = Attempt(app, 0.9, 1.0, 20.0, False, 80, 0, 500, sent_packets=80, far_hosts=far_hosts)
    assert bool(judge_attempt(attempt).alternatives) == fits


@pytest.mark.parametrize(
    ("app", "requests", "first"),
    [("telegram", 0, "reflector.drop"), ("telegram", 12, "stun.drop"), ("max", 0, "address.block")],
)
def test_set_up_without_stun_that_nobody_answers_fits_rules_about_what_it_had(app: str, requests: int, first: str):
    attempt = Attempt(app, 0.9, 1.0, 20.0, False, requests, 0, 500, sent_packets=12)
    verdict = judge_attempt(attempt)
    assert verdict.alternatives[0] == first
    assert verdict.reason is not None
    assert (verdict.reason.code, verdict.reason.values["requests"]) == ("no_control", 12)
