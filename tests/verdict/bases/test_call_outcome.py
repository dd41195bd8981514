"""How a call was, whatever the reason: what is bad is told, and what is innocent is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from talkpath.measure.call import Attempt, Call, Flow, Moment, Second, Stream
from talkpath.verdict.bases.call_outcome import Outcome, attempt_outcome, call_outcome, frozen_s, voice_quality
from talkpath.verdict.bases.recorded_call import judge_call

LASTS_S = 20.0


def flow(**changes: Any) -> Flow:
    made = Flow(
        number=1, kind="peer", protocol="udp", packets_sent=1020, packets_received=1020, media_sent=1000,
        media_received=1000, start_s=0.0, end_s=LASTS_S, last_received_s=LASTS_S, requests=10, answers=10,
    )  # fmt: skip
    return replace(made, **changes)


def stream(direction: Any, seconds: float = LASTS_S, lost: int | None = 0, **changes: Any) -> Stream:
    packets = round(50 * seconds) - (lost or 0)
    made = Stream(
        direction=direction, ssrc=1, payload_type=111, medium="voice", packets=packets, lost=lost, loss_pct=None,
        loss_basis="sequence", duplicates=0, reordered=0, jitter_ms=2.0, late_ms=5.0, freezes=0, frozen_s=0.0,
        longest_gap_ms=20.0, mos=4.4, start_s=0.0, duration_s=seconds, kbps=30.0, clock_hz=48000, packet_ms=20.0,
        mean_burst=None, flows=(1,), uneven_ms=2.0,
    )  # fmt: skip
    return replace(made, **changes)


def call(*streams: Stream, flows: tuple[Flow, ...] = (), bad: dict[int, Second] | None = None, **changes: Any) -> Call:
    """A call with these streams; `bad` are received seconds that differ from good ones."""
    good = Second(packets=50, lost=0, kbps=30.0)
    seconds = tuple(Moment(at, good, (bad or {}).get(at, good), 20) for at in range(int(LASTS_S)))
    made = Call(
        app="webrtc", app_confidence=0.5, media=("voice",), start_s=0.0, duration_s=LASTS_S, setup_s=0.0,
        transport="p2p", protocol="udp", encrypted=True, flows=flows or (flow(),), streams=streams, seconds=seconds,
        control_end_s=LASTS_S, file_end_s=LASTS_S,
    )  # fmt: skip
    return replace(made, **changes)


SAID, HEARD = stream("sent"), stream("received")
STILL = Second(packets=0, frozen_ms=1000.0)
LOSSY = Second(packets=40, lost=10, kbps=25.0)


def reporting(until_s: float | None, count: int = 60, heard_s: float = LASTS_S) -> tuple[Flow, ...]:
    """A flow whose far end reports what it received; what it still answers comes until `heard_s`."""
    return (flow(feedback=count, last_feedback_s=until_s, last_received_s=heard_s, media_received=400),)


@pytest.mark.parametrize(
    ("flows", "want"),
    [
        (reporting(LASTS_S), Outcome("unknown", 8.0, "received", ("silence",), 12.0)),  # muted
        (reporting(12.0), Outcome("unknown", 8.0, "received", ("silence",), 12.0)),  # and then it reports nothing new
        (reporting(8.1), Outcome("went_silent", 8.0, "received", ("silence", "media_alone"), 12.0)),
        (reporting(8.1, heard_s=8.2), Outcome("went_silent", 8.0, "received", ("silence",), 12.0)),  # the path died
        (reporting(8.1, count=4), Outcome("unknown", 8.0, "received", ("silence",), 12.0)),  # hardly any: not known
        (reporting(7.0, count=5), Outcome("went_silent", 8.0, "received", ("silence", "media_alone"), 12.0)),
        (reporting(16.0, count=5), Outcome("unknown", 8.0, "received", ("silence",), 12.0)),
    ],
    ids=["goes on", "goes on for a while", "stops", "all stops", "too few", "each 1.4 s", "each 3 s"],
)
def test_mute_and_media_that_were_taken_alone(flows: tuple[Flow, ...], want: Outcome) -> None:
    """Whoever is muted goes on to report what it hears."""
    one = call(SAID, stream("received", 8.0), flows=flows)
    assert call_outcome(one) == want
    alternatives = judge_call(one).alternatives
    assert alternatives == (("media.freeze", "media.drop") if want.kind == "went_silent" else ())


@pytest.mark.parametrize(
    ("count", "until_s", "kind"),
    [(60, LASTS_S, "unknown"), (2, 14.0, "unknown"), (2, 9.0, "one_way"), (0, None, "one_way")],
)
def test_an_end_that_only_listens_reports_what_it_hears(count: int, until_s: float | None, kind: str) -> None:
    flows = (flow(feedback=count, last_feedback_s=until_s, media_received=0),)
    assert call_outcome(call(SAID, flows=flows)).kind == kind


@pytest.mark.parametrize(
    ("claimed_s", "opened", "kind"),
    [(19.0, True, "one_way"), (19.0, False, "unknown"), (2.0, True, "unknown"), (None, True, "unknown")],
)
def test_an_end_that_says_that_it_sends_is_no_listener(claimed_s: float | None, opened: bool, kind: str) -> None:
    """In a recording that began late it may have sent before: Chromium reports as a sender while a call is on hold."""
    flows = (replace(reporting(LASTS_S)[0], media_received=0, last_sender_report_s=claimed_s),)
    assert call_outcome(call(SAID, flows=flows, opened=opened)).kind == kind


@pytest.mark.parametrize(
    ("asked", "answered_s", "signs"),
    [(12, 7.9, ("silence",)), (12, 19.0, ("silence", "media_alone")), (7, 7.9, ("silence", "media_alone"))],
)
def test_an_end_that_nothing_reaches_stops_by_itself(asked: int, answered_s: float, signs: tuple[str, ...]) -> None:
    """It still asks, but answers no check of this end's: no filter took what it sent."""
    asks = replace(reporting(8.1)[0], requests=asked, answers=5, last_answer_s=answered_s)
    one = call(SAID, stream("received", 8.0), flows=(asks,))
    assert call_outcome(one).signs == signs
    assert judge_call(one).alternatives == (("media.freeze", "media.drop") if "media_alone" in signs else ())


@pytest.mark.parametrize(("medium", "outcome"), [("voice", "unknown"), ("video", "good")])
def test_half_of_a_video_call_that_ends_early(medium: str, outcome: str) -> None:
    """The other end may have muted itself, or switched off its camera: what came well is no proof of the other half."""
    streams = [
        stream(way, LASTS_S if way == "sent" or kind != medium else 8.0, medium=kind, ssrc=1 + (kind == "video"))
        for way in ("sent", "received")
        for kind in ("voice", "video")
    ]
    one = call(*streams, media=("voice", "video"), closed=True)
    assert (call_outcome(one).kind, judge_call(one).state) == (outcome, "insufficient")
    whole = call(*(replace(each, duration_s=LASTS_S) for each in streams), media=("voice", "video"), closed=True)
    assert (call_outcome(whole).kind, judge_call(whole).state) == ("good", "ok")


def test_a_listener_that_hears_no_more_cannot_tell_why() -> None:
    """Whoever only listens gets no feedback: the far end may be on hold."""
    flows = (flow(last_received_s=LASTS_S),)
    assert call_outcome(call(stream("received", 8.0), flows=flows, closed=True)).kind == "unknown"


def test_tcp_that_nothing_acknowledges_is_a_silence() -> None:
    """Media cannot be sent on a connection that is cut: both directions end together, and only TCP goes on."""
    flows = (flow(protocol="tcp", last_received_s=8.0, last_sent_s=18.0, feedback=60, last_feedback_s=8.0),)
    assert call_outcome(call(stream("sent", 8.3), stream("received", 8.0), flows=flows)).kind == "went_silent"


def test_a_good_call() -> None:
    assert call_outcome(call(SAID, HEARD)) == Outcome("good")


@pytest.mark.parametrize(
    ("heard", "sign"),
    [
        (stream("received", lost=40), "loss"),
        (stream("received", mos=2.9), "quality"),
        (stream("received", jitter_ms=31.0), "jitter"),
        (stream("received", uneven_ms=38.0), "jitter"),
        (stream("received", late_ms=900.0), "delay"),
    ],
)
def test_what_makes_it_poor(heard: Stream, sign: str) -> None:
    outcome = call_outcome(call(SAID, heard))
    assert (outcome.kind, outcome.direction, outcome.signs) == ("poor", "received", (sign,))


def test_the_second_in_which_it_became_poor() -> None:
    found = call(SAID, stream("received", lost=40), bad={7: LOSSY, 9: LOSSY})
    assert call_outcome(found).at_s == 7


def test_a_phone_whose_own_clock_is_uneven_is_not_taken_for_jitter() -> None:
    uneven = call(stream("sent", uneven_ms=31.0), stream("received", uneven_ms=38.0))
    assert call_outcome(uneven).kind == "good"


@pytest.mark.parametrize(
    ("still", "kind"), [((), "good"), ((5,), "poor"), ((5, 6, 7), "poor"), (range(4, 16), "went_silent")]
)
def test_freezes(still: Any, kind: str) -> None:
    found = call(SAID, HEARD, bad=dict.fromkeys(still, STILL))
    outcome = call_outcome(found)
    assert outcome.kind == kind
    assert outcome.at_s == (min(still) if still else None)
    assert frozen_s(found, "received") == len(still)


def test_losses_that_the_recording_made_are_nobodys() -> None:
    both = call(stream("sent", lost=90), stream("received", lost=100))
    assert (call_outcome(both).kind, call_outcome(both).signs) == ("unknown", ("recorder",))


@pytest.mark.parametrize(("burst", "kind"), [(1.0, "poor"), (90.0, "good")], ids=["all over", "one pause"])
def test_what_is_missing_of_what_this_end_sent(burst: float, kind: str) -> None:
    """One long gap in the numbers is a pause of this end, or of the recording; many are losses before the recorder."""
    assert call_outcome(call(stream("sent", lost=90, mean_burst=burst), HEARD)).kind == kind


def test_where_the_ends_are_guessed_what_is_missing_of_either_counts() -> None:
    """Of an end's own packets hardly any miss: the guess may be wrong, or that end was muted."""
    gap = stream("sent", lost=90, mean_burst=90.0)
    often = stream("sent", lost=90)
    assert call_outcome(call(gap, HEARD, guessed_ends=True)) == Outcome("unknown", None, None, ("loss",))
    assert call_outcome(call(often, HEARD, guessed_ends=True)) == Outcome("poor", None, None, ("loss",))


@pytest.mark.parametrize(("heard_s", "replied_s", "kind"), [(8.0, 8.1, "went_silent"), (8.0, 19.8, "unknown")])
def test_silence_while_this_end_went_on(heard_s: float, replied_s: float, kind: str) -> None:
    """Whoever still replies may be muted; whoever does not is gone."""
    heard = stream("received", heard_s)
    of = flow(packets_received=round(50 * heard_s) + 20, media_received=round(50 * heard_s), last_received_s=replied_s)
    outcome = call_outcome(call(SAID, heard, flows=(of,)))
    assert (outcome.kind, outcome.at_s, outcome.signs) == (kind, heard_s, ("silence",))


def test_silence_counts_in_the_quality() -> None:
    of = flow(packets_received=410, media_received=400, last_received_s=8.0)
    silent = call(SAID, stream("received", 8.0), flows=(of,))
    assert voice_quality(silent, "received") == pytest.approx(1.3, abs=0.3)
    assert voice_quality(call(SAID, HEARD), "received") == 4.4


def test_who_hangs_up_is_not_silent() -> None:
    ended = call(stream("sent", 10.0), stream("received", 9.5), control_end_s=10.2, file_end_s=60.0)
    assert call_outcome(ended).kind == "good"


def test_who_pauses_long_is_not_silent_at_the_next_pause() -> None:
    """Who sends nothing while nobody speaks (the longest pause was 6 s) is not gone after 7 s."""
    heard = stream("received", 13.0, longest_gap_ms=6000.0)
    of = flow(packets_received=660, media_received=650, last_received_s=13.0)
    assert call_outcome(call(SAID, heard, flows=(of,))).kind == "good"


def test_one_way() -> None:
    alone = call(SAID, flows=(flow(packets_received=9, media_received=0),))
    assert (call_outcome(alone).kind, call_outcome(alone).direction) == ("one_way", "received")


def test_a_recording_of_what_was_sent_alone_tells_nothing_of_what_came() -> None:
    """Its recorder took one direction, or the path had died before it began."""
    unheard = flow(packets_received=0, media_received=0, last_received_s=None, answers=0)
    alone = call(SAID, flows=(unheard,), start_s=1.0)
    quiet = tuple(replace(one, other_packets=0) for one in alone.seconds)
    assert call_outcome(replace(alone, seconds=quiet)).signs == ("untold",)


def test_who_only_listens_is_told_how_that_was() -> None:
    """What this end did not say, or the recorder did not see, no network lost."""
    assert call_outcome(call(HEARD, flows=(flow(media_sent=0),))) == Outcome("good")
    assert call_outcome(call(stream("received", lost=100), flows=(flow(media_sent=0),))).kind == "poor"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"app": "meet", "transport": "relay"}, "unknown"),
        ({"app": "meet", "transport": "p2p"}, "one_way"),
        ({"app": "meet", "transport": "relay", "flows": (flow(media_received=0, last_received_s=2.0),)}, "one_way"),
        ({"app": "whatsapp", "transport": "relay"}, "one_way"),
    ],
    ids=["a meeting's server replied", "directly", "the server fell silent", "a call of two"],
)
def test_who_is_alone_in_a_meeting_is_not_cut_off(changes: dict[str, Any], kind: str) -> None:
    of = flow(packets_received=9, media_received=0)
    assert call_outcome(call(SAID, **({"flows": (of,)} | changes))).kind == kind


def test_who_is_heard_late_may_have_answered_late() -> None:
    late = stream("received", 12.0, start_s=8.0)
    assert call_outcome(call(SAID, late)) == Outcome("unknown", 0.0, "received", ("late_start",), 8.0)


def test_a_record_without_seconds_is_told_as_far_as_it_goes() -> None:
    late = stream("received", 12.0, start_s=8.0)
    assert call_outcome(call(SAID, late, seconds=())) == Outcome("good")


def quiet(first: int, last: int) -> Call:
    """A call in which nothing at all came in these seconds, in media whose losses and pauses look alike."""
    heard = stream("received", lost=400, loss_basis="cadence", mean_burst=400.0)
    seconds = call(SAID, heard).seconds
    nothing = tuple(
        replace(one, received=Second(lost=50, frozen_ms=1000.0), flow_packets=0) if first <= one.at_s < last else one
        for one in seconds
    )
    return call(SAID, heard, seconds=nothing)


def test_where_nothing_else_came_either_it_was_no_pause_of_speech() -> None:
    found = call_outcome(quiet(8, 16))
    assert (found.kind, found.at_s, found.lasts_s) == ("went_silent", 8.0, 8.0)
    assert call_outcome(quiet(8, 12)).signs == ("pauses",)


def test_such_a_silence_counts_in_the_quality() -> None:
    assert (voice_quality(quiet(8, 16), "received") or 5.0) < 3.0


def test_a_long_call_of_which_a_part_was_bad() -> None:
    good = Second(packets=50, lost=0, kbps=30.0)
    seconds = tuple(Moment(at, good, LOSSY if 200 <= at < 220 else good, 20) for at in range(400))
    long = {"duration_s": 400.0, "seconds": seconds, "control_end_s": 400.0, "file_end_s": 400.0}
    said, heard = stream("sent", 400.0), stream("received", 400.0, lost=200)
    found = call_outcome(call(said, heard, flows=(flow(end_s=400.0, last_received_s=400.0),), **long))
    assert found == Outcome("poor", 200.0, "received", ("loss",), 30.0)


@pytest.mark.parametrize(("sent_lost", "kind"), [(0, "poor"), (2, "poor"), (14, "unknown"), (30, "unknown")])
def test_whose_losses_they_are_is_told_within_chance(sent_lost: int, kind: str) -> None:
    """Of 1000 packets each way: 40 of those received are missing."""
    assert call_outcome(call(stream("sent", lost=sent_lost), stream("received", lost=40))).kind == kind


def test_delay_is_no_recorders_doing() -> None:
    both = call(stream("sent", lost=90), stream("received", lost=100, late_ms=900.0))
    assert call_outcome(both).kind == "poor"


def test_what_stood_still_in_both_directions_is_no_networks_doing() -> None:
    """This machine had something else to do for two seconds."""
    found = call(SAID, HEARD, bad=dict.fromkeys((5, 6), STILL))
    busy = tuple(replace(one, sent=STILL) if one.at_s in (5, 6) else one for one in found.seconds)
    assert call_outcome(found).kind == "poor"
    assert call_outcome(replace(found, seconds=busy)).kind == "good"


def test_what_this_ends_own_packets_show_is_no_delay() -> None:
    """The recorder's clock was set forward."""
    assert call_outcome(call(stream("sent", late_ms=800.0), stream("received", late_ms=810.0))).kind == "good"


def test_media_that_nothing_ever_answered_never_connected() -> None:
    """Where it had asked before; of media from the recording's beginning nobody knows what was before."""
    dead = flow(packets_received=0, media_received=0, last_received_s=None, answers=0)
    assert call_outcome(call(SAID, flows=(dead,), start_s=1.0)).kind == "never_connected"
    assert call_outcome(call(SAID, flows=(dead,))).kind == "one_way"


@pytest.mark.parametrize("streams", [(), (stream("sent", 1.0),), (stream("sent", 2.0), stream("received", 2.0))])
def test_of_too_little_nothing_is_told(streams: tuple[Stream, ...]) -> None:
    longest = max((one.duration_s for one in streams), default=0.0)
    assert call_outcome(call(*streams, duration_s=longest)).kind == "unknown"


def test_where_nothing_shows_losses_it_is_not_called_good() -> None:
    blind = stream("received", lost=None, jitter_ms=None, uneven_ms=None, late_ms=None, mos=None)
    assert call_outcome(call(SAID, blind)) == Outcome("unknown", signs=("untold",))


def attempt(answered: bool, **changes: Any) -> Attempt:
    made = Attempt("signal", 0.9, 1.0, 9.0, answered, 5, 5 if answered else 0, 100)
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (attempt(False), "never_connected"),
        (attempt(True), "unknown"),
        (attempt(False, end_s=2.0), "unknown"),
        (attempt(True, hellos=4), "never_connected"),
        (attempt(False, begun_before=True), "unknown"),
        (attempt(False, app="webrtc", others_answered=True), "unknown"),
        (attempt(False, app="webrtc", far_hosts=20), "unknown"),
        (attempt(False, app="webrtc", far_hosts=6), "never_connected"),
        (attempt(False, app="whatsapp", far_hosts=20), "never_connected"),
    ],
    ids=[
        "unanswered",
        "nobody picked up",
        "no time to answer",
        "handshake unanswered",
        "a call of before the recording",
        "an address nobody is at",
        "peers of a swarm",
        "candidates of one call",
        "relays of an app",
    ],
)
def test_attempts(made: Attempt, kind: str) -> None:
    assert attempt_outcome(made).kind == kind


def test_a_recording_of_before_is_told_as_far_as_it_goes() -> None:
    """Stored records lack what was added since: the last packets that were sent, unevenness, bounds of losses."""
    made = msgspec.to_builtins(call(SAID, stream("received", 8.0), flows=(flow(last_received_s=8.0),)))
    for record in (*made["streams"], *made["flows"]):
        for name in ("uneven_ms", "lost_range", "last_sent_s"):
            record.pop(name, None)
    old = msgspec.convert(made, Call, strict=False)
    assert call_outcome(old).kind == "went_silent"
    assert judge_call(old).state == "insufficient"
    unanswered = msgspec.to_builtins(attempt(False))
    del unanswered["hellos"]
    assert attempt_outcome(msgspec.convert(unanswered, Attempt)).kind == "never_connected"


@pytest.mark.parametrize(("own_mos", "kind"), [(4.4, "poor"), (3.5, "poor"), (2.2, "unknown"), (3.11, "unknown")])
def test_a_clock_that_shows_this_ends_own_voice_as_poor_tells_nothing(own_mos: float, kind: str) -> None:
    """A recording with times of whole seconds gives every voice the same jitter."""
    mos = 3.08 if own_mos == 3.11 else 2.1
    assert call_outcome(call(replace(SAID, mos=own_mos), replace(HEARD, mos=mos))).kind == kind


@pytest.mark.parametrize(("replied_s", "state"), [(12.5, "ok"), (19.0, "insufficient")])
def test_who_hangs_up_long_after_the_last_word_was_cut_off_or_silent(replied_s: float, state: str) -> None:
    """Neither end was heard for long before the good-bye: whether the far end was muted, nothing tells."""
    both = [stream(way, 12.0) for way in ("sent", "received")]
    one = call(*both, flows=(flow(last_received_s=replied_s),), duration_s=12.0, closed=True)
    assert judge_call(one).state == state
