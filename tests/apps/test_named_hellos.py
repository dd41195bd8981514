"""Recorded calls with the DTLS hello of another implementation, from either end, with a cookie and without."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import get_args

import pytest
from msgspec.structs import replace

from talkpath.apps.recorded.check_shape import check_shape
from talkpath.apps.recorded.named_hellos import hello_code, named_hellos, with_hello
from talkpath.apps.recorded.played import PlayedShape, engine_shape_files, played_shape
from talkpath.verdict.rules.dtls_hello_drop import HELLO_MAKERS
from talkpath.wire.control.question import HelloCode
from talkpath.wire.rtc import dtls

SHAPES = {name: played_shape(file.read_bytes()) for name, file in engine_shape_files().items()}
CODES = ["/".join(part for part in parts if part)
         for parts in product(["own", *named_hellos()], ["up", "down"], ["", "cookie"])]  # fmt: skip


def handshake(shape: PlayedShape, code: str, key: bytes = bytes(32)) -> list[tuple[str, bytes]]:
    """The datagrams of a handshake, each once, and which way it is sent."""
    schedule = shape.schedule(Random(4), 5, hello=code)
    made = zip(schedule.slots, shape.datagrams(schedule, key), strict=True)
    return [*dict.fromkeys((slot.direction, data) for slot, data in made if slot.stage == "dtls")]


def hello_bodies(sent: list[tuple[str, bytes]]) -> list[bytes]:
    """The whole ClientHello messages among them."""
    bodies: dict[int, bytearray] = {}
    for _, data in sent:
        (record, *_) = dtls.decode_records(data) if dtls.is_dtls(data) else (None,)
        if record is not None and record.type == 22 and not record.epoch and record.fragment[0] == 1:
            message = dtls.decode_handshake(record.fragment)
            whole = bodies.setdefault(message.sequence, bytearray(message.length))
            whole[message.offset : message.offset + len(message.body)] = message.body
    return [bytes(bodies[number]) for number in sorted(bodies)]


@pytest.mark.parametrize("name", ["chromium", "telegram-direct"])
@pytest.mark.parametrize("code", CODES)
def test_the_hello_comes_from_the_named_end_and_is_one(name: str, code: str) -> None:
    maker, direction, cookie = [*code.split("/"), ""][:3]
    sent = handshake(SHAPES[name], code)
    assert sent[0][0] == direction
    if maker == "own":
        return
    first, *again = map(dtls.decode_client_hello, hello_bodies(sent))
    assert not first.cookie
    asked = [data for _, data in sent if data[:1] == b"\x16" and data[13] == 3]
    assert len(again) == len(asked) == bool(cookie)
    for hello, request in zip(again, asked, strict=True):
        assert request.endswith(hello.cookie)
        assert len(hello.cookie) == 20
        assert (hello.random, hello.ciphers) == (first.random, first.ciphers)
        assert sorted(hello.extensions) == sorted(first.extensions)


@pytest.mark.parametrize(("name", "old"), [("webrtc-1.2", "browser"), ("openssl", "openssl"), ("pion", "pion")])
def test_hellos_in_one_datagram_are_those_that_the_wire_has(name: str, old: str) -> None:
    hello = handshake(SHAPES["telegram-direct"], f"{name}/up")[0][1]
    written = dtls.client_hello(old)
    assert hello == written.fill(hello)


@pytest.mark.long
def test_in_a_reflectors_frames_a_hello_is_framed() -> None:
    """Ids in the order of the direction, then the length of what the frame holds; zeros fill it up."""
    for code in CODES:
        for direction, data in handshake(SHAPES["telegram-reflector"], code):
            size = int.from_bytes(data[20:24], "big")
            assert 0 <= len(data) - 24 - size < 4
            assert data[24] in (0x14, 0x16, 0x2E, 0x2F)
            ends = handshake(SHAPES["telegram-reflector"], code)[0]
            same = direction == ends[0]
            assert (data[12:16] == ends[1][12:16]) is same


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPES)
def test_each_keeps_the_bounds_of_a_shape_and_is_told_by_its_slots(name: str) -> None:
    shape = SHAPES[name]
    for code in CODES:
        other = with_hello(shape.record, code)
        check_shape(other)
        schedule = shape.schedule(Random(1), 5, hello=code)
        assert hello_code(schedule) == ("" if other is shape.record else code)
        one, two = (shape.datagrams(schedule, bytes([number]) * 32) for number in (1, 2))
        keys = [(a[slot.key_at : slot.key_at + 40], b[slot.key_at : slot.key_at + 40])
                for slot, a, b in zip(schedule.slots, one, two, strict=True)]  # fmt: skip
        assert all(a != b for a, b in keys)


def test_unknown_names_and_calls_without_dtls_keep_what_was_recorded() -> None:
    record = SHAPES["firefox"].record
    assert with_hello(record, "browser") is with_hello(record, "nobody/up") is record
    quiet = [kind for kind in record.kinds if kind.stage != "dtls"]
    assert with_hello(bare := replace(record, kinds=tuple(quiet)), "pion/up") is bare


def test_what_may_be_asked_for_is_what_there_is() -> None:
    assert set(HELLO_MAKERS) == set(named_hellos())
    pattern = get_args(HelloCode)[1].pattern
    assert all(name.replace(".", r"\.") in pattern for name in named_hellos())


@pytest.mark.parametrize("code", ["browser", "pion/down", "firefox-1.3/down", "own/down"])
@pytest.mark.parametrize("name", ["chromium", "firefox", "telegram-direct"])
def test_the_far_ends_hello_waits_for_proof_that_this_end_receives(name: str, code: str) -> None:
    """It answers a packet that may echo a nonce, and which itself answers one that may carry it."""
    schedule = SHAPES[name].schedule(Random(4), 5, hello=code)
    slots = schedule.slots
    hello = next(slot for slot in slots if slot.stage == "dtls" and slot.retry_of is None)
    if (name, code) == ("telegram-direct", "browser"):
        assert (hello.direction, hello.nonce_at) == ("up", 40)
        assert sum(slot.retry_of is not None and slots[slot.retry_of] is hello for slot in slots) == 2
        return
    assert hello.direction == "down"
    echo = slots[hello.answers or 0]
    nonce = slots[echo.answers or 0]
    assert (echo.direction, nonce.direction) == ("up", "down")
    assert None not in (echo.nonce_at, nonce.nonce_at)
    assert nonce.at_ms <= echo.at_ms <= hello.at_ms


def test_several_packets_of_a_kind_in_answer_to_one_are_written_each_for_itself() -> None:
    """Found by changed files: records of the far end that are taken for its handshake, of one kind and three sizes."""
    record = SHAPES["telegram-direct"].record
    kinds = tuple(replace(one, stage="dtls") if one.name == "record_down" else one for one in record.kinds)
    shape = PlayedShape(replace(record, kinds=kinds))
    for seed in range(5):
        schedule = shape.schedule(Random(seed), 5)
        made = shape.datagrams(schedule, bytes(32))
        assert [len(data) for data in made] == [slot.size for slot in schedule.slots]
