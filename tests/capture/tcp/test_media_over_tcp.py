"""Which TCP connections carry framed packets, and what is in them."""

from __future__ import annotations

import io
import struct

import pytest

from factories.packets.altered_captures import facts_of, udp_payload
from factories.packets.capture_files import Packet, pcap_file, tcp_segment
from factories.packets.shaped_calls import CALLER, SERVER, shaped_call
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.datagrams import OTHER, RTP, STUN, Datagrams
from talkpath.capture.packets.flows import Flows
from talkpath.capture.tcp import media_over_tcp
from talkpath.capture.tcp.media_over_tcp import MediaOverTcp
from talkpath.wire.pcap import Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments

STUN_MESSAGE = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


def rtp(number: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 111, number, 960 * number, 7) + bytes(40)


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def segments(pieces: list[bytes], *, sent: bool = True, begin: int = 1) -> list[Packet]:
    """One direction of a connection, a segment a piece."""
    out, sequence = [], begin
    for number, piece in enumerate(pieces):
        ends = (CALLER, SERVER, 40000, 3478) if sent else (SERVER, CALLER, 3478, 40000)
        out.append(Packet((number + 1) * 20_000_000, tcp_segment(*ends, sequence, piece)))
        sequence += len(piece)
    return out


def found(packets: list[Packet]) -> list[int]:
    """The kinds of the datagrams in them."""
    unread = Unread()
    over_tcp = MediaOverTcp(Flows(), ByteHintTable(()), unread=unread)
    kinds: list[int] = []
    for frames in frame_blocks(io.BytesIO(pcap_file(packets, "raw", nano=True)), unread):
        for some in transport_packets(frames, unread, Fragments(unread)):
            batch: Datagrams | None = over_tcp.feed(some, some.time_ns / 1e9)
            kinds += batch.kind.tolist() if batch is not None else []
    return kinds


def test_turn():
    assert found(segments([STUN_MESSAGE] * 6)) == [STUN] * 6


def test_channel_data():
    data = rtp(1)
    channel = b"\x40\x01" + len(data).to_bytes(2, "big") + data
    assert found(segments([STUN_MESSAGE, STUN_MESSAGE, *[channel] * 5])) == [STUN] * 2 + [RTP] * 5


def test_ice_tcp():
    assert found(segments([framed(STUN_MESSAGE), *(framed(rtp(number)) for number in range(6))])) == [STUN] + [RTP] * 6


def test_rtp_without_set_up():
    assert found(segments([framed(rtp(number)) for number in range(10)])).count(RTP) >= 7


def test_packets_over_several_segments():
    stream = b"".join(framed(data) for data in (STUN_MESSAGE, *map(rtp, range(10))))
    pieces = [stream[at : at + 37] for at in range(0, len(stream), 37)]
    assert found(segments([framed(STUN_MESSAGE), *pieces])).count(RTP) == 10


def test_telegrams_reflectors():
    stream = b"\xee" * 4 + b"".join(len(rtp(n)).to_bytes(4, "little") + rtp(n) for n in range(8))
    assert found(segments([stream[:30], stream[30:]])) == [RTP] * 8


@pytest.mark.parametrize(
    "piece", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x50" + bytes(80), b"\x00" * 60, b"220 mail ready\r\n"]
)
def test_other_connections_are_left(piece: bytes):
    assert found(segments([piece] * 20)) == []


def test_a_damaged_length_ends_the_stream_and_it_begins_anew():
    bad = b"\x7f\xff" + bytes(30)
    good = [framed(rtp(number)) for number in range(6)]
    kinds = found(segments([framed(STUN_MESSAGE), *good, bad, *good]))
    assert kinds.count(RTP) >= 6
    assert OTHER not in kinds[:7]


def test_media_between_hosts_that_spoke_rtsp_is_no_call():
    ask = b"SETUP rtsp://camera/stream RTSP/1.0\r\n\r\n"
    packets = segments([ask, *(framed(rtp(number)) for number in range(300))], sent=False)
    assert facts_of(packets).calls == ()


@pytest.mark.parametrize("arm", ["webrtc/dtls/voice", "meet/sfu/video"])
def test_a_call_over_tcp(arm: str):
    """The whole call, its datagrams framed on one connection."""
    at, out = {"up": 1, "down": 1}, []
    for one in shaped_call(arm, 200):
        data = framed(udp_payload(one.packet))
        ends = (CALLER, SERVER, 40000, 3478) if one.direction == "up" else (SERVER, CALLER, 3478, 40000)
        out.append(Packet(one.packet.time_ns, tcp_segment(*ends, at[one.direction], data)))
        at[one.direction] += len(data)
    (found_call,) = facts_of(out).calls
    assert found_call.app == arm.split("/")[0]
    assert found_call.protocol == "tcp"
    assert all(stream.lost == 0 for stream in found_call.streams)


def test_connections_that_may_be_framed_are_bounded_and_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(media_over_tcp, "MOST_WEAK_CONNECTIONS", 200)
    unread, kinds = Unread(), list[int]()
    over_tcp = MediaOverTcp(Flows(), ByteHintTable(()), unread=unread)
    call = segments([framed(rtp(number)) for number in range(10)])
    for number, packet in enumerate(call):  # a block each, among fifty connections of one frame
        others = [
            Packet(packet.time_ns, tcp_segment(CALLER, SERVER, 1000 + 50 * number + n, 443, 1, framed(bytes(20))))
            for n in range(50)
        ]
        for frames in frame_blocks(io.BytesIO(pcap_file([packet, *others], "raw", nano=True)), unread):
            for some in transport_packets(frames, unread, Fragments(unread)):
                batch = over_tcp.feed(some, some.time_ns / 1e9)
                kinds += batch.kind.tolist() if batch is not None else []
    assert kinds.count(RTP) >= 7
    assert unread["TCP connection with whole frames counted anew: too many of them"] > 0
