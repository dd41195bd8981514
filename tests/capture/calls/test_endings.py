"""What ends a call for certain, and what looks like it."""

from __future__ import annotations

import struct

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.recognised_calls import Datagram, OwnCall, in_channel, stun_message, voice_packets
from talkpath.measure.call import Call
from talkpath.wire.rtc.stun import Attribute

LASTS_S = 8.0
TALK = list(voice_packets(111, LASTS_S))
END_S = 1.0 + LASTS_S


def sealed(kind: int, epoch: int, size: int) -> bytes:
    """A record of DTLS 1.2."""
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, 9, size - 13) + bytes(range(size - 13))


def unified(first: int, size: int) -> bytes:
    """An encrypted record of DTLS 1.3 with its length, without a connection id."""
    return bytes((first, 0x9A, 0x3C)) + struct.pack("!H", size - 5) + bytes(range(size - 5))


def refresh(lifetime_s: int) -> bytes:
    return stun_message(4, 7, (Attribute.USERNAME, b"a"), (Attribute.LIFETIME, struct.pack("!I", lifetime_s)))


BYE = struct.pack("!BBHI", 0x81, 203, 1, 0x11110001) + bytes(range(20))
REPORT = struct.pack("!BBHI", 0x81, 201, 7, 0x11110001) + bytes(range(50))


def told(*more: Datagram, media: list[Datagram] = TALK) -> Call:
    (only,) = facts_of(OwnCall("", (), "p2p", [*media, *more]).packets()).calls
    return only


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(
    "good_bye",
    [sealed(21, 1, 39), *(unified(first, 24) for first in range(0x2C, 0x30)), refresh(0), BYE],
    ids=["DTLS 1.2", "2c", "2d", "2e", "2f", "TURN", "BYE"],
)
def test_a_good_bye_ends_a_call(good_bye: bytes, sent: bool):
    assert told((END_S + 0.01, sent, good_bye)).closed


def test_a_good_bye_inside_turn():
    channel = [in_channel(one) for one in TALK]
    assert told(in_channel((END_S, True, unified(0x2F, 24))), media=channel).closed


@pytest.mark.parametrize(
    "other",
    [
        sealed(21, 0, 15),  # a handshake that failed
        sealed(23, 1, 69),  # data
        unified(0x2F, 40),  # an acknowledgement
        unified(0x2F, 54),
        unified(0x2F, 24)[:-1],  # 24 bytes are told by the length field too
        b"\x3f" + unified(0x2F, 24)[1:],
        refresh(600),
        REPORT,
    ],
    ids=["plain alert", "data", "ack", "abort", "cut", "another start", "refreshed", "report"],
)
def test_what_is_no_good_bye(other: bytes):
    assert not told((END_S + 0.01, True, other)).closed


@pytest.mark.parametrize("good_bye", [refresh(0), BYE], ids=["a relay that is not used", "one stream of several"])
def test_media_that_goes_on_was_not_ended(good_bye: bytes):
    assert not told((END_S - 5.0, True, good_bye)).closed


def test_a_call_without_one():
    assert not told().closed


def test_a_good_bye_to_what_was_before_the_recording_is_no_attempt():
    """A relay that is given up when the call has ended, beside the relay that carried it."""
    realm, lifetime = (Attribute.REALM, b"telegram.org"), (Attribute.LIFETIME, bytes(4))
    leave = [(0.0, True, stun_message(4, 1, lifetime, realm)), (0.04, False, stun_message(0x104, 1, lifetime, realm))]
    ask = [(0.0, True, stun_message(3, 1, realm)), (0.04, False, stun_message(0x113, 1, realm))]
    leaving, asking = (OwnCall("", (), "relay", one) for one in (leave, ask))
    assert facts_of(leaving.packets()).attempts == ()
    assert len(facts_of(asking.packets()).attempts) == 1
