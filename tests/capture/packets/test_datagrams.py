"""What a datagram is, by its first bytes, and what it carries inside."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from talkpath.apps.contract.byte_hint import ByteHint, hint_of_bytes
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.datagrams import (
    DTLS,
    MOST_LAYERS,
    OTHER,
    PLAIN,
    QUIC,
    RTCP,
    RTP,
    STUN,
    TURN,
    WRAPPED,
    Datagrams,
    open_payloads,
)
from talkpath.wire.pcap.arrays import padded_copy
from talkpath.wire.rtc.dtls import is_ciphertext

COOKIE = b"\x21\x12\xa4\x42"
STUN_HEAD = b"\x00\x01\x00\x00" + COOKIE + bytes(12)
RTP_PACKET = struct.pack("!BBHII", 0x80, 111, 1, 960, 7) + bytes(20)


def classified(payloads: list[bytes], wrappings: tuple[ByteHint, ...] = (), cut: int = 65535) -> Datagrams:
    """These payloads in one block, each captured up to `cut` bytes."""
    sizes = np.array([len(payload) for payload in payloads], np.int64)
    captured = np.minimum(sizes, cut)
    kept = [payload[:cut] for payload in payloads]
    at = np.cumsum(captured) - captured
    count = len(payloads)
    out = open_payloads(padded_copy(b"".join(kept)), at, sizes, captured, ByteHintTable(wrappings))
    return out.of_flows(np.zeros(count), np.zeros(count, np.int64), np.zeros(count, np.int8))


def kind_of(payload: bytes) -> int:
    return int(classified([payload]).kind[0])


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (STUN_HEAD, STUN),
        (b"\x01\x01\x00\x00" + COOKIE + bytes(12), STUN),
        (b"\x08\x00\x00\x00" + COOKIE + bytes(12), STUN),
        (b"\x00\x01\x00\x00" + bytes(16), STUN),  # before RFC 5389: no cookie, but a length that fits
        (b"\x00\x01\x00\x04" + bytes(16), OTHER),
        (b"\x16\xfe\xff" + bytes(20), DTLS),
        (b"\x17\xfe\xfd" + bytes(20), DTLS),
        (b"\x16\xfe\xfe" + bytes(20), OTHER),
        (b"\x16\xfe\xfd" + bytes(5), OTHER),
        (RTP_PACKET, RTP),
        (RTP_PACKET[:11], OTHER),
        (b"\x80\xc8\x00\x06" + bytes(24), RTCP),
        (b"\x81\xdf\x00\x06" + bytes(24), RTCP),
        (b"\x80\xe0\x00\x06" + bytes(24), RTP),
        (b"\xc3\x00\x00\x00\x01" + bytes(40), QUIC),
        (b"\xc3\x6b\x33\x43\xcf" + bytes(40), QUIC),
        (b"\xc0\xff\x00\x00\x1d" + bytes(40), QUIC),
        (b"\xc0Q046" + bytes(40), QUIC),
        (b"\xc3\x01\x02\x03\x04" + bytes(40), OTHER),
        (b"\x01\x02\x03", OTHER),
        (b"", OTHER),
    ],
)
def test_kinds(payload: bytes, kind: int):
    assert kind_of(payload) == kind


@pytest.mark.parametrize("sources", [1, 15])
def test_rtp_has_room_for_its_sources(sources: int):
    head = bytes((0x80 | sources,)) + RTP_PACKET[1:12]
    assert kind_of(head + bytes(4 * sources)) == RTP
    assert kind_of(head + bytes(4 * sources - 1)) == OTHER


def test_rtp_has_room_for_its_extension():
    head = b"\x90" + RTP_PACKET[1:12] + b"\xbe\xde\x00\x02"
    assert kind_of(head + bytes(8)) == RTP
    assert kind_of(head + bytes(7)) == OTHER


def test_each_of_many_is_classified_by_itself():
    found = classified([STUN_HEAD, RTP_PACKET, b"\x01\x02", b"\x80\xc8\x00\x06" + bytes(24)] * 50)
    assert found.kind.tolist() == [STUN, RTP, OTHER, RTCP] * 50
    assert len(found) == 200


def test_a_cut_datagram_is_known_by_what_there_is():
    found = classified([RTP_PACKET + bytes(1000)], cut=16)
    assert found.kind.tolist() == [RTP]
    assert found.size.tolist() == [1032]
    assert found.captured.tolist() == [16]
    assert not found.head[0, 16:].any()


class TestLayers:
    def test_channel_data(self):
        found = classified([b"\x40\x01\x00\x20" + RTP_PACKET])
        assert found.kind.tolist() == [RTP]
        assert found.outer.tolist() == [TURN]
        assert found.size.tolist() == [32]
        assert found.outer_size.tolist() == [36]

    @pytest.mark.parametrize("padding", [0, 1, 3])
    def test_channel_data_over_tcp_is_padded(self, padding: int):
        assert classified([b"\x40\x01\x00\x20" + RTP_PACKET + bytes(padding)]).kind.tolist() == [RTP]

    def test_a_length_that_does_not_fit_is_no_channel(self):
        assert classified([b"\x40\x01\x00\x21" + RTP_PACKET]).outer.tolist() == [PLAIN]

    def test_old_channel_numbers_only_with_a_call_inside(self):
        """Short headers of QUIC begin with any byte from 40 to 7F."""
        assert classified([b"\x55\x01\x00\x20" + RTP_PACKET]).outer.tolist() == [TURN]
        assert classified([b"\x55\x01\x00\x20" + b"\x47" * 32]).outer.tolist() == [PLAIN]

    @pytest.mark.parametrize("kind", [0x0016, 0x0017, 0x0115])
    def test_indications(self, kind: int):
        attributes = b"\x00\x12\x00\x08" + bytes(8) + b"\x00\x13\x00\x20" + RTP_PACKET
        message = kind.to_bytes(2, "big") + len(attributes).to_bytes(2, "big") + COOKIE + bytes(12) + attributes
        found = classified([message])
        assert found.kind.tolist() == [RTP]
        assert found.outer.tolist() == [TURN]

    def test_a_response_carries_nothing(self):
        attributes = b"\x00\x13\x00\x20" + RTP_PACKET
        message = b"\x01\x01" + len(attributes).to_bytes(2, "big") + COOKIE + bytes(12) + attributes
        assert classified([message]).kind.tolist() == [STUN]

    def test_data_longer_than_its_message_is_not_opened(self):
        message = b"\x00\x17\x00\x08" + COOKIE + bytes(12) + b"\x00\x13\x0f\xff" + bytes(4)
        assert classified([message]).kind.tolist() == [STUN]

    def test_multiplexed_turn(self):
        found = classified([b"\xff\x10\x00\x20" + bytes(8) + RTP_PACKET])
        assert found.kind.tolist() == [RTP]
        assert found.outer.tolist() == [TURN]

    def test_reflector_frames(self):
        frame = bytes(range(1, 21)) + len(RTP_PACKET).to_bytes(4, "big") + RTP_PACKET
        found = classified([frame])
        assert found.kind.tolist() == [RTP]
        assert found.outer.tolist() == [WRAPPED]

    def test_a_wrapping_of_an_app(self):
        found = classified([b"HEAD" + RTP_PACKET], (ByteHint(((0, 0x48), (1, 0x45)), inner_at=4),))
        assert found.kind.tolist() == [RTP]
        assert found.outer.tolist() == [WRAPPED]
        assert found.size.tolist() == [32]

    def test_a_wrapping_holds_rtp_or_is_none(self):
        found = classified([b"HEAD" + bytes(40)], (ByteHint(((0, 0x48), (1, 0x45)), inner_at=4),))
        assert found.outer.tolist() == [PLAIN]

    def test_layers_in_layers(self):
        inner = b"\x40\x01\x00\x20" + RTP_PACKET
        found = classified([b"\xff\x10\x00\x24" + bytes(8) + inner])
        assert found.kind.tolist() == [RTP]

    def test_only_so_many_layers_are_opened(self):
        data = RTP_PACKET
        for _ in range(MOST_LAYERS + 1):
            data = b"\x40\x01" + len(data).to_bytes(2, "big") + data
        found = classified([data])
        assert found.kind.tolist() != [RTP]
        assert found.size.tolist() == [len(RTP_PACKET) + 4]


class TestByteHints:
    HEADS = (b"MARK" + bytes(44), b"MIRK" + bytes(44), bytes(8) + b"MARK" + bytes(36), bytes(48))

    def found(self, *hints: ByteHint, size: int = 48) -> dict[int, list[int]]:
        heads = np.frombuffer(b"".join(self.HEADS), np.uint8).reshape(-1, 48)
        sizes = np.full(len(heads), size, np.int64)
        return {
            number: rows.tolist() for number, rows in ByteHintTable(hints).find(heads, sizes, np.arange(len(heads)))
        }

    def test_a_run_of_bytes(self):
        assert self.found(hint_of_bytes(0, b"MARK")) == {0: [0]}
        assert self.found(hint_of_bytes(8, b"MARK")) == {0: [2]}

    def test_several_byte_hints(self):
        assert self.found(hint_of_bytes(0, b"M"), hint_of_bytes(8, b"MA"), hint_of_bytes(0, b"X")) == {
            0: [0, 1],
            1: [2],
        }

    def test_sizes(self):
        assert self.found(hint_of_bytes(0, b"MARK", 10, 47)) == {}
        assert self.found(hint_of_bytes(0, b"MARK", 48, 48)) == {0: [0]}

    def test_a_length_in_the_datagram(self):
        length = int.from_bytes(b"MA", "big") & 0xFF
        assert self.found(ByteHint(((0, 0x4D),), length=(0, 0xFF, 4)), size=length + 4) == {0: [0]}
        assert self.found(ByteHint(((0, 0x4D),), length=(0, 0xFF, 4)), size=length + 5) == {}


def test_a_handshake_is_never_an_apps_own_header():
    """A DTLS ClientHello of 144 bytes has the bytes of a cut reflector frame: 0, 0 and 0x90 at 20, 21 and 24."""
    hello = bytes.fromhex("16feff000000000000000000 9c 01 000090 0000 000000 000090".replace(" ", "")) + bytes(144)
    batch = classified([hello], (ByteHint(((20, 0), (21, 0), (24, 0x90)), 36, 1500, inner_at=24),))
    assert (batch.kind[0], batch.outer[0]) == (DTLS, PLAIN)


def sealed(size: int, first: int = 0x2E) -> bytes:
    """A record of DTLS 1.3 with so many bytes inside."""
    return bytes((first, 7, 9)) + size.to_bytes(2, "big") + bytes(size)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (sealed(35, 0x2F), DTLS),
        (sealed(30) + sealed(500), DTLS),
        (sealed(35) + b"\0", OTHER),
        (sealed(16), OTHER),
        (b"\x2e\x01\x81\x80\0\1\0\1" + bytes(40), OTHER),
        (b"\x2d\x01\x01\x00\0\1" + bytes(40), OTHER),
    ],
    ids=["one", "a chain", "a byte more", "no room for a tag", "an answer of DNS", "a question"],
)
def test_records_of_dtls_1_3(payload: bytes, kind: int):
    assert kind_of(payload) == kind
    assert is_ciphertext(payload) == (kind == DTLS)


def test_facetimes_frames_are_no_channel():
    frame = b"\x60\x00\x00\x20\x21\x48" + bytes(30)
    found = classified([frame, b"\x60\x00" + len(RTP_PACKET).to_bytes(2, "big") + RTP_PACKET])
    assert found.outer.tolist() == [PLAIN, TURN]
