"""Each background impairs packets as documented, at its set rate, whatever their payload."""

from __future__ import annotations

import pickle
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from factories.networks.offered_packets import (
    ENDS,
    by_flow,
    lab_network,
    lost_share,
    play_from,
    play_packets,
    timed_packets,
    udp_writer,
)
from factories.packets import ip_parsers
from talkpath.errors import UsageError
from talkpath.lab.backgrounds import background_kinds, parse_background
from talkpath.lab.network import LabNetwork
from talkpath.wire.ip import packets as ip
from talkpath.wire.ip.address import Address

TRANSLATORS = {"nat_rebind", "nat64ports", "nat_symmetric"}
BY_FLOW = {"nat_evict", "user_vpn", "corporate", *TRANSLATORS}  # flows die in these, that is their point
STUN = bytes.fromhex("0001000c2112a442") + bytes(12)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", background_kinds())
def test_what_arrives_is_exactly_what_was_offered(kind, family):
    """The lab's promise: only those bytes, at most as often as the background says, never early."""
    net = lab_network(kind)
    for direction in ("up", "down"):
        sent = {
            (flow, number): packet for _, flow, number, packet in timed_packets(direction, seconds=3, family=family)
        }
        for key, copies in play_packets(net, direction, seconds=3, family=family).items():
            assert len(copies) <= (2 if kind == "reorder" else 1)
            for late_s, copy in copies:
                assert late_s >= 0.015
                if kind in TRANSLATORS:
                    assert ip_parsers.parse_udp(ip.parse_ip(copy)).payload == ip.split_udp(sent[key])[1]
                else:
                    assert copy == sent[key]
    assert net.offered == 2 * 8 * 150


@pytest.mark.parametrize("kind", background_kinds())
def test_every_packet_is_delivered_or_lost_and_counted(kind):
    net = LabNetwork(parse_background(kind), (), 2, keep_dropped=True)
    sent = {number: packet for number, (*_, packet) in enumerate(timed_packets(flows=20, seconds=5))}
    arrived = {
        n for n, (now_s, *_, packet) in enumerate(timed_packets(flows=20, seconds=5)) if net.offer(now_s, "up", packet)
    }
    assert len(net.lost) == net.dropped.total() == len(sent) - len(arrived)
    assert set(net.dropped) <= {kind, "nat"}
    if kind not in TRANSLATORS:
        assert net.lost == [packet for number, packet in sent.items() if number not in arrived]


@pytest.mark.parametrize("kind", background_kinds())
def test_the_same_seed_gives_the_same_run_and_a_pickle_too(kind):
    first, again = play_packets(lab_network(kind, 7)), play_packets(lab_network(kind, 7))
    assert first == again
    assert play_packets(pickle.loads(pickle.dumps(lab_network(kind, 7)))) == first
    if kind not in ("corporate", "user_vpn", "nat64ports"):
        assert play_packets(lab_network(kind, 8)) != first


@pytest.mark.parametrize("kind", background_kinds())
def test_no_background_reads_what_a_packet_carries(kind):
    """Another payload of the same length has the same fate at the same time."""

    def when(fill) -> dict:
        fates = play_packets(lab_network(kind, 3), seconds=4, fill=fill)
        return {key: [late_s for late_s, _ in copies] for key, copies in fates.items()}

    assert when(lambda flow, number: STUN + bytes(140)) == when(lambda flow, number: b"text" * 40)


@pytest.mark.parametrize("kind", sorted(set(background_kinds()) - BY_FLOW - {"clean", "reorder"}))
def test_fates_are_drawn_for_packets_never_for_flows(kind):
    """Wherever packets are lost, every flow that loses some also keeps some, and no flow's fate copies another's."""
    given = {
        "transit_loss": ",direction=up",
        "police_all": ",kbps=200",
        "police_flow": ",kbps=40",
        "shape_port": ",share=1",
        "size_loss": ",over=100",
    }.get(kind, "")
    flows = by_flow(play_packets(lab_network(kind + given, 5), flows=24, seconds=20))
    lossy = [tuple(lost) for lost in flows.values() if any(lost)]
    assert lossy
    assert not any(all(lost) for lost in lossy)
    if kind in ("ge", "hash", "ecmp", "transit_loss"):  # at full queues and buckets there is little or nothing to draw
        assert len(set(lossy)) == len(lossy)


def test_clean_loses_nothing_and_keeps_order():
    arrived = [copies[0][0] for copies in play_packets(lab_network("clean")).values()]
    assert len(arrived) == 4000
    assert min(arrived) >= 0.015
    assert max(arrived) <= 0.016


def test_delay_and_jitter_can_be_set_on_every_background():
    arrived = [copies[0][0] for copies in play_packets(lab_network("clean,delay_ms=80,jitter_ms=0")).values()]
    assert {round(late_s, 9) for late_s in arrived} == {0.08}


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15])
def test_ge_loses_its_share_in_bursts(share):
    runs = [
        play_packets(lab_network(f"ge,loss={share},burst_ms=20", seed), flows=1, seconds=60, pps=1000)
        for seed in range(4)
    ]
    shares = [lost_share(fates) for fates in runs]
    assert sum(shares) / len(shares) == pytest.approx(share, rel=0.12)
    lost = [not copies for fates in runs for copies in fates.values()]
    after_loss = [b for a, b in pairwise(lost) if a]
    assert sum(after_loss) / len(after_loss) == pytest.approx(0.9, abs=0.07)  # the spell goes on: 0.9 e^(-1/20)


def test_ge_hits_neighbours_in_time_whatever_their_flow():
    fates = play_packets(lab_network("ge,loss=0.1,burst_ms=20", 2), flows=8, seconds=60)
    hits = Counter(number for (_, number), copies in fates.items() if not copies)
    assert sum(count >= 4 for count in hits.values()) > 0.5 * len(hits)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_transit_loss_goes_one_way_and_takes_everything(direction):
    net = lab_network(f"transit_loss,direction={direction},p=0.2")
    other = "down" if direction == "up" else "up"
    assert lost_share(play_packets(net, direction, seconds=25)) == pytest.approx(0.2, abs=4 * (0.16 / 10_000) ** 0.5)
    assert lost_share(play_packets(net, other)) == 0
    segment = ip.build_tcp(Address.of("192.0.2.10", 1), Address.of("198.51.100.10", 443), ip.Tcp(1, 443, 1, 1, 16))
    assert 300 < sum(not net.offer(100 + n, direction, segment) for n in range(2000)) < 500


def test_hash_makes_a_share_of_5_tuples_bad():
    runs = [
        by_flow(play_packets(lab_network("hash,share=0.12,loss=0.3", seed), flows=100, seconds=4)) for seed in range(5)
    ]
    flows = [sum(lost) / len(lost) for run in runs for lost in run.values()]
    bad = [share for share in flows if share > 0]
    assert len(bad) / len(flows) == pytest.approx(0.12, abs=0.05)
    assert sum(bad) / len(bad) == pytest.approx(0.3, abs=0.03)


def test_ecmp_has_as_many_paths_as_asked_and_a_flow_keeps_its_own():
    net = lab_network("ecmp,paths=4,loss=0.2,spread_ms=8,jitter_ms=0", 3)
    fates = play_packets(net, flows=80, seconds=4)
    delays = defaultdict(set)
    for (flow, _), copies in fates.items():
        delays[flow] |= {round(1000 * late_s, 3) for late_s, _ in copies}
    assert all(len(found) == 1 for found in delays.values())
    assert len(set.union(*delays.values())) == 4
    shares = [sum(lost) / len(lost) for lost in by_flow(fates).values()]
    assert all(share < 0.01 or 0.1 < share < 0.32 for share in shares)
    assert min(shares) == 0
    assert max(shares) > 0.1


def test_ecmp_draws_paths_for_each_direction():
    net = lab_network("ecmp,paths=2,loss=0.3,spread_ms=0", 1)
    up = [sum(lost) > 5 for lost in by_flow(play_packets(net, "up", flows=40, seconds=4)).values()]
    down = [sum(lost) > 5 for lost in by_flow(play_packets(net, "down", flows=40, seconds=4)).values()]
    assert up != down


def test_congestion_delays_before_it_loses():
    lost = delayed = 0
    for seed in range(6):
        fates = play_packets(lab_network("congestion,load=1.2,queue_ms=100", seed), seconds=30)
        late = [copies[0][0] for copies in fates.values() if copies]
        delayed += sum(late_s > 0.065 for late_s in late)
        lost += len(fates) - len(late)
        assert max(late) <= 0.1161
    assert 0.005 < lost / (6 * 12_000) < 0.2
    assert delayed > 3 * lost


def test_bufferbloat_delays_much_and_loses_little():
    longest, lost = 0.0, 0
    for seed in range(4):
        fates = play_packets(lab_network("bufferbloat", seed), seconds=30)
        longest = max(longest, max(copies[0][0] for copies in fates.values() if copies))
        lost += sum(not copies for copies in fates.values())
    assert longest > 0.3
    assert lost / (4 * 12_000) < 0.15


def test_reorder_loses_nothing_overtakes_some_and_doubles_few():
    fates = play_packets(lab_network("reorder,share=0.05,late_ms=40,twice=0.01"), flows=1, seconds=100, pps=200)
    assert lost_share(fates) == 0
    late = [copies[0][0] > 0.017 for copies in fates.values()]
    assert sum(late) / len(late) == pytest.approx(0.05, abs=0.01)
    twice = sum(len(copies) == 2 for copies in fates.values()) / len(fates)
    assert twice == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize("family", [4, 6])
def test_police_all_passes_its_rate_of_all_udp_together(family):
    fates = play_packets(lab_network("police_all,kbps=300,burst_ms=50"), flows=8, seconds=30, family=family)
    size = 160 + (28 if family == 4 else 48)
    passed = sum(bool(copies) for copies in fates.values()) * size
    assert passed == pytest.approx(30 * 300 * 125, rel=0.02)


def test_police_all_leaves_tcp_alone():
    net = lab_network("police_all,kbps=8")
    segment = ip.build_tcp(
        Address.of("192.0.2.10", 1), Address.of("198.51.100.10", 443), ip.Tcp(1, 443, 1, 1, 16, payload=bytes(1000))
    )
    assert all(net.offer(n / 1000, "up", segment) for n in range(1000))


def test_police_flow_passes_its_rate_of_each_flow():
    fates = play_packets(lab_network("police_flow,kbps=40"), flows=4, seconds=30)
    for lost in by_flow(fates).values():
        assert (len(lost) - sum(lost)) * 188 == pytest.approx(30 * 40 * 125 + 3000, rel=0.03)


def test_nat_evict_kills_its_share_of_flows_both_ways_for_good():
    net = lab_network("nat_evict,share=0.25,within_s=2")
    fates = play_packets(net, flows=400, seconds=4, pps=10)
    dead = {flow for flow, lost in by_flow(fates).items() if any(lost)}
    assert len(dead) / 400 == pytest.approx(0.25, abs=0.07)
    for flow in dead:
        lost = by_flow(fates)[flow]
        assert lost == sorted(lost)  # once lost, always lost
    down = by_flow(play_from(net, 100.0, "down", 400))
    assert {flow for flow, lost in down.items() if all(lost)} == dead


@pytest.mark.parametrize("family", [4, 6])
def test_nat_rebind_changes_the_source_port_and_the_old_one_is_dead(family):
    net = lab_network("nat_rebind,every_s=2")
    seen: dict[int, list[bytes]] = defaultdict(list)
    near = Address.of(ENDS[family][0])
    for now_s, flow, _, packet in timed_packets(seconds=10, flows=6, family=family):
        for _, copy in net.offer(now_s, "up", packet):
            parsed = ip.parse_ip(copy)
            assert parsed.source == near
            port = ip_parsers.parse_udp(parsed).source_port.to_bytes(2, "big")
            if port not in seen[flow]:
                seen[flow].append(port)
    assert 6 * 3 <= sum(map(len, seen.values())) <= 6 * 9  # some five moves each in ten seconds
    for flow, ports in seen.items():
        answers = [
            net.offer(10.0, "down", udp_writer("down", int.from_bytes(port), family).packet(b"x")) for port in ports
        ]
        assert [bool(answer) for answer in answers] == [False] * (len(ports) - 1) + [True]
        assert ip_parsers.parse_udp(ip.parse_ip(answers[-1][0][1])).destination_port == 40000 + flow


def test_nat64ports_has_64_and_takes_one_back_after_30_silent_seconds():
    net = lab_network("nat64ports")
    first = by_flow(play_packets(net, flows=100, seconds=1, pps=5))
    assert sum(not any(lost) for lost in first.values()) == 64
    assert sum(all(lost) for lost in first.values()) == 36
    assert net.dropped["nat"] == 36 * 5
    near, far = Address.of("192.0.2.10", 45000), Address.of("198.51.100.10", 3478)
    assert net.offer(29.0, "up", ip.build_udp(near, far, b"x")) == []
    assert net.offer(32.0, "up", ip.build_udp(near, far, b"x")) != []


def test_nat64ports_maps_one_port_for_all_destinations():
    net = lab_network("nat64ports")
    ports = set()
    for far in range(100):
        packet = ip.build_udp(Address.of("192.0.2.10", 40000), Address.of("198.51.100.10", 1000 + far), b"x")
        ports |= {ip_parsers.parse_udp(ip.parse_ip(copy)).source_port for _, copy in net.offer(far, "up", packet)}
    assert len(ports) == 1


@pytest.mark.parametrize("family", [4, 6])
def test_corporate_closes_udp_but_dns_and_leaves_tcp(family):
    net = lab_network("corporate")
    near, far = (Address.of(text, 0) for text in ENDS[family])
    here, name, call = Address(near.packed, 5000), Address(far.packed, 53), Address(far.packed, 3478)
    assert net.offer(0, "up", ip.build_udp(here, call, b"x")) == []
    assert net.offer(0, "down", ip.build_udp(call, here, b"x")) == []
    assert net.offer(0, "up", ip.build_udp(here, name, b"x")) != []
    assert net.offer(0, "down", ip.build_udp(name, here, b"x")) != []
    assert net.offer(0, "up", ip.build_tcp(here, call, ip.Tcp(1, 443, 1, 1, 2))) != []


def test_user_vpn_ends_every_long_udp_flow():
    net = lab_network("user_vpn")
    for lost in by_flow(play_packets(net, flows=4, seconds=20)).values():
        assert lost.index(True) == pytest.approx(15 * 50, abs=1)
        assert all(lost[lost.index(True) :])
    assert lost_share(play_from(net, 20.0, "down", 4)) == 1
    assert lost_share({k: v for k, v in play_from(net, 20.0, "up", 8).items() if k[0] >= 4}) == 0  # fresh flows live


@pytest.mark.parametrize("kind", background_kinds())
def test_what_is_not_given_is_drawn_in_range_and_what_is_given_is_kept(kind):
    background = parse_background(kind)
    drawn = [background.settings_of(seed).values for seed in range(30)]
    for parameter in background_kinds()[kind].parameters:
        values = [run[parameter.name] for run in drawn]
        if parameter.drawn:
            low, high = parameter.drawn
            assert all(low <= value <= high for value in values)
            assert len(set(values)) > 1
            assert parameter.low <= low <= high <= parameter.high
            given = parse_background(f"{kind},{parameter.name}={low}").settings_of(3).values
            assert given[parameter.name] == low
        else:
            assert set(values) == {parameter.default}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("storm", ["storm", "clean", "user_vpn"]),
        ("ge,p=0.1", ["'p'", "loss", "burst_ms"]),
        ("ge,loss=2", ["loss", "between 0 and 0.5"]),
        ("ge,loss=much", ["loss", "number"]),
        ("ge,loss", ["key=value"]),
        ("ge,loss=0.1,loss=0.2", ["twice"]),
        ("ecmp,paths=2.5", ["paths", "whole"]),
        ("transit_loss,direction=both", ["up, down"]),
        ("", ["clean"]),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(text, words):
    with pytest.raises(UsageError) as caught:
        parse_background(text)
    assert all(word in str(caught.value) for word in words)


def test_a_background_reads_back_from_its_text():
    background = parse_background("ge,loss=0.05,burst_ms=12.5")
    assert str(background) == "ge,loss=0.05,burst_ms=12.5"
    assert parse_background(str(background)) == background
