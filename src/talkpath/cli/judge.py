"""`talkpath judge`: judge stored facts again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from talkpath.errors import UsageError


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004).")
def command(bundle: Path, as_json: bool) -> None:
    """Judge the facts in BUNDLE again and say what changed since it was written."""
    from rich.console import Console

    from talkpath.evidence.bundle import read_bundle
    from talkpath.report import result, text

    try:
        stored = read_bundle(bundle.read_bytes())
    except OSError:
        raise UsageError("The bundle cannot be read; is its name right?") from None
    verdicts, written = result.result(stored.facts, stored.verdict.get("truth", {}).get("hit"))
    changes = result.changes(stored.verdict.get("verdicts", []), written["verdicts"])
    if as_json:
        click.echo(json.dumps(written | {"changes": changes}))
        return
    text.show(Console(file=sys.stdout), verdicts)
    if stored.facts.simulated:
        click.echo("\nSIMULATED: these facts come from the lab.")
    click.echo("\n" + ("\n".join(changes) if changes else "The same verdicts as when it was written."))
