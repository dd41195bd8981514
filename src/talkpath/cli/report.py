"""`talkpath report`: a stored bundle as text, JSON, or one HTML file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from talkpath.errors import UsageError


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write one HTML file here.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004).")
def command(bundle: Path, page: Path | None, as_json: bool) -> None:
    """Tell what BUNDLE says, in text, as JSON, or as an HTML file to read, print and pass on.

    Verdicts are computed from the stored facts; where this talkpath judges otherwise than the one that wrote them, it
    says so.
    """  # fmt: skip
    from rich.console import Console

    from talkpath.evidence.bundle import read_bundle
    from talkpath.report import html, result, text

    try:
        stored = read_bundle(bundle.read_bytes())
    except OSError:
        raise UsageError("The bundle cannot be read; is its name right?") from None
    verdicts, written = result.result(stored.facts, stored.verdict.get("truth", {}).get("hit"))
    changes = result.changes(stored.verdict.get("verdicts", []), written["verdicts"])
    notes = [f"Judged otherwise than when it was written: {change}." for change in changes]
    if page is not None:
        _write(page, html.check_page(stored.facts, verdicts, written, notes))
    if as_json:
        click.echo(json.dumps(written | {"changes": changes}))
        return
    if page is not None:
        click.echo(f"Written to {page}.", err=True)
        return
    if stored.facts.simulated:
        click.echo("SIMULATED: these facts come from the lab.\n")
    text.show(Console(file=sys.stdout), verdicts)
    for note in notes:
        click.echo(note)


def _write(page: Path, text: str) -> None:
    try:
        page.write_text(text, encoding="utf-8")
    except OSError:
        raise UsageError("The HTML file cannot be written; name another place with --html.") from None
