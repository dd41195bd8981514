"""From both ends' counts to bitmaps: what was lost, where, and when nothing may be compared."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from talkpath.browser.far_end.counts_to_facts.arrivals import (
    BROWSER_MS,
    MAX_DMS,
    WHOLE_MS,
    delays_down,
    place_losses,
    without_browser_delay,
)
from talkpath.browser.far_end.counts_to_facts.epoch_facts import SETUP_TRACK_SLOTS, common_window, epoch_from_counts
from talkpath.browser.far_end.counts_to_facts.epoch_report import (
    EpochTimes,
    FarFlowReport,
    PageEpochReport,
    PageFlowReport,
    Poll,
    video_throttled,
    whole_check,
)
from talkpath.browser.far_end.schedule import EpochSchedule, FlowSchedule
from talkpath.browser.webrtc.call_media import TICK_MS, VIDEO_MEDIUM, VOICE_MEDIUM
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Observation
from talkpath.wire.control.question import TransportPaths

SLOTS = VOICE_MEDIUM.slots
ORDER = EpochSchedule(0, (FlowSchedule(0, "call"), FlowSchedule(1, "random")))
EVERY = tuple(range(SLOTS))
TIMES = EpochTimes(0.0, 8.0, 8.0, 100.0)


def polls(sent: int = SLOTS, received: int = SLOTS) -> tuple[Poll, ...]:
    """Steady readings."""
    return tuple(
        Poll(at_ms, min(sent, at_ms // TICK_MS), min(received, at_ms // TICK_MS)) for at_ms in range(250, 7000, 250)
    )


def arrivals(slots: range | list[int], base: int = 0) -> tuple[tuple[int, float], ...]:
    return tuple(((base + slot) % 65536, 100.0 + slot * TICK_MS / 1000) for slot in slots)


def made(
    call: PageFlowReport, far: FarFlowReport, twin: PageFlowReport | None = None, far_twin: FarFlowReport | None = None
) -> Epoch:
    twin = twin or PageFlowReport(1, 20.0, 20.0, 0.0, polls(), EVERY)
    far_twin = far_twin or FarFlowReport(1, arrivals(range(SLOTS)), EVERY, packets=SLOTS)
    return epoch_from_counts(ORDER, PageEpochReport(0, (call, twin)), {0: far, 1: far_twin}, TIMES, b"seed", 4434)


def one(found: Epoch, flow: int, way: str) -> Observation:
    return next(each for each in found.flows if each.flow == flow and each.direction == way)


def lost(flow: Observation) -> list[int]:
    sent, arrived = (
        unpack_bitmap(bits, SETUP_TRACK_SLOTS + SLOTS)[SETUP_TRACK_SLOTS:] for bits in (flow.sent, flow.arrived)
    )
    return [slot for slot in range(SLOTS) if sent[slot] and not arrived[slot]]


@settings(max_examples=25)
@given(st.integers(0, 65535), st.sets(st.integers(0, SLOTS - 1), max_size=SLOTS // 2))
def test_up_each_packet_of_a_call_is_found_whatever_its_first_number(base: int, gone: set[int]):
    came = [slot for slot in range(SLOTS) if slot not in gone]
    found = made(PageFlowReport(0, 30.0, 90.0, 0.0, polls()), FarFlowReport(0, arrivals(came, base), EVERY, 1, 1))
    seen = lost(one(found, 0, "up"))
    assert len(seen) == len(gone)
    least = 0 if not {0, SLOTS - 1} & gone else 1  # where the ends are gone, the clock tells, to a packet
    assert all(abs(one - other) <= least for one, other in zip(seen, sorted(gone), strict=True))


@given(st.integers(0, 250), st.integers(0, SLOTS))
def test_down_as_many_are_lost_as_the_page_missed(first: int, received: int):
    said = list(range(first, SLOTS))
    counts = [(float(at_ms), min(received, max(0, at_ms // TICK_MS - first))) for at_ms in range(250, 7000, 250)]
    arrived = place_losses(said, counts, Random(1))
    assert len(arrived) == min(received, len(said))
    assert arrived <= set(said)


def test_a_call_that_was_never_answered_sent_only_set_up():
    found = made(PageFlowReport(0), FarFlowReport(0))
    up, down = one(found, 0, "up"), one(found, 0, "down")
    assert (up.answered, up.setup_ms) == ({"stun": False, "dtls": False}, None)
    assert list(unpack_bitmap(up.sent, SETUP_TRACK_SLOTS)) == [True] * 3 + [False] * 3
    assert not unpack_bitmap(up.arrived, SETUP_TRACK_SLOTS).any()
    assert not unpack_bitmap(down.sent, SETUP_TRACK_SLOTS).any()


def test_a_request_that_came_and_was_not_answered_points_down():
    found = made(PageFlowReport(0), FarFlowReport(0, requests=9))
    assert unpack_bitmap(one(found, 0, "up").arrived, SETUP_TRACK_SLOTS)[:3].all()
    assert unpack_bitmap(one(found, 0, "down").sent, SETUP_TRACK_SLOTS)[:3].all()
    assert not unpack_bitmap(one(found, 0, "down").arrived, SETUP_TRACK_SLOTS).any()


def test_a_late_beginning_is_no_loss():
    late = {0: ({5, 6, 7, 299}, {5, 6}), 1: ({0, 1, 5, 6, 7, 299}, {0, 1, 5})}
    assert common_window(late, SLOTS) == {0: ({5, 6, 7, 299}, {5, 6}), 1: ({5, 6, 7, 299}, {5})}


def test_who_begins_much_later_says_nothing():
    assert common_window({0: ({200, 299}, {200}), 1: ({0, 299}, {0})}, SLOTS) == {0: (set(), set()), 1: ({0, 299}, {0})}


def test_a_throttled_twin_is_noticed_and_voids_every_epoch():
    well = PageFlowReport(0, 30.0, 90.0, 0.0, polls()), FarFlowReport(0, arrivals(range(SLOTS)), EVERY, 1, 1)
    thrifty = FarFlowReport(1, arrivals(range(0, SLOTS, 2)), EVERY, packets=SLOTS // 2, lost_packets=0)
    lossy = FarFlowReport(1, arrivals(range(0, SLOTS, 2)), EVERY, packets=SLOTS // 2, lost_packets=SLOTS // 2)
    held, fine = made(*well, far_twin=thrifty), made(*well, far_twin=lossy)
    assert (held.missing, fine.missing) == ("throttled", "")
    assert [each.missing for each in whole_check([fine, held])] == ["throttled", "throttled"]


def test_a_line_that_loses_much_does_not_accuse_by_set_up():
    half = FarFlowReport(1, arrivals(range(0, SLOTS, 2)), EVERY, packets=SLOTS // 2, lost_packets=SLOTS // 2)
    assert made(PageFlowReport(0), FarFlowReport(0), far_twin=half).flows[0].answered == {}


def test_data_channels_that_never_open_compare_nothing():
    nothing = PageEpochReport(0, (PageFlowReport(0), PageFlowReport(1)))
    far = {0: FarFlowReport(0), 1: FarFlowReport(1)}
    assert epoch_from_counts(ORDER, nothing, far, TIMES, b"", 4434, has_channels=True).missing == "no_control"


def test_a_call_that_the_browser_never_asked_for_compares_nothing():
    assert made(PageFlowReport(0, tried=False), FarFlowReport(0)).missing == "untried"
    assert made(PageFlowReport(0, tried=True), FarFlowReport(0)).missing == ""
    came = PageFlowReport(
        0, 30.0, 90.0, 0.0, polls(), tried=False
    )  # a browser that does not tell, and a call that is up
    assert made(came, FarFlowReport(0, arrivals(range(SLOTS)), EVERY, 1, 1)).missing == ""


@pytest.mark.parametrize(("odd", "missing"), [(0, ""), (2, ""), (SLOTS, "unlike")])
def test_calls_of_another_size_than_their_twins_compare_nothing(odd: int, missing: str):
    call = FarFlowReport(0, arrivals(range(SLOTS)), EVERY, 1, 1, unlike=odd)
    assert made(PageFlowReport(0, 30.0, 90.0, 0.0, polls()), call).missing == missing


def test_calls_that_cannot_be_timed_compare_nothing():
    unphased = PageEpochReport(0, (PageFlowReport(0, 30.0, 90.0), PageFlowReport(1, 20.0, 20.0)), phased=False)
    assert (
        epoch_from_counts(ORDER, unphased, {0: FarFlowReport(0), 1: FarFlowReport(1)}, TIMES, b"", 4434).missing
        == "unphased"
    )


# -- a camera's calls ---------------------------------------------------------------------------------------------


FILM = EpochSchedule(0, (FlowSchedule(0, "call"), FlowSchedule(1, "random")), VIDEO_MEDIUM)
TAKEN = tuple(range(VIDEO_MEDIUM.slots))


def film(shown: tuple[int, ...], sent: int) -> PageFlowReport:
    return PageFlowReport(0, 30.0, 90.0, 0.0, polls(sent), shown)


def test_of_a_camera_each_packet_is_in_the_slot_that_it_was_shown_in():
    shown = tuple(slot for slot in TAKEN if slot != 40)  # the camera had no picture then
    came = tuple((index, 100.0 + slot * TICK_MS / 1000) for index, slot in enumerate(shown) if slot != 60)
    twin = PageFlowReport(1, 20.0, 20.0, 0.0, polls(len(TAKEN), len(TAKEN)), TAKEN)
    far = {
        0: FarFlowReport(0, came, TAKEN, 1, 1),
        1: FarFlowReport(1, arrivals(range(VIDEO_MEDIUM.slots)), TAKEN, packets=VIDEO_MEDIUM.slots),
    }
    found = epoch_from_counts(FILM, PageEpochReport(0, (film(shown, len(shown)), twin)), far, TIMES, b"seed", 4434)
    up = one(found, 0, "up")
    sent, arrived = (
        unpack_bitmap(bits, SETUP_TRACK_SLOTS + VIDEO_MEDIUM.slots)[SETUP_TRACK_SLOTS:]
        for bits in (up.sent, up.arrived)
    )
    assert (found.medium, found.missing, found.up.size[-1]) == ("video", "", VIDEO_MEDIUM.wire_bytes)
    assert [slot for slot in TAKEN if not sent[slot]] == [40]
    assert [slot for slot in TAKEN if sent[slot] and not arrived[slot]] == [60]


@pytest.mark.parametrize(
    ("shown", "sent", "is_held"),
    [
        (TAKEN, len(TAKEN), False),
        (TAKEN[::2], len(TAKEN) // 2, True),  # the camera stuttered
        (TAKEN, len(TAKEN) - 10, True),  # the browser kept some back
        (TAKEN, len(TAKEN) + 10, True),  # or filled up with others
    ],
)
def test_a_camera_that_was_held_back_compares_nothing(shown: tuple[int, ...], sent: int, is_held: bool):
    assert video_throttled(FILM, PageEpochReport(0, (film(shown, sent),))) is is_held


def test_which_paths_carry_a_call_is_known_all_the_same():
    voice = made(PageFlowReport(0), FarFlowReport(0))
    paths = replace(voice, question=TransportPaths(("udp/443",)))
    found = whole_check([replace(voice, missing="throttled"), paths])
    assert [each.missing for each in found] == ["throttled", ""]
    found = whole_check([replace(voice, missing="untried"), paths])
    assert [each.missing for each in found] == ["untried", "untried"], "a browser that keeps calls back tried no path"


def test_a_medium_that_failed_leaves_the_other_alone():
    well = PageFlowReport(0, 30.0, 90.0, 0.0, polls()), FarFlowReport(0, arrivals(range(SLOTS)), EVERY, 1, 1)
    voice = made(*well)
    video = replace(voice, medium="video", missing="throttled")
    assert [each.missing for each in whole_check([voice, video, replace(video, missing="")])] == [
        "",
        *["throttled"] * 2,
    ]


# -- delay ---------------------------------------------------------------------------------------------------------


def delayed(call_ms: float) -> Epoch:
    """A call whose packets take so much longer than its twin's 30 ms, both ways."""
    left = tuple(float(TICK_MS * slot) for slot in EVERY)
    way_s = {0: 0.03 + call_ms / 1000, 1: 0.03}
    at = {flow: tuple((slot, 100.0 + slot * TICK_MS / 1000 + way_s[flow]) for slot in EVERY) for flow in way_s}
    near = {
        flow: tuple((stamp * ticks, TICK_MS * stamp + 1000 * way_s[flow]) for stamp in EVERY)
        for flow, ticks in ((0, 960), (1, 1))
    }
    call = PageFlowReport(0, 30.0, 90.0, 0.0, polls(), (), left, near[0])
    twin = PageFlowReport(1, 20.0, 20.0, 0.0, polls(), EVERY, left, near[1])
    return made(
        call, FarFlowReport(0, at[0], EVERY, 1, 1, stamp=0), twin, FarFlowReport(1, at[1], EVERY, packets=SLOTS)
    )


@pytest.mark.parametrize(("late_ms", "told_ms"), [(0.0, 0.0), (20.0, 0.0), (-20.0, 0.0), (150.0, 150.0)])
def test_delay_is_told_both_ways_but_for_what_the_browser_may_add(late_ms: float, told_ms: float):
    found = delayed(late_ms)
    for way in ("up", "down"):
        call, twin = (one(found, flow, way).delay_dms for flow in (0, 1))
        assert [one - other for one, other in zip(call, twin, strict=True)] == [10 * told_ms] * len(DELAY_QUANTILES)


@given(st.floats(-3000, 3000))
def test_what_the_browser_may_add_is_taken_off_and_never_turned_round(over_dms: float):
    moved = without_browser_delay([round(over_dms)] * len(DELAY_QUANTILES), 0.0)[0]
    assert abs(moved) <= abs(over_dms) + 1
    assert moved * over_dms >= 0
    assert abs(round(over_dms)) >= 10 * WHOLE_MS or abs(moved) <= 10 * (WHOLE_MS - BROWSER_MS)


def test_without_times_nothing_is_said_of_delay():
    found = made(PageFlowReport(0, 30.0, 90.0, 0.0, polls()), FarFlowReport(0, arrivals(range(SLOTS)), EVERY, 1, 1))
    assert {flow.delay_dms for flow in found.flows} == {()}


def test_a_delay_that_no_facts_can_hold_is_the_longest_that_they_can():
    near = PageFlowReport(1, came=tuple((slot, 9e5) for slot in range(SLOTS)))
    delays = delays_down(near, FarFlowReport(1, sent=EVERY), 0.0, "voice", is_call=False)
    assert delays == (round(MAX_DMS),) * len(DELAY_QUANTILES)
