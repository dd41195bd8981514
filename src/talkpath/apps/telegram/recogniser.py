"""Recognises the datagrams of Telegram's calls, all three ways."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.errors import WireError
from talkpath.wire.rtc import reflector, stun
from talkpath.wire.rtc.reflector import Data, Ping, SelfInfo
from talkpath.wire.rtc.stun import Attribute, Type

_SPECIAL_BYTES, _WHOLE_BYTES = (32, 40, 48, 64), 64
OPUS: Final = 111
"""The payload type of voice in tgcalls' source."""


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this datagram Telegram's?

    By the marks of a reflector, by the tag that such a message showed, by the realm of Telegram's TURN servers; and,
    after an ICE check like tgcalls', by bytes that no protocol of a call starts with.
    libtgvoip's peer-to-peer path has no mark at all: a caller that finds a flow on the same local port as one with a
    reflector's messages says so by `view.setup = "telegram.reflector"`, and lengths then have to do.
    """
    if view.captured < min(len(datagram), _WHOLE_BYTES) and (found := _by_tag(datagram, view)):
        return found
    if reflector.is_special(datagram):
        return _recognise_special(datagram, view)
    tag = view.notes.get("tag")
    if isinstance(tag, bytes) and datagram[:16] == tag and len(datagram) % 16 == 0:
        return _by_length(datagram, tag)
    if view.notes.get("cut") and isinstance(tag, bytes) and datagram[:12] == tag[:12]:
        del view.notes["tag"]  # libtgvoip's data has one tag, and whole blocks
        view.notes["call"] = tag[:12]
    if stun.is_stun(datagram):
        return _recognise_stun(datagram, view)
    if len(datagram) > reflector.DATA_BYTES and datagram[20:22] == b"\x00\x00":
        found = _recognise_data(datagram, view)
        if found:
            return found
    if view.captured < reflector.DATA_BYTES + 2 and view.notes.get("call") == datagram[: reflector.CALL_TAG_BYTES]:
        return _by_size(len(datagram) - reflector.DATA_BYTES, 0.9)
    if view.setup == "telegram.reflector" and not view.notes.keys() & {"tag", "call"}:
        return _by_length(datagram, None, 0.8) if len(datagram) % 16 == 0 and len(datagram) >= 32 else None
    return _recognise_opaque(datagram, view)


def _by_tag(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Recognise a reflector's message that was cut off: by four bytes of its mark at least, and its size."""
    mark = datagram[reflector.REFLECTOR_TAG_BYTES : min(view.captured, reflector.REFLECTOR_TAG_BYTES + 12)]
    if len(datagram) not in _SPECIAL_BYTES or len(mark) < 4 or mark != b"\xff" * len(mark):
        return None
    tag = datagram[: reflector.REFLECTOR_TAG_BYTES]
    if "call" not in view.notes:
        view.notes["tag"], view.notes["cut"] = tag, True
    view.setup = "telegram.reflector"
    return RecognisedDatagram("telegram", "setup", stitch=tag, confidence=0.9)


def _recognise_special(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    try:
        frame = reflector.decode_frame(datagram)
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
    return RecognisedDatagram("telegram", "setup", stitch=stitch)


def _by_length(datagram: bytes, tag: bytes | None, confidence: float = 1.0) -> RecognisedDatagram:
    """libtgvoip: voice in blocks from 144 bytes on, control below (128 without the tag)."""
    if len(datagram) >= (144 if tag else 128):
        return RecognisedDatagram("telegram", "media", "voice", tag, confidence)
    return RecognisedDatagram("telegram", "control", None, tag, confidence)


def _recognise_data(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """tgcalls v2: the length fits, and inside is STUN, DTLS, RTP or RTCP."""
    try:
        frame = reflector.decode_frame(datagram)
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
        return RecognisedDatagram("telegram", "setup", stitch=call, confidence=confidence)
    if 192 <= inner[1] <= 223:
        return RecognisedDatagram("telegram", "control", stitch=call, confidence=confidence)
    return RecognisedDatagram("telegram", "media", "voice" if inner[1] & 127 == OPUS else "video", call, confidence)


def _recognise_stun(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    try:
        message = stun.decode_message(datagram)
    except WireError:
        return None
    if (message.get(Attribute.REALM) or b"").rstrip(b"\0") == b"telegram.org":
        view.notes["turn"] = True
        view.setup = "stun.allocate"
        return RecognisedDatagram("telegram", "setup")
    user = message.get(Attribute.USERNAME) or b""
    if message.type == Type.BINDING_REQUEST and len(user) == 9 and user[4] == 58:
        view.notes["ice"] = message.get(Attribute.NETWORK_INFO) is not None
    known = "turn" in view.notes or _opaque(view) >= 2
    return RecognisedDatagram("telegram", "setup", confidence=0.9 if "turn" in view.notes else 0.6) if known else None


def _recognise_opaque(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """tgcalls: bytes that are neither STUN, DTLS, RTP nor ChannelData, on a path that ICE has checked."""
    if not view.notes.get("ice") and "turn" not in view.notes:
        return None
    first = datagram[0] if datagram else 0
    if not (first >> 6 == 2 or 20 <= first <= 25 or 64 <= first <= 79):
        view.notes["opaque"] = _opaque(view) + 1
    if _opaque(view) < 2 or len(datagram) < 21:
        return None
    confidence = 0.9 if "turn" in view.notes else 0.7
    return _by_size(len(datagram), confidence)


def _by_size(size: int, confidence: float) -> RecognisedDatagram:
    """tgcalls: reports, or voice in silence, are one channel, sealed; of small packets nothing tells them apart."""
    if size <= 60:
        return RecognisedDatagram("telegram", "media", confidence=confidence)
    return RecognisedDatagram("telegram", "media", "voice" if size <= 240 else "video", confidence=confidence)


def _opaque(view: FlowView) -> int:
    seen = view.notes.get("opaque", 0)
    return seen if isinstance(seen, int) else 0
