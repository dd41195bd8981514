"""Three calls that fell silent at the same moment prove a rule only where the far end was there each time."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from talkpath.measure.call import Call, Control, ControlFlow, ControlSecond, Findings, Flow, Moment, Second, Stream
from talkpath.verdict.bases.accompanied_call import call_verdicts
from talkpath.verdict.bases.calls_together import verdicts_together
from talkpath.verdict.model import Number, Verdict

LASTS_S = 25.0
FLOW = Flow(
    number=1, kind="relay", protocol="udp", packets_sent=1300, packets_received=500, media_sent=1250,
    media_received=400, start_s=-1.0, end_s=LASTS_S, last_received_s=24.5, requests=10, answers=10, feedback=80,
    last_feedback_s=8.0,
)  # fmt: skip
STREAM = Stream(
    direction="sent", ssrc=1, payload_type=111, medium="voice", packets=1250, lost=0, loss_pct=None,
    loss_basis="sequence", duplicates=0, reordered=0, jitter_ms=2.0, late_ms=5.0, freezes=0, frozen_s=0.0,
    longest_gap_ms=20.0, mos=4.4, start_s=0.0, duration_s=LASTS_S, kbps=30.0, clock_hz=48000, packet_ms=20.0,
    mean_burst=None, flows=(1,), uneven_ms=2.0,
)  # fmt: skip


def silent_call(after_s: float, flow: Flow = FLOW, **heard: Any) -> Call:
    """A call of which nothing is heard from then on."""
    came = replace(STREAM, direction="received", duration_s=after_s, packets=round(50 * after_s), **heard)
    good, none = Second(packets=50, lost=0), Second()
    seconds = tuple(Moment(at, good, good if at < after_s else none, 20) for at in range(int(LASTS_S)))
    return Call(
        app="whatsapp", app_confidence=1.0, media=("voice",), start_s=0.0, duration_s=LASTS_S, setup_s=-1.0,
        transport="relay", protocol="udp", encrypted=True, flows=(replace(flow, last_feedback_s=after_s),),
        streams=(STREAM, came), seconds=seconds, control_end_s=LASTS_S, file_end_s=LASTS_S,
    )  # fmt: skip


def control(arrived: int = 50, reported: bool = True, connections: int = 60) -> Control:
    """Control traffic that brought so many of 50 packets a second."""
    one = ControlFlow(
        port=3478, sent_up=40, arrived_up=40 if reported else None, sent_down=40, arrived_down=40 * arrived // 50
    )
    seconds = tuple(
        ControlSecond(
            at_s=at, sent_up=50, arrived_up=50 if reported else None, sent_down=50, arrived_down=arrived, late_ms=1.0
        )
        for at in range(int(LASTS_S))
    )
    return Control(begin_s=0.0, flows=(one,) * connections, seconds=seconds, network="AS64500")


def findings(call: Call, beside: Control | None = None) -> Findings:
    return Findings(
        packets=9, duration_s=LASTS_S, unread={}, calls=(call,), attempts=(), controls=(beside or control(),)
    )


def together(*calls: Call) -> list[Verdict]:
    return verdicts_together(findings(call) for call in calls)


def test_equal_moments_with_a_far_end_that_still_answers_prove_a_rule():
    (found,) = together(silent_call(8.0), silent_call(8.02), silent_call(8.04))
    assert (found.state, found.rule) == ("restricted", "media.freeze")
    assert found.direction is None, "what this end sent is not known"
    assert list(found.parameters) == ["after_s"], "moments and counts are not joined"
    after_s = found.parameters["after_s"]
    assert isinstance(after_s, Number)
    assert after_s.low is not None
    assert after_s.high is not None
    assert after_s.low <= 8.0 <= 9.0 <= after_s.high, "counted from the first voice, or from the flow's first packet"


@pytest.mark.parametrize(
    "flow",
    [
        replace(FLOW, last_received_s=8.1),  # a relay or a mailbox that hangs up: nothing of it comes any more
        replace(FLOW, feedback=0),  # whether media alone stopped is not known
    ],
    ids=["nothing comes", "no reports"],
)
def test_equal_moments_alone_prove_nothing(flow: Flow):
    assert together(silent_call(8.0, flow), silent_call(8.02, flow), silent_call(8.04, flow)) == []


def test_unlike_moments_prove_nothing():
    assert together(silent_call(8.0), silent_call(9.5), silent_call(11.0)) == []


def test_control_traffic_without_the_far_ends_word_is_not_told_as_clean():
    """A line that loses 20 % of everything, over which the far end's report did not come either."""
    call = silent_call(LASTS_S, lost=250, mos=2.0)
    (known,), (unknown,) = (
        call_verdicts(findings(call, control(arrived, reported))) for arrived, reported in ((40, True), (40, False))
    )
    assert known.figures["control_lost_down_pct"] == 20.0
    assert unknown.figures.get("control_lost_down_pct") is None
    assert known.reason is not None
    assert known.reason.code == "line"


@pytest.mark.parametrize(("own_ms", "code"), [(17.0, "one_call"), (2.0, "congested")])
def test_an_apps_own_rhythm_is_no_congestion(own_ms: float, code: str):
    """WhatsApp's packets come by turns 60 and 120 ms apart; so they leave this end too."""
    call = silent_call(LASTS_S, lost=300, mean_burst=1.0, mos=2.0, uneven_ms=17.0)
    seconds = tuple(replace(one, received=Second(packets=40, lost=10)) for one in call.seconds)
    sent, heard = call.streams
    (found,) = call_verdicts(findings(replace(call, streams=(replace(sent, uneven_ms=own_ms), heard), seconds=seconds)))
    assert found.reason is not None
    assert found.reason.code == code


def test_unevenness_before_a_silence_does_not_explain_it():
    (found,) = call_verdicts(findings(silent_call(8.0, uneven_ms=40.0)))
    assert found.reason is not None
    assert found.reason.code == "one_call"
