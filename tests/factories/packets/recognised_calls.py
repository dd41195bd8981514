"""Calls of apps that are recognised only, written by hand from what their app files say. No capture is needed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from factories.packets.capture_files import Packet, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, CALLER_PORT, PEER_PORT, SERVER, SERVER_PORT
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

Datagram = tuple[float, bool, bytes]
"""Seconds after the begin, sent by the caller, bytes."""
Lost = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class OwnCall:
    """A call: what an app's file must find in it."""

    app: str
    media: tuple[str, ...]
    transport: str
    datagrams: list[Datagram]

    def packets(self, lost: Lost = lambda number: False) -> list[Packet]:
        """Its packets at the caller's end; `lost` tells which of what the caller receives never comes."""
        out, received, far_port = [], 0, PEER_PORT if self.transport == "p2p" else SERVER_PORT
        for at_s, sent, data in sorted(self.datagrams, key=lambda one: one[0]):
            time_ns = BEGIN_NS + round(at_s * 1e9)
            if sent:
                out.append(Packet(time_ns, udp_packet(CALLER, SERVER, CALLER_PORT, far_port, data)))
                continue
            received += 1
            if not lost(received):
                out.append(Packet(time_ns, udp_packet(SERVER, CALLER, far_port, CALLER_PORT, data)))
        return out


def rtp_packet(kind: int, number: int, stamp: int, ssrc: int, size: int = 60, first: int = 0x80) -> bytes:
    """An RTP packet with a payload of that size."""
    return struct.pack("!BBHII", first, kind, number & 0xFFFF, stamp & 0xFFFFFFFF, ssrc) + bytes(
        (number + place) % 251 for place in range(size)
    )


def voice_packets(
    kind: int, seconds: float, *, step_s: float = 0.02, clock: int = 48000, begin_s: float = 1.0
) -> Iterator[Datagram]:
    """Voice in both directions."""
    for number in range(int(seconds / step_s)):
        for sent, ssrc in ((True, 0x11110001), (False, 0x22220001)):
            data = rtp_packet(kind, number, number * round(step_s * clock), ssrc)
            yield begin_s + number * step_s + (0.0 if sent else 0.007), sent, data


def video_packets(kind: int, seconds: float, begin_s: float = 1.0) -> Iterator[Datagram]:
    """Pictures of three packets in both directions, 15 a second."""
    for number in range(int(seconds * 45)):
        picture = number // 3
        for sent, ssrc in ((True, 0x11110002), (False, 0x22220002)):
            data = rtp_packet(kind, number, picture * 6000, ssrc, 900)
            yield begin_s + picture / 15 + 0.001 * (number % 3) + (0.0 if sent else 0.003), sent, data


def stun_message(kind: int, number: int, *attributes: tuple[int, bytes]) -> bytes:
    return stun.encode_message(StunMessage(kind, number.to_bytes(12, "big"), attributes))


def discord_call(seconds: float = 8.0) -> OwnCall:
    ask = b"\x00\x01\x00\x46" + bytes(70)
    setup = [(0.0, True, ask), (0.05, False, b"\x00\x02" + ask[2:])]
    pings = [(0.5 + 2 * n, n % 2 == 0, b"\x13\x37\xca\xfe" + n.to_bytes(4, "little")) for n in range(6)]
    return OwnCall(
        "discord",
        ("voice", "video"),
        "relay",
        [*setup, *pings, *voice_packets(120, seconds), *video_packets(101, seconds)],
    )


def viber_setup() -> list[Datagram]:
    """A client that calls and is not answered by media."""
    ask = b"\x00\x01\x01\x00\x05\x00" + bytes(251)
    return [(0.5 * n, n % 2 == 0, ask if n % 2 == 0 else b"\x00\x02\x0c\x00" + bytes(72)) for n in range(8)]


def zoom_call(seconds: float = 8.0) -> OwnCall:
    hello = b"\x01\x00\x02" + bytes(16) + bytes(100)
    setup = [(0.0, True, hello), (0.05, False, b"\x02\x00\x02" + bytes(16) + bytes(20))]

    def wrapped(sound: int, inner_at: int, one: Datagram) -> Datagram:
        at_s, sent, data = one
        head = b"\x05\x10\x01" + bytes(4) + (b"\x00" if sent else b"\x04")
        return at_s, sent, head + bytes((sound,)) + bytes(inner_at - 9) + data

    sound = (wrapped(15, 27, one) for one in voice_packets(112, seconds))
    pictures = (wrapped(16, 32, one) for one in video_packets(98, seconds))
    return OwnCall("zoom", ("voice", "video"), "relay", [*setup, *sound, *pictures])


def line_call(seconds: float = 8.0) -> OwnCall:
    frame = b"\xd0" + bytes((56,)) + bytes(58)
    setup = [(0.1 * n, n % 2 == 0, frame) for n in range(6)]
    reports = [(1.5 + n / 2, n % 2 == 0, struct.pack("!BBHII", 0x81, 205, 2, n, n)) for n in range(int(2 * seconds))]
    return OwnCall("line", ("voice",), "relay", [*setup, *reports, *voice_packets(96, seconds, clock=1000)])


def kakaotalk_call(seconds: float = 12.0) -> OwnCall:
    return OwnCall("kakaotalk", ("voice",), "relay", list(voice_packets(108, seconds, step_s=0.06, clock=16000)))


def snapchat_call(seconds: float = 8.0) -> OwnCall:
    quic = [(0.05 * n, n % 2 == 0, b"\xc3\x00\x00\x00\x01" + bytes(1200)) for n in range(6)]
    return OwnCall(
        "snapchat", ("voice", "video"), "relay", [*quic, *voice_packets(111, seconds), *video_packets(101, seconds)]
    )


def microsoft_call(app: str, version: int, seconds: float = 8.0) -> OwnCall:
    told = (0x8070, version.to_bytes(4, "big"))
    setup = [
        (0.0, True, stun_message(Type.BINDING_REQUEST, 1, told, (Attribute.USERNAME, b"a:b"))),
        (0.05, False, stun_message(Type.BINDING_RESPONSE, 1, told)),
        (0.1, False, stun_message(Type.BINDING_REQUEST, 2, told, (Attribute.USERNAME, b"b:a"))),
        (0.15, True, stun_message(Type.BINDING_RESPONSE, 2, told)),
    ]
    return OwnCall(app, ("voice", "video"), "p2p", [*setup, *voice_packets(104, seconds), *video_packets(122, seconds)])


def in_channel(one: Datagram) -> Datagram:
    at_s, sent, data = one
    return at_s, sent, b"\x40\x03" + len(data).to_bytes(2, "big") + data


def facebook_messenger_call(seconds: float = 8.0) -> OwnCall:
    realm = (Attribute.REALM, b"turner.facebook")
    setup = [
        (0.0, True, stun_message(Type.ALLOCATE_REQUEST, 1, realm)),
        (0.05, False, stun_message(Type.ALLOCATE_RESPONSE, 1, realm)),
        (0.1, True, stun_message(Type.ALLOCATE_REQUEST, 2, realm)),
    ]
    return OwnCall("facebook_messenger", ("voice",), "relay", [*setup, *map(in_channel, voice_packets(111, seconds))])


def plain_rtp_call(seconds: float = 8.0) -> OwnCall:
    return OwnCall("rtp", ("voice",), "unknown", list(voice_packets(8, seconds, clock=8000)))


CALLS: dict[str, Callable[[], OwnCall]] = {
    "discord": discord_call,
    "zoom": zoom_call,
    "line": line_call,
    "kakaotalk": kakaotalk_call,
    "snapchat": snapchat_call,
    "teams": lambda: microsoft_call("teams", 7),
    "skype": lambda: microsoft_call("skype", 3),
    "facebook_messenger": facebook_messenger_call,
    "rtp": plain_rtp_call,
}
