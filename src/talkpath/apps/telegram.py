"""Telegram: three ways to call, none of which looks like the other.

`libtgvoip` (2020): every datagram opens with the call's 16-byte tag, then ciphertext in blocks of 16 bytes; a packet
each 60 ms, never silent, no video. `tgcalls` (2022): ICE in the clear, then bytes that are random from the first on.
`reflector` (tgcalls v2, from its source): WebRTC behind a 24-byte header.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.apps import webrtc
from talkpath.apps.cue import Cue, run
from talkpath.apps.flow import FlowView, Hit
from talkpath.apps.script import TRIES_MS, Packet, Script, fill, tick
from talkpath.apps.shape import KEY_BYTES, App, Arm, Confidence, Direction, Keystream, Schedule, Shape, Slot, Source
from talkpath.errors import WireError
from talkpath.wire import reflector, stun
from talkpath.wire.address import Address
from talkpath.wire.reflector import Data, PeerInfo, PeerRequest, Ping, SelfInfo
from talkpath.wire.stun import Attribute, Message, Type

BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LETTERS: Final = bytes(BASE64[value & 63] for value in range(256))
_START_S: Final = 1_735_689_600  # made-up clocks count from here
OPUS: Final = 111  # payload type in tgcalls' source

# ---------------------------------------------------------------- libtgvoip

_BLOCKS: Final = (160, 176, 192, 208, 224, 240, 256, 272)
_WEIGHTS: Final = (12, 95, 107, 81, 65, 27, 5, 1)  # of the 393 voice packets of the capture, both ways


def _voice_libtgvoip(rng: Random, packets: int) -> list[Packet]:
    """60 ms a packet on the callbacks of either audio unit seen: 512 samples at 44.1 kHz, 1024 at 48 kHz."""
    step_ms = rng.choice((512 / 44.1, 1024 / 48))
    size = rng.choices(_BLOCKS, _WEIGHTS)[0]
    drawn = []
    for number in range(packets):
        drawn.append((max(0.0, tick(60 * number, step_ms) + rng.gauss(0, 0.25)), size))
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
        script.ask(0, 40, 64, "reflector", tries_ms=TRIES_MS)
        for direction, at_ms in (("up", 20.0), ("down", 110.0), ("up", 165.0)):
            script.add("up" if direction == "up" else "down", at_ms, 96, "control", nonce_at=KEY_BYTES)
        script.ask(180, 32, 48, "control")
        for way in ("up", "down"):
            script.media("up" if way == "up" else "down", _voice_libtgvoip(rng, packets), rate)
        end_ms = script.end_ms
        for at_ms in range(500, int(end_ms), 501):
            script.ask(at_ms, 40, 64, "control")
        for at_ms, size in ((490, 96), (990, 96), (1500, 80), (1800, 64)):  # the first seconds negotiate
            if at_ms < end_ms:
                script.add("up", at_ms, size, "control", nonce_at=KEY_BYTES)
                script.add("down", at_ms + 15, size, "control", nonce_at=KEY_BYTES)
        return script.schedule()

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`. The peers' addresses in the answers are made up."""
        slots = schedule.slots
        stream = Keystream(key, sum([slot.size for slot in slots]) + 256)
        tag = stream.take(16)
        unix_s = _START_S + stream.number(4) % 94_608_000
        seen, peer = _made_up(stream), _made_up(stream)

        def said(place: int, slot: Slot) -> bytes:
            if slot.size == 40:
                return reflector.encode(Ping(tag, stream.take(8)))
            if slot.size == 32:
                return reflector.encode(PeerRequest(tag))
            return tag + stream.take(slot.size - 16)

        def answer(slot: Slot, request: bytes) -> bytes:
            if slot.size == 48:
                return reflector.encode(PeerInfo(tag, seen, peer))
            return reflector.encode(SelfInfo(tag, unix_s + int(slot.at_ms // 1000), request[32:40], seen))

        return fill(slots, said, answer)


def _made_up(stream: Keystream) -> Address:
    return Address(stream.take(4), stream.number(2))


# ---------------------------------------------------------------- tgcalls, the peer-to-peer path

_SOUND_GAPS: Final = (24.8, 9.9, 17.7, 18.1, 14.1, 18.5, 16.6, 56.6, 8.9, 8.4)
_PICTURE_GAPS: Final = (102, 121, 72, 49, 111, 11, 121, 57, 58, 93, 32, 52, 65, 74, 46, 81, 41)
_PICTURE_REST: Final = (313, 592)
_SMALL: Final = (65, 68, 84, 55, 29, 29, 49, 65, 45, 45, 65, 45, 29, 61, 53)
_SMALL_GAPS: Final = (50, 5, 6, 23, 1, 228, 248, 152, 106, 36, 83, 17, 2)


def _sound_tgcalls(rng: Random, packets: int) -> list[Packet]:
    at_ms, drawn = 0.0, []
    for _ in range(packets):
        drawn.append((at_ms, 91))
        at_ms += rng.choice(_SOUND_GAPS) * rng.uniform(0.9, 1.1)
    return drawn


def _picture_tgcalls(rng: Random, packets: int) -> list[Packet]:
    """Pictures in one or two packets each, and small packets between them."""
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
        script.ask(0, 100, 64, "stun", nonce_at=72, reply_nonce_at=KEY_BYTES, tries_ms=TRIES_MS, fingerprint=True)
        script.ask(
            90, 96, 64, "control", nonce_at=68, reply_nonce_at=KEY_BYTES, fingerprint=True, direction="down"
        )  # fmt: skip
        for at_ms, size in ((150.0, 23), (175.0, 37), (176.0, 43), (190.0, 26)):
            script.add("up", at_ms, size, "control")
        for at_ms, size in ((182.0, 36), (183.0, 21)):
            script.add("down", at_ms, size, "control")
        draw = _sound_tgcalls if self.arm.medium == "voice" else _picture_tgcalls
        ways: tuple[Direction, Direction] = ("up", "down")
        for way in ways:
            script.media(way, draw(rng, packets), rate)
        if self.arm.medium == "voice":
            self._reports(script)
        return script.schedule()

    def _reports(self, script: Script) -> None:
        end_ms = script.end_ms
        for number in range(int((end_ms - 215) // 50)):
            script.add("up", 215 + 50 * number, 45, "control")
            script.add("down", 230 + 50 * number, 45, "control")

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`."""
        slots = schedule.slots
        stream = Keystream(key, sum([slot.size for slot in slots]) + 512)
        names = stream.take(8).translate(_LETTERS)
        users = {100: names[:4] + b":" + names[4:], 96: names[4:] + b":" + names[:4]}

        def said(place: int, slot: Slot) -> bytes:
            if slot.fingerprint:
                return _check(users[slot.size], slot.size == 100, stream)
            return stream.take(slot.size)

        return fill(slots, said, lambda slot, request: _answer(request[8:20], stream))


def _check(user: bytes, controlling: bool, stream: Keystream) -> bytes:
    """An ICE connectivity check as libwebrtc of 2022 builds it; tie-breaker zero, as captured."""
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
    return stun.encode(Message(Type.BINDING_REQUEST, transaction, attributes), fingerprint=True)


def _answer(transaction: bytes, stream: Keystream) -> bytes:
    mapped = b"\x00\x01" + stream.take(6)
    attributes = ((Attribute.XOR_MAPPED_ADDRESS, mapped), (Attribute.MESSAGE_INTEGRITY, stream.take(20)))
    return stun.encode(Message(Type.BINDING_RESPONSE, transaction, attributes), fingerprint=True)


# ---------------------------------------------------------------- tgcalls v2, behind a reflector


@dataclass(frozen=True, slots=True)
class _Wrapped(Schedule):
    """A schedule whose slots, but for the hello's, are those of `inner` in the same order."""

    inner: Schedule


@dataclass(frozen=True, slots=True)
class Reflected:
    """A WebRTC call inside the frames of a reflector."""

    inner: Shape
    confidence: Confidence = "low"
    shape_class: str = "reflector"

    @property
    def arm(self) -> Arm:
        """The medium is that of the call inside."""
        return Arm("telegram", "reflector", self.inner.arm.medium)

    @property
    def packet_rate(self) -> float:
        """That of the call inside."""
        return self.inner.packet_rate

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`. The hello goes out beside the first checks of the call inside."""
        inner = self.inner.schedule(rng, packets, rate=rate, hello=hello)
        script = Script()
        script.ask(0, 40, 64, "reflector", tries_ms=TRIES_MS)
        script.wrap(inner, reflector.DATA_BYTES, 4)
        whole = script.schedule()
        return _Wrapped(whole.slots, inner.duration_ms, inner)

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`; `schedule` is one that this shape drew."""
        assert isinstance(schedule, _Wrapped)
        stream = Keystream(key + b"reflector", 64)
        call, ends = stream.take(12), {"up": stream.take(4), "down": stream.take(4)}
        unix_s = _START_S + stream.number(4) % 94_608_000
        hello = reflector.encode(Ping(call + ends["up"], reflector.HELLO_QUERY))
        answer = reflector.encode(SelfInfo(hello[:16], unix_s, reflector.HELLO_QUERY, _made_up(stream)))
        heads = {"up": call + ends["down"] + ends["up"], "down": call + ends["up"] + ends["down"]}
        inner = iter(self.inner.datagrams(schedule.inner, key))
        made = []
        for slot in schedule.slots:
            if slot.stage == "reflector":
                made.append(hello if slot.direction == "up" else answer)
            else:
                data = next(inner)
                made.append(heads[slot.direction] + len(data).to_bytes(4, "big") + data + _PADDING[len(data) % 4])
        return made


_PADDING: Final = (b"", bytes(3), bytes(2), bytes(1))

# ---------------------------------------------------------------- recognition


def recognise(datagram: bytes, view: FlowView) -> Hit | None:
    """Is this datagram Telegram's?

    By the marks of a reflector, by the tag that such a message showed, by the realm of Telegram's TURN servers; and,
    after an ICE check like tgcalls', by bytes that no protocol of a call starts with.
    libtgvoip's peer-to-peer path has no mark at all: a caller that finds a flow on the same local port as one with a
    reflector's messages says so by `view.setup = "telegram.reflector"`, and lengths then have to do.
    """
    if reflector.is_special(datagram):
        return _recognise_special(datagram, view)
    tag = view.notes.get("tag")
    if isinstance(tag, bytes) and datagram[:16] == tag and len(datagram) % 16 == 0:
        return _by_length(datagram, tag)
    if stun.is_stun(datagram):
        return _recognise_stun(datagram, view)
    if len(datagram) > reflector.DATA_BYTES and datagram[20:22] == b"\x00\x00":
        found = _recognise_data(datagram, view)
        if found:
            return found
    if view.setup == "telegram.reflector" and not view.notes.keys() & {"tag", "call"}:
        return _by_length(datagram, None, 0.8) if len(datagram) % 16 == 0 and len(datagram) >= 32 else None
    return _recognise_opaque(datagram, view)


def _recognise_special(datagram: bytes, view: FlowView) -> Hit | None:
    try:
        frame = reflector.decode(datagram)
    except WireError:
        return None
    hello = isinstance(frame, Ping) and frame.is_hello
    answers_hello = isinstance(frame, SelfInfo) and frame.query == reflector.HELLO_QUERY
    if hello or answers_hello:
        view.notes["call"] = stitch = frame.tag[: reflector.CALL_TAG_BYTES]
    elif not isinstance(frame, Data):
        view.notes["tag"] = stitch = frame.tag
    else:
        return None
    view.setup = "telegram.reflector"
    return Hit("telegram", "setup", stitch=stitch)


def _by_length(datagram: bytes, tag: bytes | None, confidence: float = 1.0) -> Hit:
    """libtgvoip: voice in blocks from 144 bytes on, control below (128 without the tag)."""
    if len(datagram) >= (144 if tag else 128):
        return Hit("telegram", "media", "voice", tag, confidence)
    return Hit("telegram", "control", None, tag, confidence)


def _recognise_data(datagram: bytes, view: FlowView) -> Hit | None:
    """tgcalls v2: the length fits, and inside is STUN, DTLS, RTP or RTCP."""
    try:
        frame = reflector.decode(datagram)
    except WireError:
        return None
    if not isinstance(frame, Data):
        return None
    inner, call = frame.inner, frame.tag[: reflector.CALL_TAG_BYTES]
    confidence = 1.0 if view.notes.get("call") == call else 0.85
    setup = stun.is_stun(inner) or inner[1:3] in (b"\xfe\xff", b"\xfe\xfd")
    if not setup and (len(inner) < 12 or inner[0] >> 6 != 2):
        return None
    view.notes["path"] = "relay"
    if setup:
        return Hit("telegram", "setup", stitch=call, confidence=confidence)
    if 192 <= inner[1] <= 223:
        return Hit("telegram", "control", stitch=call, confidence=confidence)
    return Hit("telegram", "media", "voice" if inner[1] & 127 == OPUS else "video", call, confidence)


def _recognise_stun(datagram: bytes, view: FlowView) -> Hit | None:
    try:
        message = stun.decode(datagram)
    except WireError:
        return None
    if (message.get(Attribute.REALM) or b"").rstrip(b"\0") == b"telegram.org":
        view.notes["turn"] = True
        view.setup = "stun.allocate"
        return Hit("telegram", "setup")
    user = message.get(Attribute.USERNAME) or b""
    if message.type == Type.BINDING_REQUEST and len(user) == 9 and user[4] == 58:
        view.notes["ice"] = message.get(Attribute.NETWORK_INFO) is not None
    known = "turn" in view.notes or _opaque(view) >= 2
    return Hit("telegram", "setup", confidence=0.9 if "turn" in view.notes else 0.6) if known else None


def _recognise_opaque(datagram: bytes, view: FlowView) -> Hit | None:
    """tgcalls: bytes that are neither STUN, DTLS, RTP nor ChannelData, on a path that ICE has checked."""
    if not view.notes.get("ice") and "turn" not in view.notes:
        return None
    first = datagram[0] if datagram else 0
    if not (first >> 6 == 2 or 20 <= first <= 25 or 64 <= first <= 79):
        view.notes["opaque"] = _opaque(view) + 1
    if _opaque(view) < 2 or len(datagram) < 21:
        return None
    confidence = 0.9 if "turn" in view.notes else 0.7
    if len(datagram) <= 60:  # reports, or voice in silence: one channel, sealed, nothing tells them apart
        return Hit("telegram", "media", confidence=confidence)
    return Hit("telegram", "media", "voice" if len(datagram) <= 240 else "video", confidence=confidence)


def _opaque(view: FlowView) -> int:
    seen = view.notes.get("opaque", 0)
    return seen if isinstance(seen, int) else 0


# ---------------------------------------------------------------- what is known, and from where

SOURCES: Final = (
    Source("libtgvoip: pings, answers, peer request, voice of 60 ms", "telegram__a.pcap", "low", 393, 12.2),
    Source(
        "tgcalls: ICE checks, 91-byte sound, 45-byte reports, pictures", "telegram_videocall.pcapng", "low", 98, 1.9
    ),
    Source("reflector: hello, header, padding", "DrKLO/Telegram, ReflectorPort.cpp at 068cd49", "low"),
    Source("reflector: the answer to the hello is that of libtgvoip's reflectors", "assumed, no capture", "low"),
    Source("reflector: the call inside is that of a browser", "assumed from the same source, no capture", "low"),
)

APP: Final = App(
    id="telegram",
    name="Telegram",
    shapes=(
        Libtgvoip(Arm("telegram", "libtgvoip", "voice")),
        Tgcalls(Arm("telegram", "tgcalls", "voice"), 51.0),
        Tgcalls(Arm("telegram", "tgcalls", "video"), 30.0),
        *(Reflected(shape) for shape in webrtc.APP.shapes),
    ),
    sources=SOURCES,
    ports=(596, 597, 598, 599, 1400),
)

CUES: Final[tuple[Cue, ...]] = (run(16, b"\xff" * 12, 32, 64),)
WRAPPINGS: Final[tuple[Cue, ...]] = tuple(
    Cue(((20, 0), (21, 0), (24, first)), 36, 1500, inner_at=24) for first in (0x80, 0x90)
)
