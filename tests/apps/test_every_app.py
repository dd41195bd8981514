"""What every shape must have, and what no recogniser of a messenger may say."""

from __future__ import annotations

import json
from bisect import bisect_right
from heapq import heapify, heappop, heappush
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

from factories.packets.pcap_reader import read_flows
from talkpath.apps import apps, shapes, telegram, whatsapp
from talkpath.apps.contract.feature import Feature
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES, Schedule, Shape, Slot, setup_stages
from talkpath.apps.recorded.app_call import AppCall

PACKETS = 30
MEDIA_MS = 200.0
LARGEST = 1200  # bytes of UDP payload that every path carries
LONG_HELLOS = {"webrtc/firefox"}  # the app's own datagrams are longer

every = pytest.mark.parametrize("shape", shapes().values(), ids=lambda shape: str(shape.arm))


def keys(count: int) -> list[bytes]:
    return [bytes([number + 1]) * 32 for number in range(count)]


def key_of(slot: Slot, datagram: bytes) -> bytes:
    return datagram[slot.key_at : slot.key_at + KEY_BYTES]


def root_of(slots: tuple[Slot, ...], place: int) -> tuple[int, int]:
    """Slots that may be alike: tries of one request, and replies of one size to its tries."""
    slot = slots[place]
    if slot.answers is None:
        return place if slot.retry_of is None else slot.retry_of, 0
    return root_of(slots, slot.answers)[0], slot.size


@pytest.fixture(scope="module")
def drawn() -> dict[str, Schedule]:
    return {str(arm): shape.schedule(Random(7), PACKETS) for arm, shape in shapes().items()}


@every
def test_pure(shape: Shape) -> None:
    first, second = (shape.schedule(Random(3), PACKETS) for _ in range(2))
    assert first.slots == second.slots
    assert shape.datagrams(first, b"k" * 32) == shape.datagrams(second, b"k" * 32)
    assert shape.datagrams(first, b"k" * 32) != shape.datagrams(first, b"l" * 32)
    assert first.slots != shape.schedule(Random(4), PACKETS).slots


@every
def test_schedule_is_in_order_and_whole(shape: Shape, drawn: dict[str, Schedule]) -> None:
    schedule = drawn[str(shape.arm)]
    slots = schedule.slots
    times = [slot.at_ms for slot in slots]
    assert times == sorted(times)
    assert times[0] == 0
    assert schedule.duration_ms >= times[-1]
    for way in ("up", "down"):
        media = [slot for slot in slots if slot.direction == way and slot.stage == "media"]
        assert PACKETS // 2 <= len(media) <= PACKETS
        assert min(slot.at_ms for slot in media) >= MEDIA_MS / 2
    assert max(slot.size for slot in slots) <= LARGEST or str(shape.arm).startswith(tuple(LONG_HELLOS))
    assert min(slot.at_ms for slot in slots if slot.direction == "up" and slot.answers is None) < 50.0
    assert setup_stages(schedule)[0] == slots[0].stage


@every
def test_tries_and_replies(shape: Shape, drawn: dict[str, Schedule]) -> None:
    slots = drawn[str(shape.arm)].slots
    datagrams = shape.datagrams(drawn[str(shape.arm)], keys(1)[0])
    for place, slot in enumerate(slots):
        if slot.retry_of is not None:
            first = slots[slot.retry_of]
            assert slot.retry_of < place
            assert first.retry_of is None
            assert (slot.direction, slot.size, slot.stage) == (first.direction, first.size, first.stage)
            assert datagrams[place] == datagrams[slot.retry_of]
        if slot.answers is not None:
            asked = slots[slot.answers]
            assert slot.answers < place
            assert slot.direction != asked.direction
            assert slot.at_ms >= asked.at_ms
    opening = setup_stages(drawn[str(shape.arm)])[0]
    first = next(n for n, s in enumerate(slots) if s.stage == opening and s.direction == "up" and s.answers is None)
    tries = [slot.at_ms - slots[first].at_ms for slot in slots if slot.retry_of == first]
    assert tries == pytest.approx([70.0, 140.0])


@every
def test_a_packet_is_known_by_its_key(shape: Shape, drawn: dict[str, Schedule]) -> None:
    schedule = drawn[str(shape.arm)]
    slots = schedule.slots
    flows_made = [shape.datagrams(schedule, key) for key in keys(8)]
    seen: dict[tuple[str, bytes], tuple[int, tuple[int, int]]] = {}
    for number, datagrams in enumerate(flows_made):
        for place, (slot, datagram) in enumerate(zip(slots, datagrams, strict=True)):
            assert len(datagram) == slot.size
            owner = number, root_of(slots, place)
            assert seen.setdefault((slot.direction, key_of(slot, datagram)), owner) == owner
    for place, slot in enumerate(slots):
        columns = zip(*(key_of(slot, made[place]) for made in flows_made), strict=True)
        assert sum(len(set(column)) > 2 for column in columns) >= 4, slot


@every
def test_the_nonce_lies_in_random_bytes(shape: Shape, drawn: dict[str, Schedule]) -> None:
    schedule = drawn[str(shape.arm)]
    flows_made = [shape.datagrams(schedule, key) for key in keys(8)]
    for way in ("up", "down"):
        assert any(slot.nonce_at is not None for slot in schedule.slots if slot.direction == way)
    for place, slot in enumerate(schedule.slots):
        if slot.nonce_at is None:
            continue
        assert slot.nonce_at >= KEY_BYTES
        assert slot.nonce_at + NONCE_BYTES <= slot.size
        fields = [made[place][slot.nonce_at : slot.nonce_at + NONCE_BYTES] for made in flows_made]
        assert all(len(set(column)) > 2 for column in zip(*fields, strict=True)), slot
        if slot.fingerprint:
            datagram = flows_made[0][place]
            assert datagram[-8:-4].hex() == "80280004"
            assert int.from_bytes(datagram[-4:], "big") == crc32(datagram[slot.inner_at : -8]) ^ 0x5354554E


def responder_sends(slots: tuple[Slot, ...], rtt_ms: float) -> set[int]:
    """The down slots that leave when nothing is lost, by the responder's clock (an up slot arrives when it is due).

    Until an up slot has brought its nonce back, the responder sends no more bytes than it got.
    """
    got = gave = 0
    echo_ms, checked = float("inf"), False
    sent: set[int] = set()
    replied: set[tuple[int, int]] = set()
    waiting = [(slot.at_ms, place) for place, slot in enumerate(slots) if slot.answers is None]
    heapify(waiting)
    while waiting:
        at_ms, place = heappop(waiting)
        slot = slots[place]
        if slot.direction == "up":
            got += slot.size
            checked |= slot.nonce_at is not None and at_ms >= echo_ms
        elif checked or gave + slot.size <= got:
            gave += slot.size
            sent.add(place)
            if slot.nonce_at is not None:
                echo_ms = min(echo_ms, at_ms + rtt_ms)
        else:
            continue
        for other, reply in enumerate(slots):
            if reply.answers == place and root_of(slots, other) not in replied:
                if slot.direction == "down":
                    heappush(waiting, (at_ms + rtt_ms, other))
                    replied.add(root_of(slots, other))
                elif checked or gave + reply.size <= got:
                    heappush(waiting, (at_ms, other))
                    replied.add(root_of(slots, other))
    return sent


@every
@pytest.mark.parametrize("rtt_ms", [20.0, 140.0])
def test_the_address_check_does_not_starve_the_call(shape: Shape, rtt_ms: float) -> None:
    for seed in range(12):
        slots = shape.schedule(Random(seed), PACKETS).slots
        sent = responder_sends(slots, rtt_ms)
        media = [place for place, slot in enumerate(slots) if slot.direction == "down" and slot.stage == "media"]
        assert sum(place in sent for place in media) >= 0.9 * len(media), seed
        for stage in setup_stages(Schedule(slots, 0)):
            replies = [p for p, slot in enumerate(slots) if slot.stage == stage and slot.direction == "down"]
            assert not replies or any(place in sent for place in replies), (seed, stage)


@every
def test_rate_and_hello_are_contrasts(shape: Shape) -> None:
    def span(rate: float) -> float:
        slots = shape.schedule(Random(5), PACKETS, rate=rate).slots
        times = [slot.at_ms for slot in slots if slot.stage == "media" and slot.at_ms >= MEDIA_MS]
        return max(times) - min(times)

    assert span(2.0) == pytest.approx(span(1.0) / 2, rel=0.02)
    assert span(0.5) == pytest.approx(span(1.0) * 2, rel=0.02)
    hellos = {
        len(shape.datagrams(schedule := shape.schedule(Random(5), PACKETS, hello=hello), b"k" * 32)) and schedule.slots
        for hello in ("browser", "openssl", "pion")
    }
    assert len(hellos) == (3 if "dtls" in setup_stages(shape.schedule(Random(5), PACKETS)) else 1)


@every
def test_packet_rate_lies_between_the_mean_and_the_fastest_second(shape: Shape) -> None:
    spans, fastest = 0.0, 0
    for seed in range(12):
        slots = shape.schedule(Random(seed), 400).slots
        media = [slot.at_ms for slot in slots if slot.stage == "media" and slot.direction == "up"]
        spans += media[-1] - media[0]
        fastest = max(fastest, *(bisect_right(media, at_ms + 1000) - place for place, at_ms in enumerate(media)))
    assert 0.85 * 12 * 399 / spans * 1000 <= shape.packet_rate <= 1.15 * fastest


@every
def test_facts_have_sources(shape: Shape) -> None:
    app = apps()[shape.arm.app]
    assert app.sources
    assert all(source.fact and source.source for source in app.sources)
    recordings = shape.played.record.origin.recordings if isinstance(shape, AppCall) else 0
    assert shape.confidence == "low" or recordings >= 3


def test_no_messenger_is_seen_where_there_is_none(captures: Path) -> None:
    """In the negative captures, those of other apps' calls, and each of ours in the other's, nothing names it."""
    own = {"whatsapp": whatsapp.recognise, "telegram": telegram.recognise}
    wrong = []
    for entry in json.loads((captures / "truth.json").read_text()):
        inside = {call["app"] for call in entry.get("calls", []) + entry.get("attempts", [])}
        for flow in read_flows(captures / entry["file"]):
            for app in own.keys() - inside:
                view, shown = FlowView(0), set[Feature]()
                for _, up, payload in flow.packets:
                    view.direction = "up" if up else "down"
                    hit = own[app](payload, view)
                    shown.update(hit.features if hit else ())
                if shown:
                    wrong.append((entry["file"], app, shown))
    assert not wrong
