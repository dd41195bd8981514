"""A stored bundle, judged again by the rules of this talkpath."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from talkpath.evidence.bundle import Bundle
from talkpath.measure.call import Findings
from talkpath.measure.facts import Facts
from talkpath.report import result
from talkpath.report.recordings import capture_json
from talkpath.report.words.language import say
from talkpath.verdict.model import Verdict


class Again(NamedTuple):
    """`written` is the JSON object of today (tp-004 or tp-007), `changes` a sentence for each verdict that differs from
    the one that was stored, `verdicts` those of a check."""

    written: dict[str, Any]
    changes: list[str]
    verdicts: list[Verdict]


def recording() -> str:
    """What stands for the file's name, which no bundle holds."""
    return say("again", "a recording")


def judge_again(bundle: Bundle) -> Again:
    """From the stored facts alone; what was said of them then is only compared."""
    if bundle.facts is not None:
        return _check(bundle.facts, bundle.verdict)
    assert bundle.findings is not None  # a bundle holds one of both
    return _capture(bundle.findings, bundle.verdict)


def _check(facts: Facts, stored: dict[str, Any]) -> Again:
    truth = stored.get("truth", {}).get("hit")
    verdicts, written = result.result(facts, truth)
    return Again(written, result.changes(stored.get("verdicts", []), written["verdicts"]), verdicts)


def _capture(findings: Findings, stored: dict[str, Any]) -> Again:
    written = msgspec.to_builtins(capture_json.result("-", findings))
    changes = []
    for kind in ("calls", "attempts"):
        for number, (was, now) in enumerate(zip(stored.get(kind, []), written[kind], strict=False), 1):
            found = result.changes([was["verdict"]], [now["verdict"]])
            changes += [f"{kind.removesuffix('s')} {number}, {change}" for change in found]
    return Again(written, changes, [])
