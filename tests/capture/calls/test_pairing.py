"""Two recordings of one call: what vanished is counted packet for packet, and in the right direction."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import pytest

from factories.packets.altered_captures import ip_packets
from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.shaped_calls import Sent, packets_of, shaped_call
from talkpath.capture.calls.pairing import paired_calls
from talkpath.capture.calls.records import MeasuredCapture, measure_calls
from talkpath.capture.scan import scan_capture

ARMS = ["whatsapp/fast20/voice", "whatsapp/relay60/video", "telegram/libtgvoip/voice", "telegram/reflector/voice"]


def seen(sent: list[Sent], end: str, shift_ns: int = 0) -> list[Packet]:
    """What one end records: all that it sends, and what comes. The far end sees the same addresses the other way."""
    late = 45_000_000
    out = []
    for one in sent:
        at = one.packet.time_ns
        if end == "theirs":
            at += late if one.direction == "up" else -late
        out.append(Packet(at + shift_ns, one.packet.data))
    return sorted(out, key=lambda packet: packet.time_ns)


def read(packets: list[Packet]) -> MeasuredCapture:
    return measure_calls(scan_capture(io.BytesIO(pcap_file(packets, nano=True))))


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_losses_between_two_ends(arm: str, direction: str):
    rng = Random(8)
    sent = shaped_call(arm)
    media = [one for one in sent if one.stage == "media" and one.direction == direction]
    gone = {id(one) for one in media[10:-10] if rng.random() < 0.25}
    left = [one for one in sent if id(one) not in gone]
    mine = seen(left if direction == "down" else sent, "mine")
    theirs = other_way(seen(left if direction == "up" else sent, "theirs", 3_600_000_000_000))
    (pair,) = paired_calls(read(mine), read(theirs))
    hit, spared = (pair.up, pair.down) if direction == "up" else (pair.down, pair.up)
    assert hit is not None
    assert spared is not None
    assert (hit.sent, hit.lost) == (len(media), len(gone))
    assert spared.lost == 0
    assert spared.longest_run == 0
    assert hit.longest_run >= 1


def other_way(packets: list[Packet]) -> list[Packet]:
    """The far end is the local host of its own recording: swap which address is private."""
    swap = {bytes((10, 0, 0, 5)): bytes((203, 0, 113, 77)), bytes((198, 51, 100, 7)): bytes((192, 168, 1, 9))}
    out = []
    for packet in packets:
        data = bytearray(packet.data)
        for at in (12, 16):
            data[at : at + 4] = swap[bytes(data[at : at + 4])]
        out.append(Packet(packet.time_ns, bytes(data)))
    return out


def test_a_hole_in_the_other_recording_is_no_loss():
    """Four seconds of which it holds nothing at all; where it holds other traffic, the call's packets did vanish."""
    sent = shaped_call("whatsapp/fast20/voice", 800)
    begin = sent[0].packet.time_ns + 5_000_000_000
    hole = range(begin, begin + 4_000_000_000)
    theirs = [one for one in seen(sent, "theirs") if one.time_ns not in hole]
    mine = read(seen(sent, "mine"))
    ((pair,), (busy,)) = (
        paired_calls(mine, read(some)) for some in (other_way(theirs), [*other_way(theirs), *news(hole)])
    )
    assert pair.up is not None
    assert busy.up is not None
    assert pair.up.lost == 0
    assert pair.up.sent < busy.up.sent
    assert 150 <= busy.up.lost == busy.up.longest_run


def news(during: range) -> list[Packet]:
    """Other traffic of the far end."""
    there, site = bytes((192, 168, 1, 9)), bytes((203, 0, 113, 90))
    return [Packet(at, udp_packet(site, there, 443, 50000, b"news" * 50)) for at in during[::200_000_000]]


def test_another_call_is_no_peer():
    mine, theirs = (
        packets_of(shaped_call("webrtc/dtls/voice", seed=1)),
        packets_of(shaped_call("webrtc/dtls/voice", seed=2)),
    )
    assert paired_calls(read(mine), read(other_way(theirs))) == ()


def test_what_was_sent_while_the_far_end_did_not_record_is_not_lost():
    sent = shaped_call("whatsapp/fast20/voice")
    theirs = other_way(seen(sent, "theirs"))
    (pair,) = paired_calls(read(seen(sent, "mine")), read(theirs[: len(theirs) // 2]))
    assert pair.up is not None
    assert pair.up.lost <= 30  # half a second at the edge
    assert pair.up.sent < 300


ENGINES = Path(__file__).parents[1] / "engines"


def recorded(end: str, without: str = "", sources: tuple[int, ...] = ()) -> MeasuredCapture:
    """One end of a call of two Chromiums, without the media that it sent or received, or of these sources."""
    packets = ip_packets(ENGINES / f"cr_voice_direct.{end}.pcap.gz")
    ours = read(packets)
    gone = {
        int(stream.figures["ssrc"]) for call in ours.calls for stream in call.media if stream.direction == without
    } | set(sources)
    return read([one for one in packets if not is_media_of(one.data, gone)])


def is_media_of(packet: bytes, sources: set[int]) -> bool:
    payload = packet[(20 if packet[0] >> 4 == 4 else 40) + 8 :]
    is_rtp = len(payload) >= 12 and payload[0] >> 6 == 2 and not 192 <= payload[1] <= 223
    return is_rtp and int.from_bytes(payload[8:12], "big") in sources


def test_a_direction_of_which_nothing_arrived_is_told_as_such():
    """Not that a server wrote its packets anew: both ends know the ICE session, and the other way paired."""
    (pair,) = paired_calls(recorded("a", "received"), recorded("b"))
    assert pair.down is not None
    assert pair.up is not None
    assert pair.up.lost == pair.down.arrived == 0
    assert pair.up.sent > 100
    assert pair.down.lost == pair.down.sent > 100
    assert pair.down.silent_s is not None
    (mirrored,) = paired_calls(recorded("b"), recorded("a", "received"))
    assert mirrored.up is not None
    assert mirrored.up.lost == pair.down.lost


def test_a_call_of_which_nothing_arrived_either_way_is_the_same_call():
    (pair,) = paired_calls(recorded("a", "received"), recorded("b", "received"))
    for direction in (pair.up, pair.down):
        assert direction is not None
        assert direction.lost == direction.sent > 100


def test_an_end_that_sent_nothing_has_nothing_to_lose():
    theirs = recorded("b", "sent")
    unsent = {int(one.figures["ssrc"]) for call in recorded("b").calls for one in call.media if one.direction == "sent"}
    (pair,) = paired_calls(recorded("a", sources=tuple(unsent)), theirs)
    assert pair.down is not None
    assert (pair.down.sent, pair.down.lost, pair.down.first_lost_s, pair.down.silent_s) == (0, 0, None, None)


def test_what_ends_that_never_recorded_at_one_time_sent_is_not_lost():
    """The same call by its names, an hour apart by clocks that are not to be trusted."""
    packets = ip_packets(ENGINES / "cr_voice_direct.b.pcap.gz")
    late = [Packet(one.time_ns + 3_600_000_000_000, one.data) for one in packets]
    sources = {int(one.figures["ssrc"]) for call in read(packets).calls for one in call.media}
    ours = {int(one.figures["ssrc"]) for call in recorded("a").calls for one in call.media if one.direction == "sent"}
    theirs = read([one for one in late if not is_media_of(one.data, ours)])
    assert sources > ours
    assert paired_calls(recorded("a", "received"), theirs) == ()


def test_a_recording_is_not_its_own_other_end():
    """Nothing that this end sent came to it; that is no loss."""
    assert paired_calls(recorded("a"), recorded("a")) == ()
