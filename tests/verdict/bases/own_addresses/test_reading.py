"""What epochs of packets that expire prove, and what they do not: an address needs more than bytes do."""

from __future__ import annotations

from random import Random

import pytest

from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.endpoint_facts import EndpointFacts, ExpiringEpoch, ExpiringFlow, GreetingSeries
from talkpath.verdict.bases.own_addresses.contrasts import CALL_HERE, CALL_THERE, TWIN_HERE, TWIN_THERE, Cell
from talkpath.verdict.bases.own_addresses.judge import read_series, silent_end
from talkpath.verdict.bases.own_addresses.reading import read_epochs, route_odds

CELLS = (CALL_HERE, TWIN_HERE, CALL_THERE, TWIN_THERE)
K, SLOTS = 6, 40


def epoch(
    number: int,
    lost: dict[Cell, float],
    *,
    host: str = "",
    whole_flows: float = 0.0,
    same_way: bool = True,
    seed: int = 0,
) -> ExpiringEpoch:
    """One epoch in which each cell loses that share; `whole_flows` of the app's 5-tuples lose all the more."""
    rng = Random(f"{number} {seed}")
    cells = rng.sample(CELLS * K, K * len(CELLS))
    flows = []
    for role, neutral in cells:
        share = lost.get((role, neutral), 0.0)
        if whole_flows:
            share = (0.0 if neutral else 1.0) * (rng.random() < whole_flows)
        answered = [slot for slot in range(SLOTS) if rng.random() >= share]
        flows.append(ExpiringFlow(role, neutral, pack_bitmap(range(SLOTS), SLOTS), pack_bitmap(answered, SLOTS)))
    stage = ("stun", "stun", *("media",) * (SLOTS - 2))
    return ExpiringEpoch(
        number=number,
        app="telegram",
        variant="tgcalls",
        medium="voice",
        host=host or f"relay{number % 3}",
        beside=f"n{number % 2}",
        carries="call",
        hops=4,
        at_s=10.0 * number,
        took_s=9.0,
        at_ms=tuple(20.0 * slot for slot in range(SLOTS)),
        size=(100,) * SLOTS,
        stage=stage,
        flows=tuple(flows),
        same_way=same_way,
    )


def read(*epochs: ExpiringEpoch) -> tuple[bool, str, str]:
    found = read_epochs(EndpointFacts(apps=("telegram",), tier=3, epochs=epochs, seed=b"seed"), "telegram")
    return found.proven, found.bound, found.elsewhere


BOTH = {CALL_HERE: 0.4}
SHAPE = {CALL_HERE: 0.4, CALL_THERE: 0.4}
ADDRESS = {CALL_HERE: 0.4, TWIN_HERE: 0.4}


@pytest.mark.parametrize(("lost", "bound"), [(BOTH, "both"), (SHAPE, "shape")])
def test_what_fares_worse_says_what_a_rule_is_bound_to(lost: dict[Cell, float], bound: str) -> None:
    assert read(*(epoch(number, lost) for number in range(3))) == (True, bound, "")


def test_an_address_alone_is_never_proven_since_routes_are_few_however_many_packets_are_sent() -> None:
    epochs = [epoch(number, ADDRESS) for number in range(12)]
    assert read(*epochs) == (False, "address", "routes")
    assert route_odds(epochs) == 10  # three servers, two neutral ones
    assert route_odds([epoch(0, ADDRESS, host=f"relay{n}") for n in range(3)]) == 4


def test_one_epoch_proves_nothing() -> None:
    assert read(epoch(0, SHAPE))[0] is False


@pytest.mark.parametrize("lost", [{}, dict.fromkeys(CELLS, 0.4), {TWIN_HERE: 0.4}, {CALL_THERE: 0.0, TWIN_THERE: 0.4}])
def test_what_hits_all_alike_or_control_traffic_alone_is_no_rule(lost: dict[Cell, float]) -> None:
    proven, bound, _ = read(*(epoch(number, lost) for number in range(3)))
    assert (proven, bound) == (False, "")


def test_an_address_accuses_only_if_all_servers_are_hit_over_the_same_way_on_every_port() -> None:
    assert read(*(epoch(number, ADDRESS, host="relay") for number in range(3)))[2] == "single_server"
    two = [epoch(number, ADDRESS if number % 3 else {}) for number in range(5)]
    assert read(*two)[2] == "some_servers"
    assert read(*(epoch(number, ADDRESS, same_way=False) for number in range(3)))[2] == "another_way"
    little = dict.fromkeys((CALL_HERE, TWIN_HERE), 0.12)
    assert read(*(epoch(number, little) for number in range(5)))[2] in ("little", "some_servers", "routes")
    assert read(*(epoch(number, {}, whole_flows=0.6) for number in range(5)))[2] == "some_flows"


def test_a_call_s_bytes_may_accuse_at_one_server() -> None:
    assert read(*(epoch(number, BOTH, host="relay") for number in range(3))) == (True, "both", "")


@pytest.mark.long
def test_exchangeable_epochs_seldom_reach_the_threshold() -> None:
    """A hundred questions over lines that lose whole 5-tuples at random: none proves anything."""
    for seed in range(60):
        rng = Random(seed)
        epochs = [epoch(number, dict.fromkeys(CELLS, rng.random()), seed=seed) for number in range(3)]
        assert read(*epochs)[0] is False


# -- series ------------------------------------------------------------------------------------------------------


def series(host: str, answered: list[int], count: int = 25) -> GreetingSeries:
    return GreetingSeries(
        number=1,
        app="" if host == "n" else "telegram",
        host=host,
        neutral=host == "n",
        at_s=0.0,
        every_s=1.0,
        count=count,
        sent=pack_bitmap(range(count), count),
        answered=pack_bitmap(answered, count),
        rtt_ms=(40.0,) * len(answered),
    )


def test_a_series_that_stops_for_good_has_the_number_of_packets() -> None:
    facts = EndpointFacts(
        apps=("telegram",),
        tier=2,
        series=(series("a", [*range(12)]), series("b", [*range(12)]), series("n", [*range(25)])),
    )
    found = read_series(facts, "telegram")
    assert found is not None
    assert found.frozen == (24, 25)
    assert found.neutral_lost.estimate == 0.0
    assert silent_end(series("n", [*range(20)])) is None


@pytest.mark.parametrize("neutral", [[*range(12)], [*range(0, 25, 2)]])
def test_where_neutral_servers_do_no_better_nothing_is_worse(neutral: list[int]) -> None:
    facts = EndpointFacts(apps=("telegram",), tier=2, series=(series("a", [*range(12)]), series("n", neutral)))
    found = read_series(facts, "telegram")
    assert found is not None
    assert not found.worse
    assert found.frozen is None or neutral == [*range(0, 25, 2)]
