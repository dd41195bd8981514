"""`udp.freeze` drops every UDP flow after some packets."""

from __future__ import annotations

from restricted import Played, one

from talkpath.lab.path.link import DROP, PASS


def test_udp_freeze_ends_calls_and_twins_alike_after_so_many_packets():
    seen = Played("udp.freeze,after_packets=25").play({"call": one("whatsapp"), "twin": one("twin")})
    for fates in seen.fates.values():
        assert [fate for *_, fate in fates] == [PASS] * 25 + [DROP] * (len(fates) - 25)
    again = Played("udp.freeze,after_packets=25,residual_s=600").play({0: one("twin")})
    again.play({"same server": one("twin", 10)}, start_s=30, port=45000)
    assert again.dropped("same server") == 1
