"""Recorded calls of protocols that nobody taught: Mumble's voice, a tunnel with a call, an app's own frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

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


def quic(rng: Random) -> Made:
    """A call in QUIC (RFC 9000): Initials of 1200 bytes, one Handshake each, then short headers with the id that the
    other end chose."""
    ids = {name: rng.randbytes(8) for name in ("first", "up", "down")}
    for at_s, up, to, first, more in (
        (0.0, True, "first", 0xC0, b"\0\x44\x96"),
        (0.03, False, "up", 0xC0, b"\0\x40\x75"),
        (0.031, False, "up", 0xE0, b"\x43\xf0"),
        (0.06, True, "down", 0xE0, b"\x40\x50"),
    ):
        source = ids["up" if up else "down"]
        head = bytes([first | rng.randrange(16)]) + b"\0\0\0\1\x08" + ids[to] + b"\x08" + source + more
        yield at_s, up, head + rng.randbytes(1200 - len(head))
    for number in range(SECONDS * 50):
        for up in (True, False):
            head = bytes([0x40 | rng.randrange(64)]) + ids["down" if up else "up"]
            yield 0.1 + number * 0.02 + rng.random() / 500, up, head + rng.randbytes(rng.randint(90, 140))


def typed(rng: Random) -> Made:
    """An app of its own: a mark, a type, a number of that type, milliseconds, the length of what follows. Voice is type
    1, what repairs it 2, a keepalive 3."""
    counts: dict[tuple[bool, int], int] = {}
    for number in range(SECONDS * 50):
        for up in (True, False):
            at_ms = number * 20 + rng.randint(0, 3)
            for kind, every, sizes in ((1, 1, (40, 120)), (2, 10, (200, 240)), (3, 50, (16, 16))):
                if number % every == every // 2:
                    counts[up, kind] = counts.get((up, kind), rng.randrange(1000)) + 1
                    body = rng.randbytes(rng.randint(*sizes))
                    head = b"VC" + bytes([kind]) + counts[up, kind].to_bytes(2, "big") + at_ms.to_bytes(4, "big")
                    yield (at_ms + kind / 10) / 1000, up, head + bytes([len(body)]) + body


def masked(rng: Random) -> Made:
    """Packets under a mask of four bytes, another in each call: nothing of it may be taken for structure."""
    mask = rng.randbytes(4)
    for number in range(SECONDS * 50):
        for up in (True, False):
            plain = b"\1\0" + number.to_bytes(2, "big") + rng.randbytes(rng.randint(50, 90))
            yield number * 0.02, up, bytes(byte ^ mask[at % 4] for at, byte in enumerate(plain))


def with_session(rng: Random) -> Made:
    """A mark of four bytes, then a session's number, then sealed audio."""
    session = rng.randbytes(8)
    for number in range(SECONDS * 50):
        for up in (True, False):
            yield number * 0.02, up, b"TALK" + session + rng.randbytes(rng.randint(50, 90))


def counted_first(rng: Random) -> Made:
    """A number of two bytes that counts, the upper one first: some hundred packets have few upper bytes."""
    start = rng.randrange(1000, 9000)
    for number in range(SECONDS * 50):
        for up in (True, False):
            yield number * 0.02, up, (start + number).to_bytes(2, "big") + rng.randbytes(rng.randint(50, 90))


def untaught_recordings(made: Callable[[Random], Made]) -> list[RecordedFlow]:
    flows = []
    for seed in range(RECORDINGS):
        packets = [
            FlowPacket(at_s, "up" if up else "down", data, len(data)) for at_s, up, data in sorted(made(Random(seed)))
        ]
        flows.append(RecordedFlow(tuple(packets)))
    return flows
