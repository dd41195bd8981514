"""Draws the settings of a restriction at random, as its mechanism declares it (lab/restrictor/drawing).

Contract: a function of the random numbers alone. `rule_text` returns a rule as text, "" where no drawn settings could
act on the arm during a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import NamedTuple

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.matchers.signatures import MATCHED_APPS
from talkpath.lab.parameters import text_of
from talkpath.lab.restrictor import mechanism_kinds
from talkpath.lab.restrictor.mechanism import DrawnSettings, Mechanism

MAX_DRAWS = 20
DRAWN_DIRECTIONS = ("up", "down", "both")
PACKETS = 200  # in the call that provides sizes and rates


class ArmCall(NamedTuple):
    """A call of an arm; implements `DrawnCall`."""

    arm: Arm

    @property
    def packet_rate(self) -> float:
        """Packets a second, each way."""
        return shapes()[self.arm].packet_rate

    @property
    def ports(self) -> Sequence[int]:
        """UDP ports of the responder."""
        return SIM_PORTS

    def media_sizes(self) -> tuple[list[int], list[int]]:
        """Bytes of each media packet, up and down."""
        up, down = ([size for size, _ in media_packets(self.arm, direction)] for direction in ("up", "down"))
        return up, down

    def offered_kbps(self) -> float:
        """IP bit rate of the slower direction."""
        rates = []
        for packets in (media_packets(self.arm, "up"), media_packets(self.arm, "down")):
            first_ms, last_ms = packets[0][1], packets[-1][1]
            rates.append(sum(size + 28 for size, _ in packets) * 8 / max(1.0, last_ms - first_ms))
        return min(rates)


@cache
def media_packets(arm: Arm, direction: Direction) -> list[tuple[int, float]]:
    """Returns (bytes, time in ms) of the media packets of one direction of a call."""
    slots = shapes()[arm].schedule(Random("bench"), PACKETS).slots
    return [(slot.size, slot.at_ms) for slot in slots if slot.stage == "media" and slot.direction == direction]


@cache
def drawn_mechanisms() -> tuple[Mechanism, ...]:
    """Returns every mechanism that is drawn, in its declared order, repeated by its weight."""
    by_order = sorted(mechanism_kinds().values(), key=lambda mechanism: mechanism.drawing.order)
    return tuple(mechanism for mechanism in by_order for _ in range(mechanism.drawing.weight))


@cache
def call_mechanisms() -> tuple[Mechanism, ...]:
    """Returns each mechanism that recognises calls, once; a second rule is drawn from these."""
    return tuple({each.id: each for each in drawn_mechanisms() if each.scope != "any"}.values())


def rule_text(rng: Random, mechanism: Mechanism, arm: Arm) -> str:
    """Draws a rule of the mechanism, with settings with which it acts on the arm; as text."""
    settings: DrawnSettings = {"direction": rng.choice(DRAWN_DIRECTIONS)}
    if mechanism.scope != "any" and rng.random() < 0.6 and arm.app in MATCHED_APPS:
        settings["app"] = arm.app
        if mechanism.scope == "call" and rng.random() < 0.3:
            settings["medium"] = arm.medium
    for _ in range(MAX_DRAWS):
        drawn = mechanism.drawing.settings(rng, ArmCall(arm))
        if drawn is not None:
            return text_of(mechanism.id, settings | drawn)
    return ""
