"""`media.freeze` drops everything after a limit."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import STEP_S, Played, one_flow
from factories.packets.handmade_calls import ip_packets_of
from talkpath.lab.path.link import DROP, PASS


@pytest.mark.parametrize("packets_passed", [1, 25, 60])
def test_media_freeze_counts_both_directions_and_all_packets(packets_passed):
    seen = Played(f"media.freeze,after_packets={packets_passed}").play({0: one_flow("whatsapp"), 1: one_flow("twin")})
    fates = [fate for *_, fate in seen.fates[0]]
    assert fates == [PASS] * packets_passed + [DROP] * (len(fates) - packets_passed)
    assert seen.dropped(1) == 0


def test_media_freeze_counts_the_bytes_of_both_directions():
    flow = list(ip_packets_of(one_flow("whatsapp", 400)))
    passed = sum(len(packet) for _, packet, _ in flow[:60]) + 1  # the next one is longer than a byte
    restrictor = Played(f"media.freeze,after_bytes={passed}").restrictor
    fates = [restrictor.fate(number * STEP_S, way == "up", packet) for number, (way, packet, _) in enumerate(flow)]
    assert fates == [PASS] * 60 + [DROP] * (len(flow) - 60)


def test_media_freeze_by_time_does_not_count_packets():
    for step in (1, 4):
        seen = Played("media.freeze,after_s=1")
        flow = list(ip_packets_of(one_flow("whatsapp", 400)))[::step]
        fates = [seen.restrictor.fate(n * step * STEP_S, way == "up", p) for n, (way, p, _) in enumerate(flow)]
        assert fates.index(DROP) * step * STEP_S == pytest.approx(1, abs=0.05)
        assert set(fates[fates.index(DROP) :]) == {DROP}


@pytest.mark.parametrize("name", ["whatsapp", "signal", "webrtc", "libtgvoip"])
def test_media_freeze_after_the_handshake_lets_set_up_and_two_packets_through(name):
    seen = Played("media.freeze,after=handshake").play({0: one_flow(name, 50)})
    setup = [fate for _, media, fate in seen.fates[0] if not media]
    assert set(setup) == {PASS}
    for way in ("up", "down"):
        passed = [fate == PASS for w, media, fate in seen.fates[0] if media and w == way]
        assert 2 <= sum(passed) <= 10  # some apps are recognised by their media only
        assert passed == sorted(passed, reverse=True)


def test_media_freeze_has_a_residual_for_calls_between_the_same_three():
    seen = Played("media.freeze,after_packets=25,residual_s=60").play({"first": one_flow("whatsapp")})
    assert seen.dropped("first") > 0.8
    again = {"call": one_flow("whatsapp", seed=2), "twin": one_flow("twin", seed=2)}
    seen.play(again, start_s=5)
    assert (seen.dropped("call"), seen.dropped("twin")) == (1, 0)
    seen.fates.clear()
    seen.play({"elsewhere": one_flow("whatsapp", 5)}, start_s=6, far_port=443)
    assert seen.dropped("elsewhere") == 0
    seen.play({"later": one_flow("whatsapp", 5, seed=3)}, start_s=200, port=41000)
    assert seen.dropped("later") == 0
