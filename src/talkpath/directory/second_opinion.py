"""Goes on with a second server of the list where the first one's result is restricted, closed or unreachable.

Both checks together keep to the budget of one: the first leaves a quarter of the bytes and of the time. The second asks
about the apps in question alone, with a key and seeds of its own, and is tried in another network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from talkpath.conduct.request import UNOBSERVED, Observer
from talkpath.directory.choice import Knock, Measure, check_with_one_of
from talkpath.directory.listed_server import ListedAddresses, ListedServer
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts, Plan
from talkpath.probe.control_dialling import try_connect
from talkpath.verdict.bases.second_server import wants_second
from talkpath.verdict.judge import judge_facts

FIRST_CHECK_BUDGET_SHARE: Final = 0.75
MIN_SECOND_BYTES, MIN_SECOND_S = 400_000, 8.0
MAX_SECOND_TRIES: Final = 2


def first_plan(plan: Plan, servers: Sequence[ListedServer]) -> Plan:
    """The plan of the first check: it leaves something for a second one where the list has another network."""
    if len({_network_or_host(server) for server in servers}) < 2:
        return plan
    return replace(
        plan,
        budget_bytes=int(FIRST_CHECK_BUDGET_SHARE * plan.budget_bytes),
        budget_s=FIRST_CHECK_BUDGET_SHARE * plan.budget_s,
    )


def second_plan(plan: Plan, first: Facts) -> Plan | None:
    """The plan of the second check: what the first one left of the whole `plan`, for the apps in question. None where
    none is wanted, or too little is left for one. Tries in vain do not count: nothing was measured then."""
    asked = {(verdict.app, verdict.medium) for verdict in wants_second(judge_facts(first))}
    arms = tuple(arm for arm in first.plan.arms if (arm.app, arm.medium) in asked)
    left_bytes = plan.budget_bytes - first.bytes_sent - first.bytes_received
    left_s = plan.budget_s - first.duration_s
    if (
        not arms
        or left_bytes < MIN_SECOND_BYTES
        or left_s < MIN_SECOND_S
        or first.health.ended in ("interrupted", "network_lost")
    ):
        return None
    return replace(plan, arms=arms, budget_bytes=left_bytes, budget_s=left_s, watch_s=0.0, transports=False, relays=())


def ask_second(
    plan: Plan,
    first: Facts,
    asked: ListedServer,
    servers: Sequence[ListedServer],
    measure: Callable[[Plan], Measure],
    addresses: ListedAddresses,
    *,
    choose: Callable[[Sequence[ListedServer]], list[ListedServer]],
    knock: Knock = try_connect,
    family: int = 0,
    observer: Observer = UNOBSERVED,
) -> Facts | None:
    """The facts of a check with a second server; None where none is wanted, none is there, or none answers."""
    passed_over = {asked.key_text, *(tried.key for tried in first.tried)}
    others = [
        server
        for server in servers
        if server.key_text not in passed_over and _network_or_host(server) != _network_or_host(asked)
    ]
    chosen = choose(others)[:MAX_SECOND_TRIES]
    try:
        limited = second_plan(plan, first)
        if limited is None or first.reach.control != "connected" or not chosen:
            return None
        observer.second_server_asked()
        facts, *_ = check_with_one_of(
            chosen, measure(limited), addresses, family=family, knock=knock, observer=observer, diagnose=False
        )
    except (PeerError, MemoryError):  # what the first check measured is kept, whatever its judge lacks
        return None
    return facts if any(not epoch.missing for epoch in facts.epochs) else None


def _network_or_host(server: ListedServer) -> int | str:
    """Its network, or its host where the network is not known."""
    return server.network or server.address.host
