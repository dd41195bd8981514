"""How many people an event touches: an interval, and what was assumed for it.

    people = audience of the app x share of the country's users who are on the network x share of its checks restricted

summed over networks with a confirmed event. The audience is drawn evenly between its source's bounds; each network's
share of checks from the beta distributions that bound Clopper and Pearson's interval. Where all networks are affected
and all checks restricted, the estimate and the upper end are the source's figure. Several apps
are united by the bounds of Frechet, since nobody knows who uses two of them: at least as many as the largest, at most
their sum or the population. They are never summed.

From events and network-days to reach: one figure an app and medium, and one for all apps together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import Event, not_withdrawn, restricted_spans
from talkpath.observatory.reach.tables import Audience, ReachTables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REACH_DRAWS = 20_000
REACH_TAIL = 0.025
ASSUMPTIONS = (
    "Counted are {counted} of {known} networks whose users are known: those with a confirmed event; "
    "on all others nobody is counted.",
    "An app's users are spread over networks as all users are; each is counted on one network.",
    "Whoever checks is as likely to be affected as anybody else on the network.",
    "{missing} affected networks are not counted, since nobody tells how many users they have.",
    "{app}: {figure} million people a month in {month} ({source}).",
    "{app}: {figure} million people a day in {month} ({source}).",
    "No union passes the population of {people} million; how many use two of the apps is not known.",
)
"""What is assumed, in sentences that pages say in their reader's language (report/words/errors.py)."""


class Affected(Struct, frozen=True):
    """One network with a confirmed event: of `checks` decided ones, `restricted` were."""

    network: str
    restricted: int
    checks: int


class ReachEstimate(Struct, frozen=True):
    """People touched. `low` to `high` is a 95 % interval of draws; of several apps the bounds of their union, and then
    `estimate` is None. `assumptions` are sentences that belong beside the number."""

    country: str
    apps: tuple[str, ...]
    medium: str
    estimate: float | None
    low: float
    high: float
    networks: int
    assumptions: tuple[str, ...]
    simulated: bool = False


def estimate_reach(
    medium: str, affected: Iterable[Affected], audience: Audience, tables: ReachTables, seed: int = 0
) -> ReachEstimate:
    """Of one app. `UsageError` where nobody knows how many users the networks have."""
    draws, estimate, found = _people_draws(list(affected), audience, tables, seed)
    return ReachEstimate(
        country=audience.country,
        apps=(audience.app,),
        medium=medium,
        estimate=estimate,
        low=_draw_quantile(draws, REACH_TAIL),
        high=_draw_quantile(draws, 1 - REACH_TAIL),
        networks=len(found.counted),
        assumptions=(*found.sentences, _audience_sentence(audience)),
        simulated=tables.simulated,
    )


def estimate_union(
    medium: str,
    affected: Mapping[str, Iterable[Affected]],
    audiences: Sequence[Audience],
    tables: ReachTables,
    seed: int = 0,
) -> ReachEstimate:
    """Of several apps together; `affected` by app."""
    import numpy as np

    country = audiences[0].country
    people = tables.population(country)
    each = [_people_draws(list(affected[audience.app]), audience, tables, seed) for audience in audiences]
    draws = np.stack([found[0] for found in each])
    counted = {network for found in each for network in found[2].counted}
    sentences = dict.fromkeys(sentence for found in each for sentence in found[2].sentences)
    return ReachEstimate(
        country=country,
        apps=tuple(audience.app for audience in audiences),
        medium=medium,
        estimate=None,
        low=min(_draw_quantile(draws.max(axis=0), REACH_TAIL), people),
        high=_draw_quantile(np.minimum(draws.sum(axis=0), people), 1 - REACH_TAIL),
        networks=len(counted),
        assumptions=(*sentences, *map(_audience_sentence, audiences), _population_sentence(people)),
        simulated=tables.simulated,
    )


class _Found(Struct, frozen=True):
    counted: tuple[str, ...]
    sentences: tuple[str, ...]


def _people_draws(
    affected: Sequence[Affected], audience: Audience, tables: ReachTables, seed: int
) -> tuple[NDArray[np.float64], float, _Found]:
    """(draws, the estimate, what was assumed) for one app."""
    import numpy as np

    users = tables.users(audience.country)
    if not users:
        raise UsageError(
            f"No table tells how many users the networks of {audience.country} have; add one (docs/claims.md)."
        )
    whole = sum(users.values())
    counted = [network for network in affected if network.network in users and network.checks]
    rng = np.random.default_rng([seed, *audience.app.encode()])
    figures = rng.uniform(audience.low, audience.high, REACH_DRAWS)
    shares, upper = np.zeros(REACH_DRAWS), rng.random(REACH_DRAWS) < 0.5
    estimate = 0.0
    for network in counted:
        weight = users[network.network] / whole
        shares += weight * _share_draws(rng, network, upper)
        estimate += weight * network.restricted / network.checks
    missing = len(affected) - len(counted)
    found = _Found(
        tuple(network.network for network in counted), _assumption_sentences(len(counted), len(users), missing)
    )
    return figures * np.minimum(shares, 1.0), estimate * (audience.low + audience.high) / 2, found


def _share_draws(rng: np.random.Generator, network: Affected, upper: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Draws of the share of a network's users who are affected: Clopper and Pearson's upper or lower beta distribution.

    Which of the two is drawn for all networks together, so that the estimate stays within the interval.
    """
    import numpy as np

    hit, spared = network.restricted, network.checks - network.restricted
    low = rng.beta(hit, spared + 1, REACH_DRAWS) if hit else np.zeros(REACH_DRAWS)
    high = rng.beta(hit + 1, spared, REACH_DRAWS) if spared else np.ones(REACH_DRAWS)
    return np.where(upper, high, low)


def _draw_quantile(draws: NDArray[np.float64], at: float) -> float:
    import numpy as np

    return float(np.quantile(draws, at))


def _assumption_sentences(counted: int, known: int, missing: int) -> tuple[str, ...]:
    networks, spread, alike, left_out = ASSUMPTIONS[:4]
    said = (networks.format(counted=counted, known=known), spread, alike)
    return (*said, left_out.format(missing=missing)) if missing else said


def _audience_sentence(audience: Audience) -> str:
    low, high = _in_millions(audience.low), _in_millions(audience.high)
    sentence = ASSUMPTIONS[4 if audience.per == "month" else 5]
    return sentence.format(
        app=audience.app,
        figure=low if low == high else f"{low} to {high}",
        month=audience.month,
        source=audience.source,
    )


def _population_sentence(people: float) -> str:
    return ASSUMPTIONS[6].format(people=_in_millions(people))


def _in_millions(people: float) -> str:
    return f"{people / 1e6:.1f}"


def all_reach(
    days: Sequence[NetworkDay], events: Sequence[Event], tables: ReachTables, seed: int = 0
) -> list[ReachEstimate]:
    """For each country and medium: each app that a confirmed event touches, then, of two or more, their union.

    Countries without a table of users, and apps without a figure of their audience, are left out.
    """
    found: list[ReachEstimate] = []
    confirmed = not_withdrawn(events)
    places = sorted({(event.country, event.medium) for event in confirmed if event.level != "signal"})
    for country, medium in places:
        if tables.users(country):
            found += _medium_reach(country, medium, days, confirmed, tables, seed)
    return found


def affected_networks(
    days: Sequence[NetworkDay], events: Sequence[Event], country: str, app: str, medium: str
) -> list[Affected]:
    """The networks with a confirmed event, and how many of the checks within it said `restricted`."""
    stream = (country, app, medium)
    own = [event for event in events if (event.country, event.app, event.medium) == stream]
    found: list[Affected] = []
    for network in sorted({event.network for event in own}):
        inside = list(restricted_spans([event for event in own if event.network == network]))
        seen = [day for day in days if day.stream == (country, network, app, medium)]
        seen = [day for day in seen if any(low <= day.day <= high for low, high in inside)]
        if seen:
            found.append(Affected(network, sum(day.restricted for day in seen), sum(day.count for day in seen)))
    return found


def _medium_reach(
    country: str, medium: str, days: Sequence[NetworkDay], events: Sequence[Event], tables: ReachTables, seed: int
) -> list[ReachEstimate]:
    last = max(day.day for day in days)
    apps = sorted({event.app for event in events if (event.country, event.medium) == (country, medium)})
    hit: dict[str, list[Affected]] = {}
    audiences: list[Audience] = []
    for app in apps:
        networks, audience = affected_networks(days, events, country, app, medium), tables.audience(app, country, last)
        if networks and audience is not None:
            hit[app] = networks
            audiences.append(audience)
    found = [estimate_reach(medium, hit[audience.app], audience, tables, seed) for audience in audiences]
    return [*found, estimate_union(medium, hit, audiences, tables, seed)] if len(audiences) > 1 else found
