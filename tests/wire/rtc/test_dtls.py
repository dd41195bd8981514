"""DTLS: round trips, arbitrary bytes, and three hellos compared with captures, a local OpenSSL and tshark."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.dtls_records import encode_records
from factories.packets.pcap_reader import read_datagrams
from factories.packets.tshark_capture import raw_ip_capture
from talkpath.errors import WireError
from talkpath.wire.rtc import dtls
from talkpath.wire.rtc.dtls import ClientHello, DtlsRecord, Handshake

NUMBER = st.integers(0, 0xFFFF)
RECORDS = st.builds(
    DtlsRecord,
    type=st.integers(20, 23),
    version=st.sampled_from((dtls.DTLS_1_0, dtls.DTLS_1_2)),
    epoch=NUMBER,
    sequence=st.integers(0, (1 << 48) - 1),
    fragment=st.binary(max_size=40),
)
MESSAGES = st.builds(
    Handshake,
    type=st.integers(0, 255),
    length=st.integers(0, (1 << 24) - 1),
    sequence=NUMBER,
    offset=st.integers(0, (1 << 24) - 1),
    body=st.binary(max_size=40),
)
HELLOS = st.builds(
    ClientHello,
    version=NUMBER,
    random=st.binary(min_size=32, max_size=32),
    session=st.binary(max_size=32),
    cookie=st.binary(max_size=32),
    ciphers=st.lists(NUMBER, max_size=12).map(tuple),
    compressions=st.binary(max_size=3),
    extensions=st.lists(st.tuples(NUMBER, st.binary(max_size=12)), max_size=6).map(tuple),
)
AIORTC_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256"
)
SRTP = "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"


@given(st.lists(RECORDS, min_size=1, max_size=4).map(tuple))
def test_records_come_back(records: tuple[DtlsRecord, ...]) -> None:
    data = encode_records(records)
    assert dtls.is_dtls(data)
    assert dtls.decode_records(data) == records


@given(MESSAGES)
def test_handshake_messages_come_back(message: Handshake) -> None:
    assert dtls.decode_handshake(dtls.encode_handshake(message)) == message


@given(HELLOS)
def test_hellos_come_back(hello: ClientHello) -> None:
    assert dtls.decode_client_hello(dtls.encode_client_hello(hello)) == hello


SAMPLES = [dtls.client_hello(shape).fill(bytes(range(200))) for shape in dtls.CLIENT_HELLOS]


@given(st.binary(max_size=120) | st.sampled_from(SAMPLES), st.integers(0, 180), st.integers(0, 255))
def test_any_bytes_come_back_or_give_a_wire_error(data: bytes, at: int, value: int) -> None:
    for broken in (data, data[:at], data[:at] + bytes([value]) + data[at + 1 :]):
        with suppress(WireError):
            records = dtls.decode_records(broken)
            assert encode_records(records) == broken
            message = dtls.decode_handshake(records[0].fragment)
            assert dtls.encode_handshake(message) == records[0].fragment
            hello = dtls.decode_client_hello(message.body)
            assert dtls.encode_client_hello(hello) == message.body


@pytest.mark.parametrize(
    "encode",
    [
        lambda: dtls.encode_handshake(Handshake(1, 1 << 24, 0, 0, b"")),
        lambda: dtls.encode_client_hello(ClientHello(1, b"short", b"", b"", ())),
        lambda: dtls.encode_client_hello(ClientHello(1, bytes(32), bytes(256), b"", ())),
        lambda: dtls.encode_client_hello(ClientHello(1, bytes(32), b"", b"", (1 << 16,))),
    ],
)
def test_what_has_no_encoding_is_refused(encode) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WireError):
        encode()


def read(data: bytes) -> ClientHello:
    return dtls.decode_client_hello(dtls.decode_handshake(dtls.decode_records(data)[0].fragment).body)


@pytest.mark.parametrize(("shape", "size"), [("browser", 157), ("openssl", 177), ("pion", 139)])
def test_hellos_are_what_they_say(shape: str, size: int) -> None:
    data = dtls.client_hello(shape).fill(bytes(range(200)))
    assert len(data) == size
    hello = read(data)
    assert hello.random == bytes(range(27, 59))
    assert hello.version == dtls.DTLS_1_2
    assert dtls.USE_SRTP in dict(hello.extensions)


def test_pion_has_its_groups_where_filters_look() -> None:
    assert dtls.client_hello("pion").fixed[0x6E:0x74].hex() == "001d00170018"


@pytest.mark.parametrize("name", ["stun_google_meet__a.pcapng", "stun_dtls_rtp__a.pcapng"])
def test_the_browsers_hello_equals_the_captures(captures: Path, name: str) -> None:
    theirs = next(one.payload for one in read_datagrams(captures / name) if one.payload[:1] == b"\x16")
    assert dtls.client_hello("browser").fill(theirs) == theirs


def test_every_record_of_the_captures_comes_back(captures: Path) -> None:
    found = [
        one.payload for one in read_datagrams(captures / "stun_google_meet__a.pcapng") if dtls.is_dtls(one.payload)
    ]
    assert len(found) > 20
    for data in found:
        assert encode_records(dtls.decode_records(data)) == data


def test_openssls_hello_is_that_of_a_local_openssl() -> None:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("needs openssl: apt install openssl")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        options = ["-cipher", AIORTC_CIPHERS, "-use_srtp", SRTP, "-noservername"]
        target = ["s_client", "-dtls", "-connect", f"127.0.0.1:{server.getsockname()[1]}"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen([tool, *target, *options], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as client:
            theirs = read(server.recv(2000))
            client.kill()
    ours = read(dtls.client_hello("openssl").fill(bytes(200)))
    assert theirs.ciphers == ours.ciphers
    groups = ours.extensions[2][0], ours.extensions[7][0]  # which curves and schemes exist is the library's age
    assert [e for e in theirs.extensions if e[0] not in groups] == [e for e in ours.extensions if e[0] not in groups]


@pytest.mark.parametrize("shape", dtls.CLIENT_HELLOS)
def test_tshark_reads_our_hellos(tmp_path: Path, shape: str) -> None:
    tool = shutil.which("tshark")
    if tool is None:
        pytest.skip("needs tshark: apt install tshark")
    hello = read(data := dtls.client_hello(shape).fill(bytes(range(200))))
    file = tmp_path / "hello.pcap"
    file.write_bytes(raw_ip_capture([data]))
    fields = ["dtls.handshake.type", "dtls.handshake.ciphersuite", "dtls.handshake.extension.type", "_ws.malformed"]
    shown = [option for field in fields for option in ("-e", field)]
    run = subprocess.run(
        [tool, "-r", str(file), "-d", "udp.port==4000,dtls", "-T", "fields", *shown],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    kind, ciphers, extensions, malformed = run.stdout.rstrip("\n").split("\t")
    assert kind == "1"
    assert [int(number, 16) for number in ciphers.split(",")] == list(hello.ciphers)
    assert [int(number) for number in extensions.split(",")] == [number for number, _ in hello.extensions]
    assert not malformed
