"""Calls made by hand for the lab's tests, after public captures: no code of `talkpath.apps` in them.

A call is a list of (direction, payload, is it media); `spread` gives it times, `ip_packets_of` 5-tuples.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from talkpath.lab.path.link import LAB_PROBE, RESPONDER, LabHost
from talkpath.wire.ip.packets import UdpWriter

COOKIE = b"\x21\x12\xa4\x42"

Call = list[tuple[str, bytes, bool]]


def stun_message(rng: Random, kind: int, *attributes: tuple[int, bytes], padded: bool = True) -> bytes:
    body = b""
    for number, value in attributes:
        body += struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4 if padded else 0)
    return struct.pack("!HH", kind, len(body)) + COOKIE + rng.randbytes(12) + body


def rtp_packet(rng: Random, pt: int, sequence: int, stamp: int, ssrc: int, size: int, profile: bytes = b"") -> bytes:
    head = struct.pack("!BBHII", 0x90 if profile else 0x80, pt, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc)
    head += profile + b"\0\1" + rng.randbytes(4) if profile else b""
    return head + rng.randbytes(size - len(head))


def dtls_hello(rng: Random, extensions: list[int], version: bytes = b"\xfe\xff", srtp: bool = True) -> bytes:
    """A DTLS ClientHello with these extensions (empty but for use_srtp), and ciphers of ECDHE."""
    chosen = extensions + ([0x0E] if srtp and 0x0E not in extensions else [])
    body = b"".join(
        struct.pack("!HH", kind, 5 if kind == 0x0E else 0) + (b"\0\2\0\1\0" if kind == 0x0E else b"") for kind in chosen
    )
    message = (
        b"\xfe\xfd" + rng.randbytes(32) + b"\0\0" + b"\0\4\xc0\x2b\xc0\x2f" + b"\1\0" + struct.pack("!H", len(body))
    )
    message += body
    size = len(message).to_bytes(3, "big")
    handshake = b"\1" + size + b"\0\0" + bytes(3) + size + message
    return b"\x16" + version + bytes(8) + struct.pack("!H", len(handshake)) + handshake


HELLOS = {
    "browser": lambda rng: dtls_hello(rng, [0x17, 0xFF01, 0x0A, 0x0B, 0x23, 0x0D, 0x0E]),
    "openssl": lambda rng: dtls_hello(rng, [0x0B, 0x0A, 0x23, 0x16, 0x17, 0x0D, 0x0E]),
    "pion": lambda rng: dtls_hello(rng, [0x0D, 0xFF01, 0x0A, 0x0B, 0x0E, 0x17], b"\xfe\xfd"),
}


def both_directions(make) -> Iterator[tuple[str, bytes, bool]]:
    for direction in ("up", "down"):
        yield direction, make(direction), True


def ice_checks(rng: Random, username: bytes = b"aBcD:eFgH", *more: tuple[int, bytes]) -> Call:
    check = (
        (6, username),
        (0xC057, bytes(4)),
        (0x802A, bytes(8)),
        *more,
        (0x24, bytes(4)),
        (8, bytes(20)),
        (0x8028, bytes(4)),
    )
    return [
        ("up", stun_message(rng, 1, *check), False),
        ("down", stun_message(rng, 0x0101, (0x20, bytes(8)), (8, bytes(20)), (0x8028, bytes(4))), False),
    ]


def whatsapp_call(rng: Random, count: int, medium: str = "voice") -> Call:
    token = rng.randbytes(150)
    call = [
        ("up", stun_message(rng, 3, (0x4000, token), (0x16, bytes(8)), (8, bytes(20))), False),
        ("down", stun_message(rng, 0x0103, (0x20, bytes(8)), (0x4002, bytes(8)), (8, bytes(20))), False),
    ]
    ssrc = {"up": rng.getrandbits(32), "down": rng.getrandbits(32)}
    for n in range(count):
        call += both_directions(lambda way, n=n: rtp_packet(rng, 120, n, 960 * n, ssrc[way], 100, b"\xde\xbe"))
        if medium == "video":
            call += both_directions(lambda way, n=n: rtp_packet(rng, 97, n, 3000 * n, ssrc[way] ^ 1, 900, b"\xde\xbe"))
    return call


def webrtc_call(rng: Random, count: int, medium: str = "voice", maker: str = "browser") -> Call:
    call = [*ice_checks(rng, b"abcd1234:efgh5678ijklmnopqrstu"), ("up", HELLOS[maker](rng), False)]
    ssrc = {"up": rng.getrandbits(32), "down": rng.getrandbits(32)}
    for n in range(count):
        call += both_directions(lambda way, n=n: rtp_packet(rng, 111, n, 960 * n, ssrc[way], 90, b"\xbe\xde"))
        if medium == "video":
            call += both_directions(lambda way, n=n: rtp_packet(rng, 96, n, 3000 * n, ssrc[way] ^ 1, 1000, b"\xbe\xde"))
    return call


def signal_call(rng: Random, count: int, medium: str = "voice") -> Call:
    call = ice_checks(rng, b"aBcD:eFgH")
    for n in range(count):
        call += both_directions(
            lambda way, n=n: rtp_packet(rng, 102, n, 960 * n, 1002 if way == "up" else 2002, 140, b"\xbe\xde")
        )
        if medium == "video":
            call += both_directions(
                lambda way, n=n: rtp_packet(rng, 108, n, 3000 * n, 1003 if way == "up" else 2003, 1000, b"\xbe\xde")
            )
    return call


def tgcalls_call(rng: Random, count: int, medium: str = "voice") -> Call:
    call = ice_checks(rng, b"aBcD:eFgH", (0x24, b"\x6e\x7f\x1f\x00"))
    for _ in range(count):
        call += both_directions(lambda way: rng.randbytes(91))
        if medium == "video":
            call += both_directions(lambda way: rng.randbytes(1000))
    return call


def libtgvoip_call(rng: Random, count: int, medium: str = "voice") -> Call:
    tag = rng.randbytes(16)
    call = [
        ("up", tag + b"\xff" * 12 + b"\xfe\xff\xff\xff" + rng.randbytes(8), False),
        ("down", tag + b"\xff" * 12 + bytes.fromhex("c77215c0") + rng.randbytes(32), False),
    ]
    for _ in range(count):
        call += both_directions(lambda way: tag + rng.randbytes(192))
        if medium == "video":
            call += both_directions(lambda way: tag + rng.randbytes(1008))
    return call


def reflector_call(rng: Random, count: int, medium: str = "voice") -> Call:
    tag, own, other = rng.randbytes(12), rng.randbytes(4), rng.randbytes(4)
    ping = tag + own + b"\xff" * 12 + b"\xfe\xff\xff\xff" + (123).to_bytes(8, "big")

    def wrapped(inner: bytes) -> bytes:
        return tag + other + own + len(inner).to_bytes(4, "big") + inner + bytes(-len(inner) % 4)

    inside = webrtc_call(rng, count, medium)
    return [("up", ping, False), ("down", ping, False), *((way, wrapped(p), media) for way, p, media in inside)]


def twin_flow(rng: Random, count: int, medium: str = "voice") -> Call:
    """Bytes that look like nothing, as the probe's random twins."""
    size = 100 if medium == "voice" else 900
    return [
        (way, bytes([rng.randrange(4, 16)]) + rng.randbytes(size - 1), True)
        for _ in range(count)
        for way in ("up", "down")
    ]


CALLS = {
    "whatsapp": whatsapp_call,
    "webrtc": webrtc_call,
    "signal": signal_call,
    "tgcalls": tgcalls_call,
    "libtgvoip": libtgvoip_call,
    "reflector": reflector_call,
}
CLASS = {name: "telegram" if name in ("tgcalls", "libtgvoip", "reflector") else name for name in CALLS}


def ip_packets_of(
    call: Call, port: int = 40000, far_port: int = 3478, family: int = 4, far: LabHost = RESPONDER
) -> Iterator[tuple[str, bytes, bool]]:
    """The call as IP packets of one 5-tuple."""
    near, other = LAB_PROBE.address(family, port), far.address(family, far_port)
    writers = {"up": UdpWriter(near, other), "down": UdpWriter(other, near)}
    for way, payload, media in call:
        yield way, writers[way].packet(payload), media
