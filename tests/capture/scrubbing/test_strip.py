"""What is left of one datagram: headers that `capture` reads, and nothing that could be anybody's."""

from __future__ import annotations

import struct

import pytest

from talkpath.apps.contract.byte_hint import hint_of_bytes
from talkpath.capture.recognise.app_files import app_byte_hints, app_wrappings
from talkpath.capture.scrubbing.pseudonym import Pseudonyms
from talkpath.capture.scrubbing.strip import HELLO_LIST_BYTES, PayloadStripper, strip_sip
from talkpath.wire.rtc import reflector, rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type
from talkpath.wire.tls import client_hello_record, offered_protocols

SECRET = b"the words that were said"
TRANSACTION = b"transaction!"


@pytest.fixture
def names() -> Pseudonyms:
    return Pseudonyms()


@pytest.fixture
def strip(names: Pseudonyms) -> PayloadStripper:
    return PayloadStripper(names, [hint for _, hint in app_byte_hints()], app_wrappings())


def message(kind: int, value: bytes) -> bytes:
    """A Binding request with one attribute."""
    return stun.encode_message(StunMessage(Type.BINDING_REQUEST, TRANSACTION, ((kind, value),)))


def value_of(datagram: bytes, kind: int) -> bytes:
    value = stun.decode_message(datagram).get(kind)
    assert value is not None
    return value


def test_every_datagram_keeps_its_length(strip: PayloadStripper):
    for first in range(256):
        for size in (0, 1, 3, 4, 12, 13, 20, 28, 60):
            data = bytes((first,)) * size
            assert len(strip(data)) == size


class TestRtp:
    HEAD = struct.pack("!BBHII", 0x80, 111, 7, 960, 0x01020304)

    def test_the_header_stays(self, strip: PayloadStripper):
        assert strip(self.HEAD + SECRET)[:12] == self.HEAD

    def test_what_follows_the_header_goes(self, strip: PayloadStripper):
        stripped = strip(self.HEAD + SECRET)
        assert stripped[12:16] != SECRET[:4]
        assert SECRET[:8] not in stripped

    def test_copies_stay_copies(self, strip: PayloadStripper):
        assert strip(self.HEAD + SECRET) == strip(self.HEAD + SECRET)
        assert strip(self.HEAD + SECRET) != strip(self.HEAD + SECRET[::-1])

    def test_the_kind_of_an_extension_stays_but_not_its_contents(self, strip: PayloadStripper):
        head = bytes((0x90,)) + self.HEAD[1:]
        stripped = strip(head + b"\xde\xbe\x00\x02" + SECRET)
        assert stripped[:16] == head + b"\xde\xbe\x00\x02"
        assert SECRET[:8] not in stripped

    def test_the_elements_of_an_extension_keep_ids_and_sizes_but_not_their_values(self, strip: PayloadStripper):
        head, values = bytes((0xB0,)) + self.HEAD[1:], b"\x22LOU\x00\x31AT\x00\x00\x00\x00"
        stripped = strip(head + b"\xbe\xde\x00\x03" + values + SECRET)
        assert rtp.decode_packet(stripped).one_byte_elements() == [(2, 3), (3, 2)]
        assert b"LOU" not in stripped
        assert b"AT" not in stripped[16:28]
        assert SECRET[:8] not in stripped

    def test_an_extension_that_is_no_row_of_elements_goes(self, strip: PayloadStripper):
        stripped = strip(bytes((0x90,)) + self.HEAD[1:] + b"\xbe\xde\x00\x06" + b"pApBpCpDpEpF" * 2)
        assert stripped[16:28:2] != b"pppppp"
        assert not any(stripped[24:])

    def test_contributing_sources_go(self, strip: PayloadStripper):
        head = bytes((0x91,)) + self.HEAD[1:]
        assert strip(head + SECRET)[12:16] != SECRET[:4]

    def test_rtcp_keeps_its_header(self, strip: PayloadStripper):
        report = b"\x80\xc8\x00\x06\x01\x02\x03\x04" + SECRET
        stripped = strip(report)
        assert stripped[:8] == report[:8]
        assert SECRET[:8] not in stripped


class TestStun:
    def test_the_transaction_is_another_and_the_same_for_the_same(self, strip: PayloadStripper):
        request = message(Attribute.USERNAME, b"a:b")
        assert TRANSACTION not in strip(request)
        assert strip(request)[8:20] == strip(request)[8:20]

    @pytest.mark.parametrize(
        "kind", [Attribute.LIFETIME, Attribute.CHANNEL_NUMBER, Attribute.NETWORK_INFO, 0x8036, 0x8050, 0x8070]
    )
    def test_numbers_stay(self, strip: PayloadStripper, kind: int):
        assert value_of(strip(message(kind, b"\x00\x00\x02\x58")), kind) == b"\x00\x00\x02\x58"

    @pytest.mark.parametrize(
        "kind", [Attribute.LIFETIME, Attribute.CHANNEL_NUMBER, Attribute.NETWORK_INFO, 0x8036, 0x8050, 0x8070]
    )
    @pytest.mark.parametrize("times", [1, 40])
    def test_a_longer_value_is_no_number_and_goes(self, strip: PayloadStripper, kind: int, times: int):
        assert value_of(strip(message(kind, SECRET * times)), kind) == bytes(len(SECRET) * times)

    def test_user_names_keep_their_form(self, strip: PayloadStripper):
        stripped = strip(message(Attribute.USERNAME, b"alice:EDGERAY_DEFAULT_USER:9"))
        name, *rest = value_of(stripped, Attribute.USERNAME).split(b":")
        assert (len(name), rest) == (5, [b"EDGERAY_DEFAULT_USER", b"0"])
        assert name.islower()
        assert name != b"alice"

    @pytest.mark.parametrize("realm", [b"telegram.org", b"turner.facebook\0", b"viber.com"])
    def test_realms_of_providers_stay(self, strip: PayloadStripper, realm: bytes):
        assert value_of(strip(message(Attribute.REALM, realm)), Attribute.REALM) == realm

    @pytest.mark.parametrize("realm", [b"alice.example", b"telegram.org.alice.example", b"\0"])
    def test_other_realms_go(self, strip: PayloadStripper, realm: bytes):
        assert not any(value_of(strip(message(Attribute.REALM, realm)), Attribute.REALM))

    def test_addresses_become_pseudonyms_and_stay_masked(self, strip: PayloadStripper, names: Pseudonyms):
        real = bytes((203, 0, 113, 77))
        masked = bytes(a ^ b for a, b in zip(real, stun.COOKIE_BYTES, strict=True))
        stripped = strip(message(Attribute.XOR_MAPPED_ADDRESS, b"\x00\x01\x12\x34" + masked))
        value = value_of(stripped, Attribute.XOR_MAPPED_ADDRESS)
        made = bytes(a ^ b for a, b in zip(value[4:], stun.COOKIE_BYTES, strict=True))
        assert value[:4] == b"\x00\x01\x12\x34"
        assert made == names.address(real) != real

    def test_an_address_of_another_length_goes(self, strip: PayloadStripper):
        stripped = strip(message(Attribute.XOR_MAPPED_ADDRESS, SECRET))
        assert not any(value_of(stripped, Attribute.XOR_MAPPED_ADDRESS))

    def test_what_a_data_attribute_carries_is_stripped_too(self, strip: PayloadStripper):
        stripped = strip(message(Attribute.DATA, TestRtp.HEAD + SECRET))
        inner = value_of(stripped, Attribute.DATA)
        assert inner[:12] == TestRtp.HEAD
        assert SECRET[:8] not in stripped

    def test_damaged_messages_keep_their_first_bytes_alone(self, strip: PayloadStripper):
        damaged = message(Attribute.REALM, SECRET)[:-4]
        assert strip(damaged)[8:] == bytes(len(damaged) - 8)


class TestLayers:
    @pytest.mark.parametrize("depth", [4, 400, 15_000])
    def test_nested_channel_data(self, strip: PayloadStripper, depth: int):
        data = SECRET + bytes(8)
        for _ in range(depth):
            data = b"\x40\x00" + len(data).to_bytes(2, "big") + data if len(data) < 65_000 else data
        stripped = strip(data)
        assert len(stripped) == len(data)
        assert SECRET[:8] not in stripped

    @pytest.mark.parametrize("depth", [4, 400, 1500])
    def test_nested_data_attributes(self, strip: PayloadStripper, depth: int):
        data = SECRET
        for _ in range(depth):
            if len(data) < 60_000:
                data = message(Attribute.DATA, data)
        stripped = strip(data)
        assert len(stripped) == len(data)
        assert SECRET[:8] not in stripped

    def test_nested_multiplexed_turn(self, strip: PayloadStripper):
        data = b"\xff\x10\x00\x20" + bytes(8)
        stripped = strip(data * 2000 + SECRET)
        assert SECRET[:8] not in stripped

    def test_media_in_channel_data_keeps_its_header(self, strip: PayloadStripper):
        inner = TestRtp.HEAD + SECRET
        stripped = strip(b"\x40\x01" + len(inner).to_bytes(2, "big") + inner)
        assert stripped[4:16] == TestRtp.HEAD
        assert SECRET[:8] not in stripped


class TestReflectorFrames:
    CALL, OWN, OTHER = b"\xf7yourcalltag", b"\x01me!", b"\x02you"

    def framed(self, inner: bytes) -> bytes:
        return reflector.encode_frame(reflector.Data(self.CALL + self.OTHER, self.OWN, inner))

    @pytest.mark.parametrize("first", [0x80, 0xA0, 0xB0])
    def test_media_keeps_its_header(self, strip: PayloadStripper, first: int):
        inner = bytes((first,)) + TestRtp.HEAD[1:] + bytes(9) + SECRET
        frame = reflector.decode_frame(strip(self.framed(inner)))
        assert isinstance(frame, reflector.Data)
        assert frame.inner[:12] == inner[:12]
        assert SECRET[:8] not in frame.inner

    def test_checks_keep_their_form(self, strip: PayloadStripper):
        frame = reflector.decode_frame(strip(self.framed(message(Attribute.USERNAME, b"abcd:efgh"))))
        assert isinstance(frame, reflector.Data)
        assert value_of(frame.inner, Attribute.USERNAME)[4:5] == b":"
        assert b"abcd" not in frame.inner

    def test_tags_fit_the_other_messages_of_the_call(self, strip: PayloadStripper):
        hello = strip(reflector.encode_frame(reflector.Ping(self.CALL + self.OWN, reflector.HELLO_QUERY)))
        frame = strip(self.framed(TestRtp.HEAD + SECRET))
        assert frame[:12] == hello[:12]
        assert frame[16:20] == hello[12:16]
        assert self.CALL[4:] not in frame + hello
        assert self.OWN[1:] not in frame + hello

    def test_a_hello_that_looks_like_a_frame_is_a_hello(self, strip: PayloadStripper):
        """A hello of 128 bytes has 00 00 and 80 where a frame with media has them."""
        hello = TestDtls.client_hello(TestDtls.extension(23, bytes(70)))
        assert (hello[20:22], hello[24]) == (bytes(2), 0x80)
        assert strip(hello)[:25] == hello[:25]


class TestDtls:
    @staticmethod
    def client_hello(extensions: bytes) -> bytes:
        body = b"\xfe\xfd" + bytes(range(32)) + b"\x04SESS" + b"\x04COOK" + b"\x00\x04\xc0\x2b\xc0\x2f" + b"\x01\x00"
        body += len(extensions).to_bytes(2, "big") + extensions
        size = len(body).to_bytes(3, "big")
        handshake = b"\x01" + size + bytes(2) + bytes(3) + size + body
        return b"\x16\xfe\xff" + bytes(8) + len(handshake).to_bytes(2, "big") + handshake

    @staticmethod
    def extension(kind: int, value: bytes) -> bytes:
        return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value

    def test_random_session_and_cookie_go(self, strip: PayloadStripper):
        stripped = strip(self.client_hello(b""))
        assert bytes(range(8)) not in stripped
        assert b"SESS" not in stripped
        assert b"COOK" not in stripped
        assert b"\xc0\x2b\xc0\x2f" in stripped

    def test_srtp_profiles_stay_and_the_key_identifier_goes(self, strip: PayloadStripper):
        asks = b"\x00\x04\x00\x01\x00\x07"
        stripped = strip(self.client_hello(self.extension(14, asks + b"\x08IDENTITY")))
        assert asks in stripped
        assert b"IDENTITY" not in stripped

    def test_names_of_servers_go(self, strip: PayloadStripper):
        assert b"alice" not in strip(self.client_hello(self.extension(0, b"\x00\x00\x05alice")))

    def test_long_lists_are_kept_as_far_as_browsers_fill_them(self, strip: PayloadStripper):
        stripped = strip(self.client_hello(self.extension(10, b"\x00" * HELLO_LIST_BYTES + SECRET)))
        assert SECRET[:8] not in stripped


def test_quic_keeps_its_version(strip: PayloadStripper):
    data = b"\xc3\x00\x00\x00\x01" + SECRET
    assert strip(data) == data[:5] + bytes(len(SECRET))


def test_other_bytes_keep_four_and_a_hash(strip: PayloadStripper):
    stripped = strip(b"\x01\x02\x03\x04" + SECRET * 3)
    assert stripped[:4] == b"\x01\x02\x03\x04"
    assert SECRET[:8] not in stripped
    assert not any(stripped[24:])


def test_a_byte_hint_keeps_its_marks(names: Pseudonyms):
    stripped = PayloadStripper(names, [hint_of_bytes(8, b"MARK")], [])(b"12345678MARK" + SECRET)
    assert stripped[8:12] == b"MARK"
    assert SECRET[:8] not in stripped


class TestSip:
    @pytest.mark.parametrize("method", [b"INVITE", b"BYE", b"REGISTER"])
    def test_the_method_stays(self, method: bytes):
        line = method + b" sip:alice@example.org SIP/2.0\r\n"
        assert strip_sip(line).split() == [method, b"sip:x"]
        assert len(strip_sip(line)) == len(line)

    def test_the_code_stays_and_what_it_answers(self):
        answer = strip_sip(b"SIP/2.0 180 Ringing for alice\r\nCSeq: 1 INVITE\r\n\r\n" + bytes(20))
        assert answer.startswith(b"SIP/2.0 180\r\nCSeq: 1 INVITE")
        assert b"alice" not in answer

    @pytest.mark.parametrize("line", [b"ALICE sip:bob", b"SIP/2.0 bob Ringing", b"INVITE bob", b"GET / HTTP/1.1"])
    def test_other_lines_are_none(self, line: bytes):
        assert strip_sip(line + bytes(30)) == b""


class TestTlsRecords:
    def test_a_hello_keeps_the_turn_protocols_that_it_offers(self, strip: PayloadStripper):
        stripped = strip.record(client_hello_record(300, (b"stun.turn",)))
        assert offered_protocols(stripped) == (b"stun.turn",)
        assert len(stripped) == 300

    def test_data_becomes_a_hash(self, strip: PayloadStripper):
        record = b"\x17\x03\x03\x00\x48" + SECRET * 3
        stripped = strip.record(record)
        assert stripped[:5] == record[:5]
        assert len(stripped) == len(record)
        assert SECRET[:8] not in stripped
        assert strip.record(record) == stripped
