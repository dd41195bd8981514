"""What looks like a call and is none: games, VPNs, casting, streams, data channels. None is reported with media."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, packets_of, shaped_call

HERE, SERVER, TELEVISION = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7)), bytes((10, 0, 0, 77))
Maker = Callable[[Random, float, int, bool], bytes]
"""A datagram from (generator, seconds, number, is it sent); empty for none."""


def enet(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """ENet (games): a peer with the top bit set, a clock of milliseconds, then a command and its number."""
    head = struct.pack("!HH", 0x8000 + sent, int(at_s * 1000 + 777) & 0xFFFF)
    if rng.random() < 0.7:
        return head + struct.pack("!BBHH", 0x86, 0, number, 24) + b"\x00\x11" + rng.randbytes(22)
    return head + struct.pack("!BBHHH", 0x01, 0xFF, number, number, int(at_s * 1000) & 0xFFFF)


def raknet(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    count = struct.pack("<I", number)[:3]
    return b"\x84" + count + b"\x60\x00\xf0" + count + count + b"\0" + rng.randbytes(30)


def ticks(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """A game's own header: version, number, tick, session; like RTP in all but its clock."""
    return b"\x80\x05" + struct.pack("!HII", number & 0xFFFF, number, 0xABCDEF01) + rng.randbytes(rng.randrange(20, 80))


def random_bytes(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    return rng.randbytes(rng.randrange(40, 1300))


def esp(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    return b"\x9a\x11\x22\x33" + struct.pack("!I", number) + rng.randbytes(rng.randrange(60, 1300))


def kcp(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    return struct.pack("<IBBHIII", 0x11223380, 81, 0, 128, int(at_s * 1000), number, number) + rng.randbytes(44)


def quic(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    return bytes([rng.randrange(64, 128)]) + b"CONNID88" + rng.randbytes(1100)


def transport_stream(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """IPTV: MPEG's transport stream (payload type 33), reports both ways."""
    if number % 30 == 0:
        return (b"\x80\xc8\x00\x06" if sent else b"\x81\xc9\x00\x07") + rng.randbytes(28)
    clock = int(at_s * 90000) & 0xFFFFFFFF
    return b"\x80\x21" + struct.pack("!HII", number & 0xFFFF, clock, 0x1234) + rng.randbytes(1316) if sent else b""


def casting(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """A screen to a television, reports both ways."""
    if number % 30 == 0:
        return b"\x80\xc8\x00\x06" + struct.pack("!I", 0x222) + rng.randbytes(20)
    if not sent:
        return b"\x80\xce\x00\x05" + struct.pack("!II", 0x111, 0x222) + rng.randbytes(12)
    return b"\x80\x60" + struct.pack("!HII", number & 0xFFFF, number // 4 * 3000, 0x222) + rng.randbytes(1200)


def data_channel(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """ICE, DTLS, and then nothing but its application data."""
    if number == 0:
        return (b"\x00\x01" if sent else b"\x01\x01") + b"\x00\x00\x21\x12\xa4\x42" + rng.randbytes(12)
    if number == 1:
        return b"\x16\xfe\xff" + bytes(9) + b"\x40" + (b"\x01" if sent else b"\x02") + rng.randbytes(63)
    return b"\x17\xfe\xfd\x00\x01" + number.to_bytes(6, "big") + b"\x00\xc8" + rng.randbytes(200)


def srt(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    clock = int(at_s * 1e6) & 0xFFFFFFFF
    if sent:
        return struct.pack("!IIII", number, 0xC0000000 | number, clock, 0x3344) + rng.randbytes(1316)
    return b"\x80\x02\0\0" + struct.pack("!III", number, clock, 0x3344) + rng.randbytes(28)


def desktop(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """Game streaming: RTP with SSRC 0 one way."""
    return b"\x90\x00" + struct.pack("!HII", number & 0xFFFF, number * 100, 0) + rng.randbytes(1000) if sent else b""


def counter(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """A game's own header: its number twice, which goes through what other protocols begin with."""
    return struct.pack("!HH", number & 0xFFFF, number & 0xFFFF) + rng.randbytes(rng.randrange(30, 90))


def radio(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """Sound as RTP to a listener that sends nothing back."""
    head = b"\x80\x61" + struct.pack("!HII", number & 0xFFFF, number * 960, 0x555)
    return b"" if sent else head + rng.randbytes(160)


def happened(kind: int, clock_hz: float) -> Maker:
    """RTP whose timestamps say when something happened: keys of a keyboard (RFC 6295), measurements, a game's input."""

    def made(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
        stamp = int(at_s * clock_hz) & 0xFFFFFFFF
        return (
            bytes((0x80, kind)) + struct.pack("!HII", number & 0xFFFF, stamp, 7 + sent) + rng.randbytes(8 + number % 9)
        )

    return made


def studio(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """Sound between machines of a studio (AES67): a millisecond a packet, both ways."""
    return b"\x80\x62" + struct.pack("!HII", number & 0xFFFF, number * 48, 7 + sent) + rng.randbytes(288)


def voice(rng: Random, at_s: float, number: int, kind: int = 97) -> bytes:
    return bytes((0x80, kind)) + struct.pack("!HII", number & 0xFFFF, number * 960, 0x666) + rng.randbytes(90)


def camera(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """A camera on another network, whose sound comes beside its pictures, reports both ways."""
    if number % 50 == 0:
        return (b"\x81\xc9\x00\x07" if sent else b"\x80\xc8\x00\x06") + rng.randbytes(28)
    if sent:
        return b""
    return voice(rng, at_s, number // 2) if number % 2 else casting(rng, at_s, number + 1, sent=True)


def ingest(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """A broadcast that goes to a platform: pictures and sound one way, reports back."""
    return camera(rng, at_s, number, not sent)


def game_in_a_cloud(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """Pictures and sound of a game one way, what the player does the other, all with RTP's header."""
    return happened(0x62, 1000)(rng, at_s, number, sent) if sent else camera(rng, at_s, number | 1, sent)


def radio_of_both(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """Push to talk: one end talks at a time."""
    return voice(rng, at_s, number, 0x60) if (int(at_s / 4.3) % 2 == 0) == sent and at_s % 4.3 < 3.1 else b""


def even_ticks(rng: Random, at_s: float, number: int, sent: bool) -> bytes:
    """A game's own header whose clock of milliseconds ticks 20 a packet."""
    return b"\x80\x60" + struct.pack("!HII", number & 0xFFFF, number * 20, 7 + sent) + rng.randbytes(60)


CASES: list[tuple[Maker, float, bytes]] = [
    (enet, 30, SERVER), (enet, 60, SERVER), (raknet, 30, SERVER), (ticks, 30, SERVER), (random_bytes, 150, SERVER),
    (esp, 50, SERVER), (kcp, 30, SERVER), (quic, 100, SERVER), (transport_stream, 120, SERVER),
    (casting, 120, TELEVISION), (casting, 120, SERVER), (data_channel, 50, SERVER), (srt, 200, SERVER),
    (desktop, 100, TELEVISION), (counter, 20, SERVER), (radio, 50, SERVER), (happened(0x61, 10_000), 20, SERVER),
    (happened(0x61, 44_100), 6, TELEVISION), (happened(0x05, 1000), 30, SERVER), (happened(0x66, 1e6), 60, SERVER),
    (studio, 1000, TELEVISION), (camera, 100, SERVER), (ingest, 100, SERVER), (game_in_a_cloud, 60, SERVER),
    (radio_of_both, 50, SERVER), (even_ticks, 50, SERVER),
]  # fmt: skip


@pytest.mark.parametrize(("maker", "rate", "far"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_no_call(maker: Maker, rate: float, far: bytes):
    rng, packets, at_s = Random(1), [], 0.0
    for number in range(2000):
        at_s += rng.uniform(0.6, 1.4) / rate
        for sent, late_s in ((True, 0.0), (False, 0.02)):
            data = maker(rng, at_s + late_s / 2, number, sent)
            ends = (HERE, far, 40000, 5055) if sent else (far, HERE, 5055, 40000)
            if data:
                packets.append(Packet(BEGIN_NS + round((at_s + late_s) * 1e9), udp_packet(*ends, data)))
    found = facts_of(sorted(packets, key=lambda one: one.time_ns))
    assert (found.calls, found.unnamed_streams) == ((), 0)
    assert [one.app for one in found.attempts if one.app != "webrtc"] == []


@pytest.mark.parametrize("arm", ["whatsapp/relay60/voice", "telegram/libtgvoip/voice", "webrtc/dtls/voice"])
def test_one_packet_is_no_attempt(arm: str):
    """By chance one packet in some ten thousand looks like an app's; a scan or a swarm sends that many."""
    packets = packets_of(shaped_call(arm, 20))
    assert facts_of(packets[:1]).attempts == ()
    assert len(facts_of(packets[:3]).attempts) == 1
