"""Any damage to a capture: findings or one clear error, in little time and memory."""

from __future__ import annotations

import io
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.altered_captures import findings_in
from factories.packets.capture_files import Packet, pcap_file, pcapng_file, tcp_segment, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER, background_traffic, packets_of, shaped_call
from talkpath.apps import shapes
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.errors import WireError
from talkpath.report.recordings.capture_json import capture_line, capture_result
from talkpath.verdict.bases.calls_together import judge_recording


def sources() -> list[bytes]:
    """Small captures of every kind of call."""
    out = []
    for number, arm in enumerate(shapes()):
        packets = [*packets_of(shaped_call(str(arm), 30)), *background_traffic(0.5)]
        out.append(pcapng_file(packets, ("radiotap", "qinq")) if number % 2 else pcap_file(packets, "sll"))
    return out


SOURCES = sources()


@given(st.sampled_from(SOURCES), st.integers(0, 2**32))
def test_damaged_captures(whole: bytes, seed: int):
    rng = Random(seed)
    data = bytearray(whole)
    for _ in range(rng.choice((1, 3, 30, 300))):
        at = rng.randrange(4, len(data))
        data[at] = rng.choice((0, 255, rng.randrange(256)))
    del data[rng.randrange(len(data) // 2, len(data) + 1) :]
    found = findings_in(bytes(data))
    assert capture_line(capture_result("x", judge_recording(found)))
    scrub_capture(io.BytesIO(bytes(data)), io.BytesIO())


@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes):
    with suppress(WireError):
        findings_in(data)
    findings_in(pcap_file([Packet(5, data[at : at + 200]) for at in range(0, len(data), 200)], "raw"))


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=80), st.integers(-50, 50)), max_size=40))
def test_any_tcp_stream(segments: list[tuple[bytes, int]]):
    at, packets = 1000, []
    for number, (data, jump) in enumerate(segments):
        head = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12) if number == 0 else b""
        packets.append(Packet(number * 1_000_000, tcp_segment(CALLER, SERVER, 1, 2, at + jump, head + data)))
        at += len(head + data)
    findings_in(pcap_file(packets, "raw"))


def test_times_far_apart():
    packets = packets_of(shaped_call("whatsapp/fast20/voice", 60))
    years = 40 * 365 * 86400 * 1_000_000_000
    apart = [Packet(one.time_ns if number % 2 else one.time_ns - years, one.data) for number, one in enumerate(packets)]
    findings_in(pcap_file(apart, nano=True))
    findings_in(pcapng_file([Packet(2**63 - 1 - number, one.data) for number, one in enumerate(packets)], ("raw",)))


def test_one_packet_and_none():
    assert findings_in(pcap_file([])).calls == ()
    assert findings_in(pcap_file(packets_of(shaped_call("webrtc/dtls/voice", 20))[:1])).packets == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_headers_alone(order: str):
    assert findings_in(pcapng_file([], (), order)).packets == 0


@pytest.mark.parametrize("cut", [20, 24, 27])
def test_nothing_but_a_cut_header(cut: int):
    packet = udp_packet(CALLER, SERVER, 1, 2, bytes(20))[:cut]
    found = findings_in(pcap_file([Packet(1, packet)], "raw"))
    assert found.unread["UDP header damaged or cut"] == 1
    assert found.calls == ()
