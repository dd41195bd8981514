"""What tells apps apart: flows of packets made by our own codecs, each feature present, absent, and one of two."""

from __future__ import annotations

import struct
from random import Random
from typing import Literal

import pytest

from talkpath.apps import app_modules, discord, facebook_messenger, facetime, meta, telegram, webrtc, whatsapp
from talkpath.apps.contract.feature import SURE_CONFIDENCE, Feature, confidence_of
from talkpath.apps.contract.flow_view import FlowView
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

Datagram = tuple[Literal["up", "down"], bytes]
SEEDS = range(8)


def confidence(app: object, datagrams: list[Datagram], view: FlowView | None = None) -> float:
    """How sure these datagrams of one flow make this app."""
    view = view or FlowView(0)
    shown: set[Feature] = set()
    for view.direction, data in datagrams:
        hit = app.recognise(data, view)  # type: ignore[attr-defined]
        shown.update(hit.features if hit else ())
    return confidence_of(shown)


def check(user: bytes, role: int, priority: str, *more: tuple[int, bytes]) -> bytes:
    attributes = (
        (Attribute.USERNAME, user),
        (Attribute.NETWORK_INFO, bytes(4)),
        (role, bytes(8)),
        *more,
        (Attribute.PRIORITY, bytes.fromhex(priority)),
        (Attribute.MESSAGE_INTEGRITY, bytes(20)),
    )
    return stun.encode_message(StunMessage(Type.BINDING_REQUEST, bytes(12), attributes), fingerprint=True)


def checks(up: str = "6e7f2900", down: str = "6e7f2900") -> list[Datagram]:
    """Both ends check the path, the one that sends up controls."""
    return [
        ("up", check(b"abcd:efgh", Attribute.ICE_CONTROLLING, up)),
        ("down", check(b"efgh:abcd", Attribute.ICE_CONTROLLED, down)),
    ]


def rtp_packet(kind: int, number: int, stamp: int, elements: bytes, size: int, first: int = 0x90) -> bytes:
    head = struct.pack("!BBHII4s", first, kind, number, stamp, 77, b"\xbe\xde\x00\x02") + elements
    return head + b"\x55" * (size - len(head))


def voice(step: int = 2880, elements: bytes = b"\x22\x01\x02\x03\x31\x00\x01\x00") -> list[Datagram]:
    return [("up", rtp_packet(111, number, step * number, elements, 260)) for number in (5, 6, 9)]


HELLO = b"\x16\xfe\xff" + bytes(8) + b"\x00\x8c" + b"\x01" + bytes(139)
PROBE = rtp_packet(103, 1, 0, b"\x31\x00\x01\x22\x01\x02\x03\x00", 289, 0xB0)
OPAQUE: list[Datagram] = [("up", b"\xe1" + bytes(80)), ("down", b"\x07" + bytes(80))]


class TestTelegramDirect:
    @pytest.mark.parametrize(
        "second", [[("up", HELLO)], voice(), [("up", PROBE)], OPAQUE], ids=["client", "voice", "probe", "opaque"]
    )
    def test_the_priority_and_one_more_feature(self, second: list[Datagram]):
        assert confidence(telegram, [*checks(), *second]) >= SURE_CONFIDENCE
        assert confidence(telegram, checks()) < 0.5, "one alone is nobody's"

    @pytest.mark.parametrize(("up", "down", "named"), [("6e7f29ff", "6e7f29ff", 0), ("6e7f2900", "6e7f29ff", 0.41)])
    def test_another_priority_at_either_end(self, up: str, down: str, named: float):
        both = [*checks(up, down), ("up", HELLO), *voice(), ("up", PROBE), *OPAQUE]
        assert confidence(telegram, both) <= named < confidence(webrtc, both)

    def test_of_one_end_alone_its_media_tell_too(self):
        assert confidence(telegram, [*checks()[:1], *voice()]) >= SURE_CONFIDENCE

    def test_a_priority_that_was_cut_off_tells_nothing_and_the_rest_does(self):
        cut = checks("00000000", "00000000")
        assert confidence(telegram, cut) == 0
        assert (
            confidence(telegram, [*cut, *voice()])
            < SURE_CONFIDENCE
            <= confidence(telegram, [*cut, *voice(), ("up", PROBE)])
        )

    @pytest.mark.parametrize("way", ["up", "down"])
    def test_checks_of_one_end_alone_are_no_browsers(self, way: str):
        one = [datagram for datagram in checks() * 3 if datagram[0] == way]
        assert 0.4 <= confidence(telegram, one) < SURE_CONFIDENCE
        assert confidence(webrtc, one) == 0
        assert confidence(webrtc, [("up", check(b"abcd:efgh", Attribute.ICE_CONTROLLING, "00000000"))]) == 0.5, "cut"

    @pytest.mark.parametrize(
        "other",
        [[("down", HELLO)], voice(960), voice(elements=b"\x10\x00\x22\x01\x02\x03\x31\x00"), [("up", PROBE[:288])]],
        ids=["answering client", "20 ms", "a level too", "a byte less"],
    )
    def test_what_others_do_counts_for_nothing(self, other: list[Datagram]):
        assert confidence(telegram, [*checks(), *other]) == confidence(telegram, checks())

    def test_dtls_1_3_is_never_opaque(self):
        sealed = b"\x2e\x60\xef\x02\x00" + bytes(512), b"\x2f\xe3\x06\x00\x23" + bytes(35)
        flow = [*checks(), *[("up", data) for data in sealed * 3]]
        assert confidence(telegram, flow) == confidence(telegram, checks())
        assert confidence(webrtc, flow) == 0.5

    def test_nothing_is_opaque_once_dtls_was_seen(self):
        flow = [*checks(), ("down", HELLO), *OPAQUE, *OPAQUE]
        assert confidence(telegram, flow) == confidence(telegram, checks())

    def test_a_nomination_names_nobody(self):
        nominating = check(b"abcd:efgh", Attribute.ICE_CONTROLLING, "6e7f29ff", (Attribute.NOMINATION, b"\0\0\0\1"))
        for name, module in app_modules().items():
            if hasattr(module, "recognise"):
                assert confidence(module, [("up", nominating)] * 3) <= 0.5, name

    def test_a_question_without_a_name_tells_nothing_of_the_checks(self):
        bare = stun.encode_message(StunMessage(Type.BINDING_REQUEST, bytes(12)))
        assert confidence(telegram, [("up", bare), *checks(), ("up", HELLO)]) >= SURE_CONFIDENCE


def message(kind: int, *attributes: tuple[int, bytes]) -> bytes:
    return stun.encode_message(StunMessage(kind, bytes(12), attributes))


class TestMetasRelays:
    ASKED = message(Type.WA_PING), message(Type.WA_PONG)

    @staticmethod
    def asking(token: int) -> list[Datagram]:
        return [("up", message(Type.ALLOCATE_REQUEST, (Attribute.WA_TOKEN, bytes(token)))), ("up", message(0x0801))]

    def test_its_types_alone_name_the_relay(self):
        flow: list[Datagram] = [("up", self.ASKED[0]), ("down", self.ASKED[1])]
        sure = {name: confidence(app_modules()[name], flow) for name in ("meta", "whatsapp", "facebook_messenger")}
        assert sure["meta"] == 0.5
        assert max(sure["whatsapp"], sure["facebook_messenger"]) < 0.1

    @pytest.mark.parametrize(("token", "app"), [(102, whatsapp), (150, whatsapp), (118, facebook_messenger)])
    def test_the_token_tells_which_app(self, token: int, app: object):
        both = {module: confidence(module, self.asking(token)) for module in (whatsapp, facebook_messenger)}
        assert max(both, key=both.__getitem__) is app
        assert min(both.values()) < 0.1

    def test_messengers_media_after_its_checks(self):
        user = b"EDGERAY_DEFAULT_USERNAME:EDGERAY_DEFAULT_USERNAME"
        named = message(Type.BINDING_REQUEST, (Attribute.USERNAME, user), (0xDABA, bytes(4)))
        sound = rtp_packet(96, 1, 2880, b"\x10\x00" + bytes(6), 120)
        flow: list[Datagram] = [("up", named), ("up", sound)]
        assert confidence(facebook_messenger, flow) >= SURE_CONFIDENCE
        assert confidence(facebook_messenger, flow[1:]) == 0
        assert confidence(whatsapp, flow) == 0

    def test_other_stun_is_not_metas(self):
        assert meta.recognise(message(Type.BINDING_REQUEST), FlowView(0)) is None
        assert meta.recognise(message(Type.ALLOCATE_REQUEST), FlowView(0)) is None


def apples_frame(kind: str, at: int, payload_type: int = 104, missing: int = 0) -> bytes:
    body = bytes.fromhex(kind).ljust(at - 4, b"\x00") + struct.pack("!BBHII", 0x80, payload_type, 1, 480, 9)
    body += b"\x55" * 40
    return b"\x60\x00" + (len(body) + missing).to_bytes(2, "big") + body


class TestFaceTime:
    @pytest.mark.parametrize(
        ("kind", "at"),
        [("2148", 9), ("2040", 8), ("2000", 8), ("0049", 9), ("2158", 11), ("015b", 14), ("214c", 17), ("064d", 29)],
    )
    def test_frames(self, kind: str, at: int):
        assert confidence(facetime, [("up", apples_frame(kind, at))]) >= SURE_CONFIDENCE
        assert any(fits(hint, apples_frame(kind, at)) for hint in facetime.WRAPPINGS)

    @pytest.mark.parametrize(
        "data", [apples_frame("2148", 9, missing=1), apples_frame("2148", 9, 96), apples_frame("3333", 9), b"\x60\x00"]
    )
    def test_what_is_no_frame(self, data: bytes):
        assert facetime.recognise(data, FlowView(0)) is None

    def test_apples_check_alone_leaves_a_doubt(self):
        asked = message(Type.BINDING_REQUEST, (0x8008, bytes(16)), (0x8007, bytes(4)), (8, bytes(20)))
        named = message(Type.BINDING_REQUEST, (Attribute.USERNAME, b"a:b"), (0x8007, bytes(4)), (8, bytes(20)))
        assert 0.1 < confidence(facetime, [("up", asked)]) < SURE_CONFIDENCE
        assert facetime.recognise(named, FlowView(0)) is None


def fits(hint: facetime.ByteHint, data: bytes) -> bool:
    return all(data[at] == byte for at, byte in hint.marks) and data[hint.inner_at] >> 6 == 2


def counted(number: int, top: int = 0x80) -> bytes:
    return bytes((0x80, 101)) + bytes(38) + (top << 24 | number).to_bytes(4, "little")


class TestDiscordsCounter:
    def test_it_tells_the_middle_of_a_call(self):
        assert 0.1 < confidence(discord, [("up", counted(7)), ("up", counted(9))]) < SURE_CONFIDENCE
        asked = b"\x00\x01\x00\x46" + bytes(70)
        assert confidence(discord, [("up", asked), ("up", counted(7)), ("up", counted(9))]) >= SURE_CONFIDENCE

    @pytest.mark.parametrize(
        "pair", [(counted(7), counted(7)), (counted(9), counted(7)), (counted(7), counted(8, 0)), (counted(7, 3),) * 2]
    )
    def test_what_counts_not(self, pair: tuple[bytes, bytes]):
        assert not any(discord.recognise(data, view) for view in [FlowView(0)] for data in pair)

    def test_each_direction_counts_by_itself(self):
        assert confidence(discord, [("up", counted(7)), ("down", counted(9))]) == 0

    def test_not_where_the_end_was_not_recorded(self):
        view = FlowView(0, captured=20)
        assert confidence(discord, [("up", counted(7)), ("up", counted(9))], view) == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("app", sorted(name for name, module in app_modules().items() if hasattr(module, "recognise")))
def test_random_bytes_are_nobodys(app: str, seed: int):
    """Many datagrams of random bytes in one flow: half of them begin like RTP, STUN with a cookie, or DTLS 1.3."""
    rng = Random(seed)
    openings = (b"", b"\x80", b"\x90\x6f", b"\x00\x01\x00\x00\x21\x12\xa4\x42", b"\x2e", b"\x60\x00", b"\xd0")
    flow: list[Datagram] = [
        (rng.choice(("up", "down")), rng.choice(openings) + rng.randbytes(rng.randint(0, 300))) for _ in range(400)
    ]
    assert confidence(app_modules()[app], flow) <= 0.5
