"""Times that leap by years: a clock that was set after the recording began, packets without a time, two clocks."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from factories.packets.altered_captures import facts_of, findings_in
from factories.packets.capture_files import Packet, pcap_file, pcapng_file
from factories.packets.shaped_calls import BEGIN_NS, background_traffic, packets_of, shaped_call
from talkpath.api.recording import read_capture
from talkpath.verdict.bases.call_outcome import call_outcome

SECOND_NS = 1_000_000_000
BOOT_NS = 42 * SECOND_NS
"""A clock that counts from when the machine was switched on."""
FAR_NS = 4_200_000_000 * SECOND_NS
"""The year 2103, of a damaged record."""


def call() -> list[Packet]:
    others = background_traffic(12.0)
    return sorted([*packets_of(shaped_call("webrtc/dtls/voice", 500)), *others], key=lambda one: one.time_ns)


def set_late(packets: list[Packet], share: float) -> list[Packet]:
    """The clock was set when so much of the recording was over."""
    until = round(share * len(packets))
    return [Packet(one.time_ns - BEGIN_NS + BOOT_NS, one.data) if at < until else one for at, one in enumerate(packets)]


def without_time(packets: list[Packet], every: int, time_ns: int) -> list[Packet]:
    return [Packet(time_ns, one.data) if at % every == every // 2 else one for at, one in enumerate(packets)]


def stray(packets: list[Packet], by_ns: int) -> list[Packet]:
    """Now and then two records in a row are that far from all others."""
    return [Packet(one.time_ns + by_ns * (at % 61 in (30, 31)), one.data) for at, one in enumerate(packets)]


LEAPS: dict[str, Callable[[list[Packet]], list[Packet]]] = {
    "set after some packets": lambda packets: set_late(packets, 0.01),
    "set in mid-call": lambda packets: set_late(packets, 0.5),
    "set near the end": lambda packets: set_late(packets, 0.9),
    "a packet without a time": lambda packets: without_time(packets, len(packets), 0),
    "the first one without a time": lambda packets: [Packet(0, packets[0].data), *packets[1:]],
    "the last one without a time": lambda packets: [*packets[:-1], Packet(0, packets[-1].data)],
    "a damaged time": lambda packets: without_time(packets, len(packets), FAR_NS),
    "some packets without a time": lambda packets: without_time(packets, 97, 0),
    "some damaged times": lambda packets: without_time(packets, 97, FAR_NS),
    "some of the day after": lambda packets: stray(packets, 86_400 * SECOND_NS),
    "some of the hour before": lambda packets: stray(packets, -3600 * SECOND_NS),
    "both": lambda packets: without_time([Packet(0, packets[0].data), *packets[1:]], len(packets), FAR_NS),
}


@pytest.mark.parametrize("leap", LEAPS)
def test_a_leap_of_years_stretches_nothing(leap: str):
    packets = call()
    whole, leapt = facts_of(packets), facts_of(LEAPS[leap](packets))
    assert leapt.duration_s == pytest.approx(whole.duration_s, abs=0.2)
    (one,), (other,) = whole.calls, leapt.calls
    assert (other.app, other.media) == (one.app, one.media)
    assert other.duration_s == pytest.approx(one.duration_s, abs=0.2)
    assert call_outcome(other).kind == call_outcome(one).kind == "good"


def test_the_time_that_is_told_is_of_the_clock_that_was_set():
    recording = read_capture(io.BytesIO(pcap_file(set_late(call(), 0.3), "raw", nano=True)))
    assert recording.clock.begun.startswith("2023-11-14")


@pytest.mark.parametrize("time_ns", [(1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_the_most_that_a_file_may_tell_as_a_time(time_ns: int):
    packets = call()[:400]
    changed = [*packets[:200], Packet(time_ns, packets[200].data), *packets[201:]]
    assert findings_in(pcapng_file(changed, ("raw",))).duration_s == pytest.approx(
        facts_of(packets).duration_s, abs=0.1
    )
