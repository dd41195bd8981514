"""What is known of each offered test server, in SQLite beside the log: one row a key, and the newest signed list.

The operator's decisions are here and nowhere else: back `responders.db` up. `observe responders` changes them while the
observatory runs. It holds the public addresses that operators offered or that their names led to, and no other address.

What is shown of the directory: its list, and by country how many servers there are and how their tests went.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.directory.listed_server import ListedServer
from talkpath.errors import FileError, TalkpathError, in_place_of
from talkpath.grouping import grouped_by_key
from talkpath.observatory.log.folder import SqliteFile, open_sqlite

SERVERS_FILE = "responders.db"
SERVER_TABLE_FORM = 1
MAX_SERVERS = 10_000
Decision = Literal["waiting", "approved", "refused"]
SERVER_TABLES = f"""
CREATE TABLE IF NOT EXISTS server (
    key BLOB PRIMARY KEY, decision TEXT NOT NULL, heard INTEGER NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS list (one INTEGER PRIMARY KEY CHECK (one = 1), data BLOB NOT NULL);
PRAGMA user_version = {SERVER_TABLE_FORM};
"""
DAMAGED = "responders.db cannot be opened by this talkpath; bring it back from a backup, or name another folder."
CANNOT_USE_SERVERS = "responders.db cannot be read or written; is the observatory's disk full?"


class ServerTableError(TalkpathError):
    """The table cannot be read or written."""


class ServerRecord(Struct, frozen=True, omit_defaults=True):
    """What a server offered last (`at`: by its own clock), and what became of its tests.

    `passed` is when it last passed at this address (seconds since 1970, 0 for never), `reached` where its name led
    then, `failures` how often it failed since, `findings` what was seen at the last test. `tests` and `passes` count
    all of them; `origin` is the network and country that this end found. `wanted`: a test was asked for. `version`,
    `contact` are for the operator.
    """

    server: ListedServer
    at: int
    left: bool = False
    listing: bool = True
    wanted: bool = False
    tested: int = 0
    passed: int = 0
    reached: str = ""
    failures: int = 0
    findings: tuple[str, ...] = ()
    tests: int = 0
    passes: int = 0
    origin: tuple[str, str] | None = None
    version: str = ""
    contact: str = ""


class OfferedServer(Struct, frozen=True):
    """A row: the operator's decision, when the server was last heard (by this clock), and the record."""

    key: bytes
    decision: Decision
    heard: int
    record: ServerRecord


_records = msgspec.msgpack.Decoder(ServerRecord)


class ServerTable:
    """The open table. Safe to use from several threads and processes."""

    def __init__(self, root: Path) -> None:
        with in_place_of((OSError, sqlite3.Error), FileError(DAMAGED)):
            # FULL: an operator's decision is there after power was lost
            db = open_sqlite(root / SERVERS_FILE, SERVER_TABLES, SERVER_TABLE_FORM, "FULL", wait_s=10.0)
        self._db = SqliteFile(db, lambda: ServerTableError(CANNOT_USE_SERVERS))

    def close(self) -> None:
        """Close the database."""
        self._db.db.close()

    def all(self) -> list[OfferedServer]:
        """Every server, in order of its key."""
        return [
            _server_row(row) for row in self._db.rows("SELECT key, decision, heard, record FROM server ORDER BY key")
        ]

    def find(self, key: bytes) -> OfferedServer | None:
        """The server with that key."""
        rows = self._db.rows("SELECT key, decision, heard, record FROM server WHERE key = ?", (key,))
        return _server_row(rows[0]) if rows else None

    def count(self) -> int:
        """How many servers there are."""
        return int(self._db.rows("SELECT count(*) FROM server")[0][0])

    def put(self, key: bytes, heard: int, record: ServerRecord) -> None:
        """Keep what is known now; the operator's decision stays."""
        self._db.change(
            "INSERT INTO server VALUES (?, 'waiting', ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET heard = excluded.heard, record = excluded.record",
            (key, heard, msgspec.msgpack.encode(record)),
        )

    def decide(self, key: bytes, decision: Decision) -> None:
        """Keep the operator's decision."""
        self._db.change("UPDATE server SET decision = ? WHERE key = ?", (decision, key))

    def remove(self, key: bytes) -> None:
        """Forget a server; it may offer itself again."""
        self._db.change("DELETE FROM server WHERE key = ?", (key,))

    def forget(self, decision: Decision, before: int) -> None:
        """Forget servers with that decision that were not heard since."""
        self._db.change("DELETE FROM server WHERE decision = ? AND heard < ?", (decision, before))

    def published(self) -> bytes:
        """The newest signed list, b"" where there is none yet."""
        rows = self._db.rows("SELECT data FROM list")
        return bytes(rows[0][0]) if rows else b""

    def publish(self, data: bytes) -> None:
        """Keep the newest signed list."""
        self._db.change("INSERT OR REPLACE INTO list VALUES (1, ?)", (data,))


def _server_row(row: tuple[bytes, Decision, int, bytes]) -> OfferedServer:
    return OfferedServer(row[0], row[1], row[2], _records.decode(row[3]))


class ShownServer(Struct, frozen=True):
    """One listed server. Its address is public: its operator offered it for that. `page` 0: it has no page."""

    key: str
    host: str
    port: int
    network_class: str
    country: str
    network: str
    free: int
    page: int
    operator: str
    tests: int
    passes: int


class CountryServers(Struct, frozen=True):
    """The listed servers of one country together."""

    country: str
    servers: int
    home: int
    free: int
    tests: int
    passes: int


class DirectorySummary(Struct, frozen=True):
    """The directory at one moment. `serial` and `issued_at` are those of the newest list."""

    key: str
    serial: int
    issued_at: str
    servers: tuple[ShownServer, ...] = ()
    countries: tuple[CountryServers, ...] = ()


def shown_server(known: OfferedServer) -> ShownServer:
    """What is shown of a listed server."""
    server = known.record.server
    return ShownServer(
        key=server.key_text,
        host=server.address.host,
        port=server.address.port,
        network_class=server.network_class,
        country=server.country,
        network=f"AS{server.network}",
        free=server.free,
        page=server.page,
        operator=server.operator,
        tests=known.record.tests,
        passes=known.record.passes,
    )


def by_country(servers: Sequence[ShownServer]) -> tuple[CountryServers, ...]:
    """The countries, the one with most servers first."""
    groups = grouped_by_key((server.country, server) for server in servers)
    made = [
        CountryServers(
            country=country,
            servers=len(group),
            home=sum(server.network_class == "home" for server in group),
            free=sum(server.free for server in group),
            tests=sum(server.tests for server in group),
            passes=sum(server.passes for server in group),
        )
        for country, group in groups.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.servers, one.country)))
