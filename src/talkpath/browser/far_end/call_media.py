"""The media of calls: the kinds of call that a page places, their packets' sizes, and what the far end sends in them.

Voice, and video without sound, send one packet each TICK_MS, all equally long, so that a twin can have the same sizes
and times. The page (page/pacing_worker.js) brings its packets to that size. The far end's are encoded once, so that
sending costs no encoding: a tone in Opus at a constant rate (RFC 6716 section 2.1.9), and one VP8 key frame, padded to
PICTURE_BYTES (decoders ignore the padding). Nobody listens to them or looks at them.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec import Struct

from talkpath.apps.contract.shape import Arm

if TYPE_CHECKING:
    from av import Packet

RATE, SAMPLES = 48000, 960
TICK_MS = 20
BITRATE = 20_000
PAYLOAD_BYTES = BITRATE * TICK_MS // 8000
PICTURE_BYTES = 1000
TONE_HZ = 440
RTP_BYTES, TAG_BYTES = 12, 16  # RFC 3550, and the tag of AEAD_AES_128_GCM (RFC 7714), which browsers and aiortc choose
DESCRIPTOR_BYTES = 4  # of VP8 with a picture id of 15 bits (RFC 7741 section 4.2)


class Medium(Struct, frozen=True):
    """One kind of call.

    `slots` packets are due in an epoch, each with `wire_bytes` of UDP payload; `picture_bytes` is the size of a video
    frame, 0 for voice. `budget_bytes` and `budget_s` limit what it adds to a check, both directions together, where
    watched calls are cut off late; usually it is a quarter of that.
    """

    name: Literal["voice", "video"]
    slots: int
    wire_bytes: int
    picture_bytes: int
    budget_bytes: int
    budget_s: float

    @property
    def arm(self) -> Arm:
        """The arm that a browser measures with it."""
        return Arm("webrtc", "dtls", self.name)


VOICE = Medium(
    name="voice",
    slots=300,
    wire_bytes=RTP_BYTES + PAYLOAD_BYTES + TAG_BYTES,
    picture_bytes=0,
    budget_bytes=11_000_000,
    budget_s=110.0,
)
VIDEO = Medium(
    name="video",
    slots=150,
    wire_bytes=RTP_BYTES + DESCRIPTOR_BYTES + PICTURE_BYTES + TAG_BYTES,
    picture_bytes=PICTURE_BYTES,
    budget_bytes=76_000_000,
    budget_s=90.0,
)
MEDIA = {medium.name: medium for medium in (VOICE, VIDEO)}


@cache
def opus_tone() -> list[bytes]:
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
def vp8_key_frame() -> list[bytes]:
    """One grey VP8 key frame of `PICTURE_BYTES`."""
    from av import CodecContext, VideoFrame

    codec = CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "yuv420p", Fraction(TICK_MS, 1000)
    codec.options = {"deadline": "realtime", "lag-in-frames": "0"}
    frame = VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24").reformat(format="yuv420p")
    frame.pts = 0
    packets = [bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))]
    return [packets[0].ljust(PICTURE_BYTES, b"\0")]


def make_source(kind: Literal["audio", "video"]) -> MediaSource:
    """Return a source whose track aiortc sends, one packet for each `tick`."""
    from aiortc.mediastreams import MediaStreamTrack

    class Track(MediaStreamTrack):  # type: ignore[misc]
        async def recv(self) -> Packet:
            return await source.next_packet()

    Track.kind = kind
    source = MediaSource(Track, opus_tone() if kind == "audio" else vp8_key_frame())
    return source


class MediaSource:
    """What the far end sends in one call: `packets` in a loop. `sent` has the ticks for which one was really sent."""

    def __init__(self, track: type, packets: list[bytes]) -> None:
        self.track = track()
        self.sent: list[int] = []
        self._packets = packets
        self._due: asyncio.Queue[int] = asyncio.Queue()
        self._is_set_up = False

    def tick(self, number: int) -> None:
        """Have packet `number` sent now; nothing is sent before the call is set up."""
        if self._is_set_up:
            self._due.put_nowait(number)

    async def next_packet(self) -> Packet:
        """Wait until a packet is due, and return it."""
        from av import Packet

        self._is_set_up = True
        number = await self._due.get()
        self.sent.append(number)
        packet = Packet(self._packets[number % len(self._packets)])
        packet.pts, packet.time_base = number, Fraction(TICK_MS, 1000)
        return packet
