"""Decides whether an app's packets are held back on the way to its own addresses, and what that is bound to.

| fares worse | than | the rule is bound to |
|---|---|---|
| a call's bytes, towards the app and the neutral address | random bytes | shape |
| a call's bytes, towards the app's address alone | random bytes | both |
| random bytes towards the app's address | random bytes towards the neutral one | address |

Bytes alone can accuse: they were drawn over 5-tuples. Addresses were not: a router chooses the next hop by the
destination, and one that loses packets and never answers looks like a rule about everything behind it. The unit of
evidence is then the route: which servers lie behind a bad one is chance, and with three servers against three it is
the app's once in 20 (`route_odds`), however many packets are sent. So from one place an address is never proven. It is
told as consistent with a rule (`elsewhere` "routes") where nothing but routes explains it: every server of the app that
could be compared is hit, two at least, with a call's bytes too; the ways were the same at each hop that answered;
nearly every 5-tuple is hit, which a hash over paths does not do; and the share is more than two good paths differ by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb, log
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.endpoint_facts import EndpointFacts, ExpiringEpoch
from talkpath.measure.facts import ALPHA
from talkpath.verdict.bases.own_addresses.contrasts import (
    ADDRESS,
    CALL_ADDRESS,
    PAIRS,
    SHAPE,
    SHAPE_HERE,
    SHAPE_THERE,
    AnswerContrast,
    Cell,
    Pair,
    answer_bits,
    answer_contrast,
    any_part,
    cells_of,
    flows_of,
)
from talkpath.verdict.bases.own_addresses.naming import name_rule

Bound = Literal["", "shape", "address", "both"]

ROUTES = "routes"
LEAST_SERVERS = 2
MORE_THAN_PATHS_DIFFER = 0.1
MAX_UNTOUCHED_SHARE = 0.15  # of the 5-tuples at most may fare as the neutral ones do, where an address is held back
LIKELY_LOG_E = log(20.0)


class Reading(NamedTuple):
    """What epochs of one app say. `bound` "" where nothing is shown, or (with `proven`) what it is bound to is not.
    `pair` is the contrast that shows it. `elsewhere`: an address fares worse, and why that is no proof."""

    proven: bool
    bound: Bound
    pair: Pair
    contrast: AnswerContrast
    elsewhere: str = ""

    @property
    def shown(self) -> bool:
        """Whether something on the way drops the app's packets: a rule, or a route that is bad for all there is."""
        return self.proven or self.elsewhere == ROUTES

    @property
    def treated(self) -> Pair:
        """The cells that the rule acts on, and those that it leaves alone."""
        return SHAPE if self.bound == "shape" else self.pair


def finding_epochs(facts: EndpointFacts, app: str, carries: str = "") -> list[ExpiringEpoch]:
    """Return the app's epochs that compare, without those that look for the place."""
    mine = (epoch for epoch in facts.epochs if epoch.app == app and carries in ("", epoch.carries))
    return [epoch for epoch in mine if not epoch.missing and not epoch.why]


def read_epochs(facts: EndpointFacts, app: str) -> Reading:
    """Read all epochs of the app."""
    calls = finding_epochs(facts, app, "call")
    limit = log(len(PAIRS) * max(1, len(facts.apps)) / ALPHA)
    here, there = (any_part(calls, pair, facts.seed) for pair in (SHAPE_HERE, SHAPE_THERE))
    if _shown_bound(here, limit):
        return Reading(True, _bound_of_bytes(calls, facts.seed), SHAPE_HERE, here)
    if _shown_bound(there, limit) and here.low > 0.0:
        return Reading(True, "shape", SHAPE_HERE, here)
    epochs = finding_epochs(facts, app)
    found = any_part(epochs, ADDRESS, facts.seed)
    if not _shown_bound(found, limit):
        return Reading(False, "", ADDRESS, found)
    doubt = _why_doubted(epochs, found, facts.seed)
    return Reading(False, "address" if doubt == ROUTES else "", ADDRESS, found, doubt)


def route_odds(epochs: Sequence[ExpiringEpoch]) -> int:
    """Return among how many choices of as many destinations, those behind bad routes, the app's are one."""
    own, neutral = ({getattr(epoch, side) for epoch in epochs} for side in ("host", "beside"))
    return comb(len(own) + len(neutral), len(own))


def _shown_bound(found: AnswerContrast, limit: float) -> bool:
    return found.log_e >= limit and found.low > 0.0


def _bound_of_bytes(calls: Sequence[ExpiringEpoch], seed: bytes) -> Bound:
    """Whether a call's bytes fare worse towards the neutral address too, by the packets on which the rule acts."""
    slots = name_rule(calls, SHAPE_HERE, seed).slots
    here, there = (answer_contrast(calls, pair, seed, slots) for pair in (SHAPE_HERE, SHAPE_THERE))
    if there.low > 0.0:
        return "shape"
    return "both" if there.high < here.low else ""


def _why_doubted(epochs: Sequence[ExpiringEpoch], found: AnswerContrast, seed: bytes) -> str:
    """Why that the app's address fares worse is no proof of a rule: routes, where nothing else explains it."""
    servers = {epoch.host for epoch in epochs}
    if len(servers) < LEAST_SERVERS:
        return "single_server"
    of_host = ([epoch for epoch in epochs if epoch.host == host] for host in servers)
    if not all(any_part(own, ADDRESS, seed).log_e >= LIKELY_LOG_E for own in of_host):
        return "some_servers"
    if not all(epoch.same_way for epoch in epochs):
        return "another_way"
    if found.low < MORE_THAN_PATHS_DIFFER:
        return "little"
    calls = [epoch for epoch in epochs if epoch.carries == "call"]
    if calls and any_part(calls, CALL_ADDRESS, seed).log_e < LIKELY_LOG_E:
        return "random_alone"
    return "some_flows" if _untouched_share(epochs) > MAX_UNTOUCHED_SHARE else ROUTES


def _untouched_share(epochs: Iterable[ExpiringEpoch]) -> float:
    """The share of 5-tuples towards the app that fared no worse than the usual neutral one, in epochs with several
    packets a flow."""
    shares = []
    for epoch in epochs:
        if len(epoch.size) > 1:
            here, there = (_unanswered_share(epoch, cells) for cells in cells_of(epoch, ADDRESS))
            shares.append(float((here <= np.median(there)).mean()))
    return float(np.mean(shares)) if shares else 0.0


def _unanswered_share(epoch: ExpiringEpoch, cells: Iterable[Cell]) -> NDArray[np.intp]:
    sent, came = answer_bits(epoch, flows_of(epoch, cells))
    return np.asarray(sent.sum(axis=1) - came.sum(axis=1))
