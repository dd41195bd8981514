"""A stream that comes in pieces of any size gives the packets that the whole file has."""

from __future__ import annotations

import io
from random import Random

import pytest

from factories.packets.capture_files import CARRIERS, Packet, pcap_file, pcapng_file, udp_packet
from talkpath.wire.pcap import Unread, frame_blocks
from talkpath.wire.pcap.splitter import RecordSplitter
from talkpath.wire.pcap.write import Writer

SECOND = 1_000_000_000
PACKETS = [
    Packet(
        1_700_000_000 * SECOND + 20_000_000 * number,
        udp_packet(bytes(4), bytes((9, 9, 9, number % 3)), 1, 2, bytes(number)),
    )
    for number in range(150)
]
WHOLE = {
    "pcap": pcap_file(PACKETS),
    "pcap, big-endian, nanoseconds": pcap_file(PACKETS, order=">", nano=True),
    "pcapng": pcapng_file(PACKETS),
    "pcapng of two sections": pcapng_file(PACKETS[:70]) + pcapng_file(PACKETS[70:], list(CARRIERS)[:2]),
}


def packets(file: bytes) -> list[tuple[int, bytes]]:
    out = []
    for frames in frame_blocks(io.BytesIO(file), Unread()):
        data = bytes(frames.data)
        for start, size, time_ns in zip(frames.start, frames.captured, frames.time_ns, strict=True):
            out.append((int(time_ns), data[start : start + size]))
    return out


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("largest", [7, 300, 100_000])
def test_all_packets_come_once_whatever_the_pieces(name: str, largest: int):
    rng, data, at_once, taken = Random(largest), WHOLE[name], [], []
    splitter = RecordSplitter(lambda time_ns, frame: at_once.append((time_ns, bytes(frame))))
    at = 0
    while at < len(data):
        size = rng.randint(1, largest)
        splitter.feed(data[at : at + size])
        at += size
        if rng.random() < 0.3:
            file = splitter.take()
            taken += packets(file) if file else []
    rest = splitter.take()
    taken += packets(rest) if rest else []
    assert taken == at_once == packets(data)
    assert splitter.packets == len(PACKETS)
    assert splitter.unfinished_bytes == 0


def test_names_of_apps_go_with_what_comes_after_them():
    """PCAPdroid writes an app's name once, before the first packet of its user id."""
    file = io.BytesIO()
    writer = Writer(file)
    for packet in PACKETS[:6]:
        writer.packet(packet.time_ns, packet.data, len(packet.data), 1, "com.whatsapp")
    splitter, named = RecordSplitter(), []
    data = file.getvalue()
    for piece in (data[:300], data[300:]):
        splitter.feed(piece)
        for frames in frame_blocks(io.BytesIO(splitter.take()), Unread()):
            named += [frames.apps[uid][1] for uid in frames.uid.tolist()]
    assert named == ["com.whatsapp"] * 6


def test_what_is_held_back_is_the_rest_of_a_record():
    data = WHOLE["pcap"]
    splitter = RecordSplitter()
    splitter.feed(data[:-5])
    assert packets(data[: len(data) - 5 - splitter.unfinished_bytes]) == packets(data)[:-1]


@pytest.mark.parametrize(
    "data", [b"this is no capture", WHOLE["pcap"][:24] + b"\xff" * 40, WHOLE["pcapng"] + b"\xff" * 40]
)
def test_a_stream_that_is_damaged_is_given_up(data: bytes):
    splitter = RecordSplitter()
    splitter.feed(data)
    splitter.feed(bytes(100))
    assert splitter.lost
