"""`udp.freeze` drops every UDP flow after some packets."""

from __future__ import annotations

from itertools import accumulate

from factories.networks.restricted_flows import Played, one_flow
from factories.packets.handmade_calls import ip_packets_of
from talkpath.lab.path.link import DROP, PASS

TYPICAL = "udp.freeze,after_packets=25"


def test_udp_freeze_ends_calls_and_twins_alike_after_so_many_packets():
    seen = Played(TYPICAL).play({"call": one_flow("whatsapp"), "twin": one_flow("twin")})
    for fates in seen.fates.values():
        assert [fate for *_, fate in fates] == [PASS] * 25 + [DROP] * (len(fates) - 25)
    again = Played("udp.freeze,after_packets=25,residual_s=600").play({0: one_flow("twin")})
    again.play({"same server": one_flow("twin", 10)}, start_s=30, port=45000)
    assert again.dropped("same server") == 1


def test_without_a_limit_the_typical_one_holds():
    assert Played("udp.freeze").play({0: one_flow("twin")}).fates == Played(TYPICAL).play({0: one_flow("twin")}).fates


def test_udp_freeze_counts_ip_bytes_where_it_is_told_to():
    sizes = [len(packet) for _, packet, _ in ip_packets_of(one_flow("twin"))]
    passed = sum(total <= 4000 for total in accumulate(sizes))
    fates = Played("udp.freeze,after_bytes=4000").play({0: one_flow("twin")}).fates[0]
    assert 0 < passed < len(fates)
    assert [fate for *_, fate in fates] == [PASS] * passed + [DROP] * (len(fates) - passed)
