"""What other hosts answered in the minute in which the test server did not (`probe.other_hosts`).

Contract: from one place, a server that is off and one whose address is held back look alike. Who keeps a list of test
servers tries them from elsewhere; without a fresh list nothing is said about the address of a silent server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from talkpath.measure.facts import Exchange, Facts

MIN_TRIES = 3  # connections, each from another port: a single 5-tuple may fail by itself
MIN_SILENT_HOSTS = 2  # so many hosts outside a list must be silent before a list explains it: one may be down
MAX_LISTED_S = 7200.0  # lists name the servers that answered within the hour before
MAX_BAD_LUCK = 1e-3  # the chance that all tries failed, given how often connections to other hosts fail
ONLINE, DOMESTIC = "online", "domestic"
NOT_ITS_OWN = "unexpected_answer"


class OtherHosts(NamedTuple):
    """The hosts that were asked, by id: those that answered, those that did not (`silent`), those in whose place
    something else did (`replaced`). `domestic`: those in the person's own country that answered; they are in none of
    the others."""

    answered: frozenset[str]
    silent: frozenset[str]
    replaced: frozenset[str]
    domestic: frozenset[str]

    @property
    def were_asked(self) -> bool:
        """Whether anybody was asked."""
        return any(self)

    @property
    def have_answered(self) -> bool:
        """Whether one of them answered itself, so that this device is online. Where a page to log in at answers for
        others, some hosts may be let through."""
        return bool(self.answered or (self.domestic and not self.replaced))


def other_hosts(facts: Facts) -> OtherHosts:
    """Return what the hosts answered that were asked beside a silent test server."""
    asked = [each for each in facts.exchanges if each.kind in (ONLINE, DOMESTIC)]
    abroad, home = ([each for each in asked if each.kind == kind] for kind in (ONLINE, DOMESTIC))
    answered = _hosts(each for each in abroad if each.ok)
    replaced = _hosts(each for each in asked if each.failure == NOT_ITS_OWN)
    return OtherHosts(
        answered=answered,
        silent=_hosts(abroad) - answered - replaced,
        replaced=replaced - answered,
        domestic=_hosts(each for each in home if each.ok),
    )


def _hosts(exchanges: Iterable[Exchange]) -> frozenset[str]:
    return frozenset(each.host for each in exchanges)


def server_is_silent(facts: Facts) -> bool:
    """Whether nothing came back at all, not even after the others had answered. A refusal is an answer: it comes from
    the host itself; and a router that says "unreachable" may know the host to be off."""
    reach = facts.reach
    tries = [attempt.outcome for attempt in reach.attempts].count("timeout") if reach.attempts else reach.tcp_tries
    return reach.control == "timeout" and reach.again in ("", "timeout") and tries >= MIN_TRIES and not reach.tcp_ok


def was_just_listed(facts: Facts) -> bool:
    """Whether somebody who tries servers from elsewhere named this one a short while ago."""
    return facts.reach.listed_s is not None and facts.reach.listed_s <= MAX_LISTED_S


def may_be_bad_luck(facts: Facts, others: OtherHosts) -> bool:
    """Whether all tries may have failed by chance: connections to hosts that do answer fail as often, as when one of
    several paths is broken."""
    alive = others.answered | others.domestic
    tried = [each.ok for each in facts.exchanges if each.neutral and each.host in alive]
    return bool(tried) and (tried.count(False) / len(tried)) ** facts.reach.tcp_tries > MAX_BAD_LUCK
