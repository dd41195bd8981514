"""What a check in a browser does next: usual epochs, other ways, the end of the call that lives on, then proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest
from msgspec.structs import replace

import talkpath.browser.web.next_epoch as choice
from factories.checks import browser_checks
from talkpath.apps.contract.shape import Direction
from talkpath.browser.far_end.counts_to_facts.epoch_facts import SETUP_TRACK_SLOTS, epoch_track
from talkpath.browser.far_end.schedule import (
    CALLS,
    FOLLOW_UP_SLOTS,
    FOLLOW_UPS,
    WATCH_SLOTS,
    EpochRequest,
    check_plan,
    watch_request,
)
from talkpath.browser.web.next_epoch import (
    FIRST_EPOCHS,
    LAST_EPOCH_S,
    MAX_POOR_EPOCHS,
    MOST_EPOCHS,
    FinishWatch,
    Step,
    TryPaths,
    cut_off_slot,
    next_step,
)
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch, Facts, Health, Observation
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Reason, State, Verdict
from talkpath.wire.control.question import BASELINE, Question, TransportPaths, WatchedCalls


def flow(number: int, kind: str, direction: Direction, slots: int, until: int) -> Observation:
    """One whose packets arrive up to slot `until`."""
    size = SETUP_TRACK_SLOTS + slots
    return Observation(
        id=2 * number + (direction == "down"),
        flow=number,
        role="call" if kind == "call" else "twin",
        direction=direction,
        sent=pack_bitmap(range(size), size),
        arrived=pack_bitmap(range(SETUP_TRACK_SLOTS + until), size),
        twin_kind=None if kind == "call" else "random",
        setup_ms=20.0 if until else None,
    )


def epoch(
    medium: Literal["voice", "video"] = "voice",
    question: Question = BASELINE,
    call_until: int = -1,
    twin_until: int = -1,
    started_s: float = 0.0,
) -> Epoch:
    """A call and its twin. Of the whole length, unless it is said where they end."""
    slots = WATCH_SLOTS if question == WatchedCalls() else MEDIA_BY_NAME[medium].slots
    track = epoch_track(replace(MEDIA_BY_NAME[medium], slots=slots))
    ends = {"call": call_until, "random": twin_until}
    flows = [
        flow(number, kind, direction, slots, slots if end < 0 else end)
        for number, (kind, end) in enumerate(ends.items())
        for direction in ("up", "down")
    ]
    return Epoch(
        number=0,
        app="webrtc",
        variant="dtls",
        medium=medium,
        k=1,
        started_s=started_s,
        ended_s=1.0,
        cut_s=1.0,
        up=track,
        down=track,
        flows=tuple(flows),  # type: ignore[arg-type]
        question=question,
    )


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> dict[str, State]:
    """Medium -> state that the judge is to give."""
    states: dict[str, State] = {"voice": "insufficient"}

    def judge(facts: Facts) -> list[Verdict]:
        reason = Reason("budget")
        return [Verdict("webrtc", "dtls", medium, state, reason=reason) for medium, state in states.items()]  # type: ignore[arg-type]

    monkeypatch.setattr(choice, "judge_facts", judge)
    return states


def step(*epochs: Epoch, duration_s: float = 30.0) -> Step | None:
    return next_step(Facts(plan=check_plan(), epochs=epochs, duration_s=duration_s))


VOICE, VIDEO = EpochRequest(medium="voice"), EpochRequest(medium="video")
USUAL, PATHS = epoch(), epoch(question=TransportPaths(("udp/443",)), started_s=9.0)
WATCHED, CUT_OFF = epoch(question=WatchedCalls()), epoch(question=WatchedCalls(), call_until=400)
FIRST = FIRST_EPOCHS["voice"] * [USUAL]
ENDED = FinishWatch(WATCH_SLOTS)


@pytest.mark.parametrize("state", ["insufficient", "ok"])
def test_the_call_that_lives_on_is_ended_when_nothing_else_is_left(judged: dict[str, State], state: State) -> None:
    judged["voice"] = state
    for had in range(1, FIRST_EPOCHS["voice"]):
        assert step(*had * [USUAL]) == VOICE
    assert step(*FIRST) == TryPaths()
    assert step(*FIRST, PATHS) == ENDED
    assert WATCH_SLOTS * 0.02 >= 25.0


def test_before_any_epoch_counts_one_is_asked() -> None:
    assert step() == VOICE


def test_what_is_well_and_was_watched_is_done(judged: dict[str, State]) -> None:
    judged["voice"] = "ok"
    assert step(*FIRST, PATHS, WATCHED) is None


def test_what_is_open_still_gets_usual_epochs(judged: dict[str, State]) -> None:
    assert step(*FIRST, PATHS, WATCHED) == VOICE
    assert step(*MOST_EPOCHS["voice"] * [USUAL], PATHS, WATCHED) is None


def whole(after_s: float | None) -> Facts:
    """The facts of a check in which a call that lives on goes silent after so long (None: it does not)."""
    until = WATCH_SLOTS if after_s is None else round(50 * after_s)
    request = replace(watch_request("voice"), slots=WATCH_SLOTS)
    facts = browser_checks.browser_check(browser_checks.lossless, 1, FIRST_EPOCHS["voice"], watched=[request])
    *usual, watched = facts.epochs
    bits = pack_bitmap(range(SETUP_TRACK_SLOTS + until), SETUP_TRACK_SLOTS + WATCH_SLOTS)
    cut = [
        replace(flow, arrived=bytes(a & b for a, b in zip(flow.arrived, bits, strict=True)))
        if flow.role == "call"
        else flow
        for flow in watched.flows
    ]
    paths = replace(PATHS, number=9)
    return replace(facts, epochs=(*usual, paths, replace(watched, flows=tuple(cut), started_s=0.1)), duration_s=30.0)


def test_a_call_that_lives_to_the_end_makes_all_well() -> None:
    facts = whole(None)
    (verdict,) = judge_facts(facts)
    assert (verdict.state, next_step(facts)) == ("ok", None)
    assert verdict.watched_s >= 25.0


@pytest.mark.parametrize("after_s", [4, 6, 8, 12, 16, 20, 22])
def test_a_call_that_goes_silent_late_is_not_told_as_well_but_proven(after_s: int) -> None:
    facts = whole(after_s)
    assert [verdict.state for verdict in judge_facts(facts)] == ["insufficient"]
    proof = next_step(facts)
    assert isinstance(proof, EpochRequest)
    assert (proof.question, proof.calls) == (WatchedCalls(), CALLS)
    assert proof.slots >= 50 * after_s + 100


def test_what_goes_silent_later_than_any_proof_lasts_is_looked_at_in_usual_epochs_and_stays_open() -> None:
    """Something else may have begun by then: a rule about set-up ends living calls, too, when their consent expires."""
    facts = whole(24.5)
    (verdict,) = judge_facts(facts)
    assert verdict.reason is not None
    assert (verdict.state, verdict.reason.code, next_step(facts)) == ("insufficient", "call_ended", VOICE)


def test_calls_that_are_cut_off_beside_their_twins_are_looked_at_in_whole_epochs(judged: dict[str, State]) -> None:
    proof = step(*FIRST, PATHS, CUT_OFF)
    assert isinstance(proof, EpochRequest)
    assert (proof.question, proof.calls, proof.texts) == (WatchedCalls(), CALLS, 0)
    assert 400 + 100 < proof.slots < FOLLOW_UP_SLOTS
    assert step(*FIRST, PATHS, CUT_OFF, *[CUT_OFF] * (FOLLOW_UPS - 1)) == proof
    assert step(*FIRST, PATHS, CUT_OFF, *[CUT_OFF] * FOLLOW_UPS) is None


@pytest.mark.parametrize("state", ["restricted", "closed"])
def test_what_is_found_needs_no_watching(judged: dict[str, State], state: State) -> None:
    judged["voice"] = state
    assert step(USUAL, USUAL) == TryPaths()
    assert step(USUAL, USUAL, PATHS) == FinishWatch(0)
    assert step(USUAL, USUAL, PATHS, WATCHED) is None


def test_a_line_too_poor_is_not_watched_either(judged: dict[str, State]) -> None:
    judged["voice"] = "impaired"
    assert step(USUAL, USUAL) == VOICE
    assert step(*MAX_POOR_EPOCHS * [USUAL], PATHS) == FinishWatch(0)
    assert step(*MAX_POOR_EPOCHS * [USUAL], PATHS, WATCHED) is None


def test_each_medium_has_its_turn_and_the_other_ways_are_tried_once(judged: dict[str, State]) -> None:
    judged["voice"], judged["video"] = "ok", "insufficient"
    voice, video = [*FIRST, PATHS, WATCHED], epoch("video", started_s=40.0)
    assert step(*voice) == VIDEO
    assert step(*voice, video) == ENDED
    judged["video"] = "ok"
    assert step(*voice, video, epoch("video", WatchedCalls())) is None


def test_no_epoch_begins_that_would_end_after_the_page_gave_up(judged: dict[str, State]) -> None:
    assert step(USUAL, duration_s=LAST_EPOCH_S + 1) == TryPaths()
    assert step(USUAL, PATHS, duration_s=LAST_EPOCH_S + 1) is None


def test_a_void_check_goes_on_no_longer() -> None:
    facts = Facts(plan=check_plan(), epochs=(USUAL, PATHS), health=Health(vpn=False, hidden=True))
    assert next_step(facts) is None


@pytest.mark.parametrize("vpn", [True, None])
def test_a_check_through_a_vpn_goes_on_like_any_other(vpn: bool | None) -> None:
    facts = Facts(plan=check_plan(), epochs=(USUAL,), health=Health(vpn=vpn))
    assert next_step(facts) == VOICE


def test_calls_that_no_longer_begin_when_other_ways_are_tried_are_asked_again(judged: dict[str, State]) -> None:
    judged["voice"] = "ok"
    failed = epoch(question=TransportPaths(("udp/443",)), call_until=0, started_s=25.0)
    assert step(*FIRST, failed, WATCHED) == VOICE
    assert step(*FIRST, failed, WATCHED, epoch(started_s=35.0)) is None


@pytest.mark.parametrize(
    ("one", "slot"),
    [
        (WATCHED, None),
        (CUT_OFF, 400),
        (epoch(question=WatchedCalls(), call_until=400, twin_until=700), None),  # a NAT, or the line
        (epoch(question=WatchedCalls(), call_until=WATCH_SLOTS - 20), None),  # the last packets may be late
        (epoch(question=WatchedCalls(), call_until=0), None),  # never established: usual epochs show that
    ],
)
def test_where_calls_are_cut_off(one: Epoch, slot: int | None) -> None:
    assert cut_off_slot(one) == slot


def test_cut_off_is_by_all_flows(judged: dict[str, State]) -> None:
    def slots(epochs: Sequence[Epoch]) -> int:
        request = step(*FIRST, PATHS, *epochs)
        assert isinstance(request, EpochRequest)
        return request.slots

    assert slots([CUT_OFF, epoch(question=WatchedCalls(), call_until=300)]) < slots([CUT_OFF])
