"""Judges a stored bundle again by the rules of this talkpath, and says what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from rich.console import Console

from talkpath.errors import UsageError
from talkpath.evidence.bundle import WITHOUT_PAGE, Bundle
from talkpath.evidence.known_responders import has_known_server
from talkpath.measure.call import Findings
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts
from talkpath.measure.paired_call import PairedCallFacts
from talkpath.report import check_text, endpoint_report
from talkpath.report.check_json import judge_check
from talkpath.report.paired_json import judge_paired_bundle
from talkpath.report.pictures import check_page
from talkpath.report.recordings import capture_json, capture_page, capture_text
from talkpath.report.recordings.both_ends import judge_both_ends
from talkpath.report.words.amounts import began_words
from talkpath.report.words.language import say
from talkpath.verdict.bases.calls_together import JudgedRecording
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.bases.own_addresses.several_networks import judge_networks
from talkpath.verdict.model import Verdict

COMPARED = ("state", "rule", "direction")
LOG10_E_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Judgement:
    """What this talkpath says of stored facts."""

    verdicts: tuple[Verdict, ...]
    """Of a check one for each app and medium, of a recording one for each call."""

    changes: tuple[str, ...]
    """A sentence for each verdict that differs from the one that was stored."""

    record: dict[str, Any] = field(repr=False)
    """The JSON object of today (spec/tp-004 for a check, spec/tp-007 for a recording)."""

    recording: JudgedRecording | None = field(default=None, repr=False)
    """A recording's calls with what is said of each. Not part of the public interface."""


def rejudge(bundle: Bundle) -> Judgement:
    """Judge the stored facts. The stored verdicts are only compared."""
    if bundle.facts is not None:
        return _rejudge_check(bundle.facts, bundle.second.facts if bundle.second else None, bundle.verdict)
    if bundle.endpoints is not None:
        return _rejudge_endpoints(bundle.endpoints, bundle.verdict)
    if bundle.paired is not None:
        return _rejudge_paired(bundle.paired, bundle.first, bundle.second, bundle.verdict)
    assert bundle.findings is not None  # a bundle holds one of the four
    return _rejudge_recording(bundle.findings, bundle.verdict)


def judge_several(bundles: Sequence[Bundle]) -> Judgement:
    """Judge runs of `talkpath endpoints` together, each from another network; `UsageError` for other bundles."""
    runs = [bundle.endpoints for bundle in bundles if bundle.endpoints is not None]
    if len(runs) < len(bundles):
        raise UsageError("Only bundles of `talkpath endpoints` are judged together; name one of another kind alone.")
    verdicts = judge_networks(runs)
    return Judgement(tuple(verdicts), (), endpoint_report.networks_json(len(runs), verdicts))


def _rejudge_check(facts: Facts, second: Facts | None, stored: dict[str, Any]) -> Judgement:
    truth = (stored.get("truth") or {}).get("hit")
    verdicts, record = judge_check(facts, truth, second)
    changes = verdict_changes(stored.get("verdicts", []), record["verdicts"])
    if second is not None:
        part = "other_family" if "other_family" in record else "second"
        again = verdict_changes(stored.get(part, {}).get("verdicts", []), record[part]["verdicts"])
        changes += [say("again", "second check, {change}", change=change) for change in again]
    return Judgement(tuple(verdicts), tuple(changes), record)


def _rejudge_endpoints(facts: EndpointFacts, stored: dict[str, Any]) -> Judgement:
    verdicts = judge_own_addresses(facts)
    record = endpoint_report.endpoints_json(facts, verdicts)
    return Judgement(tuple(verdicts), tuple(verdict_changes(stored.get("verdicts", []), record["verdicts"])), record)


def _rejudge_paired(
    facts: PairedCallFacts, first: Bundle | None, second: Bundle | None, stored: dict[str, Any]
) -> Judgement:
    _, record = judge_paired_bundle(facts, *(each.facts if each else None for each in (first, second)))
    keys = [key for key in ("state", "side") if stored.get(key) != record[key]]
    return Judgement((), tuple(f"{key} {stored.get(key)} -> {record[key]}" for key in keys), record)


def _rejudge_recording(findings: Findings, stored: dict[str, Any]) -> Judgement:
    judged = judge_both_ends(findings)
    record = msgspec.json.decode(msgspec.json.encode(capture_json.capture_result("-", judged)))
    changes = []
    for kind in ("calls", "attempts"):
        for number, (before, after) in enumerate(zip(stored.get(kind, []), record[kind], strict=False), 1):
            changed = verdict_changes([before["verdict"]], [after["verdict"]])
            changes += [f"{kind.removesuffix('s')} {number}, {change}" for change in changed]
    return Judgement(tuple(one.verdict for one in judged.calls), tuple(changes), record, judged)


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
    return before is after if before is None or after is None else abs(before - after) <= LOG10_E_TOLERANCE


def show_judgement(console: Console, bundle: Bundle, judgement: Judgement) -> None:
    """Print what is said of a stored bundle: of a check, of a recording, or of an app's own servers."""
    if judgement.recording is not None:
        capture_text.show_capture(console, say("again", "a recording"), judgement.recording)
    elif bundle.facts is None:
        endpoint_report.show_endpoints(console, judgement.verdicts)
    else:
        check_text.show_check(
            console, judgement.verdicts, judgement.record, known_server=has_known_server(bundle.facts)
        )
        if bundle.started_at:
            console.print(f"\n{began_words(bundle.started_at)}", highlight=False)


def judgement_page(bundle: Bundle, judgement: Judgement, notes: Sequence[str]) -> str:
    """The same as one HTML page."""
    if judgement.recording is not None:
        return capture_page.capture_page(judgement.recording)
    if bundle.facts is not None:
        return check_page.check_page(bundle.facts, judgement.verdicts, judgement.record, notes)
    if bundle.endpoints is None:
        raise UsageError(WITHOUT_PAGE)
    return check_page.endpoint_page(judgement.verdicts, notes, simulated=bundle.simulated)
