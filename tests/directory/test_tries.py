"""Several servers are tried until one answers; what was tried is in the facts, and decides nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from factories.networks.server_lists import listed_server
from talkpath.directory.choice import check_with_one_of
from talkpath.directory.listed_server import ListedAddresses
from talkpath.errors import PeerError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Health, Reach, Tried
from talkpath.measure.facts_digest import run_digest
from talkpath.probe.invite_link import InviteLink
from talkpath.report.check_json import judge_check

PLAN = make_plan(choose_arms(["webrtc"]))
LOST = Facts(plan=PLAN, health=Health(ended="responder_lost"))
OWN_NETWORK = ListedAddresses(private=True)
TURNED_AWAY = PeerError("The test server refused: it is full.")


@pytest.fixture(scope="module")
def measured() -> Facts:
    return run_sim(PLAN, Scenario())


def tried(knocks: dict[int, str], checks: dict[int, Facts | PeerError]) -> tuple[Facts, int]:
    """Try servers 1, 2, 3: what a connect at each meets, and how a check with it ends."""
    servers = [listed_server(number) for number in (1, 2, 3)]

    def number(link: InviteLink) -> int:
        return next(n for n, one in enumerate(servers, 1) if one.link == link)

    def measure(link: InviteLink) -> Facts:
        outcome = checks[number(link)]
        if isinstance(outcome, PeerError):
            raise outcome
        return outcome

    def connect(link: InviteLink, family: int) -> str:
        return knocks.get(number(link), "connected")

    facts, found, _ = check_with_one_of(servers, measure, OWN_NETWORK, connect=connect)
    return facts, servers.index(found) + 1


def outcomes(facts: Facts) -> list[tuple[int, str]]:
    keys = {listed_server(number).key_text: number for number in (1, 2, 3)}
    return [(keys[one.key], one.outcome) for one in facts.tried]


def test_the_first_that_answers_is_measured_with(measured: Facts):
    facts, number = tried({}, {1: measured})
    assert (number, facts) == (1, measured)


def test_two_dead_ones_are_survived_and_told(measured: Facts):
    facts, number = tried({1: "refused", 2: "silent"}, {3: measured})
    assert (number, outcomes(facts)) == (3, [(1, "refused"), (2, "silent")])
    assert replace(facts, tried=()) == measured


def test_one_that_turns_away_and_one_that_is_lost_are_passed_over(measured: Facts):
    facts, number = tried({}, {1: TURNED_AWAY, 2: LOST, 3: measured})
    assert (number, outcomes(facts)) == (3, [(1, "turned_away"), (2, "lost")])


def test_an_interrupted_check_is_not_begun_again():
    stopped = Facts(plan=PLAN, health=Health(ended="interrupted"))
    assert tried({}, {1: stopped})[0] == stopped


def test_where_none_answers_the_last_ones_facts_tell(measured: Facts):
    away = Facts(plan=PLAN, reach=Reach(control="timeout"), health=Health(ended="responder_lost"))
    facts, number = tried({1: "timeout", 2: "timeout"}, {3: away})
    assert (number, facts.reach.control, len(facts.tried)) == (3, "timeout", 2)
    with pytest.raises(PeerError, match="full"):
        tried({1: "timeout", 2: "timeout"}, {3: TURNED_AWAY})


def test_an_empty_list_is_no_list():
    with pytest.raises(PeerError, match="none that can be tried"):
        check_with_one_of([], lambda link: LOST, OWN_NETWORK)


def test_what_was_tried_decides_nothing_and_breaks_no_older_digest(measured: Facts):
    more = replace(measured, tried=(Tried(listed_server(1).key_text, "timeout"),) * 5)
    (verdicts, record), (before, _) = judge_check(more), judge_check(measured)
    assert verdicts == before
    assert [one["outcome"] for one in record["tried"]] == ["timeout"] * 5
    assert run_digest(more) == run_digest(measured)


def test_without_a_diagnosis_the_last_one_is_asked_for_a_handshake_too(measured: Facts):
    servers, asked = [listed_server(1), listed_server(2)], []

    def measure(link: InviteLink) -> Facts:
        asked.append(link.host)
        return measured

    with pytest.raises(PeerError):
        check_with_one_of(servers, measure, OWN_NETWORK, connect=lambda link, family: "timeout", diagnose=False)
    assert asked == []


def looked_up(hosts: dict[str, list[str]]) -> ListedAddresses:
    return ListedAddresses(lookup=lambda host: hosts.get(host, []))


def test_the_own_network_of_whoever_checks_is_not_called():
    """A list that names a router, a database of this machine and a cloud's metadata, by name and by address."""
    hosts = ["192.168.1.1", "127.0.0.1", "169.254.169.254", "fd00::1", "::ffff:10.0.0.1", "fec0::1", "::10.0.0.1"]
    named = {f"server{number}.example": [host] for number, host in enumerate(hosts, 1)}
    servers = [listed_server(number) for number in range(1, len(hosts) + 1)]
    called: list[InviteLink] = []

    def connect(link: InviteLink, family: int) -> str:
        called.append(link)
        return "refused"

    with pytest.raises(PeerError, match="none that can be tried"):
        check_with_one_of(servers, lambda link: LOST, looked_up(named), connect=connect)
    assert called == []


def test_an_address_is_called_once_under_however_many_names():
    """Five names and keys of one address of somebody who never agreed: the others of the list are tried as well."""
    named = {f"server{number}.example": ["192.0.9.9"] for number in range(1, 5)}
    named |= {"server5.example": ["192.0.9.10", "2606:4700::1", "192.0.9.11"]}
    called: list[tuple[str, ...]] = []

    def connect(link: InviteLink, family: int) -> str:
        called.append(link.addresses)
        return "refused"

    with pytest.raises(PeerError):
        check_with_one_of(
            [listed_server(number) for number in range(1, 6)],
            lambda link: LOST,
            looked_up(named),
            connect=connect,
            diagnose=False,
        )
    assert called == [("192.0.9.9",), ("192.0.9.10",), ("2606:4700::1",)]


@pytest.mark.parametrize("shows_key", [1, 2])
def test_an_address_that_showed_no_key_is_not_called_again(measured: Facts, shows_key: int):
    """IPv6 of a listed name leads to somebody who takes connections and is no test server."""
    named = {"server1.example": ["2606:4700::1", "192.0.9.9"], "server2.example": ["192.0.9.10"]}
    key_at = ("2606:4700::1", "192.0.9.9")[shows_key - 1]
    called: list[tuple[str, ...]] = []

    def connect(link: InviteLink, family: int) -> str:
        return "connected" if link.addresses == (key_at,) else "other_key"

    def measure(link: InviteLink) -> Facts:
        called.append(link.addresses)
        return measured

    _, _, link = check_with_one_of([listed_server(1), listed_server(2)], measure, looked_up(named), connect=connect)
    assert called == [("2606:4700::1", "192.0.9.9")[shows_key - 1 :]]
    assert link.addresses == called[0]


@pytest.mark.parametrize(
    ("family", "chosen"),
    [(0, ("192.0.9.9", "2606:4700::1")), (4, ("192.0.9.9",)), (6, ("2606:4700::1",))],
)
def test_the_addresses_are_those_of_the_wanted_family(family: int, chosen: tuple[str, ...]):
    found = looked_up({"server1.example": ["192.0.9.9", "192.0.9.8", "2606:4700::1"]}).link(
        listed_server(1).link, family
    )
    assert found is not None
    assert found.addresses == chosen
    assert found.host == "server1.example"
