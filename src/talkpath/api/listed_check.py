"""Places a check to a test server of a directory's list, instead of one that somebody invited to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from random import SystemRandom
from typing import TYPE_CHECKING, NamedTuple

from talkpath.errors import PeerError

if TYPE_CHECKING:
    from talkpath.conduct.request import CheckRequest, Observer
    from talkpath.directory.fetch import FoundList
    from talkpath.directory.listed_server import ListedAddresses, ListedServer
    from talkpath.measure.facts import Facts, Plan
    from talkpath.probe.invite_link import InviteLink
    from talkpath.wire.control.keys import Signer

LISTS_FOLDER = "directories"


def find_list(place: str) -> FoundList | None:
    """The list at that place, or the one that comes with talkpath where `place` is ""; None where there is none.

    `PeerError` where it cannot be had or is refused, `UsageError` for a place that is none.
    """
    from talkpath.api.state_folder import state_folder
    from talkpath.directory.fetch import ListReader, SeenLists
    from talkpath.directory.server_list import built_in_directories, parse_directory_link

    links = [parse_directory_link(place)] if place else built_in_directories()
    reader = ListReader(SeenLists(state_folder() / LISTS_FOLDER))
    for link in links[:-1]:
        with suppress(PeerError):
            return reader.read(link)
    return reader.read(links[-1]) if links else None


def answering_links(found: FoundList, country: str, family: int, most: int = 1) -> list[str]:
    """Links to at most so many servers of the list that answer from here, each in another network, in an order drawn as
    for a check.

    `country` is the person's own, "" to take the directory's word for it. `PeerError` where no server can be tried, or
    none answers.
    """
    from talkpath.directory.choice import servers_to_try
    from talkpath.probe.control_dialling import try_connect

    answered, networks = list[str](), set[int]()
    addresses = listed_addresses()
    tried = servers_to_try(found.servers.servers, SystemRandom(), datetime.now(UTC), country=country or found.country)
    for server in tried:
        if server.network in networks or len(answered) == most:
            continue
        link = addresses.link(server.link, family)
        for one in _each_address(link) if link else ():
            if try_connect(one, family) == "connected":
                answered.append(one.text())
                networks.update((server.network,) if server.network else ())
                break
    if not tried:
        raise PeerError("The list of test servers has none that can be tried from here; get a newer list.")
    if not answered:
        raise PeerError("No test server of the list answers from here; `talkpath check` with it tells what it met.")
    return answered


def _each_address(link: InviteLink) -> list[InviteLink]:
    """A link for each address that the link may be tried at: whoever uses it later looks nothing up."""
    return [replace(link, host=address, addresses=(address,)) for address in link.addresses] or [link]


def listed_addresses() -> ListedAddresses:
    """The addresses that a check may connect to because a list names them: private ones only where the person says that
    the list is one of their own network, in TALKPATH_PRIVATE_SERVERS."""
    from talkpath.directory.listed_server import ListedAddresses

    return ListedAddresses(private=bool(os.environ.get("TALKPATH_PRIVATE_SERVERS")))


class ListedCheck(NamedTuple):
    """The facts of a check with a server of a list, those of the second opinion with the key that signs them, and the
    link by which the first server may be called again, as for control traffic beside a call: at the address that showed
    the key, else at those that were tried. Nothing is looked up again, so that a name that was pointed elsewhere
    meanwhile leads nowhere else."""

    facts: Facts
    second: tuple[Facts, Signer] | None
    link: InviteLink


def measure_listed(
    request: CheckRequest, found: FoundList, signers: tuple[Signer, Signer], observer: Observer
) -> ListedCheck:
    """Check with a server of the list, and go on with a second one where the result asks for that.

    `signers` are the keys of both checks. `PeerError` where no server of the list can be tried, or the last one turned
    the check away.
    """
    from talkpath.conduct.other_family import check_other_family, halved_plan
    from talkpath.conduct.run_check import run_check
    from talkpath.directory.choice import Measure, ask_second, check_with_one_of, first_plan, servers_to_try

    servers, country = found.servers.servers, request.country or found.country

    def choose(some: Sequence[ListedServer]) -> list[ListedServer]:
        return servers_to_try(some, SystemRandom(), datetime.now(UTC), country=country)

    def measure(limited: Plan, signer: Signer) -> Measure:
        part = replace(request, plan=limited, relays=request.relays if limited.relays else None)
        return lambda link: run_check(part, link, signer.public, observer)

    plan = first_plan(request.plan, servers)
    if request.family == 0:  # the server that is found may have both versions of IP
        plan = halved_plan(plan, 1.0)
    first, addresses = measure(plan, signers[0]), listed_addresses()
    facts, asked, link = check_with_one_of(choose(servers), first, addresses, family=request.family, observer=observer)
    facts = _with_age(facts, found)
    second = ask_second(
        request.plan,
        facts,
        asked,
        servers,
        lambda left: measure(left, signers[1]),
        addresses,
        choose=choose,
        family=request.family,
        observer=observer,
    )
    if second is None and request.family == 0:
        other = _at_addresses_of(link, 10 - facts.family)
        showed_no_key = any(one.hello and one.outcome != "connected" for one in facts.reach.attempts)
        if not link.addresses or (other.addresses and not showed_no_key):
            second = check_other_family(request, facts, other, signers[1].public, observer)
    return ListedCheck(
        facts=facts,
        second=None if second is None else (second, signers[1]),
        link=_at_addresses_of(link, facts.family) if facts.reach.control == "connected" else link,
    )


def _at_addresses_of(link: InviteLink, family: int) -> InviteLink:
    """The link at those of its addresses that are of one version of IP."""
    return replace(link, addresses=tuple(one for one in link.addresses if (":" in one) == (family == 6)))


def _with_age(facts: Facts, found: FoundList) -> Facts:
    """The facts of a check whose server did not answer, with the age of the list that names it."""
    from msgspec import structs

    if facts.reach.control == "connected":
        return facts
    age_s = (datetime.now(UTC) - found.servers.issued_at).total_seconds()
    return structs.replace(facts, reach=structs.replace(facts.reach, listed_s=round(min(max(0.0, age_s), 86_400.0))))
