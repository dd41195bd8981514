"""Pauses and losses of streams without sequence numbers: told apart by the length of holes."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from talkpath.measure.call import Call, Moment, Second, Stream
from talkpath.measure.pauses import is_lost_at_random, is_lost_singly, may_be_pauses, paused_share, without_pauses

INTERVAL_MS = 60.0


def stream(holes: list[int], packets: int = 160, **changes: object) -> Stream:
    lost = sum(holes)
    made = Stream(
        direction="received",
        ssrc=None,
        payload_type=None,
        medium="voice",
        packets=packets,
        lost=lost,
        loss_pct=100 * lost / (packets + lost),
        loss_basis="cadence",
        duplicates=0,
        reordered=0,
        jitter_ms=3.0,
        late_ms=900.0,
        freezes=2,
        frozen_s=1.0,
        longest_gap_ms=INTERVAL_MS * (1 + max(holes, default=0)),
        mos=1.0,
        start_s=0.0,
        duration_s=(packets + lost) * INTERVAL_MS / 1000,
        kbps=20.0,
        clock_hz=None,
        packet_ms=INTERVAL_MS,
        mean_burst=lost / len(holes) if holes else None,
        flows=(1,),
        lost_range=(lost, lost),
    )
    return replace(made, **changes)


def call(*streams: Stream) -> Call:
    second = Second(packets=10, lost=6, frozen_ms=300.0, mos=1.0)
    return Call(
        app="telegram",
        app_confidence=1.0,
        media=("voice",),
        start_s=0.0,
        duration_s=10.0,
        setup_s=0.0,
        transport="relay",
        protocol="udp",
        encrypted=True,
        flows=(),
        streams=streams,
        seconds=(Moment(at_s=0, sent=second, received=second),),
        control_end_s=10.0,
        file_end_s=11.0,
    )


def random_holes(share: float, seed: int, slots: int = 300) -> list[int]:
    """The holes that independent losses leave."""
    rng, holes, run = Random(seed), [], 0
    for _ in range(slots):
        if rng.random() < share:
            run += 1
        elif run:
            holes.append(run)
            run = 0
    return holes


SAID = stream([], direction="sent", packets=160)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3, 0.5, 0.7])
def test_losses_of_single_packets_are_losses(share: float):
    seen = [stream(random_holes(share, seed), packets=round(300 * (1 - share))) for seed in range(100)]
    assert sum(map(is_lost_singly, seen)) >= 97


@pytest.mark.parametrize("holes", [[7] * 8, [7, 3, 7, 7, 2, 7], [110], [1] * 8 + [60]], ids=str)
def test_pauses_of_speech_and_a_muted_end_are_no_losses(holes: list[int]):
    heard = stream(holes)
    assert may_be_pauses(call(SAID, heard), heard)


def test_short_runs_of_losses_are_no_pauses_but_fit_no_losses_of_single_packets_either():
    heard = stream([3] * 12)
    assert not is_lost_singly(heard)
    assert not may_be_pauses(call(SAID, heard), heard)


def test_with_sequence_numbers_a_long_hole_is_lost():
    heard = stream([110], loss_basis="sequence")
    assert is_lost_singly(heard)
    assert not may_be_pauses(call(SAID, heard), heard)


def test_an_app_that_makes_pauses_at_this_end_makes_them_at_the_other():
    heard = stream([2, 2, 3])
    assert not may_be_pauses(call(SAID, heard), heard)
    assert may_be_pauses(call(stream([7, 6, 7], direction="sent"), heard), heard)


def test_one_packet_of_a_size_stands_for_several():
    """Where one packet in three keeps the interval, three are counted as lost for each of those."""
    holes = [3 * length for length in random_holes(0.2, 1, 200)]
    heard = stream(holes, packets=600 - sum(holes), duration_s=200 * INTERVAL_MS / 1000)
    assert is_lost_singly(heard)


def test_a_call_without_its_pauses_says_nothing_of_losses_and_freezes():
    found = call(SAID, stream([7] * 8))
    told = without_pauses(found)
    said, heard = told.streams
    assert said == SAID
    assert (heard.lost, heard.loss_basis, heard.frozen_s, heard.mos, heard.late_ms) == (None, None, 0.0, None, None)
    assert (told.seconds[0].received.lost, told.seconds[0].received.frozen_ms) == (None, 0.0)
    assert told.seconds[0].sent == found.seconds[0].sent
    assert paused_share(found) == pytest.approx(56 / 216)
    assert paused_share(told) is None


def test_a_call_with_losses_alone_stays_as_it_is():
    found = call(SAID, stream(random_holes(0.3, 1)))
    assert without_pauses(found) is found
    assert paused_share(found) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"packets": 0},
        {"packets": 0, "duration_s": 0.0},
        {"packet_ms": -1000.0, "duration_s": 1.0},
        {"packet_ms": -1e-300},
        {"mean_burst": 1e-3},
        {"direction": "sent", "packets": 0},
    ],
)
def test_values_that_a_stranger_s_bundle_may_hold_are_told_as_pauses_or_losses(changes: dict[str, object]):
    odd = call(stream([3, 2], **changes), stream([1]))
    assert without_pauses(odd).app == odd.app
    share = paused_share(odd)
    assert share is None or 0.0 < share <= 1.0


def test_where_no_packet_arrived_no_loss_is_told():
    assert may_be_pauses(call(one := stream([5], packets=0)), one)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_losses_at_random_are_no_longer_than_chance_leaves_them_and_runs_are(share: float):
    holes = random_holes(share, 5)
    packets = 300 - sum(holes)
    assert is_lost_at_random(replace(stream(holes, packets=packets), loss_basis="sequence"))
    runs = [3 * hole for hole in holes]
    assert not is_lost_at_random(replace(stream(runs, packets=3 * packets), loss_basis="sequence"))
