"""The page *transports*: what still carries calls, by app in the whole country, at once.

By country it says what helps the people measured. By network it would show where a block has a gap, so a network's own
page tells it under the rule of publication (publication.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from talkpath.observatory.index.queries import TransportShare
from talkpath.observatory.publication import PublicationView
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource


class TransportsPage(Struct, frozen=True):
    """The whole page. `withheld`: apps of which too few people asked."""

    country: str
    countries: tuple[str, ...]
    rows: tuple[TransportShare, ...]
    withheld: tuple[str, ...]
    schema: str = "talkpath.page.transports/1"


def transports_page(source: PageSource, site: Site, asked: PageQuery) -> TransportsPage | None:
    """The page; None where there is no such country."""
    countries = source.findings.countries
    country = asked.get("country") or next(iter(countries), "")
    if country and country not in countries:
        return None
    found = source.carries(country) if country else []
    people = _people_at_least(source, country, {row.medium for row in found})
    rule = PublicationView.of(site.publication, site.today(), source.events(country))
    few = [row for row in found if rule.publication.by_country(people.get((row.app, row.medium), 0))]
    return TransportsPage(
        country=country,
        countries=countries,
        rows=tuple(row for row in found if row not in few),
        withheld=tuple(sorted({row.app for row in few})),
    )


def _people_at_least(source: PageSource, country: str, media: Iterable[str]) -> dict[tuple[str, str], int]:
    """(app, medium) -> at least how many people measured it on one day."""
    days = [day for medium in media for day in source.country_days(country, medium)]
    found: dict[tuple[str, str], int] = {}
    for day in days:
        key = day.app, day.medium
        found[key] = max(found.get(key, 0), day.contributors)
    return found
