"""Compares a plain pair of flows: one call and one twin at the same time on two fixed 5-tuples, by McNemar's test.

The textbook design (McNemar, "Note on the sampling error of the difference between correlated proportions or
percentages", Psychometrika 12, 1947; in its exact form, a sign test on the pairs in which just one packet was lost).
Each slot's two packets leave half a millisecond apart in random order. This is talkpath without fresh 5-tuples and
permuted roles: any path, queue or NAT that treats the two 5-tuples differently is mistaken for a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from random import Random

from proof.other_methods.method import Method, call_recording
from proof.other_methods.virtual_path import MethodPacket, VirtualPath
from talkpath.apps.contract.shape import Arm, Direction
from talkpath.experiment.layout import SPACING_MS
from talkpath.experiment.twin import random_twin
from talkpath.measure.facts import ALPHA

PAIR_WATCH_S = 20.0
"""Of the whole test, as a check of one arm has it; half for each direction."""

CALL, TWIN = 0, 1
PAIR_DIRECTIONS: tuple[Direction, Direction] = ("up", "down")


def accuses(line: VirtualPath, arm: Arm, seed: int) -> bool:
    """Plays both flows at once."""
    schedule, calls = call_recording(arm, seed, PAIR_WATCH_S)
    twins = random_twin(schedule, Random(f"twin {seed}").randbytes(32))
    coin = Random(f"order {seed}")
    packets: list[MethodPacket] = []
    for slot, call, twin in zip(schedule.slots, calls, twins, strict=True):
        late_s = [0.0, SPACING_MS / 1000][:: coin.choice((1, -1))]
        packets += [
            MethodPacket(slot.at_ms / 1000 + late_s[flow], slot.direction, flow, data)
            for flow, data in ((CALL, call), (TWIN, twin))
        ]
    arrived = line.play(packets, PAIR_WATCH_S + 1.0)
    return any(mcnemar_p(*_discordant_pairs(packets, arrived, direction)) <= ALPHA / 2 for direction in PAIR_DIRECTIONS)


def _discordant_pairs(
    packets: list[MethodPacket], arrived: Mapping[int, float | None], direction: Direction
) -> tuple[int, int]:
    """Counts, among pairs of which both packets were sent, (those that lost only the call, those that lost only the
    twin)."""
    pairs = [
        (arrived[place] is None, arrived[place + 1] is None)
        for place in range(0, len(packets), 2)
        if packets[place].direction == direction and place in arrived and place + 1 in arrived
    ]
    return pairs.count((True, False)), pairs.count((False, True))


def mcnemar_p(calls: int, twins: int) -> float:
    """Returns the exact one-sided p of "calls are lost no more often": the probability of this many heads or more."""
    total = calls + twins
    return float(sum(comb(total, heads) for heads in range(calls, total + 1)) / 2**total)


METHOD = Method("pair", "one pair of flows", "McNemar 1947", accuses)
