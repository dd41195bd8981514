"""What holds for every shape built on libwebrtc, whatever its app: webrtc, meet, max, signal."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random

import aioice.stun
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.packets import rtp_packets
from factories.packets.pcap_reader import read_flows
from talkpath.apps import max as max_app
from talkpath.apps import meet, signal, webrtc
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES, Direction, Schedule, Slot, setup_stages
from talkpath.apps.families.rtc_call import RtcCall
from talkpath.experiment import nonce
from talkpath.wire.rtc import dtls, rtp, stun

SHAPES: tuple[RtcCall, ...] = tuple(
    shape
    for app in (webrtc.APP, meet.APP, max_app.APP, signal.APP)
    for shape in app.shapes
    if isinstance(shape, RtcCall)
)
KEYS = [Random(seed).randbytes(32) for seed in range(12)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.arm))


def made(
    shape: RtcCall, packets: int = 40, seed: int = 1, key: bytes = KEYS[0], **options: object
) -> list[tuple[Slot, bytes]]:
    schedule = shape.schedule(Random(seed), packets, **options)  # type: ignore[arg-type]
    return list(zip(schedule.slots, shape.datagrams(schedule, key), strict=True))


def test_there_is_a_voice_and_a_video_arm_of_each() -> None:
    assert [str(shape.arm) for shape in SHAPES] == [
        "webrtc/dtls/voice", "webrtc/dtls/video", "meet/sfu/voice", "meet/sfu/video",
        "max/webrtc/voice", "max/webrtc/video", "signal/ringrtc/voice", "signal/ringrtc/video",
    ]  # fmt: skip
    assert {shape.shape_class for shape in SHAPES} == {"webrtc", "signal"}


@every_shape
@settings(max_examples=25)
@given(seed=st.integers(0, 10**9), packets=st.integers(1, 120), rate=st.sampled_from((0.5, 1.0, 2.0, 4.0)),
       hello=st.sampled_from(tuple(dtls.CLIENT_HELLOS)))  # fmt: skip
def test_schedules_keep_their_contract(shape: RtcCall, seed: int, packets: int, rate: float, hello: str) -> None:
    schedule = shape.schedule(Random(seed), packets, rate=rate, hello=hello)
    assert schedule == shape.schedule(Random(seed), packets, rate=rate, hello=hello)
    times = [slot.at_ms for slot in schedule.slots]
    assert times == sorted(times)
    assert schedule.duration_ms == times[-1]
    for way in ("up", "down"):
        media = [slot for slot in schedule.slots if slot.stage == "media" and slot.direction == way]
        assert len(media) == packets
        assert media[0].at_ms >= 200
    for place, slot in enumerate(schedule.slots):
        assert 12 < slot.size <= 1200
        if slot.retry_of is not None:
            first = schedule.slots[slot.retry_of]
            assert slot.retry_of < place
            assert (first.size, first.stage, first.direction) == (slot.size, slot.stage, slot.direction)
        if slot.answers is not None:
            assert slot.answers < place
            assert schedule.slots[slot.answers].direction != slot.direction
        if slot.nonce_at is not None:
            assert KEY_BYTES <= slot.nonce_at <= slot.size - NONCE_BYTES
    assert setup_stages(schedule) == (("stun",) if shape.facts.server == "none" else ("stun", "dtls"))
    assert [slot.at_ms for slot in schedule.slots if slot.stage == "stun" and slot.answers is None] == [0, 70, 140]


@every_shape
def test_a_flow_has_the_sizes_of_its_schedule_and_depends_on_its_key_alone(shape: RtcCall) -> None:
    schedule = shape.schedule(Random(3), 60)
    other = shape.schedule(Random(4), 60)
    first = shape.datagrams(schedule, KEYS[0])
    assert [len(datagram) for datagram in first] == [slot.size for slot in schedule.slots]
    shape.datagrams(other, KEYS[1])
    assert shape.datagrams(schedule, KEYS[0]) == first
    assert shape.datagrams(schedule, KEYS[1]) != first


def name(slot: Slot, datagram: bytes) -> bytes:
    """What the receiver knows a packet by."""
    return datagram[slot.key_at : slot.key_at + KEY_BYTES]


@every_shape
def test_no_two_packets_of_any_flows_have_the_same_name(shape: RtcCall) -> None:
    """Retries of one request, and replies to these, apart."""
    schedule = shape.schedule(Random(5), 150)
    seen: dict[bytes, tuple[int, int]] = {}
    for flow, key in enumerate(KEYS):
        for place, (slot, datagram) in enumerate(zip(schedule.slots, shape.datagrams(schedule, key), strict=True)):
            known = seen.setdefault(name(slot, datagram), (flow, root(schedule, place)))
            assert known == (flow, root(schedule, place))


def root(schedule: Schedule, place: int) -> int:
    """The first slot that has the same bytes."""
    slot = schedule.slots[place]
    if slot.answers is not None:
        asked = schedule.slots[slot.answers].retry_of
        if asked is not None:
            return next(i for i, other in enumerate(schedule.slots) if other.answers == asked)
    return place if slot.retry_of is None else slot.retry_of


@every_shape
def test_names_hold_at_least_four_random_bytes(shape: RtcCall) -> None:
    schedule = shape.schedule(Random(6), 60)
    flows = [shape.datagrams(schedule, Random(seed).randbytes(32)) for seed in range(40)]
    for place, slot in enumerate(schedule.slots):
        names = [name(slot, flow[place]) for flow in flows]
        random = sum(len(set(column)) > 20 for column in zip(*names, strict=True))
        assert random >= 4, (place, slot)


@every_shape
def test_a_nonce_fits_into_random_bytes_and_leaves_the_rest_readable(shape: RtcCall) -> None:
    schedule = shape.schedule(Random(7), 40)
    flows = [shape.datagrams(schedule, Random(seed).randbytes(32)) for seed in range(40)]
    carriers: dict[Direction, int] = defaultdict(int)
    for place, slot in enumerate(schedule.slots):
        if slot.nonce_at is None:
            continue
        carriers[slot.direction] += slot.stage == "media"
        field = [flow[place][slot.nonce_at : slot.nonce_at + NONCE_BYTES] for flow in flows]
        assert all(len(set(column)) > 20 for column in zip(*field, strict=True)), slot
        datagram = flows[0][place]
        patched = nonce.put_nonce(datagram, slot, 0xA5A5A5A5_5A5A5A5A, printable=False, fingerprint=slot.fingerprint)
        assert name(slot, patched) == name(slot, datagram)
        if slot.fingerprint:
            aioice.stun.parse_message(patched)  # checks FINGERPRINT
    assert min(carriers.values()) >= 20


@every_shape
def test_aioice_reads_every_check(shape: RtcCall) -> None:
    names = set()
    for slot, datagram in made(shape, 200):
        if not stun.is_stun(datagram):
            continue
        found = aioice.stun.parse_message(datagram)
        assert slot.fingerprint
        if found.message_class == aioice.stun.Class.REQUEST:
            near, far = found.attributes["USERNAME"].split(":")[:: 1 if slot.direction == "up" else -1]
            names.add((near, far))
            assert ("ICE-CONTROLLING" if slot.direction == "up" else "ICE-CONTROLLED") in found.attributes
        else:
            assert found.attributes["XOR-MAPPED-ADDRESS"]
    assert len(names) == 1
    assert len(next(iter(names))[0]) == shape.facts.ice.name_bytes + len(shape.facts.ice.name_tail)


@every_shape
def test_replies_carry_the_transaction_of_what_they_answer(shape: RtcCall) -> None:
    flow = made(shape)
    for slot, datagram in flow:
        if slot.answers is not None and stun.is_stun(datagram):
            assert datagram[4:20] == flow[slot.answers][1][4:20]
        if slot.retry_of is not None:
            assert datagram == flow[slot.retry_of][1]


@every_shape
@pytest.mark.parametrize("rate", [1.0, 2.0])
def test_streams_count_on(shape: RtcCall, rate: float) -> None:
    for way in ("up", "down"):
        streams: dict[int, list[rtp.RtpPacket]] = defaultdict(list)
        transport = []
        for slot, datagram in made(shape, 120, rate=rate):
            if slot.direction != way or not rtp.is_rtp(datagram):
                continue
            packet = rtp.decode_packet(datagram)
            assert rtp_packets.encode_packet(packet) == datagram
            streams[packet.ssrc].append(packet)
            if packet.extension:
                elements = dict(rtp_packets.decode_elements(packet.extension))
                number = {"webrtc": 3, "signal": 1}[shape.shape_class]
                transport.append(int.from_bytes(elements[number], "big"))
        assert transport == list(range(1, len(transport) + 1))
        for packets in streams.values():
            assert len({packet.payload_type for packet in packets}) == 1
            for before, after in pairwise(packets):
                assert after.sequence - before.sequence & 0xFFFF == 1
            check_clock(packets)


def check_clock(packets: list[rtp.RtpPacket]) -> None:
    steps = [after.timestamp - before.timestamp & 0xFFFFFFFF for before, after in pairwise(packets)]
    if packets[0].padded:
        return
    if packets[0].payload_type in (102, 111):
        assert {step % 960 for step in steps} <= {0}
        assert all(step >= 960 for step in steps)
        assert [packet.marker for packet in packets] == [True] + [False] * (len(packets) - 1)
    elif packets[0].payload_type in (96, 108):
        assert all(step == 0 or step > 500 for step in steps)
        for step, packet in zip(steps, packets, strict=False):
            assert packet.marker == (step > 0)


@every_shape
def test_reports_count_on_and_send_times_follow_the_clock(shape: RtcCall) -> None:
    index_at = -4 if shape.facts.tag_bytes == 16 else -14
    counts: dict[tuple[str, int], int] = defaultdict(int)
    times = []
    identity = {"webrtc": 2, "signal": 12}[shape.shape_class]
    for slot, datagram in made(shape, 200):
        if rtp.is_rtcp(datagram):
            ssrc = rtp_packets.decode_report(datagram).ssrc
            counts[slot.direction, ssrc] += 1
            end = index_at + 4 or None
            assert int.from_bytes(datagram[index_at:end], "big") == 0x80000000 | counts[slot.direction, ssrc]
        elif slot.direction == "up" and rtp.is_rtp(datagram) and (extension := rtp.decode_packet(datagram).extension):
            value = dict(rtp_packets.decode_elements(extension)).get(identity)
            if value is not None:
                times.append((slot.at_ms, int.from_bytes(value, "big")))
    assert counts
    for (before_ms, before), (after_ms, after) in pairwise(times):
        assert abs((after - before & 0xFFFFFF) / 262.144 - (after_ms - before_ms)) < 0.01


@every_shape
def test_the_handshake_is_dtls_with_the_hello_that_was_asked_for(shape: RtcCall) -> None:
    if shape.facts.server == "none":
        assert not any(slot.stage == "dtls" for slot, _ in made(shape))
        return
    for hello in dtls.CLIENT_HELLOS:
        flow = [(slot, datagram) for slot, datagram in made(shape, hello=hello) if slot.stage == "dtls"]
        assert [(slot.direction, slot.answers is None) for slot, _ in flow[:4]] == [
            ("up", True), ("down", False), ("up", False), ("down", False),
        ]  # fmt: skip
        kinds = [
            [r.fragment[0] for r in dtls.decode_records(datagram) if r.epoch == 0 and r.type == 22]
            for _, datagram in flow[:4]
        ]
        assert kinds == [[1], [2, 11, 12, 13, 14], [11, 16, 15], [4]]
        assert flow[0][1] == dtls.client_hello(hello).fill(flow[0][1])


@every_shape
def test_facts_leave_no_doubt_what_a_control_packet_is(shape: RtcCall) -> None:
    facts = shape.facts
    checks = {facts.ice.first_bytes, facts.ice.plain_bytes, facts.ice.nominating_bytes}
    extras = [(extra.direction, extra.size) for extra in facts.extras]
    assert len(set(extras)) == len(extras)
    assert not any(direction == "up" and size in checks for direction, size in extras)
    assert facts.ice.sfu or not any(size == facts.ice.plain_bytes for _, size in extras)


def test_meet_and_signal_are_seen_in_no_other_capture(captures: Path) -> None:
    """But for one that holds a fragment of a call through Google's SFU (its truth says so in a note)."""
    wrong = []
    for entry in json.loads((captures / "truth.json").read_text()):
        inside = {call["app"] for call in entry.get("calls", []) + entry.get("attempts", [])}
        inside |= {"meet"} if entry["file"] == "stun.pcap" else set()
        for flow in read_flows(captures / entry["file"]):
            for module in (meet, signal):
                view = FlowView(0)
                if module.APP.id not in inside and any(module.recognise(p, view) for _, _, p in flow.packets):
                    wrong.append((entry["file"], module.APP.id))
    assert not wrong


@every_shape
def test_every_fact_has_a_source(shape: RtcCall) -> None:
    app = next(app for app in (webrtc.APP, meet.APP, max_app.APP, signal.APP) if app.id == shape.arm.app)
    assert all(source.fact and source.source for source in app.sources)
    assert shape.confidence == "low"  # fewer than three captures
    assert app.ports
