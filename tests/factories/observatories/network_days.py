"""Made-up network-days and events for the tests."""

from __future__ import annotations

from datetime import date, timedelta

from talkpath.observatory.claims.ledger import Evidence
from talkpath.observatory.detect.assumptions import FOLDER_ASSUMPTIONS
from talkpath.observatory.detect.find import find_events
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import Event
from talkpath.observatory.findings.detector_input import counts_of_days


def dates_from(first: str, count: int) -> list[str]:
    start = date.fromisoformat(first)
    return [(start + timedelta(days=n)).isoformat() for n in range(count)]


def network_day(
    app: str,
    medium: str,
    on: str,
    *,
    network: str = "AS64496",
    country: str = "RU",
    restricted: int = 0,
    ok: int = 0,
    closed: int = 0,
    impaired: int = 0,
    rule: str = "media.drop",
    p: float | None = 0.3,
    way: str = "both",
    basis: str = "shape",
) -> NetworkDay:
    return NetworkDay(
        network=network,
        country=country,
        app=app,
        medium=medium,
        day=on,
        basis=basis,
        restricted=restricted,
        ok=ok,
        closed=closed,
        impaired=impaired,
        rules=(rule,) * restricted,
        ways=(way,) * restricted,
        ps=() if p is None else (p,) * restricted,
    )


def events_of_days(days: list[NetworkDay]) -> list[Event]:
    """The events of days in a folder that somebody trusts."""
    return find_events(counts_of_days(days), FOLDER_ASSUMPTIONS)


def network_names(count: int) -> list[str]:
    return [f"AS{64496 + n}" for n in range(count)]


def evidence_of_days(*found: list[NetworkDay]) -> Evidence:
    """Of these days, and of the events that are found in them."""
    days = [day for some in found for day in some]
    return Evidence(days, events_of_days(days))


def days_on_networks(
    app: str, medium: str, first: str, count: int = 3, on: int = 12, **said: object
) -> list[NetworkDay]:
    """The same on many networks, for so many days."""
    return [
        network_day(app, medium, when, network=network, **said)
        for network in network_names(on)  # type: ignore[arg-type]
        for when in dates_from(first, count)
    ]
