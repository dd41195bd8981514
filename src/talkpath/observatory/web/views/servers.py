"""The page of test servers: how many are listed, where, and how well they do."""

from __future__ import annotations

from msgspec import Struct

from talkpath.observatory.responders.server_table import DirectorySummary, ShownServer
from talkpath.observatory.web.site import PageQuery, Site, page_of_rows
from talkpath.observatory.web.source import PageSource

MAX_SERVER_ROWS = 200


class ServersPage(Struct, frozen=True):
    """The whole page; `servers` are those of the page with this number."""

    directory: DirectorySummary
    servers: tuple[ShownServer, ...]
    page: int
    pages: int
    schema: str = "talkpath.page.servers/1"


def servers_page(source: PageSource, site: Site, asked: PageQuery) -> ServersPage | None:
    """The page; None where no directory is kept here."""
    if site.servers is None:
        return None
    summary = site.servers()
    rows, page, pages = page_of_rows(summary.servers, asked, MAX_SERVER_ROWS)
    return ServersPage(summary, rows, page, pages)
