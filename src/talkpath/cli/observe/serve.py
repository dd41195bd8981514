"""`talkpath observe serve`: take reports in and show what they say."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli._terminal.help import LongCommand
from talkpath.cli.observe._place import data_option, index_option, responders_option, simulated_option
from talkpath.cli.respond.ports import call_ports
from talkpath.errors import UsageError


@click.command("serve", cls=LongCommand, common=("data", "port", "geo", "address", "web-udp", "directory", "json"))
@data_option
@index_option
@simulated_option
@responders_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Listen on this port; 0: any free one.",
)
@click.option(
    "--geo",
    "geo_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A MaxMind DB file (.mmdb) of countries or AS numbers; may be given twice.",
)
@click.option("--stop", "stopped", multiple=True, metavar="CC", help="Take no reports from this country.")
@click.option(
    "--box",
    type=click.Path(path_type=Path),
    help="For a simulated observatory: the folder that its country was played into.",
)
@click.option("--address", default="", metavar="URL", help="Where the pages are published; permalinks begin with it.")
@click.option(
    "--min-contributors",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Show nothing that fewer people measured.",
)
@click.option(
    "--delay-days",
    default=30,
    show_default=True,
    type=click.IntRange(0),
    help="While an order is in force, show what works by network only after so many days.",
)
@click.option(
    "--webhooks",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Send events to the receivers of this TOML file.",
)
@click.option(
    "--judges", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that judge bundles."
)
@click.option(
    "--web-udp",
    help="Also serve a check for browsers, /check; its calls come to this UDP port. Several, as 4434,4435: one core "
    "serves each.",
)
@click.option(
    "--web-host",
    default="",
    metavar="ADDRESS",
    help="Those calls come to this address of the machine; --host where it is not given. Needed behind "
    "another web server.",
)
@click.option(
    "--directory",
    type=click.Choice(["approve", "open"]),
    help="Keep a directory of test servers: list those that you approve, or all that pass the test.",
)
@click.option(
    "--directory-tests",
    default=2,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Test so many servers of the directory at once.",
)
@click.option("--directory-private", is_flag=True, hidden=True, help="Take test servers at private addresses, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(
    data: Path,
    dsn: str,
    simulated: bool,
    responders: Path | None,
    host: str,
    port: int,
    geo_files: tuple[Path, ...],
    stopped: tuple[str, ...],
    box: Path | None,
    address: str,
    min_contributors: int,
    delay_days: int,
    webhooks: Path | None,
    judges: int,
    web_udp: str | None,
    web_host: str,
    directory: str | None,
    directory_tests: int,
    directory_private: bool,
    as_json: bool,
) -> None:
    """Serve an observatory over HTTP until Ctrl-C.

    It takes reports in, keeps them, and shows what they say. It speaks HTTP without TLS; put a web server with TLS in
    front of it (docs/how-to/run-an-observatory.md).
    """
    from talkpath.evidence.known_responders import known_operators
    from talkpath.observatory.feeds.webhook import load_hooks
    from talkpath.observatory.log.stop_list import stopped_countries
    from talkpath.observatory.publication import Publication
    from talkpath.observatory.responders.running import DirectorySettings
    from talkpath.observatory.serve import bind_listener, serve_observatory
    from talkpath.observatory.server import Location
    from talkpath.observatory.web.site import Site

    if webhooks:
        load_hooks(webhooks)
    told_to_stop = stopped_countries(data)
    countries = frozenset(country.upper() for country in stopped) | {stop.country for stop in told_to_stop}
    if any(len(country) != 2 or not country.isalpha() for country in countries):
        raise UsageError("--stop takes a country's two letters, as in --stop XX.")
    place = Location(data, dsn, geo_files, known_operators(responders), judges)
    site = Site(Publication(min_contributors, delay_days), address, box=box, stops=told_to_stop, webhooks=webhooks)
    socket, url = bind_listener(host, port)
    kept = DirectorySettings(directory == "open", directory_private, directory_tests) if directory else None
    calls = call_ports(web_udp) if web_udp else ()
    said = _print_place(url, simulated, as_json)
    serve_observatory(place, simulated, countries, socket, lambda: click.echo(said), calls, site, web_host, kept)


def _print_place(url: str, simulated: bool, as_json: bool) -> str:
    """Where the observatory is, for whoever started it."""
    if as_json:
        return json.dumps({"schema": "talkpath.observe/1", "url": url, "simulated": simulated})
    return f"{'SIMULATED observatory' if simulated else 'The observatory'} at {url} (Ctrl-C ends it)"
