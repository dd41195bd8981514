"""Published signatures of calls: the byte patterns by which middleboxes recognise apps, and functions that read them.

Sources: STUN by its cookie (RFC 8489; WhatsApp's types 0800 to 0805 and attributes 4000 to 4007 as in nDPI's stun.c,
also unpadded), TURN by its realm, ICE by the form of USERNAME (libwebrtc's 4:4), DTLS by record header and use_srtp,
RTP by an SSRC with consecutive sequence numbers (as in Wireshark's and nDPI's heuristics), Telegram by its peer tag and
twelve bytes FF (tgcalls' ReflectorPort.cpp), Zoom and Teams by their own headers.
"""

from __future__ import annotations

import struct
from typing import Final

STUN_COOKIE: Final = b"\x21\x12\xa4\x42"
TAG_MARK: Final = b"\xff" * 12
WHATSAPP_EXTENSION: Final = b"\xde\xbe"  # not RFC 8285's BEDE

APP_CLASSES: Final = {
    "whatsapp": "whatsapp",
    "telegram": "telegram",
    "signal": "signal",
    "meet": "webrtc",
    "max": "webrtc",
    "webrtc": "webrtc",
    "zoom": "zoom",
    "teams": "teams",
    "viber": "viber",
    "facebook_messenger": "facebook_messenger",
    "rtp": "rtp",
}
MATCHED_APPS: Final = tuple(APP_CLASSES)

ICE_APPS: Final = frozenset(("signal", "telegram", "webrtc"))
OWN_ENCRYPTION: Final = frozenset(("signal", "telegram"))  # after ICE, without DTLS
TELEGRAM_ALONE: Final = frozenset(("telegram",))  # its DTLS asks for SRTP as others' does
NO_APPS: Final[frozenset[str]] = frozenset()

_REALMS: Final = {
    b"telegram.org": "telegram",
    b"signal.org": "signal",
    b"viber.com": "viber",
    b"turner.facebook": "facebook_messenger",
}
_WHATSAPP_TYPES: Final = frozenset(range(0x0800, 0x0806))
_WHATSAPP_ATTRIBUTES: Final = frozenset(range(0x4000, 0x4008))
_MICROSOFT: Final = frozenset((0x8008, 0x8036, 0x8037, 0x8054, 0x8055, 0x8070))
_USERNAME, _REALM, _PRIORITY, _USE_CANDIDATE, _CONTROLLING = 0x0006, 0x0014, 0x0024, 0x0025, 0x802A
_NOMINATION, _GOOG_DELTA = 0xC001, 0xC059
SIGNAL_SSRC: Final = frozenset(base + n for base in (1000, 2000) for n in (1, 2, 3, 11, 12, 13))
ZOOM_HELLO: Final = (b"\x01\x00\x02", b"\x01\x00\x03", b"\x02\x00\x02", b"\x02\x00\x03")
ZOOM_FIRST: Final = b"\x01\x02\x05"
ZOOM_MEDIA: Final = {15: "voice", 16: "video"}

# RTP payload types that carry one medium in one app by its public captures; 0 to 18: RFC 3551.
VOICE_TYPES: Final = {
    "whatsapp": frozenset((120, 121)),
    "signal": frozenset((102,)),
    "webrtc": frozenset((0, 8, 9, 13, 63, 109, 110, 111, 126)),
    "teams": frozenset((104, 118)),
    "rtp": frozenset((*range(19), 101, 108, 111)),
}
VIDEO_TYPES: Final = {"whatsapp": frozenset((97, 102, 103))}
OTHER_TYPES: Final = {"signal": frozenset((101, 118, 13))}

LOOKS: Final = 32  # packets by which a middlebox classifies a session (TSPU manual chapter 8: 30)
RTP_RUN: Final = 4  # consecutive packets of one SSRC after which a flow is taken for RTP
UNKNOWN_PACKETS: Final = 3  # of neither STUN, DTLS nor RTP in an ICE flow: then it is tgcalls' own encryption
MIN_VIDEO_BYTES: Final = 400  # where no payload type can be read, a larger packet is video
MIN_VOICE_BYTES: Final = 80  # and a smaller one is a report (tgcalls: 21 to 65 bytes, voice 91)
VOICE_PACKETS: Final = 6  # so many voice packets without a video packet make a voice call
NO_TYPES: Final[frozenset[int]] = frozenset()


def medium_by_size(payload: bytes) -> str:
    """The medium of an encrypted media packet by its length, "" for a report."""
    if len(payload) > MIN_VIDEO_BYTES:
        return "video"
    return "voice" if len(payload) >= MIN_VOICE_BYTES else ""


def unwrap_reflector(payload: bytes) -> bytes:
    """The packet inside a Telegram reflector packet (version 2: tag, two ids, length, packet), b"" for none."""
    if len(payload) < 28:
        return b""
    size = int.from_bytes(payload[20:24], "big")
    return payload[24 : 24 + size] if 24 + size + (-size % 4) == len(payload) else b""


def ice_suspects(kind: int, attributes: dict[int, bytes], before: frozenset[str]) -> frozenset[str]:
    """The apps whose ICE it could be: clients built on libwebrtc differ in their first connectivity checks.

    Telegram's checks are made for component 0 (InstanceV2Impl's `P2PTransportChannel::Create("transport", 0, ...)`), so
    that PRIORITY ends in 00 (RFC 8445 section 5.1.2.1), as in the capture of 2022. By captures of 2021 to 2023:
    browsers and Meet's server have GOOG_DELTA in the first one or a USERNAME that is not 4:4, or nominate at once;
    Signal nominates late (renomination).
    """
    username, priority = attributes.get(_USERNAME, b""), attributes.get(_PRIORITY, b"")
    if any(priority) and priority[3:] == b"\0":
        return TELEGRAM_ALONE
    if _GOOG_DELTA in attributes or (b":" in username and len(username) != 9):
        return frozenset(("webrtc",))
    if _NOMINATION in attributes:
        return frozenset(("signal",))
    others = ICE_APPS - TELEGRAM_ALONE if any(priority) else ICE_APPS
    if kind == 0x0001 and _CONTROLLING in attributes and before in (NO_APPS, ICE_APPS, others):
        return frozenset(("webrtc" if _USE_CANDIDATE in attributes else "signal",))
    return before or others


def app_of_stun(kind: int, attributes: dict[int, bytes]) -> str:
    """The app that a single STUN message identifies, "" for none."""
    if kind in _WHATSAPP_TYPES or _WHATSAPP_ATTRIBUTES & attributes.keys():
        return "whatsapp"
    if kind in (0x0001, 0x0101) and list(attributes) == [0x0008]:
        return "whatsapp"  # its peer-to-peer check has MESSAGE-INTEGRITY alone
    if _MICROSOFT & attributes.keys():
        return "teams"
    if attributes.get(_USERNAME, b"").startswith(b"EDGERAY"):
        return "whatsapp"
    return _REALMS.get(attributes.get(_REALM, b"").rstrip(b"\0"), "")


def is_setup(inner: bytes) -> bool:
    """Whether the packet inside a relay's framing is STUN (by its first two bits and cookie) or DTLS."""
    return (len(inner) >= 20 and inner[0] < 64 and inner[4:8] == STUN_COOKIE) or is_dtls(inner)


def is_dtls(payload: bytes) -> bool:
    """Whether it is a DTLS record: with a version, or one that DTLS 1.3 encrypts, with number and length (RFC 9147
    section 4)."""
    return (payload[1:2] == b"\xfe" and 20 <= payload[0] < 64) or (
        len(payload) > 5 and payload[0] >> 2 == 0b001011 and 5 + int.from_bytes(payload[3:5], "big") <= len(payload)
    )


def is_rtp(payload: bytes) -> bool:
    """Whether it looks like one RTP packet (version 2, not an RTCP type)."""
    return len(payload) >= 12 and payload[0] >> 6 == 2 and not 192 <= payload[1] < 224


def stun_attributes(payload: bytes) -> dict[int, bytes]:
    """The first attribute of each type; read without padding where the padded length does not match."""
    for pad in (3, 0):
        attributes: dict[int, bytes] = {}
        at = 20
        while at + 4 <= len(payload):
            kind, size = struct.unpack_from("!HH", payload, at)
            attributes.setdefault(kind, payload[at + 4 : at + 4 + size])
            at += 4 + (size + pad & ~pad)
        if at == len(payload):
            break
    return attributes
