"""Packets of no call are written at once as they would be one by one."""

from __future__ import annotations

import io
import struct
from random import Random

import pytest

from factories.packets.capture_files import Packet, pcap_file, tcp_segment, udp_packet
from talkpath.capture.packets.flows import endpoint_address
from talkpath.capture.scrubbing import pseudonym
from talkpath.capture.scrubbing.pseudonym import Pseudonyms
from talkpath.capture.scrubbing.scrub import HOPS_AT_FIRST, bare_blocks
from talkpath.wire.pcap import TCP, UDP, Packets, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments
from talkpath.wire.pcap.write import Writer

TIME_NS = 1_700_000_000_123_456_789


def mixed(rng: Random, count: int) -> list[Packet]:
    """UDP and TCP between IPv4 and IPv6 hosts, of any size."""
    out = []
    for number in range(count):
        data, length = rng.randbytes(rng.randrange(60)), rng.choice((4, 4, 16))
        near, far = (bytes((10 if length == 4 else 0x20, *rng.randbytes(length - 1))) for _ in range(2))
        ports = rng.randrange(1, 65536), rng.randrange(1, 65536)
        if rng.random() < 0.5 or length == 16:
            packet = udp_packet(near, far, *ports, data)
        else:
            packet = tcp_segment(near, far, *ports, rng.randrange(1 << 32), data)
        out.append(Packet(TIME_NS + number * 10**7, packet))
    return out


def read(data: bytes) -> list[Packets]:
    unread = Unread()
    fragments = Fragments(unread)
    return [
        some
        for frames in frame_blocks(io.BytesIO(data), unread)
        for some in transport_packets(frames, unread, fragments)
    ]


def one_by_one(packets: Packets, row: int, names: Pseudonyms) -> bytes:
    """The block of one packet, by the writer itself."""
    ends = ((packets.source_high, packets.source_low), (packets.target_high, packets.target_low))
    near, far = (endpoint_address(int(high[row]), int(low[row]), 0).packed for high, low in ends)
    protocol, size = int(packets.protocol[0]), int(packets.size[row])
    ports = struct.pack("!HH", int(packets.source_port[row]), int(packets.target_port[row]))
    if protocol == UDP:
        head = ports + struct.pack("!HH", 8 + size, 0)
    else:
        assert protocol == TCP
        head = ports + struct.pack("!IIBBHHH", int(packets.sequence[row]), 0, 0x50, int(packets.flags[row]), 1024, 0, 0)
    made, left = names.address(near) + names.address(far), HOPS_AT_FIRST - int(packets.hops[row])
    if len(near) == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head) + size, 0, 0, left, protocol, 0)
    else:
        ip = struct.pack("!IHBB", 6 << 28, len(head) + size, protocol, left)
    out = io.BytesIO()
    writer = Writer(out)
    begin = out.tell()
    data = ip + made + head
    writer.packet(int(packets.time_ns[row]), data, len(data) + size, int(packets.link_direction[row]))
    return out.getvalue()[begin:]


@pytest.mark.parametrize("marked", [False, True])
def test_blocks_are_those_of_the_writer(marked: bool):
    names, rng = Pseudonyms(), Random(1)
    compared = 0
    for packets in read(pcap_file(mixed(rng, 400), nano=True)):
        if marked:
            packets.link_direction[:] = [rng.choice((-1, 0, 1)) for _ in range(len(packets))]
        made = dict(bare_blocks(packets, names))
        assert sorted(made) == sorted(packets.frame.tolist())
        for row, frame in enumerate(packets.frame.tolist()):
            assert made[frame] == one_by_one(packets, row, names)
        compared += len(made)
    assert compared == 400


def test_addresses_of_a_flood_take_no_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pseudonym, "MOST_ADDRESSES", 100)
    names = Pseudonyms()
    real = [bytes((10, 0, number >> 8, number & 255)) for number in range(5000)]
    made = [names.address(one) for one in real]
    assert len(names._addresses) == 100
    assert made == [names.address(one) for one in real]
    assert all(one[0] == 10 for one in made)
    assert len(set(made[:100])) == 100
    assert len(set(made)) > 4900
