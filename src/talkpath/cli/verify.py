"""`talkpath verify`: is a bundle as it was written, and who signed what?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli._terminal.language import language_option


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--responders", type=click.Path(path_type=Path), help="A list of known test servers (spec tp-003).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@language_option
@limited_judging
def command(bundle: Path, responders: Path | None, as_json: bool) -> None:
    """Check offline that a bundle is unchanged and who signed it.

    Where a bit of BUNDLE was changed, a part is missing, or the receipt is that of another check, it prints one
    sentence and ends with exit code 4.
    """
    from talkpath.api.verification import verify
    from talkpath.report.words.verification import verification_lines

    record = verify(bundle, responders=responders).record
    click.echo(json.dumps(record) if as_json else "\n".join(verification_lines(record)))
