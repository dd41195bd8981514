"""Sizes and instants of WhatsApp's media packets.

Each function draws one direction: ms after its first packet, bytes of UDP payload, and the kind of packet. The numbers
are those of the captures that `whatsapp.SOURCES` names; where a choice is drawn from a tuple, the tuple is what was
counted there.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from talkpath.apps.contract.script import PacketOfKind, next_audio_tick

SPEECH, SILENCE, NOISE, PICTURE, REPAIR = "speech", "silence", "noise", "picture", "repair"
"""Kinds of media packets: speech; the packet that opens a silence, and those that describe the noise in it; pictures,
and their repair."""

SILENCE_BYTES: Final = 25


def voice_2023(rng: Random, packets: int) -> list[PacketOfKind]:
    """Draw spurts of 60- or 120-ms packets, each closed by two or more quiet ones and a 25-byte packet; then a
    silence."""
    step = rng.choice((60, 120))
    drawn: list[PacketOfKind] = []
    media_ms = 0.0
    for gap_ms, size, kind in _speech_spurts(rng, step):
        media_ms += gap_ms
        jitter = 0.0 if gap_ms < 1 or not drawn else max(-24.0, min(24.0, rng.gauss(0, 10)))
        drawn.append((max(media_ms + jitter, drawn[-1][0] + 0.2 if drawn else 0.0), size, kind))
        if len(drawn) == packets:
            return drawn
    raise AssertionError("spurts never end")


def _speech_spurts(rng: Random, step: int) -> Iterator[PacketOfKind]:
    """Yield ms after the packet before, bytes, kind."""
    gap = 0
    if rng.random() < 0.5:  # both ends of the capture start before anybody speaks
        yield 0, rng.randint(61, 80), SPEECH
        yield 120, rng.randint(61, 80), SPEECH
        yield from _silence_packets(rng, 60)
        gap = rng.choice((120, 180, 240, 360, 420, 480))
    while True:
        yield gap, rng.randint(154, 404) if step == 120 else rng.randint(89, 136), SPEECH
        yield from ((step, size, SPEECH) for size in _loud_packets(rng, step))
        if step == 60:
            yield from ((60, rng.randint(43, 53), SPEECH) for _ in range(rng.choice((3, 4))))
            dtx_gap = 60.0
        else:
            yield from ((120, rng.randint(61, 86), SPEECH) for _ in range(rng.choice((1, 2))))
            dtx_gap = 60.0
            if rng.random() < 0.5:  # a last 60 ms, sent together with the packet that opens the silence
                yield 120, rng.randint(41, 58), SPEECH
                dtx_gap = 0.5
        yield from _silence_packets(rng, dtx_gap)
        gap = rng.choice((180, 240, 300, 420))


def _loud_packets(rng: Random, step: int) -> list[int]:
    if step == 120:
        count = rng.choice((4, 4, 4, 0, 3, 4, 4, 3, 0, 2, 5, 2, 1, 3, 0, 1))
        return [round(rng.triangular(130, 405, 300)) for _ in range(count)]
    count = rng.choice((27, 5, 3, 3, 3, 3, 33, 0, 7))
    if count > 20:  # a sentence; else words
        return [
            rng.randint(50, 98) if rng.random() < 0.12 else round(rng.triangular(130, 244, 208)) for _ in range(count)
        ]
    return [rng.randint(77, 181) if rng.random() < 0.5 else rng.randint(46, 56) for _ in range(count)]


def _silence_packets(rng: Random, dtx_gap: float) -> Iterator[PacketOfKind]:
    """Yield 25 bytes at once, then a description of the noise after 360 ms and every 420.

    The one silence of 12 s on record (29 descriptions) is left out: a check cannot wait for it.
    """
    yield dtx_gap, SILENCE_BYTES, SILENCE
    for number in range(rng.choice((2, 0, 4, 1, 1, 5, 5, 1, 0, 0, 2, 0, 1, 4, 2, 0, 0, 6, 5, 0, 7, 4, 2, 1))):
        yield 420 if number else 360, rng.randint(45, 55) + (4 if number % 2 == 0 else 0), NOISE


def voice_2015(rng: Random, packets: int) -> list[PacketOfKind]:
    """Draw a packet each 20 ms, sent on the 23.2-ms callbacks of a phone's audio unit (1024 samples at 44.1 kHz)."""
    drawn: list[PacketOfKind] = []
    level = 62.0
    while len(drawn) < packets:
        mean = rng.choice((62.0, 66.0, 57.0, 45.0))
        for _ in range(rng.choice((13, 38, 64, 97, 133))):
            level = mean + 0.7 * (level - mean) + rng.gauss(0, 4.5)
            drawn.append((_due_times(rng, drawn), round(max(38.0, min(88.0, level))), SPEECH))
        for _ in range(rng.choice((14, 22, 50, 100))):
            drawn.append((_due_times(rng, drawn), rng.choice((23, 24)), SPEECH))
    return drawn[:packets]


def _due_times(rng: Random, drawn: list[PacketOfKind]) -> float:
    count = len(drawn)
    due = next_audio_tick(20 * count, 23.22) + abs(rng.gauss(0, 1.2))
    if count and next_audio_tick(20 * count, 23.22) == next_audio_tick(20 * (count - 1), 23.22):
        due += 2.4
    return max(due, drawn[-1][0] + 0.3) if drawn else due


def voice_2019(rng: Random, packets: int) -> list[PacketOfKind]:
    """Draw the sound of a video call: 60 ms a packet on a 20-ms grid, never silent."""
    level = mean = rng.choice((140.0, 182.0))
    drawn = []
    for count in range(packets):
        level = mean + 0.4 * (level - mean) + rng.gauss(0, 8)
        due = 60 * count + rng.choice((0, 0, 20)) + rng.uniform(0, 4)
        drawn.append((due, round(max(127.0, min(191.0, level))), SPEECH))
    return drawn


def draw_pictures(rng: Random, packets: int, *, repair: bool) -> list[PacketOfKind]:
    """Draw pictures, 15 a second, each cut into equal packets; with `repair` every third is followed by a packet of
    repair (PT 103, 2019)."""
    drawn: list[PacketOfKind] = []
    at_ms, number = 100.0, 0
    while len(drawn) < packets:
        count = 4 if number == 0 else rng.choice((2, 2, 3, 3, 3))
        size = 962 if number == 0 else round(rng.triangular(575, 1113, 940))
        packet_sizes = [(size, PICTURE)] * (count - 1) + [(size - rng.choice((0, 0, 1, 2)), PICTURE)]
        if repair and number % 3 == 2:
            size_of_repair = size + rng.choice((-20, 20)) if 940 < size < 1100 else rng.randint(960, 1090)
            packet_sizes.append((size_of_repair, REPAIR))
        spacing_ms = rng.uniform(0.13, 0.3)
        drawn += [(at_ms + spacing_ms * place, each, kind) for place, (each, kind) in enumerate(packet_sizes)]
        at_ms += max(28.0, rng.gauss(66.7, 6.0)) if rng.random() < 0.95 else rng.uniform(90, 200)
        number += 1
    return drawn[:packets]


def with_pictures(rng: Random, voice: list[PacketOfKind], packets: int, *, repair: bool) -> list[PacketOfKind]:
    """Draw one direction of a video call: the first `packets` packets of voice and pictures together, by time."""
    return sorted(voice + draw_pictures(rng, packets, repair=repair))[:packets]
