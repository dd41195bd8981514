"""Joins runs of `talkpath endpoints`, each from another network, about the addresses of one app.

From one place a bad route looks like a rule (`reading`). Which destinations lie behind one is chance, and chance draws
anew on each network. An app's servers may all lie in one network, and routers choose by the network: they count as one
destination, however many were compared. So among `n` neutral destinations it is the app that is hit once in n + 1.

A network where the app alone is hit bets e = n + 1 against routes, one that was measured and shows nothing of that 0;
one where routers answered too little bets nothing. A share of what was won is put on each network (BETS), so that some
without the rule do not end it: the product is an e-value against "no more than bad routes anywhere", and the mean over
the shares is one. It takes networks as independent: two behind one operator, or one bad route that several share, are
not, and whoever measured is asked to give all runs, also those that found nothing.

Of servers that are silent on one network and all answer from another in the same hour it is known that they are not
down: that stays `insufficient`, for a way or the server's own choice may differ, and no more (outage).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log, log1p

import numpy as np
from msgspec.structs import replace

from talkpath.grouping import grouped_by_key
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import ALPHA
from talkpath.verdict.bases.own_addresses.judge import LOG_10, judge_own_addresses
from talkpath.verdict.bases.own_addresses.reading import ROUTES
from talkpath.verdict.model import Category, Reason, ReasonCode, Verdict
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean

BETS = (0.5, 0.9)
DOUBTED: ReasonCode = "other_destination"


def judge_networks(runs: Sequence[EndpointFacts]) -> list[Verdict]:
    """Give one verdict for each app that is hit on a network at least: `restricted` where bad routes explain it less
    than once in 1 / ALPHA, over all apps; then those of which an outage is ruled out. The same run counts once."""
    distinct = {run.seed: run for run in runs}.values()
    every = [(run.started_at, verdict) for run in distinct for verdict in judge_own_addresses(run)]
    judged = [verdict for _, verdict in every if verdict.medium == "voice"]
    hit = dict.fromkeys(each.app for each in judged if _route_bet(each))
    asked = len({each.app for each in judged})
    groups = grouped_by_key(((each.app, each.basis, each.medium), (hour, each)) for hour, each in every)
    alive = (_without_outage(found) for found in groups.values())
    return [
        *(_joined_verdict([each for each in judged if each.app == app], asked) for app in hit),
        *(each for each in alive if each is not None),
    ]


def networks_log_e(bets: Sequence[float]) -> float:
    """Return the natural log e of all networks together."""
    shares = [sum(log1p(share * (bet - 1.0)) for bet in bets) for share in BETS]
    return float(log_mean(np.array(shares), even_log_weights(len(BETS))))


def _route_bet(verdict: Verdict) -> float | None:
    """What one network bets against routes; None where it was not measured enough to tell."""
    code = verdict.reason.code if verdict.reason else ""
    if code == ROUTES and verdict.reason is not None:
        return 1.0 + float(verdict.reason.values["neutral"])
    return 0.0 if verdict.state == "ok" or code == DOUBTED else None


def _without_outage(found: Sequence[tuple[str, Verdict]]) -> Verdict | None:
    """The verdict on servers that were silent on a network in an hour in which all of them answered from another."""
    well = {hour for hour, each in found if each.state == "ok"}
    silent = [each for hour, each in found if hour in well and each.reason == Reason("outage")]
    if not silent:
        return None
    counts = {"networks": float(len(found)), "networks_hit": float(len(silent))}
    return replace(silent[0], reason=Reason(DOUBTED), figures=silent[0].figures | counts)


def _joined_verdict(found: Sequence[Verdict], apps: int) -> Verdict:
    bets = {index: bet for index, each in enumerate(found) if (bet := _route_bet(each)) is not None}
    hit = [found[index] for index, bet in bets.items() if bet]
    log_e = networks_log_e([*bets.values()])
    figures: dict[str, float | None] = {"networks": float(len(bets)), "networks_hit": float(len(hit))}
    told = replace(hit[0], figures=figures, parameters={"bound_to": Category("address")}, log10_e=log_e / LOG_10)
    if log_e < log(apps / ALPHA):
        return told
    rule = Counter(each.alternatives[0] for each in hit).most_common(1)[0][0]
    return replace(told, state="restricted", rule=rule, direction="up", reason=None, alternatives=())
