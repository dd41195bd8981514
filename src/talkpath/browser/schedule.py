"""What one check does in what order, drawn from its seed before the first packet.

An epoch is CALLS calls beside as many random twins, and CANARY twins of which one withholds some of its packets. The
order in which the page opens them is a random permutation: that is what is drawn in a browser (the browser chooses the
5-tuple's port and its stack chooses the bytes), and what the accusing test permutes over.
docs/why/2026-11-24-browser.md has the sizes and the simulated errors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Literal

from msgspec import Struct

from talkpath.browser.far_end.voice import TICK_MS
from talkpath.browser.media import VOICE, Medium
from talkpath.measure.facts import ArmPlan, Plan

Kind = Literal["call", "random", "text"]

CALLS, CANARY_COHORT, EPOCHS = 6, 4, 3
SETUP_S, TAIL_S, GAP_MS = 8.0, 0.6, 40
WITHHELD = 0.05


class Opening(Struct, frozen=True):
    """One flow, by its place in the order of opening. `withheld` are slots that the canary keeps, both ways.

    `phase_ms` after each tick it speaks, both ways: weather changes within a tick, so flows that spoke at one instant
    would fare alike, and if those were all calls, they alone.
    """

    flow: int
    kind: Kind
    phase_ms: float = 0.0
    canary: bool = False
    withheld: tuple[int, ...] = ()


class EpochOrder(Struct, frozen=True):
    """One epoch's flows in their order, all calls of one medium."""

    number: int
    flows: tuple[Opening, ...]
    medium: Medium = VOICE

    @property
    def calls(self) -> int:
        """How many are calls."""
        return sum(flow.kind == "call" for flow in self.flows)


def plan(media: Sequence[Medium] = (VOICE,)) -> Plan:
    """What was fixed before the first packet."""
    return Plan(
        arms=tuple(ArmPlan("webrtc", "dtls", medium.name) for medium in media),
        k=CALLS,
        packets=max(medium.slots for medium in media),
        budget_bytes=sum(medium.budget_bytes for medium in media),
        budget_s=sum(medium.budget_s for medium in media),
        basis="webrtc",
    )


def seed_of(far: bytes, near: bytes) -> bytes:
    """The check's seed: neither end alone chose it."""
    return hashlib.sha256(b"talkpath browser" + far + near).digest()


def epoch_order(
    seed: bytes, number: int, medium: Medium = VOICE, calls: int = CALLS, cohort: int = CANARY_COHORT
) -> EpochOrder:
    """The flows of an epoch."""
    rng = Random(hashlib.sha256(seed + number.to_bytes(4, "big")).digest())
    counts: tuple[tuple[Kind, int], ...] = (("call", calls), ("random", calls), ("text", cohort))
    kinds = [kind for kind, count in counts for _ in range(count)]
    rng.shuffle(kinds)
    texts = [flow for flow, kind in enumerate(kinds) if kind == "text"]
    canary = rng.choice(texts) if texts else -1
    kept = tuple(sorted(rng.sample(range(medium.slots), round(WITHHELD * medium.slots))))
    phases = [round(rng.uniform(0.0, TICK_MS), 1) for _ in kinds]
    flows = tuple(
        Opening(flow, kind, phases[flow], flow == canary, kept if flow == canary else ())
        for flow, kind in enumerate(kinds)
    )
    return EpochOrder(number, flows, medium)
