"""Recognises the datagrams of WhatsApp's calls."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.whatsapp.sender import DEBE, EXTENSION_2019, VOICE_PAYLOAD_TYPE
from talkpath.errors import WireError
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

_TOKENS: Final = range(0x4000, 0x4008)
_PICTURES: Final = (97, 102, 103)
_ATTRIBUTES_AT: Final = stun.STUN_HEADER_BYTES + 4
_OWN: Final = {
    int(Type.WA_CLOSE): "close",
    int(Type.WA_PING): "keepalive",
    int(Type.WA_PONG): "keepalive",
    int(Type.WA_PROBE_REQUEST): "probe",
    int(Type.WA_PROBE_RESPONSE): "probe",
}
_ASKED_BYTES, _CHECK_BYTES = {106: 0.9, 164: 0.6, 192: 0.6, 252: 0.6}, 24
"""Lengths of the attributes: of requests for a relay, with how sure they are (no padded message has 106), and of the
check between two phones."""


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this datagram WhatsApp's?

    By its message types, by a token where STUN has none, by its RTP extension; and, in a flow where one of these was
    seen, by payload type 120, RTCP, and the two words of its old keepalive.
    """
    if stun.is_stun(datagram):
        return _recognise_stun(datagram, view)
    known = "whatsapp" in view.notes
    if datagram in (b"health", b"OK"):
        return RecognisedDatagram("whatsapp", "keepalive", confidence=0.9) if known else None
    if len(datagram) < 20 or datagram[0] >> 6 != 2:
        return None
    if 192 <= datagram[1] <= 223:
        return _recognise_rtcp(datagram) if known else None
    kind = datagram[1] & 127
    extended = datagram[0] == 0x90 and datagram[12:14] in (DEBE, EXTENSION_2019)
    if kind not in (VOICE_PAYLOAD_TYPE, *_PICTURES) or not (extended or known):
        return None
    view.notes["whatsapp"] = True
    return RecognisedDatagram(
        "whatsapp",
        "media",
        "voice" if kind == VOICE_PAYLOAD_TYPE else "video",
        datagram[8:12],
        0.98 if extended else 0.9,
    )


def _recognise_rtcp(datagram: bytes) -> RecognisedDatagram:
    probe = datagram[1] == 199
    return RecognisedDatagram(
        "whatsapp", "probe" if probe else "control", stitch=None if probe else datagram[4:8], confidence=0.9
    )


def _recognise_stun(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    if view.captured < min(len(datagram), _ATTRIBUTES_AT):
        return _by_header(datagram, view)
    try:
        message = stun.decode_message(datagram)
    except WireError:
        return None
    kinds = [kind for kind, _ in message.attributes]
    found: RecognisedDatagram | None = None
    match message.type:
        case Type.WA_CLOSE:
            found = RecognisedDatagram("whatsapp", "close")
        case Type.WA_PING | Type.WA_PONG:
            found = RecognisedDatagram("whatsapp", "probe" if Attribute.WA_PROBE_NUMBER in kinds else "keepalive")
        case Type.WA_NOTICE:
            found = RecognisedDatagram("whatsapp", "control")
        case Type.WA_PROBE_REQUEST | Type.WA_PROBE_RESPONSE:
            found = RecognisedDatagram("whatsapp", "probe")
        case Type.ALLOCATE_REQUEST if kinds and kinds[0] in _TOKENS:
            view.setup = "stun.allocate"
            found = RecognisedDatagram("whatsapp", "setup", stitch=_announced(message))
        case Type.ALLOCATE_RESPONSE if Attribute.WA_SERVER_TIME_MS in kinds:
            view.setup = "stun.allocate"
            found = RecognisedDatagram("whatsapp", "setup")
        case Type.BINDING_REQUEST | Type.BINDING_RESPONSE:
            found = _recognise_check(message, kinds, view)
    if found:
        view.notes["whatsapp"] = True
    return found


def _by_header(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Recognise a message of which only the header was recorded: by a type of its own, by the length of a request for a
    relay, and by that of the check that has nothing but MESSAGE-INTEGRITY."""
    kind, length = int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[2:4], "big")
    found: RecognisedDatagram | None = None
    if kind in _OWN:
        found = RecognisedDatagram("whatsapp", _OWN[kind], confidence=0.9)
    elif kind == Type.ALLOCATE_REQUEST and length in _ASKED_BYTES:
        view.setup = "stun.allocate"
        found = RecognisedDatagram("whatsapp", "setup", confidence=_ASKED_BYTES[length])
    elif kind in (Type.BINDING_REQUEST, Type.BINDING_RESPONSE) and length == _CHECK_BYTES:
        view.setup = "stun.binding"
        found = RecognisedDatagram("whatsapp", "setup", confidence=0.6)
    if found:
        view.notes["whatsapp"] = True
    return found


def _recognise_check(message: StunMessage, kinds: list[int], view: FlowView) -> RecognisedDatagram | None:
    """Between the two phones: nothing but MESSAGE-INTEGRITY; group calls of 2023 name a default user."""
    edge = (message.get(Attribute.USERNAME) or b"").startswith(b"EDGERAY_DEFAULT_USER")
    if not edge and kinds != [Attribute.MESSAGE_INTEGRITY]:
        return None
    view.setup = "stun.binding"
    return RecognisedDatagram("whatsapp", "setup", confidence=0.95 if edge else 0.7)


def _announced(message: StunMessage) -> bytes | None:
    """The SSRC that the client will talk with, from the last stream it announces."""
    streams = [value for kind, value in message.attributes if kind == Attribute.WA_STREAM]
    return streams[-1][1:5] if streams and len(streams[-1]) >= 5 else None
