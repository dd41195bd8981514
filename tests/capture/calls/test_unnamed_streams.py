"""A steady two-way stream that nobody's recogniser knows is told as that, and is no call."""

from __future__ import annotations

from random import Random

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER, shaped_call
from talkpath.measure.call import Findings


def sealed_stream(up_ms: float = 20.0, down_ms: float = 20.0, lasts_s: float = 12.0, size: int = 90) -> Findings:
    """What is found in sealed packets, one each so many ms, between two ports."""
    rng, packets = Random(3), []
    for step_ms, source, target, ports in ((up_ms, CALLER, SERVER, (40000, 9)), (down_ms, SERVER, CALLER, (9, 40000))):
        for number in range(int(lasts_s * 1000 / step_ms)):
            data = bytes((rng.randrange(0x50, 0x60),)) + rng.randbytes(size - 1)
            at_ns = BEGIN_NS + round(1e6 * (number * step_ms + rng.uniform(0, 8)))
            packets.append(Packet(at_ns, udp_packet(source, target, *ports, data)))
    return facts_of(sorted(packets, key=lambda packet: packet.time_ns))


@pytest.mark.parametrize("step_ms", [20, 30, 40, 60])
def test_a_voices_pace_both_ways(step_ms: float):
    found = sealed_stream(step_ms, step_ms)
    assert found.unnamed_streams == 1
    assert not found.calls
    assert not found.attempts


@pytest.mark.parametrize(
    "changed",
    [
        {"up_ms": 1000 / 30, "down_ms": 1000 / 30},
        {"up_ms": 1000 / 64, "down_ms": 1000 / 64},
        {"up_ms": 50, "down_ms": 50},
        {"down_ms": 50},
        {"lasts_s": 8},
        {"size": 900},
        {"size": 10},
    ],
    ids=["30 a second", "64 a second", "20 a second", "another pace down", "8 s", "large packets", "small packets"],
)
def test_what_is_no_voices(changed: dict[str, float]):
    found = sealed_stream(**changed)  # type: ignore[arg-type]
    assert found.unnamed_streams == 0
    assert not found.calls


def test_calls_are_not_counted_again():
    packets = [sent.packet for sent in shaped_call("webrtc/dtls/voice", 700)]
    assert facts_of(packets).unnamed_streams == 0
