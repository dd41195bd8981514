"""Nothing personal stays in a shape: values are planted wherever a call has some, and looked for in every form."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from random import Random

import msgspec
import pytest

from factories.networks.planted_addresses import address_forms, name_forms
from factories.packets.capture_files import Packet, pcap_file, udp_packet
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.capture.shapes.recorded_flow import FlowPacket, RecordedFlow, read_flow
from talkpath.report.recordings.recorded_shape import kind_lines, shape_record, summary_lines
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun

NEAR, FAR = "100.77.141.203", "185.199.177.86"
NAMES = (
    *("annas-laptop.qzxwhome.example", "qzxw-alpn-secret", "QzxwCommonName", "qzxwufragAnna"),
    *("qzxw-cname@anna.example", "qzxw-realm.example", "qzxw-nonce-77", "qzxw-software", "qzxwtoken0123456"),
    *("QZXWPAYLOADPAYLOAD", "qzxwmid"),
)
NUMBERS = (0xDEADBE57, 0x5EC2E7A1)
SSRC, USER_ID = NUMBERS


def packed(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind: int, transaction: bytes, body: bytes) -> bytes:
    return struct.pack("!HHI", kind, len(body), 0x2112A442) + transaction + body


def check(rng: Random) -> tuple[bytes, bytes]:
    """A check with names in all that holds text, and its answer with an address."""
    texts = {0x0006: b"qzxwufragAnna:qzxwufragAnna", 0x0014: b"qzxw-realm.example", 0x0015: b"qzxw-nonce-77"}
    texts |= {0x8022: b"qzxw-software", 0x8003: b"annas-laptop.qzxwhome.example", 0xC0DE: b"qzxwtoken0123456"}
    transaction = rng.randbytes(12)
    body = b"".join(attribute(kind, text) for kind, text in texts.items()) + attribute(0x0024, b"\x6e\x7e\x1f\xff")
    mapped = stun.encode_xor_address(Address(packed(FAR), 40000), transaction)
    return message(1, transaction, body), message(0x0101, transaction, attribute(0x0020, mapped))


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def handshake(kind: int, number: int, body: bytes) -> bytes:
    message = bytes([kind]) + len(body).to_bytes(3, "big") + struct.pack("!H", number) + bytes(3)
    message += len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd\0\0" + struct.pack("!IHH", 0, number, len(message)) + message


def hello() -> bytes:
    name, alpn = NAMES[0].encode(), NAMES[1].encode()
    extensions = extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name)
    extensions += extension(16, struct.pack("!HB", len(alpn) + 1, len(alpn)) + alpn)
    extensions += extension(0x2C, b"qzxwtoken0123456") + extension(14, b"\0\2\0\1\x10qzxwtoken0123456")
    body = b"\xfe\xfd" + Random(1).randbytes(32) + b"\x10qzxwtoken0123456\0\0\2\xc0\x2b\1\0"
    return handshake(1, 0, body + struct.pack("!H", len(extensions)) + extensions)


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])) + body


def certificate() -> bytes:
    name = der(0x30, der(0x31, der(0x30, b"\x06\x03\x55\x04\x03", der(0x0C, b"QzxwCommonName"))))
    dates = der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"260201000000Z"))
    serial = der(2, b"qzxwtoken0123456")
    alternative = der(0xA3, der(0x30, der(0x30, der(4, b"annas-laptop.qzxwhome.example"))))
    whole = der(0x30, serial, name, dates, name, alternative)
    sized = len(whole).to_bytes(3, "big") + whole
    return handshake(11, 1, len(sized).to_bytes(3, "big") + sized)


def rtp(number: int) -> bytes:
    mid = bytes([1 << 4 | 6]) + b"qzxwmid"
    head = struct.pack("!BBHII", 0x90, 111, number, 960 * number, SSRC) + b"\xbe\xde\0\2" + mid
    return head + b"QZXWPAYLOADPAYLOAD" * (3 + number % 3)


def report() -> bytes:
    """A receiver report and SDES with a CNAME (RFC 3550), in the clear."""
    name = b"qzxw-cname@anna.example"
    return struct.pack("!BBHI", 0x80, 201, 1, SSRC) + struct.pack("!BBHIBB", 0x81, 202, 8, SSRC, 1, len(name)) + name


def call(seed: int) -> Iterator[tuple[float, bool, bytes]]:
    rng = Random(seed)
    for number in range(4):
        asked, answered = check(rng)
        yield 0.05 * number, True, asked
        yield 0.05 * number + 0.03, False, answered
    yield 0.25, True, hello()
    yield 0.28, False, certificate()
    for number in range(300):
        yield 0.4 + 0.02 * number, True, rtp(number)
        yield 0.41 + 0.02 * number, False, rtp(number)
        if number % 50 == 0:
            yield 0.405 + 0.02 * number, True, report()


def unknown(seed: int) -> Iterator[tuple[float, bool, bytes]]:
    """Packets of no known protocol, with one user's token, number and address in each."""
    rng = Random(seed)
    head = b"qzxwtoken0123456" + struct.pack("!I", USER_ID) + packed(FAR)
    for number in range(400):
        body = struct.pack("!BBH", 0x41, 7, number) + head + rng.randbytes(rng.randint(40, 90))
        yield 0.02 * number, True, body
        yield 0.02 * number + 0.01, False, head + body


def recorded(packets: Iterator[tuple[float, bool, bytes]]) -> RecordedFlow:
    near, far = packed(NEAR), packed(FAR)
    made = [
        Packet(
            1_790_000_000_000_000_000 + int(at_s * 1e9),
            udp_packet(near, far, 50123, 41234, data) if up else udp_packet(far, near, 41234, 50123, data),
        )
        for at_s, up, data in sorted(packets)
    ]
    return read_flow(lambda: BytesIO(pcap_file(made)), 1)


def planted_forms() -> dict[str, bytes]:
    found = {f"{one}: {form}": data for one in (NEAR, FAR) for form, data in address_forms(one).items()}
    found |= {f"{one}: {form}": data for one in NAMES for form, data in name_forms(one).items()}
    for number in NUMBERS:
        big = number.to_bytes(4, "big")
        forms = (big, big[::-1], big.hex().encode(), big[::-1].hex().encode(), str(number).encode())
        found |= {f"{number:x}: {place}": data for place, data in enumerate(forms)}
    return found


@pytest.mark.parametrize("recordings", [1, 3])
@pytest.mark.parametrize("made", [call, unknown])
def test_planted_values_are_not_in_a_shape(made, recordings: int):
    flows = [recorded(made(seed)) for seed in range(recordings)]
    shape = make_shape(flows, "planted")
    whole = write_shape_text(shape) + msgspec.json.encode(shape_record(shape))
    whole += "\n".join((*summary_lines(shape), *kind_lines(shape))).encode()
    bare = whole.replace(b" ", b"").replace(b"\n", b"").lower()
    forms = planted_forms()
    recording = b"".join(packet.data for flow in flows for packet in flow.packets)
    assert sum(data in recording for data in forms.values()) >= 4  # the test plants what it looks for
    found = [form for form, data in forms.items() if data in whole or data.lower().replace(b" ", b"") in bare]
    assert found == []


def test_what_is_kept_of_an_unknown_protocol_is_a_mark():
    shape = make_shape([recorded(unknown(seed)) for seed in range(3)], "planted")
    (up,) = (kind for kind in shape.kinds if kind.direction == "up")
    assert up.told == "recordings"
    assert bytes.fromhex("4107") == up.fields[0].data  # type: ignore[union-attr]


def test_what_a_client_asks_a_reflector_with_is_not_kept():
    """Telegram's engine asks with the same number always, which stays (test_made_shapes); another's may be its own."""
    packets, tag, query = list[FlowPacket](), b"call-tag-of1", b"qzxwask1"
    for number in range(200):
        for direction in ("up", "down"):
            body = Random(number).randbytes(100)
            frame = tag + b"\0\0\0\2" + b"\0\0\0\1" + len(body).to_bytes(4, "big") + body
            packets.append(FlowPacket(0.02 * number, direction, frame, len(frame)))
    asked = tag + b"\0\0\0\1" + 12 * b"\xff" + b"\xfe\xff\xff\xff" + query
    packets = [FlowPacket(-0.1 + 0.01 * number, "up", asked, len(asked)) for number in range(3)] + packets
    whole = write_shape_text(make_shape([RecordedFlow(tuple(packets))], "reflector"))
    assert b"reflector40_up" in whole
    assert query.hex().encode() not in whole.replace(b" ", b"").replace(b"\n", b"")
