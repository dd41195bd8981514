"""Every app that is recognised only is found in a call of our own writing, and measured packet for packet."""

from __future__ import annotations

import io
from random import Random

import pytest

from factories.packets.altered_captures import Strangers, facts_of, findings_in
from factories.packets.capture_files import pcap_file
from factories.packets.recognised_calls import CALLS, OwnCall, viber_setup
from factories.packets.shaped_calls import background_traffic
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.measure.call import Call


def the_call(own: OwnCall, **more: object) -> Call:
    (found,) = facts_of(own.packets(**more)).calls  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("name", CALLS)
def test_an_app_is_named(name: str):
    own = CALLS[name]()
    found = the_call(own)
    assert found.app == own.app
    assert set(own.media) <= set(found.media)
    assert found.transport == own.transport


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_lost_where_nothing_was(name: str):
    found = the_call(CALLS[name]())
    assert [stream.lost for stream in found.streams if stream.medium] == [0] * sum(
        1 for stream in found.streams if stream.medium
    )
    assert not any(stream.freezes for stream in found.streams)


@pytest.mark.parametrize("name", CALLS)
def test_one_in_ten_lost(name: str):
    """Every tenth packet that the caller should receive never comes; the last ones are not known to be missing."""
    own = CALLS[name]()
    whole, short = the_call(own), the_call(own, lost=lambda number: number % 10 == 9)
    came = sum(one.packets for one in whole.streams if one.direction == "received" and one.medium)
    still = sum(one.packets for one in short.streams if one.direction == "received" and one.medium)
    lost = sum(one.lost or 0 for one in short.streams if one.direction == "received" and one.medium)
    assert came - still - 2 <= lost <= came - still
    assert lost > 5
    assert all(one.lost == 0 for one in short.streams if one.direction == "sent" and one.medium)


@pytest.mark.parametrize("name", CALLS)
def test_strangers_are_named_too(name: str):
    """Other addresses and ports, other traffic beside the call."""
    own, strangers = CALLS[name](), Strangers(5)
    packets = [strangers.packet(packet) for packet in [*own.packets(), *background_traffic(8.0)]]
    (found,) = facts_of(sorted(packets, key=lambda packet: packet.time_ns)).calls
    assert found.app == own.app


@pytest.mark.parametrize("name", CALLS)
def test_the_scrubbed_copy_has_the_same_call(name: str):
    data = pcap_file(CALLS[name]().packets(), nano=True)
    copy = io.BytesIO()
    scrub_capture(io.BytesIO(data), copy)
    (before,), (after,) = findings_in(data).calls, findings_in(copy.getvalue()).calls
    assert (after.app, after.media, after.transport) == (before.app, before.media, before.transport)
    assert after.streams == before.streams


@pytest.mark.long
@pytest.mark.parametrize("name", CALLS)
def test_a_call_from_its_middle(name: str):
    """The set-up was not recorded: a call is found, of this app or of a kind only."""
    own = CALLS[name]()
    packets = [packet for packet in own.packets() if packet.time_ns > own.packets()[0].time_ns + 3_000_000_000]
    (found,) = facts_of(packets).calls
    assert found.app in (own.app, "rtp", "unknown", "webrtc")
    assert found.media


def test_set_up_without_media_is_an_attempt():
    own = OwnCall("viber", (), "relay", viber_setup())
    found = facts_of(own.packets())
    assert found.calls == ()
    (attempt,) = found.attempts
    assert attempt.app == "viber"
    assert attempt.answered


def test_an_attempt_that_nobody_answers():
    own = OwnCall("viber", (), "relay", [one for one in viber_setup() if one[1]])
    (attempt,) = facts_of(own.packets()).attempts
    assert not attempt.answered


def test_two_calls_of_one_file():
    first, second = CALLS["discord"](), CALLS["teams"]()
    shifted = [type(packet)(packet.time_ns + 120 * 10**9, packet.data) for packet in second.packets()]
    strangers = Strangers(9)
    found = facts_of([*first.packets(), *map(strangers.packet, shifted)])
    assert [call.app for call in found.calls] == ["discord", "teams"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_files_have_the_same_call(seed: int):
    own = CALLS["discord"]()
    packets = own.packets()
    Random(seed).shuffle(packets)
    found, ordered = facts_of(packets).calls[0], the_call(own)
    assert (found.app, found.media) == (ordered.app, ordered.media)
    assert [one.packets for one in found.streams] == [one.packets for one in ordered.streams]
