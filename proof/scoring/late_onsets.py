"""Draws restrictions that a short look at a call does not see: those that begin late, now and then, or by whole flows.

They measure the other error of a check: `ok`, although the calls of a person who talks for two minutes are hit. The
onset is how far into such a call, begun with the check, the restriction acts. Contract: a function of the random
numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from proof.scoring.settings import ArmCall
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.lab.matchers.signatures import MATCHED_APPS
from talkpath.lab.parameters import Value, text_of
from talkpath.lab.restrictor.media_police import BURST

LATEST_S = 60.0  # onsets that are drawn
RULE_DIRECTIONS = ("up", "down", "both")


class LateRule(NamedTuple):
    """One restriction: what kind of lateness it has, its text, and its onset in seconds."""

    kind: str
    text: str
    onset_s: float


def draw_late(rng: Random, arm: Arm) -> LateRule:
    """Draws a restriction of one of the KINDS, of the arm's app or of all calls."""
    kind = rng.choice(list(ONSET_KINDS))
    settings: dict[str, Value] = {"direction": rng.choice(RULE_DIRECTIONS)}
    if rng.random() < 0.5 and arm.app in MATCHED_APPS:
        settings["app"] = arm.app
    mechanism, more, onset_s = ONSET_KINDS[kind](rng, arm)
    return LateRule(kind, text_of(mechanism, settings | more), onset_s)


Drawn = tuple[str, dict[str, Value], float]  # mechanism, settings, onset in seconds


def _after_seconds(rng: Random, arm: Arm) -> Drawn:
    after_s = round(rng.uniform(0.5, LATEST_S), 1)
    return "media.freeze", {"after_s": after_s}, after_s


def _part_of_calls(rng: Random, arm: Arm) -> Drawn:
    after_s = round(rng.uniform(2.0, 20.0), 1)
    return "media.freeze", {"after_s": after_s, "share": round(rng.uniform(0.2, 0.7), 2)}, after_s


def _after_packets(rng: Random, arm: Arm) -> Drawn:
    rate = 2.0 * shapes()[arm].packet_rate
    packets = round(rate * rng.uniform(0.5, LATEST_S))
    return "media.freeze", {"after_packets": float(packets)}, packets / rate


def _begins_later(rng: Random, arm: Arm) -> Drawn:
    from_s = round(rng.uniform(0.5, LATEST_S), 1)
    if rng.random() < 0.5:
        return "stun.drop", {"from_s": from_s}, from_s
    return "media.drop", {"from_s": from_s, "p": round(rng.uniform(0.2, 1.0), 2)}, from_s


def _now_and_then(rng: Random, arm: Arm) -> Drawn:
    from_s, cycle_s = round(rng.uniform(0.0, 30.0), 1), round(rng.uniform(10.0, 30.0), 1)
    active_s = round(cycle_s * rng.uniform(0.2, 0.6), 1)
    p = round(rng.uniform(0.3, 1.0), 2)
    return "media.drop", {"p": p, "from_s": from_s, "cycle_s": cycle_s, "active_s": active_s}, from_s


def _loses_after(rng: Random, arm: Arm) -> Drawn:
    onset_s = round(rng.uniform(0.5, LATEST_S), 1)
    return "media.drop", {"onset_s": onset_s, "p": round(rng.uniform(0.1, 1.0), 2)}, onset_s


def _after_burst(rng: Random, arm: Arm) -> Drawn:
    onset_s = round(rng.uniform(0.5, LATEST_S), 1)
    offered_kbps = ArmCall(arm).offered_kbps()
    kbps = round(offered_kbps * rng.uniform(0.3, 0.8), 1)
    burst = max(BURST.low, 125.0 * (offered_kbps - kbps) * onset_s)
    return "media.police", {"kbps": kbps, "burst_bytes": round(burst, 0)}, onset_s


def _residual_rule(rng: Random, arm: Arm) -> Drawn:
    after_s = round(rng.uniform(0.5, 20.0), 1)
    return "media.freeze", {"after_s": after_s, "residual_s": float(rng.choice((60, 180)))}, after_s


def _whole_flows(rng: Random, arm: Arm) -> Drawn:
    return "flow.block", {"direction": "both", "p": round(rng.uniform(0.3, 1.0), 2)}, 0.0


ONSET_KINDS: dict[str, Callable[[Random, Arm], Drawn]] = {
    "freeze after seconds": _after_seconds,
    "freeze after packets": _after_packets,
    "a part freezes after seconds": _part_of_calls,
    "loses after seconds": _loses_after,
    "begins during the check": _begins_later,
    "now and then": _now_and_then,
    "policed after a burst": _after_burst,
    "freeze, then the port": _residual_rule,
    "whole flows": _whole_flows,
}
OF_ONE_FLOW = (
    "freeze after seconds",
    "freeze after packets",
    "a part freezes after seconds",
    "loses after seconds",
    "policed after a burst",
    "freeze, then the port",
)
"""Those that are counted from a flow's first packet."""
