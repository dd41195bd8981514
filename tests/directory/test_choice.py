"""Which servers of a list are asked, and in which order."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

from factories.networks.server_lists import NOW, listed_server
from talkpath.directory.choice import MAX_SERVERS_TRIED, servers_to_try
from talkpath.directory.listed_server import ListedServer, minute_of

AFTER = minute_of(NOW + timedelta(days=3))


def at(number: int, **more: object) -> ListedServer:
    return listed_server(number, **({"until": AFTER} | more))


def order(servers: list[ListedServer], seed: int = 1, **more: object) -> list[int]:
    return [int.from_bytes(found.key, "big") for found in servers_to_try(servers, Random(seed), NOW, **more)]


def test_servers_of_the_own_country_are_left_out():
    servers = [at(1, country="XX"), at(2, country="XY"), at(3, country="ZZ")]
    assert set(order(servers, country="XX")) == {2, 3}
    assert set(order(servers, country="ZZ")) == {1, 2, 3}, "unknown is no country"
    assert set(order(servers)) == {1, 2, 3}


def test_homes_come_first_and_hosting_last_but_full_ones_after_all():
    servers = [
        at(1, network_class="hosting"),
        at(2, network_class="home", free=0),
        at(3, network_class="unknown"),
        at(4, network_class="home"),
    ]
    assert {tuple(order(servers, seed)) for seed in range(20)} == {(4, 3, 1, 2)}


def test_invitations_that_have_ended_are_left_out():
    servers = [at(1, until=minute_of(NOW)), at(2, until=minute_of(NOW) + 1), at(3, until=0)]
    assert set(order(servers)) == {2, 3}


def numbered(count: int, **more: object) -> list[ListedServer]:
    """Servers in a network each."""
    return [at(number, network=number + 1, **more) for number in range(count)]


def test_few_are_tried_and_chance_decides_by_free_places():
    servers = [at(number, network=number + 1, free=4 if number < 10 else 1) for number in range(20)]
    firsts = Counter(order(servers, seed)[0] for seed in range(2000))
    assert len(order(servers)) == MAX_SERVERS_TRIED
    assert len(firsts) == 20
    freer = sum(count for number, count in firsts.items() if number < 10)
    assert 0.76 < freer / 2000 < 0.84, "4 of 5 on average"


def test_who_boasts_of_places_gets_little_more_than_others():
    servers = [*numbered(19, free=4), at(19, network=99, free=4096)]
    firsts = Counter(order(servers, seed)[0] for seed in range(2000))
    assert firsts[19] < 2 * 2000 / 20


def test_a_network_comes_again_only_after_all_others():
    servers = [at(1, network=7, network_class="home"), at(2, network=7, network_class="home"), at(3, network=8)]
    assert {order(servers, seed)[1] for seed in range(20)} == {3}
    unknown = [at(number, network=0, network_class="home") for number in (1, 2)]
    assert {order([*unknown, at(3, network=8)], seed)[2] for seed in range(20)} == {3}
