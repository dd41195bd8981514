"""The media of calls: the kinds of call that a page places, their packets' sizes, and what the far end sends in them.

Voice, and video without sound, send one packet each TICK_MS, all equally long, so that a twin can have the same sizes
and times. The page (page/pacing_worker.js) brings its packets to that size. The far end's were encoded once and for
all: a tone in Opus at a constant rate (RFC 6716 section 2.1.9), and one VP8 key frame, padded to PICTURE_BYTES
(decoders ignore the padding). Nobody listens to them or looks at them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

from msgspec import Struct

from talkpath.apps.contract.shape import Arm

TICK_MS = 20
BITRATE = 20_000
PAYLOAD_BYTES = BITRATE * TICK_MS // 8000
PICTURE_BYTES = 1000
STAMPS_A_TICK = {"voice": 960, "video": 1800}  # RTP clocks of 48 and 90 kHz (RFC 7587, RFC 7741)
RTP_BYTES, TAG_BYTES = (
    12,
    16,
)  # RFC 3550, and the tag of AEAD_AES_128_GCM (RFC 7714), which both ends choose
DESCRIPTOR_BYTES = 4  # of VP8 with a picture id of 15 bits (RFC 7741 section 4.2)


class CallMedium(Struct, frozen=True):
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


VOICE_MEDIUM = CallMedium(
    name="voice",
    slots=300,
    wire_bytes=RTP_BYTES + PAYLOAD_BYTES + TAG_BYTES,
    picture_bytes=0,
    budget_bytes=11_000_000,
    budget_s=110.0,
)
VIDEO_MEDIUM = CallMedium(
    name="video",
    slots=150,
    wire_bytes=RTP_BYTES + DESCRIPTOR_BYTES + PICTURE_BYTES + TAG_BYTES,
    picture_bytes=PICTURE_BYTES,
    budget_bytes=76_000_000,
    budget_s=90.0,
)
MEDIA_BY_NAME = {medium.name: medium for medium in (VOICE_MEDIUM, VIDEO_MEDIUM)}


VP8_KEY_FRAME = bytes.fromhex("b002009d012a40003000004708858588998488020200068e4fccc79bf15800fec3e0")
"""A grey picture of 64 by 48 (RFC 6386), by libvpx."""


def packets_of(medium: CallMedium) -> tuple[bytes, ...]:
    """The payloads that the far end sends in a call of that medium, in a loop."""
    return vp8_key_frame() if medium.picture_bytes else opus_tone()


@cache
def opus_tone() -> tuple[bytes, ...]:
    """One second of a tone of 440 Hz, by libopus: packets of `PAYLOAD_BYTES` each."""
    encoded = files("talkpath.browser.webrtc").joinpath("opus_tone.bin").read_bytes()
    return tuple(encoded[at : at + PAYLOAD_BYTES] for at in range(0, len(encoded), PAYLOAD_BYTES))


@cache
def vp8_key_frame() -> tuple[bytes, ...]:
    """The key frame, padded."""
    return (VP8_KEY_FRAME.ljust(PICTURE_BYTES, b"\0"),)
