"""IP, UDP, TCP and ICMP headers: built packets parse back, checksums follow RFC 1071, invalid bytes are refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets import ip_parsers
from talkpath.errors import WireError
from talkpath.wire.ip import packets
from talkpath.wire.ip.address import Address

V4 = Address.of("192.0.2.1", 40000), Address.of("198.51.100.2", 3478)
V6 = Address.of("2001:db8::1", 40000), Address.of("2001:db8:2::9", 3478)
ENDS = [pytest.param(V4, id="IPv4"), pytest.param(V6, id="IPv6")]

PAYLOADS = st.binary(max_size=200)
PORTS = st.integers(0, 65535)
PACKED = st.one_of(
    st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4)),
    st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16)),
)


def by_the_book(data: bytes) -> int:
    """RFC 1071 section 4.1, word by word: the oracle for `internet_checksum`."""
    total = 0
    padded = data + bytes(len(data) % 2)
    for (word,) in struct.iter_unpack("!H", padded):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(max_size=300))
def test_checksum_is_rfc_1071(data):
    assert packets.internet_checksum(data) == by_the_book(data)


def test_checksum_of_the_example_in_rfc_1071():
    assert packets.internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_a_known_ipv4_header():
    packet = packets.build_udp(Address.of("192.0.2.1", 1), Address.of("192.0.2.2", 2), b"abc", ttl=9)
    assert packet.hex() == (
        "4500001f000040000911edca" + "c0000201c0000202" + "0001" + "0002" + "000b" + packet[26:28].hex() + "616263"
    )
    assert by_the_book(packet[:20]) == 0
    assert by_the_book(packet[12:20] + b"\0\x11\0\x0b" + packet[20:]) == 0


@given(PACKED, PORTS, PORTS, PAYLOADS, st.integers(0, 255))
def test_udp_comes_back(packed, source, target, payload, ttl):
    ends = Address(packed[0], source), Address(packed[1], target)
    packet = packets.parse_ip(packets.build_udp(*ends, payload, ttl))
    assert (packet.source.packed, packet.destination.packed, packet.ttl) == (*packed, ttl)
    assert ip_parsers.parse_udp(packet) == ip_parsers.Udp(source, target, payload)


@given(PACKED, PORTS, PORTS, st.lists(PAYLOADS, max_size=5))
def test_the_quick_writer_writes_the_same(packed, source, target, payloads):
    ends = Address(packed[0], source), Address(packed[1], target)
    writer = packets.UdpWriter(*ends)
    for payload in payloads:
        packet = writer.packet(payload)
        assert packet == packets.build_udp(*ends, payload)
        assert packets.split_udp(packet) == (
            packed[0] + packed[1] + source.to_bytes(2, "big") + target.to_bytes(2, "big"),
            payload,
        )


@given(PACKED, PORTS, PORTS, PAYLOADS)
def test_a_packet_without_its_checksum_is_the_same_otherwise(packed, source, target, payload):
    writer = packets.UdpWriter(Address(packed[0], source), Address(packed[1], target))
    whole, unsummed = writer.packet(payload), writer.packet_unsummed(payload)
    check_at = len(whole) - len(payload) - 2
    assert unsummed == whole[:check_at] + bytes(2) + whole[check_at + 2 :]


@given(PACKED, PORTS, PORTS, st.lists(st.tuples(st.integers(0, 2**33), st.integers(0, 255), PAYLOADS), max_size=5))
def test_the_quick_tcp_writer_writes_the_same(packed, source, target, segments):
    ends = Address(packed[0], source), Address(packed[1], target)
    writer = packets.TcpWriter(*ends)
    for sequence, flags, payload in segments:
        segment = packets.Tcp(source, target, sequence, 0, flags, payload=payload)
        whole = packets.build_tcp(*ends, segment)
        at = len(whole) - len(payload) - 4
        assert writer.packet_unsummed(sequence, flags, payload) == whole[:at] + b"\0\0" + whole[at + 2 :]


@given(st.binary(min_size=2, max_size=2))
def test_a_udp_checksum_is_never_zero(tail):
    """Zero would mean "none was made" (RFC 768); some two bytes of payload make the sum come out so."""
    packet = packets.UdpWriter(*V4).packet(tail)
    assert packet[26:28] != b"\0\0"


def test_the_udp_checksum_that_comes_out_as_zero_is_sent_as_ones():
    written = [packets.UdpWriter(*V4).packet(n.to_bytes(2, "big")) for n in range(65536)]
    ones = [packet for packet in written if packet[26:28] == b"\xff\xff"]
    assert len(ones) == 1
    assert ip_parsers.parse_udp(packets.parse_ip(ones[0])).payload == ones[0][28:]


@given(
    st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 255), PORTS, PAYLOADS,
    st.integers(0, 10).map(lambda n: bytes(4 * n)),
)  # fmt: skip
def test_tcp_comes_back(sequence, acknowledgement, flags, window, payload, options):
    for ends in (V4, V6):
        made = packets.Tcp(ends[0].port, ends[1].port, sequence, acknowledgement, flags, window, payload, options)
        assert ip_parsers.parse_tcp(packets.parse_ip(packets.build_tcp(*ends, made))) == made


@pytest.mark.parametrize("ends", ENDS)
def test_icmp_comes_back(ends):
    made = packets.Icmp(3, 3, b"\0\0\0\x2a", b"what it is about")
    packet = packets.parse_ip(packets.build_icmp(*ends, made))
    assert packet.protocol == (packets.ICMP if ends is V4 else packets.ICMP6)
    assert packets.parse_icmp(packet) == made


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("source", [True, False])
@given(payload=PAYLOADS, port=PORTS)
def test_a_replaced_port_is_as_if_built_with_it(ends, source, payload, port):
    moved = (Address(ends[0].packed, port), ends[1]) if source else (ends[0], Address(ends[1].packed, port))
    assert packets.replace_port(packets.build_udp(*ends, payload), port, source=source) == packets.build_udp(
        *moved, payload
    )
    segment = packets.Tcp(0, 0, 1, 2, 16, payload=payload)
    changed = ip_parsers.parse_tcp(
        packets.parse_ip(packets.replace_port(packets.build_tcp(*ends, segment), port, source=source))
    )
    assert (changed.source_port, changed.destination_port) == (moved[0].port, moved[1].port)


def test_no_checksum_stays_none():
    packet = bytearray(packets.build_udp(*V4, b"x"))
    packet[26:28] = b"\0\0"
    changed = packets.replace_port(bytes(packet), 7, source=True)
    assert changed[26:28] == b"\0\0"
    assert ip_parsers.parse_udp(packets.parse_ip(changed)).source_port == 7


@pytest.mark.parametrize("ends", ENDS)
@given(at=st.integers(0, 300), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed_or_changes_what_no_checksum_covers(ends, at, bit):
    built = packets.build_udp(*ends, b"the talk path is open" * 3)
    packet = bytearray(built)
    packet[at % len(packet)] ^= 1 << bit
    try:
        parsed = packets.parse_ip(bytes(packet))
        datagram = ip_parsers.parse_udp(parsed)
    except WireError:
        return
    assert datagram.payload == b"the talk path is open" * 3 or ends is V6
    assert at % len(packet) in (0, 1, 2, 3, 7)  # IPv6: version, class, flow label and hop limit have no checksum


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x45", b"\x60", b"\x45\0\0\x1c", b"\x60\0\0\0\0\x08\x11\x40"]))
def test_rubbish_is_a_value_or_a_wire_error(data, start):
    data = start + data
    try:
        packet = packets.parse_ip(data)
    except WireError:
        return
    for parse in (ip_parsers.parse_udp, ip_parsers.parse_tcp, packets.parse_icmp):
        try:
            parse(packet)
        except WireError:
            continue


@pytest.mark.parametrize("ends", ENDS)
def test_every_cut_is_refused(ends):
    whole = packets.build_udp(*ends, b"0123456789")
    for size in range(len(whole)):
        with pytest.raises(WireError):
            ip_parsers.parse_udp(packets.parse_ip(whole[:size]))
    assert packets.split_udp(whole[:20]) is None


def test_padding_after_the_packet_is_left_out():
    assert ip_parsers.parse_udp(packets.parse_ip(packets.build_udp(*V4, b"x") + bytes(17))).payload == b"x"


def test_ipv6_extension_headers_are_walked():
    plain = packets.build_udp(*V6, b"inside")
    options = b"\x11\0" + bytes(6)
    packet = plain[:4] + (len(plain) - 40 + 8).to_bytes(2, "big") + b"\0" + plain[7:40] + options + plain[40:]
    assert ip_parsers.parse_udp(packets.parse_ip(packet)).payload == b"inside"
    fragment = packet[:6] + b"\x2c" + packet[7:]
    assert packets.parse_ip(fragment).fragment
    assert packets.split_udp(packet) is None


def test_a_fragment_has_no_datagram():
    packet = bytearray(packets.build_udp(*V4, b"x"))
    packet[6:8] = b"\x20\0"
    packet[10:12] = bytes(2)
    packet[10:12] = packets.internet_checksum(bytes(packet[:20])).to_bytes(2, "big")
    with pytest.raises(WireError, match="whole"):
        ip_parsers.parse_udp(packets.parse_ip(bytes(packet)))
    assert packets.split_udp(bytes(packet)) is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: packets.build_udp(V4[0], V6[1], b""),
        lambda: packets.build_udp(*V4, bytes(65530)),
        lambda: packets.build_udp(*V4, bytes(65510)),
        lambda: packets.build_tcp(*V4, packets.Tcp(0, 0, 0, 0, 0, options=b"odd")),
        lambda: packets.build_icmp(*V4, packets.Icmp(300, 0)),
        lambda: packets.build_ip(packets.Ip(Address(b"1234"), Address(b"5678"), 17, b"", ttl=256)),
        lambda: packets.build_ip(packets.Ip(Address(bytes(16)), Address(bytes(16)), 17, bytes(65536))),
    ],
)
def test_what_cannot_be_built_is_refused(build):
    with pytest.raises(WireError) as caught:
        build()
    assert "192." not in str(caught.value)
