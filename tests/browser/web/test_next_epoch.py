"""What a check in a browser measures next: epochs of the usual length, then calls that are watched, then proof."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

import talkpath.browser.web.next_epoch as choice
from talkpath.apps.contract.shape import Direction
from talkpath.browser.far_end.counts_to_facts.epoch_facts import SETUP, epoch_track
from talkpath.browser.far_end.schedule import CALLS, FOLLOW_UPS, MAX_EPOCHS, WATCH_SLOTS, EpochRequest, check_plan
from talkpath.browser.web.next_epoch import LAST_EPOCH_S, cut_off_slot, next_epoch
from talkpath.browser.webrtc.call_media import MEDIA
from talkpath.measure.bitmap import pack
from talkpath.measure.facts import Epoch, Facts, Health, Observation
from talkpath.verdict.model import Reason, State, Verdict


def flow(number: int, kind: str, direction: Direction, slots: int, until: int) -> Observation:
    """One whose packets arrive up to slot `until`."""
    size = SETUP + slots
    return Observation(
        id=2 * number + (direction == "down"),
        flow=number,
        role="call" if kind == "call" else "twin",
        direction=direction,
        sent=pack(range(size), size),
        arrived=pack(range(SETUP + until), size),
        twin_kind=None if kind == "call" else "random",
    )


def epoch(medium: str = "voice", question: str = "battery", call_until: int = -1, twin_until: int = -1) -> Epoch:
    """A call and its twin. Of the whole length, unless it is said where they end."""
    slots = WATCH_SLOTS if question == "watch" else MEDIA[medium].slots
    track = epoch_track(replace(MEDIA[medium], slots=slots))
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
        medium=medium,  # type: ignore[arg-type]
        k=1,
        started_s=0.0,
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

    monkeypatch.setattr(choice, "judge", judge)
    return states


def asked(*epochs: Epoch, duration_s: float = 30.0) -> EpochRequest | None:
    return next_epoch(Facts(plan=check_plan(), epochs=epochs, duration_s=duration_s))


USUAL, WATCHED, CUT_OFF = epoch(), epoch(question="watch"), epoch(question="watch", call_until=400)


@pytest.mark.parametrize("state", ["insufficient", "ok"])
def test_a_call_is_watched_before_anything_is_well(judged: dict[str, State], state: State) -> None:
    judged["voice"] = state
    assert asked(USUAL) == EpochRequest(medium="voice")
    watch = asked(USUAL, USUAL)
    assert watch is not None
    assert (watch.question, watch.slots) == ("watch", WATCH_SLOTS)
    assert watch.slots * 0.02 >= 20.0
    assert watch.calls < CALLS


def test_what_is_well_and_was_watched_is_done(judged: dict[str, State]) -> None:
    judged["voice"] = "ok"
    assert asked(USUAL, USUAL, WATCHED) is None


def test_what_is_open_still_gets_a_usual_epoch(judged: dict[str, State]) -> None:
    assert asked(USUAL, USUAL, WATCHED) == EpochRequest(medium="voice")
    assert asked(*[USUAL] * MAX_EPOCHS, WATCHED) is None


def test_calls_that_are_cut_off_beside_their_twins_are_looked_at_in_whole_epochs(judged: dict[str, State]) -> None:
    proof = asked(USUAL, USUAL, CUT_OFF)
    assert proof is not None
    assert (proof.question, proof.calls, proof.texts) == ("watch", CALLS, 0)
    assert 400 + 100 < proof.slots < WATCH_SLOTS
    assert asked(USUAL, USUAL, CUT_OFF, *[CUT_OFF] * (FOLLOW_UPS - 1)) == proof
    assert asked(USUAL, USUAL, CUT_OFF, *[CUT_OFF] * FOLLOW_UPS) == EpochRequest(medium="voice")


@pytest.mark.parametrize("state", ["restricted", "closed"])
def test_what_is_found_needs_no_watching(judged: dict[str, State], state: State) -> None:
    judged["voice"] = state
    assert asked(USUAL, USUAL) is None


def test_a_line_too_poor_is_not_watched_either(judged: dict[str, State]) -> None:
    judged["voice"] = "impaired"
    assert asked(USUAL, USUAL) == EpochRequest(medium="voice")
    assert asked(*[USUAL] * MAX_EPOCHS) is None


def test_each_medium_has_its_turn(judged: dict[str, State]) -> None:
    judged["voice"], judged["video"] = "ok", "insufficient"
    video = epoch("video")
    assert asked(USUAL, USUAL, WATCHED) == EpochRequest(medium="video")
    watch = asked(USUAL, USUAL, WATCHED, video)
    assert watch is not None
    assert (watch.medium, watch.question) == ("video", "watch")


def test_no_epoch_begins_that_would_end_after_the_page_gave_up(judged: dict[str, State]) -> None:
    assert asked(USUAL, duration_s=LAST_EPOCH_S + 1) is None


def test_a_void_check_goes_on_no_longer() -> None:
    facts = Facts(plan=check_plan(), epochs=(USUAL,), health=Health(vpn=False, hidden=True))
    assert next_epoch(facts) is None


@pytest.mark.parametrize("vpn", [True, None])
def test_a_check_through_a_vpn_goes_on_like_any_other(vpn: bool | None) -> None:
    facts = Facts(plan=check_plan(), epochs=(USUAL,), health=Health(vpn=vpn))
    assert next_epoch(facts) == EpochRequest(medium="voice")


@pytest.mark.parametrize(
    ("one", "slot"),
    [
        (WATCHED, None),
        (CUT_OFF, 400),
        (epoch(question="watch", call_until=400, twin_until=700), None),  # a NAT, or the line
        (epoch(question="watch", call_until=WATCH_SLOTS - 20), None),  # the last packets may be late
        (epoch(question="watch", call_until=0), None),  # never established: usual epochs show that
    ],
)
def test_where_calls_are_cut_off(one: Epoch, slot: int | None) -> None:
    assert cut_off_slot(one) == slot


def test_cut_off_is_by_all_flows(judged: dict[str, State]) -> None:
    def slots(epochs: Sequence[Epoch]) -> int:
        request = asked(USUAL, USUAL, *epochs)
        assert request is not None
        return request.slots

    assert slots([CUT_OFF, epoch(question="watch", call_until=300)]) < slots([CUT_OFF])
