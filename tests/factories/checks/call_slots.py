"""Slots, flows and made-up call shapes for the verdict's made-up checks (see boxed.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from talkpath.measure.facts import Direction


@dataclass(frozen=True)
class Slot:
    """One packet of the schedule, as in apps.contract.shape."""

    direction: Direction
    at_s: float
    size: int
    stage: str
    retry_of: int | None = None
    answers: int | None = None


@dataclass
class Flow:
    """One 5-tuple at the box: who it is, and what the box remembers."""

    number: int
    role: str
    port: int
    hello: str = "browser"
    opened_s: float | None = None
    packets: int = 0
    bytes: int = 0
    media: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    frozen: bool = False
    level: dict[str, tuple[float, float]] = field(default_factory=dict)
    doomed_s: float | None = None


Outcome = float | None
Box = Callable[[Random, Flow, float, str, Slot], Outcome]


# ---------------------------------------------------------------- shapes


def _setup_slots(stages: Sequence[tuple[str, int, int]]) -> list[Slot]:
    slots: list[Slot] = []
    for number, (stage, size, reply) in enumerate(stages):
        first = None
        for try_s in (0.0, 0.07, 0.14):
            slots.append(Slot("up", 0.01 * number + try_s, size, stage, retry_of=first))
            first = len(slots) - 1 if first is None else first
            slots.append(Slot("down", 0.01 * number + try_s, reply, stage, answers=len(slots) - 1))
    return slots


@dataclass(frozen=True)
class Shape:
    """An app's call: set-up stages (name, request, reply), pace, and sizes drawn per packet."""

    stages: tuple[tuple[str, int, int], ...]
    rate: float
    sizes: tuple[int, ...]
    control_s: float = 0.35

    def slots(self, rng: Random, packets: int, pace: float) -> list[Slot]:
        """The schedule in order of time; answers and retries name places in it."""
        lines = _setup_slots(self.stages)
        for direction in ("up", "down"):
            at_s = 0.2
            for number in range(packets):
                lines.append(Slot(direction, at_s, rng.choice(self.sizes), "media"))  # type: ignore[arg-type]
                if number and int(at_s / self.control_s) != int((at_s - 1 / (self.rate * pace)) / self.control_s):
                    lines.append(Slot(direction, at_s + 0.003, 64, "control"))  # type: ignore[arg-type]
                at_s += rng.uniform(0.9, 1.1) / (self.rate * pace)
        order = sorted(range(len(lines)), key=lambda i: lines[i].at_s)
        place = {line: index for index, line in enumerate(order)}
        moved = [lines[i] for i in order]
        return [
            Slot(s.direction, s.at_s, s.size, s.stage, _moved_index(place, s.retry_of), _moved_index(place, s.answers))
            for s in moved
        ]


def _moved_index(place: dict[int, int], index: int | None) -> int | None:
    return None if index is None else place[index]


VOICE = (62, 74, 80, 88, 95, 103, 120, 45)
SHAPES = {
    "webrtc": Shape((("stun", 116, 64), ("dtls", 157, 640)), 50.0, VOICE),
    "whatsapp": Shape((("allocate", 212, 68),), 16.0, (70, 90, 130, 160, 180, 25)),
    "telegram": Shape((("reflector", 40, 64),), 16.7, (144, 160, 176, 192, 208, 224)),
    "steady": Shape((("reflector", 40, 64),), 50.0, (108, *range(112, 212, 4))),  # hardly anything is small
    "video": Shape((("stun", 116, 64), ("dtls", 157, 640)), 80.0, (95, 95, 80, 620, 840, 1050, 1100, 1113)),
}
