"""Calls in frames of an app's own, from packets to a name: FaceTime's, and Messenger's without DTLS."""

from __future__ import annotations

import struct

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

ENDS = ((CALLER, SERVER, (16393, 3482), b"\x20\x40", 8), (SERVER, CALLER, (3482, 16393), b"\x20\x44", 16))
BOTH_WAYS = ((CALLER, SERVER, (40000, 3478)), (SERVER, CALLER, (3478, 40000)))


def frame(kind: bytes, at: int, number: int, source: int) -> bytes:
    """One of FaceTime's: its own length, type, head, and RTP of 20 ms at 48 kHz."""
    rtp = struct.pack("!BBHII", 0x80, 104, number, 960 * number, source) + bytes(80)
    body = kind.ljust(at - 4, b"\0") + rtp
    return b"\x60\x00" + len(body).to_bytes(2, "big") + body


def test_a_call_of_facetime():
    packets = [
        Packet(
            BEGIN_NS + number * 20_000_000 + way, udp_packet(source, target, *ports, frame(kind, at, number, 7 + way))
        )
        for number in range(200)
        for way, (source, target, ports, kind, at) in enumerate(ENDS)
    ]
    (call,) = facts_of(packets).calls
    assert (call.app, call.media) == ("facetime", ("voice",))
    assert call.app_confidence > 0.9
    assert {(stream.direction, stream.packets, stream.lost) for stream in call.streams} == {
        ("sent", 200, 0),
        ("received", 200, 0),
    }


def test_a_call_of_messenger_is_not_whatsapps():
    user = b"EDGERAY_DEFAULT_USERNAME:EDGERAY_DEFAULT_USERNAME"
    asked = StunMessage(Type.ALLOCATE_REQUEST, bytes(12), ((Attribute.WA_TOKEN, bytes(118)),))
    check = StunMessage(Type.BINDING_REQUEST, bytes(12), ((Attribute.USERNAME, user), (0xDABA, bytes(4))))
    setup = [stun.encode_message(StunMessage(Type.WA_PING, bytes(12))), *map(stun.encode_message, (asked, check))]
    sent = [udp_packet(CALLER, SERVER, 40000, 3478, data) for data in setup]
    packets = [Packet(BEGIN_NS + place * 1_000_000, data) for place, data in enumerate(sent)]
    for number in range(100):
        for way, (source, target, ports) in enumerate(
            ((CALLER, SERVER, (40000, 3478)), (SERVER, CALLER, (3478, 40000)))
        ):
            head = struct.pack("!BBHII4s", 0x90, 96, number, 2880 * number, 7 + way, b"\xbe\xde\x00\x01")
            data = head + b"\x10\x00\x00\x00" + bytes(100)
            packets.append(
                Packet(BEGIN_NS + 10_000_000 + number * 60_000_000 + way, udp_packet(source, target, *ports, data))
            )
    (call,) = facts_of(packets).calls
    assert (call.app, call.media, call.app_confidence) == ("facebook_messenger", ("voice",), 1.0)
