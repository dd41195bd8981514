"""Where an index lies, as one line of text (a data source name)."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from talkpath.errors import UsageError

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
    try:
        return _parse_dsn(text)
    except ValueError:
        raise UsageError(f"That names no index; write {DSN_FORMS}.") from None


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
