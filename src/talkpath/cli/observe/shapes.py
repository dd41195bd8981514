"""`talkpath observe shapes`: which recorded shapes are counted."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from talkpath.cli.observe._place import existing_data_option, simulated_option


@click.command("shapes")
@click.argument("app", metavar="[like:DIGEST", required=False)
@click.argument("name", metavar="NAME]", required=False)
@existing_data_option
@simulated_option
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def command(app: str | None, name: str | None, data: Path, simulated: bool, as_json: bool) -> None:
    """List recorded shapes, show one, or name one that shall count.

    What `check --like` measures is kept under the digest of its shape, and counts in no table and no event until it is
    named here: anybody can make up a shape. The digest alone shows what reports of it say their calls are like; compare
    that with `talkpath shape FILE --show`. An empty NAME, "", takes a name back. The observatory must not run
    meanwhile; run `observe rebuild` afterwards.
    """
    from talkpath.apps.recorded.played import engine_shape_files, played_shape
    from talkpath.cli.shape import show_shape
    from talkpath.observatory.log.log import reported_shape, seen_shapes
    from talkpath.observatory.log.named_shapes import load_named_shapes, name_shape
    from talkpath.observatory.server import opened_log

    with closing(opened_log(data, simulated)) as log:
        if app is not None and name is None:
            show_shape(reported_shape(log, app), as_json)
            return
        if app is not None and name is not None:
            name_shape(data, app, name)
            click.echo("Written. It holds once the index is built again: talkpath observe rebuild.", err=True)
        seen, names = seen_shapes(log), load_named_shapes(data)
    rows = [
        {"app": each, "name": names.get(each, ""), "reports": len(seen.get(each, ()))}
        for each in sorted({*seen, *names})
    ]
    if as_json:
        click.echo(json.dumps({"schema": "talkpath.shapes/1", "shapes": rows}))
        return
    ours = {
        played_shape(file.read_bytes()).arm.app: f"({name}, which comes with talkpath)"
        for name, file in engine_shape_files().items()
    }
    for row in rows:
        click.echo(
            f"{row['app']}  reports: {row['reports']:>6}  {row['name'] or 'not named: not counted'}  "
            f"{ours.get(str(row['app']), '')}".rstrip()
        )
    if not rows:
        click.echo("No report is of calls like a recorded one.")
