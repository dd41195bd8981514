"""The virtual path gives methods only what a real client and server could observe."""

from __future__ import annotations

import pytest

from proof.other_methods.virtual_path import MethodPacket, VirtualPath
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.network import LabNetwork
from talkpath.lab.restrictor import parse_rule


def line(background: str, *rules: str, family: int = 4) -> VirtualPath:
    return VirtualPath(LabNetwork(parse_background(background), [parse_rule(rule) for rule in rules], 1), family)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("background", ["clean,jitter_ms=0", "nat64ports,jitter_ms=0", "nat_symmetric,jitter_ms=0"])
def test_the_server_starts_when_the_first_packet_arrives_and_answers_through_a_translator(background, family):
    packets = [
        MethodPacket(0.1, "up", 0, b"a"),
        MethodPacket(0.3, "up", 0, b"b"),
        MethodPacket(0.0, "down", 0, bytes(7)),
        MethodPacket(0.5, "down", 0, b"d"),
    ]
    played = line(background, family=family)
    assert played.play(packets, 2.0) == pytest.approx({0: 0.115, 1: 0.315, 2: 0.13, 3: 0.63})
    assert (played.now_s, played.bytes) == (2.0, 10)


def test_of_a_flow_that_never_reached_it_the_server_sends_nothing():
    packets = [MethodPacket(0.0, "up", 0, b"a"), MethodPacket(0.0, "down", 0, b"b")]
    closed = line("corporate")
    assert closed.play(packets, 1.0) == {0: None}
    assert closed.bytes == 1


def test_a_flow_whose_first_packet_is_lost_starts_with_the_second():
    packets = [MethodPacket(0.02 * number, "up", 0, b"u") for number in range(20)] + [
        MethodPacket(0.0, "down", 0, b"d")
    ]
    for seed in range(20):
        played = VirtualPath(LabNetwork(parse_background("transit_loss,direction=up,p=0.7,jitter_ms=0"), (), seed))
        arrived = played.play(packets, 1.0)
        came = [at_s for place, at_s in arrived.items() if place < 20 and at_s is not None]
        assert (arrived[20] == pytest.approx(min(came) + 0.015)) if came else (20 not in arrived)


def test_what_comes_after_the_listening_counts_as_lost():
    assert line("clean,delay_ms=500").play([MethodPacket(0.0, "up", 0, b"a")], 0.4) == {0: None}


def test_each_flow_has_a_port_of_its_own():
    fates = line("hash,share=0.5,loss=1").play([MethodPacket(0.0, "up", flow, b"x") for flow in range(200)], 1.0)
    assert 60 < sum(at_s is None for at_s in fates.values()) < 140
