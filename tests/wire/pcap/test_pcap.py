"""The capture reader reads every container and link header, and survives damage and arbitrary bytes."""

from __future__ import annotations

import gzip
import io
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.capture_files import (
    CARRIERS,
    Packet,
    ip_fragments,
    pcap_file,
    pcapng_file,
    tcp_segment,
    udp_packet,
    with_extension_headers,
)
from talkpath.errors import WireError
from talkpath.wire.pcap import UDP, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments

A4, B4 = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2))
A6, B6 = bytes((0x20, 1, 0xD, 0xB8, *range(12))), bytes((0x20, 1, 0xD, 0xB8, *range(100, 112)))
BEGIN_NS = 1_700_000_000_123_456_789


def packets(count: int = 12, six: bool = False) -> list[Packet]:
    """UDP packets of growing size, both ways by turns."""
    one, two = (A6, B6) if six else (A4, B4)
    out = []
    for number in range(count):
        ends = (one, two, 4000, 5000) if number % 2 else (two, one, 5000, 4000)
        out.append(
            Packet(BEGIN_NS + number * 20_000_001, udp_packet(*ends, bytes((number % 256,)) * (20 + number % 500)))
        )
    return out


def read(data: bytes, block_bytes: int = 1 << 16) -> tuple[list[tuple[int, int, int, bytes]], Unread]:
    """(time in ns, source port, target port, payload) of all UDP packets, in the file's order of blocks."""
    unread = Unread()
    together = Fragments(unread)
    found = []
    for frames in frame_blocks(io.BytesIO(data), unread, block_bytes):
        for some in transport_packets(frames, unread, together):
            if len(some) and some.protocol[0] == UDP:
                for row in range(len(some)):
                    at = int(some.payload[row])
                    payload = bytes(some.data[at : at + int(some.captured[row])])
                    ports = int(some.source_port[row]), int(some.target_port[row])
                    found.append((int(some.time_ns[row]), *ports, payload))
    together.close()
    return sorted(found), unread


def expected(sent: list[Packet], tick_ns: int = 1) -> list[tuple[int, int, int, bytes]]:
    out = []
    for packet in sent:
        at = 40 if packet.data[0] >> 4 == 6 else 20
        ports = struct.unpack_from("!HH", packet.data, at)
        out.append((packet.time_ns // tick_ns * tick_ns, *ports, packet.data[at + 8 :]))
    return sorted(out)


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier(carrier: str, six: bool):
    found, unread = read(pcap_file(packets(six=six), carrier, nano=True))
    assert found == expected(packets(six=six))
    assert not unread


@pytest.mark.parametrize(("link", "place"), [(113, 1), (276, 10), (258, 36), (149, 36)])
def test_frames_that_say_which_way_they_went(link: int, place: int):
    """Linux: 0 to us, 3 to another host, 4 from us; Apple: flag 1 in, 2 out."""
    kinds = (1, 2, 0) if place == 36 else (0, 4, 3)
    head = {113: bytes(14) + b"\x08\x00", 276: b"\x08\x00" + bytes(18)}.get(link, struct.pack("<III28x", 40, 101, 101))
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for second, kind in enumerate(kinds):
        frame = head[:place] + bytes((kind,)) + head[place + 1 :] + packets(1)[0].data
        data += struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame
    unread = Unread()
    (frames,) = frame_blocks(io.BytesIO(data), unread)
    (some,) = transport_packets(frames, unread, Fragments(unread))
    assert some.link_direction.tolist() == [0, 1, -1]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_in_both_orders_and_resolutions(order: str, nano: bool):
    found, unread = read(pcap_file(packets(), order=order, nano=nano))
    assert found == expected(packets(), 1 if nano else 1000)
    assert not unread


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", [3, 6, 9, 12, 0x80 | 20, 0x80 | 30])
def test_pcapng_resolutions(order: str, resolution: int):
    if resolution == 12:
        sent = [Packet(one.time_ns - BEGIN_NS, one.data) for one in packets()]  # 64 bits of ps reach to 1970-07
    else:
        sent = packets()
    found, unread = read(pcapng_file(sent, ("raw",), order, resolution))
    tick_ns = 1e9 / (2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution)
    for got, want in zip(found, expected(sent), strict=True):
        assert got[1:] == want[1:]
        assert abs(got[0] - want[0]) <= max(tick_ns, 2)
    assert not unread


def test_pcapng_of_many_interfaces_and_sections():
    first, second = packets(9), packets(6, six=True)
    data = pcapng_file(first, ("ethernet", "raw", "sll2"), "<", 9) + pcapng_file(second, ("radiotap",), ">", 6)
    found, unread = read(data)
    assert found == sorted(expected(first) + expected(second, 1000))
    assert not unread


def test_blocks_cut_anywhere_change_nothing():
    sent = packets(3000)
    for data in (pcap_file(sent, nano=True), pcapng_file(sent, ("ethernet", "raw"))):
        whole = read(data, 1 << 24)
        for size in (1 << 10, 4096, 70_001):
            assert read(data, size) == whole
        assert whole == (expected(sent), {})


def test_gzip_and_a_pipe_that_gives_little():
    class Slow(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.inner = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, room: memoryview) -> int:
            return self.inner.readinto(memoryview(room)[:77])

    data = pcap_file(packets(400), nano=True)
    unread = Unread()
    count = sum(len(frames) for frames in frame_blocks(Slow(data), unread))
    assert (count, dict(unread)) == (400, {})
    assert read(gzip.compress(data)) == (expected(packets(400)), {})


def test_cut_files_are_counted():
    data = pcap_file(packets(), nano=True)
    found, unread = read(data[:-5])
    assert len(found) == 11
    assert unread == {"record cut off at the end of the file": 1}
    found, unread = read(pcapng_file(packets())[:-30])
    assert len(found) == 11
    assert unread == {"block cut off at the end of the file": 1}
    _, unread = read(gzip.compress(data * 1)[:-20])
    assert unread["compressed data cut off"] == 1
    assert read(data[:20])[1] == {"file cut off in its header": 1}


@pytest.mark.parametrize("damage", [lambda data: data[:-10], lambda data: data + b"x"], ids=["cut", "a byte more"])
def test_a_damaged_end_of_a_gzip_file_costs_its_end_alone(damage: Callable[[bytes], bytes]):
    """What tcpdump's pipe to gzip leaves when it is killed. Random bytes, so that it is many blocks of deflate."""
    rng = random.Random(5)
    sent = [Packet(BEGIN_NS + at * 1_000_000, udp_packet(A4, B4, 4000, 5000, rng.randbytes(900))) for at in range(3000)]
    found, unread = read(damage(gzip.compress(pcap_file(sent, nano=True))), 1 << 22)
    assert len(found) >= 2900
    assert unread["compressed data cut off"] == 1


def test_room_that_was_never_written_is_no_packet():
    found, unread = read(pcap_file(packets(), nano=True) + bytes(4096))
    assert found == expected(packets())
    assert unread["empty record"] == 256


def test_reading_goes_on_behind_damage():
    sent = packets(200)
    data = bytearray(pcap_file(sent, nano=True))
    at = len(pcap_file(sent[:80], nano=True)) + 8
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    found, unread = read(bytes(data))
    assert found == [one for one in expected(sent) if one[0] != sent[80].time_ns]
    assert unread["damaged record"] == 1
    assert unread["bytes skipped after damage"] > 0
    data = bytearray(pcapng_file(sent))
    at = len(pcapng_file(sent[:80])) + 4
    data[at : at + 4] = b"\x03\x00\x00\x00"
    found, unread = read(bytes(data))
    assert found == [one for one in expected(sent) if one[0] != sent[80].time_ns]
    assert unread["damaged block"] == 1


def test_snapshot_length_cuts_are_counted_and_sizes_kept():
    unread = Unread()
    whole = packets(3)
    data = pcap_file([], "raw", nano=True)
    for packet in whole:
        data += struct.pack("<IIII", 1, 0, 34, len(packet.data)) + packet.data[:34]
    sizes, captured = [], []
    for frames in frame_blocks(io.BytesIO(data), unread):
        for some in transport_packets(frames, unread, Fragments(unread)):
            sizes += some.size.tolist()
            captured += some.captured.tolist()
    assert sizes == [20, 21, 22]
    assert captured == [6, 6, 6]
    assert unread == {"packets cut by the snapshot length": 3}


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "out of order"])
def test_fragments_become_packets(six: bool, shuffle: bool):
    rng = random.Random(5)
    sent = packets(30, six)
    pieces = []
    for number, packet in enumerate(sent):
        parts = [Packet(packet.time_ns, part) for part in ip_fragments(packet.data, 16, number)]
        if shuffle:
            rng.shuffle(parts)
        pieces += parts
    found, unread = read(pcap_file(pieces, nano=True))
    assert found == expected(sent)
    assert not unread
    found, unread = read(pcap_file(pieces[:-1], nano=True))
    assert len(found) == 29
    assert unread == {"packet with a fragment missing": 1}


def test_ipv6_extension_headers():
    sent = packets(5, six=True)
    found, unread = read(pcap_file([Packet(one.time_ns, with_extension_headers(one.data)) for one in sent], nano=True))
    assert found == expected(sent)
    assert not unread


def test_what_is_not_ip_is_named():
    arp = Packet(BEGIN_NS, b"\x08\x06" + bytes(28))
    data = pcap_file([], nano=True) + struct.pack("<IIII", 1, 0, 42, 42) + bytes(12) + arp.data
    data += struct.pack("<IIII", 1, 0, 5, 5) + bytes(5)
    assert read(data)[1] == {"not IP: ethertype 0x0806": 1, "frame shorter than its headers": 1}
    other = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 9, 147) + struct.pack("<IIII", 1, 0, 4, 4) + b"abcd"
    assert read(other)[1] == {"link type 147": 1}


@pytest.mark.parametrize("data", [b"", b"\x0a", b"GIF89a", bytes(100), b"\x1f\x8b\x08\x00nonsense", b"\x1f\x8b"])
def test_no_capture_is_one_clear_error(data: bytes):
    with pytest.raises(WireError):
        read(data)


def test_tcp_segments():
    data = pcap_file([Packet(BEGIN_NS, tcp_segment(A4, B4, 80, 5555, 7, b"hello"))], nano=True)
    unread = Unread()
    (frames,) = frame_blocks(io.BytesIO(data), unread)
    (some,) = transport_packets(frames, unread, Fragments(unread))
    assert (int(some.sequence[0]), int(some.size[0]), int(some.source_port[0])) == (7, 5, 80)


@given(st.binary(max_size=400), st.sampled_from(("<", ">")), st.integers(0, 300), st.booleans())
def test_any_frame_of_any_link_type_is_read_or_counted(frame: bytes, order: str, link: int, tail: bool):
    data = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    data += struct.pack(order + "IIII", 1, 2, len(frame), len(frame) + 9 * tail) + frame
    found, unread = read(data)
    assert len(found) + sum(unread.values()) >= 1 or frame


@given(st.data())
def test_any_damage_is_survived(data: st.DataObject):
    sent = packets(20) + packets(5, six=True)
    whole = data.draw(
        st.sampled_from((pcap_file(sent), pcapng_file(sent, ("ethernet", "radiotap")), pcap_file(sent, "ppi")))
    )
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(4, len(broken) - 1))] = data.draw(st.integers(0, 255))
    del broken[data.draw(st.integers(5, len(broken))) :]
    read(bytes(broken), 1 << 10)


@pytest.mark.skipif(which("tshark") is None, reason="needs tshark: apt install tshark")
@pytest.mark.parametrize("name", ["telegram_videocall.pcapng", "KakaoTalk_talk.pcap", "quic_interop_V.pcapng"])
def test_tshark_sees_the_same_datagrams(captures: Path, name: str):
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "udp.srcport", "-e", "udp.length"]
    told = subprocess.run(
        ["tshark", "-n", "-r", str(captures / name), "-Y", "udp && !icmp && !icmpv6", *fields],
        capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    theirs = sorted((round(float(line.split("\t")[0]), 5), *map(int, line.split("\t")[1:])) for line in told if line)
    found, _ = read((captures / name).read_bytes())
    ours = sorted((round(at / 1e9, 5), source, len(payload) + 8) for at, source, _, payload in found)
    assert [one[1:] for one in ours] == [one[1:] for one in theirs]
    assert np.allclose([one[0] for one in ours], [one[0] for one in theirs], atol=2e-5)


@pytest.mark.parametrize("protocol", [6, 17])
def test_one_packet_that_claims_two_gigabytes(protocol: int):
    """An IPv4 header without a length takes the frame's, which may say anything."""
    transport = tcp_segment(A4, B4, 1, 2, 5, b"0123") if protocol == 6 else udp_packet(A4, B4, 1, 2, b"0123")
    packet = bytearray(transport)
    packet[2:4] = bytes(2)
    if protocol == 17:
        packet[24:26] = bytes(2)
    made = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)
    made += struct.pack("<IIII", 1, 0, len(packet), 2_000_000_000) + packet
    unread = Unread()
    (frames,) = frame_blocks(io.BytesIO(made), unread)
    (some,) = transport_packets(frames, unread, Fragments(unread))
    assert some.captured.tolist() == [4]
    assert some.size.tolist() == [65535 if protocol == 17 else 1 << 20]
