"""Recognises the datagrams of Telegram's calls, all four ways."""

from __future__ import annotations

from typing import Final, cast

from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.errors import WireError
from talkpath.wire.rtc import dtls, reflector, rtp, stun
from talkpath.wire.rtc.reflector import Data, Ping, SelfInfo
from talkpath.wire.rtc.rtp import RtpPacket
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

FEATURES: Final = AppFeatures(
    "telegram",
    mark=(9, 9, 0, 97),  # twelve bytes FF behind a tag: to or from the reflector itself
    tagged=(1, 1, 0, 97),  # libtgvoip's data, whole blocks behind the same tag
    frame=(8, 8, 0, 97),  # a length that closes the datagram, a call's packet behind it
    realm=(2, 3, 0, 97),
    priority=(51, 51, 1, 99),  # PRIORITY ends in 00: made for component 0, which no SDP has
    client=(22, 22, 0, 17),  # the end that controls ICE is the client of DTLS; where SDP is spoken it is the server
    voice=(22, 22, 0, 17),  # 60 ms a packet, two extension elements and no more
    probe=(20, 20, 0, 17),  # padding on video's repair in calls without video
    opaque=(1, 1, 0, 97),  # neither STUN, DTLS nor RTP on a path that such checks opened
)
"""Counted in 22 recorded calls of its engine of 2026, the calls of 2020 and 2022, 17 calls of others and the public
captures; `priority` in all recordings with checks of one end, public ones and those of `make engines`."""

_SPECIAL_BYTES, _WHOLE_BYTES = (32, 40, 48, 64), 64
OPUS, _PROBE_TYPE = 111, 103
"""The payload types of voice and of padding in tgcalls."""
_MOST_SMALL_BYTES = 300
"""Voice of 60 ms has up to 276 bytes, and padding 292; pictures, reports and set-up may be as small."""
_STEP: Final = 2880
_VOICE_ELEMENTS, _PROBE_ELEMENTS, _PROBE_BYTES = [(2, 3), (3, 2)], [(3, 2), (2, 3)], 289
"""(id, bytes) of extension elements, in their order."""


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this datagram Telegram's?

    By the marks of a reflector, by the tag that such a message showed, by the realm of Telegram's TURN servers; on a
    path that ICE checked as tgcalls does, by DTLS and RTP as tgcalls has them, or by bytes that no protocol of a call
    starts with. libtgvoip's peer-to-peer path has no mark at all: a caller that finds a flow on the same local port as
    one with a reflector's messages says so by `view.setup = "telegram.reflector"`, and lengths then have to do.
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
    if message := stun.read_message(datagram):
        return _recognise_stun(message, view)
    if len(datagram) > reflector.DATA_BYTES and datagram[20:22] == b"\x00\x00":
        found = _recognise_data(datagram, view)
        if found:
            return found
    if view.captured < reflector.DATA_BYTES + 2 and view.notes.get("call") == datagram[: reflector.CALL_TAG_BYTES]:
        is_large = len(datagram) > reflector.DATA_BYTES + _MOST_SMALL_BYTES
        return FEATURES.hit("untold", "frame", medium="video" if is_large else None)
    if view.setup == "telegram.reflector" and not view.notes.keys() & {"tag", "call"}:
        return _by_length(datagram, None) if len(datagram) % 16 == 0 and len(datagram) >= 32 else None
    if "turn" not in view.notes and ("checked" not in view.notes or "others" in _checked_ends(view)):
        return None
    if dtls.is_dtls(datagram) or dtls.is_ciphertext(datagram):
        view.notes["dtls"] = True
        return _recognise_dtls(datagram, view)
    if datagram[:1] and datagram[0] >> 6 == 2 and not _opaque(view):
        return _recognise_media(datagram, view)
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
    return FEATURES.hit("setup", "mark", stitch=tag)


def _recognise_special(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    try:
        frame = reflector.decode_frame(datagram)
    except WireError:
        return None
    is_answer = isinstance(frame, SelfInfo) and frame.query == reflector.HELLO_QUERY
    if is_answer or (isinstance(frame, Ping) and frame.is_hello):
        view.notes["call"] = stitch = frame.tag[: reflector.CALL_TAG_BYTES]
    elif not isinstance(frame, Data):
        view.notes["tag"] = stitch = frame.tag
    else:
        return None
    view.setup = "telegram.reflector"
    return FEATURES.hit("setup", "mark", stitch=stitch)


def _by_length(datagram: bytes, tag: bytes | None) -> RecognisedDatagram:
    """libtgvoip: voice in blocks from 144 bytes on, control below (128 without the tag)."""
    shown, is_voice = ("tagged",) if tag else (), len(datagram) >= (144 if tag else 128)
    return FEATURES.hit("media" if is_voice else "control", *shown, medium="voice" if is_voice else None, stitch=tag)


def _recognise_data(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """tgcalls v2: the length fits, and inside is STUN, DTLS, RTP or RTCP."""
    try:
        frame = reflector.decode_frame(datagram)
    except WireError:
        return None
    if not isinstance(frame, Data):
        return None
    inner, call = frame.inner, frame.tag[: reflector.CALL_TAG_BYTES]
    setup = stun.is_stun(inner) or inner[1:3] in (b"\xfe\xff", b"\xfe\xfd")
    if not setup and (len(inner) < 12 or inner[0] >> 6 != 2):
        return None
    view.notes["path"] = "relay"
    if setup:
        return FEATURES.hit("setup", "frame", stitch=call)
    if 192 <= inner[1] <= 223:
        return FEATURES.hit("control", "frame", stitch=call)
    shown = _shown_by_media(rtp.decode_packet(inner), len(inner), view) if rtp.is_rtp(inner) else ()
    is_voice = inner[1] & 127 == OPUS
    if not is_voice and view.captured < reflector.DATA_BYTES + 12 and len(inner) <= _MOST_SMALL_BYTES:
        return FEATURES.hit("probe", "frame", stitch=call)  # the timestamp that would tell was cut off
    return FEATURES.hit("media", "frame", *shown, medium="voice" if is_voice else "video", stitch=call)


def _recognise_stun(message: StunMessage, view: FlowView) -> RecognisedDatagram | None:
    if (message.get(Attribute.REALM) or b"").rstrip(b"\0") == b"telegram.org":
        view.notes["turn"] = True
        view.setup = "stun.allocate"
        return FEATURES.hit("setup", "realm")
    if message.type == Type.BINDING_REQUEST and message.get(Attribute.USERNAME) is not None:
        _note_check(message, view)
    if "checked" in view.notes and "others" not in _checked_ends(view) != set():
        return FEATURES.hit("setup", "priority")
    return FEATURES.hit("setup") if "turn" in view.notes else None


def _note_check(message: StunMessage, view: FlowView) -> None:
    """Note the end that controls, and by which ends a check's PRIORITY is one for component 0, as in no call that SDP
    sets up; another PRIORITY ends the search, and one that the recording cut off tells nothing."""
    user, priority = message.get(Attribute.USERNAME) or b"", message.get(Attribute.PRIORITY) or b""
    if message.get(Attribute.ICE_CONTROLLING) is not None:
        view.notes.setdefault("controlling", view.direction)
    ends = _checked_ends(view)
    if len(user) != 9 or user[4] != 58 or (any(priority) and priority[3:] != b"\0"):
        ends.add("others")
    elif any(priority):
        ends.add(view.direction)


def _checked_ends(view: FlowView) -> set[str]:
    return cast("set[str]", view.notes.setdefault("checked", set()))


def _recognise_dtls(datagram: bytes, view: FlowView) -> RecognisedDatagram:
    is_hello = datagram[0] == dtls.Content.HANDSHAKE and datagram[13:14] == b"\x01"
    if is_hello and view.notes.get("controlling") == view.direction:
        return FEATURES.hit("setup", "client")
    return FEATURES.hit("control")


def _recognise_media(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    if rtp.is_rtcp(datagram):
        return FEATURES.hit("control")
    if not rtp.is_rtp(datagram):
        return None
    packet = rtp.decode_packet(datagram)
    shown = _shown_by_media(packet, len(datagram), view)
    if packet.padded and packet.timestamp == 0:
        return FEATURES.hit("probe", *shown)
    stitch = packet.ssrc.to_bytes(4, "big")
    return FEATURES.hit("media", *shown, medium="voice" if packet.payload_type == OPUS else "video", stitch=stitch)


def _shown_by_media(packet: RtpPacket, size: int, view: FlowView) -> tuple[str, ...]:
    """Return the features of a packet, and of its distance from the one before."""
    elements = packet.one_byte_elements()
    if packet.payload_type == _PROBE_TYPE and size == _PROBE_BYTES and packet.timestamp == 0:
        return ("probe",) if elements == _PROBE_ELEMENTS else ()
    if packet.payload_type != OPUS or elements != _VOICE_ELEMENTS:
        return ()
    first = cast("RtpPacket", view.notes.setdefault(f"{packet.ssrc}", packet))
    steps, ticks = (packet.sequence - first.sequence) & 0xFFFF, (packet.timestamp - first.timestamp) & 0xFFFFFFFF
    return ("voice",) if 0 < steps < 1000 and ticks == steps * _STEP else ()


def _recognise_opaque(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """tgcalls: bytes that are neither STUN, DTLS, RTP nor ChannelData, where DTLS never came."""
    first = datagram[0] if datagram else 0
    if not (first >> 6 == 2 or 20 <= first <= 79 or "dtls" in view.notes):
        view.notes["opaque"] = _opaque(view) + 1
    if _opaque(view) < 2 or len(datagram) < 21:
        return None
    # reports, or voice in silence, are one channel, sealed: of small packets nothing tells them apart
    return FEATURES.hit(
        "media", "opaque", medium=None if len(datagram) <= 60 else "voice" if len(datagram) <= 240 else "video"
    )


def _opaque(view: FlowView) -> int:
    return cast("int", view.notes.get("opaque", 0))
