"""Chooses the next epoch of packets that expire, from the facts alone; None when nothing more is worth its packets.

Each server of an app is compared with a neutral one at the farthest hop at which the same router answered for both,
until something is proven or EPOCHS were spent (more where it is promising, or not known what it is bound to); then the
place is narrowed. A path that changed ends the app's question.
"""

from __future__ import annotations

from functools import cache
from math import log
from random import Random
from typing import NamedTuple

from talkpath.apps import apps
from talkpath.apps.contract.shape import Arm
from talkpath.measure.endpoint_facts import EndpointFacts, ExpiringEpoch, MeasuredPath
from talkpath.verdict.bases.own_addresses.paths import (
    LOCATE,
    app_paths,
    common_hops,
    nearer_hops,
    neutral_paths,
    unseen_hops,
)
from talkpath.verdict.bases.own_addresses.reading import Reading, finding_epochs, read_epochs

K, PACKETS = 6, 40
EPOCHS, MOST_EPOCHS = 3, 5
BINDING_EPOCHS = 9  # where a rule about a call's bytes is proven, and not whether it acts towards neutral addresses too
PROMISING = log(30.0)
MOST_TRIALS, MOST_MISSED = 4, 8  # trials of one pair of servers, and of an app, where routers answer too little
MOST_LOCATING = 4


class ExpiringQuestion(NamedTuple):
    """What is to be measured next: `k` flows of each cell with `packets` packets each, to expire at hop `hops`.

    `arm` says whose call; `host` and `beside` are ids of the catalogue. `carries` and `why` as in `ExpiringEpoch`.
    """

    arm: Arm
    host: str
    beside: str
    carries: str
    hops: int
    k: int = K
    packets: int = PACKETS
    why: str = ""


class _Ways(NamedTuple):
    """A server of the app and a neutral one."""

    own: MeasuredPath
    neutral: MeasuredPath


@cache
def imitated_arm(app: str) -> Arm | None:
    """Return the voice call that stands for the app: one that begins with STUN, as a relay expects, where there is
    one."""
    known = apps().get(app)
    voice = [shape for shape in known.shapes if shape.arm.medium == "voice"] if known else []
    usual = [shape for shape in voice if known and shape.arm.variant not in known.on_request]
    begins = [shape for shape in usual if shape.schedule(Random(0), 1).slots[0].stage == "stun"]
    chosen = (*begins, *usual)
    return chosen[0].arm if chosen else None


def next_question(facts: EndpointFacts) -> ExpiringQuestion | None:
    """Return the next question about any of the apps."""
    return next((asked for app in facts.apps if (asked := _next_of(facts, app)) is not None), None)


def _next_of(facts: EndpointFacts, app: str) -> ExpiringQuestion | None:
    own, arm = [epoch for epoch in facts.epochs if epoch.app == app], imitated_arm(app)
    if arm is None or any(epoch.missing == "path_changed" for epoch in own):
        return None
    found, compared = read_epochs(facts, app), finding_epochs(facts, app)
    if found.proven and not found.bound and len(compared) < BINDING_EPOCHS:
        more = _find_question(facts, arm, own)
        if more is not None:
            return more
    asked_all = {epoch.host for epoch in own if not epoch.why} >= {path.host for path in app_paths(facts, app)}
    if found.shown and (asked_all or (found.bound and found.bound != "address")):
        return _narrow_question(facts, arm, found, own)
    promising = found.elsewhere == "single_server" or found.contrast.log_e >= PROMISING
    is_final = found.shown and found.bound
    if len(compared) >= (MOST_EPOCHS if promising and not is_final else EPOCHS):
        return _narrow_question(facts, arm, found, own) if found.shown else None
    return _find_question(facts, arm, own)


def _ways_to_servers(facts: EndpointFacts, app: str, turn: int) -> list[_Ways]:
    """Every pair of servers, beginning with the one whose turn it is."""
    own, neutral = app_paths(facts, app), neutral_paths(facts)
    size = max(len(own), len(neutral)) * min(len(own), len(neutral))
    places = [(turn + step, turn + step + (turn + step) // max(1, len(own))) for step in range(size)]
    return [_Ways(own[a % len(own)], neutral[b % len(neutral)]) for a, b in places]


def _find_question(facts: EndpointFacts, arm: Arm, own: list[ExpiringEpoch]) -> ExpiringQuestion | None:
    if sum(bool(epoch.missing) for epoch in own) >= MOST_MISSED:
        return None
    turn = len([epoch for epoch in own if not epoch.missing and not epoch.why])
    for directions in _ways_to_servers(facts, arm.app, turn):
        tried = [e for e in own if (e.host, e.beside) == (directions.own.host, directions.neutral.host) and not e.why]
        missed = {epoch.hops for epoch in tried if epoch.missing}
        unseen = unseen_hops(facts, directions.own)
        if unseen and not any(epoch.host == directions.own.host for epoch in own):
            return ExpiringQuestion(arm, directions.own.host, directions.neutral.host, "greeting", unseen[0], packets=1)
        hops = [hop for hop in common_hops(*directions) if hop not in missed]
        if hops and len(missed) < MOST_TRIALS:
            return ExpiringQuestion(arm, directions.own.host, directions.neutral.host, "call", hops[0])
    return None


def _narrow_question(
    facts: EndpointFacts, arm: Arm, found: Reading, own: list[ExpiringEpoch]
) -> ExpiringQuestion | None:
    """Halve the hops between the last that packets reach and the first that they do not."""
    calls = finding_epochs(facts, arm.app, "call")
    if not calls or sum(epoch.why == LOCATE for epoch in own) >= MOST_LOCATING:
        return None
    last, known = calls[-1], {path.host: path for path in facts.paths}
    asked = {epoch.hops for epoch in own if epoch.why == LOCATE}
    usable = [hop for hop in common_hops(known[last.host], known[last.beside]) if hop not in asked]
    between = nearer_hops(facts, arm.app, found, usable)
    if not between:
        return None
    middle = between[(len(between) - 1) // 2]
    return ExpiringQuestion(arm, last.host, last.beside, "call", middle, why=LOCATE)
