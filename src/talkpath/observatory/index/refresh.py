"""Counts again. A day or month that changed is counted as a whole, so that late, repeated and withdrawn reports are
right.

Days are counted from reports, months from days; both only for the countries that changed.
"""

from __future__ import annotations

from collections.abc import Collection

from talkpath.observatory.index.store import Store

TOGETHER = 8  # days a statement: few statements, and not too much in memory
BUNDLES = 5  # of a cell, by their ids: enough to look at; the open data has all
STANDS = "NOT withdrawn"
COUNTED_STATES = ("restricted", "ok", "closed", "impaired", "unreachable")
BY_STATE = ", ".join(f"countIf(state = '{state}' AND {STANDS})" for state in COUNTED_STATES)
# Pseudonyms of two day keys may be one person: the most under one key are at least so many people.
PEOPLE = "arrayMax(mapValues(uniqExactMapIf(map(contributor_key, contributor), contributor != 0 AND {which})))"


def _people(which: str) -> str:
    return f"greatest(toUInt32(countIf({which}) > 0), toUInt32({PEOPLE.format(which=which)}))"


def _by(name: str, which: str) -> str:
    return f"sumMapIf(map(toString(ifNull({name}, '')), toUInt64(1)), {which})"


ACCUSES = f"{STANDS} AND state = 'restricted'"
STATES_THAT_DECIDE = "('restricted', 'ok', 'closed', 'impaired')"
RECORDED = "source IN ('capture', 'accompanied')"
CONSISTENT = f"{STANDS} AND {RECORDED} AND state = 'insufficient' AND rule IS NOT NULL"
NAMES = f"({ACCUSES}) OR ({CONSISTENT})"
COUNT_EXPRESSIONS = f"""countIf({STANDS}), {BY_STATE}, countIf(state = 'insufficient' AND {STANDS}),
    countIf(state = 'failed' AND {STANDS})"""
OF_DAYS = "FINAL WHERE day IN {days:Array(Date)} AND country IN {countries:Array(String)}"
OF_MONTHS = "FINAL WHERE toYYYYMM(day) IN {months:Array(UInt32)} AND country IN {countries:Array(String)}"
DAY_COUNT = f"""
INSERT INTO day_count
SELECT day, country, network, app, medium, source, basis, listed, {COUNT_EXPRESSIONS}, countIf({CONSISTENT}),
    {_people(STANDS)}, {_people(NAMES)},
    {_by("rule", NAMES)}, {_by("direction", ACCUSES)}, {_by("toString(family)", f"({ACCUSES}) AND family > 0")},
    {_by("responder", STANDS)}, {_by("responder", ACCUSES)},
    arraySlice(arraySort(groupUniqArrayIf(report, {ACCUSES})), 1, {BUNDLES}),
    quantileExactIf(0.5)(p, {ACCUSES}), max(simulated), {{version:UInt64}}
FROM report {OF_DAYS}
GROUP BY day, country, network, app, medium, source, basis, listed
"""
COUNTRY_DAY = f"""
INSERT INTO country_day
SELECT day, country, app, medium, source, basis, {COUNT_EXPRESSIONS}, {_people(STANDS)},
    uniqExactIf(network, {STANDS} AND state IN {STATES_THAT_DECIDE}),
    uniqExactIf(network, {ACCUSES}), max(simulated), {{version:UInt64}}
FROM report {OF_DAYS}
GROUP BY day, country, app, medium, source, basis
"""
CARRY_DAY = f"""
INSERT INTO carry_day
SELECT day, country, network, app, medium, transport, countIf({STANDS}), countIf(carries AND {STANDS}),
    {{version:UInt64}}
FROM transport {OF_DAYS}
GROUP BY day, country, network, app, medium, transport
"""
DECIDED = "restricted + ok + closed + impaired > 0"
LAST = f"argMaxIf((day, restricted, ok, closed, impaired, people), day, {DECIDED})"
STREAM_MONTH = f"""
INSERT INTO stream_month
WITH {LAST} AS last
SELECT toYYYYMM(day) AS month, country, network, app, medium, sum(reports),
    last.1, last.2, last.3, last.4, last.5, last.6, max(simulated), {{version:UInt64}}
FROM (
    SELECT day, country, network, app, medium, sum(reports) AS reports, sum(restricted) AS restricted, sum(ok) AS ok,
        sum(closed) AS closed, sum(impaired) AS impaired, maxIf(contributors, {DECIDED}) AS people,
        max(simulated) AS simulated
    FROM day_count {OF_MONTHS}
    GROUP BY day, country, network, app, medium
)
GROUP BY month, country, network, app, medium
"""
CARRY_MONTH = f"""
INSERT INTO carry_month
SELECT toYYYYMM(day) AS month, country, network, app, medium, transport, sum(reports), sum(carried),
    maxIf(day, reports > 0), {{version:UInt64}}
FROM carry_day {OF_MONTHS}
GROUP BY month, country, network, app, medium, transport
"""


def count_again(store: Store, days: Collection[str], countries: Collection[str], version: int) -> None:
    """Count these days of these countries again; `version` is the position up to which the log was read."""
    ordered, places = sorted(days), sorted(countries)
    for at in range(0, len(ordered), TOGETHER):
        for statement in (DAY_COUNT, COUNTRY_DAY, CARRY_DAY):
            store.command(statement, days=ordered[at : at + TOGETHER], countries=places, version=version)
    _months(store, {int(day[:4] + day[5:7]) for day in ordered}, places, version)


def _months(store: Store, months: Collection[int], countries: Collection[str], version: int) -> None:
    for month in sorted(months) if countries else ():
        for statement in (STREAM_MONTH, CARRY_MONTH):
            store.command(statement, months=[month], countries=list(countries), version=version)
