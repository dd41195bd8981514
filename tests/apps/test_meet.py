"""Meet's shape and recogniser against the public captures of calls through Google's SFU."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from factories.packets.packet_forms import is_stun, stun_form
from factories.packets.pcap_reader import Flow, read_flows
from talkpath.apps import meet, shapes
from talkpath.apps.contract.feature import confidence_of
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import Arm, Slot

LONG, SHORT = "stun_google_meet__a.pcapng", "stun_dtls_rtp__a.pcapng"
VOICE = shapes()[Arm("meet", "sfu", "voice")]


def ours(seed: int = 1, packets: int = 300) -> list[tuple[Slot, bytes]]:
    schedule = VOICE.schedule(Random(seed), packets)
    return list(zip(schedule.slots, VOICE.datagrams(schedule, bytes([seed]) * 32), strict=True))


def real(captures: Path, name: str) -> list[Flow]:
    """The flows to the SFU, over the better of the client's two networks."""
    sfu = bytes((142, 250, 82, 76))
    return [flow for flow in read_flows(captures / name) if flow.remote[0] == sfu and flow.local[1] != 45400]


def test_checks_are_those_of_the_capture_but_for_its_first(captures: Path) -> None:
    """The order of attributes, the SFU's name with its last twelve characters, its answers over IPv4."""
    theirs = {
        (up, str(stun_form(p)))
        for flow in real(captures, LONG)
        for _, up, p in flow.packets
        if is_stun(p) and len(p) in (120, 64)
    }
    mine = {
        (slot.direction == "up", str(stun_form(p)))
        for seed in (1, 2, 3)
        for slot, p in ours(seed)
        if is_stun(p) and len(p) != 76  # over IPv6
    }
    assert {form for up, form in mine if not up} == {form for up, form in theirs if not up}
    assert {up for up, _ in mine} == {True, False}
    for name in (LONG, SHORT):
        for flow in real(captures, name):
            tails = {p[38:51] for _, up, p in flow.packets if up and is_stun(p)}
            assert tails <= {p[38:51] for slot, p in ours() if is_stun(p) and slot.direction == "up" and len(p) == 120}


def hits(flow: Flow) -> list[RecognisedDatagram]:
    view, found = FlowView(0), []
    for _, up, payload in flow.packets:
        view.direction = "up" if up else "down"
        hit = meet.recognise(payload, view)
        if hit is not None:
            found.append(hit)
    return found


@pytest.mark.parametrize(("name", "voice"), [(LONG, 41), (SHORT, 11)])
def test_recognises_the_calls(captures: Path, name: str, voice: int) -> None:
    found = [hit for flow in real(captures, name) for hit in hits(flow)]
    assert sum(hit.medium == "voice" for hit in found) == voice
    assert not any(hit.medium == "video" for hit in found)
    assert confidence_of({feature for hit in found for feature in hit.features}) > 0.9
    assert len({hit.stitch for hit in found if hit.stitch}) == 1


def test_recognises_its_own_shapes() -> None:
    for medium in ("voice", "video"):
        shape = shapes()[Arm("meet", "sfu", medium)]
        schedule = shape.schedule(Random(2), 200)
        view, media = FlowView(0), {"voice": 0, "video": 0}
        for slot, datagram in zip(schedule.slots, shape.datagrams(schedule, b"k" * 32), strict=True):
            view.direction = slot.direction
            hit = meet.recognise(datagram, view)
            assert hit is not None, slot
            assert (hit.kind == "media") == (slot.stage == "media")
            if hit.medium:
                media[hit.medium] += 1
        assert media["voice"] > 0
        assert (media["video"] > 0) == (medium == "video")


def test_a_name_that_pion_could_have_chosen_does_not_convince() -> None:
    from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_message

    check = encode_message(
        StunMessage(Type.BINDING_REQUEST, bytes(12), ((Attribute.USERNAME, b"abcdefghijklmnop:abcd"),))
    )
    hit = meet.recognise(check, FlowView(0))
    assert hit is not None
    assert confidence_of(hit.features) < 0.5
