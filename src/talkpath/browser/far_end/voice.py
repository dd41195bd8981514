"""What the far end says and shows: a tone and a picture, encoded once, so that a packet costs no encoding.

The tone is Opus at a constant rate (RFC 6716 section 2.1.9), the picture one VP8 key frame, filled up behind its end
(which decoders do not read) to PICTURE_BYTES: so every packet of a call is equally long, and the twin's are too.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from av import Packet

RATE, SAMPLES = 48000, 960
TICK_MS = 20
BITRATE = 20_000
PAYLOAD_BYTES = BITRATE * TICK_MS // 8000
PICTURE_BYTES = 1000
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


@cache
def picture() -> list[bytes]:
    """One grey VP8 key frame of `PICTURE_BYTES`."""
    from av import CodecContext, VideoFrame

    codec = CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "yuv420p", Fraction(TICK_MS, 1000)
    codec.options = {"deadline": "realtime", "lag-in-frames": "0"}
    frame = VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24").reformat(format="yuv420p")
    frame.pts = 0
    packets = [bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))]
    return [packets[0].ljust(PICTURE_BYTES, b"\0")]


def make_track(kind: Literal["audio", "video"]) -> Voice:
    """A track for aiortc to send. It speaks only when `Voice.tick` says so."""
    from aiortc.mediastreams import MediaStreamTrack

    class Track(MediaStreamTrack):  # type: ignore[misc]
        async def recv(self) -> Packet:
            return await voice.next_packet()

    Track.kind = kind
    voice = Voice(Track, tone() if kind == "audio" else picture())
    return voice


class Voice:
    """The far end's part in one call, `packets` over and over. `said` are the ticks that really were sent."""

    def __init__(self, track: type, packets: list[bytes]) -> None:
        self.track = track()
        self.said: list[int] = []
        self._packets = packets
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
        packet = Packet(self._packets[number % len(self._packets)])
        packet.pts, packet.time_base = number, Fraction(TICK_MS, 1000)
        return packet
