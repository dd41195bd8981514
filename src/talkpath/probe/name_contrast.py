"""Chooses which names are said to whom where an app's TLS host completes no handshake: the contrast that tells a rule
about a name from an outage, as Hyperquack does (VanderSloot et al., USENIX Security 2018).

Neutral servers are sent a ClientHello with the app's name and one with another neutral server's: both name somebody
else, so a server that minds foreign names minds both. The app's server is sent one with its own name and one with a
neutral server's. All have the same bytes but for name and keys. It goes on only while neutral servers answer each
other's names each time, and never the app's: an outage of the app therefore ends it after one round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.wire.tls import client_hello

NAME_KIND: Final = "tls.name"
NAME_ROUNDS: Final = 4
NAMES_OF_AN_APP: Final = 2
NEUTRAL_SERVERS: Final = 2
HELLOS_A_ROUND: Final = 2 * NEUTRAL_SERVERS + 2  # ClientHellos in a round, for one name
# of one ClientHello in five seconds, where nothing is acknowledged: a retry after 0.2 s, then doubled
MAX_SENDS: Final = 5
AROUND_PACKETS, AROUND_BYTES = 4, 60  # of its connection; headers of IPv6 and TCP
Cell = tuple[EndpointRow, EndpointRow]


class NamePlan(NamedTuple):
    """What is sent at most: `names` are said to the `neutral` servers, and theirs to the servers of these names."""

    names: tuple[str, ...]
    neutral: tuple[str, ...]
    hellos: int
    packets: int
    bytes: int


def neutral_names(chosen: ChosenEndpoints) -> list[EndpointRow]:
    """Return the neutral servers that names are said to: none where fewer than two have a name and speak TLS."""
    named = [row for row in chosen.neutral if row.kind == "tls" and row.is_name]
    return named[:NEUTRAL_SERVERS] if len(named) >= NEUTRAL_SERVERS else []


def names_of_apps(chosen: ChosenEndpoints) -> list[EndpointRow]:
    """Return the servers of apps whose names may be said to others."""
    return [row for row in chosen.rows if row.kind == "tls" and row.is_name]


def plan_names(chosen: ChosenEndpoints) -> NamePlan | None:
    """Return what may be said to whom; None where there is nothing."""
    named, neutral = names_of_apps(chosen), neutral_names(chosen)
    if chosen.names_only or not named or not neutral:
        return None
    apps = [row.app for row in named]
    hellos = HELLOS_A_ROUND * NAME_ROUNDS * sum(min(NAMES_OF_AN_APP, apps.count(app)) for app in set(apps))
    longest = max(len(client_hello("openssl", row.host, Random(0))) for row in (*named, *neutral))
    each = MAX_SENDS * (longest + AROUND_BYTES) + AROUND_PACKETS * AROUND_BYTES
    return NamePlan(
        names=tuple(dict.fromkeys(row.host for row in named)),
        neutral=tuple(row.host for row in neutral),
        hellos=hellos,
        packets=hellos * (MAX_SENDS + AROUND_PACKETS),
        bytes=hellos * each,
    )


def name_cells(chosen: ChosenEndpoints, exchanges: Sequence[Exchange], number: int) -> list[Cell]:
    """Return (whom, with whose name) of round `number`."""
    neutral = neutral_names(chosen)
    named = _rows_unanswered(chosen, exchanges, number) if neutral else []
    return [cell for row in named for cell in _round_cells(row, neutral)]


def _round_cells(row: EndpointRow, neutral: Sequence[EndpointRow]) -> Iterator[Cell]:
    yield from ((row, row), (row, neutral[-1]))
    for place, server in enumerate(neutral):
        yield from ((server, row), (server, neutral[place - 1]))


def _rows_unanswered(chosen: ChosenEndpoints, exchanges: Sequence[Exchange], number: int) -> list[EndpointRow]:
    """The rows that are asked about: those that go on, or that completed no handshake so far and were not refused."""
    tls = [each for each in exchanges if each.kind == "tls" and each.round < number]
    over = {each.host for each in tls if each.ok or each.failure == "connection_refused"}
    rows = [row for row in names_of_apps(chosen) if row.id in {each.host for each in tls} - over]
    said = [each for each in exchanges if each.kind == NAME_KIND and each.neutral]
    if not said:
        return [row for place, row in enumerate(rows) if _rows_before(rows[:place], row.app) < NAMES_OF_AN_APP]
    apps, asked = {row.id for row in names_of_apps(chosen)}, {each.name for each in said}
    answered = {each.name for each in said if each.ok}
    alive = all(each.ok for each in said if each.name not in apps)
    enough = len({each.round for each in said}) >= NAME_ROUNDS
    return [row for row in rows if row.id in asked - answered] if alive and not enough else []


def _rows_before(rows: Sequence[EndpointRow], app: str) -> int:
    return sum(row.app == app for row in rows)
