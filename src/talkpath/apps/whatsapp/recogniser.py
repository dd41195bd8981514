"""Recognises the datagrams of WhatsApp's calls."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.whatsapp.sender import DEBE, EXTENSION_2019, VOICE_PAYLOAD_TYPE
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

FEATURES: Final = AppFeatures(
    "whatsapp",
    types=(5, 5, 7, 87),  # Messenger's relays, which are Meta's too, speak the same types
    token=(5, 5, 1, 96),  # of a length that Messenger's have not
    probes=(1, 5, 0, 97),
    check=(3, 5, 0, 97),  # between the two phones: nothing but MESSAGE-INTEGRITY
    extension=(3, 5, 0, 97),
    voice=(5, 5, 1, 96),  # payload type 120 in a flow where one of the others was seen
)

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
_TOKEN_BYTES: Final = (102, 150)
_ASKED_BYTES, _CHECK_BYTES = (106, 164, 192, 252), 24
"""Lengths of the attributes: of requests for a relay, and of the check between two phones."""


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this datagram WhatsApp's?

    By its message types, by a token where STUN has none, by its RTP extension; and, in a flow where one of these was
    seen, by payload type 120, RTCP, and the two words of its old keepalive.
    """
    if stun.is_stun(datagram):
        is_cut = view.captured < min(len(datagram), _ATTRIBUTES_AT)
        found = _by_header(datagram, view) if is_cut else _recognise_stun(datagram, view)
        if found:
            view.notes["whatsapp"] = True
        return found
    known = "whatsapp" in view.notes
    if datagram in (b"health", b"OK"):
        return FEATURES.hit("keepalive") if known else None
    if len(datagram) < 20 or datagram[0] >> 6 != 2:
        return None
    if 192 <= datagram[1] <= 223:
        return _recognise_rtcp(datagram) if known else None
    kind = datagram[1] & 127
    extended = datagram[0] == 0x90 and datagram[12:14] in (DEBE, EXTENSION_2019)
    if kind not in (VOICE_PAYLOAD_TYPE, *_PICTURES) or not (extended or known):
        return None
    view.notes["whatsapp"] = True
    shown = (*(["extension"] if extended else []), *(["voice"] if kind == VOICE_PAYLOAD_TYPE else []))
    return FEATURES.hit(
        "media", *shown, medium="voice" if kind == VOICE_PAYLOAD_TYPE else "video", stitch=datagram[8:12]
    )


def _recognise_rtcp(datagram: bytes) -> RecognisedDatagram:
    probe = datagram[1] == 199
    return FEATURES.hit("probe" if probe else "control", stitch=None if probe else datagram[4:8])


def _recognise_stun(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    message = stun.read_message(datagram)
    if message is None:
        return None
    kinds = [kind for kind, _ in message.attributes]
    match message.type:
        case Type.WA_CLOSE:
            return FEATURES.hit("close", "types")
        case Type.WA_PING | Type.WA_PONG:
            return FEATURES.hit("probe" if Attribute.WA_PROBE_NUMBER in kinds else "keepalive", "types")
        case Type.WA_NOTICE:
            return FEATURES.hit("control", "types")
        case Type.WA_PROBE_REQUEST | Type.WA_PROBE_RESPONSE:
            return FEATURES.hit("probe", "types", "probes")
        case Type.ALLOCATE_REQUEST if kinds and kinds[0] in _TOKENS:
            view.setup = "stun.allocate"
            shown = ["token"] if len(message.attributes[0][1]) in _TOKEN_BYTES else []
            return FEATURES.hit("setup", "types", *shown, stitch=_announced(message))
        case Type.ALLOCATE_RESPONSE if Attribute.WA_SERVER_TIME_MS in kinds:
            view.setup = "stun.allocate"
            return FEATURES.hit("setup", "types")
        case Type.BINDING_REQUEST | Type.BINDING_RESPONSE:
            return _recognise_check(kinds, view)
    return None


def _by_header(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Recognise a message of which only the header was recorded: by a type of its own, by the length of a request for a
    relay, and by that of the check that has nothing but MESSAGE-INTEGRITY."""
    kind, length = int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[2:4], "big")
    if kind in _OWN:
        return FEATURES.hit(_OWN[kind], "types")
    if kind == Type.ALLOCATE_REQUEST and length in _ASKED_BYTES:
        view.setup = "stun.allocate"
        return FEATURES.hit("setup", "types", "token")
    if kind in (Type.BINDING_REQUEST, Type.BINDING_RESPONSE) and length == _CHECK_BYTES:
        view.setup = "stun.binding"
        return FEATURES.hit("setup", "check")
    return None


def _recognise_check(kinds: list[int], view: FlowView) -> RecognisedDatagram | None:
    if kinds != [Attribute.MESSAGE_INTEGRITY]:
        return None
    view.setup = "stun.binding"
    return FEATURES.hit("setup", "check")


def _announced(message: StunMessage) -> bytes | None:
    """The SSRC that the client will talk with, from the last stream it announces."""
    streams = [value for kind, value in message.attributes if kind == Attribute.WA_STREAM]
    return streams[-1][1:5] if streams and len(streams[-1]) >= 5 else None
