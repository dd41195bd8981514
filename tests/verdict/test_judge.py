"""The table of spec/tp-002.md#states: every state and reason, what takes precedence, and what may never be said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import log, log10
from random import Random

import msgspec
import pytest
from msgspec.structs import replace
from numpy.random import default_rng

from factories.checks import boxed, role_assignments
from factories.checks.call_slots import Flow, Outcome, Slot
from factories.checks.other_hosts import LISTED, SILENT, hosts
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ALPHA, OK_WATCHED_S, Epoch, Exchange, Facts, Health, Observation, Reach
from talkpath.verdict.assessment import log_threshold
from talkpath.verdict.judge import RULES_VERSION, judge_arms, judge_facts
from talkpath.verdict.model import PlannedEpoch, Reason, Verdict
from talkpath.wire.control.question import LongCalls, WatchedCalls

STUN = boxed.stage_drop(["stun"], "up")
GE = boxed.bursty_loss


@cache
def made(kind: str, seed: int = 1, apps: tuple[str, ...] = ("webrtc",)) -> Facts:
    boxes: dict[str, Sequence[boxed.Box]] = {
        "clean": (),
        "stun": (STUN,),
        "drop": (boxed.media_drop(0.3, "up"),),
        "delay": (boxed.added_delay(120, 0, "down"),),
        "poor": (boxed.independent_loss(0.25),),
        "dead": (boxed.block_ports(),),
    }
    return boxed.play_check(boxed.Line(boxes[kind], seed=seed, apps=apps))


def only(facts: Facts) -> Verdict:
    (verdict,) = judge_facts(facts)
    return verdict


def healthy(facts: Facts, **health: object) -> Facts:
    return replace(facts, health=Health(**health))  # type: ignore[arg-type]


def mapped(facts: Facts, change: object) -> Facts:
    """The facts with every observation changed."""
    epochs = tuple(replace(e, flows=tuple(map(change, e.flows))) for e in facts.epochs)  # type: ignore[arg-type]
    return replace(facts, epochs=epochs)


# ---------------------------------------------------------------- states


def test_ok_says_what_it_rests_on():
    verdict = only(made("clean"))
    assert (verdict.state, verdict.rule, verdict.reason, verdict.known_at_s) == ("ok", None, None, None)
    assert verdict.decided_at_s == max(epoch.known_s for epoch in made("clean").epochs)
    assert verdict.basis == "shape"
    assert verdict.watched_s > 2.0
    figures = verdict.figures
    assert max(figures["extra_loss_up_high"] or 1, figures["extra_loss_down_high"] or 1) < 0.05
    assert (figures["canary_log10_e"] or 0) >= log10(20)
    assert (figures["mos"] or 0) > 4.3


def test_restricted_says_how_sure_and_since_when():
    verdict, facts = only(made("drop")), made("drop")
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.drop", "up")
    assert (verdict.log10_e or 0) >= log_threshold(facts) / 2.302585 - 1e-9
    assert verdict.known_at_s is not None
    assert verdict.decided_at_s is not None
    assert facts.epochs[0].known_s <= verdict.known_at_s <= verdict.decided_at_s <= facts.epochs[-1].known_s
    assert verdict.figures["calls_lost_up"] == pytest.approx(0.3, abs=0.08)
    assert verdict.figures["twins_lost_up"] == 0.0


def test_counts_and_observations_are_those_of_the_arm():
    facts = made("drop")
    verdict = only(facts)
    asked = [epoch for epoch in facts.epochs if epoch.question.kind != "tcp"]
    assert verdict.observations == tuple(flow.id for epoch in asked for flow in epoch.flows)
    assert verdict.flow_count == len(verdict.observations) // 2
    assert verdict.call_packets > 0
    assert verdict.twin_packets > verdict.call_packets


def test_impaired_is_poor_for_calls_and_twins_alike():
    verdict = only(made("poor"))
    assert (verdict.state, verdict.rule) == ("impaired", None)
    assert (verdict.figures["mos"] or 5) < 3.1


def test_closed_needs_tcp_that_passes():
    facts = made("dead")
    assert only(facts).rule == "udp.block"
    mute = replace(facts, epochs=tuple(epoch for epoch in facts.epochs if epoch.question.kind != "tcp"))
    assert only(mute).reason == Reason("budget", {"ended": "done"})


HOME = hosts("+", kind="domestic")
REACHES: list[tuple[str, Reach, tuple[Exchange, ...], tuple[str, str | None, str | None]]] = [
    ("one connection only", replace(LISTED, tcp_tries=1), hosts("++++"), ("unreachable", None, "server_alone")),
    ("nothing asked", LISTED, (), ("unreachable", None, None)),
    ("others answered, and a list had named it", LISTED, hosts("++++"), ("unreachable", "address.block", None)),
    ("others answered, and no list had", SILENT, hosts("++++"), ("unreachable", None, "server_alone")),
    ("nobody answered", LISTED, hosts("----"), ("insufficient", None, "offline")),
    ("only a domestic host", SILENT, hosts("----") + HOME, ("unreachable", "allowlist", None)),
    ("others fail as often", replace(LISTED, tcp_tries=6),
     hosts("++") + hosts("-") * 3, ("unreachable", None, "server_alone")),
    ("a page to log in at", SILENT, hosts("ppp-"), ("insufficient", None, "portal")),
    ("refused by the host itself", Reach("refused"), hosts("++++"), ("unreachable", None, "server_off")),
    ("no route to anywhere", Reach("offline"), (), ("insufficient", None, "offline")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reach", "exchanges", "expected"), REACHES, ids=[row[0] for row in REACHES])
def test_what_is_said_of_a_silent_server_rests_on_others(
    name: str, reach: Reach, exchanges: tuple[Exchange, ...], expected: tuple[str, str | None, str | None]
):
    plan = made("clean").plan
    facts = Facts(plan, reach=reach, exchanges=exchanges, health=Health(ended="responder_lost"))
    (verdict,) = judge_facts(facts)
    assert (verdict.state, verdict.rule, verdict.reason and verdict.reason.code) == expected
    assert verdict.log10_e is None


# ---------------------------------------------------------------- reasons


VOIDS: list[tuple[str, dict[str, object]]] = [
    ("network_changed", {"network_changed": True}),
    ("vpn", {"vpn": True}),
    ("clock", {"clock_jump_s": -90.0}),
    ("late", {"late_ms_p99": 51.0}),
    ("late", {"lab_late_ms_p99": 51.0}),
    ("late", {"router_drops": 1}),
]


@pytest.mark.parametrize(("code", "health"), VOIDS, ids=[f"{code} {list(health)}" for code, health in VOIDS])
@pytest.mark.parametrize("kind", ["clean", "stun", "dead"])
def test_what_voids_the_run_voids_every_state(code: str, health: dict[str, object], kind: str):
    verdict = only(healthy(made(kind), **health))
    assert verdict.state == "insufficient"
    assert verdict.reason is not None
    assert verdict.reason.code == code
    assert verdict.rule is None


@pytest.mark.parametrize("health", [{"vpn": False}, {"late_ms_p99": 4.0}, {"clock_jump_s": 0.2}, {"vpn": None}])
def test_what_is_harmless_voids_nothing(health: dict[str, object]):
    assert only(healthy(made("stun"), **health)).state == "restricted"
    assert only(healthy(made("clean"), **health)).state == "ok"


def test_lateness_voids_delay_first():
    """Above 5 ms a test of delay means nothing; loss and set-up still do."""
    assert only(made("delay")).rule == "media.delay"
    late = only(healthy(made("delay"), late_ms_p99=6.0))
    assert (late.state, late.reason) == ("insufficient", Reason("late", {"late_ms_p99": 6.0}))
    assert only(healthy(made("stun"), late_ms_p99=6.0)).state == "restricted"


def test_what_was_proven_before_the_responder_died_stays():
    assert only(healthy(made("stun"), ended="responder_lost")).state == "restricted"
    assert only(healthy(made("clean"), ended="responder_lost")).state == "ok"
    early = replace(healthy(made("clean"), ended="network_lost"), epochs=made("clean").epochs[:1])
    assert only(early).reason == Reason("responder_lost", {"ended": "network_lost"})


def test_an_epoch_that_the_far_end_never_reported_proves_nothing():
    facts = made("stun")
    unheard = replace(facts, epochs=tuple(replace(epoch, missing="lost") for epoch in facts.epochs))
    verdict = only(healthy(unheard, ended="responder_lost"))
    assert verdict.reason is not None
    assert (verdict.state, verdict.reason.code) == ("insufficient", "responder_lost")


def test_twins_of_another_medium_are_no_reason():
    facts = replace(made("clean"), epochs=made("clean").epochs[:1])
    (epoch,) = facts.epochs
    arms = (*facts.plan.arms, replace(facts.plan.arms[0], medium="video"))
    video = replace(epoch, number=99, medium="video", missing="throttled")
    both = replace(facts, plan=replace(facts.plan, arms=arms), epochs=(epoch, video))
    assert [verdict.reason and verdict.reason.code for verdict in judge_facts(both)] == ["canary", "no_control"]
    voiceless = replace(both, epochs=(replace(epoch, missing="no_control"),))
    assert [verdict.reason and verdict.reason.code for verdict in judge_facts(voiceless)] == ["no_control", "budget"]


def test_too_little_is_insufficient_for_every_state():
    for kind in ("clean", "stun", "poor", "dead"):
        facts = replace(made(kind), epochs=made(kind).epochs[:1])
        verdict = only(facts)
        assert verdict.state in ("insufficient", "impaired")
        assert verdict.rule is None
    assert only(replace(made("clean"), epochs=())).reason == Reason("budget", {"epochs": 0})


def test_a_check_that_missed_its_canary_is_not_ok():
    def found(flow: Observation) -> Observation:
        return replace(flow, withheld=b"", sent=bytes(a | b for a, b in zip(flow.sent, flow.withheld, strict=True)),
                       arrived=bytes(a | b for a, b in zip(flow.arrived, flow.withheld, strict=True)),
                       ) if flow.withheld else flow  # fmt: skip

    verdict = only(mapped(made("clean"), found))
    assert (verdict.state, verdict.reason) == ("insufficient", Reason("canary"))


# ---------------------------------------------------------------- what may never be said


def swapped(facts: Facts) -> Facts:
    """Calls and random twins exchange their labels."""

    def swap(flow: Observation) -> Observation:
        if flow.twin_kind == "text" or flow.transport != "udp":
            return flow
        call = flow.role == "call"
        return replace(flow, role="twin" if call else "call", twin_kind="random" if call else None)

    return mapped(facts, swap)


@pytest.mark.parametrize(
    "box",
    [
        STUN,
        boxed.stage_drop(["dtls"], "up"),
        boxed.media_drop(0.5),
        boxed.freeze_after(25),
        boxed.size_drop(90),
        boxed.added_delay(150),
    ],
    ids=["stun", "dtls", "drop", "freeze", "size", "delay"],
)
def test_labels_swapped_on_a_restricted_run_accuse_nobody(box: boxed.Box):
    facts = boxed.play_check(boxed.Line([box], seed=8))
    assert only(facts).state == "restricted"
    verdict = only(swapped(facts))
    assert (verdict.state, verdict.reason) == ("insufficient", Reason("twin_worse"))


def test_random_labels_accuse_nobody():
    """Roles drawn again within the epochs of a restricted run: it takes the true ones to accuse."""
    rng, facts = default_rng(5), made("drop")
    for _ in range(40):
        shuffled = replace(facts, epochs=tuple(role_assignments.shuffled_roles(epoch, rng) for epoch in facts.epochs))
        assert only(shuffled).state != "restricted"


NULLS: dict[str, Sequence[boxed.Box]] = {
    "bursts 5 %": (GE(0.05),),
    "bursts 15 %": (GE(0.15, 0.04),),
    "transit": (boxed.block_ports("down", p=0.2),),
    "forgetful NAT": (boxed.nat_evictions(),),
    "more forgetful NAT": (boxed.nat_evictions(0.2, 3.0),),
    "bad buckets": (boxed.lossy_buckets(),),
    "policed flows": (boxed.token_bucket(24, whom=boxed.is_udp),),
    "hopeless": (boxed.independent_loss(0.7),),
}


@pytest.mark.long
@pytest.mark.parametrize("line", NULLS)
def test_a_bad_line_is_neither_restricted_nor_closed(line: str):
    """Heavy loss, NAT, buckets, policers: whatever a line does to calls and twins alike."""
    for seed in range(4):
        verdict = only(boxed.play_check(boxed.Line(NULLS[line], seed=40 + seed)))
        assert verdict.state in ("ok", "impaired", "insufficient"), (seed, verdict)
        assert verdict.rule is None


@pytest.mark.long
def test_a_tunnel_that_ends_all_flows_late_is_not_closed_by_count():
    """Flows of one pace that end after 15 s: nobody knows whether packets or seconds did it."""
    line = boxed.Line(
        [boxed.freeze_after(seconds=8, whom=boxed.is_udp)], watch_s=12.0, budget_bytes=30_000_000, budget_s=200
    )
    verdict = only(boxed.play_check(line))
    assert verdict.state in ("insufficient", "impaired", "ok")


@pytest.mark.long
def test_an_effect_too_small_to_matter_is_not_restricted():
    """0.5 % of extra loss, and evidence enough to be sure of it."""
    facts = watched(boxed.Line([boxed.media_drop(0.005, "up")], seed=9), epochs=60)
    verdict = only(facts)
    assert (verdict.log10_e or 0.0) > log_threshold(facts) / 2.302585
    assert (verdict.state, verdict.rule) == ("ok", None)


@pytest.mark.parametrize("seed", [2, 6])
def test_extra_loss_that_is_likely_and_may_matter_is_not_ok(seed: int):
    """The last of four epochs of calls loses 3 %: too little for proof."""
    facts = watched(boxed.Line([boxed.box_from(boxed.media_drop(0.03, "up"), 6.5)], seed=seed), epochs=4)
    verdict = only(facts)
    assert log10(20.0) < (verdict.log10_e or 0.0) < log_threshold(facts) / 2.302585
    assert verdict.reason is not None
    assert (verdict.state, verdict.reason.code) == ("insufficient", "budget")
    assert only(watched(boxed.Line(seed=seed), epochs=4)).state == "ok"


def watched(line: boxed.Line, epochs: int) -> Facts:
    """So many epochs of longer calls, asked for or not."""
    rng, now_s, found = Random(line.seed), 0.0, list[Epoch]()
    question = PlannedEpoch(Arm("webrtc", "webrtc", "voice"), WatchedCalls(), k=8, packets=100)
    for number in range(epochs):
        epoch, _ = boxed.play_epoch(line, rng, question, number, now_s)
        found.append(epoch)
        now_s = epoch.ended_s + 0.1
    return Facts(line.plan(), tuple(found), simulated=True, seed=bytes(32))


def one_loses_late(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
    """A single call loses half of its packets from three seconds on."""
    return None if (flow.role, flow.number) == ("call", 81) and slot.at_s > 3.0 and rng.random() < 0.5 else 0.0


@pytest.mark.parametrize(
    ("ended", "told"), [("done", "call_worse"), ("interrupted", "budget"), ("responder_lost", "responder_lost")]
)
def test_one_long_call_that_lost_more_keeps_the_arm_from_ok_and_is_told(ended: str, told: str):
    facts = watched(boxed.Line([one_loses_late], seed=2), epochs=4)
    question = PlannedEpoch(Arm("webrtc", "webrtc", "voice"), LongCalls(1), k=8, packets=400)
    long, _ = boxed.play_epoch(boxed.Line([one_loses_late], seed=2), Random(1), question, 4, facts.epochs[-1].ended_s)
    verdict = only(healthy(replace(facts, epochs=(*facts.epochs, long)), ended=ended))
    assert verdict.reason is not None
    assert (verdict.state, verdict.reason.code) == ("insufficient", told)


# ---------------------------------------------------------------- several arms


def test_an_apps_entry_is_that_of_its_worst_decided_arm():
    facts = made("clean", 1, ("webrtc", "whatsapp"))
    plan = replace(facts.plan, arms=tuple(replace(arm, app="one") for arm in facts.plan.arms))
    epochs = tuple(replace(epoch, app="one") for epoch in facts.epochs)
    stun = tuple(replace(epoch, app="one") for epoch in made("stun", 2, ("webrtc", "whatsapp")).epochs)
    well, ill = replace(facts, plan=plan, epochs=epochs), replace(facts, plan=plan, epochs=stun)
    assert [(v.app, v.state) for v in judge_facts(well)] == [("one", "ok")]
    assert [(v.variant, v.state) for v in judge_facts(ill)] == [("webrtc", "restricted")]
    assert [(v.variant, v.state) for v in judge_arms(ill)] == [("webrtc", "restricted"), ("whatsapp", "ok")]


def test_an_undecided_arm_with_something_amiss_comes_before_one_that_is_well():
    facts = made("clean", 1, ("webrtc", "whatsapp"))
    plan = replace(facts.plan, arms=tuple(replace(arm, app="one") for arm in facts.plan.arms))
    hinted = replace(made("stun").epochs[0], app="one")
    epochs = tuple(replace(epoch, app="one") for epoch in facts.epochs if epoch.variant == "whatsapp")
    (verdict,) = judge_facts(replace(facts, plan=plan, epochs=(hinted, *epochs)))
    assert (verdict.variant, verdict.state) == ("webrtc", "insufficient")


def test_the_threshold_is_that_of_all_arms_together():
    one, both = made("clean"), made("clean", 1, ("webrtc", "whatsapp"))
    assert log_threshold(both) - log_threshold(one) == pytest.approx(0.6931, abs=1e-4)


def test_a_port_that_is_dead_closes_every_arm():
    line = boxed.Line([boxed.block_ports(ports=[3475])], seed=4, apps=("webrtc", "whatsapp"))
    assert [(v.state, v.rule) for v in judge_facts(boxed.play_check(line))] == [("closed", "port.block")] * 2


# ---------------------------------------------------------------- reproducible


@pytest.mark.parametrize("kind", ["clean", "drop", "delay", "poor", "dead"])
def test_stored_facts_give_the_same_verdict(kind: str):
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(made(kind)), type=Facts)
    assert only(stored) == only(made(kind))
    assert RULES_VERSION >= 1


def test_twins_that_live_to_see_worse_weather_are_no_worse_than_calls():
    """Calls are cut off at once; a queue that fills later delays only who goes on: their twins."""

    def queue(rng: Random, flow: boxed.Flow, now_s: float, way: str, slot: boxed.Slot) -> boxed.Outcome:
        return 0.1 if now_s - (flow.opened_s or now_s) > 0.35 else 0.0

    verdict = only(boxed.play_check(boxed.Line([boxed.freeze_after(handshake=2), queue], seed=4)))
    assert (verdict.state, verdict.rule) == ("restricted", "media.freeze")


def test_a_plan_that_asks_for_less_makes_nobody_ok_and_accuses_nobody():
    """Whoever signs a bundle writes its plan, too: how long calls are watched, and how often a check may err."""
    short = replace(boxed.play_check(boxed.Line()), simulated=False)
    (verdict,) = judge_facts(short)
    assert verdict.watched_s < OK_WATCHED_S
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "watched_briefly")
    assert [each.state for each in judge_facts(replace(short, simulated=True))] == ["ok"]
    lax = replace(short, plan=replace(short.plan, alpha=0.99))
    assert log_threshold(lax) == log_threshold(short) == log(1 / ALPHA)
