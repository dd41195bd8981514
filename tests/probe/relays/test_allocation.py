"""One allocation, against a server that is played here message by message."""

from __future__ import annotations

import hashlib
import random

import pytest

from talkpath.probe.relays.relayed_call import ALLOCATION_TIMEOUT_S, MOST_ANSWERS, Allocation
from talkpath.probe.relays.turn_server import TurnCredentials
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, Type, is_sealed

PEER = Address.of("192.0.2.9", 3478)
KEY = hashlib.md5(b"alice:realm:sesame").digest()
REALM, NONCE = (int(Attribute.REALM), b"realm"), (int(Attribute.NONCE), b"nonce")


def error(code: int) -> tuple[int, bytes]:
    return int(Attribute.ERROR_CODE), bytes([0, 0, code // 100, code % 100])


def begun(*, streams: bool = False, peer: Address = PEER) -> Allocation:
    allocation = Allocation(TurnCredentials("alice", "sesame"), peer, streams)
    allocation.start(0.0)
    return allocation


def asked(allocation: Allocation) -> tuple[bytes, stun.StunMessage]:
    (data,) = allocation.out()
    return data, stun.decode_message(data)


def answer(allocation: Allocation, request: stun.StunMessage, kind: int, *attributes: tuple[int, bytes]) -> None:
    allocation.receive(0.1, stun.encode_message(stun.StunMessage(request.type | kind, request.transaction, attributes)))


def authenticated(allocation: Allocation) -> stun.StunMessage:
    _, first = asked(allocation)
    answer(allocation, first, 0x0110, error(401), REALM, NONCE)
    data, second = asked(allocation)
    assert is_sealed(data, KEY)
    return second


def allocated(*, streams: bool = False) -> Allocation:
    allocation = begun(streams=streams)
    answer(allocation, authenticated(allocation), 0x0100)
    data, bind = asked(allocation)
    assert is_sealed(data, KEY)
    assert bind.type == Type.CHANNEL_BIND_REQUEST
    answer(allocation, bind, 0x0100)
    return allocation


def test_it_allocates_udp_and_binds_a_channel_to_the_test_server_alone() -> None:
    allocation = begun()
    data, first = asked(allocation)
    assert first.type == Type.ALLOCATE_REQUEST
    assert first.get(Attribute.REQUESTED_TRANSPORT) == b"\x11\0\0\0"
    assert first.get(Attribute.USERNAME) is None
    assert not is_sealed(data, KEY)
    answer(allocation, first, 0x0110, error(401), REALM, NONCE)
    _, second = asked(allocation)
    assert (second.get(Attribute.USERNAME), second.get(Attribute.NONCE)) == (b"alice", b"nonce")
    answer(allocation, second, 0x0100)
    _, bind = asked(allocation)
    assert bind.get(Attribute.XOR_PEER_ADDRESS) == stun.encode_xor_address(PEER, bind.transaction)
    assert allocation.outcome == ""
    answer(allocation, bind, 0x0100)
    assert (allocation.outcome, allocation.code, allocation.took_s) == ("allocated", 0, 0.1)


def test_a_test_server_at_ipv6_needs_an_allocation_of_that_version() -> None:
    _, first = asked(begun(peer=Address.of("2001:db8::9", 3478)))
    assert first.get(0x0017) == b"\x02\0\0\0"


@pytest.mark.parametrize("streams", [False, True])
def test_packets_go_through_the_channel_and_come_back(streams: bool) -> None:
    allocation = allocated(streams=streams)
    wrapped = allocation.wrap(b"packet")
    assert wrapped == b"\x40\x00\x00\x06packet" + (bytes(2) if streams else b"")
    assert allocation.receive(1.0, wrapped) == b"packet"
    for other in (b"\x40\x01\x00\x06packet", b"\x40\x00\x00\x07packet", b"\x40\x00\x00", b""):
        assert allocation.receive(1.0, other) is None


@pytest.mark.parametrize(("code", "outcome"), [(401, "unauthorized"), (403, "forbidden"), (486, "denied")])
def test_what_the_server_refuses_is_told_with_its_code(code: int, outcome: str) -> None:
    allocation = begun()
    answer(allocation, authenticated(allocation), 0x0110, error(code), REALM, NONCE)
    assert (allocation.outcome, allocation.code) == (outcome, code)
    assert allocation.out() == []
    assert allocation.release() == b""


def test_a_server_that_does_not_relay_to_the_test_server_is_told() -> None:
    allocation = begun()
    answer(allocation, authenticated(allocation), 0x0100)
    _, bind = asked(allocation)
    answer(allocation, bind, 0x0110, error(403))
    assert (allocation.outcome, allocation.code) == ("forbidden", 403)


def test_over_udp_requests_are_repeated_with_growing_waits_and_then_given_up() -> None:
    allocation = begun()
    (first,) = allocation.out()
    times_s = []
    while not allocation.outcome:
        now_s = allocation.wake_s
        allocation.poll(now_s)
        if repeated := allocation.out():
            assert repeated == [first]
            times_s.append(now_s)
    assert times_s == [0.5, 1.5, 3.5]
    assert (allocation.outcome, allocation.took_s) == ("silent", ALLOCATION_TIMEOUT_S)


def test_over_a_stream_nothing_is_repeated() -> None:
    allocation = begun(streams=True)
    allocation.out()
    allocation.poll(ALLOCATION_TIMEOUT_S - 0.1)
    assert (allocation.out(), allocation.outcome) == ([], "")
    allocation.poll(ALLOCATION_TIMEOUT_S)
    assert (allocation.out(), allocation.outcome) == ([], "silent")


def test_a_server_that_asks_for_new_nonces_for_ever_gets_few_answers() -> None:
    allocation = begun()
    request = authenticated(allocation)
    sent = 0
    while not allocation.outcome:
        answer(allocation, request, 0x0110, error(438), NONCE)
        for data in allocation.out():
            sent, request = sent + 1, stun.decode_message(data)
    assert sent < MOST_ANSWERS
    assert allocation.outcome == "denied"


def test_answers_to_other_requests_and_noise_change_nothing() -> None:
    allocation = begun()
    _, first = asked(allocation)
    noise = random.Random(1)
    for size in range(60):
        assert allocation.receive(0.1, noise.randbytes(size)) is None
    stranger = stun.StunMessage(first.type | 0x0100, bytes(12))
    assert allocation.receive(0.1, stun.encode_message(stranger)) is None
    assert (allocation.outcome, allocation.out()) == ("", [])


def test_it_is_ended_by_a_refresh_of_no_lifetime() -> None:
    data = allocated().release()
    message = stun.decode_message(data)
    assert (message.type, message.get(Attribute.LIFETIME)) == (Type.REFRESH_REQUEST, bytes(4))
    assert is_sealed(data, KEY)
