"""How people talk and show themselves through WhatsApp: sizes and instants of media packets.

Each function draws one direction, in ms after its first packet and in bytes of UDP payload. The numbers are those of
the captures that `whatsapp.SOURCES` names; where a choice is drawn from a tuple, the tuple is what was counted there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from talkpath.apps.script import Packet, tick


def talk60(rng: Random, packets: int) -> list[Packet]:
    """Spurts of 60- or 120-ms packets, each closed by two or more quiet ones and a 25-byte packet; then silence."""
    step = rng.choice((60, 120))
    drawn: list[Packet] = []
    media_ms = 0.0
    for gap_ms, size in _spurts60(rng, step):
        media_ms += gap_ms
        jitter = 0.0 if gap_ms < 1 or not drawn else max(-24.0, min(24.0, rng.gauss(0, 10)))
        drawn.append((max(media_ms + jitter, drawn[-1][0] + 0.2 if drawn else 0.0), size))
        if len(drawn) == packets:
            return drawn
    raise AssertionError("spurts never end")


def _spurts60(rng: Random, step: int) -> Iterator[Packet]:
    gap = 0
    if rng.random() < 0.5:  # both ends of the capture start before anybody speaks
        yield 0, rng.randint(61, 80)
        yield 120, rng.randint(61, 80)
        yield from _silence60(rng, 60)
        gap = rng.choice((120, 180, 240, 360, 420, 480))
    while True:
        yield gap, rng.randint(154, 404) if step == 120 else rng.randint(89, 136)
        yield from ((step, size) for size in _loud60(rng, step))
        if step == 60:
            yield from ((60, rng.randint(43, 53)) for _ in range(rng.choice((3, 4))))
            dtx_gap = 60.0
        else:
            yield from ((120, rng.randint(61, 86)) for _ in range(rng.choice((1, 2))))
            dtx_gap = 60.0
            if rng.random() < 0.5:  # a last 60 ms, sent together with the packet that opens the silence
                yield 120, rng.randint(41, 58)
                dtx_gap = 0.5
        yield from _silence60(rng, dtx_gap)
        gap = rng.choice((180, 240, 300, 420))


def _loud60(rng: Random, step: int) -> list[int]:
    if step == 120:
        count = rng.choice((4, 4, 4, 0, 3, 4, 4, 3, 0, 2, 5, 2, 1, 3, 0, 1))
        return [round(rng.triangular(130, 405, 300)) for _ in range(count)]
    count = rng.choice((27, 5, 3, 3, 3, 3, 33, 0, 7))
    if count > 20:  # a sentence; else words
        return [
            rng.randint(50, 98) if rng.random() < 0.12 else round(rng.triangular(130, 244, 208)) for _ in range(count)
        ]
    return [rng.randint(77, 181) if rng.random() < 0.5 else rng.randint(46, 56) for _ in range(count)]


def _silence60(rng: Random, dtx_gap: float) -> Iterator[Packet]:
    """25 bytes at once, then a description of the noise after 360 ms and every 420.

    The one silence of 12 s on record (29 descriptions) is left out: a check cannot wait for it.
    """
    yield dtx_gap, 25
    for number in range(rng.choice((2, 0, 4, 1, 1, 5, 5, 1, 0, 0, 2, 0, 1, 4, 2, 0, 0, 6, 5, 0, 7, 4, 2, 1))):
        yield 420 if number else 360, rng.randint(45, 55) + (4 if number % 2 == 0 else 0)


def talk20(rng: Random, packets: int) -> list[Packet]:
    """A packet each 20 ms, sent on the 23.2-ms callbacks of a phone's audio unit (1024 samples at 44.1 kHz)."""
    drawn: list[Packet] = []
    level = 62.0
    while len(drawn) < packets:
        mean = rng.choice((62.0, 66.0, 57.0, 45.0))
        for _ in range(rng.choice((13, 38, 64, 97, 133))):
            level = mean + 0.7 * (level - mean) + rng.gauss(0, 4.5)
            drawn.append((_due20(rng, drawn), round(max(38.0, min(88.0, level)))))
        for _ in range(rng.choice((14, 22, 50, 100))):
            drawn.append((_due20(rng, drawn), rng.choice((23, 24))))
    return drawn[:packets]


def _due20(rng: Random, drawn: list[Packet]) -> float:
    count = len(drawn)
    due = tick(20 * count, 23.22) + abs(rng.gauss(0, 1.2))
    if count and tick(20 * count, 23.22) == tick(20 * (count - 1), 23.22):
        due += 2.4
    return max(due, drawn[-1][0] + 0.3) if drawn else due


def talk2019(rng: Random, packets: int) -> list[Packet]:
    """The sound of a video call: 60 ms a packet on a 20-ms grid, never silent."""
    level = mean = rng.choice((140.0, 182.0))
    drawn = []
    for count in range(packets):
        level = mean + 0.4 * (level - mean) + rng.gauss(0, 8)
        due = 60 * count + rng.choice((0, 0, 20)) + rng.uniform(0, 4)
        drawn.append((due, round(max(127.0, min(191.0, level)))))
    return drawn


def frames(rng: Random, packets: int, *, repair: bool) -> list[Packet]:
    """Pictures, 15 a second, each cut into equal packets; every third followed by one of repair (PT 103) in 2019."""
    drawn: list[Packet] = []
    at_ms, number = 100.0, 0
    while len(drawn) < packets:
        count = 4 if number == 0 else rng.choice((2, 2, 3, 3, 3))
        size = 962 if number == 0 else round(rng.triangular(575, 1113, 940))
        sizes = [size] * (count - 1) + [size - rng.choice((0, 0, 1, 2))]
        if repair and number % 3 == 2:
            sizes.append(size + rng.choice((-20, 20)) if 940 < size < 1100 else rng.randint(960, 1090))
        spacing_ms = rng.uniform(0.13, 0.3)
        drawn += [(at_ms + spacing_ms * place, each) for place, each in enumerate(sizes)]
        at_ms += max(28.0, rng.gauss(66.7, 6.0)) if rng.random() < 0.95 else rng.uniform(90, 200)
        number += 1
    return drawn[:packets]


def merged(rng: Random, packets: int, voice: Callable[[Random, int], list[Packet]], *, repair: bool) -> list[Packet]:
    """One direction of a video call: the first `packets` packets of `voice`'s and of `frames` together, in order of
    time."""
    return sorted(voice(rng, packets) + frames(rng, packets, repair=repair))[:packets]
