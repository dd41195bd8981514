"""Places a check to a test server of a directory's list, instead of one that somebody invited to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from talkpath.errors import PeerError

if TYPE_CHECKING:
    from talkpath.directory.fetch import FoundList
    from talkpath.directory.tries import OnTry
    from talkpath.measure.facts import Facts, Plan
    from talkpath.probe.invite_link import InviteLink
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


def measure_listed(
    plan: Plan,
    found: FoundList,
    country: str,
    family: int,
    signer: Signer,
    progress: Callable[[str, Facts, Question | None], None],
    on_try: OnTry,
) -> Facts:
    """Carry out the plan with a server of the list, and return the facts. `country` is the person's own, "" to take the
    directory's word for it. `PeerError` where no server of the list can be tried, or the last one turned the check
    away."""
    from datetime import UTC, datetime

    from talkpath.conduct.run_check import run_check
    from talkpath.directory.choice import servers_to_try
    from talkpath.directory.tries import check_with_one_of

    def measure(link: InviteLink) -> Facts:
        return run_check(plan, link, family=family, key=signer.public, progress=progress)

    own = country or found.country
    servers = servers_to_try(found.servers.servers, SystemRandom(), datetime.now(UTC), country=own)
    facts, _ = check_with_one_of(servers, measure, family=family, on_try=on_try)
    return facts
