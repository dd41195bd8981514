"""The stages of the questions to an app's own addresses, each against a made-up way of a few routers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import count
from random import Random

import pytest

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.probe.endpoint_catalogue import EndpointRow
from talkpath.probe.own_addresses.datagrams import Datagram, Stage, is_answer, make_greeting
from talkpath.probe.own_addresses.engine import OwnAddressEngine
from talkpath.probe.own_addresses.flights import FLIGHT_CELLS, FlightStage, call_flows
from talkpath.probe.own_addresses.ladder import LadderStage, RouterNumbers
from talkpath.probe.own_addresses.series import SeriesStage, Target
from talkpath.probe.own_addresses.trial import TrialStage
from talkpath.verdict.bases.own_addresses.questions import ExpiringQuestion
from talkpath.wire.ip.address import Address

ARM = Arm("telegram", "tgcalls", "voice")
ROUTERS = [Address.of(f"203.0.113.{n}") for n in range(1, 9)]
RTT_S = 0.02


def target(id: str = "relay", app: str = "telegram") -> Target:
    row = EndpointRow(id, app, "stun", "198.18.2.1", 3478, 2, "made up", date(2026, 11, 1), "high")
    return Target(row, Address.of("198.18.2.1" if app else "198.51.100.9", 3478))


class Way:
    """`routers` hops, then a server. `answers` says of a datagram whether anything comes back."""

    def __init__(self, routers: int, answers: Callable[[Datagram], bool] = lambda packet: True) -> None:
        self.routers, self.answers = routers, answers
        self.arrived: list[bytes] = []

    def play(self, stage: Stage, until_s: float = 600.0) -> None:
        now_s, back = 0.0, list[tuple[float, Datagram]]()
        while not stage.done and now_s < until_s:
            back += [(now_s + RTT_S, packet) for packet in stage.poll(now_s)]
            due = [each for each in back if each[0] <= now_s]
            back = [each for each in back if each[0] > now_s]
            for _, packet in due:
                self.give(now_s, stage, packet)
            now_s = max(now_s, min([at_s for at_s, _ in back] + [stage.wake_s, now_s + 0.05]))

    def give(self, now_s: float, stage: Stage, packet: Datagram) -> None:
        reached = not packet.hops or packet.hops > self.routers
        if reached:
            self.arrived.append(packet.data)
        if not self.answers(packet):
            return
        if reached:
            stage.datagram(now_s, packet.local, b"\x01\x01" + packet.data[2:])
        else:
            stage.exceeded(now_s, packet.local, ROUTERS[packet.hops - 1])


def ladder(way: Way, most: int = 30) -> LadderStage:
    stage = LadderStage(target(), Random(1), count(1), RouterNumbers(), most)
    way.play(stage)
    assert stage.done
    return stage


# -- greetings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classic", [False, True])
def test_a_greeting_is_known_by_its_own_transaction(classic: bool) -> None:
    one, other = make_greeting(Random(1), classic=classic), make_greeting(Random(2), classic=classic)
    assert (one[4:8] == b"\x21\x12\xa4\x42") is not classic
    assert is_answer(one, b"\x01\x01" + one[2:])
    assert not is_answer(one, b"\x01\x01" + other[2:])
    assert not is_answer(one, one)
    assert not is_answer(one, b"")


# -- the way -----------------------------------------------------------------------------------------------------


def test_a_ladder_finds_the_distance_with_two_greetings_that_arrive() -> None:
    way = Way(5)
    path = ladder(way).path(0.0)
    assert (path.reached, path.greeting) == (6, "stun")
    assert [hop.routers for hop in path.hops] == [(1,), (2,), (3,), (4,), (5,)]
    assert len(way.arrived) == 2


def test_silent_routers_do_not_hide_a_server_that_answers() -> None:
    path = ladder(Way(8, lambda packet: not 3 <= packet.hops <= 8)).path(0.0)
    assert (path.reached, len(path.hops)) == (9, 2)


def test_where_todays_greetings_are_held_back_the_older_form_measures_the_way() -> None:
    path = ladder(Way(4, lambda packet: packet.data[4:8] != b"\x21\x12\xa4\x42" or 0 < packet.hops < 2)).path(0.0)
    assert (path.reached, path.greeting) == (5, "classic")


def test_a_dead_server_has_no_distance_and_gets_few_greetings() -> None:
    way = Way(4, lambda packet: 0 < packet.hops <= 4)
    stage = ladder(way)
    path = stage.path(0.0)
    assert (path.reached, len(path.hops)) == (0, 4)
    assert len(way.arrived) <= stage.arrivals <= 12


# -- series ------------------------------------------------------------------------------------------------------


def test_a_series_greets_once_a_second_from_one_port_and_counts_what_is_answered() -> None:
    way = Way(
        3,
        lambda packet: (packet.to.packed[0] == 198 and packet.to.packed[1] == 51) or Random(packet.data).random() < 0.5,
    )
    stage = SeriesStage([target(), target("n", "")], 20, Random(3), count(1))
    way.play(stage)
    own, neutral = stage.series(1, 0.0)
    assert (own.count, neutral.count, neutral.neutral) == (20, 20, True)
    assert int.from_bytes(neutral.answered, "little").bit_count() == 20
    assert 3 <= int.from_bytes(own.answered, "little").bit_count() == len(own.rtt_ms) <= 17
    assert len(way.arrived) == 40


# -- packets that expire -----------------------------------------------------------------------------------------


def test_a_trial_counts_answers_and_ends_where_something_arrives() -> None:
    stage = TrialStage((target().address, target("n", "").address), 3, Random(1), count(1))
    Way(6).play(stage)
    assert stage.answers_per_s == pytest.approx(60.0, abs=3.0)
    assert stage.same_router
    near = TrialStage((target().address, target("n", "").address), 3, Random(1), count(1))
    Way(2).play(near)
    assert near.arrived


def flight(router: Address = ROUTERS[2], seed: int = 1) -> FlightStage:
    cargo, flows = call_flows(shapes()[ARM], 3, 8, Random(seed), count(1))
    assert len(cargo.size) == len(cargo.stage) == 8
    far = target().address, target("n", "").address
    return FlightStage(flows, far, 3, 40.0, router.packed, Random(seed))


def test_a_flight_gives_every_answer_to_its_packet() -> None:
    stage = flight()
    dropped = Random(5)
    lost: list[Datagram] = []

    def passes(packet: Datagram) -> bool:
        keeps = dropped.random() < 0.7
        lost.extend(() if keeps else (packet,))
        return keeps

    Way(6, passes).play(stage)
    told = [flow.record(8) for flow in stage._by_local.values()]
    assert sum(8 - int.from_bytes(flow.answered, "little").bit_count() for flow in told) == len(lost)
    assert Counter((flow.role, flow.neutral) for flow in told) == dict.fromkeys(FLIGHT_CELLS, 3)
    assert stage.missing == ""


def test_which_five_tuple_carries_what_is_drawn() -> None:
    seen = {tuple(flow.role for flow in flight(seed=seed)._by_local.values()) for seed in range(6)}
    assert len(seen) == 6


def test_another_router_or_a_server_that_answers_ends_a_flight() -> None:
    moved, arrived = flight(ROUTERS[5]), flight()
    Way(6).play(moved)
    Way(2).play(arrived)
    assert (moved.missing, arrived.missing) == ("path_changed", "path_changed")


# -- the last word -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hops", "missing"), [(4, ""), (5, "too_near"), (6, "too_near"), (9, "too_near")])
def test_no_packet_but_a_greeting_may_come_within_two_hops_of_a_server(hops: int, missing: str) -> None:
    """The way has five routers: whatever is asked for, packets that may go five hops or more are not sent."""
    way, asked = Way(5), list[EndpointFacts]()

    def choose(facts: EndpointFacts) -> ExpiringQuestion | None:
        asked.append(facts)
        return None if facts.epochs else ExpiringQuestion(ARM, "relay", "n", "call", hops, k=2, packets=4)

    facts = EndpointFacts(apps=("telegram",), tier=3)
    engine = OwnAddressEngine(facts, [target(), target("n", "")], Random(1), greetings=3, choose=choose)
    way.play(engine)  # type: ignore[arg-type]
    (epoch,) = engine.facts.epochs
    assert epoch.missing == missing
    assert {len(data) for data in way.arrived} == {20}
    assert bool(epoch.flows) is not bool(missing)
