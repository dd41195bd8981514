"""Captures made to cost memory or time: findings or one clear error, within limits. More: scripts/fuzz_captures.py."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
from contextlib import suppress
from random import Random

import pytest

import nasty_captures
import talkpath.capture.scan
from factories.packets.altered_captures import findings_in
from nasty_captures import A, B
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.errors import WireError
from talkpath.wire.pcap.fragments import ReassemblyBudget

MOST_MIB, MOST_S = 150, 30


@pytest.mark.long
@pytest.mark.parametrize("kind", nasty_captures.KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_within_limits(kind: str, seed: int):
    data = nasty_captures.KINDS[kind](Random(seed))
    begin = time.process_time()
    tracemalloc.start()
    with suppress(WireError):
        findings_in(data)
        scrub_capture(io.BytesIO(data), io.BytesIO())
    peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
    tracemalloc.stop()
    assert peak < MOST_MIB
    assert time.process_time() - begin < MOST_S


def test_segments_that_waited_for_too_long_are_told(monkeypatch: pytest.MonkeyPatch):
    """Each of 20 connections has a hole, and thirty segments behind it."""
    monkeypatch.setattr(talkpath.capture.scan, "ReassemblyBudget", lambda: ReassemblyBudget(100_000))
    first = b"\x00\x01\x00\x00" + nasty_captures.COOKIE + bytes(12)
    packets = [(nasty_captures.tcp_packet(first, 0, (1024 + number, 3478)), 0) for number in range(20)]
    for number in range(20 * 30):
        sequence = 5000 + 1400 * (number // 20)
        packets.append((nasty_captures.tcp_packet(bytes(1400), sequence, (1024 + number % 20, 3478)), 0))
    found = findings_in(nasty_captures.raw_pcap(packets))
    assert found.unread["TCP hole skipped: too many segments waited"] > 0


def test_what_lying_fragments_lost_is_told():
    packets = [(nasty_captures.udp_fragment(number, 8, True, bytes(8), 60_000), 0) for number in range(3000)]
    found = findings_in(nasty_captures.raw_pcap(packets))
    assert found.unread["packet with a fragment missing"] == 3000


def test_a_call_among_lies_is_found():
    """A plain RTP call goes on beside a thousand packets that lie about their length."""
    packets = []
    for number in range(500):
        for ssrc, (near, far, *ports) in enumerate(((A, B, 4000, 5000), (B, A, 5000, 4000))):
            rtp = struct.pack("!BBHII", 0x80, 0, number, 160 * number, ssrc + 1) + bytes(160)
            packets.append((nasty_captures.udp_packet(rtp, near, far, ports=(ports[0], ports[1])), 0))
        packets.append((nasty_captures.udp_fragment(number, 0, True, bytes(8), 60_000), 0))
        packets.append(
            (nasty_captures.tcp_packet(b"\x40\x00\x3f\xff" + bytes(20), number << 20, size=1 << 30), 1 << 30)
        )
    (call,) = findings_in(nasty_captures.raw_pcap(packets)).calls
    assert [(stream.packets, stream.lost) for stream in call.streams] == [(500, 0), (500, 0)]
