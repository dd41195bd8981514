"""The digests that a receipt holds cover every fact that a verdict is computed from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from talkpath.conduct.check import Check
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Exchange, Facts, Health, Reach
from talkpath.measure.facts_digest import run_digest
from talkpath.wire.control.question import TransportPaths
from talkpath.wire.control.receipt import ReceiptStatement, unseal_receipt

PLAN = make_plan(choose_arms(["webrtc"]), k=2, budget_bytes=300_000)
EXCHANGE = Exchange(app="telegram", host="a", neutral=False, at_s=1.0, ok=False)


def checked(**options: Any) -> tuple[Check, Facts]:
    check = Check(PLAN, bytes(32), started_at="2026-11-27T10:20:30Z", **options)
    facts = Sim(check, Scenario.parse("clean", [], 1).network(), 1).run()
    return check, facts


def receipt_of(facts: Facts) -> ReceiptStatement:
    assert facts.receipt is not None
    return unseal_receipt(facts.receipt.body, facts.receipt.signature)


CHECK, FACTS = checked()


def test_a_checks_receipt_holds_the_digest_of_its_facts() -> None:
    assert receipt_of(FACTS).run_digest == run_digest(FACTS)


def test_a_stored_copy_has_the_same_digest() -> None:
    stored = replace(FACTS, started_at="2026-11-27T10:00:00Z")
    for packed in (msgspec.msgpack, msgspec.json):
        again = packed.decode(packed.encode(stored), type=Facts)
        assert run_digest(again) == run_digest(FACTS)


@pytest.mark.parametrize(
    "change",
    [
        {"plan": replace(PLAN, alpha=0.05)},
        {"plan": replace(PLAN, arms=())},
        {"health": Health(late_ms_p99=0.0)},
        {"reach": Reach(listed_s=60.0)},
        {"exchanges": (EXCHANGE,)},
        {"paths": ()},
        {"started_at": "2026-11-28T10:20:30Z"},
        {"duration_s": 1.0},
        {"family": 6},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_fact_can_be_changed_afterwards(change: dict[str, Any]) -> None:
    assert run_digest(replace(FACTS, **change)) != run_digest(FACTS)


def test_no_port_can_be_changed_afterwards() -> None:
    epoch = FACTS.epochs[0]
    moved = replace(epoch, flows=tuple(replace(flow, port=443) for flow in epoch.flows))
    assert run_digest(replace(FACTS, epochs=(moved, *FACTS.epochs[1:]))) != run_digest(FACTS)


def test_the_transports_that_were_compared_cannot_be_changed_afterwards() -> None:
    one, other = (
        replace(FACTS, epochs=(replace(FACTS.epochs[0], question=TransportPaths(codes)),))
        for codes in (("udp/443",), ("udp/443", "tcp/443"))
    )
    assert run_digest(one) != run_digest(other)


def test_what_the_device_notices_after_it_told_the_digest_changes_nothing() -> None:
    check = Check(PLAN, bytes(32))
    sim = Sim(check, Scenario.parse("clean", [], 1).network(), 1)
    finish = check.session.finish

    def finish_and_wake(*arguments: Any) -> None:
        finish(*arguments)
        check.clock_jumped(100.0)
        check.network_observed(vpn=True, changed=True)

    check.session = Watched(check.session, finish_and_wake)  # type: ignore[assignment]
    facts = sim.run()
    assert (facts.health.clock_jump_s, facts.health.network_changed, facts.health.vpn) == (0.0, False, None)
    assert receipt_of(facts).run_digest == run_digest(facts)


class Watched:
    """A session whose `finish` is another's."""

    def __init__(self, session: Any, finish: Any) -> None:
        self.__dict__.update(_session=session, finish=finish)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._session, name, value)
