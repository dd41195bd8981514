"""The difference between two networks: told where calls alone suffer on one, and not where a line is poor."""

from __future__ import annotations

import pytest

from factories.checks import boxed
from factories.checks.call_slots import Box
from talkpath.measure.facts import Facts
from talkpath.verdict.bases.two_networks import LEAST_ODDS, MOST_ODDS, network_contrasts, were_on_one_server

STUN = boxed.stage_drop(["stun", "allocate"], "up")
POOR = boxed.media_drop(0.3, "both", whom=boxed.is_udp)


def measured(seed: int, *boxes: Box) -> Facts:
    return boxed.play_check(boxed.Line(boxes, ("webrtc", "whatsapp"), seed=seed))


def test_calls_that_fail_on_one_network_alone_are_told_with_odds() -> None:
    found = network_contrasts(measured(1, STUN), measured(2))
    assert {each.worse for each in found} == {"here"}
    assert all(LEAST_ODDS <= each.odds <= MOST_ODDS for each in found)
    assert {each.worse for each in network_contrasts(measured(2), measured(1, STUN))} == {"there"}


@pytest.mark.long
@pytest.mark.parametrize("boxes", [(), (POOR,), (STUN,)])
def test_what_hits_calls_and_twins_alike_or_both_networks_is_no_difference(boxes: tuple[Box, ...]) -> None:
    other = boxes if boxes == (STUN,) else ()
    for seed in range(3, 8):
        assert {each.worse for each in network_contrasts(measured(seed, *boxes), measured(seed + 50, *other))} == {""}


def test_apps_of_one_check_alone_are_left_out_and_servers_must_have_one_key() -> None:
    one = boxed.play_check(boxed.Line((), ("webrtc",), seed=1))
    assert [each.app for each in network_contrasts(one, measured(2))] == ["webrtc"]
    assert not were_on_one_server(one, measured(2))
