"""Telegram's call of 2022 (tgcalls) on the peer-to-peer path: ICE in the clear, then datagrams that are random from
their first byte."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.apps.contract.script import TRIES_MS, Packet, Script, fill_slots
from talkpath.apps.contract.shape import KEY_BYTES, Arm, Confidence, Keystream, Schedule, Slot
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LETTERS: Final = bytes(_BASE64[value & 63] for value in range(256))

_CONTROLLING, _CONTROLLED = "check by the controlling end", "check by the controlled end"
_SOUND_GAPS: Final = (24.8, 9.9, 17.7, 18.1, 14.1, 18.5, 16.6, 56.6, 8.9, 8.4)
_PICTURE_GAPS: Final = (102, 121, 72, 49, 111, 11, 121, 57, 58, 93, 32, 52, 65, 74, 46, 81, 41)
_PICTURE_REST: Final = (313, 592)
_SMALL: Final = (65, 68, 84, 55, 29, 29, 49, 65, 45, 45, 65, 45, 29, 61, 53)
_SMALL_GAPS: Final = (50, 5, 6, 23, 1, 228, 248, 152, 106, 36, 83, 17, 2)


def _draw_sound(rng: Random, packets: int) -> list[Packet]:
    """Draw voice packets of one length."""
    at_ms, drawn = 0.0, []
    for _ in range(packets):
        drawn.append((at_ms, 91))
        at_ms += rng.choice(_SOUND_GAPS) * rng.uniform(0.9, 1.1)
    return drawn


def _draw_pictures(rng: Random, packets: int) -> list[Packet]:
    """Draw pictures in one or two packets each, and small packets between them."""
    drawn: list[Packet] = []
    at_ms, full = 0.0, False
    for _ in range(packets):
        full = not full and rng.random() < 0.6
        drawn.append((at_ms, rng.randint(1103, 1112) if full else rng.randint(*_PICTURE_REST)))
        at_ms += rng.choice(_PICTURE_GAPS) * rng.uniform(0.9, 1.1)
    at_ms = rng.uniform(0, 60)
    for _ in range(packets):
        drawn.append((at_ms, rng.choice(_SMALL)))
        at_ms += rng.choice(_SMALL_GAPS) * rng.uniform(0.9, 1.1)
    return sorted(drawn)[:packets]


@dataclass(frozen=True, slots=True)
class Tgcalls:
    """A call of 2022 between two phones."""

    arm: Arm
    packet_rate: float
    confidence: Confidence = "low"
    shape_class: str = "tgcalls"

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`."""
        script = Script()
        script.ask(
            Slot(direction="up", at_ms=0, size=100, stage="stun", nonce_at=72, fingerprint=True, kind=_CONTROLLING),
            64,
            reply_nonce_at=KEY_BYTES,
            tries_ms=TRIES_MS,
        )
        script.ask(
            Slot(direction="down", at_ms=90, size=96, stage="control", nonce_at=68, fingerprint=True, kind=_CONTROLLED),
            64,
            reply_nonce_at=KEY_BYTES,
        )
        for at_ms, size in ((150.0, 23), (175.0, 37), (176.0, 43), (190.0, 26)):
            script.add(Slot(direction="up", at_ms=at_ms, size=size, stage="control"))
        for at_ms, size in ((182.0, 36), (183.0, 21)):
            script.add(Slot(direction="down", at_ms=at_ms, size=size, stage="control"))
        draw = _draw_sound if self.arm.medium == "voice" else _draw_pictures
        script.media("up", draw(rng, packets), rate)
        script.media("down", draw(rng, packets), rate)
        if self.arm.medium == "voice":
            self._reports(script)
        return script.schedule()

    def _reports(self, script: Script) -> None:
        end_ms = script.end_ms
        for number in range(int((end_ms - 215) // 50)):
            script.add(Slot(direction="up", at_ms=215 + 50 * number, size=45, stage="control"))
            script.add(Slot(direction="down", at_ms=230 + 50 * number, size=45, stage="control"))

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`."""
        slots = schedule.slots
        stream = Keystream(key, sum([slot.size for slot in slots]) + 512)
        names = stream.take(8).translate(_LETTERS)
        users = {_CONTROLLING: names[:4] + b":" + names[4:], _CONTROLLED: names[4:] + b":" + names[:4]}

        def write(place: int, slot: Slot) -> bytes:
            if slot.kind in users:
                return _build_check(users[slot.kind], slot.kind == _CONTROLLING, stream)
            return stream.take(slot.size)

        return fill_slots(slots, write, lambda slot, request: _build_answer(request[8:20], stream))


def _build_check(user: bytes, controlling: bool, stream: Keystream) -> bytes:
    """Build an ICE connectivity check as libwebrtc of 2022 builds it; tie-breaker zero, as captured."""
    role: list[tuple[int, bytes]] = [(Attribute.ICE_CONTROLLED, bytes(8))]
    if controlling:
        role = [(Attribute.ICE_CONTROLLING, bytes(8)), (Attribute.USE_CANDIDATE, b"")]
    attributes = (
        (Attribute.USERNAME, user),
        (Attribute.NETWORK_INFO, bytes.fromhex("0003000a" if controlling else "00030384")),
        *role,
        (Attribute.PRIORITY, bytes.fromhex("6e7f1f00")),
        (Attribute.MESSAGE_INTEGRITY, stream.take(20)),
    )
    transaction = stream.take(12).translate(_LETTERS)
    return stun.encode_message(StunMessage(Type.BINDING_REQUEST, transaction, attributes), fingerprint=True)


def _build_answer(transaction: bytes, stream: Keystream) -> bytes:
    mapped = b"\x00\x01" + stream.take(6)
    attributes = ((Attribute.XOR_MAPPED_ADDRESS, mapped), (Attribute.MESSAGE_INTEGRITY, stream.take(20)))
    return stun.encode_message(StunMessage(Type.BINDING_RESPONSE, transaction, attributes), fingerprint=True)
