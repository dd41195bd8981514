"""WhatsApp's RTP and RTCP packets: payload type 120 is voice, 97, 102 and 103 are video."""

from __future__ import annotations

from struct import Struct
from typing import Final

from talkpath.apps.contract.script import MEDIA_MS
from talkpath.apps.contract.shape import Keystream, Slot
from talkpath.apps.whatsapp.media import NOISE, REPAIR, SILENCE

VOICE_PAYLOAD_TYPE: Final = 120
DEBE: Final = b"\xde\xbe"
EXTENSION_2019: Final = b"\x74\x6f"
_RTP = Struct("!BBHII")

NOISE_GAP_MS = 300.0
"""A description of the noise that comes sooner after the packet before it is written as voice."""
ONE_STEP_BYTES = 60
"""A packet so short holds one step of 60 ms, however long after the one before it comes."""
FRAME_MS = 10.0
"""A video packet that comes later than that after a picture's first begins a new picture."""

REPORT_FORMS: Final[dict[str, tuple[int, bytes]]] = {
    "pause": (22, b"\x81\xd1\x00\x01"),
    "probe": (26, b"\x81\xd0\x00\x02"),
    "description": (46, b"\x81\xca\x00\x07"),
    "receiver report": (86, b"\x81\xc9\x00\x09"),
    "sender report": (106, b"\x81\xc8\x00\x0e"),
    "long sender report": (122, b"\x81\xc8\x00\x12"),
}
"""The size and the first bytes of each kind of RTCP packet; 208 and 209 are types of WhatsApp's own."""


class Sender:
    """Writes the RTP and RTCP packets of one end of a call."""

    def __init__(self, stream: Keystream, *, clock_ms: float, first: int) -> None:
        self.ssrc, self.video, self.repair = stream.number(4), stream.number(4), stream.number(4)
        self.seq, self.video_seq, self.repair_seq = first, 1, 1
        self.base_ms = clock_ms
        self.video_base = stream.number(4) >> 4
        self.ts_ms = 0.0
        self.at_ms = -1000.0
        self.report_at_ms = -1000.0
        self.bandwidth = 17280.0
        self.resting = False
        self.reports = 0
        self.frame_ms = -1000.0

    def control(self, kind: str, stream: Keystream) -> bytes:
        """Write an SRTCP packet: 8 bytes in the clear, ciphertext, a counter, a tag of 10 bytes."""
        size, head = REPORT_FORMS[kind]
        self.reports += 1
        sealed = stream.take(size - 12)
        ssrc = self.ssrc.to_bytes(4, "big")
        return head + ssrc + sealed[:-10] + (0x80000000 | self.reports).to_bytes(4, "big") + sealed[-10:]

    def voice_2023(self, slot: Slot, stream: Keystream) -> bytes:
        """Write a voice packet of 2023: extension DEBE, with the bandwidth each half second."""
        at_ms = slot.at_ms - MEDIA_MS
        gap_ms = at_ms - self.at_ms
        silent = slot.kind == SILENCE or (slot.kind == NOISE and gap_ms > NOISE_GAP_MS)
        one_step = slot.size < ONE_STEP_BYTES and 90 < gap_ms < NOISE_GAP_MS
        if gap_ms < 30 or one_step:
            self.ts_ms += 60
        else:
            self.ts_ms = max(self.ts_ms + 60, 60 * round(at_ms / 60))
        marker = 128 if self.resting and not silent else 0
        self.resting = silent and slot.kind != SILENCE
        if at_ms - self.report_at_ms >= 540 and slot.kind != SILENCE:
            self.report_at_ms = at_ms
            self.bandwidth *= (1.03 + stream.take(1)[0] / 3650) / (64 if self.bandwidth > 1e9 else 1)
            value = b"\xd3" + round(self.bandwidth).to_bytes(4, "big")
            extension = b"\x00\x02\x30\x01" + value + b"\x00" if silent else b"\x00\x02" + value + b"\x00\x00\x00"
        else:
            extension = b"\x00\x01\x30\x01\x00\x00" if silent else b"\x00\x00"
        timestamp = round((self.base_ms + self.ts_ms) * 16) & 0xFFFFFFFF
        head = _RTP.pack(0x90, VOICE_PAYLOAD_TYPE | marker, self.seq, timestamp, self.ssrc) + DEBE + extension
        self.seq = self.seq + 1 & 0xFFFF
        self.at_ms = at_ms
        return head + stream.take(slot.size - len(head))

    def voice_2015(self, slot: Slot, stream: Keystream) -> bytes:
        """Write a voice packet of 2015: no extension, 20 ms."""
        head = _RTP.pack(
            0x80, VOICE_PAYLOAD_TYPE, self.seq, round((self.base_ms + self.ts_ms) * 16) & 0xFFFFFFFF, self.ssrc
        )
        self.seq = self.seq + 1 & 0xFFFF
        self.ts_ms += 20
        return head + stream.take(slot.size - 12)

    def voice_2019(self, slot: Slot, stream: Keystream) -> bytes:
        """Write a voice packet of a video call in 2019: extension 746F with the ms since capture, 60 ms."""
        timestamp = round((self.base_ms + self.ts_ms) * 16) & 0xFFFFFFFF
        delay = bytes((0, 30 + stream.take(1)[0] % 26, 0, 0))
        head = (
            _RTP.pack(0x90, VOICE_PAYLOAD_TYPE, self.seq, timestamp, self.ssrc) + EXTENSION_2019 + b"\x00\x01" + delay
        )
        self.seq = self.seq + 1 & 0xFFFF
        self.ts_ms += 60
        return head + stream.take(slot.size - 20)

    def picture(self, slot: Slot, last: bool, stream: Keystream, payload_types: tuple[int, int]) -> bytes:
        """Write a video packet: extension DEBE with its kind, the ms since capture, and its own length."""
        at_ms, size = slot.at_ms, slot.size
        if at_ms - self.frame_ms > FRAME_MS:
            self.frame_ms = at_ms
        timestamp = round(self.video_base + 90 * self.frame_ms) & 0xFFFFFFFF
        delay = b"\x61\x00" + bytes((19 + stream.take(1)[0] % 20,))
        length = b"\x71" + (size - 28).to_bytes(2, "big")
        if slot.kind == REPAIR:
            head = _RTP.pack(0x90, payload_types[1] | 128, self.repair_seq, timestamp, self.repair)
            self.repair_seq += 1
            head += DEBE + b"\x00\x02" + delay + length + b"\x00\x00"
        else:
            head = _RTP.pack(0x90, payload_types[0] | last << 7, self.video_seq, timestamp, self.video)
            head += DEBE + b"\x00\x02\x30" + (b"\x0b" if self.video_seq < 5 else b"\x03") + delay + length
            self.video_seq += 1
        return head + stream.take(size - 24)
