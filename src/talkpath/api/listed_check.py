"""Places a check to a test server of a directory's list, instead of one that somebody invited to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, NamedTuple

from talkpath.errors import PeerError

if TYPE_CHECKING:
    from talkpath.directory.fetch import FoundList
    from talkpath.directory.listed_server import ListedServer
    from talkpath.directory.tries import OnTry
    from talkpath.measure.facts import Facts, Plan
    from talkpath.verdict.model import Question
    from talkpath.wire.control.sign import Signer

FOLDER = "directories"


def find_list(place: str, state_folder: Path) -> FoundList | None:
    """The list at that place, or the one that comes with talkpath where `place` is ""; None where there is none.

    `PeerError` where it cannot be had or is refused, `UsageError` for a place that is none.
    """
    from talkpath.directory.directory_link import built_in_directories, parse_directory_link
    from talkpath.directory.fetch import ListReader
    from talkpath.directory.seen_lists import SeenLists

    links = [parse_directory_link(place)] if place else built_in_directories()
    reader = ListReader(SeenLists(state_folder / FOLDER))
    for link in links[:-1]:
        try:
            return reader.read(link)
        except PeerError:
            continue
    return reader.read(links[-1]) if links else None


class ListedCheck(NamedTuple):
    """The facts of a check with a server of a list, and those of the second opinion with the key that signs them."""

    facts: Facts
    second: tuple[Facts, Signer] | None = None


def measure_listed(
    plan: Plan,
    found: FoundList,
    country: str,
    family: int,
    signers: tuple[Signer, Signer],
    progress: Callable[[str, Facts, Question | None], None],
    on_try: OnTry,
    on_second: Callable[[], None],
) -> ListedCheck:
    """Carry out the plan with a server of the list, and go on with a second one where the result asks for that.

    `country` is the person's own, "" to take the directory's word for it. `signers` are the keys of both checks.
    `PeerError` where no server of the list can be tried, or the last one turned the check away.
    """
    from talkpath.conduct.run_check import run_check
    from talkpath.directory.choice import servers_to_try
    from talkpath.directory.second_opinion import ask_second, first_plan
    from talkpath.directory.tries import Measure, check_with_one_of

    servers = found.servers.servers

    def choose(some: Sequence[ListedServer]) -> list[ListedServer]:
        return servers_to_try(some, SystemRandom(), datetime.now(UTC), country=country or found.country)

    def measure(limited: Plan, signer: Signer) -> Measure:
        return lambda link: run_check(limited, link, family=family, key=signer.public, progress=progress)

    def tell_second(server: ListedServer, number: int, of: int) -> None:
        if number == 1:
            on_second()
        on_try(server, number, of)

    limited = first_plan(plan, servers)
    facts, asked = check_with_one_of(choose(servers), measure(limited, signers[0]), family=family, on_try=on_try)
    second = ask_second(
        plan,
        facts,
        asked,
        servers,
        lambda left: measure(left, signers[1]),
        choose=choose,
        family=family,
        on_try=tell_second,
    )
    return ListedCheck(facts, None if second is None else (second, signers[1]))
