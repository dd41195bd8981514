"""The truth of a recorded call: from the case, from what both ends logged, and from what the network dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from proof.engines.cases import APPS, Case
from proof.engines.mailbox import events
from proof.engines.path import CALLEE, CALLER, Trouble


def truth(name: str, case: Case, folder: Path, dropped: dict[str, int]) -> dict[str, Any]:
    """Return what is true of the recording, for both ends: `a` is the caller's, `b` the callee's."""
    path = _lines(folder / "path.log")
    media_s = next((line["at_s"] for line in path if line["event"] == "first media"), None)
    ends = {"a": _end("a", case, folder), "b": _end("b", case, folder)}
    both = "telegram" in (case.caller, case.callee)
    return {
        "name": name,
        "app": "telegram" if both else APPS.get(case.caller, ""),
        "media": [*case.media, *(["video"] if any(act.does == "film" for act in case.acts) else [])],
        "transport": "relay" if case.relay else "p2p",
        "relay": case.relay,
        "link": case.link,
        "jitter_s": case.jitter_s,
        "calls": int(bool(case.media) and all(_is_connected(end) for end in ends.values())),
        "answered": case.answered,
        "hangs_up": case.hangs_up,
        "media_s": media_s,
        "ends": ends,
        "path": path,
        "dropped": dropped,
    }


def _is_connected(end: dict[str, Any]) -> bool:
    return any(one["event"] == "connected" for one in end["log"])


def _end(letter: str, case: Case, folder: Path) -> dict[str, Any]:
    host, role, engine = (CALLER, "caller", case.caller) if letter == "a" else (CALLEE, "callee", case.callee)
    logged = events(folder, role)  # type: ignore[arg-type]
    return {
        "role": role,
        "engine": engine,
        "ipv4": host.ipv4,
        "ipv6": host.ipv6,
        "sent": _fate(case, letter, "sent"),
        "received": _fate(case, letter, "received"),
        "log": logged,
    }


def _fate(case: Case, letter: str, direction: str) -> dict[str, Any]:
    """What becomes of media in a direction, seen at one end: `good`, `lossy`, `silent` from when, `muted`, `none`."""
    towards = "up" if (letter == "a") == (direction == "sent") else "down"
    sender = "caller" if towards == "up" else "callee"
    if sender in case.receives_only:
        return {"is": "none", "why": "receives only"}
    met = [] if case.relay == "turn-any" else case.troubles  # a relay by TCP is there for a path without UDP
    fates = [_met(trouble) for trouble in met if trouble.towards in (towards, "both")]
    held = [act for act in case.acts if act.role == sender and act.does in ("hold", "mute")]
    if held:
        fates.append({"is": "muted", "after_s": held[0].after_s})
    if case.rebinds_after_s is not None:
        fates.append({"is": "rebound", "after_s": case.rebinds_after_s})
    if case.mutes == sender:
        fates.append({"is": "muted", "after_s": case.mutes_after_s})
    return fates[0] if fates else {"is": "good"}


def _met(trouble: Trouble) -> dict[str, Any]:
    if trouble.share < 1:
        return {"is": "lossy", "share": trouble.share}
    found = {"is": "silent", "what": trouble.what, "after_s": trouble.after_s or 0.0}
    return found | ({"for_s": trouble.for_s} if trouble.for_s < 1e6 else {})


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
