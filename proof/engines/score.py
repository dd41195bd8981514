"""Compares what `talkpath capture` says of recorded calls with their truth: name, number, direction, outcome, end.

A statement is right, wrong, or not made ("?"). "I cannot tell" is no error where nothing on the wire tells it: a call
inside TLS may be missed, a far end that is mute may be "unknown".
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proof.engines.streams import rtp_streams

COUNTED = ("app", "calls", "direction", "outcome")
COLUMNS = (*COUNTED, "end")
RIGHT = ("ok", "?", "-")
UNNAMED = ("", "unknown", "unnamed")
NEAR_S = 3.0
LATE_MS = 20.0
STALL_SHARE = 0.03  # of the time, on a busy machine: then the call may be called poor
LOSS_MARGIN = 0.06
BATCH = 20


@dataclass
class Row:
    """One recording at one end: for each column "ok", "?" (not said) or "-" (nothing to say), or what is wrong."""

    name: str
    verdicts: dict[str, str] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)

    def is_right(self) -> bool:
        """Tell whether nothing is wrong, apart from how the end of the call is told."""
        return all(self.verdicts.get(one, "-") in RIGHT for one in COUNTED)


def said(files: list[Path]) -> dict[Path, dict[str, Any]]:
    """Return what `talkpath capture --json` says of each file."""
    found: dict[Path, dict[str, Any]] = {}
    for at in range(0, len(files), BATCH):
        part = files[at : at + BATCH]
        command = [str(Path(sys.executable).with_name("talkpath")), "capture", "--json", "--jobs", "1", *map(str, part)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if len(lines) != len(part):
            raise RuntimeError(f"talkpath capture said {len(lines)} things of {len(part)} files: {done.stderr[-300:]}")
        found |= dict(zip(part, lines, strict=True))
    return found


def scored(folder: Path, names: Sequence[str] = ()) -> Iterator[Row]:
    """Yield a row for each recording of the folder."""
    chosen = [file for file in sorted(folder.glob("*.pcap*")) if not names or file.name.split(".")[0] in names]
    answers = said(chosen)
    for file in chosen:
        name, letter = file.name.split(".")[:2]
        yield judged(json.loads((folder / f"{name}.json").read_text()), letter, answers[file], file)


def judged(truth: dict[str, Any], letter: str, answer: dict[str, Any], file: Path) -> Row:
    """Compare what is said of one file with its truth."""
    row = Row(f"{truth['name']}.{letter}")
    calls, attempts = answer["calls"], answer["attempts"]
    row.verdicts["calls"] = _number(truth, letter, len(calls), attempts)
    row.verdicts["app"] = _named(truth["app"], [one["app"] for one in calls + attempts])
    if calls and truth["calls"]:
        call = max(calls, key=lambda one: float(one["duration_s"]))
        row.verdicts["direction"] = _directions(truth["ends"][letter], calls, file)
        row.verdicts["outcome"] = _outcome(truth, truth["ends"][letter], call)
        row.verdicts["end"] = _end(truth, call)
        row.beside += _beside(truth, letter, call)
    return row


def _number(truth: dict[str, Any], letter: str, calls: int, attempts: list[dict[str, Any]]) -> str:
    if is_hidden(truth, letter):
        return "ok" if calls == 1 else "?" if calls == 0 else f"{calls} calls for 1"
    if calls != truth["calls"]:
        return f"{calls} calls for {truth['calls']}"
    allowed = 1 if truth["app"] and not truth["calls"] else 0
    return "ok" if len(attempts) <= allowed else f"{len(attempts)} attempts for {allowed}"


def is_hidden(truth: dict[str, Any], letter: str) -> bool:
    """Tell whether the call is inside TLS at this end."""
    return letter == "a" and truth["relay"] == "turn-tls"


def _named(app: str, names: list[str]) -> str:
    if not names:
        return "-"
    wrong = sorted({name for name in names if name != app and name not in UNNAMED})
    if wrong:
        return f"{'+'.join(wrong)} for {app or 'no call'}"
    return "ok" if app in names else "?"


def _directions(end: dict[str, Any], calls: list[dict[str, Any]], file: Path) -> str:
    """Whether each stream that the recording shows readably is on the right side."""
    found = rtp_streams(file, end)
    sent, received = found["sent"].keys(), found["received"].keys()
    sides = {"sent": sent - received, "received": received - sent}
    seen = [
        stream["direction"] == side
        for call in calls
        for stream in call["streams"]
        for side, known in sides.items()
        if stream["ssrc"] in known
    ]
    return "-" if not seen else "ok" if all(seen) else f"{seen.count(False)} of {len(seen)} streams on the wrong side"


def _outcome(truth: dict[str, Any], end: dict[str, Any], call: dict[str, Any]) -> str:
    allowed = expected(truth, end)
    outcome = call["outcome"]
    if outcome not in allowed:
        return f"{outcome} for {' or '.join(sorted(allowed))}"
    if outcome in ("went_silent", "one_way", "poor") and call["outcome_direction"] == "sent":
        return f"{outcome} of what was sent, for received"
    received = end["received"]
    if outcome == "went_silent" and received["is"] == "silent" and call["outcome_s"] is not None:
        off_s = call["outcome_s"] - call["start_s"] - received["after_s"]
        if abs(off_s) > NEAR_S:
            return f"silent {off_s:+.1f} s off"
    return _accused(truth, call) or "ok"


def _accused(truth: dict[str, Any], call: dict[str, Any]) -> str:
    """A verdict of a restriction where nothing was dropped."""
    restricted = call["verdict"]["state"] == "restricted"
    return (
        f"restricted ({call['verdict']['rule']}) where nothing was dropped"
        if restricted and not truth["dropped"]
        else ""
    )


def expected(truth: dict[str, Any], end: dict[str, Any]) -> set[str]:
    """Return the outcomes that are true of what this end received."""
    received, sent = end["received"], end["sent"]
    if received["is"] == "rebound":
        return {"good", "poor", "went_silent"}  # as soon as the far end sends to the new port
    if received["is"] == "silent" and received["what"] == "media" and sent["is"] == "none":
        return {"went_silent", "unknown"}  # who sends nothing gets no reports that would tell
    if received["is"] == "silent":
        if received["after_s"] == 0:
            return {"one_way", "never_connected"}
        return {"went_silent", "poor"} if "for_s" in received else {"went_silent"}
    if received["is"] == "lossy":
        return {"poor", "good"} if truth["relay"] in ("turn-tcp", "turn-tls") else {"poor"}
    if received["is"] in ("muted", "none"):
        return {"good", "unknown"}
    other = truth["ends"]["b" if end["role"] == "caller" else "a"]
    stood_still = other.get("stalled", 0.0) > STALL_SHARE or truth["late_p99_ms"] > LATE_MS
    late = {"poor"} if stood_still or truth["jitter_s"] else set()
    return {"good"} | late | ({"unknown"} if sent["is"] in ("silent", "muted", "none") else set())


def _end(truth: dict[str, Any], call: dict[str, Any]) -> str:
    """Whether the good-bye is told. On a dead path none may have come."""
    dead = any(
        end["received"].get("what") == "all" and "for_s" not in end["received"] for end in truth["ends"].values()
    )
    return "ok" if call["closed"] else "?" if dead else "no end told"


def _beside(truth: dict[str, Any], letter: str, call: dict[str, Any]) -> Iterator[str]:
    """Other wrong statements, that the columns do not count."""
    if set(call["media"]) != set(truth["media"]):
        yield f"media {'+'.join(call['media'])} for {'+'.join(truth['media'])}"
    sure = letter == "a" or truth["app"] == "telegram"
    if sure and truth["relay"] != "turn-any" and call["transport"] not in (truth["transport"], "unknown"):
        yield f"transport {call['transport']} for {truth['transport']}"
    received = truth["ends"][letter]["received"]
    lost = [
        stream["loss_pct"]
        for stream in call["streams"]
        if stream["direction"] == "received" and stream["packets"] > 100
    ]
    if received["is"] == "lossy" and lost and abs(max(x or 0 for x in lost) / 100 - received["share"]) > LOSS_MARGIN:
        yield f"loss {max(x or 0 for x in lost):.0f} % for {100 * received['share']:.0f} %"


def printed(rows: list[Row]) -> Iterator[str]:
    """Yield the table, the sums, and every wrong statement."""
    width = max((len(row.name) for row in rows), default=1)
    yield f"{'':{width}}  " + " ".join(f"{column:10}" for column in COLUMNS)
    for row in rows:
        cells = (row.verdicts.get(column, "-") for column in COLUMNS)
        yield f"{row.name:{width}}  " + " ".join(f"{cell if cell in RIGHT else 'WRONG':10}" for cell in cells)
    yield ""
    for row in rows:
        wrong = [f"{column}: {row.verdicts[column]}" for column in COLUMNS if column in row.verdicts]
        told = [text for text in wrong if not text.endswith((": ok", ": ?", ": -"))] + row.beside
        if told:
            yield f"{row.name}: {'; '.join(told)}"
    yield ""
    for column in COLUMNS:
        count = Counter(row.verdicts.get(column, "-") for row in rows)
        good, unsaid, nothing = count["ok"], count["?"], count["-"]
        spoken = len(rows) - nothing
        yield f"{column:10} right {good}, not said {unsaid}, wrong {spoken - good - unsaid}, of {spoken}"
    yield f"{sum(row.is_right() for row in rows)} of {len(rows)} recordings right in app, number, direction and outcome"
