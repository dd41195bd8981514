"""tp-007: what `capture --json` prints, one object a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from talkpath.measure.call import Call, Findings
from talkpath.verdict.call import judge_attempt, judge_call

SCHEMA = "talkpath.capture/1"

Endpoints = Callable[[int], Sequence[str]]
"""The endpoints of the flows of the n-th call, as text."""


def document(file: str, findings: Findings, endpoints: Endpoints | None = None, peer: Any = None) -> dict[str, Any]:
    """The whole object. `file` is a name without a folder."""
    out: dict[str, Any] = {
        "schema": SCHEMA,
        "file": file,
        "packets": findings.packets,
        "duration_s": round(findings.duration_s, 6),
        "unread": findings.unread,
        "calls": [
            call_object(call, endpoints(number) if endpoints else ()) for number, call in enumerate(findings.calls)
        ],
        "attempts": [
            _rounded(msgspec.to_builtins(attempt)) | {"verdict": msgspec.to_builtins(judge_attempt(attempt))}
            for attempt in findings.attempts
        ],
    }
    return out | ({"peer": peer} if peer is not None else {})


def call_object(call: Call, endpoints: Sequence[str] = ()) -> dict[str, Any]:
    """One call: `flows` are numbers, told in `paths`; `endpoints` is that of the flow with most media."""
    out: dict[str, Any] = _rounded(msgspec.to_builtins(call))
    paths = out["flows"]
    out["flows"] = [path["number"] for path in paths]
    if endpoints:
        for path, text in zip(paths, endpoints, strict=True):
            path["endpoints"] = text
        out["endpoints"] = max(paths, key=lambda path: path["media_sent"] + path["media_received"])["endpoints"]
    return out | {"paths": paths, "verdict": msgspec.to_builtins(judge_call(call))}


def _rounded(value: Any) -> Any:
    """Times to the microsecond."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
