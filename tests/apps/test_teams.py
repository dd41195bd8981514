"""Teams and Skype are told apart by the version in their STUN."""

from __future__ import annotations

import pytest

from talkpath.apps import skype, teams
from talkpath.apps.contract.flow_view import FlowView
from talkpath.wire.rtc.stun import StunMessage, encode_message

SOUND = bytes((0x90, 104, 0, 1)) + bytes(4) + b"\x00\x00\x74\xec" + bytes(60)


def check(version: int) -> bytes:
    return encode_message(StunMessage(1, bytes(12), ((0x8070, version.to_bytes(4, "big")), (0x8037, b"\0\0\0\1"))))


@pytest.mark.parametrize(("version", "app", "other"), [(7, teams, skype), (3, skype, teams)])
def test_by_version(version: int, app: object, other: object):
    views = FlowView(0), FlowView(1)
    for module, view, mine in ((app, views[0], True), (other, views[1], False)):
        first = module.recognise(check(version), view)  # type: ignore[attr-defined]
        sound = module.recognise(SOUND, view)  # type: ignore[attr-defined]
        assert (first is not None) == mine
        assert (sound is not None) == mine
        if mine:
            assert (first.kind, sound.kind, sound.medium) == ("setup", "media", "voice")


def test_plain_stun_and_rtp_are_no_ones():
    assert teams.recognise(encode_message(StunMessage(1, bytes(12))), FlowView(0)) is None
    assert teams.recognise(SOUND, FlowView(0)) is None


def test_hits_name_their_app():
    assert teams.recognise(check(7), FlowView(0)) == teams.FEATURES.hit("setup", "attributes", "version")
    assert skype.recognise(check(3), FlowView(0)) == skype.FEATURES.hit("setup", "attributes", "version")


@pytest.mark.parametrize(("size", "is_teams"), [(4, True), (16, False)])
def test_apples_attribute_8008_is_not_microsofts(size: int, is_teams: bool):
    apple = encode_message(StunMessage(1, bytes(12), ((0x8008, bytes(size)), (0x8007, bytes(4)), (8, bytes(20)))))
    assert (teams.recognise(apple, FlowView(0)) is not None) == is_teams


def test_a_version_that_the_recording_cut_off_tells_neither_from_the_other():
    """Zeros stand for what was not recorded; they are no old version."""
    assert teams.recognise(check(0), FlowView(0)) == teams.FEATURES.hit("setup", "attributes")
    assert skype.recognise(check(0), FlowView(0)) is None
