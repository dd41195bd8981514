"""`talkpath verify`: is a bundle as it was written, and who signed what?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli.check.shape import shape_option
from talkpath.report.printable import printable

WHOLE = "Nothing in the bundle was changed since it was signed."
RECORDING = "A recording: all of it is the word of whoever made it."
ANSWERS = (
    "What an app's own servers, and routers on the way to them, answered: all of it is the word of the device that "
    "asked. No server signs for any of it."
)
UNSIGNED = "No test server signed what it saw: all of it is the word of whoever ran the check."
PROBE_STATEMENT = (
    "What arrived at the probe, every delay, and the plan, the health and the times of the check are the probe's own "
    "word. It was given to the test server before the check ended, and is unchanged since."
)
PROBE_EPOCHS_ALONE = (
    "What arrived at the probe, and every delay, is the probe's own word. It was given to the test server before the "
    "check ended, and is unchanged since. This test server was of an older version, whose receipt binds nothing else: "
    "the plan, the health and the times of the check are the word of whoever wrote the bundle."
)
PROBE_OF_THE_LAB = (
    "What arrived at the probe, and every delay, is the probe's own word. It was given to the test server before the "
    "check ended, and is unchanged since. The lab adds to the rest after a check: the plan, the health and the times "
    "of the check are the word of whoever wrote the bundle."
)
SECOND_CHECK_STATEMENT = (
    "It holds the bundle of a second check, with another test server or over the other version of IP, signed with a "
    "key of its own,"
)
SIMULATED = "SIMULATED: made by the lab, with keys that everybody has. It proves nothing of any real network."


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--responders", type=click.Path(path_type=Path), help="A list of known test servers (spec tp-003).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shape_option
@limited_judging
def command(bundle: Path, responders: Path | None, as_json: bool) -> None:
    """Check offline that a bundle is unchanged and who signed it.

    Where a bit of BUNDLE was changed, a part is missing, or the receipt is that of another check, it prints one
    sentence and ends with exit code 4.
    """
    from talkpath.api.verification import verify

    record = verify(bundle, responders=responders).record
    click.echo(json.dumps(record) if as_json else "\n".join(_finding_lines(record)))


def _finding_lines(record: dict[str, Any]) -> list[str]:
    lines = [WHOLE, f"Signed with the key of this run, {record['key']}.", _writer_words(record["written_by"])]
    receipt = record["receipt"]
    if record["kind"] == "capture":
        lines.append(RECORDING)
    elif record["kind"] == "endpoints":
        lines.append(ANSWERS)
    elif receipt is None:
        lines.append(UNSIGNED)
    else:
        alone = PROBE_OF_THE_LAB if record["simulated"] else PROBE_EPOCHS_ALONE
        probe = PROBE_STATEMENT if receipt["binds"] == "all" else alone
        lines += [_signed_by(receipt), _seen_from(receipt), probe]
    if second := record.get("second"):
        lines.append(f"{SECOND_CHECK_STATEMENT} {second['key']}.")
        lines += [_signed_by(second["receipt"]), _seen_from(second["receipt"])] if second["receipt"] else [UNSIGNED]
    return [*lines, SIMULATED] if record["simulated"] else lines


def _writer_words(name: str) -> str:
    """The program that wrote the file may call itself anything: its name is quoted, and comes after the key."""
    return f"The program that wrote it calls itself “{name}”."


def _signed_by(receipt: dict[str, Any]) -> str:
    who = f"listed: {printable(receipt['operator'])}" if receipt["operator"] else "unknown: it is in no list"
    return (
        f"A test server signed what came to it, what it sent, and which flows were calls, for {receipt['epochs']} "
        f"epochs. Its key is {receipt['responder']} ({who})."
    )


def _seen_from(receipt: dict[str, Any]) -> str:
    country = "an unknown country" if receipt["country"] == "ZZ" else receipt["country"]
    network = "an unknown network" if receipt["network"] == "AS0" else receipt["network"]
    when = f", in the hour of {receipt['ended_at']}" if receipt["ended_at"] else ""
    return f"It saw the check come from {network} in {country}{when}. Its own network: {receipt['class']}."
