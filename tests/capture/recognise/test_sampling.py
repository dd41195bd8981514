"""Few datagrams of each kind are chosen, and those that tell."""

from __future__ import annotations

import io
import struct

import numpy as np

from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER
from talkpath.apps.contract.byte_hint import ByteHint, hint_of_bytes
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.datagrams import Datagrams, open_payloads
from talkpath.capture.packets.flows import Flows
from talkpath.capture.packets.rows import rtp_rows
from talkpath.capture.recognise.sampling import ASK_PERMISSION, MAX_ASKED_BYTES, MIN_SSRC_PACKETS, Sample, Sampler
from talkpath.wire.pcap import Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments

COOKIE = b"\x21\x12\xa4\x42"


class Chooser:
    """A sampler that is shown payloads of one flow, block by block."""

    def __init__(self, *hints: tuple[str, ByteHint]) -> None:
        self.flows = Flows()
        self.sampler = Sampler(self.flows, hints)
        self.now = 1

    def show(self, payloads: list[bytes], port: int = 4000) -> Sample:
        packets = []
        for payload in payloads:
            packets.append(Packet(self.now * 10**9, udp_packet(CALLER, SERVER, port, 5000, payload)))
            self.now += 1
        batch = self.batch(packets)
        return self.sampler.choose(batch, rtp_rows(batch))

    def batch(self, packets: list[Packet]) -> Datagrams:
        unread = Unread()
        (frames,) = frame_blocks(io.BytesIO(pcap_file(packets, "raw", nano=True)), unread)
        (some,) = transport_packets(frames, unread, Fragments(unread))
        time_s = some.time_ns / 1e9
        flow, direction = self.flows.assign(some, time_s)
        opened = open_payloads(some.data, some.payload, some.size, some.captured, ByteHintTable(()))
        return opened.of_flows(time_s, flow, direction)


def stun(kind: int, size: int = 0) -> bytes:
    return struct.pack("!HH", kind, size) + COOKIE + bytes(12 + size)


def rtp(number: int, ssrc: int = 7, kind: int = 111) -> bytes:
    return struct.pack("!BBHII", 0x80, kind, number, 960 * number, ssrc) + bytes(40)


def test_one_of_each_kind_and_size_of_stun():
    chooser = Chooser()
    assert chooser.show([stun(1)] * 50).rows.tolist() == [0]
    assert chooser.show([stun(1)] * 50).rows.tolist() == []
    assert chooser.show([stun(1, 8), stun(0x101), stun(1, 8)]).rows.tolist() == [0, 1]


def test_another_flow_is_asked_about_again():
    chooser = Chooser()
    chooser.show([stun(1)])
    assert chooser.show([stun(1)], port=4001).rows.tolist() == [0]


def test_more_permissions_since_each_may_name_a_peer():
    assert len(Chooser().show([stun(8)] * 50).rows) == ASK_PERMISSION


def test_handshakes_but_no_data():
    hello = b"\x16\xfe\xff" + bytes(10) + b"\x01" + bytes(40)
    data = b"\x17\xfe\xfd" + bytes(60)
    assert Chooser().show([hello, data, hello, data]).rows.tolist() == [0]


def test_reports_by_type():
    def report(kind: int) -> bytes:
        return bytes((0x80, kind, 0, 6)) + bytes(24)

    assert Chooser().show([report(200), report(201), report(200)]).rows.tolist() == [0, 1]


def test_media_only_of_an_ssrc_that_comes_again():
    chooser = Chooser()
    sample = chooser.show([rtp(number) for number in range(10)])
    assert len(sample.rows) == 2
    assert (sample.stream != 0).all()
    assert len(Chooser().show([rtp(1, ssrc) for ssrc in range(1, 200)]).rows) == 0
    few = Chooser()
    assert len(few.show([rtp(number) for number in range(MIN_SSRC_PACKETS - 1)]).rows) == 0
    assert len(few.show([rtp(9)]).rows) == 1


def test_each_payload_type_of_a_stream():
    sample = Chooser().show([rtp(number, kind=96 + number % 3) for number in range(30)])
    assert len(sample.rows) == 6


def test_cues_name_who_is_asked():
    chooser = Chooser(("discord", hint_of_bytes(0, b"\x13\x37")), ("viber", hint_of_bytes(2, b"\x0c\x00")))
    sample = chooser.show([b"\x13\x37\x0c\x00" + bytes(20), b"\x01\x02" + bytes(20), b"\x13\x37\x00\x01" + bytes(20)])
    assert sample.rows.tolist() == [0, 2]
    assert sample.hinted[0] == {"discord", "viber"}
    assert sample.hinted[2] == {"discord"}


def test_flows_that_go_on_in_both_directions():
    chooser = Chooser()
    assert not len(chooser.show([b"\x01\x02\x03" + bytes(20)] * 30).rows)
    chooser.flows.table["other"][0] = 20
    assert len(chooser.show([b"\x01\x02\x03" + bytes(20)] * 30).rows) == 2


def test_quic_is_left_alone():
    chooser = Chooser()
    chooser.show([b"\x01\x02\x03" + bytes(20)])
    chooser.flows.table["other"][0], chooser.flows.table["quic"][0] = 20, 1
    assert not len(chooser.show([b"\x01\x02\x03" + bytes(20)] * 30).rows)


def test_flows_of_a_known_app():
    chooser = Chooser()
    chooser.show([b"\x01\x02\x03" + bytes(20)])
    chooser.flows.table["hot"][0] = True
    sizes = [20, 21, 22, 20, 21]
    assert chooser.show([b"\x01\x02\x03" + bytes(size) for size in sizes]).rows.tolist() == [0, 1, 2]


def test_large_datagrams_are_no_set_up():
    assert not len(Chooser().show([stun(1, MAX_ASKED_BYTES)]).rows)


def test_rows_are_in_order():
    payloads = [rtp(0), stun(1), rtp(1), b"\x80\xc8\x00\x06" + bytes(24), rtp(2), rtp(3)]
    rows = Chooser().show(payloads).rows
    assert rows.tolist() == sorted(rows.tolist())
    assert np.isin([1, 3], rows).all()
