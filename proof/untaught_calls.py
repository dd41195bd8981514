"""Five recordings of each protocol that nobody taught, the shapes that they become, and rules on these by hand.

Contract: a rule is found where a check of calls like the recorded ones names the mechanism, its direction, and an
interval of the share that holds the rule's own; without a rule nothing may be accused.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import click

from proof.engines.cases import UNTAUGHT
from proof.written_rules import RULES, WrittenRule, play_rule, told
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.capture.shapes.recorded_flow import read_flow
from talkpath.verdict.model import Number, Verdict

RECORDINGS: Final = 5
WRITTEN: Final = {"sip_srtp": "srtp", "mumble_voice": "counted", "tunnel_call": "tunnel"}
SEED: Final = 1


def untaught_shape(folder: Path, case: str) -> bytes:
    """Return the shape of the flow with most packets in each recording of a case, and keep it beside them."""
    files = sorted(folder.glob(f"*/{case}.a.pcap"))
    flows = [read_flow(partial(file.open, "rb", 0), 1) for file in files]  # type: ignore[arg-type]
    text = write_shape_text(make_shape(flows, case))
    (folder / f"{case}.shape").write_bytes(text)
    return text


def is_found(rule: WrittenRule, verdict: Verdict) -> bool:
    """Tell whether a verdict says what the rule did."""
    if rule.share is None:
        return verdict.state == "ok"
    share = verdict.parameters.get("p")
    held = isinstance(share, Number) and (share.low or 0.0) <= rule.share <= (share.high or 0.0)
    return (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.drop", rule.direction) and held


def found_rows(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield a row of the table for each case, without a rule and with its own, and whether it is right."""
    for case, written in WRITTEN.items():
        recordings = len(list(folder.glob(f"*/{case}.a.pcap")))
        text = untaught_shape(folder, case)
        for rule in (RULES["none"], RULES[written]):
            verdict, _, _ = play_rule(text, rule, SEED)
            words = f"| {case}, {recordings} recordings | {rule.words} ({rule.direction}) | {told(verdict)} |"
            yield words, is_found(rule, verdict)


@click.command("untaught")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def untaught_command(folder: Path) -> None:
    """Record calls of protocols that nobody taught (Linux, root; what requirements/engines.in names), where FOLDER has
    none yet, and find rules on calls like them."""
    for number in range(RECORDINGS):
        place = folder / str(number)
        if wanted := [case for case in UNTAUGHT if not (place / f"{case}.a.pcap").exists()]:
            subprocess.run([sys.executable, "-m", "proof.engines", "record", str(place), *wanted], check=True)
    rows = []
    for line, is_right in found_rows(folder):
        rows.append(is_right)
        click.echo(line if is_right else f"{line} WRONG")
    raise SystemExit(not all(rows))
