"""Compares what `capture` finds with the truth.json of a folder of captures: one row a file, and a sum.

    python scripts/score_captures.py ../shared/captures

A required call must be there with app, media, transport, start and duration within 0.5 s, and, where the truth has
`lost_received`, with exactly so many packets missing of what came to this end (and, nothing being lost on the way to
the recording itself, none of what left it). No other call with media may be reported, but where the truth has an
optional or excluded one at that time; cloud gaming may be webrtc.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.measure.call import Call, Findings

NEAR_S = 0.5
NAMES = {"google_meet": "meet"}


def main(folder: Path) -> int:
    """Print the table; 1 when anything is wrong."""
    truth = json.loads((folder / "truth.json").read_text())
    wrong = 0
    for entry in truth:
        with (folder / entry["file"]).open("rb", buffering=0) as file:
            found = measure_calls(scan_capture(file)).findings
        verdicts = list(judged_calls(entry, found))
        wrong += sum(not fine for fine, _ in verdicts)
        mark = "ok " if all(fine for fine, _ in verdicts) else "BAD"
        print(f"{mark} {entry['file']:34} {'; '.join(text for _, text in verdicts)}")  # noqa: T201
    print(f"{len(truth)} files, {wrong} wrong")  # noqa: T201
    return min(wrong, 1)


def judged_calls(entry: dict[str, Any], found: Findings) -> Any:
    """Yield (right or wrong, what) for each call of the truth and each call reported beyond it."""
    left = list(found.calls)
    for call in entry.get("calls", []):
        match = nearest_call(call, left)
        if match is not None:
            left.remove(match)
        yield compared_call(call, match)
    spared = any(call["score"] != "required" for call in entry.get("calls", [])) or "gaming" in entry.get("notes", "")
    for call in left:
        fine = spared and (call.app == "webrtc" or bool(entry.get("calls")))
        yield fine, f"extra {in_words(call)}"
    for attempt in found.attempts:
        yield True, f"attempt {attempt.app} {attempt.start_s:.2f} answered={attempt.answered}"


def nearest_call(call: dict[str, Any], calls: list[Call]) -> Call | None:
    """Return the reported call that begins nearest to that of the truth."""
    begin = call["measured"]["media_start_s"]
    return min(calls, key=lambda one: abs(one.start_s - begin), default=None)


def compared_call(call: dict[str, Any], found: Call | None) -> tuple[bool, str]:
    """Compare a call with the truth: is it right, and how far off?"""
    required = call["score"] == "required"
    if found is None:
        return not required, f"MISSED {call['score']} {call['app']}"
    app = NAMES.get(call["app"], call["app"])
    start = found.start_s - call["measured"]["media_start_s"]
    longer = found.duration_s - call["measured"]["duration_s"]
    differences = [
        "" if found.app == app else f"app {found.app} for {app}",
        "" if set(found.media) == set(call["media"]) else f"media {found.media} for {call['media']}",
        "" if found.transport == call["transport"] else f"transport {found.transport} for {call['transport']}",
        "" if found.encrypted == call["encrypted"] else f"encrypted {found.encrypted} for {call['encrypted']}",
        "" if abs(start) <= NEAR_S else f"start {start:+.2f}",
        "" if abs(longer) <= NEAR_S else f"duration {longer:+.2f}",
        *compared_losses(call, found),
    ]
    text = ", ".join(part for part in differences if part) or f"{in_words(found)} ({start:+.2f} s, {longer:+.2f} s)"
    return not required or not any(differences), f"{call['score']}: {text}"


def compared_losses(call: dict[str, Any], found: Call) -> Iterator[str]:
    """Compare the lost packets with the truth, where it has them."""
    if "lost_received" not in call:
        return
    for direction, truth in (("received", call["lost_received"]), ("sent", 0)):
        counted = sum(stream.lost or 0 for stream in found.streams if stream.direction == direction)
        if counted != truth:
            yield f"lost {counted} for {truth} {direction}"


def in_words(call: Call) -> str:
    """Describe a call in a few words."""
    return f"{call.app} {'+'.join(call.media)} {call.transport} {call.start_s:.2f}+{call.duration_s:.2f}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
