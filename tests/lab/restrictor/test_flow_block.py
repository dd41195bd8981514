"""`flow.block` drops whole calls, from the first message that gives them away."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import Played, all_of, one_flow
from talkpath.lab.path.link import DROP, PASS


def test_all_of_a_call_is_dropped_and_nothing_of_other_flows() -> None:
    seen = Played("flow.block,app=whatsapp").play(all_of())
    assert seen.dropped("whatsapp") == 1
    assert all(seen.dropped(name) == 0 for name in seen.fates if name != "whatsapp")


@pytest.mark.parametrize("way", ["up", "down"])
def test_one_way_only(way: str) -> None:
    seen = Played(f"flow.block,direction={way}").play({0: one_flow("webrtc")})
    assert seen.dropped(0, way) == 1
    assert seen.dropped(0, "down" if way == "up" else "up") == 0


def test_with_a_chance_each_5_tuple_is_dropped_or_passes_as_a_whole() -> None:
    calls = {number: one_flow("webrtc", 20, seed=number) for number in range(100)}
    seen = Played("flow.block,p=0.3").play(calls)
    shares = [seen.dropped(number) for number in calls]
    assert set(shares) == {0.0, 1.0}
    assert 15 <= sum(shares) <= 45  # 30, standard deviation 4.6


def test_a_call_that_is_recognised_late_is_let_go() -> None:
    fates = [fate for *_, fate in Played("flow.block").play({0: one_flow("twin", 10) + one_flow("whatsapp")}).fates[0]]
    assert fates[0] == PASS
    assert DROP not in fates
