"""What is shown of the directory: its list, and by country how many servers there are and how their tests went."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talkpath.observatory.responders.server_table import OfferedServer


class ShownServer(Struct, frozen=True):
    """One listed server. Its address is public: its operator offered it for that. `page` 0: it has no page."""

    key: str
    host: str
    port: int
    network_class: str
    country: str
    network: str
    free: int
    page: int
    operator: str
    tests: int
    passes: int


class CountryServers(Struct, frozen=True):
    """The listed servers of one country together."""

    country: str
    servers: int
    home: int
    free: int
    tests: int
    passes: int


class DirectorySummary(Struct, frozen=True):
    """The directory at one moment. `serial` and `issued_at` are those of the newest list."""

    key: str
    serial: int
    issued_at: str
    servers: tuple[ShownServer, ...] = ()
    countries: tuple[CountryServers, ...] = ()


def shown_server(known: OfferedServer) -> ShownServer:
    """What is shown of a listed server."""
    server = known.record.server
    return ShownServer(
        key=server.key_text,
        host=server.address.host,
        port=server.address.port,
        network_class=server.network_class,
        country=server.country,
        network=f"AS{server.network}",
        free=server.free,
        page=server.page,
        operator=server.operator,
        tests=known.record.tests,
        passes=known.record.passes,
    )


def by_country(servers: Sequence[ShownServer]) -> tuple[CountryServers, ...]:
    """The countries, the one with most servers first."""
    groups: dict[str, list[ShownServer]] = {}
    for server in servers:
        groups.setdefault(server.country, []).append(server)
    made = [
        CountryServers(
            country=country,
            servers=len(group),
            home=sum(server.network_class == "home" for server in group),
            free=sum(server.free for server in group),
            tests=sum(server.tests for server in group),
            passes=sum(server.passes for server in group),
        )
        for country, group in groups.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.servers, one.country)))
