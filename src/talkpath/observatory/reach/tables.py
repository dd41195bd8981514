"""The numbers that reach rests on, as data files that anybody can replace: audience.toml and networks.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.data_files import DATA_FOLDER, decode_toml, toml_rows


class Audience(Struct, frozen=True, forbid_unknown_fields=True):
    """How many people use an app, by one source: `low` to `high` people per month or day, in `month` (2025-08)."""

    app: str
    country: str
    month: str
    low: float
    high: float
    source: str
    per: Literal["month", "day"] = "month"
    note: str = ""


class Population(Struct, frozen=True, forbid_unknown_fields=True):
    """How many people live in the country."""

    country: str
    people: float
    source: str
    note: str = ""


class NetworkUsers(Struct, frozen=True, forbid_unknown_fields=True):
    """How many users a network has; only the shares of a country's networks are used. `name`: who operates it."""

    network: str
    country: str
    users: float
    source: str = ""
    name: str = ""


class _Audiences(Struct, frozen=True, forbid_unknown_fields=True):
    population: tuple[Population, ...] = ()
    audience: tuple[Audience, ...] = ()
    simulated: bool = False


class ReachTables(Struct, frozen=True):
    """Both files."""

    populations: tuple[Population, ...] = ()
    audiences: tuple[Audience, ...] = ()
    networks: tuple[NetworkUsers, ...] = ()
    simulated: bool = False

    def population(self, country: str) -> float:
        """People of the country; `UsageError` where no row gives it."""
        for row in self.populations:
            if row.country == country:
                return row.people
        raise UsageError(f"No table tells the population of {country}; add a row to audience.toml (docs/claims.md).")

    def audience(self, app: str, country: str, day: str) -> Audience | None:
        """The monthly figure of the last month up to that day; None where there is none."""
        rows = [row for row in self.audiences if (row.app, row.country, row.per) == (app, country, "month")]
        return max((row for row in rows if row.month <= day[:7]), key=lambda row: row.month, default=None)

    def users(self, country: str) -> dict[str, float]:
        """The users of each network of a country."""
        return {row.network: row.users for row in self.networks if row.country == country}

    def operators(self) -> dict[str, str]:
        """The name of each network's operator, where the table tells it."""
        return {row.network: row.name for row in self.networks if row.name}


def load_tables(folder: Path | None = None) -> ReachTables:
    """The folder's own files where it has both, else those that come with talkpath."""
    own = (
        folder
        if folder and all((folder / name).is_file() for name in ("audience.toml", "networks.toml"))
        else DATA_FOLDER
    )
    audiences = decode_toml("audience.toml", (own / "audience.toml").read_text(encoding="utf-8"), _Audiences)
    networks = toml_rows("networks.toml", (own / "networks.toml").read_bytes(), "network", NetworkUsers)
    return ReachTables(audiences.population, audiences.audience, networks, audiences.simulated)
