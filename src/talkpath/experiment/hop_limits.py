"""Selects the packets of an epoch whose hop count is limited: the question `hops` (where on the path a restriction
acts).

Contract: pure; both ends compute it from the `Begin`. Written `STAGE/DIRECTION/HOPS`, as `media/up/2,3,5`: for each
number, k calls and k random twins whose packets of that stage in that direction may go so many hops and no further. Of
media, two thirds of the second half are limited, so that the flow stays alive and any middlebox has recognised it. `*`
instead of numbers is a ladder: each limited packet of every flow may go one hop further than the one before, 1 to
LADDER (measure.facts), and again from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from talkpath.apps.contract.shape import Direction, Schedule
from talkpath.errors import WireError

MOST_HOPS = 64
MOST_LIMITS = 8
ROUTERS = ("", "home", "provider", "public")  # kinds of routers that sent Time Exceeded


@dataclass(frozen=True, slots=True)
class Limit:
    """A hop limit: stage, direction and numbers of hops. `hops` is empty for a ladder."""

    stage: str
    direction: Direction
    hops: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.stage}/{self.direction}/{','.join(map(str, self.hops)) or '*'}"


def parse_limit(text: str) -> Limit | None:
    """Parse a limit: None for the empty text; `WireError` for text that is not a limit."""
    if not text:
        return None
    stage, _, rest = text.partition("/")
    direction, _, numbers = rest.partition("/")
    ladder = numbers == "*"
    hops = () if ladder else tuple(int(part) for part in numbers.split(",") if part.isdecimal())
    right = len(hops) == len(numbers.split(",")) and len(hops) <= MOST_LIMITS and all(1 <= h <= MOST_HOPS for h in hops)
    if direction not in get_args(Direction) or not stage.isidentifier() or not (ladder or right):
        raise WireError("control channel: a limit of hops that is none of tp-005; is the other end newer?")
    return Limit(stage, direction, hops)  # type: ignore[arg-type]


def limited_bits(schedule: Schedule, slots: tuple[int, ...], limit: Limit) -> tuple[int, ...]:
    """Return the limited bits of one direction, whose bits are the schedule's `slots`."""
    bits = [bit for bit, slot in enumerate(slots) if schedule.slots[slot].stage == limit.stage]
    if limit.stage != "media":
        return tuple(bits)
    late = bits[len(bits) // 2 :]
    return tuple(bit for place, bit in enumerate(late) if place % 3)
