"""`talkpath observe responders`: which offered test servers the observatory's directory lists."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._terminal.streams import can_show
from talkpath.cli.observe._place import data_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.observatory.responders.server_table import Decision, OfferedServer, ServerTable

LEAST_KEY_CHARACTERS, QR_BYTES = 4, 2953  # of a QR code of version 40, level L
KEYS_MAY_BEGIN_WITH_A_DASH = {"ignore_unknown_options": True}


@click.group("responders")
def command() -> None:
    """Approve or refuse the test servers that were offered.

    These commands work while the observatory runs; its list follows within seconds. KEY is a server's key, or its first
    characters.
    """


@command.command("list")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_servers(data: Path, as_json: bool) -> None:
    """Print the offered servers and their tests."""
    with closing(_open_table(data)) as table:
        known = table.all()
    for server in known:
        click.echo(json.dumps(_server_record(server)) if as_json else _server_lines(server))
    if not known:
        click.echo("No test server was offered yet; `talkpath respond --register URL` offers one.", err=as_json)


@command.command("approve", context_settings=KEYS_MAY_BEGIN_WITH_A_DASH)
@click.argument("key")
@data_option
def approve_server(key: str, data: Path) -> None:
    """List a server, as long as it passes its tests."""
    _decide_server(data, key, "approved", "It is listed as soon as it passes the test, and as long as it does.")


@command.command("refuse", context_settings=KEYS_MAY_BEGIN_WITH_A_DASH)
@click.argument("key")
@data_option
def refuse_server(key: str, data: Path) -> None:
    """Do not list a server, and do not test it."""
    _decide_server(data, key, "refused", "It is not listed.")


@command.command("remove", context_settings=KEYS_MAY_BEGIN_WITH_A_DASH)
@click.argument("key")
@data_option
def remove_server(key: str, data: Path) -> None:
    """Forget a server; it may offer itself again."""
    with closing(_open_table(data)) as table:
        table.remove(_server_of_key(table, key).key)
    click.echo("It is forgotten.")


@command.command("text")
@data_option
def directory_text(data: Path) -> None:
    """Print the signed list as text, and as a QR code.

    Whoever has the text needs no connection to the observatory: `talkpath check --directory 'TEXT#KEY'`.
    """
    from talkpath.directory.server_list import list_text, verify_list
    from talkpath.wire.control.keys import raw_key_text

    with closing(_open_table(data)) as table:
        published = table.published()
    if not published:
        raise UsageError("No list is signed yet; it is, as soon as the observatory serves its directory.")
    whole = f"{list_text(published)}#{raw_key_text(verify_list(published).key)}"
    click.echo(whole)
    if len(whole) <= QR_BYTES:
        _print_qr_code(whole)


def _print_qr_code(whole: str) -> None:
    with suppress(ImportError):
        import segno

        if can_show("█▀▄"):
            segno.make(whole, error="l").terminal(compact=True)


def _decide_server(data: Path, key: str, decided: Decision, sentence: str) -> None:
    with closing(_open_table(data)) as table:
        table.decide(_server_of_key(table, key).key, decided)
    click.echo(sentence)


def _open_table(data: Path) -> ServerTable:
    from talkpath.observatory.responders.server_table import SERVERS_FILE, ServerTable

    if not (data / SERVERS_FILE).exists():
        raise UsageError(
            "That folder holds no directory of test servers; `talkpath observe serve --directory approve` makes one."
        )
    return ServerTable(data)


def _server_of_key(table: ServerTable, key: str) -> OfferedServer:
    """The one server whose key begins so."""
    found = [known for known in table.all() if known.record.server.key_text.startswith(key)]
    if len(found) != 1 or len(key) < LEAST_KEY_CHARACTERS:
        raise UsageError("No server, or more than one, has a key that begins so; `observe responders list` shows them.")
    return found[0]


def _server_lines(known: OfferedServer) -> str:
    from talkpath.report.printable import printable

    record, server = known.record, known.record.server
    where = f"{server.address.host}:{server.address.port}"
    tests = f"{record.passes} of {record.tests} tests passed"
    heard = f"heard {max(0, int(time.time()) - known.heard) // 60} min ago{', left' if record.left else ''}"
    head = (
        f"{server.key_text}  {known.decision:<8}  {where}  {server.network_class}  {server.country}  {tests}, {heard}"
    )
    words = [record.contact, server.operator, record.version and f"talkpath {record.version}"]
    said = ", ".join(printable(word) for word in words if word)
    return "\n".join([head, *([f"    {said}"] if said else []), *(f"    {line}" for line in record.findings)])


def _server_record(known: OfferedServer) -> dict[str, Any]:
    record, server = known.record, known.record.server
    return {
        "schema": "talkpath.offered/1",
        "key": server.key_text,
        "decision": known.decision,
        "host": server.address.host,
        "port": server.address.port,
        "network_class": server.network_class,
        "country": server.country,
        "network": f"AS{server.network}",
        "operator": server.operator,
        "contact": record.contact,
        "version": record.version,
        "heard": known.heard,
        "left": record.left,
        "tested": record.tested,
        "tests": record.tests,
        "passes": record.passes,
        "findings": list(record.findings),
    }
