"""Protocols that nobody taught: what five recordings of each tell by evidence, and calls like them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from talkpath.apps.recorded.field_text import fields_to_text
from talkpath.apps.recorded.layout import place_fields
from talkpath.apps.recorded.played import PlayedShape
from talkpath.apps.recorded.record import RecordedShape
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.capture.shapes.recorded_flow import FlowPacket, RecordedFlow

RECORDINGS, SECONDS = 5, 12
Made = Iterator[tuple[float, bool, bytes]]


def mumble(rng: Random) -> Made:
    """Voice of Mumble: a byte that counts, three of a tag, then sealed audio (its documentation, UDP voice)."""
    counts = {True: rng.randrange(256), False: rng.randrange(256)}
    for number in range(SECONDS * 50):
        for up in (True, False):
            counts[up] = (counts[up] + 1) % 256
            yield number * 0.02 + rng.random() / 500, up, bytes([counts[up]]) + rng.randbytes(rng.randint(50, 90))


def wireguard(rng: Random) -> Made:
    """A tunnel with a voice call: handshake, then type 4, receiver, a counter of 8 bytes, as its paper has it."""
    ends = {True: rng.randbytes(4), False: rng.randbytes(4)}
    yield 0.0, True, b"\1\0\0\0" + ends[True] + rng.randbytes(140)
    yield 0.03, False, b"\2\0\0\0" + ends[False] + ends[True] + rng.randbytes(80)
    for number in range(SECONDS * 50):
        for up in (True, False):
            size = 16 * rng.randint(6, 8) + 16
            head = b"\4\0\0\0" + ends[not up] + number.to_bytes(8, "little")
            yield 0.1 + number * 0.02, up, head + rng.randbytes(size)


def framed(rng: Random) -> Made:
    """An app of its own: a mark, a length, a stream's id, a number, milliseconds, then sealed audio."""
    ids = {True: rng.randbytes(4), False: rng.randbytes(4)}
    for number in range(SECONDS * 25):
        for up in (True, False):
            at_ms = number * 40 + rng.randint(0, 3)
            body = ids[up] + (7000 + number).to_bytes(2, "big") + at_ms.to_bytes(4, "big")
            body += rng.randbytes(rng.randint(60, 120))
            yield at_ms / 1000, up, b"\xa7\x31" + len(body).to_bytes(2, "big") + body


def recordings(made) -> list[RecordedFlow]:
    flows = []
    for seed in range(RECORDINGS):
        packets = [
            FlowPacket(at_s, "up" if up else "down", data, len(data)) for at_s, up, data in sorted(made(Random(seed)))
        ]
        flows.append(RecordedFlow(tuple(packets)))
    return flows


def texts(shape: RecordedShape) -> dict[str, str]:
    return {kind.name: fields_to_text(kind.fields) for kind in shape.kinds}


@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (mumble, {"data_up": "count(up_any_n0,1) random"}),
        (wireguard, {"data04_up": "04000000 word(up_04_w4,4) count(up_04_n8,8,start=0,little) random",
                     "data01_up": "01 random(147)"}),
        (framed, {"dataa7_up": "a731 length(2,-4) word(up_a7_w4,4) count(up_a7_n8,2) clock(up_a7_t10,4,1) random"}),
    ],
)  # fmt: skip
def test_evidence_tells_structure_from_chance(made, fields: dict[str, str]):
    found = texts(make_shape(recordings(made), "untaught"))
    assert {name: found.get(name) for name in fields} == fields


@pytest.mark.parametrize("made", [mumble, wireguard, framed])
def test_calls_like_them_are_played(made):
    shape = make_shape(recordings(made), "untaught")
    played = PlayedShape(shape)
    schedule = played.schedule(Random(3), 100)
    datagrams = played.datagrams(schedule, bytes(32))
    assert [len(one) for one in datagrams] == [slot.size for slot in schedule.slots]
    kinds = {kind.name: kind for kind in shape.kinds}
    for slot, data in zip(schedule.slots, datagrams, strict=True):
        for field, start, end in place_fields(kinds[slot.kind.partition("+")[0]].fields, slot.size):
            if type(field).__name__ == "ConstantField":
                assert data[start:end] == field.data  # type: ignore[union-attr]
    again = played.datagrams(schedule, bytes([1]) * 32)
    assert all(one[8:40] != other[8:40] for one, other in zip(datagrams, again, strict=True))
