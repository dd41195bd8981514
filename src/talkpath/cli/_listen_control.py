"""Control traffic for `talkpath listen`: its plan, its session, and what is said where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import PeerError, UsageError

if TYPE_CHECKING:
    from talkpath.listening.control_thread import ControlThread
    from talkpath.listening.packet_streams import PacketStream
    from talkpath.measure.call import Findings
    from talkpath.report.recordings.control_plan import ControlPlan

LINK_MARKS = ("talkpath://", "#")
WITHOUT_CONTROL_TRAFFIC = "Listening goes on without control traffic."


def source_and_link(words: tuple[str, ...], interface: str | None) -> tuple[str | None, str]:
    """Return the file, and the link, among what was named. `UsageError` for more than one of either."""
    links = [word for word in words if any(mark in word for mark in LINK_MARKS)]
    files = [word for word in words if word not in links]
    if len(links) > 1 or len(files) + (interface is not None) != 1:
        raise UsageError(
            "Name one source of packets, a file, - for standard input, or an interface with -i, and at most one link."
        )
    return (files[0] if files else None), (links[0] if links else "")


def show_plan(light: bool, as_json: bool) -> None:
    """Print what control traffic beside a call costs."""
    from talkpath.report.recordings.control_plan import plan_words

    plan = plan_of(light)
    click.echo(json.dumps(plan._asdict()) if as_json else plan_words(plan))


def plan_of(light: bool) -> ControlPlan:
    """What control traffic beside a call costs."""
    from talkpath.listening.control_thread import CONTROL_CONNECTIONS, LIGHT_CONTROL_CONNECTIONS
    from talkpath.report.recordings.control_plan import control_plan

    return control_plan(LIGHT_CONTROL_CONNECTIONS if light else CONTROL_CONNECTIONS)


def is_ready(control: ControlThread, stream: PacketStream, light: bool) -> bool:
    """Whether control traffic can run; otherwise the reason is said. An interface leaves it out of what it shows."""
    from talkpath.api.live_recording import leave_out
    from talkpath.report.printable import printable
    from talkpath.report.recordings.control_plan import plan_words

    try:
        leave_out(control, stream)
    except PeerError as error:
        click.echo(f"talkpath: {printable(str(error))} {WITHOUT_CONTROL_TRAFFIC}", err=True)
        return False
    click.echo(f"talkpath: {plan_words(plan_of(light))}", err=True)
    return True


def read_earlier(bundles: Iterable[Path]) -> list[Findings]:
    """The recordings in bundles of earlier calls. `UsageError` for one that holds none."""
    from talkpath.evidence.file import read_file

    out = []
    for path in bundles:
        findings = read_file(path).findings
        if findings is None:
            raise UsageError(f"{path.name} holds no recorded call; --with takes bundles that `listen -o` wrote.")
        out.append(findings)
    return out


def show_together(found: list[Findings], earlier: list[Findings], as_json: bool) -> None:
    """Print what the calls of this session and of earlier ones say together, where that is more than each says."""
    from talkpath.cli._screen import screen
    from talkpath.report.recordings import capture_json, capture_text
    from talkpath.verdict.bases.calls_together import verdicts_together

    if not earlier and len(found) < 2:
        return
    verdicts = verdicts_together([*earlier, *found])
    if as_json:
        click.echo(capture_json.together_text(verdicts))
    else:
        capture_text.show_together(screen(), verdicts)
