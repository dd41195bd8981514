"""A recorded shape keeps the contract of every shape, whatever its file says within its bounds."""

from __future__ import annotations

from collections import Counter
from random import Random
from zlib import crc32

import pytest

from factories.packets.handmade_shapes import drawn_shape, ice_shape, unnamed_shape
from talkpath.apps import added_app, shapes
from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES, Schedule, Slot
from talkpath.apps.recorded.played import PlayedShape, played_shape, recorded_app
from talkpath.experiment.twin import random_twin
from talkpath.wire.rtc import rtp, stun

SHAPES = [played_shape(text) for text in (ice_shape(), unnamed_shape(), *(drawn_shape(Random(n)) for n in range(6)))]
every = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.arm))
PACKETS = 60


def flows(shape: PlayedShape, count: int = 6, packets: int = PACKETS) -> tuple[Schedule, list[list[bytes]]]:
    schedule = shape.schedule(Random(7), packets)
    return schedule, [shape.datagrams(schedule, bytes([number + 1]) * 32) for number in range(count)]


def root_of(slots: tuple[Slot, ...], place: int) -> tuple[object, ...]:
    """Slots whose packets may be alike: tries of one request, and the replies to them."""
    slot = slots[place]
    if slot.answers is None:
        return (place if slot.retry_of is None else slot.retry_of,)
    return (*root_of(slots, slot.answers), slot.kind)


@every
def test_it_is_a_pure_function_of_file_seed_and_key(shape: PlayedShape) -> None:
    again = played_shape(shape.text)
    assert again.arm == shape.arm
    first, second = shape.schedule(Random(3), PACKETS), again.schedule(Random(3), PACKETS)
    assert first == second
    assert shape.datagrams(first, b"k" * 32) == again.datagrams(second, b"k" * 32)
    assert shape.datagrams(first, b"k" * 32) != shape.datagrams(first, b"l" * 32)
    assert first != shape.schedule(Random(4), PACKETS)


@every
def test_a_packet_is_known_by_its_key_in_every_flow(shape: PlayedShape) -> None:
    schedule, made = flows(shape, packets=600)
    seen: dict[tuple[str, bytes], tuple[object, ...]] = {}
    for number, datagrams in enumerate(made):
        for place, (slot, datagram) in enumerate(zip(schedule.slots, datagrams, strict=True)):
            assert len(datagram) == slot.size
            owner = number, *root_of(schedule.slots, place)
            key = slot.direction, datagram[slot.key_at : slot.key_at + KEY_BYTES]
            assert seen.setdefault(key, owner) == owner


@every
def test_the_nonce_lies_in_random_bytes_and_a_finger_print_holds(shape: PlayedShape) -> None:
    schedule, made = flows(shape)
    for place, slot in enumerate(schedule.slots):
        if slot.nonce_at is not None:
            assert KEY_BYTES <= slot.nonce_at <= slot.size - NONCE_BYTES
            fields = [datagrams[place][slot.nonce_at : slot.nonce_at + NONCE_BYTES] for datagrams in made]
            assert all(len(set(column)) > 2 for column in zip(*fields, strict=True))
        if slot.fingerprint:
            packet = made[0][place]
            assert packet[-8:-4].hex() == "80280004"
            assert int.from_bytes(packet[-4:], "big") == crc32(packet[slot.inner_at : -8]) ^ stun.FINGERPRINT_XOR


@every
def test_both_directions_send_media_and_end_together(shape: PlayedShape) -> None:
    schedule, _ = flows(shape)
    media = Counter(slot.direction for slot in schedule.slots if slot.stage == "media")
    assert max(media.values()) >= PACKETS
    assert min(media.values()) >= PACKETS // 2
    assert len(schedule.slots) <= 8 * (PACKETS + 20)
    times = [slot.at_ms for slot in schedule.slots]
    assert times == sorted(times)
    twins = random_twin(schedule, bytes(32))
    assert [len(packet) for packet in twins] == [slot.size for slot in schedule.slots]


@every
def test_its_rate_is_a_contrast_and_so_many_packets_last_so_long(shape: PlayedShape) -> None:
    def span_s(packets: int, rate: float = 1.0) -> float:
        return (shape.schedule(Random(5), packets, rate=rate).duration_ms - shape.record.media_ms) / 1000.0

    assert span_s(400, 2.0) == pytest.approx(span_s(400) / 2, rel=0.02)
    assert span_s(2000) == pytest.approx(2000 / shape.packet_rate, rel=0.25)


def test_its_bytes_are_those_of_the_protocols_that_it_says() -> None:
    schedule, made = flows(SHAPES[0], packets=200)
    (check, answer), orders = (0, 1), set()
    assert [slot.stage for slot in schedule.slots[:2]] == ["stun", "stun"]
    for datagrams in made:
        request, reply = stun.decode_message(datagrams[check]), stun.decode_message(datagrams[answer])
        assert request.transaction == reply.transaction
        sent = list(zip(schedule.slots, datagrams, strict=True))
        hello = next(data for slot, data in sent if slot.stage == "dtls")
        assert hello[0] == 22
        orders.add(hello[54:90])
        up = [rtp.decode_packet(data) for slot, data in sent if slot.stage == "media" and slot.direction == "up"]
        assert {packet.ssrc for packet in up} == {up[0].ssrc}
        assert [packet.sequence - up[0].sequence & 0xFFFF for packet in up] == list(range(len(up)))
        assert [packet.timestamp - up[0].timestamp & 0xFFFFFFFF for packet in up] == [960 * n for n in range(len(up))]
    assert len(orders) > 3  # the extensions' order is drawn for each call


def test_it_is_an_app_of_its_own_while_it_is_added() -> None:
    shape = SHAPES[0]
    with added_app(recorded_app(shape)):
        assert shapes()[shape.arm] is shape
        assert shape.arm.is_recorded
    assert shape.arm not in shapes()
