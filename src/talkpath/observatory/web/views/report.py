"""The page of one shared report: what it says, and where it counts. Whoever shared a result passes on its address."""

from __future__ import annotations

from msgspec import Struct

from talkpath.observatory.web.shared_report import SharedReport
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource


class ReportPage(Struct, frozen=True):
    """The whole page; `operator` is the name of the network's, "" where it is not known."""

    report: SharedReport
    operator: str = ""
    schema: str = "talkpath.page.report/1"


def report_page(source: PageSource, site: Site, asked: PageQuery) -> ReportPage | None:
    """The page; None where there is no such report."""
    found = site.report(asked.get("id")) if site.report else None
    return ReportPage(found, site.operator(found.network)) if found else None
