"""A router that bans all UDP up for some seconds once too much comes: our own load, and no freeze of every flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.backgrounds.background import Background, BackgroundKind, Impairments, RunSettings
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.path.headers import is_udp
from talkpath.lab.path.link import DROP
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts


def guard(most_per_s: int, ban_s: float, of: Callable[[bytes], int] = lambda packet: 1) -> Background:
    """More than so many packets (or bytes) within a second: nothing passes for `ban_s`."""

    def make(settings: RunSettings) -> Impairments:
        recent: deque[tuple[float, int]] = deque()
        until_s = 0.0

        def fate(now_s: float, packet: bytes) -> float:
            nonlocal until_s
            if not is_udp(packet):
                return 0.0
            if now_s < until_s:
                return DROP
            recent.append((now_s, of(packet)))
            while recent[0][0] < now_s - 1.0:
                recent.popleft()
            if sum(count for _, count in recent) <= most_per_s:
                return 0.0
            recent.clear()
            until_s = now_s + ban_s
            return DROP

        return Impairments((fate,))

    return Background(BackgroundKind("guard", "a guard against floods", make))


@pytest.mark.long
@pytest.mark.parametrize(("packets_per_s", "ban_s"), [(200, 3.0), (354, 2.0), (354, 3.0)])
def test_a_ban_of_some_seconds_closes_nothing(packets_per_s: int, ban_s: float) -> None:
    scenario = replace(Scenario.parse("clean", [], 7), background=guard(packets_per_s, ban_s))
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), scenario))
    assert (verdict.state, verdict.rule) in {("insufficient", None), ("impaired", None)}


@pytest.mark.long
@pytest.mark.parametrize(("kilobytes_per_s", "ban_s"), [(30, 3.0), (60, 3.0), (90, 3.0)])
@pytest.mark.parametrize("apps", [["webrtc"], ["whatsapp", "max", "signal"]])
def test_nor_does_a_ban_by_bytes(apps: list[str], kilobytes_per_s: int, ban_s: float) -> None:
    scenario = replace(Scenario.parse("clean", [], 7), background=guard(1000 * kilobytes_per_s, ban_s, len))
    verdicts = judge_facts(run_sim(make_plan(choose_arms(apps)), scenario))
    assert {verdict.state for verdict in verdicts} <= {"insufficient", "impaired", "ok"}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("udp.freeze,after_packets=25", "udp.freeze"),
        # all ports are blocked with the first epoch, whose flows ended at one count and in one moment
        ("udp.freeze,after_packets=40,residual_s=600", "udp.block"),
    ],
)
def test_a_freeze_at_each_flows_own_count_is_still_found(rule: str, told: str) -> None:
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", [rule], 7)))
    assert (verdict.state, verdict.rule) == ("closed", told)
