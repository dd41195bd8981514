"""Judges a stored bundle again by the rules of this talkpath, and says what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from talkpath.evidence.bundle import Bundle
from talkpath.measure.call import Findings
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts
from talkpath.measure.paired_call import PairedCallFacts
from talkpath.report.check_json import judge_check
from talkpath.report.endpoint_report import endpoints_json
from talkpath.report.paired_json import judge_paired_bundle
from talkpath.report.recordings import capture_json
from talkpath.report.words.language import say
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.model import Verdict

COMPARED = ("state", "rule", "direction")
LOG10_E_TOLERANCE = 1e-9


class Rejudged(NamedTuple):
    """`record` is the JSON object of today (tp-004 or tp-007), `changes` a sentence for each verdict that differs from
    the one that was stored, `verdicts` those of a check."""

    record: dict[str, Any]
    changes: list[str]
    verdicts: list[Verdict]


def recording_name() -> str:
    """What stands in place of the file's name, which no bundle holds."""
    return say("again", "a recording")


def rejudge(bundle: Bundle) -> Rejudged:
    """Judge the stored facts. The stored verdicts are only compared."""
    if bundle.facts is not None:
        return _rejudge_check(bundle.facts, bundle.second.facts if bundle.second else None, bundle.verdict)
    if bundle.endpoints is not None:
        return _rejudge_endpoints(bundle.endpoints, bundle.verdict)
    if bundle.paired is not None:
        return _rejudge_paired(bundle.paired, bundle.first, bundle.second, bundle.verdict)
    assert bundle.findings is not None  # a bundle holds one of the four
    return _rejudge_recording(bundle.findings, bundle.verdict)


def _rejudge_check(facts: Facts, second: Facts | None, stored: dict[str, Any]) -> Rejudged:
    truth = stored.get("truth", {}).get("hit")
    verdicts, record = judge_check(facts, truth, second)
    changes = verdict_changes(stored.get("verdicts", []), record["verdicts"])
    if second is not None:
        part = "other_family" if "other_family" in record else "second"
        again = verdict_changes(stored.get(part, {}).get("verdicts", []), record[part]["verdicts"])
        changes += [say("again", "second check, {change}", change=change) for change in again]
    return Rejudged(record, changes, verdicts)


def _rejudge_endpoints(facts: EndpointFacts, stored: dict[str, Any]) -> Rejudged:
    verdicts = judge_own_addresses(facts)
    record = endpoints_json(facts, verdicts)
    changes = verdict_changes(stored.get("verdicts", []), record["verdicts"])
    return Rejudged(record, changes, verdicts)


def _rejudge_paired(
    facts: PairedCallFacts, first: Bundle | None, second: Bundle | None, stored: dict[str, Any]
) -> Rejudged:
    _, record = judge_paired_bundle(facts, *(each.facts if each else None for each in (first, second)))
    changes = [
        f"{key} {stored.get(key)} -> {record[key]}" for key in ("state", "side") if stored.get(key) != record[key]
    ]
    return Rejudged(record, changes, [])


def _rejudge_recording(findings: Findings, stored: dict[str, Any]) -> Rejudged:
    record = msgspec.json.decode(msgspec.json.encode(capture_json.capture_result("-", findings)))
    changes = []
    for kind in ("calls", "attempts"):
        for number, (before, after) in enumerate(zip(stored.get(kind, []), record[kind], strict=False), 1):
            changed = verdict_changes([before["verdict"]], [after["verdict"]])
            changes += [f"{kind.removesuffix('s')} {number}, {change}" for change in changed]
    return Rejudged(record, changes, [])


def verdict_changes(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each verdict whose state, rule, direction or log10 e (by more than 1e-9) changed."""
    stored = {(verdict["app"], verdict["medium"]): verdict for verdict in before}
    changes = []
    for verdict in after:
        old = stored.get((verdict["app"], verdict["medium"]), {})
        parts = [f"{key} {old.get(key)} -> {verdict[key]}" for key in COMPARED if old.get(key) != verdict[key]]
        if not _close_enough(old.get("log10_e"), verdict["log10_e"]):
            parts.append(f"log10 e {old.get('log10_e')} -> {verdict['log10_e']}")
        if parts:
            changes.append(f"{verdict['app']} {verdict['medium']}: {', '.join(parts)}")
    return changes


def _close_enough(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return abs(before - after) <= LOG10_E_TOLERANCE
