"""WhatsApp: a relay asked for with a token, then RTP in the clear header, payload type 120 (and 97 or 102 for video).

`relay60` is the call of 2023: 60- and 120-ms packets, silence sent as one packet each 420 ms, RTP extension DEBE.
`fast20` is the call of 2015 (voice) and 2019 (video): 50 packets a second without silence suppression, unpadded
STUN. Its keepalive, the bytes `health` and `OK`, holds nothing that could tell two packets apart, so no slot has it;
nor has any the bandwidth probes (0804/0805, RTCP 199), which the one whole voice call on record does without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from struct import Struct
from typing import Final

from talkpath.apps.cue import Cue, run
from talkpath.apps.flow import FlowView, Hit
from talkpath.apps.script import MEDIA_MS, TRIES_MS, Packet, Script, fill
from talkpath.apps.shape import App, Arm, Confidence, Direction, Keystream, Schedule, Slot, Source
from talkpath.apps.whatsapp_talk import merged, talk20, talk60, talk2019
from talkpath.errors import WireError
from talkpath.wire import stun
from talkpath.wire.stun import Attribute, Message, Type

VOICE: Final = 120
DEBE: Final = b"\xde\xbe"
_746F: Final = b"\x74\x6f"
_RTP = Struct("!BBHII")


class _Relay:
    """The STUN side: token, transaction counter, made-up addresses."""

    def __init__(self, stream: Keystream, token: bytes, size: int) -> None:
        self.token = token + stream.take(size - len(token))
        self.next = stream.number(12) >> 1
        self.seen = b"\x00\x01" + stream.take(6)
        self.relay = b"\x00\x01" + (3478 ^ (stun.COOKIE >> 16)).to_bytes(2, "big") + stream.take(4)
        self.clock_ms = 1_735_689_600_000 + stream.number(5) % 94_608_000_000
        self.stream = stream
        self.last = b""

    def transaction(self) -> bytes:
        """The next id: this app counts up by one."""
        self.next += 1
        self.last = self.next.to_bytes(12, "big")
        return self.last

    def allocate(self, ssrcs: tuple[bytes, ...] | None, *, sealed: bool) -> bytes:
        """The request for a relay; with `ssrcs` the longer one that announces the streams."""
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
        return stun.encode(Message(Type.ALLOCATE_REQUEST, self.transaction(), tuple(attributes), padded=sealed))

    def response(self, at_ms: float, *, sealed: bool) -> bytes:
        """The answer to the last request: where it came from, and the relay's clock."""
        clock = (self.clock_ms + round(at_ms)).to_bytes(8, "big")
        attributes = [(Attribute.XOR_MAPPED_ADDRESS, self.seen), (Attribute.WA_SERVER_TIME_MS, clock)]
        attributes += [(Attribute.MESSAGE_INTEGRITY, self.stream.take(20))] if sealed else []
        return stun.encode(Message(Type.ALLOCATE_RESPONSE, self.last, tuple(attributes)))


class _Sender:
    """One end's RTP and RTCP."""

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
        self.frame_size = 0

    def control(self, size: int, stream: Keystream) -> bytes:
        """SRTCP: 8 bytes in the clear, ciphertext, a counter, a tag of 10 bytes."""
        self.reports += 1
        sealed = stream.take(size - 12)
        ssrc = self.ssrc.to_bytes(4, "big")
        return _RTCP[size] + ssrc + sealed[:-10] + (0x80000000 | self.reports).to_bytes(4, "big") + sealed[-10:]

    def talk60(self, at_ms: float, size: int, stream: Keystream) -> bytes:
        """A voice packet of 2023. 25 bytes open a silence, short ones after a long gap describe it."""
        gap = at_ms - self.at_ms
        silent = size == 25 or (gap > 300 and size < 70 and self.seq > 1)
        if gap < 30 or (size < 60 and 90 < gap < 300):
            self.ts_ms += 60
        else:
            self.ts_ms = max(self.ts_ms + 60, 60 * round(at_ms / 60))
        marker = 128 if self.resting and not silent else 0
        self.resting = silent and size != 25
        if at_ms - self.report_at_ms >= 540 and size != 25:
            self.report_at_ms = at_ms
            self.bandwidth *= (1.03 + stream.take(1)[0] / 3650) / (64 if self.bandwidth > 1e9 else 1)
            value = b"\xd3" + round(self.bandwidth).to_bytes(4, "big")
            extension = b"\x00\x02\x30\x01" + value + b"\x00" if silent else b"\x00\x02" + value + b"\x00\x00\x00"
        else:
            extension = b"\x00\x01\x30\x01\x00\x00" if silent else b"\x00\x00"
        timestamp = round((self.base_ms + self.ts_ms) * 16) & 0xFFFFFFFF
        head = _RTP.pack(0x90, VOICE | marker, self.seq, timestamp, self.ssrc) + DEBE + extension
        self.seq = self.seq + 1 & 0xFFFF
        self.at_ms = at_ms
        return head + stream.take(size - len(head))

    def talk20(self, at_ms: float, size: int, stream: Keystream) -> bytes:
        """A voice packet of 2015: no extension, 20 ms."""
        head = _RTP.pack(0x80, VOICE, self.seq, round((self.base_ms + self.ts_ms) * 16) & 0xFFFFFFFF, self.ssrc)
        self.seq = self.seq + 1 & 0xFFFF
        self.ts_ms += 20
        return head + stream.take(size - 12)

    def talk2019(self, at_ms: float, size: int, stream: Keystream) -> bytes:
        """A voice packet of a video call in 2019: extension 746F with the ms since capture, 60 ms."""
        timestamp = round((self.base_ms + self.ts_ms) * 16) & 0xFFFFFFFF
        delay = bytes((0, 30 + stream.take(1)[0] % 26, 0, 0))
        head = _RTP.pack(0x90, VOICE, self.seq, timestamp, self.ssrc) + _746F + b"\x00\x01" + delay
        self.seq = self.seq + 1 & 0xFFFF
        self.ts_ms += 60
        return head + stream.take(size - 20)

    def picture(self, slot: Slot, last: bool, stream: Keystream, kinds: tuple[int, int]) -> bytes:
        """A video packet: extension DEBE with its kind, the ms since capture, and its own length."""
        at_ms, size = slot.at_ms, slot.size
        if at_ms - self.frame_ms > 10:
            self.frame_ms, self.frame_size = at_ms, size
        timestamp = round(self.video_base + 90 * self.frame_ms) & 0xFFFFFFFF
        delay = b"\x61\x00" + bytes((19 + stream.take(1)[0] % 20,))
        length = b"\x71" + (size - 28).to_bytes(2, "big")
        if kinds[1] and self.frame_size - size not in (0, 1, 2):
            head = _RTP.pack(0x90, kinds[1] | 128, self.repair_seq, timestamp, self.repair)
            self.repair_seq += 1
            head += DEBE + b"\x00\x02" + delay + length + b"\x00\x00"
        else:
            head = _RTP.pack(0x90, kinds[0] | last << 7, self.video_seq, timestamp, self.video)
            head += DEBE + b"\x00\x02\x30" + (b"\x0b" if self.video_seq < 5 else b"\x03") + delay + length
            self.video_seq += 1
        return head + stream.take(size - 24)


_RTCP: Final = {
    22: b"\x81\xd1\x00\x01",
    26: b"\x81\xd0\x00\x02",
    46: b"\x81\xca\x00\x07",
    86: b"\x81\xc9\x00\x09",
    106: b"\x81\xc8\x00\x0e",
    122: b"\x81\xc8\x00\x12",
}

# RTCP beside the media: (direction, bytes, first, every so many ms) for relay60, and fast20's voice and video.
_CADENCE: Final[dict[str, tuple[tuple[Direction, int, float, float], ...]]] = {
    "relay60": (("up", 122, 1300, 4900), ("down", 122, 1480, 4900)),
    "voice": (
        ("up", 26, 202, 1080), ("down", 26, 204, 1080), ("up", 22, 1090, 10**9), ("down", 22, 1640, 10**9),
        ("up", 106, 2250, 3500), ("down", 106, 2200, 3700),
    ),
    "video": (("up", 26, 200, 1000), ("down", 26, 202, 1000), ("up", 122, 1200, 1050), ("down", 122, 1250, 1020)),
}  # fmt: skip


# ---------------------------------------------------------------- the shapes


@dataclass(frozen=True, slots=True)
class Relayed:
    """A call over a relay. Voice packets are `talk`'s, pictures (if any) carry the payload types `pictures`."""

    arm: Arm
    packet_rate: float
    token: bytes
    token_bytes: int
    voice: Callable[[Random, int], list[Packet]]
    talk: Callable[[_Sender, float, int, Keystream], bytes]
    pictures: tuple[int, int] = (0, 0)
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
        for direction in ("up", "down"):
            script.media(direction, self._media(rng, packets), rate)
        self._control(script)
        return script.schedule()

    def _media(self, rng: Random, packets: int) -> list[Packet]:
        if self.arm.medium == "voice":
            return self.voice(rng, packets)
        return merged(rng, packets, self.voice, repair=self.pictures[1] > 0)

    def _setup(self, script: Script) -> None:
        if self.sealed:
            script.ask(0, 212, 68, "allocate", nonce_at=192, reply_nonce_at=48, tries_ms=TRIES_MS)
            script.ask(160, 272, 68, "control", nonce_at=252, reply_nonce_at=48)
            script.ask(175, 20, 20, "control")
            script.add("down", 150, 46, "control")
            script.add("up", 165, 46, "control")
            return
        script.ask(0, 126, 44, "allocate", tries_ms=TRIES_MS)
        script.ask(0.4, 126, 44, "allocate")
        script.ask(150, 126, 44, "control")
        hello = 86 if self.arm.medium == "voice" else 122
        script.add("down", 20, hello, "control", nonce_at=40)
        script.add("up", 165, hello, "control", nonce_at=40)

    def _control(self, script: Script) -> None:
        """Keepalives and RTCP for as long as there is media."""
        end_ms = script.end_ms
        if self.sealed:
            for at_ms in _every(3205, 3030, end_ms):
                script.ask(at_ms, 20, 20, "control")
        for direction, size, first_ms, step_ms in _CADENCE["relay60" if self.sealed else self.arm.medium]:
            for at_ms in _every(first_ms, step_ms, end_ms):
                script.add(direction, at_ms, size, "control", nonce_at=40 if size > 60 else None)

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`."""
        slots = schedule.slots
        stream = Keystream(key, sum([slot.size for slot in slots]) + 512)
        relay = _Relay(stream, self.token if self.token[0] != 9 else self._version(stream), self.token_bytes)
        senders: dict[Direction, _Sender] = {way: self._sender(stream) for way in ("up", "down")}
        talk, video = self.talk, self.arm.medium == "video"

        def said(place: int, slot: Slot) -> bytes:
            sender = senders[slot.direction]
            if slot.stage != "media":
                return self._ask(relay, sender, slot, stream)
            if video and slot.size >= 500:
                return sender.picture(slot, _closes(slots, place), stream, self.pictures)
            return talk(sender, slot.at_ms - MEDIA_MS, slot.size, stream)

        return fill(slots, said, lambda slot, request: self._reply(relay, slot, request))

    def _version(self, stream: Keystream) -> bytes:
        """2023's tokens open with 9 and 2 or 3, by relay."""
        return bytes((9, 2 + stream.take(1)[0] % 2))

    def _sender(self, stream: Keystream) -> _Sender:
        old = self.arm.variant == "fast20" and self.arm.medium == "voice"
        return _Sender(stream, clock_ms=60.0 * (40 + stream.number(1)), first=stream.number(2) >> 1 if old else 1)

    def _ask(self, relay: _Relay, sender: _Sender, slot: Slot, stream: Keystream) -> bytes:
        if slot.size in (126, 212):
            return relay.allocate(None, sealed=self.sealed)
        if slot.size == 272:
            announced = tuple(number.to_bytes(4, "big") for number in (sender.repair, sender.video, sender.ssrc))
            return relay.allocate(announced, sealed=True)
        if slot.size == 20:
            return stun.encode(Message(Type.WA_PING, relay.transaction()))
        return sender.control(slot.size, stream)

    def _reply(self, relay: _Relay, slot: Slot, request: bytes) -> bytes:
        relay.last = request[8:20]
        if slot.size == 20:
            return stun.encode(Message(Type.WA_PONG, relay.last))
        return relay.response(slot.at_ms, sealed=self.sealed)


def _every(first_ms: float, step_ms: float, end_ms: float) -> Iterator[float]:
    at_ms = first_ms
    while at_ms < end_ms:
        yield at_ms
        at_ms += step_ms


def _closes(slots: tuple[Slot, ...], place: int) -> bool:
    """Is this the last packet of its picture?"""
    now = slots[place]
    for after in slots[place + 1 : place + 12]:
        if after.direction == now.direction and after.stage == "media" and after.size >= 500:
            return after.at_ms - now.at_ms > 10 or after.size - now.size not in (0, -1, -2)
    return True


# ---------------------------------------------------------------- recognition

_TOKENS: Final = range(0x4000, 0x4008)
_PICTURES: Final = (97, 102, 103)


def recognise(datagram: bytes, view: FlowView) -> Hit | None:
    """Is this datagram WhatsApp's?

    By its message types, by a token where STUN has none, by its RTP extension; and, in a flow where one of these was
    seen, by payload type 120, RTCP, and the two words of its old keepalive.
    """
    if stun.is_stun(datagram):
        return _recognise_stun(datagram, view)
    known = "whatsapp" in view.notes
    if datagram in (b"health", b"OK"):
        return Hit("whatsapp", "keepalive", confidence=0.9) if known else None
    if len(datagram) < 20 or datagram[0] >> 6 != 2:
        return None
    if 192 <= datagram[1] <= 223:
        return _recognise_rtcp(datagram) if known else None
    kind = datagram[1] & 127
    extended = datagram[0] == 0x90 and datagram[12:14] in (DEBE, _746F)
    if kind not in (VOICE, *_PICTURES) or not (extended or known):
        return None
    view.notes["whatsapp"] = True
    return Hit("whatsapp", "media", "voice" if kind == VOICE else "video", datagram[8:12], 0.98 if extended else 0.9)


def _recognise_rtcp(datagram: bytes) -> Hit:
    probe = datagram[1] == 199
    return Hit("whatsapp", "probe" if probe else "control", stitch=None if probe else datagram[4:8], confidence=0.9)


def _recognise_stun(datagram: bytes, view: FlowView) -> Hit | None:
    try:
        message = stun.decode(datagram)
    except WireError:
        return None
    kinds = [kind for kind, _ in message.attributes]
    found: Hit | None = None
    match message.type:
        case Type.WA_CLOSE:
            found = Hit("whatsapp", "close")
        case Type.WA_PING | Type.WA_PONG:
            found = Hit("whatsapp", "probe" if Attribute.WA_PROBE_NUMBER in kinds else "keepalive")
        case Type.WA_NOTICE:
            found = Hit("whatsapp", "control")
        case Type.WA_PROBE_REQUEST | Type.WA_PROBE_RESPONSE:
            found = Hit("whatsapp", "probe")
        case Type.ALLOCATE_REQUEST if kinds and kinds[0] in _TOKENS:
            view.setup = "stun.allocate"
            found = Hit("whatsapp", "setup", stitch=_announced(message))
        case Type.ALLOCATE_RESPONSE if Attribute.WA_SERVER_TIME_MS in kinds:
            view.setup = "stun.allocate"
            found = Hit("whatsapp", "setup")
        case Type.BINDING_REQUEST | Type.BINDING_RESPONSE:
            found = _recognise_check(message, kinds, view)
    if found:
        view.notes["whatsapp"] = True
    return found


def _recognise_check(message: Message, kinds: list[int], view: FlowView) -> Hit | None:
    """Between the two phones: nothing but MESSAGE-INTEGRITY; group calls of 2023 name a default user."""
    edge = (message.get(Attribute.USERNAME) or b"").startswith(b"EDGERAY_DEFAULT_USER")
    if not edge and kinds != [Attribute.MESSAGE_INTEGRITY]:
        return None
    view.setup = "stun.binding"
    return Hit("whatsapp", "setup", confidence=0.95 if edge else 0.7)


def _announced(message: Message) -> bytes | None:
    """The SSRC that the client will talk with, from the last stream it announces."""
    streams = [value for kind, value in message.attributes if kind == Attribute.WA_STREAM]
    return streams[-1][1:5] if streams and len(streams[-1]) >= 5 else None


# ---------------------------------------------------------------- what is known, and from where

_OLD, _RECENT = bytes((1, 0)), bytes((5, 3))

SOURCES: Final = (
    Source("set-up, keepalive, 60/120-ms voice, silence, RTCP of 2023", "stun_wa_call__a.pcapng", "low", 319, 28.8),
    Source("20-ms voice, 126-byte set-up, RTCP of 2015", "whatsapp_login_call.pcap (two calls)", "low", 629, 17.8),
    Source("video of 2019: PT 102 and 103, voice with extension 746F", "wa_video.pcap", "low", 421, 5.1),
    Source("video of 2023 has PT 97; its sizes and rate are taken from 2019", "facts/calls-on-the-wire 3.2", "low"),
    Source("160-ms voice, 184-byte set-up of 2020 (recognised only)", "wissamnd_whatsappCall.pcapng", "low", 23, 1.7),
    Source("probes 0804 and 0805, ICE of group calls (recognised only)", "facts/calls-on-the-wire 3.2", "low"),
)

APP: Final = App(
    id="whatsapp",
    name="WhatsApp",
    shapes=(
        Relayed(Arm("whatsapp", "relay60", "voice"), 6.3, b"\x09", 150, talk60, _Sender.talk60),
        Relayed(Arm("whatsapp", "relay60", "video"), 50.0, b"\x09", 150, talk60, _Sender.talk60, (97, 0)),
        Relayed(Arm("whatsapp", "fast20", "voice"), 50.0, _OLD, 102, talk20, _Sender.talk20),
        Relayed(Arm("whatsapp", "fast20", "video"), 62.0, _RECENT, 102, talk2019, _Sender.talk2019, (102, 103)),
    ),
    sources=SOURCES,
    ports=(3478,),
    on_request=("relay60",),
)

CUES: Final[tuple[Cue, ...]] = (run(0, b"health", 6, 6), run(0, b"OK", 2, 2))
