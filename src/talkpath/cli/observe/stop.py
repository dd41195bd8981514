"""`talkpath observe stop`: take no more reports from a country."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from talkpath.cli.observe._place import existing_data_option, simulated_option
from talkpath.errors import UsageError


@click.command("stop")
@click.argument("country", metavar="CC")
@click.option("--reason", required=True, help="The reason, in one sentence that is published.")
@existing_data_option
@simulated_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON what was done.")
def command(country: str, reason: str, data: Path, simulated: bool, as_json: bool) -> None:
    """Refuse a country's reports and delete its bundles.

    The observatory must not run meanwhile. This is the stop rule of docs/risks.md for the country CC; numbers that were
    counted stay. To start again, take the row out of stopped.toml.
    """
    from talkpath.observatory.log.stop_list import StoppedCountry, stop_country, stopped_countries
    from talkpath.observatory.server import opened_log
    from talkpath.observatory.web.site import utc_day

    code = country.upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha() or not (reason.strip() and reason.isprintable()):
        raise UsageError('`observe stop` takes a country\'s two letters and a reason, as in: stop XX --reason "…".')
    with closing(opened_log(data, simulated)) as log:
        before = next((one for one in stopped_countries(data) if one.country == code), None)
        deleted = stop_country(log, StoppedCountry(code, utc_day(), reason.strip()))
    click.echo(
        json.dumps({"schema": "talkpath.stop/1", "country": code, "bundles_deleted": deleted})
        if as_json
        else (
            f"Since {before.since} nothing is taken from {code}, and the reason told then stays (“{before.reason}”)."
            if before
            else f"Nothing more is taken from {code}."
        )
        + f" Bundles from there that were deleted: {deleted}."
    )
