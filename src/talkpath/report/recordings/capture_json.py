"""The JSON object of a capture file (tp-007): what `capture --json` prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from talkpath.measure.call import Attempt, Call, Control, Flow, Paired, RecordedDirection, Source
from talkpath.verdict.bases.call_outcome import Outcome, OutcomeKind, Sign
from talkpath.verdict.bases.calls_together import JudgedCall, JudgedRecording
from talkpath.verdict.model import Verdict

SCHEMA = "talkpath.capture/1"
TOGETHER_SCHEMA = "talkpath.together/1"

Endpoints = Callable[[int], Sequence[str]]
"""The endpoints of the flows of the n-th call, as text."""


class PathObject(Flow, frozen=True, kw_only=True):
    """One 5-tuple of a call (`Flow`), with `endpoints` "ip:port-ip:port/udp", the local end first, where asked for."""

    endpoints: str | UnsetType = UNSET


class CallObject(Call, frozen=True, kw_only=True):
    """One call. `flows` are numbers of its `paths`; `endpoints` is that of the path with most media; `outcome` and what
    follows it are an `Outcome`."""

    flows: tuple[int, ...]  # type: ignore[assignment]
    paths: tuple[PathObject, ...]
    outcome: OutcomeKind
    outcome_s: float | None
    outcome_lasts_s: float | None
    outcome_direction: RecordedDirection | None
    outcome_signs: tuple[Sign, ...]
    verdict: Verdict
    endpoints: str | UnsetType = UNSET


class AttemptObject(Attempt, frozen=True, kw_only=True):
    """One attempt, with how it ended and its verdict."""

    outcome: OutcomeKind
    outcome_s: float | None
    outcome_lasts_s: float | None
    outcome_direction: RecordedDirection | None
    outcome_signs: tuple[Sign, ...]
    verdict: Verdict


class CaptureResult(Struct, frozen=True):
    """The whole object. `file` is "-", or the recording's number among several; `peer` is there where the other end's
    capture was given, `controls` where control traffic ran beside calls, `together` where several calls fit one rule
    beside it."""

    schema: str
    file: str
    packets: int
    duration_s: float
    unread: dict[str, int]
    calls: tuple[CallObject, ...]
    attempts: tuple[AttemptObject, ...]
    peer: tuple[Paired, ...] | UnsetType = UNSET
    source: Source | UnsetType = UNSET
    """Only where it is an app's own statistics."""
    controls: tuple[Control, ...] | UnsetType = UNSET
    together: tuple[Verdict, ...] | UnsetType = UNSET
    unnamed_streams: int = 0
    """In how many other flows packets ran steadily both ways as voice does, of no app that is known."""


def capture_result(file: str, judged: JudgedRecording, endpoints: Endpoints | None = None) -> CaptureResult:
    """The object of one capture file."""
    findings = judged.findings
    return CaptureResult(
        schema=SCHEMA,
        file=file.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        packets=findings.packets,
        duration_s=round(findings.duration_s, 6),
        unread=findings.unread,
        calls=tuple(call_object(one, endpoints(place) if endpoints else ()) for place, one in enumerate(judged.calls)),
        attempts=tuple(map(attempt_object, judged.attempts)),
        peer=UNSET if findings.pairs is None else findings.pairs,
        source=UNSET if findings.source == "packets" else findings.source,
        controls=findings.controls or UNSET,
        together=judged.together or UNSET,
        unnamed_streams=findings.unnamed_streams,
    )


def call_object(judged: JudgedCall[Call], endpoints: Sequence[str] = ()) -> CallObject:
    """The object of one call."""
    call = judged.call
    texts: Sequence[str | UnsetType] = endpoints or [UNSET] * len(call.flows)
    paths = tuple(PathObject(**asdict(flow), endpoints=text) for flow, text in zip(call.flows, texts, strict=True))
    busiest = max(paths, key=lambda path: path.media_sent + path.media_received, default=None)
    fields = asdict(call) | {"flows": tuple(path.number for path in paths)}
    how = _outcome_fields(judged.outcome)
    endpoint = busiest.endpoints if busiest else UNSET
    return CallObject(**fields, **how, paths=paths, verdict=judged.verdict, endpoints=endpoint)


def attempt_object(judged: JudgedCall[Attempt]) -> AttemptObject:
    """The object of one attempt."""
    return AttemptObject(**asdict(judged.call), **_outcome_fields(judged.outcome), verdict=judged.verdict)


def _outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """The fields that tell how a call was."""
    return {
        "outcome": outcome.kind,
        "outcome_s": outcome.at_s,
        "outcome_lasts_s": outcome.lasts_s,
        "outcome_direction": outcome.direction,
        "outcome_signs": outcome.signs,
    }


def together_text(verdicts: Sequence[Verdict]) -> str:
    """What calls of several recordings say together, as JSON on one line."""
    return msgspec.json.encode({"schema": TOGETHER_SCHEMA, "together": list(verdicts)}).decode()


def capture_line(record: CaptureResult) -> str:
    """The object as JSON on one line."""
    return msgspec.json.encode(record).decode()
