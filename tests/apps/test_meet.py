"""Meet's shape and recogniser against the public captures of calls through Google's SFU."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from factories.packets.media_cadence import Track, cadence_differences, drawn_tracks
from factories.packets.packet_forms import is_rtcp, is_rtp, is_stun, rtp_form, stun_form
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


def payloads(captures: Path, name: str) -> list[tuple[bool, bytes]]:
    return [(up, payload) for flow in real(captures, name) for _, up, payload in flow.packets]


def test_checks_equal_the_capture(captures: Path) -> None:
    """Also the last twelve characters of the SFU's name, which both captures have."""
    theirs = {(up, str(stun_form(p))) for up, p in payloads(captures, LONG) if is_stun(p) and len(p) in (124, 120, 64)}
    mine = {(slot.direction == "up", str(stun_form(p))) for slot, p in ours() if is_stun(p)}
    assert mine == theirs
    for name in (LONG, SHORT):
        tails = {p[36:51] for up, p in payloads(captures, name) if up and is_stun(p)}
        assert len(tails) == 1
        assert all(
            p[38:51] == next(iter(tails))[2:] for slot, p in ours() if slot.stage == "stun" and slot.direction == "up"
        )


def test_dtls_records_have_the_captures_heads(captures: Path) -> None:
    def heads(datagrams: list[bytes]) -> list[str]:
        return [p[:3].hex() + p[3:5].hex() for p in datagrams]

    theirs = [p for _, p in payloads(captures, LONG) if p[0] in range(20, 64)]
    flow = ours()
    mine = [p for slot, p in flow if p[0] in range(20, 64) and slot.retry_of is None]
    assert set(heads(mine)) == set(heads(theirs))
    hello = next(p for p in mine if len(p) == 157)
    assert hello[:27] + hello[59:] == theirs[0][:27] + theirs[0][59:]


def test_media_headers_and_sizes_are_among_the_captures(captures: Path) -> None:
    theirs = [
        p for name in (LONG, SHORT) for up, p in payloads(captures, name) if up and is_rtp(p) and p[1] & 127 == 111
    ]
    mine = [p for slot, p in ours() if slot.stage == "media" and slot.direction == "up"]
    assert {str(rtp_form(p)) for p in mine} == {str(rtp_form(p)) for p in theirs}
    sizes = sorted({len(p) for p in theirs})
    assert all(sizes[0] <= len(p) <= sizes[-1] for p in mine)
    for packets in (mine, [p for p in theirs if p[8:12] == theirs[0][8:12]]):
        steps = [
            int.from_bytes(b[4:8], "big") - int.from_bytes(a[4:8], "big") & 0xFFFFFFFF for a, b in pairwise(packets)
        ]
        assert set(steps) == {960, 19200}
        after_pause = [len(b) for (a, b), step in zip(pairwise(packets), steps, strict=True) if step == 19200]
        assert set(after_pause) <= {63, 76, 79, 83, 87, 92}
        assert [p[1] >> 7 for p in packets] == [1] + [0] * (len(packets) - 1)


def test_padding_equals_the_capture(captures: Path) -> None:
    theirs = {(str(rtp_form(p)), p[4:12]) for up, p in payloads(captures, LONG) if not up and is_rtp(p)}
    mine = [p for slot, p in ours() if slot.stage == "control" and slot.direction == "down" and is_rtp(p)]
    assert len(mine) == 4
    assert {(str(rtp_form(p)), p[4:12]) for p in mine} == theirs
    assert [int.from_bytes(p[2:4], "big") for p in mine] == [1, 2, 3, 4]


def test_reports_have_heads_of_the_capture(captures: Path) -> None:
    theirs = {(up, len(p), p[:4]) for up, p in payloads(captures, LONG) if is_rtcp(p)}
    mine = {(slot.direction == "up", len(p), p[:4]) for slot, p in ours() if is_rtcp(p)}
    assert len(mine) == 5
    assert mine <= theirs


def test_rate_size_and_gaps_beside_the_captures(captures: Path) -> None:
    """Printed for reading; no direction of a capture has 100 packets, so nothing is held to them."""
    theirs: list[Track] = []
    for name in (LONG, SHORT):
        track = [
            (at_s * 1000, len(p))
            for flow in real(captures, name)
            for at_s, up, p in flow.packets
            if up and is_rtp(p) and p[1] & 127 == 111
        ]
        theirs.append(sorted(track))
    assert max(map(len, theirs)) < 100
    cadence_differences("meet/sfu/voice", theirs, drawn_tracks(VOICE, 11, 60))


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
