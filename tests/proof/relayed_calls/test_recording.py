"""Calls of a made-up messenger in virtual time: they are calls to `capture`, and fare as the network lets them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

import talkpath
from proof.relayed_calls.placed import CallStory, RelayState
from proof.relayed_calls.recording import RecordedCall, record_call
from proof.relayed_calls.script import CallScript, TalkPattern, shape_of
from talkpath.lab.path.headers import flow_key
from talkpath.lab.restrictor.app_networks import app_of_address
from talkpath.lab.scenario import Scenario

SECONDS = 12.0


def call(app: str = "telegram", *rules: str, background: str = "clean", seed: int = 1, **more: object) -> RecordedCall:
    return record_call(app, SECONDS, Scenario.parse(background, rules, seed), **more)


def count(recorded: RecordedCall, direction: str, from_s: float = 0.0, to_s: float = SECONDS) -> int:
    return sum(p.direction == direction and from_s <= p.at_s < to_s for p in recorded.packets)


def flows(recorded: RecordedCall) -> Counter[bytes]:
    return Counter(flow_key(packet.data, packet.direction == "up") for packet in recorded.packets)


@pytest.mark.parametrize(
    ("app", "family"), [("telegram/direct", 4), ("telegram/reflector", 6), ("whatsapp", 4), ("meet", 4)]
)
def test_capture_takes_it_for_a_call_of_the_app(tmp_path: Path, app: str, family: int) -> None:
    file = tmp_path / "call.pcap"
    file.write_bytes(record_call(app, SECONDS, Scenario.parse("clean", [], 1, family)).pcap())
    recording = talkpath.read_capture(file)
    (found,) = recording.record["calls"]
    assert found["app"] == app.partition("/")[0]
    assert found["duration_s"] == pytest.approx(SECONDS, abs=0.5)


def test_the_caller_talks_to_the_apps_own_relay() -> None:
    recorded = call("whatsapp")
    assert {app_of_address(packet.data[16:20]) for packet in recorded.packets if packet.direction == "up"} == {
        "whatsapp"
    }
    assert (recorded.ended_s, recorded.ending) == (SECONDS, "hung up")


@pytest.mark.parametrize("app", ["telegram/tgcalls", "telegram/reflector", "whatsapp", "signal", "webrtc"])
def test_a_lossy_line_delays_the_set_up_and_does_not_prevent_it(app: str) -> None:
    recorded = call(app, background="ge,loss=0.3")
    assert recorded.connected_s is not None
    assert recorded.connected_s < 6
    assert count(recorded, "up") > 100


@pytest.mark.parametrize("app", ["telegram/tgcalls", "whatsapp"])
def test_a_call_whose_set_up_is_dropped_repeats_it_and_gives_up(app: str) -> None:
    recorded = call(app, "udp.block,to=app,direction=down")
    assert recorded.connected_s is None
    assert count(recorded, "down") == 0
    assert 20 <= count(recorded, "up") < 60


def test_loss_down_is_seen_and_loss_up_is_not() -> None:
    plain = count(call(), "down")
    assert count(call("telegram", "media.drop,to=app,p=0.3,direction=up"), "down") == plain
    assert 0.6 * plain < count(call("telegram", "media.drop,to=app,p=0.3,direction=down"), "down") < 0.8 * plain


def test_a_rule_about_another_app_or_other_addresses_changes_nothing() -> None:
    assert call("telegram", "media.drop,app=whatsapp,to=app,p=1").packets == call().packets


def test_a_freeze_silences_the_call_until_somebody_hangs_up() -> None:
    recorded = call("whatsapp", "media.freeze,to=app,after_s=4")
    assert count(recorded, "down", 4.1) == 0
    assert count(recorded, "up", 4.1) > 300
    assert recorded.ending == "hung up"


def test_an_end_that_hears_nothing_for_long_ends_the_call() -> None:
    recorded = call("whatsapp", "media.freeze,to=app,after_s=2", story=CallStory(patience_s=5.0))
    assert recorded.ending == "silence"
    assert recorded.ended_s == pytest.approx(7, abs=0.2)


def test_a_relay_that_moves_is_another_flow_of_one_call() -> None:
    recorded = call("whatsapp", story=CallStory(moves_s=(5.0,)))
    first, second = flows(recorded)
    assert first[4:8] != second[4:8]  # the relays' addresses
    assert abs(count(recorded, "down") - count(call("whatsapp"), "down")) < 60


def test_a_caller_who_changes_networks_has_another_address_after_a_pause() -> None:
    recorded = call("whatsapp", story=CallStory(roams_s=(5.0,)))
    first, second = flows(recorded)
    assert first[:4] != second[:4]
    assert count(recorded, "up", 5.01, 6.49) == count(recorded, "down", 5.01, 6.49) == 0
    assert count(recorded, "down", 7, 9) > 80


def test_one_who_mutes_sends_no_media_and_hears_the_other() -> None:
    recorded = call("whatsapp", story=CallStory(caller=TalkPattern(muted=((3.0, 8.0),))))
    assert count(recorded, "up", 3.5, 7.5) < 20
    assert count(recorded, "down", 3.5, 7.5) > 150


def test_pauses_of_speech_leave_less_than_without_and_more_than_nothing() -> None:
    silent, talked = (
        count(call("signal", story=CallStory(callee=TalkPattern(dtx=dtx))), "down") for dtx in (True, False)
    )
    assert 0.1 * talked < silent < 0.9 * talked


@pytest.mark.parametrize(
    ("relays", "low", "high"),
    [
        (RelayState(loss=0.3), 0.6, 0.8),
        (RelayState(down_from_s=0.0), 0.0, 0.0),
        (RelayState(down_from_s=6.0), 0.45, 0.55),
        (RelayState(added_ms=300.0, jitter_ms=40.0), 0.9, 1.0),
    ],
)
def test_relays_of_their_own_may_be_poor_or_down(relays: RelayState, low: float, high: float) -> None:
    plain = count(call("whatsapp"), "down")
    assert low * plain <= count(call("whatsapp", story=CallStory(relays=relays)), "down") <= high * plain


@pytest.mark.parametrize("background", ["nat_symmetric", "nat64ports", "reorder"])
def test_it_passes_translators(background: str) -> None:
    recorded = call("whatsapp", background=background)
    assert recorded.connected_s is not None
    assert count(recorded, "down") > 300


def test_the_stream_is_the_capture_with_its_times() -> None:
    recorded = call()
    pieces = list(recorded.stream())
    assert b"".join(data for _, data in pieces) == recorded.pcap()
    assert [at_s for at_s, _ in pieces] == sorted(at_s for at_s, _ in pieces)


def test_an_end_that_is_silent_leaves_no_gap_in_the_sequence_numbers() -> None:
    quiet = TalkPattern(muted=((1.0, 3.0),), dtx=True)
    script = CallScript.of(shape_of("whatsapp"), 6.0, 1, up=quiet)
    own = [n for n, slot in enumerate(script.slots) if (slot.direction, slot.stage) == ("up", "media")]
    sent = [script.datagrams[number] for number in own if number not in script.silent]
    assert len(sent) < len(own) - 30
    numbers = [int.from_bytes(data[2:4], "big") for data in sent]
    assert [(after - before) & 0xFFFF for before, after in pairwise(numbers)] == [1] * (len(sent) - 1)
