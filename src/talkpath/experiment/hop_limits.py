"""Selects the packets of an epoch whose hop count is limited (`wire.control.question.HopLimits`).

Contract: pure; both ends compute it from the `Begin`.
"""

from __future__ import annotations

from talkpath.apps.contract.shape import Schedule
from talkpath.wire.control.question import HopLimits

ROUTERS = ("", "home", "provider", "public")  # kinds of routers that sent Time Exceeded


def limited_bits(schedule: Schedule, slots: tuple[int, ...], limit: HopLimits) -> tuple[int, ...]:
    """Return the limited bits of one direction, whose bits are the schedule's `slots`."""
    bits = [bit for bit, slot in enumerate(slots) if schedule.slots[slot].stage == limit.stage]
    if limit.stage != "media":
        return tuple(bits)
    late = bits[len(bits) // 2 :]
    return tuple(bit for place, bit in enumerate(late) if place % 3)
