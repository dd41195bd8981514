"""Where a cut-off flow's end may lie at the latest: what the line lost, the box had let pass."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from factories.checks import boxed
from talkpath.verdict.flows.censored_tail import Tail, first_excluded, tail_by_count, tail_by_itself, tail_by_twins
from talkpath.verdict.flows.cut_off_point import cut_off_count
from talkpath.verdict.flows.outcomes import count_at_silence, flow_outcomes
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Number


def tail(first: int, chance: float, packets: int = 10) -> Tail:
    """Of packets that the line loses with that chance, from the `first` on."""
    return Tail(first + np.arange(packets, dtype=np.float64), np.full(packets, np.log(chance)))


@pytest.mark.parametrize(
    ("tails", "place"),
    [
        ([tail(41, 0.02)] * 8, 41),  # a clean line: the very next packet would have arrived
        ([tail(41, 0.5)], 45),  # 0.5^4 is no more than one in sixteen, 0.5^5 one in 32
        ([tail(41, 0.5)] * 4, 42),  # the same for four flows at once
        ([tail(36, 0.02)] * 2, 41),  # what ended sooner says nothing before the others' end
        ([Tail(np.array([41.0, 42.0]), np.zeros(2))], None),  # nothing speaks against any place
        ([], None),
    ],
    ids=["clean", "one flow", "four flows", "sooner", "silent on it", "nothing"],
)
def test_the_first_place_that_the_line_would_not_have_lost(tails: list[Tail], place: float | None):
    assert first_excluded(40.0, tails) == place


def test_a_count_reaches_as_far_as_the_line_may_have_lost_what_passed():
    spans = [(28, 29)] * 4
    assert cut_off_count(spans, [tail(30, 0.02)] * 4) == cut_off_count(spans)
    found = cut_off_count(spans, [tail(30, 0.8)] * 4)
    assert found.high is not None
    assert found.high >= 32  # 0.8^12 is 0.07


def poor() -> boxed.Box:
    """Four of five packets in bad tenths of a second that hit all flows alike, one of ten else."""

    def box(rng, flow, now_s, way, slot):  # type: ignore[no-untyped-def]
        bad = Random(f"{int(now_s * 10)} {way}").random() < 0.35
        return None if slot.stage == "media" and rng.random() < (0.8 if bad else 0.1) else 0.0

    return box


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_on_a_poor_line_the_interval_holds_the_count(seed: int):
    verdict = judge_facts(boxed.play_check(boxed.Line([boxed.freeze_after(60), poor()], seed=seed)))[0]
    if verdict.rule == "media.freeze" and "after_packets" in verdict.parameters:
        count = verdict.parameters["after_packets"]
        assert isinstance(count, Number)
        assert (count.low or 0.0) <= 60 <= (count.high or 1e9), count


def test_the_tail_begins_after_the_last_arrival():
    """Of flows cut off at 60 packets, by hand: as many places as packets after the end, the first one more than had
    been sent; a twin's loss tells each chance."""
    epoch = boxed.play_check(boxed.Line([boxed.freeze_after(30)], seed=3)).epochs[0]
    outcomes = [outcome for outcome in flow_outcomes(epoch) if outcome.role == "call"]
    outcome = next(outcome for outcome in outcomes if outcome.up.silent and outcome.down.silent)
    _, most = count_at_silence(outcome, ("up", "down"))
    found = tail_by_count(outcome, ("up", "down"), most, 0.0, tail_by_twins(epoch, outcome))
    assert len(found.at) == outcome.up.tail + outcome.down.tail
    assert found.at[0] == most + 1
    assert (found.log_chance <= 0.0).all()
    assert (np.concatenate(tail_by_itself(outcome, 1.0)) < -2.0).all()


def test_an_arrival_that_nobody_told_of_sending_is_no_loss():
    """Its far end's report came short: what arrived is more than what it says was sent."""
    epoch = boxed.play_check(boxed.Line([boxed.freeze_after(30)], seed=3)).epochs[0]
    outcome = next(outcome for outcome in flow_outcomes(epoch) if outcome.role == "call" and outcome.up.silent)
    odd = outcome._replace(up=outcome.up._replace(sent=outcome.up.tail + 2, arrived=5))
    assert tail_by_itself(odd, 1.0)[0] == pytest.approx(np.log(0.5 / 3.0))
