"""The page of the method: how calls are measured, how often that errs, what it cannot know, and what it costs."""

from __future__ import annotations

from msgspec import Struct

from talkpath.measure.facts import ALPHA
from talkpath.observatory.log.stop_list import StoppedCountry
from talkpath.observatory.risks import CountryRisks, PublishedRates, error_rates, load_risks
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource


class MethodPage(Struct, frozen=True):
    """The numbers of the page; its words are prose. `alpha`: a whole check accuses falsely less often than that.
    `counted`: how often it did, in networks made up by the lab."""

    alpha: float
    counted: PublishedRates
    min_contributors: int
    delay_days: int
    schema: str = "talkpath.page.method/1"


class RisksPage(Struct, frozen=True):
    """What is known by country, and where this observatory stopped."""

    countries: tuple[CountryRisks, ...]
    stops: tuple[StoppedCountry, ...]
    schema: str = "talkpath.page.risks/1"


def method_page(source: PageSource, site: Site, asked: PageQuery) -> MethodPage:
    """The page; there always is one."""
    return MethodPage(ALPHA, error_rates(), site.publication.min_contributors, site.publication.delay_days)


def risks_page(source: PageSource, site: Site, asked: PageQuery) -> RisksPage:
    """The page; there always is one."""
    return RisksPage(load_risks(), site.stops)
