"""Virtual time: the same seed plays the same run, and nothing but exact packets crosses the network."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from talkpath.conduct.check import Check
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drive import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.lab.sim import Sim
from talkpath.measure.facts import Facts
from talkpath.responder.session import Connection, Responder
from talkpath.verdict.judge import judge

PLAN = make_plan(choose_arms(["webrtc"]))
DROP = "media.drop,app=webrtc,direction=up,p=0.3"


def test_the_same_seed_plays_the_same_run() -> None:
    runs = [run_sim(PLAN, Scenario.parse("ge,loss=0.05", [DROP], 5)) for _ in range(2)]
    assert runs[0] == runs[1]
    assert run_sim(PLAN, Scenario.parse("ge,loss=0.05", [DROP], 6)) != runs[0]


@pytest.mark.parametrize("rule", ["", DROP])
def test_two_clocks_an_hour_apart_that_drift_give_the_same_verdict(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """The far end's clock is an hour ahead and gains 200 ppm; only flows are compared with flows."""
    scenario = Scenario.parse("clean", [rule] if rule else [], 3)
    plain = judge(run_sim(PLAN, scenario))[0]

    def far(now_s: float) -> float:
        return 3600.0 + now_s * 1.0002

    receive, datagram, poll = Responder.receive, Responder.datagram, Responder.poll

    def receive_there(self: Responder, now_s: float, connection: Connection, data: bytes) -> bytes:
        return receive(self, far(now_s), connection, data)

    monkeypatch.setattr(Responder, "receive", receive_there)
    monkeypatch.setattr(Responder, "datagram", lambda self, now_s, *rest: datagram(self, far(now_s), *rest))
    monkeypatch.setattr(Responder, "poll", lambda self, now_s: poll(self, far(now_s)))
    skewed = judge(_with_far_clock(scenario))[0]
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


def test_facts_hold_no_address() -> None:
    facts = run_sim(PLAN, Scenario.parse("clean", [DROP], 2))
    written = msgspec.json.encode(facts) + msgspec.msgpack.encode(facts)
    for text in (b"192.0.2", b"198.51.100", b"\xc0\x00\x02\x0a", b"\xc6\x33\x64\x0a"):
        assert text not in written
