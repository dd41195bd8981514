"""The article: what the made-up country has in place of each sentence, and what it really did.

Reads what a made-up country really did, for the last column of docs/article.md. No measurement reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.errors import FileError, in_place_of
from talkpath.observatory.claims.count import CALL
from talkpath.observatory.claims.grammar import Proposition
from talkpath.observatory.data_files import packaged_rows

MONTH = "2025-08"
"""The month that the article is about."""


class BoxRow(Struct, frozen=True, forbid_unknown_fields=True):
    """What the made-up country has in place of one sentence. `audience`: apps whose audience is part of what is
    measured."""

    id: str
    stands: str
    scenario: str = "article"
    truth: str = ""
    audience: tuple[str, ...] = ()


def box_rows() -> tuple[BoxRow, ...]:
    """All rows of article_box.toml."""
    return packaged_rows("article_box.toml", "row", BoxRow)


class Restricted(Struct, frozen=True):
    """On this day the scenario restricted this app and medium on the share `coverage` of the network's lines."""

    day: str
    network: str
    app: str
    medium: str
    rule: str
    coverage: float


class TrueCount(Struct, frozen=True):
    """On how many networks of all it was really so. `word`: "restricted", "began" or "ended"; the days of the first and
    the last network where it began or ended. Its text is English."""

    app: str
    medium: str
    word: str
    yes: int
    told: int
    first: str = ""
    last: str = ""

    def __str__(self) -> str:
        span = f", {self.first} to {self.last}" if self.first else ""
        return f"{self.app} {self.medium} {self.word} on {self.yes} of {self.told} networks{span}"


class SimulatedTruth(Struct, frozen=True):
    """The file truth/truth.json, as `talkpath lab country` writes it."""

    restricted: tuple[Restricted, ...]
    audience: dict[str, dict[str, float]]
    users: dict[str, float]
    days: tuple[str, ...]

    def counts(self, held: Proposition) -> Iterator[TrueCount]:
        """For each app and medium of a proposition: on how many networks it was really so."""
        for medium in held.media:
            for app in held.apps:
                media = CALL if medium == "call" else (medium,)
                rows = [row for row in self.restricted if row.app == app and row.medium in media and row.coverage > 0]
                yield self._count(held, TrueCount(app, medium, "restricted", 0, len(self.users)), rows)

    def _count(self, held: Proposition, empty: TrueCount, rows: list[Restricted]) -> TrueCount:
        if held.word in ("BEGAN", "ENDED"):
            return self._turns(held, empty, rows)
        return replace(
            empty, yes=len({row.network for row in rows if held.begin <= row.day <= (held.until or self.days[-1])})
        )

    def _turns(self, held: Proposition, empty: TrueCount, rows: list[Restricted]) -> TrueCount:
        """On which days it really began, or ended."""
        by_network = {row.network: [r.day for r in rows if r.network == row.network] for row in rows}
        if held.word == "BEGAN":
            return _networks_with_days(replace(empty, word="began"), sorted(map(min, by_network.values())))
        ends = sorted(
            min(day for day in self.days if day > max(days))
            for days in by_network.values()
            if max(days) < self.days[-1]
        )
        return _networks_with_days(replace(empty, word="ended", told=len(by_network)), ends)


def _networks_with_days(count: TrueCount, days: list[str]) -> TrueCount:
    """The count of networks with these days."""
    return replace(count, yes=len(days), first=days[0], last=days[-1]) if days else count


def read_truth(folder: Path) -> SimulatedTruth:
    """The truth of a folder that `talkpath lab country` wrote."""
    with in_place_of(
        (OSError, msgspec.MsgspecError),
        FileError("The folder holds no truth of a made-up country; `talkpath lab country` plays one."),
    ):
        return msgspec.json.decode((folder / "truth" / "truth.json").read_bytes(), type=SimulatedTruth)
