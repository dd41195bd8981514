"""The flows of one epoch that a test may hold against each other.

Contract: a test compares *treated* flows with the others of its cohort. Under the null the network is blind to
what tells them apart, so given everything it did to the 5-tuples, and given how many are treated, every
assignment of the roles is equally likely. That holds for all flows but the canary: it is always a twin, and
withholding packets may change its own outcome (a policer, a packet count). So the canary takes no part in any test
but its own, whatever its role; with it gone no slot needs a mask, and what a flow sent is simply `sent`.
An epoch whose far end never reported (`missing`) has no known arrivals up and no known sending down: its cohorts
are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.bitmap import Bits, unpack_rows
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.memo import per_epoch

MEDIA = ("media", "control")
DIRECTIONS: tuple[Direction, ...] = ("up", "down")


class Cohort(NamedTuple):
    """`treated` is (K,); `counted` (sent) and `lost` are (K, slots) over the media slots, at `at_ms` (slots,)."""

    treated: Bits
    counted: Bits
    lost: Bits
    at_ms: NDArray[np.float64]


def accuses(epoch: Epoch) -> bool:
    """May this epoch bear on `restricted`? Only the plain question, on the app's own transport."""
    return epoch.question in ("battery", "watch")


def track(epoch: Epoch, direction: Direction) -> Track:
    """The direction's schedule."""
    return epoch.up if direction == "up" else epoch.down


def is_call(flow: Observation) -> bool:
    """A call over its own transport, UDP."""
    return flow.role == "call" and flow.transport == "udp" and not flow.canary


def is_twin(flow: Observation) -> bool:
    """A random twin over UDP, the canary left out."""
    return flow.role == "twin" and flow.twin_kind == "random" and flow.transport == "udp" and not flow.canary


def is_text(flow: Observation) -> bool:
    """A text twin over UDP."""
    return flow.role == "twin" and flow.twin_kind == "text" and flow.transport == "udp" and not flow.canary


def is_tcp(flow: Observation) -> bool:
    """A twin over TCP."""
    return flow.role == "twin" and flow.transport == "tcp" and not flow.canary


Choice = Callable[[Observation], bool]


def pick(epoch: Epoch, direction: Direction, treated: Choice, control: Choice) -> list[Observation]:
    """The cohort's observations in that direction, treated first."""
    flows = [flow for flow in epoch.flows if flow.direction == direction]
    return [f for f in flows if treated(f)] + [f for f in flows if not treated(f) and control(f)]


@per_epoch
def cohort(epoch: Epoch, direction: Direction, treated: Choice = is_call, control: Choice = is_twin) -> Cohort:
    """Treated flows beside their controls over the media slots; no flows where the epoch is `missing`."""
    plan = track(epoch, direction)
    flows = [] if epoch.missing else pick(epoch, direction, treated, control)
    size = len(plan.stage)
    media = np.array([stage in MEDIA for stage in plan.stage], np.bool_)
    sent = bitmaps([flow.sent for flow in flows], size)[:, media]
    arrived = bitmaps([flow.arrived for flow in flows], size)[:, media]
    return Cohort(
        np.array([treated(flow) for flow in flows], np.bool_),
        sent,
        sent & ~arrived,
        np.array(plan.at_ms, np.float64)[media],
    )


def bitmaps(rows: Sequence[bytes], size: int) -> Bits:
    """Shape (rows, size)."""
    return unpack_rows(rows, size)
