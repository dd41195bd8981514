"""Telegram's voice call of 2020 (libtgvoip) through a reflector, which `capture` still knows.

Every datagram opens with the call's 16-byte tag, then ciphertext in blocks of 16 bytes: one packet each 60 ms, without
silence suppression and without video.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.apps.contract.script import TRIES_MS, PacketOfKind, Script, fill_slots, next_audio_tick
from talkpath.apps.contract.shape import KEY_BYTES, Arm, Confidence, Keystream, Schedule, Slot
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import reflector
from talkpath.wire.rtc.reflector import PeerInfo, PeerRequest, Ping, SelfInfo

CLOCK_START_S: Final = 1_735_689_600
"""Made-up clocks count from here."""

_BLOCKS: Final = (160, 176, 192, 208, 224, 240, 256, 272)
_WEIGHTS: Final = (12, 95, 107, 81, 65, 27, 5, 1)  # of the 393 voice packets of the capture, both ways


def _draw_voice(rng: Random, packets: int) -> list[PacketOfKind]:
    """Draw a packet each 60 ms on the callbacks of either audio unit seen: 512 samples at 44.1 kHz, 1024 at 48 kHz."""
    step_ms = rng.choice((512 / 44.1, 1024 / 48))
    size = rng.choices(_BLOCKS, _WEIGHTS)[0]
    drawn = []
    for number in range(packets):
        drawn.append((max(0.0, next_audio_tick(60 * number, step_ms) + rng.gauss(0, 0.25)), size, ""))
        if rng.random() > 0.35:
            size = min(rng.choices(_BLOCKS, _WEIGHTS, k=3), key=lambda other: abs(other - size))
    return drawn


@dataclass(frozen=True, slots=True)
class Libtgvoip:
    """A voice call of 2020 through one reflector."""

    arm: Arm
    packet_rate: float = 16.7
    confidence: Confidence = "low"
    shape_class: str = "libtgvoip"

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`."""
        script = Script()
        script.ask(Slot(direction="up", at_ms=0, size=40, stage="reflector", kind="ping"), 64, tries_ms=TRIES_MS)
        script.add(Slot(direction="up", at_ms=20.0, size=96, stage="control", nonce_at=KEY_BYTES))
        script.add(Slot(direction="down", at_ms=110.0, size=96, stage="control", nonce_at=KEY_BYTES))
        script.add(Slot(direction="up", at_ms=165.0, size=96, stage="control", nonce_at=KEY_BYTES))
        script.ask(Slot(direction="up", at_ms=180, size=32, stage="control", kind="peer"), 48)
        script.mixed("up", _draw_voice(rng, packets), rate)
        script.mixed("down", _draw_voice(rng, packets), rate)
        end_ms = script.end_ms
        for at_ms in range(500, int(end_ms), 501):
            script.ask(Slot(direction="up", at_ms=at_ms, size=40, stage="control", kind="ping"), 64)
        for at_ms, size in ((490, 96), (990, 96), (1500, 80), (1800, 64)):  # the first seconds negotiate
            if at_ms < end_ms:
                script.add(Slot(direction="up", at_ms=at_ms, size=size, stage="control", nonce_at=KEY_BYTES))
                script.add(Slot(direction="down", at_ms=at_ms + 15, size=size, stage="control", nonce_at=KEY_BYTES))
        return script.schedule()

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`. The peers' addresses in the answers are made up."""
        slots = schedule.slots
        stream = Keystream(key, sum([slot.size for slot in slots]) + 256)
        tag = stream.take(16)
        unix_s = CLOCK_START_S + stream.number(4) % 94_608_000
        seen, peer = made_up_address(stream), made_up_address(stream)

        def write(place: int, slot: Slot) -> bytes:
            if slot.kind == "ping":
                return reflector.encode_frame(Ping(tag, stream.take(8)))
            if slot.kind == "peer":
                return reflector.encode_frame(PeerRequest(tag))
            return tag + stream.take(slot.size - 16)

        def reply(slot: Slot, request: bytes) -> bytes:
            if slot.kind == "peer":
                return reflector.encode_frame(PeerInfo(tag, seen, peer))
            return reflector.encode_frame(SelfInfo(tag, unix_s + int(slot.at_ms // 1000), request[32:40], seen))

        return fill_slots(slots, write, reply)


def made_up_address(stream: Keystream) -> Address:
    """An address and port of random bytes, for what a reflector tells of its clients."""
    return Address(stream.take(4), stream.number(2))


LIBTGVOIP: Final = Libtgvoip(Arm("telegram", "libtgvoip", "voice"))
