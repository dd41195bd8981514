"""A whole call between the engine and a synthetic browser, in virtual time, and what hostile pages make of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pylibsrtp")

from synthetic_browser import DtlsClient, NearCall
from talkpath.browser.webrtc.call_engine import CallEngine
from talkpath.browser.webrtc.call_media import STAMPS_A_TICK, TICK_MS, VIDEO_MEDIUM, VOICE_MEDIUM, CallMedium
from talkpath.browser.webrtc.ice_agent import CONSENT_S, MAX_ADDRESSES, SocketAddress
from talkpath.browser.webrtc.secure_transport import MOST_UNPROVEN
from talkpath.browser.webrtc.session_description import parse_offer

NEAR, ELSEWHERE = ("198.51.100.7", 5000), ("203.0.113.9", 6000)
WALL_S = 1.8e9
HANDSHAKE = 22  # the type of DTLS records
OPENSSL_WAIT_S = 1.1


@dataclass
class Line:
    """Both ends of a call and what is between them. `drops` says which datagrams down are lost."""

    medium: CallMedium = VOICE_MEDIUM
    change: Callable[[str], str] = lambda sdp: sdp
    drops: Callable[[bytes], bool] = lambda data: False
    now_s: float = 100.0
    down: list[tuple[bytes, SocketAddress]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.near = NearCall(self.medium)
        self.far = CallEngine(parse_offer(self.change(self.near.offer())), self.medium)
        self.near.answered(self.far.answer("192.0.2.1", 4434))

    def up(self, data: bytes, source: SocketAddress = NEAR) -> None:
        """A datagram of the browser's, and all that follows from it."""
        waiting = [data]
        while waiting:
            waiting += self.deliver(self.far.receive(self.now_s, waiting.pop(0), source), source)

    def deliver(self, sent: list[tuple[bytes, SocketAddress]], source: SocketAddress = NEAR) -> list[bytes]:
        """Datagrams down; what the browser, which is at `source` alone, says to those that arrive."""
        self.down += sent
        heard = [data for data, to in sent if to == source and not self.drops(data)]
        return [answer for data in heard for answer in self.near.receive(data)]

    def set_up(self) -> Line:
        """The browser's checks and its handshake."""
        self.up(self.near.check())
        return self

    def media(self, ticks: int) -> Iterator[list[tuple[bytes, SocketAddress]]]:
        """So many ticks of media down."""
        for tick in range(ticks):
            self.now_s += TICK_MS / 1000
            sent = self.far.media(self.now_s, WALL_S, tick)
            self.deliver(sent)
            yield sent

    def wait(self, until_s: float) -> None:
        """Let the far end's timers run until then."""
        while self.far.wake_s <= until_s:
            self.now_s = self.far.wake_s
            for answer in self.deliver(self.far.poll(self.now_s)):
                self.up(answer)
        self.now_s = until_s


@pytest.mark.parametrize("medium", [VOICE_MEDIUM, VIDEO_MEDIUM], ids=lambda medium: medium.name)
def test_a_call_is_set_up_and_every_packet_has_its_size(medium: CallMedium):
    line = Line(medium).set_up()
    assert line.near.is_connected
    assert line.far.is_connected
    sent = [data for each in line.media(60) for data, _ in each]
    assert [len(data) for data in sent if not 192 <= data[1] <= 223] == [medium.wire_bytes] * 60
    step = STAMPS_A_TICK[medium.name]
    assert line.near.received == [(line.far.sender.zero_stamp + step * tick) % (1 << 32) for tick in range(60)]
    assert line.far.sender.sent == list(range(60))
    assert line.near.reports == 2  # one a second


def test_nothing_is_sent_before_the_call_is_set_up():
    line = Line()
    assert list(line.media(3)) == [[], [], []]
    assert line.far.sender.sent == []


def test_the_browser_hears_that_the_call_is_over():
    line = Line().set_up()
    line.deliver(line.far.close(line.now_s))
    assert line.near.state == "closed"


@pytest.mark.parametrize(
    "change",
    [
        lambda sdp: re.sub(r"(sha-256) ..:", r"\1 00:", sdp),
        lambda sdp: sdp.replace("a=setup", f"a=fingerprint:sha-512 {':'.join(['AB'] * 64)}\r\na=setup"),
    ],
    ids=["another certificate", "one hash right and one wrong"],
)
def test_a_certificate_that_was_not_offered_gets_no_media(change: Callable[[str], str]):
    line = Line(change=change).set_up()
    assert not line.far.is_connected
    assert list(line.media(3)) == [[], [], []]


def test_a_check_without_the_password_gets_no_answer():
    line, stranger = Line(), NearCall(VOICE_MEDIUM)
    stranger.answered(re.sub(r"a=ice-pwd:.*", "a=ice-pwd:" + "x" * 22, line.far.answer("192.0.2.1", 4434)))
    line.up(stranger.check())
    assert line.down == []


def test_media_goes_to_nobody_who_does_not_answer():
    """A page that forges the address of somebody else directs nothing but a few small checks at it."""
    line = Line(drops=lambda data: data[:2] == b"\x00\x01")  # the browser never sees our checks
    line.set_up()
    line.wait(line.now_s + 20.0)
    assert list(line.media(3)) == [[], [], []]
    line.drops = lambda data: False
    line.set_up()
    assert len([sent for sent in line.media(3) if sent]) == 3


def test_a_call_that_is_moved_to_an_address_that_does_not_answer_stays_where_it_is():
    line = Line().set_up()
    for _ in range(100):
        line.far.receive(line.now_s, line.near.check(), ELSEWHERE)
    assert {to for sent in line.media(5) for _, to in sent} == {NEAR}


def test_a_browser_that_got_another_address_is_followed():
    line = Line().set_up()
    line.up(line.near.check(), ELSEWHERE)
    assert {to for sent in line.media(5) for _, to in sent} == {ELSEWHERE}


def test_a_browser_that_no_longer_answers_is_sent_nothing_after_a_while():
    line = Line().set_up()
    line.now_s += CONSENT_S - 1.0
    assert line.far.media(line.now_s, WALL_S, 0)
    line.now_s += 2.0
    assert not line.far.media(line.now_s, WALL_S, 1)


def test_a_check_that_was_lost_is_sent_again():
    lost = iter([True] * 3)
    line = Line(drops=lambda data: data[:2] == b"\x00\x01" and next(lost, False)).set_up()
    assert list(line.media(1)) == [[]]
    line.up(line.near.check())  # browsers repeat theirs until they have heard of this end
    assert list(line.media(1)) == [[]]
    line.up(line.near.check())
    assert all(line.media(5))


def test_an_address_that_is_not_proven_is_sent_a_response_and_a_check_for_each_request():
    line = Line(drops=lambda data: data[:2] == b"\x00\x01")
    request = line.near.check()
    for requests in range(1, 11):
        line.far.receive(line.now_s, request, ("203.0.113.9", 9))
        sent = line.far.receive(line.now_s, request, ("203.0.113.9", 9))
        assert sum(len(data) for data, _ in sent) <= 2 * len(request)
        line.wait(line.now_s + 5.0)
        assert line.down == [], requests


def test_a_handshake_whose_flights_are_lost_is_repeated():
    lost = iter([True])
    line = Line(drops=lambda data: data[0] == HANDSHAKE and next(lost, False)).set_up()
    assert not line.near.is_connected
    time.sleep(OPENSSL_WAIT_S)  # OpenSSL has a clock of its own
    line.wait(line.now_s + 2.0)
    assert line.near.is_connected


def test_an_address_that_is_not_proven_is_sent_no_more_than_a_few_times_what_came_from_it():
    line = Line(drops=lambda data: data[:2] == b"\x00\x01")
    line.far.receive(line.now_s, line.near.check(), NEAR)
    (hello,) = DtlsClient(line.near.certificate, []).start()
    for _ in range(20):
        line.deliver(line.far.receive(line.now_s, hello, NEAR))
    assert sum(len(data) for data, _ in line.down if data[0] == HANDSHAKE) <= MOST_UNPROVEN * 20 * len(hello)
    assert sum(data[0] == HANDSHAKE for data, _ in line.down) < 10
    checks = [data for data, _ in line.down if data[0] != HANDSHAKE]
    assert len(checks) <= 21  # one for each datagram that came
    assert sum(map(len, checks[1:])) <= 20 * len(hello)


def test_so_many_addresses_and_no_more_are_answered():
    line = Line()
    for number in range(3 * MAX_ADDRESSES):
        line.down += line.far.receive(line.now_s, line.near.check(), ("192.0.2.9", 1000 + number))
    assert len({to for _, to in line.down}) == MAX_ADDRESSES


def test_a_call_of_another_kind_than_is_due_is_refused():
    with pytest.raises(ValueError, match="another kind"):
        CallEngine(parse_offer(NearCall(VIDEO_MEDIUM).offer()), VOICE_MEDIUM)


@settings(max_examples=12)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 20, 22, 23, 128, 200]), st.binary(max_size=80)), max_size=40))
def test_no_datagram_upsets_a_call(datagrams: list[tuple[int, bytes]]):
    line = Line().set_up()
    for first, rest in datagrams:
        line.far.receive(line.now_s, bytes([first]) + rest, NEAR)
    line.wait(line.now_s + 10.0)
    line.far.media(line.now_s, WALL_S, 0)


@settings(max_examples=12)
@given(st.binary(min_size=1, max_size=200), st.integers(0, 63))
def test_no_handshake_upsets_a_call(junk: bytes, at: int):
    line = Line(drops=lambda data: data[0] == HANDSHAKE)
    line.up(line.near.check())
    assert line.near._dtls is not None
    hello = bytearray(b"".join(line.near._dtls.start()) or junk)
    hello[at % len(hello)] ^= junk[0]
    for data in (bytes(hello), bytes([22]) + junk, bytes([22, 254, 253]) + bytes(8) + junk):
        line.far.receive(line.now_s, data, NEAR)
    line.wait(line.now_s + 5.0)
    assert not line.far.is_connected
