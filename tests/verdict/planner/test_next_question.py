"""What is asked next: the sequence, what stops it, what it may cost, and that it is a function of its arguments."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from msgspec.structs import replace

from factories.checks import boxed
from talkpath.measure.facts import Epoch, Facts, Health, Reach
from talkpath.verdict.across_arms import assess_arms
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.assessment import Assessment
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.asked import Asked
from talkpath.verdict.planner.costs import Costs
from talkpath.verdict.planner.long_call_questions import LongCallQuestions
from talkpath.verdict.planner.next_question import MORE_EPOCHS, QuestionPlanner, next_question
from talkpath.verdict.planner.questions import SingleQuestions
from talkpath.wire.control.question import ACCUSING, BASELINE, HelloContrast, Question, RateContrast, TcpTwins

APPS = ("webrtc", "whatsapp", "telegram")


def asked(facts: Facts) -> Counter[tuple[str, str]]:
    return Counter((epoch.app, epoch.question.kind) for epoch in facts.epochs)


def questions(boxes: Sequence[boxed.Box], **line: object) -> list[Question]:
    facts = boxed.play_check(boxed.Line(boxes, **line))  # type: ignore[arg-type]
    return [epoch.question for epoch in facts.epochs]


def empty(apps: Sequence[str] = ("webrtc",), **line: object) -> Facts:
    return Facts(boxed.Line(apps=apps, **line).plan())  # type: ignore[arg-type]


def of(epoch: Epoch) -> PlannedEpoch:
    """The question that an epoch answered."""
    media = epoch.up.stage.count("media")
    return PlannedEpoch(epoch.arm, epoch.question, epoch.k, media)


# ---------------------------------------------------------------- the sequence


def test_the_first_question_is_the_plain_one_of_the_first_arm():
    ask = next_question(empty(APPS, k=6, packets=30), 0)
    assert ask is not None
    assert (ask.arm.app, ask.question, ask.k, ask.packets) == ("webrtc", BASELINE, 6, 30)


def test_arms_come_one_after_the_other_each_with_what_could_decide_it():
    facts = boxed.play_check(boxed.Line(apps=APPS, k=6, packets=30))
    first = [epoch.app for epoch in facts.epochs if epoch.question.kind == "baseline"]
    assert first == sorted(first, key=APPS.index)
    assert {verdict.app: verdict.state for verdict in judge_facts(facts)} == dict.fromkeys(APPS, "ok")


def test_an_arm_that_is_restricted_and_named_costs_nothing_more():
    facts = boxed.play_check(boxed.Line([boxed.stage_drop(["stun"], "up")], apps=APPS, k=6, packets=30))
    assert asked(facts)["webrtc", "baseline"] <= MORE_EPOCHS
    assert asked(facts)["webrtc", "watch"] == 0


def test_what_looks_well_is_looked_at_for_longer():
    """A policer's bucket is full at first: only calls that live longer show it."""
    facts = boxed.play_check(boxed.Line())
    longest = max(facts.epochs, key=lambda epoch: epoch.ended_s - epoch.started_s)
    assert longest.question.kind == "watch"
    assert longest.ended_s - longest.started_s > 2.0
    assert asked(facts)["webrtc", "watch"] == 1
    assert next_question(facts, 0) is None


LASTING = boxed.Line(apps=("webrtc", "telegram"), long_s=22.0, ok_s=20.0, budget_bytes=40_000_000, budget_s=900.0)


def calls_of(facts: Facts, kind: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for epoch in facts.epochs:
        found[epoch.app] += epoch.k if epoch.question.kind == kind else 0
    return found


def test_long_and_quiet_calls_of_each_arm_are_seven_and_the_long_ones_begin_first():
    facts = boxed.play_check(LASTING)
    kinds = [epoch.question.kind for epoch in facts.epochs]
    last_long = max(place for place, kind in enumerate(kinds) if kind == "long")
    assert last_long < kinds.index("quiet")
    long, quiet = calls_of(facts, "long"), calls_of(facts, "quiet")
    assert {app: long[app] + quiet[app] for app in long} == {"webrtc": 7, "telegram": 7}
    assert {verdict.state for verdict in judge_facts(facts)} == {"ok"}


@pytest.mark.parametrize(("ended", "more", "state"), [(1, 6, "ok"), (2, 0, "insufficient")])
def test_where_one_quiet_call_ended_six_more_are_asked_and_where_two_did_none(ended: int, more: int, state: str):
    quiet: set[int] = set()

    def dies(flow: boxed.Flow) -> bool:
        """The first quiet calls of the check: epochs of calls alone."""
        return flow.number in quiet

    plain = boxed.play_check(LASTING)
    first = next(epoch for epoch in plain.epochs if epoch.question.kind == "quiet")
    quiet.update(20 * first.number + place for place in range(ended))
    facts = boxed.play_check(dataclasses.replace(LASTING, boxes=[boxed.freeze_after(seconds=8.0, whom=dies)]))
    assert calls_of(facts, "quiet")[first.app] == calls_of(plain, "quiet")[first.app] + more
    verdicts = {verdict.app: verdict for verdict in judge_facts(facts)}
    assert verdicts[first.app].state == state


def test_calls_begin_anew_after_a_long_one_unless_some_began_lately():
    """A rule against set-up may have begun meanwhile; calls that run do not show it."""
    facts = boxed.play_check(boxed.Line(apps=("webrtc", "telegram"), long_s=20.0, budget_bytes=20_000_000))
    kinds = [epoch.question.kind for epoch in facts.epochs]
    assert kinds == ["baseline"] * 2 + ["long"] * 2 + ["baseline"] + ["watch"] * 2
    again, *looks = facts.epochs[4:]  # `again`: three long calls had not shown the canary; had they, it were not asked
    early = (replace(again, started_s=0.3, ended_s=1.0), *facts.epochs[:4])
    for apps, later in ((["webrtc", "telegram"], []), (["telegram"], looks[:1]), ([], looks)):
        until = replace(facts, epochs=(*early, *later))
        known = Asked(until, (), assess_arms(until))
        costs = Costs(known, 0)
        single = SingleQuestions(known, costs)
        planner = QuestionPlanner(known, costs, single, LongCallQuestions(known, costs, single))
        assert [(planned.arm.app, planned.question) for planned in planner.closing()] == [
            (app, BASELINE) for app in apps
        ]


def test_no_arm_goes_without_because_another_is_being_named():
    facts = boxed.play_check(boxed.Line([boxed.freeze_after(25)], apps=APPS))
    order = [epoch.question.kind for epoch in facts.epochs]
    assert order[:6] == ["baseline"] * 6
    assert "rate" in order[6:]


def test_only_the_variant_that_speaks_for_its_app_is_named_by_contrasts():
    line = boxed.Line([boxed.freeze_after(25)], apps=("webrtc", "telegram"))
    facts = boxed.play_check(line)
    one = replace(facts.plan, arms=tuple(replace(arm, app="one") for arm in facts.plan.arms))
    epochs = tuple(replace(epoch, app="one") for epoch in facts.epochs if epoch.question.kind == "baseline")
    variants = {"webrtc": 0, "telegram": 0}
    pending: list[PlannedEpoch] = []
    while (ask := next_question(replace(facts, plan=one, epochs=epochs), 0, pending)) is not None:
        pending.append(ask)
        variants[ask.arm.variant] += ask.question.kind == "rate"
    assert sorted(variants.values()) == [0, 1]


def test_a_size_limit_that_another_arm_shows_changes_no_contrast(monkeypatch: pytest.MonkeyPatch):
    """So it is not looked up for what has no rival."""
    facts = boxed.play_check(boxed.Line([boxed.size_drop(100)], apps=("webrtc", "telegram"), k=6))
    facts = replace(facts, epochs=tuple(epoch for epoch in facts.epochs if epoch.question.kind == "baseline"))
    assessment = assess_arms(facts)[1]
    asked = Asked(facts, (), [assessment])
    single = SingleQuestions(asked, Costs(asked, 0))
    assert assessment.explanation != assessment.own_explanation
    wanted = [*single.contrasts(assessment)]
    assert [planned.question.kind for planned in wanted] == ["watch"]
    monkeypatch.setattr(Assessment, "own_explanation", Assessment.explanation)
    assert [*single.contrasts(assessment)] == wanted


CONTRASTS: list[tuple[str, boxed.Box, set[Question]]] = [
    ("which hello", boxed.stage_drop(["dtls"], "up"), {HelloContrast("openssl"), HelloContrast("pion")}),
    ("packets or seconds", boxed.freeze_after(25), {RateContrast(0.5)}),
    ("seconds or packets", boxed.freeze_after(seconds=0.4), {RateContrast(0.5)}),
    ("clear as it is", boxed.stage_drop(["stun"], "up"), set()),
    ("nor here", boxed.added_delay(200), set()),
]


@pytest.mark.parametrize(("what", "box", "wanted"), CONTRASTS, ids=[row[0] for row in CONTRASTS])
def test_contrasts_are_those_that_tell_more(what: str, box: boxed.Box, wanted: set[Question]):
    got = {question for question in questions([box]) if not isinstance(question, ACCUSING)}
    assert got == wanted


def test_a_contrast_against_a_policer_is_patient():
    """At half the pace its bucket lasts longer than the calls that accused."""
    facts = boxed.play_check(boxed.Line([boxed.token_bucket(128, "up")], apps=("video",), budget_bytes=20_000_000))
    slow = [epoch for epoch in facts.epochs if epoch.question.kind == "rate"]
    assert all(epoch.up.stage.count("media") > 2 * boxed.Line().packets for epoch in slow)


def test_tcp_is_asked_where_udp_is_dead_and_not_where_it_is_lossy():
    assert TcpTwins() in questions([boxed.block_ports()])
    for box in (boxed.independent_loss(0.2), boxed.bursty_loss(0.15), boxed.nat_evictions()):
        assert TcpTwins() not in questions([box])


def test_a_tcp_epoch_is_asked_once_for_all_arms():
    facts = boxed.play_check(boxed.Line([boxed.block_ports()], apps=APPS, k=6, packets=30))
    assert sum(epoch.question.kind == "tcp" for epoch in facts.epochs) <= 2
    assert all(asked(facts)[app, "baseline"] <= 2 for app in APPS)


# ---------------------------------------------------------------- pending


def test_what_is_on_its_way_is_not_asked_again():
    """Questions are put before the answers to the last are in: an arm gets one more epoch for that, no more."""
    pending: list[PlannedEpoch] = []
    while (ask := next_question(empty(APPS, k=6, packets=30), 0, pending)) is not None:
        pending.append(ask)
        assert len(pending) < 20
    assert Counter(ask.arm.app for ask in pending if ask.question.kind == "baseline") == dict.fromkeys(APPS, 3)


def test_with_nothing_new_to_ask_it_waits_for_what_is_pending():
    facts = boxed.play_check(boxed.Line([boxed.freeze_after(25)]))
    before = replace(facts, epochs=facts.epochs[:-1])
    ask = next_question(before, 0)
    assert ask == of(facts.epochs[-1]) or (ask is not None and type(ask.question) is type(facts.epochs[-1].question))
    assert next_question(before, 0, [ask]) is None


# ---------------------------------------------------------------- budgets


def test_nothing_is_asked_that_the_budget_cannot_pay():
    facts = empty(APPS)
    assert next_question(facts, facts.plan.budget_bytes) is None
    assert next_question(facts, facts.plan.budget_bytes - 50_000) is None
    assert next_question(empty(APPS, budget_s=0.3), 0) is None


def test_a_whole_check_stays_within_its_budget():
    for budget in (500_000, 1_500_000, 4_000_000):
        line = boxed.Line([boxed.bursty_loss(0.05)], apps=APPS, k=6, packets=30, budget_bytes=budget)
        facts = boxed.play_check(line)
        rng_cost = sum(
            (size + 28) * 15 for epoch in facts.epochs for track in (epoch.up, epoch.down) for size in track.size
        )
        assert rng_cost < 1.35 * budget  # every slot, tries that were not needed too
        assert facts.epochs[-1].ended_s <= line.budget_s


def test_a_fifth_is_kept_for_contrasts():
    """The first epochs of all arms may take four fifths; what names a mechanism may take the rest."""
    line = boxed.Line([boxed.freeze_after(25)], apps=APPS)
    facts = boxed.play_check(line)
    accused = replace(facts, epochs=tuple(epoch for epoch in facts.epochs if epoch.app == "webrtc")[:2])
    spent = round(0.8 * line.budget_bytes)
    ask = next_question(accused, spent)
    assert ask is not None
    assert (ask.arm.app, ask.question.kind) == ("webrtc", "rate")


@pytest.mark.long
def test_a_check_that_is_poor_in_bytes_watches_for_less_long():
    rich = boxed.play_check(boxed.Line(watch_s=20.0, budget_bytes=30_000_000, budget_s=300.0))
    poor = boxed.play_check(boxed.Line(watch_s=20.0, budget_bytes=2_000_000, budget_s=300.0))
    watched = [max(epoch.ended_s - epoch.started_s for epoch in facts.epochs) for facts in (rich, poor)]
    assert watched[0] > 19.0
    assert 2.0 < watched[1] < 12.0


def test_where_bytes_are_short_one_arm_that_looks_well_is_told_of_early():
    """People wait for the first sentence: as soon as every arm was heard in brief one is looked at for longer, and not
    one in which something is amiss; where one is all but accused, proving that comes before."""
    epochs = boxed.play_check(poor_line()).epochs
    arms = len(poor_line().plan().arms)
    assert [epoch.question.kind for epoch in epochs[: arms + 1]] == ["baseline"] * arms + ["watch"]
    amiss = boxed.play_check(poor_line([boxed.stage_drop(["stun"], "up")])).epochs
    assert [(e.app, e.question.kind) for e in amiss[arms : arms + 1]] == [("webrtc", "baseline")]
    assert next(epoch.app for epoch in amiss if epoch.question.kind == "watch") != "webrtc"


def poor_line(boxes: Sequence[boxed.Box] = ()) -> boxed.Line:
    """Bytes for the first epochs of eight arms, and little more."""
    return boxed.Line(boxes, apps=APPS, budget_bytes=1_200_000)


# ---------------------------------------------------------------- when to say nothing


@pytest.mark.parametrize(
    "change",
    [
        {"reach": Reach("timeout")},
        {"health": Health(ended="responder_lost")},
        {"health": Health(ended="interrupted")},
        {"health": Health(vpn=True)},
        {"health": Health(network_changed=True)},
        {"health": Health(clock_jump_s=30.0)},
        {"health": Health(late_ms_p99=80.0)},
    ],
    ids=lambda change: str(next(iter(change.values()))),
)
def test_nothing_is_asked_of_a_run_that_is_void_or_over(change: dict[str, object]):
    assert next_question(replace(empty(), **change), 0) is None


def test_the_same_facts_ask_the_same():
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.3)], apps=APPS))
    for count in range(len(facts.epochs)):
        part = replace(facts, epochs=facts.epochs[:count])
        stored = msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=Facts)
        assert next_question(part, 1000) == next_question(stored, 1000)


@pytest.mark.long
def test_every_line_comes_to_an_end():
    """Whatever the network does, the questions run out within the budget."""
    for box in (
        boxed.nat_evictions(0.4),
        boxed.independent_loss(0.95),
        boxed.block_ports("down"),
        boxed.media_drop(0.02),
        boxed.freeze_after(12),
    ):
        boxed.play_check(boxed.Line([box], seed=11), most=40)


def test_a_weak_effect_is_proven_by_many_short_epochs():
    """Calls that lose one packet in fifty say no more in long epochs, and short ones can end as soon as it is known."""
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.03, "up")], seed=2))
    found = assess_arm(facts, facts.plan.arms[0])
    assert found.state == "restricted"
    assert found.strength is not None
    until_known = [e.question.kind for e in facts.epochs if e.known_s <= (found.strength.known_at_s or 0.0)]
    assert len(until_known) > 2
    assert set(until_known) == {"baseline"}
