"""Reads what a made-up country really did, for the last column of docs/article.md. No measurement reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.claims.count import CALL
from talkpath.observatory.claims.grammar import Proposition


class Restricted(Struct, frozen=True):
    """On this day the scenario restricted this app and medium on the share `coverage` of the network's lines."""

    day: str
    network: str
    app: str
    medium: str
    rule: str
    coverage: float


class SimulatedTruth(Struct, frozen=True):
    """The file truth/truth.json, as `talkpath lab country` writes it."""

    restricted: tuple[Restricted, ...]
    audience: dict[str, dict[str, float]]
    users: dict[str, float]
    days: tuple[str, ...]

    def lines(self, held: Proposition) -> Iterator[str]:
        """For each app and medium of a proposition: on how many networks it was really so."""
        for medium in held.media:
            for app in held.apps:
                yield f"{app} {medium} {self._line(held, app, CALL if medium == 'call' else (medium,))}"

    def _line(self, held: Proposition, app: str, media: tuple[str, ...]) -> str:
        rows = [row for row in self.restricted if row.app == app and row.medium in media and row.coverage > 0]
        if held.word in ("BEGAN", "ENDED"):
            return self._turns(held, rows)
        until = held.until or self.days[-1]
        hit = {row.network for row in rows if held.begin <= row.day <= until}
        return f"restricted on {len(hit)} of {len(self.users)} networks"

    def _turns(self, held: Proposition, rows: list[Restricted]) -> str:
        """On which days it really began, or ended."""
        by_network = {row.network: [r.day for r in rows if r.network == row.network] for row in rows}
        if held.word == "BEGAN":
            firsts = sorted(min(days) for days in by_network.values())
            return self._summary("began", firsts, len(self.users))
        ends = sorted(
            min(day for day in self.days if day > max(days))
            for days in by_network.values()
            if max(days) < self.days[-1]
        )
        return self._summary("ended", ends, len(by_network))

    @staticmethod
    def _summary(word: str, days: list[str], networks: int) -> str:
        span = f", {days[0]} to {days[-1]}" if days else ""
        return f"{word} on {len(days)} of {networks} networks{span}"


def read_truth(folder: Path) -> SimulatedTruth:
    """The truth of a folder that `talkpath lab country` wrote."""
    try:
        return msgspec.json.decode((folder / "truth" / "truth.json").read_bytes(), type=SimulatedTruth)
    except (OSError, msgspec.MsgspecError):
        raise UsageError("The folder holds no truth of a made-up country; `talkpath lab country` plays one.") from None
