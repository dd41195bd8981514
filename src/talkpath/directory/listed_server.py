"""One test server as a list names it: its address, its key, its invitation and what its operator says of it.

The address of a listed server is public because its operator offered it for that. It has a type of its own, so that it
is never taken for the address of somebody who runs a check (`wire.ip.address`), which is kept nowhere.

Which addresses of a host are called that somebody offers or lists: public ones, looked up once.

Contract: a name is looked up once, and the address found is what is called: a name that changes its address in between
leads nowhere else. Private addresses are refused, so that nobody makes an observatory, or the device of a person who
checks, look into its own network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.probe.invite_link import InviteLink
from talkpath.wire.control.invitation import TOKEN_BYTES
from talkpath.wire.control.keys import KEY_BYTES, raw_key_text

NOT_PUBLIC_NETWORKS: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "::/96",
            "::ffff:0:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)
"""IPv6 addresses that stand for an IPv4 address, which may be private (IPv4-compatible, translated, NAT64, Teredo,
6to4), and ranges of one site or one operator that Python calls global (segment routing, RFC 9602; site-local)."""


def resolve_host(host: str) -> list[str]:
    """The addresses of a host, in the system's order; empty where there are none. May wait for the name service."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(_without_mapping(ipaddress.ip_address(str(sockaddr[0])))) for *_, sockaddr in found))


def is_public(address: str) -> bool:
    """Whether an address literal belongs to the public internet."""
    try:
        literal = _without_mapping(ipaddress.ip_address(address))
    except ValueError:
        return False
    refused = any(literal in network for network in NOT_PUBLIC_NETWORKS if network.version == literal.version)
    return literal.is_global and not literal.is_multicast and not refused


def _without_mapping(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4-mapped address as the IPv4 address that it is."""
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(slots=True)
class ListedAddresses:
    """The addresses that one check may connect to because a list names them: public ones, each for one server only.

    Whoever signs a list names the addresses, so these may be those of the person's own network, or of somebody who
    never agreed to be called. `private` is for a list of one's own network: then every address will do.
    """

    private: bool = False
    lookup: Callable[[str], list[str]] = resolve_host
    used: set[str] = field(default_factory=set)

    def link(self, link: InviteLink, family: int) -> InviteLink | None:
        """The link with the addresses that it may be tried at, one of each wanted family; None where there is none."""
        if self.private:
            return link
        first: dict[int, str] = {}
        for address in self.lookup(link.host):
            version = 6 if ":" in address else 4
            if family in (0, version) and address not in self.used and is_public(address):
                first.setdefault(version, address)
        chosen = tuple(first.values())
        self.used.update(chosen)
        return replace(link, addresses=chosen) if chosen else None


MAX_LISTED_SERVER_BYTES: Final = 200
MOST_OPERATOR_BYTES: Final = 40
MOST_PLACES: Final = 4096
FIRST_MINUTE: Final = datetime(1970, 1, 1, tzinfo=UTC)

NetworkClass = Literal["home", "hosting", "unknown"]
Key = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
PublicHost = Annotated[str, Meta(pattern=r"^[A-Za-z0-9:][A-Za-z0-9_.:-]{0,62}\Z")]
PublicPort = Annotated[int, Meta(ge=1, le=65535)]
PublicPortOrNone = Annotated[int, Meta(ge=0, le=65535)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
SystemNumber = Annotated[int, Meta(ge=0, lt=1 << 32)]
Minute = Annotated[int, Meta(ge=0, lt=4_000_000_000)]  # to the year 9575: calendars end at 9999
CheckPlaces = Annotated[int, Meta(ge=0, le=MOST_PLACES)]
OperatorName = Annotated[str, Meta(max_length=MOST_OPERATOR_BYTES)]


class PublicAddress(Struct, frozen=True, array_like=True, gc=False):
    """Where a listed server answers: a name or an address, and its control ports (`also` 0: there is no second)."""

    host: PublicHost
    port: PublicPort
    also: PublicPortOrNone = 0


class ListedServer(Struct, frozen=True, array_like=True, gc=False):
    """One entry of a list, at most 200 bytes as MessagePack.

    `token` and `until` are an invitation (16 bytes and the minute since 1970 at which it ends, 0 for never; an empty
    token for a server that is open to everybody). `network` is an AS number, 0 for unknown, `country` "ZZ" for unknown.
    `free` are the sessions that it had room for, `page` the port of its page for phones, 0 for none. `operator` is who
    runs it, in the operator's own words.
    """

    key: Key
    address: PublicAddress
    token: Annotated[bytes, Meta(max_length=TOKEN_BYTES)] = b""
    until: Minute = 0
    network_class: NetworkClass = "unknown"
    country: Country = "ZZ"
    network: SystemNumber = 0
    free: CheckPlaces = 0
    page: PublicPortOrNone = 0
    operator: OperatorName = ""

    @property
    def key_text(self) -> str:
        """The key as in links and facts."""
        return raw_key_text(self.key)

    @property
    def link(self) -> InviteLink:
        """The invitation to this server."""
        return InviteLink(
            host=self.address.host,
            port=self.address.port,
            key=self.key_text,
            until=FIRST_MINUTE + timedelta(minutes=self.until) if self.until else None,
            also=self.address.also,
            token=self.token if len(self.token) == TOKEN_BYTES else b"",
        )


def minute_of(moment: datetime | None) -> int:
    """The minute since 1970 of an invitation's end, 0 for none."""
    return 0 if moment is None else int((moment - FIRST_MINUTE) / timedelta(minutes=1))


def entry_bytes(server: ListedServer) -> int:
    """How many bytes the entry has in a list."""
    return len(msgspec.msgpack.encode(server))
