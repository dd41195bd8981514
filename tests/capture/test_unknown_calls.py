"""Calls of apps that nobody described, by RTP alone: each is found, however its ends are heard."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER
from talkpath.verdict.bases.call_outcome import call_outcome

Talks = Callable[[float], bool]
LASTS_S = 30.0


def always(at_s: float) -> bool:
    return True


def muted(at_s: float) -> bool:
    """Comfort noise, a packet each 400 ms."""
    return at_s % 0.4 < 0.02


def in_turns(seed: int) -> Talks:
    """Speech in spurts of a second or so, with nothing sent in its pauses."""
    rng, begins, at_s = Random(seed), list[tuple[float, float]](), 0.0
    while at_s < LASTS_S:
        begin_s = at_s + rng.expovariate(1 / 1.3)
        at_s = begin_s + rng.expovariate(1 / 1.2)
        begins.append((begin_s, at_s))
    return lambda now_s: any(begin <= now_s < end for begin, end in begins)


def stream(sent: bool, kind: int, clock_hz: int, step_s: float, talks: Talks, size: int = 100) -> list[Packet]:
    """One direction of RTP; its clock goes on where nothing is sent."""
    rng, out, sequence = Random(kind + sent), [], 0
    ends = (CALLER, SERVER, 40000, 5000) if sent else (SERVER, CALLER, 5000, 40000)
    for number in range(int(LASTS_S / step_s)):
        at_s = number * step_s
        if talks(at_s):
            stamp, sequence = round(at_s * clock_hz), sequence + 1
            head = struct.pack("!BBHII", 0x80, kind, sequence, stamp, 0x1000 + 2 * kind + sent)
            data = head + rng.randbytes(size + rng.randrange(20))
            out.append(Packet(BEGIN_NS + round(1e9 * (at_s + 0.003 * rng.random())), udp_packet(*ends, data)))
    return out


def pictures(sent: bool) -> list[Packet]:
    return stream(sent, 99, 90_000, 1 / 30, always, 900)


def reports(sent: bool) -> list[Packet]:
    """RTCP of that direction, once a second, on the port of its media."""
    ends = (CALLER, SERVER, 40000, 5000) if sent else (SERVER, CALLER, 5000, 40000)
    feedback = struct.pack("!BBHII", 0x81, 205, 2, 7 + sent, 8 - sent)
    return [Packet(BEGIN_NS + round(1e9 * at_s), udp_packet(*ends, feedback)) for at_s in range(int(LASTS_S))]


CALLS: dict[str, list[list[Packet]]] = {
    "Opus": [stream(sent, 97, 48_000, 0.02, always) for sent in (True, False)],
    "Opus of 60 ms": [stream(sent, 97, 48_000, 0.06, always, 240) for sent in (True, False)],
    "milliseconds beside RTCP": [
        [*stream(sent, 101, 1000, 0.03, always, 40), *reports(sent)] for sent in (True, False)
    ],
    "AMR-WB": [stream(sent, 102, 16_000, 0.02, always, 60) for sent in (True, False)],
    "G.711 of 30 ms": [stream(sent, 8, 8_000, 0.03, always, 240) for sent in (True, False)],
    "pauses not sent": [stream(sent, 97, 48_000, 0.02, in_turns(2 + sent)) for sent in (True, False)],
    "this end muted": [stream(True, 97, 48_000, 0.02, muted), stream(False, 97, 48_000, 0.02, always)],
    "that end muted": [stream(True, 97, 48_000, 0.02, always), stream(False, 97, 48_000, 0.02, muted)],
    "video both ways": [stream(sent, 97, 48_000, 0.02, always) + pictures(sent) for sent in (True, False)],
    "pictures alone": [pictures(sent) for sent in (True, False)],
    "a group": [
        stream(True, 97, 48_000, 0.02, always),
        *(stream(False, kind, 48_000, 0.02, in_turns(kind)) for kind in (97, 98, 100)),
        pictures(False),
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_it_is_one_call_and_nobody_went_silent(name: str):
    packets = sorted((one for part in CALLS[name] for one in part), key=lambda one: one.time_ns)
    (call,) = facts_of(packets).calls
    assert call.app in ("unknown", "rtp")
    assert call_outcome(call).kind in ("good", "unknown")
    assert {one.direction for one in call.streams if one.medium} == {"sent", "received"}
