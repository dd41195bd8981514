"""Spells of a recorded call: what a mean over the whole call hides."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from talkpath.measure.call import Call, Moment, Second, Stream
from talkpath.measure.spells import (
    CallSpell,
    bad_part,
    late_start,
    long_pause,
    longest_silence,
    longest_stop,
    longest_unheard,
)

LASTS_S = 120
GOOD, NOTHING = Second(packets=50, lost=0, kbps=30.0), Second(lost=0)
STILL, LOSSY = Second(frozen_ms=1000.0), Second(packets=25, lost=25)


def stream(direction: Any, begin_s: float, end_s: float, **changes: Any) -> Stream:
    made = Stream(
        direction=direction, ssrc=1, payload_type=111, medium="voice", packets=round(50 * (end_s - begin_s)), lost=0,
        loss_pct=None, loss_basis="sequence", duplicates=0, reordered=0, jitter_ms=2.0, late_ms=5.0, freezes=0,
        frozen_s=0.0, longest_gap_ms=20.0, mos=4.4, start_s=begin_s, duration_s=end_s - begin_s, kbps=30.0,
        clock_hz=48000, packet_ms=20.0, mean_burst=None, flows=(1,), uneven_ms=2.0,
    )  # fmt: skip
    return replace(made, **changes)


def call(heard: tuple[tuple[float, float], ...] = ((0.0, LASTS_S),), basis: Any = "sequence", **runs: Any) -> Call:
    """A call of two minutes, of which streams were heard at these times. `runs`: for each of `received`, `sent` and
    `flow_packets` the seconds that differ from good ones."""
    seconds = []
    for at in range(LASTS_S):
        changes = {name: dict(run).get(at) for name, run in runs.items()}
        seconds.append(
            Moment(
                at,
                changes.get("sent") or GOOD,
                changes.get("received") or GOOD,
                20,
                60 if changes.get("flow_packets") is None else changes["flow_packets"],
            )
        )
    streams = (stream("sent", 0.0, LASTS_S), *(stream("received", *span, loss_basis=basis) for span in heard))
    return Call(
        app="webrtc", app_confidence=0.5, media=("voice",), start_s=0.0, duration_s=LASTS_S, setup_s=0.0,
        transport="p2p", protocol="udp", encrypted=True, flows=(), streams=streams, seconds=tuple(seconds),
        control_end_s=LASTS_S, file_end_s=LASTS_S,
    )  # fmt: skip


def run(first: int, last: int, value: Any) -> dict[int, Any]:
    return dict.fromkeys(range(first, last), value)


def test_a_good_call_has_none() -> None:
    for spell in (longest_stop, longest_silence, longest_unheard, late_start, bad_part):
        assert spell(call()) is None


def test_the_longest_of_several_stops() -> None:
    assert longest_stop(call(received=run(10, 12, STILL) | run(40, 45, STILL))) == CallSpell(40.0, 5.0)


def test_a_silence_counts_what_stood_still_of_the_seconds_beside_it() -> None:
    edge = Second(packets=20, frozen_ms=600.0)
    assert longest_silence(call(received={9: edge, **run(10, 20, STILL)})) == CallSpell(9.4, 10.6)


@pytest.mark.parametrize(
    "changes",
    [
        {"received": run(10, 40, Second(packets=3, frozen_ms=900.0))},
        {"received": run(10, 40, STILL), "sent": run(10, 40, NOTHING)},
    ],
    ids=["some packets came in every second", "this end stopped as well"],
)
def test_what_stands_still_is_not_always_silent(changes: dict[str, Any]) -> None:
    assert longest_silence(call(**changes)) is None
    assert longest_stop(call(**changes)) == CallSpell(10.0, 30.0)


QUIET = {"received": run(50, 60, NOTHING), "flow_packets": run(50, 60, 0)}


@pytest.mark.parametrize(
    ("heard", "basis", "changes", "want"),
    [
        (((0.0, LASTS_S),), "cadence", QUIET, CallSpell(50.0, 10.0)),
        (((0.0, 50.0), (60.0, LASTS_S)), "sequence", QUIET, CallSpell(50.0, 10.0)),
        (((0.0, LASTS_S),), "sequence", QUIET, None),
        (((0.0, LASTS_S),), "cadence", {"received": run(50, 60, NOTHING)}, None),
        (((0.0, LASTS_S),), "cadence", QUIET | {"sent": run(50, 60, NOTHING)}, None),
        (
            ((0.0, LASTS_S),), "cadence",
            {"received": run(50, 60, NOTHING) | run(80, 88, NOTHING), "flow_packets": run(50, 60, 0) | run(80, 88, 0)},
            CallSpell(50.0, 10.0),
        ),
        (((0.0, LASTS_S),), "cadence", QUIET | {"flow_packets": run(0, 120, 50) | run(50, 60, 0)}, None),
        (((0.0, 50.0),), "cadence", QUIET, None),
        (((0.0, LASTS_S),), "cadence", {"received": run(50, 55, NOTHING), "flow_packets": run(50, 55, 0)}, None),
    ],
    ids=[
        "no header", "another stream after it", "numbers show a pause", "reports went on", "this end stopped as well",
        "the longer of two", "no reports at all", "at the end", "too short",
    ],
)  # fmt: skip
def test_nothing_of_any_kind_came(
    heard: tuple[tuple[float, float], ...], basis: str, changes: dict[str, Any], want: CallSpell | None
) -> None:
    assert longest_unheard(call(heard, basis, **changes)) == want


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"received": run(40, 75, NOTHING)}, CallSpell(40.0, 35.0)),
        ({"received": run(40, 60, NOTHING)}, None),
        ({"received": run(85, 120, NOTHING), "heard": ((0.0, 85.0),)}, None),
        ({"received": run(40, 75, NOTHING), "sent": run(40, 75, NOTHING)}, None),
    ],
    ids=["in the middle", "short", "at the end", "this end paused too"],
)
def test_a_long_pause(changes: dict[str, Any], want: CallSpell | None) -> None:
    assert long_pause(call(**changes)) == want


@pytest.mark.parametrize(("begin_s", "want"), [(4.0, None), (12.0, CallSpell(0.0, 12.0))])
def test_who_is_heard_late(begin_s: float, want: CallSpell | None) -> None:
    assert late_start(call(((begin_s, LASTS_S),))) == want


def test_this_end_may_have_waited_too() -> None:
    assert late_start(call(((12.0, LASTS_S),), sent=run(1, 12, NOTHING))) is None


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"received": run(70, 78, LOSSY)}, (46.0, True)),
        ({"received": run(70, 74, STILL)}, (43.0, False)),
        ({"received": run(70, 74, LOSSY)}, None),
        ({"received": run(40, 80, Second()) | {60: Second(lost=1)}}, None),
        ({"received": run(70, 78, LOSSY), "sent": run(70, 78, LOSSY)}, None),
        ({"received": run(70, 74, STILL), "sent": run(70, 74, STILL)}, None),
    ],
    ids=[
        "losses",
        "a standstill",
        "too little for a part",
        "one packet of a pause",
        "the recorder's losses",
        "a machine that slept",
    ],
)
def test_a_bad_part_of_a_long_call(changes: dict[str, Any], want: tuple[float, bool] | None) -> None:
    assert bad_part(call(**changes)) == want
