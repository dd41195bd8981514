"""The flights after the hello equal the captures, except secrets, and independent parsers read them."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.dtls_records import encode_records
from factories.packets.pcap_reader import read_datagrams
from factories.packets.tshark_capture import raw_ip_capture
from talkpath.wire.pattern import PacketPattern, blank_pattern, join_patterns, literal_pattern
from talkpath.wire.rtc import dtls, dtls_flights
from talkpath.wire.rtc.dtls import HandshakeType
from talkpath.wire.rtc.dtls_flights import FlightDatagram

SERVERS = [*(dtls_flights.peer_server_flight(wide) for wide in range(5)), dtls_flights.sfu_server_flight()]
CLIENTS = [dtls_flights.client_flight(wide) for wide in range(5)]
FLIGHTS = [*SERVERS, *CLIENTS, dtls_flights.server_finish()]


def made(flight: FlightDatagram, seed: int = 7) -> bytes:
    entropy = bytes((seed + 31 * i + i * i) & 255 for i in range(len(flight.pattern)))
    data = bytearray(flight.pattern.fill(entropy))
    if flight.dates_at:
        both = dtls_flights.certificate_dates(1000 * seed, flight.days)
        data[flight.dates_at : flight.dates_at + len(both)] = both
    return bytes(data)


def differs(flight: FlightDatagram, theirs: bytes) -> list[int]:
    """Offsets where `theirs` is no instance of the pattern, dates apart."""
    pattern = flight.pattern
    dates = range(flight.dates_at, flight.dates_at + 28) if flight.dates_at else range(0)
    pairs = enumerate(zip(pattern.fixed, pattern.mask, theirs, strict=True))
    return [at for at, (fixed, mask, byte) in pairs if byte & ~mask != fixed and at not in dates]


def handshakes(datagram: bytes) -> list[tuple[int, bytes]]:
    """(type, body) of what is not encrypted."""
    plain = [r for r in dtls.decode_records(datagram) if r.type == dtls.Content.HANDSHAKE and r.epoch == 0]
    return [(m.type, m.body) for m in (dtls.decode_handshake(record.fragment) for record in plain)]


def certificate(datagram: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(dict(handshakes(datagram))[HandshakeType.CERTIFICATE][6:])


def flights_of(captures: Path, name: str) -> dict[int, bytes]:
    return {len(one.payload): one.payload for one in read_datagrams(captures / name) if one.payload[:1] == b"\x16"}


def test_the_clients_flight_and_the_last_equal_a_capture(captures: Path) -> None:
    theirs = flights_of(captures, "stun_google_meet__a.pcapng")
    assert differs(dtls_flights.client_flight(2), theirs[545]) == []
    assert differs(dtls_flights.server_finish(), theirs[570]) == []


@pytest.mark.parametrize("name", ["stun_google_meet__a.pcapng", "stun_dtls_rtp__a.pcapng"])
def test_records_have_the_order_and_lengths_of_the_captures(captures: Path, name: str) -> None:
    theirs = flights_of(captures, name)
    shapes = [(545, dtls_flights.client_flight(2)), (570, dtls_flights.server_finish())]
    for size, flight in shapes:
        pairs = zip(dtls.decode_records(made(flight)), dtls.decode_records(theirs[size]), strict=True)
        for ours, real in pairs:
            assert (ours.type, ours.version, ours.epoch) == (real.type, real.version, real.epoch)
            assert len(ours.fragment) == len(real.fragment)
    ours, real = handshakes(made(dtls_flights.sfu_server_flight())), handshakes(theirs[1203])
    assert [kind for kind, _ in ours] == [kind for kind, _ in real]
    assert [len(b) - len(a) for (_, a), (_, b) in zip(ours, real, strict=True)] == [0, 1, 0, 2, 0]
    assert ours[0][1][34:] == real[0][1][34:]  # all that the server chose


@pytest.mark.parametrize("flight", [*SERVERS, *CLIENTS], ids=lambda flight: str(len(flight.pattern)))
def test_certificates_are_read_by_cryptography(flight: FlightDatagram) -> None:
    found = certificate(made(flight))
    name = found.subject.rfc4514_string()
    assert name == found.issuer.rfc4514_string()
    assert name in ("CN=WebRTC", "CN=hangouts")
    assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(days=flight.days)
    assert found.signature_algorithm_oid.dotted_string in ("1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11")


@pytest.mark.parametrize("flight", FLIGHTS, ids=lambda flight: str(len(flight.pattern)))
def test_no_datagram_is_longer_than_1200_bytes(flight: FlightDatagram) -> None:
    data = made(flight)
    assert encode_records(dtls.decode_records(data)) == data
    assert len(data) <= 1200


def test_tshark_finds_nothing_malformed(tmp_path: Path) -> None:
    tool = shutil.which("tshark")
    if tool is None:
        pytest.skip("needs tshark: apt install tshark")
    file = tmp_path / "flights.pcap"
    hello = dtls.client_hello("browser").fill(bytes(200))
    file.write_bytes(raw_ip_capture([hello, *map(made, FLIGHTS)]))
    fields = ["-e", "dtls.handshake.type", "-e", "_ws.malformed", "-e", "dtls.handshake.certificate_length"]
    run = subprocess.run(
        [tool, "-r", str(file), "-d", "udp.port==4000,dtls", "-T", "fields", *fields],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("\t") for line in run.stdout.rstrip("\n").split("\n")]
    assert not any(malformed for _, malformed, _ in rows)
    assert [kinds for kinds, _, _ in rows[1:]] == ["2,11,12,13,14"] * 6 + ["11,16,15"] * 5 + ["4"]
    assert all(lengths for _, _, lengths in rows[1:12])


PARTS = st.lists(st.binary(max_size=20).map(literal_pattern) | st.integers(0, 20).map(blank_pattern), max_size=6)


@given(PARTS, st.binary(min_size=120, max_size=120))
def test_a_pattern_keeps_what_is_fixed_and_nothing_else(parts: list[PacketPattern], entropy: bytes) -> None:
    pattern = join_patterns(*parts)
    data = pattern.fill(entropy)
    assert len(data) == len(pattern)
    assert all(b & ~m & 255 == f for b, m, f in zip(data, pattern.mask, pattern.fixed, strict=True))
    assert all(b & m == e & m for b, m, e in zip(data, pattern.mask, entropy, strict=False))


@given(st.binary(min_size=4, max_size=4))
def test_bits_of_a_blanks_first_byte_can_be_said(entropy: bytes) -> None:
    data = blank_pattern(4, first=0x80, clear=0x40).fill(entropy)
    assert data[0] >> 6 == 2
    assert data[1:] == entropy[1:]
