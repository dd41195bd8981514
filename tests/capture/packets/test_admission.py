"""A flood of flows leaves room for calls, and what is left out is counted."""

from __future__ import annotations

import io

import numpy as np
import pytest

from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, SERVER, packets_of, shaped_call
from talkpath.capture.calls.records import measure_calls
from talkpath.capture.packets import flows
from talkpath.capture.packets.flows import ADMITTED_PACKETS, Admission
from talkpath.capture.scan import scan_capture
from talkpath.wire.pcap import Unread

LEFT_OUT = "packet of a flow of few packets: too many flows in the file"


def flood(count: int, each: int = 1) -> list[Packet]:
    """So many packets in each of so many flows, before the call."""
    out = []
    for number in range(count):
        near = bytes((10, 1, number >> 8, number & 255))
        out += [Packet(BEGIN_NS - 10**9 + number, udp_packet(near, SERVER, 5000, 6000, b"x" * 20))] * each
    return out


@pytest.fixture
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "CROWDED_FLOWS", 50)
    monkeypatch.setattr(flows, "MOST_TABLE_FLOWS", 100)


@pytest.mark.usefixtures("few_places")
def test_a_call_behind_a_flood_is_found():
    found = scan_capture(
        io.BytesIO(pcap_file([*flood(5000), *packets_of(shaped_call("whatsapp/fast20/voice", 200))], nano=True))
    )
    assert len(found.flows) <= 100
    assert [one.app for one in measure_calls(found).findings.calls] == ["whatsapp"]


@pytest.mark.usefixtures("few_places")
def test_what_is_left_out_is_counted():
    many = scan_capture(io.BytesIO(pcap_file(flood(5000), nano=True)))
    assert many.unread[LEFT_OUT] == 5000 - len(many.flows)
    assert many.packets == 5000


def test_where_flows_are_few_none_is_left_out():
    found = scan_capture(io.BytesIO(pcap_file(flood(200), nano=True)))
    assert len(found.flows) == 200
    assert not found.unread


def test_a_new_flow_must_show_some_packets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flows, "CROWDED_FLOWS", 5)
    doors, keys = Admission(Unread()), np.array([7, 9], np.uint64)
    for turn in range(1, 5):
        assert doors.admits(keys, np.array([True, False]), 10).tolist() == [True, turn >= ADMITTED_PACKETS]


def test_beyond_the_last_place_only_known_flows_are_admitted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flows, "MOST_TABLE_FLOWS", 12)
    doors, keys = Admission(Unread()), np.repeat(np.arange(5, dtype=np.uint64), 4)
    assert doors.admits(keys, np.zeros(20, np.bool_), 10).sum() == 2 * 4
    assert doors.admits(keys, keys == 3, 12).tolist() == (keys == 3).tolist()


def test_counters_are_halved_before_a_long_file_fills_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flows, "COUNTER_SLOTS", 64)
    monkeypatch.setattr(flows, "CROWDED_FLOWS", 5)
    doors, known = Admission(Unread()), np.zeros(1, np.bool_)
    admitted = sum(bool(doors.admits(np.array([n * 977], np.uint64), known, 10)[0]) for n in range(2000))
    assert admitted < 600
