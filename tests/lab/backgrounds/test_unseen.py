"""The backgrounds to which the method was never tuned. test_backgrounds.py tests what all kinds share."""

from __future__ import annotations

from itertools import groupby

import pytest

from factories.networks.offered_packets import (
    ENDS,
    by_flow,
    lab_network,
    lost_share,
    play_packets,
    timed_packets,
    udp_writer,
)
from factories.packets import ip_parsers
from talkpath.lab.backgrounds import background_kinds
from talkpath.wire.ip import packets as ip
from talkpath.wire.ip.address import Address

UNSEEN = {"size_loss", "shape_port", "flow_loss", "outage", "nat_symmetric", "police_share"}


def test_they_are_marked_apart_and_all_others_are_not():
    assert {name for name, kind in background_kinds().items() if kind.unseen} == UNSEEN


@pytest.mark.parametrize(("size", "share"), [(72, 0.0), (172, 0.0), (173, 0.3), (1000, 0.3)])
def test_size_loss_takes_its_share_of_packets_over_a_length(size, share):
    net = lab_network("size_loss,over=200,loss=0.3")
    for direction in ("up", "down"):
        assert lost_share(play_packets(net, direction, seconds=10, size=size)) == pytest.approx(share, abs=0.03)


def test_size_loss_spares_tcp():
    segment = ip.build_tcp(
        Address.of("192.0.2.10", 1), Address.of("198.51.100.10", 443), ip.Tcp(1, 443, 1, 1, 16, payload=bytes(1200))
    )
    net = lab_network("size_loss,over=100,loss=1")
    assert all(net.offer(n / 1000, "up", segment) for n in range(100))


def test_shape_port_shapes_a_share_of_far_ports_both_ways_and_no_near_one():
    shaped = {}
    for direction in ("up", "down"):
        net = lab_network("shape_port,share=0.3,kbps=8,queue_ms=100", 4)
        late = {port: [] for port in range(3000, 3300)}
        for number in range(20):
            for port, arrived in late.items():
                arrived.append(net.offer(number / 50, direction, packet(direction, 40000 + number, port)))
        shaped[direction] = {port for port, arrived in late.items() if not all(arrived)}
    assert shaped["up"] == shaped["down"]
    assert 0.2 < len(shaped["up"]) / 300 < 0.4


def packet(direction, near: int, far: int) -> bytes:
    ends = Address.of(ENDS[4][0], near), Address.of(ENDS[4][1], far)
    return ip.build_udp(*(ends if direction == "up" else reversed(ends)), bytes(160))


def test_shape_port_holds_a_port_to_its_rate_whatever_the_flow_and_delays_before_it_loses():
    fates = play_packets(lab_network("shape_port,share=1,kbps=150,queue_ms=200,jitter_ms=0"), flows=6, seconds=20)
    arrived = [copies[0][0] for copies in fates.values() if copies]
    assert len(arrived) * 188 == pytest.approx(20 * 150 * 125, rel=0.03)
    assert 0.19 < max(arrived) <= 0.015 + 0.2 + 1e-9
    delays = [round(copies[0][0], 3) for copies in fates.values() if copies]
    assert delays[:6] == sorted(delays[:6])


@pytest.mark.parametrize("tail", [0.7, 1.5])
def test_flow_loss_has_a_pareto_tail_over_5_tuples(tail):
    runs = [
        by_flow(play_packets(lab_network(f"flow_loss,least=0.02,tail={tail}", s), flows=100, seconds=4))
        for s in range(6)
    ]
    shares = [sum(lost) / len(lost) for run in runs for lost in run.values()]
    for times in (2.5, 5, 10):
        over = sum(share > 0.02 * times for share in shares) / len(shares)
        assert over == pytest.approx(times**-tail, abs=0.08)
    assert min(shares) < 0.03
    assert max(shares) <= 0.97


def test_outage_is_200_ms_for_everything_both_ways_at_the_rate_said():
    net = lab_network("outage,every_s=2")
    dark = []
    for number in range(60_000):
        up, down = (net.offer(number / 100, way, udp_writer(way, 40000).packet(b"x")) for way in ("up", "down"))
        assert bool(up) == bool(down)
        dark.append(not up)
    spells = [sum(1 for _ in spell) for lost, spell in groupby(dark) if lost]
    assert set(spells) <= {19, 20, 21}
    assert 600 / len(spells) == pytest.approx(2.2, rel=0.25)


def test_nat_symmetric_takes_a_port_for_every_destination():
    net = lab_network("nat_symmetric")
    ports = {
        ip_parsers.parse_udp(ip.parse_ip(copy)).source_port
        for far in range(64)
        for _, copy in net.offer(far / 10, "up", packet("up", 40000, 1000 + far))
    }
    assert len(ports) == 64
    assert net.offer(7.0, "up", packet("up", 40000, 2000)) == []
    assert net.offer(31.0, "up", packet("up", 40000, 2000)) != []
    assert net.offer(31.0, "up", packet("up", 40000, 1063)) != []


@pytest.mark.parametrize("family", [4, 6])
def test_nat_symmetric_brings_answers_back_to_the_inner_port(family):
    net = lab_network("nat_symmetric")
    for now_s, flow, _, sent in timed_packets(seconds=1, family=family):
        ((_, copy),) = net.offer(now_s, "up", sent)
        outside = ip_parsers.parse_udp(ip.parse_ip(copy)).source_port
        ((_, answer),) = net.offer(now_s, "down", udp_writer("down", outside, family).packet(b"x"))
        assert ip_parsers.parse_udp(ip.parse_ip(answer)).destination_port == 40000 + flow


@pytest.mark.parametrize("flows", [4, 20])
def test_police_share_passes_40_percent_of_all_udp_at_any_load(flows):
    fates = play_packets(lab_network("police_share"), flows=flows, seconds=30)
    assert lost_share(fates) == pytest.approx(0.6, abs=0.04 if flows > 4 else 0.12)


def test_police_share_lets_the_first_of_each_tenth_pass():
    fates = play_packets(lab_network("police_share"), flows=20, seconds=10)
    by_number = [sum(not fates[flow, number] for flow in range(20)) / 20 for number in range(50, 500)]
    assert [round(sum(by_number[place::5]) / 90, 1) for place in range(5)] == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_police_share_always_passes_one_full_packet():
    net = lab_network("police_share")
    assert [bool(net.offer(n, "up", packet("up", 40000, 3478))) for n in range(20)] == [True] * 20
