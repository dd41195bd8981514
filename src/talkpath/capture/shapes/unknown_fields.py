"""The fields of packets of no known protocol, by evidence: what counts, what is a length, what tells the time, what is
the same in every packet.

Packets are of one type where their first bytes are the same: of up to MAX_TYPE_BYTES of these, as far as they have few
values in all, that several recordings share, and are no number.

A run of bytes that is the same in every packet of a type may be structure or somebody's token, also in several
recordings of one user. So no more of such bytes is kept than a mark at a packet's beginning: up to
MAX_MARK_BYTES[False] bytes where there is one recording, and MAX_MARK_BYTES[True] where several have them; and runs of
zeros or ones, which can tell nothing. The rest of what is the same becomes a word: random for each flow, the same in
its packets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import ClockField, CounterField, Field, LengthField, RandomField, WordField
from talkpath.capture.shapes.evidence import (
    MOSTLY,
    FieldPart,
    SeenValue,
    bits_of,
    is_clock,
    join_fields,
    random_part,
)
from talkpath.capture.shapes.recorded_flow import FlowPacket
from talkpath.grouping import grouped_by_key

MAX_MARK_BYTES: Final = {False: 2, True: 3}
MAX_HEADER_BYTES: Final = 48  # no header of a call is longer
MAX_FIRST_BYTES: Final = 8  # so many different beginnings are types of packets; more are chance
MAX_TYPE_BYTES: Final = 3
MIN_KIND_PACKETS: Final = 8
MAX_EVIDENCE_PACKETS: Final = 1500
COUNTING_SHARE: Final = 0.9
NUMBER_SIZES: Final = (8, 4, 2, 1)
MAX_CLOCK_PER_MS: Final = {8: 1.1e6, 4: 1100.0, 2: 100.0}  # of ns, us, and 90 kHz

PacketGroup = tuple[Direction, bytes]
"""Packets of one direction that begin with these bytes, which name their type; with none, all that it has."""


def group_unknown(flows: Sequence[Sequence[FlowPacket]]) -> dict[PacketGroup, list[list[FlowPacket]]]:
    """Return the packets of each group, flow by flow."""
    groups: dict[PacketGroup, list[list[FlowPacket]]] = defaultdict(lambda: [[] for _ in flows])
    sizes = {direction: _type_bytes(flows, direction) for direction in ("up", "down")}
    for number, flow in enumerate(flows):
        for packet in flow:
            groups[packet.direction, packet.data[: sizes[packet.direction]]][number].append(packet)
    return groups


def _type_bytes(flows: Sequence[Sequence[FlowPacket]], direction: str) -> int:
    """Return how many of the first bytes of one direction's packets name their type."""
    sent = [[packet.data for packet in flow if packet.direction == direction] for flow in flows]
    sizes = range(1, MAX_TYPE_BYTES + 1)
    return next((size - 1 for size in sizes if not _are_types([flow for flow in sent if flow], size)), MAX_TYPE_BYTES)


def _are_types(flows: Sequence[Sequence[bytes]], size: int) -> bool:
    """Whether the first bytes, the last of them too, name types: what differs with each recording is chance."""
    seen = [{data[:size] for data in flow} for flow in flows]
    found = set[bytes]().union(*seen)
    most = min(MAX_FIRST_BYTES, sum(map(len, flows)) // MIN_KIND_PACKETS if size > 1 else MAX_FIRST_BYTES)
    is_shared = len(flows) == 1 or len(found) < sum(map(len, seen))
    return len(found) <= most and is_shared and not _is_upper_byte(flows, size - 1)


def _is_upper_byte(flows: Sequence[Sequence[bytes]], at: int) -> bool:
    """Whether a byte is the upper one of a number: where it moves, it grows by 1 and the one behind it begins anew."""
    moves = carries = 0
    for flow in flows:
        for packets in grouped_by_key((data[:at], data[at : at + 2]) for data in flow).values():
            for before, after in pairwise(packets):
                if before[:1] != after[:1] and len(before) == len(after) == 2:
                    moves += 1
                    carries += (after[0] - before[0]) % 256 == 1 and before[1] - after[1] > 128
    return moves > 0 and carries >= MOSTLY * moves


def read_unknown(name: str, flows: Sequence[Sequence[FlowPacket]]) -> tuple[Field, ...]:
    """Return the fields of a group from all of its packets. `name` begins those of its fields."""
    return _Evidence(name, [flow for flow in flows if flow]).fields()


class _Evidence:
    def __init__(self, name: str, flows: Sequence[Sequence[FlowPacket]]) -> None:
        self._name = name
        self._several = len(flows) > 1
        every = [packet for flow in flows for packet in flow]
        self._least = min(packet.kept for packet in every)
        self._sizes = {len(packet.data) for packet in every}
        self._flows = [flow[:MAX_EVIDENCE_PACKETS] for flow in flows]
        self._all = [packet for flow in self._flows for packet in flow]

    def fields(self) -> tuple[Field, ...]:
        """Return the fields; the first bytes one after the other, then random ones."""
        if len(self._all) < MIN_KIND_PACKETS:
            return self._few()
        parts: list[FieldPart] = []
        at, end = 0, min(self._least, MAX_HEADER_BYTES)
        while at < end:
            part = self._number(at, end) or self._run(at, end)
            parts += part[0]
            at = part[1]
        return _with_rest(parts, self._sizes, at)

    def _few(self) -> tuple[Field, ...]:
        """Too few packets to tell anything by: a first byte that names the kind, and random ones."""
        mark: list[FieldPart] = [self._all[0].data[:1]] if len({packet.data[0] for packet in self._all}) == 1 else []
        return _with_rest(mark, self._sizes, len(mark))

    def _number(self, at: int, end: int) -> tuple[list[FieldPart], int] | None:
        """Return a counter, a length or a clock at this offset, and its end. A clock comes last: behind a counter,
        random bytes look like a fast one."""
        for read in (self._counted, self._lengthy, self._clock):
            for size in NUMBER_SIZES:
                for little in (False, True)[:size]:
                    if at + size <= end and (part := read(at, size, little)) is not None:
                        return [part], at + size
        return None

    def _counted(self, at: int, size: int, little: bool) -> FieldPart | None:
        if self._has_still_half(at, size, little):
            return None
        steps = Counter[int]()
        for flow in self._flows:
            numbers = [int.from_bytes(packet.data[at : at + size], "little" if little else "big") for packet in flow]
            steps.update((after - before) % (1 << 8 * size) for before, after in pairwise(numbers))
        total, near = sum(steps.values()), sum(times for one, times in steps.items() if 0 < one <= 64)
        is_counter = total > 0 and steps[1] >= 0.5 * total and near >= COUNTING_SHARE * total
        return (
            CounterField(f"{self._name}_n{at}", size, self._start(at, size, little), 1, little) if is_counter else None
        )

    def _has_still_half(self, at: int, size: int, little: bool) -> bool:
        """Whether the upper half never moves and is not 0: then a shorter number begins behind it."""
        half = slice(at + size // 2, at + size) if little else slice(at, at + size // 2)
        return any(any(flow[0].data[half]) and len({packet.data[half] for packet in flow}) == 1 for flow in self._flows)

    def _start(self, at: int, size: int, little: bool) -> int | None:
        """Return where the count starts: at a small number in every flow, or anywhere."""
        first = [int.from_bytes(flow[0].data[at : at + size], "little" if little else "big") for flow in self._flows]
        return 0 if size > 1 and max(first) < 256 else None

    def _clock(self, at: int, size: int, little: bool) -> FieldPart | None:
        top = at + size - 1 if little else at
        if size not in MAX_CLOCK_PER_MS or any(
            flow[0].data[top] and len({packet.data[top] for packet in flow}) == 1 for flow in self._flows
        ):
            return None
        rates = []
        for flow in self._flows:
            values = [_ordered(packet.data[at : at + size], little) for packet in flow]
            ticks = sum(_difference(a, b, size) for a, b in pairwise(values))
            lasts_ms = (flow[-1].at_s - flow[0].at_s) * 1000
            if lasts_ms < 1000 or ticks <= 0:
                return None
            rates.append(ticks / lasts_ms)
        per_ms = median(rates)
        if (
            not 0.05 <= per_ms <= MAX_CLOCK_PER_MS[size]
            or max(rates) > 1.05 * min(rates)
            or not self._moves_at_the_low_end(at, size, little)
        ):
            return None
        seen = [
            [SeenValue(packet.at_s, _ordered(packet.data[at : at + size], little)) for packet in f] for f in self._flows
        ]
        clock = ClockField(f"{self._name}_t{at}", size, float(f"{per_ms:.4g}"), little)
        return clock if all(is_clock(one, per_ms) for one in seen) else None

    def _moves_at_the_low_end(self, at: int, size: int, little: bool) -> bool:
        """Whether the lowest byte moves: else a shorter number ends in front of it."""
        return len({packet.data[at if little else at + size - 1] for packet in self._all}) > MAX_FIRST_BYTES

    def _lengthy(self, at: int, size: int, little: bool) -> FieldPart | None:
        if size > 4 or len(self._sizes) < 3:
            return None
        values = [(_ordered(packet.data[at : at + size], little), len(packet.data)) for packet in self._all]
        less = {int.from_bytes(value, "big") - whole for value, whole in values}
        only = less.pop()
        return LengthField(size, only, 1, little) if not less and abs(only) <= 64 else None

    def _run(self, at: int, end: int) -> tuple[list[FieldPart], int]:
        """Return what the bytes from here on are that are the same in every packet, or the one that is not."""
        stop = at
        while (
            stop < end
            and all(len({packet.data[stop] for packet in flow}) == 1 for flow in self._flows)
            and self._same_run(at, stop)
            and self._number(stop, end) is None
        ):
            stop += 1
        if stop == at:
            return self._single(at), at + 1
        value = self._all[0].data[at:stop]
        if len(set(value)) == 1 and value[0] in (0, 0xFF) and self._is_everywhere(at, stop):
            return [value], stop
        most = 0 if at else min(stop, MAX_MARK_BYTES[self._several])
        kept = next((size for size in range(most, 0, -1) if self._is_everywhere(0, size)), 0)
        return ([value[:kept]], kept) if kept else ([WordField(f"{self._name}_w{at}", stop - at)], stop)

    def _same_run(self, at: int, stop: int) -> bool:
        """Whether a byte belongs to the run that began: zeros and ones make runs of their own."""
        data = self._all[0].data
        trivial = data[stop] in (0, 0xFF) and self._is_everywhere(stop, stop + 1)
        if stop == at:
            return True
        began = data[at] in (0, 0xFF) and self._is_everywhere(at, at + 1)
        return data[stop] == data[at] if began else not trivial

    def _is_everywhere(self, at: int, stop: int) -> bool:
        return len({packet.data[at:stop] for packet in self._all}) == 1

    def _single(self, at: int) -> list[FieldPart]:
        """A byte that differs: some of its bits may not, which tells only in many packets."""
        values = [packet.data for packet in self._all]
        bits = bits_of(values, at)
        return [bits if at == 0 and len(values) >= 64 and bits.mask != 0xFF else RandomField(1)]


def _with_rest(parts: list[FieldPart], sizes: set[int], at: int) -> tuple[Field, ...]:
    tail = [RandomField()] if len(sizes) > 1 else random_part(next(iter(sizes)) - at)
    return join_fields(_joined_random([*parts, *tail]))


def _joined_random(parts: Sequence[FieldPart]) -> Iterator[FieldPart]:
    """Yield the parts with random ones side by side as one."""
    waiting = 0
    for part in parts:
        if isinstance(part, RandomField) and part.size is not None:
            waiting += part.size
            continue
        if not isinstance(part, RandomField):
            yield from random_part(waiting)
        waiting = 0
        yield part
    yield from random_part(waiting)


def _ordered(value: bytes, little: bool) -> bytes:
    return value[::-1] if little else value


def _difference(before: bytes, after: bytes, size: int) -> int:
    half = 1 << 8 * size - 1
    return (int.from_bytes(after, "big") - int.from_bytes(before, "big") + half) % (2 * half) - half
