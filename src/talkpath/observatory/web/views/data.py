"""The page of the open data: what is published, which days are sealed, and under which licence."""

from __future__ import annotations

from msgspec import Struct

from talkpath.observatory.findings.country_findings import Totals
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource, Sealed


class DataPage(Struct, frozen=True):
    """The whole page. `min_contributors` and `delay_days` are the operator's settings."""

    totals: Totals
    sealed: tuple[Sealed, ...]
    min_contributors: int
    delay_days: int
    licence: str = "CC-BY-4.0"
    schema: str = "talkpath.page.data/1"


def data_page(source: PageSource, site: Site, asked: PageQuery) -> DataPage:
    """The page; there always is one."""
    rule = site.publication
    return DataPage(source.findings.totals, tuple(source.sealed()), rule.min_contributors, rule.delay_days)
