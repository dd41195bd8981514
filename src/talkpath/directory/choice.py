"""Which servers of a list a check asks, and in which order.

Servers in the person's own country are left out: a check has to cross the network in question. Then those that had free
places come before full ones, homes before unknown networks before hosting (some networks freeze UDP towards hosting
providers), and the rest is chance, weighted by free places: if everybody who reads a list took its freest server, that
server would be full at once. Free places are the operator's word, so more than a few of them count for no more. A
network that was tried comes again only after all others: whoever blocks one server may block its neighbours.

Makes a check with a server of a list: tries one after the other until one answers.

A server is first asked for a TLS handshake, which takes a few seconds at most; what the last server's control channel
meets is kept as a fact. What was tried in vain is in the facts (`tried`), by key and without an address.

Goes on with a second server of the list where the first one's result is restricted, closed or unreachable.

Both checks together keep to the budget of one: the first leaves a quarter of the bytes and of the time. The second asks
about the apps in question alone, with a key and seeds of its own, and is tried in another network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace as replace_link
from datetime import datetime
from random import Random
from typing import Final

from msgspec.structs import replace

from talkpath.conduct.request import UNOBSERVED, Observer
from talkpath.directory.listed_server import ListedAddresses, ListedServer, NetworkClass, minute_of
from talkpath.errors import PeerError
from talkpath.measure.facts import ControlOutcome, Facts, Plan, ServerOutcome, Tried
from talkpath.probe.control_dialling import FURTHEST_STEPS, try_connect
from talkpath.probe.invite_link import InviteLink
from talkpath.verdict.bases.second_server import wants_second
from talkpath.verdict.judge import judge_facts

MAX_SERVERS_TRIED: Final = 5
MAX_FREE_PLACES_COUNTED: Final = 4
NETWORK_CLASS_RANKS: Final[dict[NetworkClass, int]] = {"home": 0, "unknown": 1, "hosting": 2}
UNKNOWN_COUNTRY: Final = "ZZ"


def servers_to_try(
    servers: Sequence[ListedServer],
    rng: Random,
    now: datetime,
    *,
    country: str = "",
    most: int = MAX_SERVERS_TRIED,
) -> list[ListedServer]:
    """The servers to try, in this order. `country` is the person's own, "" where it is not known."""
    minute = minute_of(now)
    usable = [
        server
        for server in servers
        if not server.country == country != UNKNOWN_COUNTRY and (not server.until or server.until > minute)
    ]
    return _new_networks_first(sorted(usable, key=lambda server: _choice_order(server, rng)))[:most]


def _new_networks_first(servers: Sequence[ListedServer]) -> list[ListedServer]:
    """The servers in this order, but the first one of each network before all others; unknown networks are apart."""
    first: list[ListedServer] = []
    again: list[ListedServer] = []
    seen: set[int] = set()
    for server in servers:
        (again if server.network in seen else first).append(server)
        seen.update((server.network,) if server.network else ())
    return first + again


def _choice_order(server: ListedServer, rng: Random) -> tuple[bool, int, float]:
    """Sorted by this, one server comes before another with the odds of their free places."""
    chance = rng.random() ** (1.0 / min(max(server.free, 1), MAX_FREE_PLACES_COUNTED))
    return server.free == 0, NETWORK_CLASS_RANKS[server.network_class], -chance


STOPPING_ENDINGS: Final = ("interrupted", "network_lost")
Measure = Callable[[InviteLink], Facts]
"""Makes the check with one server; `PeerError` where it turns the check away."""
TryConnect = Callable[[InviteLink, int], ControlOutcome]
"""How far a handshake with a server comes, over IPv4, IPv6 or (0) either: "connected" or a word of `Tried`."""


def check_with_one_of(
    servers: Sequence[ListedServer],
    measure: Measure,
    addresses: ListedAddresses,
    *,
    family: int = 0,
    connect: TryConnect = try_connect,
    observer: Observer = UNOBSERVED,
    diagnose: bool = True,
) -> tuple[Facts, ListedServer, InviteLink]:
    """The facts of the first server that answers, that server, and its link with the addresses that were called. Where
    none does, those of the last one, which has what its control channel met unless `diagnose` is false; `PeerError`
    where it turned the check away or nothing came of it. `addresses` are those that this check may connect to."""
    tried: list[Tried] = []
    for number, server in enumerate(servers, 1):
        last = number == len(servers)
        observer.server_tried(number, len(servers), server.country, server.operator)
        found = addresses.link(server.link, family)
        met, link = _try_each_address(found, family, None if last and diagnose else connect)
        if link is not None and met == "connected":
            try:
                facts = measure(link)
            except PeerError:
                if last:
                    raise
                met = "turned_away"
            else:
                if last or _has_answered(facts):
                    return replace(facts, tried=tuple(tried)), server, link
                met = facts.reach.control if facts.reach.control != "connected" else "lost"
        tried.append(Tried(server.key_text, met))
    raise PeerError("The list of test servers has none that can be tried from here; get a newer list.")


def _try_each_address(
    link: InviteLink | None, family: int, connect: TryConnect | None
) -> tuple[ServerOutcome, InviteLink | None]:
    """How far a handshake comes at the address where it comes furthest, and the link without the addresses before the
    one that showed the key: what a list names and is no test server takes one connection, and is not asked again."""
    if link is None or connect is None:
        return "unresolved" if link is None else "connected", link
    outcomes: list[ControlOutcome] = []
    for at in range(len(link.addresses)):
        outcomes.append(connect(replace_link(link, addresses=link.addresses[at : at + 1]), family))
        if outcomes[-1] == "connected":
            return "connected", replace_link(link, addresses=link.addresses[at:])
    return max(outcomes, key=FURTHEST_STEPS.index) if outcomes else connect(link, family), link


def _has_answered(facts: Facts) -> bool:
    """Whether anything was measured with this server, or another one would not change that."""
    return bool(facts.epochs) or facts.health.ended in STOPPING_ENDINGS


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
    connect: TryConnect = try_connect,
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
            chosen, measure(limited), addresses, family=family, connect=connect, observer=observer, diagnose=False
        )
    except (PeerError, MemoryError):  # what the first check measured is kept, whatever its judge lacks
        return None
    return facts if any(not epoch.missing for epoch in facts.epochs) else None


def _network_or_host(server: ListedServer) -> int | str:
    """Its network, or its host where the network is not known."""
    return server.network or server.address.host
