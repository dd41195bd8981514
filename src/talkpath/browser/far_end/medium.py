"""The two kinds of call that a page places, voice and video without sound, and the sizes of their packets.

Both send one packet each TICK_MS, all equally long, so that a twin can have the same sizes and times. The page
(page/pacing_worker.js) and the far end (`media_source`) bring video frames to that size; nobody looks at them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from talkpath.apps.contract.shape import Arm
from talkpath.browser.far_end.media_source import PAYLOAD_BYTES, PICTURE_BYTES

RTP_BYTES, TAG_BYTES = 12, 16  # RFC 3550, and the tag of AEAD_AES_128_GCM (RFC 7714), which browsers and aiortc choose
DESCRIPTOR_BYTES = 4  # of VP8 with a picture id of 15 bits (RFC 7741 section 4.2)


class Medium(Struct, frozen=True):
    """One kind of call.

    `slots` packets are due in an epoch, each with `wire_bytes` of UDP payload; `picture_bytes` is the size of a video
    frame, 0 for voice. `budget_bytes` and `budget_s` limit what it adds to a check, both directions together.
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
    budget_bytes=3_200_000,
    budget_s=45.0,
)
VIDEO = Medium(
    name="video",
    slots=150,
    wire_bytes=RTP_BYTES + DESCRIPTOR_BYTES + PICTURE_BYTES + TAG_BYTES,
    picture_bytes=PICTURE_BYTES,
    budget_bytes=16_000_000,
    budget_s=25.0,
)
MEDIA = {medium.name: medium for medium in (VOICE, VIDEO)}
