"""The packets of one call of an app: its shape's schedule and bytes, without the pauses that the caller makes.

Contract: a function of its arguments. Both ends of a call build the same script from the same seed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from talkpath.apps import apps, shapes
from talkpath.apps.contract.shape import Direction, Medium, Shape, Slot
from talkpath.errors import UsageError

MutedSpan = tuple[float, float]  # seconds from the beginning of the media

SPURT_S, PAUSE_S = 1.5, 1.2  # means of talking and of silence with DTX (ITU-T P.59)
RTP_VERSION, RTP_BYTES = 2, 12
COMFORT_EVERY = 8  # with DTX, one packet in so many is sent in silence


@dataclass(frozen=True, slots=True)
class TalkPattern:
    """How an end talks. It sends no media in the spans of `muted`; with `dtx` almost none in pauses of speech."""

    muted: tuple[MutedSpan, ...] = ()
    dtx: bool = False


TALKS = TalkPattern()


@dataclass(frozen=True)
class CallScript:
    """A call: `slots` are its packets in order, `datagrams` their bytes. `media_ms` is when media begins, by the slots'
    own times. `silent` are numbers of slots that nobody sends."""

    slots: Sequence[Slot]
    datagrams: Sequence[bytes]
    silent: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls, shape: Shape, seconds: float, seed: int | str, up: TalkPattern = TALKS, down: TalkPattern = TALKS
    ) -> CallScript:
        """The call of that shape with so many seconds of media."""
        rng = Random(f"relayed call {seed}")
        schedule = shape.schedule(rng, max(1, round(seconds * shape.packet_rate)))
        key = hashlib.sha256(f"relayed call {seed}".encode()).digest()
        script = cls(schedule.slots, shape.datagrams(schedule, key))
        quiet = {*script.quiet("up", up, rng, seconds), *script.quiet("down", down, rng, seconds)}
        late = {n for n, slot in enumerate(schedule.slots) if slot.at_ms > script.media_ms + 1000 * seconds}
        silent = frozenset(quiet | late)
        return cls(script.slots, _renumbered_media(script.slots, script.datagrams, silent), silent)

    @cached_property
    def media_ms(self) -> float:
        """When its first media packet is due."""
        return next(slot.at_ms for slot in self.slots if slot.stage == "media")

    @cached_property
    def number_of(self) -> dict[bytes, int]:
        """The first slot that has these bytes; repeats of a request are alike."""
        numbers: dict[bytes, int] = {}
        for number, data in enumerate(self.datagrams):
            numbers.setdefault(data, number)
        return numbers

    def quiet(self, side: Direction, voice: TalkPattern, rng: Random, seconds: float) -> set[int]:
        """The media slots that this side does not send."""
        spans = [*voice.muted]
        pauses = _speech_pauses(rng, seconds) if voice.dtx else []
        kept, quiet = 0, set()
        for number, slot in enumerate(self.slots):
            if slot.direction != side or slot.stage != "media":
                continue
            at_s = (slot.at_ms - self.media_ms) / 1000
            if any(first <= at_s < last for first, last in spans):
                quiet.add(number)
            elif any(first <= at_s < last for first, last in pauses):
                kept += 1
                if kept % COMFORT_EVERY:
                    quiet.add(number)
        return quiet


def _renumbered_media(slots: Sequence[Slot], datagrams: Sequence[bytes], silent: frozenset[int]) -> list[bytes]:
    """The datagrams, RTP's sequence numbers without a gap where an end is silent (RFC 3550 section 5.1: they count the
    packets that are sent)."""
    left_out: Counter[tuple[Direction, bytes]] = Counter()
    out = list(datagrams)
    for number, (slot, data) in enumerate(zip(slots, datagrams, strict=True)):
        if slot.stage != "media" or len(data) < RTP_BYTES or data[0] >> 6 != RTP_VERSION:
            continue
        stream = slot.direction, data[8:12]
        if number in silent:
            left_out[stream] += 1
        elif left_out[stream]:
            sequence = (int.from_bytes(data[2:4], "big") - left_out[stream]) & 0xFFFF
            out[number] = data[:2] + sequence.to_bytes(2, "big") + data[4:]
    return out


def _speech_pauses(rng: Random, seconds: float) -> list[MutedSpan]:
    """Spans of silence in speech."""
    at_s, pauses = 0.0, []
    while at_s < seconds:
        at_s += rng.expovariate(1 / SPURT_S)
        end_s = at_s + rng.expovariate(1 / PAUSE_S)
        pauses.append((at_s, end_s))
        at_s = end_s
    return pauses


def shape_of(app: str, medium: Medium = "voice") -> Shape:
    """The shape of an app's call: the one that a check takes first, or that of `app/variant`."""
    name, _, variant = app.partition("/")
    for arm, shape in shapes().items():
        listed = variant or arm.variant not in apps()[name].on_request if name in apps() else False
        if arm.app == name and arm.medium == medium and listed and variant in ("", arm.variant):
            return shape
    known = sorted({arm.app for arm in shapes()})
    raise UsageError(f"The lab has no calls of {app!r}; it has those of {', '.join(known)}.")
