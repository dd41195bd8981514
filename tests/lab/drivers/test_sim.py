"""Virtual time: the same seed plays the same run, and nothing but exact packets crosses the network."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest

from talkpath.conduct.check import Check
from talkpath.conduct.request import Observer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.drivers.sim import Sim, _freeze_loaded
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Direction, Facts
from talkpath.responder.responder import Responder
from talkpath.responder.session import ResponderSession
from talkpath.verdict.judge import judge_facts
from talkpath.wire.ip.packets import split_udp

PLAN = make_plan(choose_arms(["webrtc"]))
DROP = "media.drop,app=webrtc,direction=up,p=0.3"


@pytest.mark.long
def test_the_same_seed_plays_the_same_run() -> None:
    runs = [run_sim(PLAN, Scenario.parse("ge,loss=0.05", [DROP], 5)) for _ in range(2)]
    assert runs[0] == runs[1]
    assert run_sim(PLAN, Scenario.parse("ge,loss=0.05", [DROP], 6)) != runs[0]


@pytest.mark.long
@pytest.mark.parametrize("rule", ["", DROP])
def test_two_clocks_an_hour_apart_that_drift_give_the_same_verdict(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """The far end's clock is an hour ahead and gains 200 ppm; only flows are compared with flows."""
    scenario = Scenario.parse("clean", [rule] if rule else [], 3)
    plain = judge_facts(run_sim(PLAN, scenario))[0]

    def far(now_s: float) -> float:
        return 3600.0 + now_s * 1.0002

    receive, datagram, poll = Responder.receive, Responder.datagram, Responder.poll

    def receive_there(self: Responder, now_s: float, connection: ResponderSession, data: bytes) -> bytes:
        return receive(self, far(now_s), connection, data)

    monkeypatch.setattr(Responder, "receive", receive_there)
    monkeypatch.setattr(Responder, "datagram", lambda self, now_s, *rest: datagram(self, far(now_s), *rest))
    monkeypatch.setattr(Responder, "poll", lambda self, now_s: poll(self, far(now_s)))
    skewed = judge_facts(_with_far_clock(scenario))[0]
    assert (skewed.state, skewed.rule, skewed.direction) == (plain.state, plain.rule, plain.direction)


def _with_far_clock(scenario: Scenario) -> Facts:
    """The responder's wake-ups come in its own time; the driver needs them in its."""
    check = Check(PLAN, Random(f"probe {scenario.seed}").randbytes(32))

    class Skewed(Sim):
        def run(self) -> Facts:
            inner = self.responder

            class Wakes:
                def __getattr__(self, name: str) -> object:
                    value = getattr(inner, name)
                    return (value - 3600.0) / 1.0002 if name == "wake_s" else value

            self.responder = Wakes()  # type: ignore[assignment]
            return super().run()

    return Skewed(check, scenario.network(), scenario.seed).run()


class Ledger:
    """A network that writes down every UDP packet that enters it, and when its copies leave."""

    def __init__(self, network: LabNetwork) -> None:
        self._network = network
        self.rows: list[tuple[float, Direction, bytes, list[Delivery]]] = []

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        leaving = self._network.offer(now_s, direction, packet)
        if split_udp(packet):
            self.rows.append((now_s, direction, packet, leaving))
        return leaving


@pytest.mark.long
@pytest.mark.parametrize("background", ["clean", "ge,loss=0.1", "reorder"])
def test_the_engines_bytes_and_no_others_cross_the_network(monkeypatch: pytest.MonkeyPatch, background: str) -> None:
    """What an engine emits is offered at once; what the network lets out comes in at its instant, unchanged."""
    emitted: Counter[tuple[str, float, bytes]] = Counter()
    taken: Counter[tuple[str, float, bytes]] = Counter()

    def listen(engine: type[Any], out: str, into: str, data_at: int) -> None:
        poll, datagram = engine.poll, engine.datagram

        def heard_poll(self: Any, now_s: float) -> Any:
            packets = poll(self, now_s)
            emitted.update((out, now_s, packet.data) for packet in packets if over_udp(packet))
            return packets

        def heard_datagram(self: Any, now_s: float, *what: Any) -> Any:
            taken[into, now_s, what[data_at]] += 1
            packets = datagram(self, now_s, *what)
            emitted.update((out, now_s, packet.data) for packet in packets if over_udp(packet))
            return packets

        monkeypatch.setattr(engine, "poll", heard_poll)
        monkeypatch.setattr(engine, "datagram", heard_datagram)

    listen(Check, "up", "down", 0)
    listen(Responder, "down", "up", -1)
    ledger = Ledger(Scenario.parse(background, [DROP], 4).network())
    sim = Sim(Check(PLAN, bytes(32)), ledger, 4)  # type: ignore[arg-type]
    facts = sim.run()
    offered = Counter((way, at_s, payload(packet)) for at_s, way, packet, _ in ledger.rows)
    assert offered == emitted
    due = Counter(
        (way, at_s, payload(copy)) for _, way, _, copies in ledger.rows for at_s, copy in copies if at_s <= sim.now_s
    )
    payloads = {data for _, _, data in offered}
    over_streams = {key for key in taken if key[2] not in payloads}
    assert Counter({key: count for key, count in taken.items() if key not in over_streams}) <= due
    assert sum((due - taken).values()) <= 2  # those that came at the very last instant
    assert any(not copies for *_, copies in ledger.rows)
    assert facts.epochs


def over_udp(packet: Any) -> bool:
    """Of the probe's and of the responder's packets; calls over TCP and TLS go another way."""
    return packet.transport == "udp" if hasattr(packet, "transport") else not isinstance(packet.source, int)


def payload(packet: bytes) -> bytes:
    parts = split_udp(packet)
    assert parts is not None
    return parts[1]


@pytest.mark.long
def test_an_outcome_is_drawn_for_each_packet() -> None:
    """At a half, hardly a call loses all its packets or none; and losses follow no packet before."""
    facts = run_sim(PLAN, Scenario.parse("clean", ["media.drop,app=webrtc,direction=up,p=0.5"], 8))
    fates = []
    for epoch in facts.epochs:
        media = [bit for bit, stage in enumerate(epoch.up.stage) if stage == "media"]
        lasts = epoch.question.kind == "long"  # and is hung up at the check's end
        for flow in () if lasts else epoch.flows:
            if (flow.role, flow.direction, flow.transport, epoch.missing) == ("call", "up", "udp", ""):
                came = int.from_bytes(flow.arrived, "little")
                fates.append([came >> bit & 1 for bit in media])
    assert len(fates) > 15
    assert all(0 < sum(fate) < len(fate) for fate in fates)
    pairs = Counter(pair for fate in fates for pair in pairwise(fate))
    total = sum(pairs.values())
    assert all(abs(count / total - 0.25) < 4 * (0.25 * 0.75 / total) ** 0.5 for count in pairs.values())


@pytest.mark.long
def test_facts_hold_no_address() -> None:
    facts = run_sim(PLAN, Scenario.parse("clean", [DROP], 2))
    written = msgspec.json.encode(facts) + msgspec.msgpack.encode(facts)
    for text in (b"192.0.2", b"198.51.100", b"\xc0\x00\x02\x0a", b"\xc6\x33\x64\x0a"):
        assert text not in written


@pytest.mark.long
def test_the_collector_rests_during_a_run_and_nothing_stays_behind() -> None:
    _freeze_loaded()  # the first run of a process exempts what is there from collection
    gc.enable()  # a command that ran in this process may have done without
    check = Check(make_plan(choose_arms(["webrtc"])), Random(7).randbytes(32))
    sim, seen = Sim(check, Scenario.parse("clean", []).network(), 7), []
    check.observer = Observer(epoch_ended=lambda facts: seen.append(gc.isenabled()))
    played = weakref.ref(sim)
    sim.run()
    assert seen
    assert not any(seen)
    assert gc.isenabled()
    del sim, check
    gc.collect()
    assert played() is None
