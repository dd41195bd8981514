"""The two kinds of call that a page places: one of voice, one of a camera alone, and what a packet of each is.

Both send one packet each TICK_MS, all equally long, so that a twin can have the same sizes and instants. A camera's
pictures are made that long by the page (page/pacing_worker.js) and by us (`voice`): what they show nobody looks at.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from talkpath.apps.contract.shape import Arm
from talkpath.browser.far_end.voice import PAYLOAD_BYTES, PICTURE_BYTES

RTP_BYTES, TAG_BYTES = 12, 16  # RFC 3550, and the tag of AEAD_AES_128_GCM (RFC 7714), which browsers and aiortc choose
DESCRIPTOR_BYTES = 4  # of VP8 with a picture id of 15 bits (RFC 7741 section 4.2)


class Medium(Struct, frozen=True):
    """One kind. `slots` packets are due in an epoch, each of `wire_bytes` of UDP payload; `picture_bytes` of a frame,
    0 for voice. `budget_bytes` and `budget_s` bound what it adds to a check, both ways together."""

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


VOICE = Medium("voice", 300, RTP_BYTES + PAYLOAD_BYTES + TAG_BYTES, 0, 3_200_000, 45.0)
VIDEO = Medium("video", 150, RTP_BYTES + DESCRIPTOR_BYTES + PICTURE_BYTES + TAG_BYTES, PICTURE_BYTES, 16_000_000, 25.0)
MEDIA = {medium.name: medium for medium in (VOICE, VIDEO)}
