"""What a method is, and the recorded call that methods replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Schedule, Slot
from talkpath.lab.other_methods.virtual_path import Line


@dataclass(frozen=True, slots=True)
class Peer:
    """One method. `accuses(line, arm, seed)` plays it to its end and tells whether it says that calls of the arm are
    restricted. `source`: where it is described."""

    id: str
    name: str
    source: str
    accuses: Callable[[Line, Arm, int], bool]


@lru_cache(maxsize=32)
def recording(arm: Arm, seed: int, seconds: float) -> tuple[Schedule, tuple[bytes, ...]]:
    """(slots, their datagrams) of one call as it looks where nothing is lost: no request is sent twice."""
    shape = shapes()[arm]
    whole = shape.schedule(Random(f"recording {arm} {seed}"), round(seconds * shape.packet_rate))
    datagrams = shape.datagrams(whole, Random(f"call {seed}").randbytes(32))
    kept = [i for i, slot in enumerate(whole.slots) if slot.at_ms < 1000 * seconds and _once(whole, slot)]
    return Schedule(tuple(whole.slots[i] for i in kept), 1000 * seconds), tuple(datagrams[i] for i in kept)


def _once(schedule: Schedule, slot: Slot) -> bool:
    asked = slot if slot.answers is None else schedule.slots[slot.answers]
    return asked.retry_of is None
