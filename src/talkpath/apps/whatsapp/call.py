"""The shapes of WhatsApp's calls: set-up over a relay, media, keepalives and reports.

WhatsApp's STUN: it asks its relay with a token, and announces the streams that it will send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.apps.contract.script import TRIES_MS, PacketOfKind, Script, fill_slots
from talkpath.apps.contract.shape import KEY_BYTES, Arm, Confidence, Direction, Keystream, Schedule, Slot
from talkpath.apps.whatsapp.media import PICTURE, REPAIR, with_pictures
from talkpath.apps.whatsapp.sender import FRAME_MS, REPORT_FORMS, Sender
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type


class RelayClient:
    """Writes the STUN messages of one call: its token, its transaction counter, made-up addresses."""

    def __init__(self, stream: Keystream, token: bytes, size: int) -> None:
        self.token = token + stream.take(size - len(token))
        self.next = stream.number(12) >> 1
        self.seen = b"\x00\x01" + stream.take(6)
        self.relay = b"\x00\x01" + (3478 ^ (stun.MAGIC_COOKIE >> 16)).to_bytes(2, "big") + stream.take(4)
        self.clock_ms = 1_735_689_600_000 + stream.number(5) % 94_608_000_000
        self.stream = stream
        self.last = b""

    def transaction(self) -> bytes:
        """Return the next transaction id: this app counts up by one."""
        self.next += 1
        self.last = self.next.to_bytes(12, "big")
        return self.last

    def allocate(self, ssrcs: tuple[bytes, ...] | None, *, sealed: bool) -> bytes:
        """Write the request for a relay; with `ssrcs` the longer one that announces the streams."""
        attributes = [(Attribute.WA_TOKEN, self.token)]
        if ssrcs is not None:
            tails = b"\x01\x30\x00", b"\x00", b"\x01\x30\x00"
            attributes += [
                (Attribute.WA_STREAM, b"\x03" + ssrc + self.stream.take(8) + tail)
                for ssrc, tail in zip(ssrcs, tails, strict=True)
            ]
        if sealed:
            integrity = self.stream.take(20)
            attributes += [(Attribute.XOR_RELAYED_ADDRESS, self.relay), (Attribute.MESSAGE_INTEGRITY, integrity)]
        return stun.encode_message(
            StunMessage(Type.ALLOCATE_REQUEST, self.transaction(), tuple(attributes), padded=sealed)
        )

    def response(self, at_ms: float, *, sealed: bool) -> bytes:
        """Write the answer to the last request: where it came from, and the relay's clock."""
        clock = (self.clock_ms + round(at_ms)).to_bytes(8, "big")
        attributes = [(Attribute.XOR_MAPPED_ADDRESS, self.seen), (Attribute.WA_SERVER_TIME_MS, clock)]
        attributes += [(Attribute.MESSAGE_INTEGRITY, self.stream.take(20))] if sealed else []
        return stun.encode_message(StunMessage(Type.ALLOCATE_RESPONSE, self.last, tuple(attributes)))


_ALLOCATE, _ANNOUNCE, _PING = "allocate", "announce", "ping"
_REPORT_NONCE_BYTES: Final = 60
"""A longer report has random bytes where the nonce may go."""

SetupTimes = tuple[tuple[Direction, str, float, float], ...]
"""Reports beside the media: direction, kind, when the first comes, and every how many ms."""

_CADENCE_2023: Final[SetupTimes] = (
    ("up", "long sender report", 1300, 4900),
    ("down", "long sender report", 1480, 4900),
)
_CADENCE_VOICE: Final[SetupTimes] = (
    ("up", "probe", 202, 1080),
    ("down", "probe", 204, 1080),
    ("up", "pause", 1090, 10**9),
    ("down", "pause", 1640, 10**9),
    ("up", "sender report", 2250, 3500),
    ("down", "sender report", 2200, 3700),
)
_CADENCE_VIDEO: Final[SetupTimes] = (
    ("up", "probe", 200, 1000),
    ("down", "probe", 202, 1000),
    ("up", "long sender report", 1200, 1050),
    ("down", "long sender report", 1250, 1020),
)


@dataclass(frozen=True, slots=True)
class Relayed:
    """A call over a relay. `draw_voice` draws the voice packets of one direction, `write_voice` writes one of them;
    `video_types` are the payload types of pictures and of their repair, 0 where there is none."""

    arm: Arm
    packet_rate: float
    token: bytes
    token_bytes: int
    draw_voice: Callable[[Random, int], list[PacketOfKind]]
    write_voice: Callable[[Sender, Slot, Keystream], bytes]
    video_types: tuple[int, int] = (0, 0)
    confidence: Confidence = "low"
    shape_class: str = "whatsapp"

    @property
    def sealed(self) -> bool:
        """Does the set-up carry MESSAGE-INTEGRITY (and padding)? Since 2023 it does."""
        return self.arm.variant == "relay60"

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`. No DTLS: `hello` changes nothing."""
        script = Script()
        self._setup(script)
        script.mixed("up", self._media(rng, packets), rate)
        script.mixed("down", self._media(rng, packets), rate)
        self._control(script)
        return script.schedule()

    def _media(self, rng: Random, packets: int) -> list[PacketOfKind]:
        voice = self.draw_voice(rng, packets)
        if self.arm.medium == "voice":
            return voice
        return with_pictures(rng, voice, packets, repair=self.video_types[1] > 0)

    def _setup(self, script: Script) -> None:
        if self.sealed:
            script.ask(
                Slot(direction="up", at_ms=0, size=212, stage="allocate", nonce_at=192, kind=_ALLOCATE),
                68,
                reply_nonce_at=48,
                tries_ms=TRIES_MS,
            )
            script.ask(
                Slot(direction="up", at_ms=160, size=272, stage="control", nonce_at=252, kind=_ANNOUNCE),
                68,
                reply_nonce_at=48,
            )
            script.ask(Slot(direction="up", at_ms=175, size=20, stage="control", kind=_PING), 20)
            self._report(script, "down", 150, "description")
            self._report(script, "up", 165, "description")
            return
        script.ask(Slot(direction="up", at_ms=0, size=126, stage="allocate", kind=_ALLOCATE), 44, tries_ms=TRIES_MS)
        script.ask(Slot(direction="up", at_ms=0.4, size=126, stage="allocate", kind=_ALLOCATE), 44)
        script.ask(Slot(direction="up", at_ms=150, size=126, stage="control", kind=_ALLOCATE), 44)
        first = "receiver report" if self.arm.medium == "voice" else "long sender report"
        self._report(script, "down", 20, first)
        self._report(script, "up", 165, first)

    def _control(self, script: Script) -> None:
        """Keepalives and RTCP for as long as there is media."""
        end_ms = script.end_ms
        if self.sealed:
            for at_ms in _times_every(3205, 3030, end_ms):
                script.ask(Slot(direction="up", at_ms=at_ms, size=20, stage="control", kind=_PING), 20)
        for direction, kind, first_ms, step_ms in self._cadence():
            for at_ms in _times_every(first_ms, step_ms, end_ms):
                self._report(script, direction, at_ms, kind)

    def _cadence(self) -> SetupTimes:
        if self.sealed:
            return _CADENCE_2023
        return _CADENCE_VOICE if self.arm.medium == "voice" else _CADENCE_VIDEO

    @staticmethod
    def _report(script: Script, direction: Direction, at_ms: float, kind: str) -> None:
        size, _ = REPORT_FORMS[kind]
        nonce_at = KEY_BYTES if size > _REPORT_NONCE_BYTES else None
        script.add(Slot(direction=direction, at_ms=at_ms, size=size, stage="control", nonce_at=nonce_at, kind=kind))

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`."""
        slots = schedule.slots
        stream = Keystream(key, sum([slot.size for slot in slots]) + 512)
        client = RelayClient(stream, self._first_of_token(stream), self.token_bytes)
        senders: dict[Direction, Sender] = {direction: self._sender(stream) for direction in ("up", "down")}
        write_voice = self.write_voice

        def write(place: int, slot: Slot) -> bytes:
            sender = senders[slot.direction]
            if slot.stage != "media":
                return self._request(client, sender, slot, stream)
            if slot.kind in (PICTURE, REPAIR):
                return sender.picture(slot, _ends_picture(slots, place), stream, self.video_types)
            return write_voice(sender, slot, stream)

        return fill_slots(slots, write, lambda slot, request: self._reply(client, slot, request))

    def _first_of_token(self, stream: Keystream) -> bytes:
        """2023's tokens open with 9 and 2 or 3, by relay."""
        return bytes((9, 2 + stream.take(1)[0] % 2)) if self.token[0] == 9 else self.token

    def _sender(self, stream: Keystream) -> Sender:
        old = self.arm.variant == "fast20" and self.arm.medium == "voice"
        return Sender(stream, clock_ms=60.0 * (40 + stream.number(1)), first=stream.number(2) >> 1 if old else 1)

    def _request(self, client: RelayClient, sender: Sender, slot: Slot, stream: Keystream) -> bytes:
        if slot.kind == _ALLOCATE:
            return client.allocate(None, sealed=self.sealed)
        if slot.kind == _ANNOUNCE:
            announced = tuple(number.to_bytes(4, "big") for number in (sender.repair, sender.video, sender.ssrc))
            return client.allocate(announced, sealed=True)
        if slot.kind == _PING:
            return stun.encode_message(StunMessage(Type.WA_PING, client.transaction()))
        return sender.control(slot.kind, stream)

    def _reply(self, client: RelayClient, slot: Slot, request: bytes) -> bytes:
        client.last = request[8:20]
        if slot.kind == _PING:
            return stun.encode_message(StunMessage(Type.WA_PONG, client.last))
        return client.response(slot.at_ms, sealed=self.sealed)


def _times_every(first_ms: float, step_ms: float, end_ms: float) -> Iterator[float]:
    at_ms = first_ms
    while at_ms < end_ms:
        yield at_ms
        at_ms += step_ms


def _ends_picture(slots: tuple[Slot, ...], place: int) -> bool:
    """Is this the last packet of its picture?"""
    now = slots[place]
    for after in slots[place + 1 : place + 12]:
        if after.direction == now.direction and after.kind in (PICTURE, REPAIR):
            return after.kind == REPAIR or after.at_ms - now.at_ms > FRAME_MS
    return True
