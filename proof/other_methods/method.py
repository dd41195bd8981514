"""Defines a method, and the recorded call that methods replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from proof.other_methods.virtual_path import VirtualPath
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Schedule, Slot


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `accuses(path, arm, seed)` plays it to its end, and returns whether it reports that calls of the arm
    are restricted. `source` is its published description."""

    id: str
    name: str
    source: str
    accuses: Callable[[VirtualPath, Arm, int], bool]


@lru_cache(maxsize=32)
def call_recording(arm: Arm, seed: int, seconds: float) -> tuple[Schedule, tuple[bytes, ...]]:
    """Returns (schedule, datagrams) of one call on a path without loss: no request is repeated."""
    shape = shapes()[arm]
    whole = shape.schedule(Random(f"recording {arm} {seed}"), round(seconds * shape.packet_rate))
    datagrams = shape.datagrams(whole, Random(f"call {seed}").randbytes(32))
    kept = [i for i, slot in enumerate(whole.slots) if slot.at_ms < 1000 * seconds and _is_first_try(whole, slot)]
    return Schedule(tuple(whole.slots[i] for i in kept), 1000 * seconds), tuple(datagrams[i] for i in kept)


def _is_first_try(schedule: Schedule, slot: Slot) -> bool:
    asked = slot if slot.answers is None else schedule.slots[slot.answers]
    return asked.retry_of is None
