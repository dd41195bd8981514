"""The order of everything in a check, drawn from its seed before the first packet.

An epoch has CALLS calls beside as many random twins, and CANARY_COHORT text twins of which one withholds some of its
packets. The order in which the page opens them is a random permutation: that is what is randomised in a browser (the
browser itself chooses ports and bytes), and the accusing test permutes over it. Beside the epochs of each medium one
call and its twin live on (WATCH_SLOTS at least); where that call is cut off, FOLLOW_UPS whole epochs that last longer
prove it.
docs/why/2026-11-24-browser.md has the sizes and the simulated error rates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME, TICK_MS, VOICE_MEDIUM, CallMedium
from talkpath.measure.facts import OK_WATCHED_S, ArmPlan, Plan
from talkpath.wire.control.question import BASELINE, Baseline, WatchedCalls

Kind = Literal["call", "random", "text"]

CALLS, CANARY_COHORT = 6, 4
WATCH_SLOTS, MOST_WATCH_SLOTS = 1350, 2000  # of the call that lives on: 27 s at least, and 40 s at most
FOLLOW_UPS, FOLLOW_UP_SLOTS = 2, 1200  # so many whole epochs, of 24 s at most, prove what a watched call showed
SETUP_S, TAIL_S, GAP_MS = 8.0, 0.6, 40
WITHHELD = 0.05


class FlowSchedule(Struct, frozen=True):
    """One flow, by its place in the order of opening.

    It sends `phase_ms` after each tick, in both directions: conditions change within a tick, so flows that sent at the
    same instant would fare alike, and if those were all calls, they alone. `withheld` has the slots that the canary
    does not send, in both directions.
    """

    flow: int
    kind: Kind
    phase_ms: float = 0.0
    canary: bool = False
    withheld: tuple[int, ...] = ()


class EpochRequest(Struct, frozen=True, omit_defaults=True):
    """What the next epoch is to be: so many calls of the medium beside as many random twins, and `texts` text twins,
    each `slots` packets long (0: as many as the medium usually has). `question` is that of the facts."""

    medium: Literal["voice", "video"]
    question: Baseline | WatchedCalls = BASELINE
    calls: int = CALLS
    texts: int = CANARY_COHORT
    slots: int = 0


class EpochSchedule(Struct, frozen=True):
    """The flows of one epoch in their order; all calls are of one medium."""

    number: int
    flows: tuple[FlowSchedule, ...]
    medium: CallMedium = VOICE_MEDIUM
    question: Baseline | WatchedCalls = BASELINE

    @property
    def calls(self) -> int:
        """How many flows are calls."""
        return sum(flow.kind == "call" for flow in self.flows)


def watch_request(medium: Literal["voice", "video"]) -> EpochRequest:
    """The call and its twin that live on beside the other epochs of that medium, until both ends are told to stop."""
    return EpochRequest(medium=medium, question=WatchedCalls(), calls=1, texts=0, slots=MOST_WATCH_SLOTS)


def check_plan(media: Sequence[CallMedium] = (VOICE_MEDIUM,)) -> Plan:
    """The plan of a check, fixed before the first packet."""
    return Plan(
        arms=tuple(ArmPlan("webrtc", "dtls", medium.name) for medium in media),
        k=CALLS,
        packets=max(medium.slots for medium in media),
        budget_bytes=sum(medium.budget_bytes for medium in media),
        budget_s=sum(medium.budget_s for medium in media),
        ok_s=OK_WATCHED_S,
        basis="webrtc",
    )


def check_seed(own: bytes, page: bytes) -> bytes:
    """The check's seed, from this end's part and the page's, so that neither end alone chose it."""
    return hashlib.sha256(b"talkpath browser" + own + page).digest()


def requested_schedule(seed: bytes, number: int, request: EpochRequest) -> EpochSchedule:
    """Draw the flows of an epoch that was asked for."""
    medium = MEDIA_BY_NAME[request.medium]
    medium = replace(medium, slots=request.slots or medium.slots)
    return epoch_schedule(seed, number, medium, request.calls, request.texts, request.question)


def epoch_schedule(
    seed: bytes,
    number: int,
    medium: CallMedium = VOICE_MEDIUM,
    calls: int = CALLS,
    cohort: int = CANARY_COHORT,
    question: Baseline | WatchedCalls = BASELINE,
) -> EpochSchedule:
    """Draw the flows of an epoch."""
    rng = Random(hashlib.sha256(seed + number.to_bytes(4, "big")).digest())
    counts: tuple[tuple[Kind, int], ...] = (("call", calls), ("random", calls), ("text", cohort))
    kinds = [kind for kind, count in counts for _ in range(count)]
    rng.shuffle(kinds)
    texts = [flow for flow, kind in enumerate(kinds) if kind == "text"]
    canary = rng.choice(texts) if texts else -1
    withheld = tuple(sorted(rng.sample(range(medium.slots), round(WITHHELD * medium.slots))))
    phases = [round(rng.uniform(0.0, TICK_MS), 1) for _ in kinds]
    flows = tuple(
        FlowSchedule(
            flow=flow,
            kind=kind,
            phase_ms=phases[flow],
            canary=flow == canary,
            withheld=withheld if flow == canary else (),
        )
        for flow, kind in enumerate(kinds)
    )
    return EpochSchedule(number, flows, medium, question)
