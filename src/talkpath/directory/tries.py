"""Makes a check with a server of a list: tries one after the other until one answers.

A server is first asked for a TLS handshake, which takes a few seconds at most; what the last server's control channel
meets is kept as a fact. What was tried in vain is in the facts (`tried`), by key and without an address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from talkpath.conduct.request import UNOBSERVED, Observer
from talkpath.directory.listed_server import ListedServer
from talkpath.directory.public_host import ListedAddresses
from talkpath.errors import PeerError
from talkpath.measure.facts import ControlOutcome, Facts, ServerOutcome, Tried
from talkpath.probe.control_dialling import try_connect
from talkpath.probe.invite_link import InviteLink

STOPPING_ENDINGS: Final = ("interrupted", "network_lost")
Measure = Callable[[InviteLink], Facts]
"""Makes the check with one server; `PeerError` where it turns the check away."""
Knock = Callable[[InviteLink, int], ControlOutcome]
"""How far a handshake with a server comes, over IPv4, IPv6 or (0) either: "connected" or a word of `Tried`."""


def check_with_one_of(
    servers: Sequence[ListedServer],
    measure: Measure,
    addresses: ListedAddresses,
    *,
    family: int = 0,
    knock: Knock = try_connect,
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
        link = addresses.link(server.link, family)
        met: ServerOutcome = "unresolved" if link is None else "connected" if last and diagnose else knock(link, family)
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


def _has_answered(facts: Facts) -> bool:
    """Whether anything was measured with this server, or another one would not change that."""
    return bool(facts.epochs) or facts.health.ended in STOPPING_ENDINGS
