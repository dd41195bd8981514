"""The operator's settings for the pages, and what a visitor asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from talkpath.days import is_day
from talkpath.observatory.index.queries import FIRST, LAST
from talkpath.observatory.log.stop_list import StoppedCountry
from talkpath.observatory.publication import Publication
from talkpath.observatory.responders.server_table import DirectorySummary
from talkpath.observatory.web.shared_report import SharedReport
from talkpath.observatory.web.source import Span

Row = TypeVar("Row")


def utc_day() -> str:
    """Today, as 2026-11-24."""
    return datetime.now(UTC).date().isoformat()


@dataclass(frozen=True)
class Site:
    """One observatory's pages.

    `address` is where it is published (https://…), for permalinks; "" takes each visitor's own word for it. A simulated
    one passes its own last day as `today`, and the folder `box` that its country was played into. From the countries
    of `stops` nothing is taken. `check`: a check for browsers is served at /check. `webhooks`: the file of who is told
    of events (feeds/webhook.py). `servers`: the directory of test servers that is kept here. `operators`: the names of
    the operators of networks ("AS64496"), None where no data about them is installed. `report`: finds one report by
    its id.
    """

    publication: Publication = field(default_factory=Publication)
    address: str = ""
    today: Callable[[], str] = utc_day
    box: Path | None = None
    stops: tuple[StoppedCountry, ...] = ()
    check: bool = False
    webhooks: Path | None = None
    servers: Callable[[], DirectorySummary] | None = None
    operators: Callable[[], Mapping[str, str] | None] = lambda: None
    report: Callable[[str], SharedReport | None] | None = None

    def operator(self, network: str) -> str:
        """The name of a network's operator, "" where it is not known."""
        return (self.operators() or {}).get(network, "")


@dataclass(frozen=True)
class PageQuery:
    """The names in an address's path and query. `whole`: all rows are asked for, not one page of them."""

    values: Mapping[str, str]
    whole: bool = False

    def get(self, name: str) -> str:
        """The value of a name, "" where there is none in it."""
        return self.values.get(name, "")

    def number(self, name: str, default: int) -> int:
        """A whole number; the default where the value is none."""
        said = self.get(name)
        return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else default

    def span(self) -> Span | None:
        """The days `from` … `to` of the address; None where one of them is no day."""
        ends = self.get("from"), self.get("to")
        known = all(end == "" or (is_day(end) and FIRST <= end <= LAST) for end in ends)
        return Span(*ends) if known else None


def page_of_rows(rows: Sequence[Row], asked: PageQuery, length: int) -> tuple[tuple[Row, ...], int, int]:
    """(the rows of the page that was asked for, its number, how many pages there are)."""
    if asked.whole:
        return tuple(rows), 1, 1
    pages = max(1, -(-len(rows) // length))
    page = min(max(1, asked.number("page", 1)), pages)
    return tuple(rows[(page - 1) * length : page * length]), page, pages
