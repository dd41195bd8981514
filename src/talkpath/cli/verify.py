"""`talkpath verify`: is a bundle as it was written, and whose word is in it?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from talkpath.evidence.bundle import Bundle

WHOLE = "Nothing in the bundle was changed since it was signed."
RECORDING = "A recording: all of it is the word of whoever made it."
UNSIGNED = "No test server signed what it saw: all of it is the word of whoever ran the check."
PROBE = (
    "What arrived at the probe, and every delay, is the probe's own word. It was given to the test server before the "
    "check ended, and is unchanged since."
)
SIMULATED = "SIMULATED: made by the lab, with keys that everybody has. It proves nothing of any real network."


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--responders", type=click.Path(path_type=Path), help="A list of known responders (spec tp-003).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: Path, responders: Path | None, as_json: bool) -> None:
    """Check offline that BUNDLE is as it was written, and say whose word is in it.

    Exit code 4, and one sentence, where a bit was changed, a part is missing, or the receipt is that of another run.
    """  # fmt: skip
    from talkpath.evidence.file import read_file
    from talkpath.evidence.responders import listed

    operators = listed(responders)
    found = read_file(bundle)
    told = _told(found, operators.get(_responder(found), ""))
    click.echo(json.dumps(told) if as_json else "\n".join(_lines(told)))


def _responder(found: Bundle) -> str:
    from talkpath.wire.control.keys import raw_key_text

    return raw_key_text(found.receipt.responder_key) if found.receipt else ""


def _told(found: Bundle, operator: str) -> dict[str, Any]:
    receipt = found.receipt and {
        "responder": _responder(found),
        "operator": operator,
        "class": found.receipt.responder_class,
        "network": found.receipt.network,
        "country": found.receipt.country,
        "ended_at": found.receipt.ended_at,
        "epochs": len(found.receipt.epochs),
    }
    return {
        "schema": "talkpath.verify/1",
        "kind": found.kind,
        "key": found.key,
        "written_by": found.written_by,
        "started_at": found.facts.started_at if found.facts else "",
        "simulated": found.simulated,
        "receipt": receipt,
    }


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [WHOLE, f"Written by {told['written_by']}, signed with the key of this run, {told['key']}."]
    receipt = told["receipt"]
    if told["kind"] == "capture":
        lines.append(RECORDING)
    elif receipt is None:
        lines.append(UNSIGNED)
    else:
        lines += [_whose(receipt), _where(receipt), PROBE]
    return [*lines, SIMULATED] if told["simulated"] else lines


def _whose(receipt: dict[str, Any]) -> str:
    who = f"listed: {receipt['operator']}" if receipt["operator"] else "unknown: it is in no list"
    return (
        f"A test server signed what came to it, what it sent, and which flows were calls, for {receipt['epochs']} "
        f"epochs. Its key is {receipt['responder']} ({who})."
    )


def _where(receipt: dict[str, Any]) -> str:
    country = "an unknown country" if receipt["country"] == "ZZ" else receipt["country"]
    network = "an unknown network" if receipt["network"] == "AS0" else receipt["network"]
    when = f", in the hour of {receipt['ended_at']}" if receipt["ended_at"] else ""
    return f"It saw the check come from {network} in {country}{when}. Its own network: {receipt['class']}."
