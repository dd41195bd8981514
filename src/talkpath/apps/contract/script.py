"""Writes a schedule: slots are added in any order, sorted by time and renumbered at the end.

A set-up exchange is a request in three tries of the same bytes, and a reply to each try. `next_audio_tick` puts
packets on the callback of a phone's audio unit, which is what makes their gaps uneven on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil

from msgspec.structs import replace

from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES, Direction, Schedule, Slot

TRIES_MS = (0.0, 70.0, 140.0)
MEDIA_MS = 200.0

PacketOfKind = tuple[float, int, str]
"""A media packet: ms after the first one, bytes, its kind."""


class Script:
    """The lines of one flow. Methods return the line's number, which `answers` may name."""

    def __init__(self) -> None:
        self._lines: list[Slot] = []

    def add(self, slot: Slot) -> int:
        """Add one packet."""
        self._lines.append(slot)
        return len(self._lines) - 1

    def ask(
        self,
        request: Slot,
        reply_size: int,
        *,
        reply_nonce_at: int | None = None,
        tries_ms: Iterable[float] = (0.0,),
    ) -> int:
        """Add a request and its reply, both of one `kind`, in as many tries as there are `tries_ms` after its
        `at_ms`."""
        back: Direction = "down" if request.direction == "up" else "up"
        first: int | None = None
        for try_ms in tries_ms:
            line = self.add(replace(request, at_ms=request.at_ms + try_ms, retry_of=first))
            self.add(
                replace(
                    self._lines[line],
                    direction=back,
                    size=reply_size,
                    nonce_at=reply_nonce_at,
                    answers=line,
                    retry_of=None,
                )
            )
            first = line if first is None else first
        return first or 0

    def mixed(self, direction: Direction, packets: Iterable[PacketOfKind], rate: float) -> None:
        """Add media packets from MEDIA_MS on, `rate` times as fast as drawn; the longer ones can carry a nonce."""
        for at_ms, size, kind in packets:
            nonce_at = KEY_BYTES if size >= KEY_BYTES + NONCE_BYTES else None
            self.add(
                Slot(
                    direction=direction,
                    at_ms=MEDIA_MS + at_ms / rate,
                    size=size,
                    stage="media",
                    nonce_at=nonce_at,
                    kind=kind,
                )
            )

    @property
    def end_ms(self) -> float:
        """When the last packet so far leaves, in ms."""
        return max(line.at_ms for line in self._lines)

    def schedule(self) -> Schedule:
        """Return the schedule in order of time; packets of one instant keep the order in which they were added."""
        order = sorted(range(len(self._lines)), key=lambda number: self._lines[number].at_ms)
        place = {number: index for index, number in enumerate(order)}
        slots = tuple(_renumbered_slot(self._lines[number], place.__getitem__) for number in order)
        return Schedule(slots, slots[-1].at_ms)


def _renumbered_slot(slot: Slot, place: Callable[[int], int]) -> Slot:
    if slot.retry_of is None and slot.answers is None:
        return slot
    retry_of = None if slot.retry_of is None else place(slot.retry_of)
    answers = None if slot.answers is None else place(slot.answers)
    return replace(slot, retry_of=retry_of, answers=answers)


def fill_slots(
    slots: Sequence[Slot], write: Callable[[int, Slot], bytes], reply: Callable[[Slot, bytes], bytes]
) -> list[bytes]:
    """Make one datagram a slot. `write` makes what answers nothing, `reply` the answer to a request of these bytes.

    A retry repeats its first try, and the replies to all tries of one request are the same.
    """
    made: list[bytes] = []
    replies: dict[tuple[int, int], bytes] = {}
    for place, slot in enumerate(slots):
        if slot.retry_of is not None:
            made.append(made[slot.retry_of])
        elif slot.answers is None:
            made.append(write(place, slot))
        else:
            first = slots[slot.answers].retry_of
            root = slot.answers if first is None else first
            if (root, slot.size) not in replies:
                replies[root, slot.size] = reply(slot, made[root])
            made.append(replies[root, slot.size])
    return made


def next_audio_tick(at_ms: float, tick_ms: float) -> float:
    """Return the first callback of an audio unit that fires every `tick_ms`, at or after `at_ms`."""
    return ceil(at_ms / tick_ms - 1e-9) * tick_ms
