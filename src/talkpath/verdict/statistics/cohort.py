"""Selects the flows of one epoch that a test compares.

Contract: a test compares *treated* flows with the other flows of its cohort. Under the null hypothesis the network does
not see what distinguishes them, so given everything that happened to the 5-tuples, and the number of treated flows,
every assignment of roles is equally likely. That is true of all flows except the canary: it is always a twin, and
withholding packets may change its own outcome (a policer, a packet count). So the canary takes part only in its own
test. Without it no slot needs a mask, and the packets of a flow are those in `sent`. If an epoch lacks the far end's
report (`missing`), arrivals up and sending down are unknown: its cohorts are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits
from talkpath.measure.bitmap import unpack_bitmap_rows
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.analysis import remember_result
from talkpath.wire.control.question import ACCUSING, WatchedCalls

MEDIA_STAGES = ("media", "control")
DIRECTIONS: tuple[Direction, ...] = ("up", "down")
GENTLE_K = 2
GENTLE = WatchedCalls(GENTLE_K)  # so few calls at once, beside as many random twins, that hardly a line is filled


class Cohort(NamedTuple):
    """The flows to compare: `treated` is (K,); `counted` (sent) and `lost` are (K, slots) over media slots at `at_ms`
    (slots,)."""

    treated: Bits
    counted: Bits
    lost: Bits
    at_ms: NDArray[np.float64]


def may_accuse(epoch: Epoch) -> bool:
    """Whether the epoch may support `restricted`: only baseline epochs on the app's own transport do."""
    return isinstance(epoch.question, ACCUSING)


def is_gentle(epoch: Epoch) -> bool:
    """Whether it is such an epoch, or a contrast as small."""
    return epoch.question == GENTLE or (not may_accuse(epoch) and epoch.k <= GENTLE_K)


def direction_track(epoch: Epoch, direction: Direction) -> Track:
    """Return the direction's schedule."""
    return epoch.up if direction == "up" else epoch.down


def is_call(flow: Observation) -> bool:
    """Whether the flow is a call over its own transport, UDP."""
    return flow.role == "call" and flow.transport == "udp" and not flow.canary


def is_twin(flow: Observation) -> bool:
    """Whether the flow is a random twin over UDP and not the canary."""
    return flow.role == "twin" and flow.twin_kind == "random" and flow.transport == "udp" and not flow.canary


def is_text(flow: Observation) -> bool:
    """Whether the flow is a text twin over UDP."""
    return flow.role == "twin" and flow.twin_kind == "text" and flow.transport == "udp" and not flow.canary


def is_control(flow: Observation) -> bool:
    """Whether the flow is a twin over UDP, random or text, and not the canary."""
    return is_twin(flow) or is_text(flow)


def is_tcp(flow: Observation) -> bool:
    """Whether the flow is a twin over TCP."""
    return flow.role == "twin" and flow.transport == "tcp" and not flow.canary


Choice = Callable[[Observation], bool]


def pick_observations(epoch: Epoch, direction: Direction, treated: Choice, control: Choice) -> list[Observation]:
    """Return the cohort's observations in that direction, treated flows first."""
    flows = [flow for flow in epoch.flows if flow.direction == direction]
    return [f for f in flows if treated(f)] + [f for f in flows if not treated(f) and control(f)]


@remember_result
def make_cohort(epoch: Epoch, direction: Direction, treated: Choice = is_call, control: Choice = is_twin) -> Cohort:
    """Build the cohort of treated flows and their controls over the media slots; it has no flows if the epoch is
    `missing`."""
    plan = direction_track(epoch, direction)
    flows = [] if epoch.missing else pick_observations(epoch, direction, treated, control)
    size = len(plan.stage)
    media = np.array([stage in MEDIA_STAGES for stage in plan.stage], np.bool_)
    sent = unpack_bitmaps([flow.sent for flow in flows], size)[:, media]
    arrived = unpack_bitmaps([flow.arrived for flow in flows], size)[:, media]
    return Cohort(
        np.array([treated(flow) for flow in flows], np.bool_),
        sent,
        sent & ~arrived,
        np.array(plan.at_ms, np.float64)[media],
    )


def unpack_bitmaps(rows: Sequence[bytes], size: int) -> Bits:
    """Unpack bitmaps to a Boolean array (rows, size)."""
    return unpack_bitmap_rows(rows, size)
