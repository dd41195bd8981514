"""Holds what the network of recorded calls drops, when, and what it takes for media."""

from __future__ import annotations

import json

import pytest

from proof.engines.path import CALLEE, CALLER, RELAY, CallPath, Trouble, datagram_of, hopped, is_media

RTP = bytes.fromhex("806f0001000003c000001234") + bytes(20)
CHECK = bytes.fromhex("000100002112a442") + bytes(12)


def udp(source: bytes, destination: bytes, data: bytes, ports: tuple[int, int] = (40000, 50000)) -> bytes:
    """An IP packet of either version that holds one datagram."""
    body = (
        ports[0].to_bytes(2, "big") + ports[1].to_bytes(2, "big") + (8 + len(data)).to_bytes(2, "big") + b"\0\0" + data
    )
    if len(source) == 16:
        return b"\x60\0\0\0" + len(body).to_bytes(2, "big") + b"\x11\x40" + source + destination + body
    head = b"\x45\0" + (20 + len(body)).to_bytes(2, "big") + b"\0\0\x40\0\x40\x11\0\0" + source + destination
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body


def checksum(head: bytes) -> int:
    """RFC 1071, as a sum of words."""
    total = sum(int.from_bytes(head[at : at + 2], "big") for at in range(0, len(head), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


UP = [udp(one, other, RTP) for one, other in zip(CALLER.packed(), CALLEE.packed(), strict=True)]
DOWN = [udp(other, one, RTP) for one, other in zip(CALLER.packed(), CALLEE.packed(), strict=True)]


@pytest.mark.parametrize("hops", [1, 7, 63])
def test_a_hop_takes_one_off_and_the_header_stays_valid(hops):
    four, six = hopped(UP[0], hops), hopped(UP[1], hops)
    assert (four[8], six[7]) == (64 - hops, 64 - hops)
    assert checksum(four[:20]) == 0


def test_media_is_found_in_each_wrapping():
    caller, _, relay = (host.packed()[0] for host in (CALLER, CALLEE, RELAY))
    indication = (
        b"\x00\x16" + bytes(2) + bytes(16) + b"\x00\x12\x00\x08" + bytes(8) + b"\x00\x13" + len(RTP).to_bytes(2, "big")
    )
    wrapped = {
        598: bytes(20) + len(RTP).to_bytes(4, "big") + RTP,
        3478: b"\x40\x00" + len(RTP).to_bytes(2, "big") + RTP,
        3479: indication + RTP,
        3480: RTP,
    }
    for port, data in wrapped.items():
        assert datagram_of(udp(caller, relay, data, (40000, port))) == RTP
    hello = bytes(16) + b"\xff" * 12 + b"\xfe\xff\xff\xff" + (123).to_bytes(8, "big")
    assert not datagram_of(udp(caller, relay, hello, (40000, 598)))
    assert not is_media(udp(caller, relay, CHECK))
    assert not is_media(udp(caller, b"\x0a\x00\x00\x01", RTP))


@pytest.mark.parametrize("packets", [UP, DOWN])
def test_trouble_meets_one_direction_from_its_time_on(tmp_path, packets):
    trouble = Trouble("media", "up", after_s=2.0, for_s=3.0)
    path = CallPath(tmp_path / "log", (trouble,))
    gone = [at_s for at_s in range(8) if not path.offer(100.0 + at_s, "", packets[at_s % 2])]
    assert gone == ([2, 3, 4] if packets is UP else [])
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events == ["first media", "trouble begins", "trouble ends"][: 3 if gone else len(events)]


def test_a_filter_of_media_lets_checks_pass(tmp_path):
    path = CallPath(tmp_path / "log", (Trouble("media", "both"),))
    caller, callee = CALLER.packed()[0], CALLEE.packed()[0]
    assert not path.offer(0.0, "", UP[0])
    ((leaves_s, packet),) = path.offer(0.0, "", udp(caller, callee, CHECK))
    assert leaves_s == pytest.approx(0.015)
    assert packet[20:] == udp(caller, callee, CHECK)[20:]


def test_a_share_is_lost(tmp_path):
    path = CallPath(tmp_path / "log", (Trouble("all", "up", share=0.1),))
    passed = sum(bool(path.offer(at / 50, "", UP[0])) for at in range(5000))
    assert 4400 < passed < 4600
