"""Calls inside TLS: told only where the recording proves a TURN server, by the beat of their records."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from random import Random

import pytest

from factories.packets.altered_captures import facts_of, findings_in, udp_payload
from factories.packets.capture_files import Packet, pcap_file, tcp_segment, udp_packet
from factories.packets.shaped_calls import (
    BEGIN_NS,
    CALLER,
    CALLER_PORT,
    SERVER,
    background_traffic,
    packets_of,
    shaped_call,
)
from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.capture.tcp import sealed_streams, turn_over_tls
from talkpath.capture.tcp.sealed_streams import SEALED_STREAM
from talkpath.measure.call import Findings
from talkpath.report.recordings.no_call import no_call_advice, no_call_found
from talkpath.verdict.bases.recorded_call import judge_call
from talkpath.wire.pcap.arrays import distinct_values
from talkpath.wire.pcap.write import Writer
from talkpath.wire.tls import TURN_PROTOCOLS, client_hello_record

VOICES = ("webrtc/dtls/voice", "meet/sfu/voice", "signal/ringrtc/voice", "whatsapp/fast20/voice")
VIDEOS = ("webrtc/dtls/video", "meet/sfu/video", "signal/ringrtc/video")
OTHER = bytes((198, 51, 100, 77))
ALLOCATE = b"\x00\x03\x00\x08\x21\x12\xa4\x42" + bytes(range(12)) + b"\x00\x19\x00\x04\x11\x00\x00\x00"
PORT = 443
Proof = list[Packet]
MeasuredStream = tuple[float, bool, int]
"""A message inside TLS: seconds, is it sent, bytes."""


def of_call(arm: str, packets: int = 1500) -> list[MeasuredStream]:
    """What a call's datagrams are inside TURN."""
    return [
        ((one.time_ns - BEGIN_NS) / 1e9, one.data[12:16] == CALLER, len(udp_payload(one)) + 4)
        for one in packets_of(shaped_call(arm, packets))
    ]


def connection(pieces: list[MeasuredStream], first: bytes = b"", server: bytes = SERVER, seed: int = 3) -> list[Packet]:
    """The segments of a TLS connection that carries these: a hello, handshake, then a record each."""
    rng, out, at = Random(seed), [], {True: 1, False: 1}

    def send(at_s: float, sent: bool, data: bytes) -> None:
        ends = (CALLER, server, CALLER_PORT, PORT) if sent else (server, CALLER, PORT, CALLER_PORT)
        out.append(Packet(BEGIN_NS + round((1 + at_s) * 1e9), tcp_segment(*ends, at[sent], data)))
        at[sent] += len(data)

    send(-0.3, True, first or client_hello_record(517, (b"h2", b"http/1.1")))
    send(-0.2, False, b"\x16\x03\x03\x0b\xb8" + rng.randbytes(3000))
    for at_s, sent, size in sorted(pieces):
        send(at_s, sent, b"\x17\x03\x03" + (size + 17).to_bytes(2, "big") + rng.randbytes(size + 17))
    return sorted(out, key=lambda one: one.time_ns)


def allocation(source: bytes = CALLER, target: bytes = SERVER) -> Proof:
    """Asked over UDP, and nothing answers."""
    return [
        Packet(BEGIN_NS + round(at_s * 1e9), udp_packet(source, target, 50001, 3478, ALLOCATE))
        for at_s in (0.0, 0.25, 0.5)
    ]


def tcp_allocation() -> Proof:
    return [Packet(BEGIN_NS, tcp_segment(CALLER, SERVER, 50002, 3478, 1, ALLOCATE))]


def found_in(*parts: list[Packet]) -> Findings:
    return facts_of(sorted((one for part in parts for one in part), key=lambda one: one.time_ns))


@pytest.mark.long
@pytest.mark.parametrize("proof", [allocation(), tcp_allocation(), None], ids=["asked by udp", "asked by tcp", "hello"])
@pytest.mark.parametrize("arm", [*VOICES, *VIDEOS])
def test_a_call_to_a_proven_turn_server(arm: str, proof: Proof | None):
    first = b"" if proof else client_hello_record(517, (b"stun.turn",))
    (plain,) = facts_of(packets_of(shaped_call(arm, 1500))).calls
    (found,) = found_in(proof or [], connection(of_call(arm), first), background_traffic(10)).calls
    assert (found.app, found.transport, found.protocol, found.encrypted) == ("unknown", "relay", "tcp", True)
    assert "voice" in found.media
    assert set(found.media) <= {"voice", *plain.media}
    assert found.start_s - 1 == pytest.approx(plain.start_s, abs=0.5)
    assert found.duration_s == pytest.approx(plain.duration_s, abs=0.5)
    assert {one.lost for one in found.streams} == {None}
    verdict = judge_call(found)
    assert (verdict.state, verdict.alternatives) == ("insufficient", ())


@pytest.mark.parametrize("arm", VIDEOS)
def test_pictures_that_come_all_the_time(arm: str):
    (found,) = found_in(allocation(), connection(of_call(arm, 1500))).calls
    assert found.media == ("voice", "video")


def test_two_calls_at_once_and_a_connection_that_is_none():
    """As at a gateway: two phones and a game, all through one server."""
    phone, game, packets = bytes((10, 0, 0, 6)), bytes((10, 0, 0, 7)), []
    packets += connection(of_call("webrtc/dtls/voice"), client_hello_record(517, (b"stun.turn",)))
    for host, pieces in ((phone, of_call("signal/ringrtc/voice")), (game, list(ticking(Random(1), 30, (40, 200))))):
        moved = connection(pieces, client_hello_record(517, (b"stun.turn",)))
        packets += [Packet(one.time_ns + 2_000_000_000, one.data.replace(CALLER, host, 1)) for one in moved]
    found = found_in(packets).calls
    assert [(one.app, one.protocol, one.media) for one in found] == [("unknown", "tcp", ("voice",))] * 2
    assert [round(one.start_s) for one in found] == [0, 2]


@pytest.mark.parametrize("proof", [[], allocation(OTHER), allocation(CALLER, OTHER)], ids=["none", "client", "server"])
def test_without_proof_no_call_is_said_and_that_there_may_be_one(proof: Proof):
    found = found_in(proof, connection(of_call("webrtc/dtls/voice")))
    assert found.calls == ()
    assert found.unread == {SEALED_STREAM: 1}
    told = f"{no_call_found(found)} {no_call_advice(found)}"
    for part in ("a TLS connection with small packets steadily both ways", "tunnel", "Record at the other end too"):
        assert part in told
    assert "right network interface" not in told


@pytest.mark.parametrize("arm", [*VOICES, *VIDEOS])
def test_each_apps_call_in_tls_is_steady(arm: str):
    assert found_in(connection(of_call(arm))).unread == {SEALED_STREAM: 1}


def test_a_call_to_a_proven_server_is_told_once():
    assert SEALED_STREAM not in found_in(allocation(), connection(of_call("webrtc/dtls/voice"))).unread


def test_a_recording_that_is_measured_twice_counts_a_connection_once():
    """As `talkpath listen` does."""
    scan = scan_capture(io.BytesIO(pcap_file(connection(of_call("webrtc/dtls/voice")))))
    assert measure_calls(scan).findings.unread == measure_calls(scan).findings.unread == {SEALED_STREAM: 1}


@pytest.mark.parametrize("name", ["pages", "slow game", "download", "one way", "short"])
def test_what_is_not_steady_both_ways_is_not_told(name: str):
    rng = Random(4)
    pieces = {
        "pages": lambda: list(pages(rng)),
        "slow game": lambda: list(ticking(rng, 8, (40, 200))),
        "download": lambda: [(n / 80, False, 1300) for n in range(1600)] + [(n / 5, True, 40) for n in range(100)],
        "one way": lambda: [(n / 50, True, 120) for n in range(1000)] + [(n / 2, False, 40) for n in range(40)],
        "short": lambda: [one for one in ticking(rng, 50, (60, 200)) if one[0] < 4],
    }[name]()
    assert SEALED_STREAM not in found_in(connection(pieces)).unread


def test_connections_beyond_a_bound_are_not_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sealed_streams, "MOST_SEALED", 3)
    packets = []
    for number in range(8):
        host = bytes((10, 0, 1, number))
        packets += [
            Packet(one.time_ns + number, one.data.replace(CALLER, host, 1))
            for one in connection(list(ticking(Random(number), 50, (60, 200))))
        ]
    assert found_in(packets).unread == {SEALED_STREAM: 3}


def ticking(rng: Random, hz: float, size: tuple[int, int], shake_s: float = 0.001) -> Iterator[MeasuredStream]:
    """Both ways at a steady rate."""
    for number in range(round(20 * hz)):
        for sent in (True, False):
            yield number / hz + rng.uniform(0, shake_s) + 0.007 * sent, sent, rng.randrange(*size)


def by_chance(rng: Random, hz: float) -> Iterator[MeasuredStream]:
    for sent in (True, False):
        at_s = 0.0
        while at_s < 20:
            at_s += rng.expovariate(hz)
            yield at_s, sent, rng.randrange(60, 380)


def pages(rng: Random) -> Iterator[MeasuredStream]:
    """Requests now and then, each with a burst of answers."""
    for number in range(40):
        yield number / 2, True, 300
        yield from ((number / 2 + 0.05 + 0.004 * place, False, rng.choice((90, 1200, 4000))) for place in range(30))


def desktop(rng: Random) -> Iterator[MeasuredStream]:
    """Pictures one way, a mouse the other way."""
    yield from ((number / 30 + place / 1000, False, 1100) for number in range(600) for place in range(5))
    yield from ((at_s, True, 60) for at_s, sent, _ in by_chance(rng, 60) if sent)


def one_way(rng: Random) -> Iterator[MeasuredStream]:
    """Radio: the beat of a voice, but one way."""
    yield from ((number / 50, False, 120) for number in range(1000))
    yield from ((number / 2, True, 60) for number in range(40))


INNOCENT: dict[str, Callable[[Random], Iterator[MeasuredStream]]] = {
    "game, 30 Hz": lambda rng: ticking(rng, 30, (40, 200)),
    "game, 60 Hz": lambda rng: ticking(rng, 60, (40, 200)),
    "game, 20 Hz": lambda rng: ticking(rng, 20, (40, 200)),
    "shaken game": lambda rng: ticking(rng, 30, (40, 200), 0.02),
    "100 Hz": lambda rng: ticking(rng, 100, (40, 200)),
    "chance, 50 a second": lambda rng: by_chance(rng, 50),
    "chance, 200 a second": lambda rng: by_chance(rng, 200),
    "pages": pages,
    "desktop": desktop,
    "one way": one_way,
    "keep-alives": lambda rng: ticking(rng, 1, (30, 60)),
    "a short voice": lambda rng: (one for one in ticking(rng, 50, (80, 150)) if one[0] < 4),
}


@pytest.mark.parametrize("name", INNOCENT)
@pytest.mark.parametrize("seed", range(3))
def test_what_else_a_turn_server_carries_is_no_call(name: str, seed: int):
    packets = connection(list(INNOCENT[name](Random(seed))), client_hello_record(517, (b"stun.turn",)))
    assert found_in(allocation(), packets).calls == ()


def test_a_shaken_line_and_a_pause():
    """Up to 6 ms later each, and nothing for 1.2 s that then comes at once, as TCP has it."""
    rng, pieces = Random(5), []
    for at_s, sent, size in of_call("webrtc/dtls/voice", 800):
        late_s = 0.0 if sent else rng.uniform(0, 0.006)
        stuck = not sent and 6 <= at_s < 7.2
        pieces.append((7.2 + at_s / 1e4 if stuck else at_s + late_s, sent, size))
    (found,) = found_in(allocation(), connection(pieces)).calls
    (heard,) = [one for one in found.streams if one.direction == "received"]
    assert (heard.freezes, heard.lost, heard.loss_basis) == (1, None, None)
    assert heard.frozen_s == pytest.approx(1.2, abs=0.1)


def test_its_own_packets_are_no_other_traffic():
    (found,) = found_in(allocation(), connection(of_call("webrtc/dtls/voice"))).calls
    assert max(one.other_packets for one in found.seconds[2:]) == 0


@pytest.mark.parametrize("first", [b"", client_hello_record(517, (b"stun.turn", b"x-secret"))], ids=["asked", "hello"])
def test_scrubbed_it_is_the_same_call(first: bytes):
    plain, made = io.BytesIO(), io.BytesIO()
    writer = Writer(plain)
    proof = [] if first else allocation()
    for one in sorted([*proof, *connection(of_call("webrtc/dtls/video", 1500), first)], key=lambda one: one.time_ns):
        writer.packet(one.time_ns, one.data, len(one.data), -1)
    before = measure_calls(scan_capture(io.BytesIO(plain.getvalue()))).findings
    scrub_capture(io.BytesIO(plain.getvalue()), made)
    after = measure_calls(scan_capture(io.BytesIO(made.getvalue()))).findings
    assert len(before.calls) == 1
    assert [(one.app, one.media, one.protocol, one.start_s, one.duration_s, one.streams) for one in before.calls] == [
        (one.app, one.media, one.protocol, one.start_s, one.duration_s, one.streams) for one in after.calls
    ]
    for secret in (b"x-secret", CALLER, SERVER):
        assert secret not in made.getvalue()


@pytest.mark.long
@pytest.mark.parametrize("first", [b"", client_hello_record(517, (b"stun.turn",))], ids=["asked", "hello"])
@pytest.mark.parametrize("seed", range(8))
def test_damage_is_no_error(first: bytes, seed: int):
    """Bytes changed, cut out and doubled anywhere: findings and a scrubbed copy all the same."""
    rng = Random(seed)
    whole = pcap_file([*allocation(), *connection(of_call("webrtc/dtls/voice", 150), first)], "raw", nano=True)
    for _ in range(5):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 5, 50, 300))):
            at, size = rng.randrange(24, len(data)), rng.choice((1, 4, 40, 400))
            data[at : at + size] = rng.choice((b"", data[at : at + size] * 2, rng.randbytes(size), b"\x17\x03\x03\0"))
        findings_in(bytes(data))
        scrub_capture(io.BytesIO(bytes(data)), io.BytesIO())


def test_the_hellos_of_a_block_are_noted_together(monkeypatch: pytest.MonkeyPatch):
    merges = []
    monkeypatch.setattr(
        turn_over_tls, "distinct_values", lambda keys: merges.append(len(keys)) or distinct_values(keys)
    )
    first = client_hello_record(200, TURN_PROTOCOLS[:1])
    packets = [
        Packet(BEGIN_NS + number, tcp_segment(CALLER, SERVER, 2000 + number, 443, 1, first)) for number in range(500)
    ]
    found = scan_capture(io.BytesIO(pcap_file(packets, nano=True)))
    assert len(found.tcp.turn_over_tls.flows) == 500
    assert len(merges) <= 2  # one a block of the file
    assert merges[-1] == 500
