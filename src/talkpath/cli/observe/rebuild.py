"""`talkpath observe rebuild`: the index again, from the log."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from talkpath.cli.observe._place import counting_progress, existing_data_option, index_option, simulated_option


@click.command("rebuild")
@existing_data_option
@index_option
@simulated_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON how many records were read.")
def command(data: Path, dsn: str, simulated: bool, as_json: bool) -> None:
    """Build the index of a stopped observatory again from its log.

    Use it after a change of --index, after a crash of the machine, or whenever in doubt: the log decides.
    """
    from talkpath.observatory.index.fill import rebuild_index
    from talkpath.observatory.index.store import Store
    from talkpath.observatory.server import Location, dsn_of, opened_log

    with (
        closing(opened_log(data, simulated)) as log,
        closing(Store(dsn_of(Location(data, dsn)))) as store,
        counting_progress("records read", as_json) as hear,
    ):
        count = rebuild_index(store, log, hear)
    click.echo(
        json.dumps({"schema": "talkpath.rebuild/1", "simulated": simulated, "records": count})
        if as_json
        else f"The index was built again from {count:,} records."
    )
