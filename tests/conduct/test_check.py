"""A whole check in virtual time: what it spends, how it is stopped, and what it makes of a far end that is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import inf
from random import Random
from typing import Any

import pytest

from talkpath.conduct.check import Check
from talkpath.conduct.question_choice import LOCAL_PORTS, ChosenQuestion
from talkpath.errors import PeerError
from talkpath.experiment.five_tuples import five_tuples
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.sim import SIM_PORTS, Sim
from talkpath.lab.network import Delivery
from talkpath.lab.rehearsal import rehearse_check
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Direction, Facts, Plan
from talkpath.probe.session import ProbeSession
from talkpath.responder.limits import Limits
from talkpath.responder.responder import Responder
from talkpath.serving.jobs import run_inline
from talkpath.verdict.judge import judge_arms, judge_facts
from talkpath.verdict.model import PlannedEpoch

SMALL = make_plan(choose_arms(["webrtc"]), k=4)


def check_of(plan: Plan, seed: int = 1, **options: object) -> Check:
    return Check(plan, Random(f"check {seed}").randbytes(32), **options)  # type: ignore[arg-type]


def sim_of(check: Check, rules: Sequence[str] = (), background: str = "clean", seed: int = 1) -> Sim:
    return Sim(check, Scenario.parse(background, rules, seed).network(), seed)


# -- how it thinks -----------------------------------------------------------------------------------------------


class Slow(Future[ChosenQuestion]):
    """A thought that is ready only when it was looked at so often."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def done(self) -> bool:
        self.looks -= 1
        return self.looks < 0


@pytest.mark.long
@pytest.mark.parametrize("looks", [1, 30, 400])
@pytest.mark.parametrize("rules", [[], ["media.drop,p=0.3"]], ids=str)
def test_a_question_that_takes_its_time_changes_no_verdict(looks: int, rules: list[str]) -> None:
    """400 looks are nearly a second: epochs end and answers come meanwhile."""

    def think(job: Callable[[], ChosenQuestion]) -> Future[ChosenQuestion]:
        thought = Slow(looks)
        thought.set_result(job())
        return thought

    found = [sim_of(check_of(SMALL, submit=how), rules).run() for how in (run_inline, think)]
    at_once_said, said = (judge_facts(facts)[0] for facts in found)
    assert (said.state, said.rule) == (at_once_said.state, at_once_said.rule)
    assert found[1].health.ended == "done"


def test_a_thought_that_fails_is_told() -> None:
    def think(job: Callable[[], ChosenQuestion]) -> Future[ChosenQuestion]:
        thought: Future[ChosenQuestion] = Future()
        thought.set_exception(ValueError("a bug"))
        return thought

    with pytest.raises(ValueError, match="a bug"):
        sim_of(check_of(SMALL, submit=think)).run()


# -- what it spends ----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_of_an_app_one_variant_is_proven_while_other_apps_wait_for_bytes() -> None:
    """All calls lose a little: both variants of Telegram would take the bytes of five apps."""
    plan = make_plan(choose_arms(), light=True, budget_bytes=5_000_000)
    facts = sim_of(check_of(plan), ["media.drop,direction=down,p=0.1"]).run()
    known_s: dict[str, float] = {}
    for verdict in judge_arms(facts):
        known_s[verdict.app] = min(verdict.known_at_s or inf, known_s.get(verdict.app, inf))
    all_known_s = max(known_s.values())
    asked = Counter(e.variant for e in facts.epochs if e.app == "telegram" and e.started_s < all_known_s - 1.0)
    assert all_known_s < facts.plan.budget_s
    assert sum(count > 1 for count in asked.values()) == 1


@pytest.mark.long
@pytest.mark.parametrize(("light", "most_bytes"), [(False, 10_000_000), (True, 4_000_000)])
@pytest.mark.parametrize(
    ("background", "rules"),
    [
        ("clean", []),
        ("clean", ["media.drop,p=0.3"]),
        ("clean", ["media.police,kbps=40"]),
        ("clean", ["udp.block"]),
        ("clean", ["stun.drop"]),
        ("ge,loss=0.05", []),
        ("congestion", []),
        ("nat_evict", []),  # every byte is used, and the receipt is of many epochs
    ],
    ids=str,
)
def test_a_check_stays_within_its_megabytes_a_minute_and_its_ports(
    background: str, rules: list[str], light: bool, most_bytes: int
) -> None:
    check = check_of(make_plan(choose_arms(), light=light))
    sim = sim_of(check, rules, background)
    facts = sim.run()
    assert facts.bytes_sent + facts.bytes_received <= most_bytes
    assert sim.now_s <= 60.0
    assert ports(check, facts) <= LOCAL_PORTS == 128


class Stalled:
    """A network through which everything takes four seconds more from the third second on."""

    def __init__(self) -> None:
        self._network = Scenario.parse("clean", (), 1).network()

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        late_s = 4.0 if now_s >= 3.0 else 0.0
        return [(at_s + late_s, copy) for at_s, copy in self._network.offer(now_s, direction, packet)]


@pytest.mark.parametrize("rules", [[], ["media.drop,p=0.3"]], ids=str)
@pytest.mark.parametrize("background", ["ge,loss=0.15", "bufferbloat", "reorder,twice=0.9", "police_all", "stalled"])
def test_bytes_and_seconds_are_a_hard_stop(monkeypatch: pytest.MonkeyPatch, background: str, rules: list[str]) -> None:
    """Set-up tried again, packets that come twice, answers that are slow: whatever a line does."""
    started_s: list[float] = []
    connected = Check.connected

    def noted(check: Check, now_s: float, family: int = 0) -> None:
        started_s.append(now_s)
        connected(check, now_s, family)

    monkeypatch.setattr(Check, "connected", noted)
    check = check_of(make_plan(choose_arms(["webrtc"]), budget_bytes=700_000, budget_s=6.0))
    sim = sim_of(check, rules, "clean" if background == "stalled" else background)
    if background == "stalled":
        sim.network = Stalled()  # type: ignore[assignment]
    facts = sim.run()
    assert facts.epochs
    assert facts.bytes_sent + facts.bytes_received <= 700_000
    assert sim.now_s - started_s[0] <= 6.0 + 1e-6


def ports(check: Check, facts: Facts) -> int:
    """UDP sockets, a connection for each call over TCP or TLS, and the control channel."""
    streams = sum(flow.transport != "udp" for epoch in facts.epochs for flow in epoch.flows) // 2
    tuples = {
        five_tuples(check.local_ports, SIM_PORTS)[flow.flow][0]
        for epoch in facts.epochs
        for flow in epoch.flows
        if epoch.question.kind != "transport"
    }
    paths = {flow.flow for epoch in facts.epochs for flow in epoch.flows if epoch.question.kind == "transport"}
    return len(tuples) + min(len(paths), 16) + streams + 1


@pytest.mark.parametrize(
    ("names", "transports"),
    [pytest.param([], False, marks=pytest.mark.long), (["webrtc"], False), (["webrtc"], True)],
    ids=str,
)
def test_what_is_announced_is_what_other_seeds_send(names: list[str], transports: bool) -> None:
    plan = make_plan(choose_arms(names), transports=transports)
    told = rehearse_check(plan)
    total = told["total"]["bytes_sent"] + told["total"]["bytes_received"]
    for seed in range(2, 5):
        facts = sim_of(check_of(plan, seed), seed=seed).run()
        assert facts.bytes_sent + facts.bytes_received == pytest.approx(total, rel=0.05)
    assert sum(row["flows"] for row in told["arms"]) == pytest.approx(told["total"]["flows"], abs=len(told["arms"]))
    assert told["local_ports"] == LOCAL_PORTS


def test_no_more_than_the_far_end_gives() -> None:
    check = check_of(SMALL)
    sim = sim_of(check)
    sim.responder.shared.limits = Limits(session_bytes=400_000)
    facts = sim.run()
    assert 200_000 < facts.bytes_sent + facts.bytes_received <= 400_000
    assert facts.health.ended == "budget"


def test_a_far_end_that_gives_next_to_nothing_is_no_far_end() -> None:
    sim = sim_of(check_of(SMALL))
    sim.responder.shared.limits = Limits(session_bytes=5_000)
    with pytest.raises(PeerError, match="too few bytes"):
        sim.run()


def test_a_budget_of_nothing_ends_the_check_in_order() -> None:
    assert sim_of(check_of(make_plan(choose_arms(["webrtc"]), budget_bytes=3_000))).run().epochs == ()


# -- arms that the far end imitates otherwise --------------------------------------------------------------------


def test_arms_that_are_not_alike_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(choose_arms(["webrtc", "signal"]), k=4)
    monkeypatch.setattr(
        "talkpath.responder.session.shape_digest",
        lambda arm: b"otherwise" if arm.app == "signal" else shape_digest(arm),
    )
    facts = sim_of(check_of(plan)).run()
    assert [arm.app for arm in facts.plan.arms] == ["webrtc"]
    assert {epoch.app for epoch in facts.epochs} == {"webrtc"}
    assert [verdict.app for verdict in judge_facts(facts)] == ["webrtc"]


def test_without_any_arm_alike_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.responder.session.shape_digest", lambda arm: b"otherwise")
    with pytest.raises(PeerError, match="imitates these apps otherwise"):
        sim_of(check_of(SMALL)).run()


# -- stopped, lost, asleep ---------------------------------------------------------------------------------------


def at(sim: Sim, at_s: float, action: Callable[[], None]) -> Facts:
    sim.later(at_s, action)
    return sim.run()


@pytest.mark.parametrize("at_s", [0.0, 0.3, 1.0, 2.2, 4.0])
def test_stopped_it_ends_soon_with_what_there_is(at_s: float) -> None:
    check = check_of(SMALL)
    sim = sim_of(check)
    facts = at(sim, at_s, lambda: check.interrupt(sim.now_s))
    assert facts.health.ended == "interrupted"
    assert sim.now_s <= at_s + 7.0
    assert judge_facts(facts)[0].state in ("insufficient", "ok")


def test_stopped_twice_it_ends_at_once() -> None:
    check = check_of(SMALL)
    sim = sim_of(check)
    sim.later(2.2, lambda: check.interrupt(sim.now_s))
    facts = at(sim, 2.3, lambda: check.interrupt(sim.now_s))
    assert facts.health.ended == "interrupted"
    assert sim.now_s < 2.4


@pytest.mark.parametrize("rule", ["", "media.drop,app=webrtc,direction=up,p=0.9"], ids=["open", "restricted"])
@pytest.mark.parametrize("why", ["responder_lost", "network_lost"])
def test_lost_in_the_middle_what_was_proven_stays_proven(why: str, rule: str) -> None:
    check = check_of(make_plan(choose_arms(["webrtc"]), k=8))
    sim = sim_of(check, [rule] if rule else [])
    facts = at(sim, 2.0, lambda: check.lost(sim.now_s, why))
    (verdict,) = judge_facts(facts)
    assert facts.health.ended == why
    assert facts.epochs[-1].missing == why
    if rule:
        assert verdict.state == "restricted"
    else:
        assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "responder_lost")


def test_lost_when_all_was_said_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    check = check_of(SMALL)
    sim = sim_of(check)
    finish = ProbeSession.finish

    def hasty(session: ProbeSession, now_s: float, *digests_and_why: Any) -> None:
        finish(session, now_s, *digests_and_why)
        sim.later(now_s, lambda: check.lost(sim.now_s))

    monkeypatch.setattr(ProbeSession, "finish", hasty)
    facts = sim.run()
    assert facts.health.ended in ("done", "budget")
    assert judge_facts(facts)[0].state == "ok"


class Dark:
    """A network through which nothing passes from `at_s` on."""

    def __init__(self, at_s: float) -> None:
        self._network, self._at_s = Scenario.parse("clean", (), 1).network(), at_s

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        return self._network.offer(now_s, direction, packet) if now_s < self._at_s else []


@pytest.mark.parametrize("at_s", [0.9, 2.4, 4.4])
def test_a_network_that_goes_dark_is_noticed_and_accuses_nobody(at_s: float) -> None:
    check = check_of(SMALL)
    sim = Sim(check, Dark(at_s), 1)  # type: ignore[arg-type]
    facts = sim.run()
    assert facts.health.ended in ("responder_lost", "network_lost")
    assert sim.now_s <= at_s + 14.0
    (verdict,) = judge_facts(facts)
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "responder_lost")


@pytest.mark.parametrize("end", [Check, Responder], ids=["probe", "far end"])
def test_an_end_that_slept_makes_the_run_late(monkeypatch: pytest.MonkeyPatch, end: type[Any]) -> None:
    """For three seconds it neither sends nor takes a datagram; then it does all at once."""
    check = check_of(SMALL)
    sim = sim_of(check)
    datagram, poll = end.datagram, end.poll
    kept: list[Callable[[], Any]] = []

    def late_datagram(engine: Any, now_s: float, *what: object) -> Any:
        if not 2.0 <= now_s < 5.0:
            return datagram(engine, now_s, *what)
        kept.append(lambda: datagram(engine, sim.now_s, *what))
        return []

    def late_poll(engine: Any, now_s: float) -> Any:
        if 2.0 <= now_s < 5.0:
            engine.wake_s = 5.0
            return []
        while kept:
            kept.pop(0)()
        return poll(engine, now_s)

    monkeypatch.setattr(end, "datagram", late_datagram)
    monkeypatch.setattr(end, "poll", late_poll)
    (verdict,) = judge_facts(sim.run())
    assert verdict.state == "insufficient"
    assert verdict.reason is not None
    assert verdict.reason.code == "late"
    assert verdict.reason.values["at"] == {Check: "probe", Responder: "responder"}[end]


def test_the_question_is_anybodys() -> None:
    """`choose` alone says what is asked; without a question the check ends."""
    asked: list[int] = []

    def never(facts: Facts, spent_bytes: int, pending: Sequence[PlannedEpoch]) -> PlannedEpoch | None:
        asked.append(spent_bytes)
        return None

    facts = sim_of(check_of(SMALL, planner=never)).run()
    assert facts.epochs == ()
    assert asked
