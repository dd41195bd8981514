"""A database of ClickHouse's dialect, embedded or served, with the tables of this version.

Where it lies is one line of text (a data source name). Contract: what `insert` returned from is in every later answer,
and twice the same row is one. An answer is whole or an error: a part of the index that does not answer is a
`PeerError`, told plainly. Of a cluster every node must be named: tables are made on each. Safe to use from several
threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from talkpath.errors import PeerError, UsageError, in_place_of

HTTP_PORT = 8123
DATABASE = "talkpath"
DSN_FORMS = "chdb:///FOLDER, or clickhouse://HOST:PORT/DATABASE, or clickhouse://HOST,HOST/DATABASE?cluster=NAME"


class Dsn(NamedTuple):
    """`folder` of an embedded database, or `nodes` (host, HTTP port) of servers; `cluster` as the servers name it."""

    folder: str
    nodes: tuple[tuple[str, int], ...]
    database: str
    cluster: str = ""
    user: str = ""
    password: str = ""
    secure: bool = False


def parse_dsn(text: str) -> Dsn:
    """`UsageError` for a text that names no index. The message repeats nothing of it: it may hold a password."""
    with in_place_of(ValueError, UsageError(f"That names no index; write {DSN_FORMS}.")):
        return _parse_dsn(text)


def _parse_dsn(text: str) -> Dsn:
    parts = urlsplit(text)
    settings = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    if parts.scheme == "chdb" and not parts.netloc and parts.path.startswith("/"):
        return Dsn(unquote(parts.path), (), _plain_name(settings.pop("database", DATABASE)))
    if parts.scheme != "clickhouse":
        raise ValueError(parts.scheme)
    who, _, hosts = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    nodes = tuple(_parse_node(host) for host in hosts.split(","))
    cluster = settings.pop("cluster", "")
    if len(nodes) > 1 and not cluster:
        raise ValueError("several nodes are a cluster, which has a name")
    name = _plain_name(parts.path.strip("/") or DATABASE)
    secure = settings.pop("secure", "") == "1"
    return Dsn(
        folder="",
        nodes=nodes,
        database=name,
        cluster=cluster and _plain_name(cluster),
        user=unquote(user),
        password=unquote(password),
        secure=secure,
    )


def _parse_node(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if colon and not host.endswith(":") and port.isdigit():
        return host.strip("[]"), int(port)
    if not text:
        raise ValueError("no host")
    return text.strip("[]"), HTTP_PORT


def _plain_name(text: str) -> str:
    """A name that needs no quotes."""
    if not text.isidentifier() or not text.isascii():
        raise ValueError(text)
    return text


if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

FORM = 6  # of the tables; those of another are made anew
COUNT_TABLES = ("day_count", "country_day", "carry_day", "stream_month", "carry_month", "progress")
TABLES = ("report", "transport", *COUNT_TABLES)
# A cell of a day lies on one node as a whole, so that what is counted there is complete; progress on any.
CELL = "cityHash64(day, country, network, app, medium)"
SHARDING = {
    "report": CELL,
    "transport": CELL,
    "day_count": CELL,
    "country_day": "cityHash64(day, country, app, medium)",
    "carry_day": CELL,
    "stream_month": "cityHash64(country, network, app, medium)",
    "carry_month": "cityHash64(country, network, app, medium)",
    "progress": "cityHash64(log)",
}
DURABLE = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
ASKING = {
    "do_not_merge_across_partitions_select_final": 1,  # rows of two months never have the same key
    "prefer_column_name_to_alias": 1,  # a sum may be called as what is summed
}
NUMBERS = {"output_format_json_quote_64bit_integers": 0}
# An insert has arrived everywhere when it returns, and what is counted is counted over all parts.
FOREGROUND = {"insert_distributed_sync": 1, "parallel_distributed_insert_select": 0}
NEEDS = "The observatory needs talkpath[observatory]: `make dev` in a checkout installs it."


class Store:
    """An open index. Close it: an embedded one belongs to one process while it is open."""

    def __init__(self, dsn: str) -> None:
        self._dsn = parse_dsn(dsn)
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        with _plainly():
            for node in self._dsn.nodes or (None,):
                client = _connect(self._dsn, node, "default")
                client.command(f"CREATE DATABASE IF NOT EXISTS {self._dsn.database}")
                client.close()
            self._open_tables()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients.clear()
        self._local = threading.local()

    def query(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of an answer; `{name:Type}` in the text are parameters."""
        with _plainly():
            return [tuple(row) for row in self._client.query(sql, parameters=parameters, settings=ASKING).result_rows]

    def lines(self, sql: str, **parameters: Any) -> bytes:
        """The same rows as JSON, an object with the columns' names a line: quick to make, and to read elsewhere."""
        with _plainly():
            return self._client.raw_query(sql, parameters, ASKING | NUMBERS, "JSONEachRow")

    def command(self, sql: str, **parameters: Any) -> None:
        """Run a statement that has no answer."""
        with _plainly():
            self._client.command(sql, parameters=parameters, settings=self._inserting | ASKING)

    def insert(self, table: str, rows: Sequence[Struct]) -> None:
        """Put records into the table whose columns have their fields' names. Many at a time: each call is a file."""
        import pyarrow

        if not rows:
            return
        names = rows[0].__struct_fields__
        columns = {name: _column(name, [getattr(row, name) for row in rows]) for name in names}
        with _plainly():
            self._client.insert_arrow(table, pyarrow.table(columns), settings=self._inserting)

    def tidy(self) -> None:
        """Merge the counts into few files, so that answers need not: once a day, or after a rebuild."""
        with _plainly():
            for client in self._each():
                for table in COUNT_TABLES:
                    client.command(f"OPTIMIZE TABLE {table}{self._suffix} FINAL")

    def drop(self) -> None:
        """Forget everything, and begin again with empty tables."""
        with _plainly():
            for client in self._each():
                self._make_tables(client)

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _inserting(self) -> dict[str, Any]:
        return FOREGROUND if self._dsn.cluster else {}

    @property
    def _client(self) -> Client:
        """The connection of this thread."""
        found: Client | None = getattr(self._local, "client", None)
        if found is None:
            node = self._dsn.nodes[0] if self._dsn.nodes else None
            found = self._local.client = _connect(self._dsn, node, self._dsn.database)
            with self._lock:
                self._clients.append(found)
        return found

    @property
    def _suffix(self) -> str:
        return "_part" if self._dsn.cluster else ""

    def _each(self) -> Iterator[Client]:
        """One connection to each node."""
        for node in self._dsn.nodes or (None,):
            client = _connect(self._dsn, node, self._dsn.database)
            yield client
            client.close()

    def _open_tables(self) -> None:
        """Tables of another form are made anew: the loader fills them from the log."""
        for client in self._each():
            client.command("CREATE TABLE IF NOT EXISTS form (number UInt32) ENGINE = MergeTree ORDER BY number")
            if client.query("SELECT max(number) FROM form").result_rows[0][0] != FORM:
                self._make_tables(client)

    def _make_tables(self, client: Client) -> None:
        for table in (*TABLES, *(f"{table}_part" for table in TABLES)):
            client.command(f"DROP TABLE IF EXISTS {table} SYNC")
        for statement in _statements(self._suffix):
            client.command(statement)
        client.command("CREATE OR REPLACE TABLE form (number UInt32) ENGINE = MergeTree ORDER BY number")
        client.insert("form", [[FORM]], column_names=["number"])
        if self._dsn.cluster:
            self._spread(client)

    def _spread(self, client: Client) -> None:
        """Each node's tables hold a part; one over all parts stands before them."""
        for table in TABLES:
            over = f"Distributed({self._dsn.cluster}, {self._dsn.database}, {table}_part, {SHARDING[table]})"
            client.command(f"CREATE OR REPLACE TABLE {table} AS {table}_part ENGINE = {over}")


def _statements(suffix: str) -> Iterator[str]:
    """The statements that make all tables of one node."""
    text = (files("talkpath.observatory.index") / "tables.sql").read_text(encoding="utf-8")
    names = {table: f"{table}{suffix}" for table in TABLES}
    for statement in text.split(";\n"):
        yield statement.format(**names, replacing="ReplacingMergeTree(version)", settings=DURABLE)


def _connect(dsn: Dsn, node: tuple[str, int] | None, database: str) -> Client:
    with in_place_of(ImportError, UsageError(NEEDS)):
        import clickhouse_connect
    if node is None:
        return clickhouse_connect.get_client(dsn=f"chdb://{dsn.folder}", database=database)
    host, port = node
    return clickhouse_connect.get_client(
        host=host,
        port=port,
        username=dsn.user or None,
        password=dsn.password,
        secure=dsn.secure,
        database=database,
        autogenerate_session_id=False,  # one session takes no two queries at once
    )


@contextmanager
def _plainly() -> Iterator[None]:
    """The engine's errors as ours. Its own words may hold a host's name; they are kept as `__cause__`."""
    with in_place_of(ImportError, UsageError(NEEDS)):
        from clickhouse_connect.driver.exceptions import ClickHouseError
    try:
        yield
    except (ClickHouseError, OSError) as error:
        raise PeerError(_why(str(error))) from error


def _why(said: str) -> str:
    known: Mapping[str, str] = {
        "CANNOT_OPEN_FILE": "The index's folder belongs to another process, or cannot be written; stop that one first.",
        "NOT_ENOUGH_SPACE": "The disk of the index is full; make room, nothing in the log is lost.",
        "ALL_CONNECTION_TRIES_FAILED": "A part of the index does not answer, so that this answer would not be whole; "
        "bring its node back.",
        "NETWORK_ERROR": "A part of the index does not answer, so that this answer would not be whole; "
        "bring its node back.",
    }
    return next(
        (words for code, words in known.items() if code in said),
        "The index does not answer as it should. Is its server there, version 24 or later? One in a folder: stop the "
        "observatory, and `talkpath observe rebuild` makes it again from the log.",
    )


def _column(name: str, values: Iterable[Any]) -> Any:
    """Values of one field as an Arrow column of the type that the tables have."""
    import pyarrow
    from pyarrow import types

    if name in ("day", "received"):
        return pyarrow.array(values, pyarrow.string()).cast(pyarrow.date32())
    if name in ("contributor", "contributor_key", "version", "position"):
        return pyarrow.array(values, pyarrow.uint64())
    column = pyarrow.array(values)
    return column.cast(pyarrow.string()) if types.is_null(column.type) else column
