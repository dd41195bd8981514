"""Counting days again. A day that changed is counted as a whole, so that late, repeated and withdrawn reports are."""

from __future__ import annotations

from collections.abc import Collection

from talkpath.observatory.index.store import Store

TOGETHER = 8  # days a statement: few statements, and not too much in memory
STANDS = "NOT withdrawn"
STATES = ("restricted", "ok", "closed", "impaired", "unreachable")
BY_STATE = ", ".join(f"countIf(state = '{state}' AND {STANDS})" for state in STATES)
# Pseudonyms of two day keys may be one person: the most under one key are at least so many people.
PEOPLE = "arrayMax(mapValues(uniqExactMapIf(map(contributor_key, contributor), contributor != 0 AND {which})))"


def _people(which: str) -> str:
    return f"greatest(toUInt32(countIf({which}) > 0), toUInt32({PEOPLE.format(which=which)}))"


def _by(name: str, which: str) -> str:
    return f"sumMapIf(map(toString(ifNull({name}, '')), toUInt64(1)), {which})"


ACCUSES = f"{STANDS} AND state = 'restricted'"
COUNTS = f"""countIf({STANDS}), {BY_STATE}, countIf(state = 'insufficient' AND {STANDS}),
    countIf(state = 'failed' AND {STANDS}), {_people(STANDS)}"""
DAY_COUNT = f"""
INSERT INTO day_count
SELECT day, country, network, app, medium, source, basis, {COUNTS}, {_people(ACCUSES)},
    {_by("rule", ACCUSES)}, {_by("direction", ACCUSES)}, {_by("responder", STANDS)}, {_by("responder", ACCUSES)},
    quantileExactIf(0.5)(p, {ACCUSES}), quantileExactIf(0.5)(p_low, {ACCUSES}), quantileExactIf(0.5)(p_high, {ACCUSES}),
    max(simulated), {{version:UInt64}}
FROM report FINAL WHERE day IN {{days:Array(Date)}}
GROUP BY day, country, network, app, medium, source, basis
"""
COUNTRY_DAY = f"""
INSERT INTO country_day
SELECT day, country, app, medium, source, basis, {COUNTS},
    uniqExactIf(network, {STANDS}), uniqExactIf(network, {ACCUSES}), max(simulated), {{version:UInt64}}
FROM report FINAL WHERE day IN {{days:Array(Date)}}
GROUP BY day, country, app, medium, source, basis
"""
CARRY_DAY = f"""
INSERT INTO carry_day
SELECT day, country, network, app, medium, transport, countIf({STANDS}), countIf(carries AND {STANDS}),
    {{version:UInt64}}
FROM transport FINAL WHERE day IN {{days:Array(Date)}}
GROUP BY day, country, network, app, medium, transport
"""


def refresh(store: Store, days: Collection[str], version: int) -> None:
    """Count these days again; `version` is how far the log was read."""
    ordered = sorted(days)
    for at in range(0, len(ordered), TOGETHER):
        for statement in (DAY_COUNT, COUNTRY_DAY, CARRY_DAY):
            store.command(statement, days=ordered[at : at + TOGETHER], version=version)
