"""What the far end says: a tone, encoded once, as Opus at a constant rate; so a packet costs no encoding.

Constant rate (RFC 6716 section 2.1.9) makes every voice packet of a call equally long, which the twin's then are too.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av import Packet

RATE, SAMPLES = 48000, 960
TICK_MS = 20
BITRATE = 20_000
PAYLOAD_BYTES = BITRATE * TICK_MS // 8000
TONE_HZ = 440


@cache
def tone() -> list[bytes]:
    """One second of Opus packets, `PAYLOAD_BYTES` each."""
    from av import AudioFrame, CodecContext

    codec = CodecContext.create("libopus", "w")
    codec.bit_rate, codec.sample_rate, codec.layout, codec.format = BITRATE, RATE, "mono", "s16"
    codec.options = {"vbr": "off", "application": "voip"}
    packets: list[bytes] = []
    for number in range(1000 // TICK_MS + 1):
        at_s = (number * SAMPLES + np.arange(SAMPLES)) / RATE
        wave = (8000 * np.sin(2 * np.pi * TONE_HZ * at_s)).astype(np.int16)
        frame = AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * SAMPLES, Fraction(1, RATE)
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets[1:]


def make_track() -> Voice:
    """A track for aiortc to send. It speaks only when `Voice.tick` says so."""
    from aiortc.mediastreams import MediaStreamTrack

    class Track(MediaStreamTrack):  # type: ignore[misc]
        kind = "audio"

        async def recv(self) -> Packet:
            return await voice.next_packet()

    voice = Voice(Track)
    return voice


class Voice:
    """The far end's voice in one call. `said` are the ticks that really were sent."""

    def __init__(self, track: type) -> None:
        self.track = track()
        self.said: list[int] = []
        self._due: asyncio.Queue[int] = asyncio.Queue()
        self._listening = False

    def tick(self, number: int) -> None:
        """It is time for packet `number`; nothing is sent while the call is not up."""
        if self._listening:
            self._due.put_nowait(number)

    async def next_packet(self) -> Packet:
        """The next packet, once it is due."""
        from av import Packet

        self._listening = True
        number = await self._due.get()
        self.said.append(number)
        packet = Packet(tone()[number % len(tone())])
        packet.pts, packet.time_base = number * SAMPLES, Fraction(1, RATE)
        return packet
