"""`--beside PATH`: this network beside one that was measured within the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts

MAX_NETWORKS_APART = timedelta(hours=2)  # a bundle has the hour of its beginning alone


beside_option = click.option(
    "--beside",
    type=click.Path(path_type=Path),
    help="Compare with a bundle of another network, or the last one in the folder of a `watch`: this device and "
    "test server, within the hour.",
)


def read_other_network(file: Path) -> Facts:
    """The facts of the other network; before anything is measured, an error where they cannot be compared."""
    from talkpath.api.verification import read_bundle

    if file.is_dir():
        file = max(
            file.glob("check-*.talkpath"), key=lambda one: one.stat().st_mtime, default=file / "check-0001.talkpath"
        )
    facts = read_bundle(file).facts
    if facts is None or not facts.started_at:
        raise UsageError("The file of --beside holds no check of a network; make one with `talkpath check -o FILE`.")
    if abs(datetime.now(UTC) - datetime.fromisoformat(facts.started_at)) > MAX_NETWORKS_APART:
        raise UsageError("The check of --beside is more than an hour old; measure the other network again first.")
    return facts


def compared_record(record: dict[str, Any], here: Facts, there: Facts) -> dict[str, Any]:
    """The result's object with the comparison; where another test server answered, a line on stderr and as it was."""
    from talkpath.report.check_json import with_other_network
    from talkpath.verdict.bases.two_networks import were_on_one_server

    if not were_on_one_server(here, there):
        click.echo("talkpath: --beside compares checks of one test server; the other check had another.", err=True)
        return record
    return with_other_network(record, here, there)
