"""When a second server is asked, about what, with which budget, and which one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from factories.networks.server_lists import listed_server
from talkpath.directory.choice import FIRST_CHECK_BUDGET_SHARE, ask_second, first_plan, second_plan
from talkpath.directory.listed_server import ListedAddresses, ListedServer
from talkpath.errors import PeerError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan, Reach, Tried
from talkpath.probe.invite_link import InviteLink
from talkpath.verdict.judge import judge_facts

PLAN = make_plan(choose_arms(["webrtc", "signal"]))


@pytest.fixture(scope="module")
def restricted() -> Facts:
    from talkpath.api.lab_check import simulate

    return replace(
        simulate("media.drop,app=webrtc,direction=up,p=0.5", apps=["webrtc", "signal"], seed=3).facts, plan=PLAN
    )


@pytest.fixture(scope="module")
def well() -> Facts:
    return run_sim(PLAN, Scenario())


def test_the_first_check_leaves_something_where_there_is_another_network():
    apart, together = [listed_server(1), listed_server(2, network=7)], [listed_server(1), listed_server(2)]
    limited = first_plan(PLAN, apart)
    assert limited.budget_bytes == int(FIRST_CHECK_BUDGET_SHARE * PLAN.budget_bytes)
    assert limited.budget_s == FIRST_CHECK_BUDGET_SHARE * PLAN.budget_s
    assert first_plan(PLAN, together) == PLAN


@pytest.mark.long
def test_the_second_asks_about_the_apps_in_question_with_what_is_left(restricted: Facts):
    assert [verdict.state for verdict in judge_facts(restricted)] == ["ok", "restricted"]
    plan = second_plan(replace(PLAN, budget_bytes=10_000_000), restricted)
    assert plan is not None
    assert {arm.app for arm in plan.arms} == {"webrtc"}
    assert plan.budget_bytes == 10_000_000 - restricted.bytes_sent - restricted.bytes_received
    assert plan.budget_s == PLAN.budget_s - restricted.duration_s


@pytest.mark.long
def test_none_is_wanted_where_all_is_well_or_too_little_is_left(restricted: Facts, well: Facts):
    large = replace(PLAN, budget_bytes=10_000_000)
    assert second_plan(large, well) is None
    assert second_plan(replace(large, budget_s=restricted.duration_s + 7.0), restricted) is None
    assert second_plan(replace(PLAN, budget_bytes=restricted.bytes_sent), restricted) is None
    stopped = replace(restricted, health=replace(restricted.health, ended="interrupted"))
    assert second_plan(large, stopped) is None


def asked(first: Facts, servers: list[ListedServer], answer: Facts | PeerError) -> tuple[Facts | None, list[str]]:
    """Ask about the result of server 1: the second facts, and whom they came from."""
    hosts: list[str] = []

    def measure(plan: Plan):
        def made(link: InviteLink) -> Facts:
            hosts.append(link.host)
            if isinstance(answer, PeerError):
                raise answer
            return answer

        return made

    plan = replace(PLAN, budget_bytes=10_000_000)
    found = ask_second(
        plan,
        first,
        listed_server(1),
        servers,
        measure,
        ListedAddresses(private=True),
        choose=list,
        connect=lambda link, family: "connected",
    )
    return found, hosts


def test_it_is_one_of_another_network_that_was_not_tried(restricted: Facts, well: Facts):
    first = replace(restricted, tried=(Tried(listed_server(3).key_text, "timeout"),))
    servers = [listed_server(1), listed_server(2), listed_server(3, network=7), listed_server(4, network=7)]
    assert asked(first, servers, well) == (well, ["server4.example"])
    assert asked(first, servers[:3], well) == (None, [])


def test_one_that_does_not_answer_is_no_opinion(restricted: Facts):
    away = Facts(plan=PLAN, reach=Reach(control="timeout"))
    other = [listed_server(4, network=7)]
    assert asked(restricted, other, away) == (None, ["server4.example"])
    assert asked(restricted, other, PeerError("full"))[0] is None
    assert asked(replace(restricted, reach=Reach(control="timeout")), other, restricted) == (None, [])


def test_none_is_asked_where_memory_is_too_little_to_judge_the_first(
    restricted: Facts, well: Facts, monkeypatch: pytest.MonkeyPatch
):
    """Whoever asked has the first facts, and keeps them."""

    def judge(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("talkpath.directory.choice.judge_facts", judge)
    assert asked(restricted, [listed_server(4, network=7)], well) == (None, [])
