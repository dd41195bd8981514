"""Whom greetings in series and packets that expire on the way are sent to, and how much that is at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from talkpath.apps import shapes
from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.experiment.budget import IP_UDP_BYTES
from talkpath.measure.bounds import MOST_GREETINGS
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.endpoint_engine import ROUNDS
from talkpath.probe.own_addresses.datagrams import STUN_GREETING_BYTES
from talkpath.probe.own_addresses.engine import LEAST_ANSWERS, MOST_RATE, SHARE
from talkpath.probe.own_addresses.flights import FLIGHT_CELLS
from talkpath.probe.own_addresses.series import ANSWER_S, EVERY_S, Target
from talkpath.probe.own_addresses.trial import RATE, TRIAL_S
from talkpath.verdict.bases.own_addresses.questions import EPOCHS, MOST_LOCATING, PACKETS, K, imitated_arm
from talkpath.wire.ip.address import Address

SERVERS_ASKED = 3  # of each app, and neutral ones
SERIES_GREETINGS = MOST_GREETINGS - ROUNDS  # greetings: each server was greeted up to ROUNDS times before
LADDER_S = 15.0  # the way to one server
USUAL_BYTES = 200.0


class OwnAddressPlan(NamedTuple):
    """What would be sent at most. `greetings` are to each of `rows`; `packets` expire on the way. `seconds` where
    routers answer readily, `most_seconds` where they answer as little as is enough."""

    rows: tuple[EndpointRow, ...]
    greetings: int
    packets: int
    bytes: int
    seconds: float
    most_seconds: float


def chosen_rows(chosen: ChosenEndpoints) -> tuple[EndpointRow, ...]:
    """Return the servers that take greetings from anybody: up to SERVERS of each app, and as many neutral ones."""
    apps = dict.fromkeys(row.app for row in chosen.rows)
    mine = [[row for row in chosen.rows if row.app == app and row.kind == "stun"][:SERVERS_ASKED] for app in apps]
    own = [row for rows in mine for row in rows]
    neutral = [row for row in chosen.neutral if row.kind == "stun"][:SERVERS_ASKED]
    return (*own, *neutral) if own else ()


def make_plan(chosen: ChosenEndpoints, tier: int) -> OwnAddressPlan | None:
    """Return what that tier sends beside single requests; None where nothing."""
    rows = chosen_rows(chosen) if tier >= 2 else ()
    if not rows:
        return None
    apps = [app for app in dict.fromkeys(row.app for row in rows) if app and imitated_arm(app)] if tier >= 3 else []
    epochs = (EPOCHS + MOST_LOCATING) * len(apps)
    flown = epochs * len(FLIGHT_CELLS) * K * PACKETS
    packets = flown + round(epochs * RATE * TRIAL_S)
    greeting = STUN_GREETING_BYTES + IP_UDP_BYTES[6]
    series_s = SERIES_GREETINGS * EVERY_S + ANSWER_S
    ladders_s = LADDER_S * len(rows) if apps else 0.0
    return OwnAddressPlan(
        rows=rows,
        greetings=MOST_GREETINGS,
        packets=packets,
        bytes=round(MOST_GREETINGS * len(rows) * greeting + sum(map(_epoch_bytes, apps)) * (EPOCHS + MOST_LOCATING)),
        seconds=series_s + ladders_s + flown / MOST_RATE,
        most_seconds=series_s + ladders_s + flown / (LEAST_ANSWERS * SHARE),
    )


def _epoch_bytes(app: str) -> float:
    """About how much an epoch of the app's calls sends."""
    from random import Random

    arm = imitated_arm(app)
    slots = shapes()[arm].schedule(Random(0), PACKETS).slots if arm else ()
    up = [max(slot.size, KEY_BYTES) + IP_UDP_BYTES[6] for slot in slots if slot.direction == "up"][:PACKETS]
    return len(FLIGHT_CELLS) * K * float(sum(up)) + RATE * TRIAL_S * USUAL_BYTES


def server_targets(
    chosen: ChosenEndpoints, addresses: Callable[[EndpointRow], Sequence[Address]], family: int
) -> tuple[int, list[Target]]:
    """Return the address family and the servers that have an address of it: the one that was asked for (0: any), where
    an app's server and a neutral one have both."""
    rows = chosen_rows(chosen)
    for wanted in (family,) if family else (4, 6):
        found = [(row, [each for each in addresses(row) if each.family == wanted]) for row in rows]
        made = [Target(row, Address(known[0].packed, row.port)) for row, known in found if known]
        if {bool(target.row.app) for target in made} == {False, True}:
            return wanted, made
    return family or 4, []
