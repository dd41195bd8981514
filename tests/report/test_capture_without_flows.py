"""A recording's bundle may name a call without any 5-tuple, which no capture gives: it is shown all the same."""

from __future__ import annotations

from talkpath.measure.call import Call, Findings
from talkpath.report.recordings.capture_json import capture_line, capture_result
from talkpath.verdict.bases.calls_together import judge_recording

CALL = Call(
    app="unknown",
    app_confidence=0.0,
    media=("voice",),
    start_s=0.0,
    duration_s=9.0,
    setup_s=0.0,
    transport="relay",
    protocol="udp",
    encrypted=None,
    flows=(),
    streams=(),
    seconds=(),
    control_end_s=9.0,
    file_end_s=10.0,
)


def test_a_call_without_flows_is_shown() -> None:
    assert '"paths":[]' in capture_line(capture_result("-", judge_recording(Findings(0, 10.0, {}, (CALL,), ()))))
