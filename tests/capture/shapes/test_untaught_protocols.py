"""Protocols that nobody taught: what five recordings of each tell by evidence, and calls like them."""

from __future__ import annotations

from io import BytesIO
from random import Random

import pytest

from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.untaught_calls import (
    RECORDINGS,
    Made,
    counted_first,
    framed,
    masked,
    mumble,
    quic,
    typed,
    untaught_recordings,
    wireguard,
    with_session,
)
from talkpath.apps.recorded.field_text import fields_to_text
from talkpath.apps.recorded.fields import MAX_PACKET_BYTES, field_bytes
from talkpath.apps.recorded.layout import place_fields
from talkpath.apps.recorded.played import PlayedShape
from talkpath.apps.recorded.record import RecordedShape
from talkpath.apps.recorded.shape_text import read_shape_text, write_shape_text
from talkpath.capture.shapes.evidence import FlowEvidence
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.capture.shapes.quic_fields import quic_parts, see_quic
from talkpath.capture.shapes.recorded_flow import RecordedFlow, read_flow
from talkpath.errors import FileError


def texts(shape: RecordedShape) -> dict[str, str]:
    return {kind.name: fields_to_text(kind.fields) for kind in shape.kinds}


@pytest.mark.long
@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (mumble, {"data_up": "count(up_any_n0,1) random"}),
        (wireguard, {"data04_up": "04000000 word(up_04_w4,4) count(up_04_n8,8,start=0,little) random",
                     "data01_up": "01 random(147)"}),
        (framed, {"dataa7_up": "a731 length(2,-4) word(up_a7_w4,4) count(up_a7_n8,2) clock(up_a7_t10,4,1) random"}),
    ],
)  # fmt: skip
def test_evidence_tells_structure_from_chance(made, fields: dict[str, str]):
    found = texts(make_shape(untaught_recordings(made), "untaught"))
    assert {name: found.get(name) for name in fields} == fields


TYPED_VOICE = "564301 count(DIRECTION_56_n3,2) clock(DIRECTION_56_t5,4,1) length(1,-10) random"


def test_types_stand_in_any_of_the_first_bytes():
    """Behind a mark, a byte that names the type: else no number, clock and length of any type would be found."""
    shape = make_shape(untaught_recordings(typed), "typed")
    begins = {name: text[:6] for name, text in texts(shape).items()}
    assert sorted(begins.values()) == ["564301", "564301", "564302", "564302", "564303", "564303"]
    for direction in ("up", "down"):
        (voice,) = (name for name in begins if name.endswith(direction) and begins[name] == "564301")
        assert texts(shape)[voice] == TYPED_VOICE.replace("DIRECTION", direction)


@pytest.mark.parametrize("recordings", [2, RECORDINGS])
def test_first_bytes_that_differ_with_each_recording_are_chance(recordings: int):
    """They were kept as the marks of so many types, three bytes of each call's own mask."""
    flows = untaught_recordings(masked)[:recordings]
    shape = make_shape(flows, "masked")
    masks = {flow.packets[0].data[:2].hex() for flow in flows}
    assert len(shape.kinds) == 2
    assert [name for name, text in texts(shape).items() if any(text.startswith(one) for one in masks)] == []


def test_a_mark_is_kept_where_a_longer_constant_follows():
    """All of the run became a word, the mark too, so that a filter of it met no packet."""
    several = texts(make_shape(untaught_recordings(with_session), "session"))
    assert several["data54_up"] == "54414c word(up_54_w3,9) random"
    one = texts(make_shape(untaught_recordings(with_session)[:1], "session"))
    assert one["data54_up"] == "5441 word(up_54_w2,10) random"


def test_the_upper_byte_of_a_number_names_no_type():
    assert texts(make_shape(untaught_recordings(counted_first)[:1], "counted")) == {
        "data_up": "count(up_any_n0,2) random",
        "data_down": "count(down_any_n0,2) random",
    }


def one_end_speaks(rng: Random) -> Made:
    for at_s, up, data in framed(rng):
        if not up or at_s % 1 < 0.04:
            yield at_s, up, data


def only_one_end(rng: Random) -> Made:
    yield from (packet for packet in framed(rng) if packet[1])


@pytest.mark.parametrize("made", [one_end_speaks, only_one_end])
def test_a_call_in_which_one_end_is_silent_says_what_to_record(made):
    with pytest.raises(FileError, match="record a call in which both ends speak"):
        make_shape(untaught_recordings(made)[:1], "silent")


def test_an_end_may_send_one_packet_in_its_first_half_second():
    """Such a call was refused for sending too fast."""

    def hesitant(rng: Random) -> Made:
        yield from (packet for packet in framed(rng) if packet[1] or packet[0] < 0.04 or packet[0] > 0.7)

    shape = make_shape(untaught_recordings(hesitant)[:1], "hesitant")
    begins = [block for block in shape.blocks if block.direction == "down" and block.after_ms == 0]
    assert [len(block.packets) for block in begins] == [1]


def test_headers_of_quic_are_read_by_their_protocol():
    shape = make_shape(untaught_recordings(quic), "quic")
    assert texts(shape) == {
        "handshake_up": "bits(c0,0f) 0000000108 word(quic_id0,8) 08 word(quic_id1,8) 004496 random",
        "handshake_down": "bits(c0,0f) 0000000108 word(quic_id1,8) 08 word(quic_id2,8) 004075 random",
        "handshake_down_2": "bits(e0,0f) 0000000108 word(quic_id1,8) 08 word(quic_id2,8) 43f0 random",
        "handshake_up_2": "bits(e0,0f) 0000000108 word(quic_id2,8) 08 word(quic_id1,8) 4050 random",
        "quic_up": "bits(40,3f) word(quic_id2,8) random",
        "quic_down": "bits(40,3f) word(quic_id1,8) random",
    }
    assert {kind.told for kind in shape.kinds} == {"protocol"}


@pytest.mark.parametrize("rest", ["", "15" + 60 * "00", "04" + 5 * "00", "0000", "0000ffff", "0000ff00"])
@pytest.mark.parametrize("head", ["", "c0", "c000000001"])
def test_no_more_of_a_header_is_read_than_there_is(head: str, rest: str):
    data, evidence = bytes.fromhex(head + rest), FlowEvidence()
    see_quic(data, "up", evidence)
    parts = quic_parts(data, "up", evidence) if data else None
    kept = [part if isinstance(part, bytes) else bytes(field_bytes(part)) for part in parts or ()]
    assert len(b"".join(kept)) <= len(data)


@pytest.mark.long
@pytest.mark.parametrize("made", [mumble, wireguard, framed, quic])
def test_calls_like_them_are_played(made):
    shape = make_shape(untaught_recordings(made), "untaught")
    played = PlayedShape(shape)
    schedule = played.schedule(Random(3), 100)
    datagrams = played.datagrams(schedule, bytes(32))
    assert [len(one) for one in datagrams] == [slot.size for slot in schedule.slots]
    kinds = {kind.name: kind for kind in shape.kinds}
    for slot, data in zip(schedule.slots, datagrams, strict=True):
        for field, start, end in place_fields(kinds[slot.kind.partition("+")[0]].fields, slot.size):
            if type(field).__name__ == "ConstantField":
                assert data[start:end] == field.data  # type: ignore[union-attr]
    again = played.datagrams(schedule, bytes([1]) * 32)
    assert all(one[8:40] != other[8:40] for one, other in zip(datagrams, again, strict=True))


def test_packets_that_come_in_fragments_are_cut_and_told():
    """Every tenth packet up has 1600 bytes, which no shape may have."""
    near, far, packets, large = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), list[Packet](), 0
    for number, (at_s, up, data) in enumerate(sorted(framed(Random(1)))):
        is_large = up and number % 20 < 2
        sent = data.ljust(1600, b"\x55") if is_large else data
        ends = (near, far, 40000, 3478) if up else (far, near, 3478, 40000)
        packets.append(Packet(int(at_s * 1e9), udp_packet(*ends, sent)))
        large += is_large
    recording = pcap_file(packets)
    flow = read_flow(lambda: BytesIO(recording), 1)
    assert {len(packet.data) for packet in flow.packets if packet.is_cut} == {MAX_PACKET_BYTES}
    shape = make_shape([flow], "jumbo")
    assert max(packet.size for block in shape.blocks for packet in block.packets) == MAX_PACKET_BYTES
    assert f"{large} packets cut to 1452 bytes: paths carry larger ones in fragments" in shape.origin.notes
    assert read_shape_text(write_shape_text(shape)) == shape


def recording(*, copies: int = 1, kept: int = 1500, calls: int = 1, call_s: float = 52.0) -> RecordedFlow:
    """`framed` as a recorder has it that saw each packet so often, kept so many bytes, and saw the call again on the
    same ports."""
    near, far, packets = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), list[Packet]()
    for call in range(calls):
        for at_s, up, data in sorted(framed(Random(1))):
            ends = (near, far, 40000, 3478) if up else (far, near, 3478, 40000)
            at_ns = int((at_s + call * call_s) * 1e9)
            packets += [Packet(at_ns + 30_000 * copy, udp_packet(*ends, data)[:kept]) for copy in range(copies)]
    return read_flow(lambda: BytesIO(pcap_file(packets)), 1)


@pytest.mark.parametrize("copies", [2, 4])
def test_a_packet_that_was_seen_at_several_interfaces_is_one(copies: int):
    """`dumpcap -i any` beside a bridge, a container or a tunnel: the shape's calls were twice as fast."""
    assert make_shape([recording(copies=copies)], "copied") == make_shape([recording()], "copied")


def test_a_recording_of_parts_of_packets_says_so():
    shape = make_shape([recording(kept=96)], "cut")
    assert f"{shape.origin.packets} packets recorded in part" in " ".join(shape.origin.notes)
    assert make_shape([recording()], "whole").origin.notes == ()


def test_what_lies_between_two_calls_is_no_pause_of_one():
    gaps = [packet.gap_ms for block in make_shape([recording(calls=2)], "two").blocks for packet in block.packets]
    assert max(gaps) <= 3000


def pictures(rng: Random) -> Made:
    """25 pictures a second of eight to fourteen packets each, of eight types, in both directions."""
    counts = {True: rng.randrange(9999), False: rng.randrange(9999)}
    for number in range(200):
        for up in (True, False):
            for place in range(rng.randint(8, 14)):
                counts[up] += 1
                head = bytes((0xA7, 0x31, 16 + (number + place) % 8)) + counts[up].to_bytes(2, "big")
                at_s = 0.04 * number + 0.0007 * place + rng.random() / 1500
                yield at_s, up, head + rng.randbytes(rng.randint(500, 1150))


@pytest.mark.long
def test_five_recordings_with_pictures_fit_a_shape():
    """Their beginnings alone took more than 64 kB, and the shape was refused."""
    shape = make_shape(untaught_recordings(pictures), "pictures")
    assert read_shape_text(write_shape_text(shape)) == shape
    assert {block.after_ms for block in shape.blocks} == {0, 500, 1000, 2000, 3000}
