"""From facts to what is told of them, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from talkpath.measure.facts import Facts
from talkpath.measure.transport_quality import carries
from talkpath.report.check_json import check_json
from talkpath.verdict.judge import judge
from talkpath.verdict.model import Verdict

GATE = {"restricted": 10, "closed": 11, "impaired": 12, "unreachable": 12, "insufficient": 13, "ok": 0}


def result(facts: Facts, truth: Sequence[dict[str, Any]] | None = None) -> tuple[list[Verdict], dict[str, Any]]:
    """(verdicts, the JSON object of tp-004)."""
    verdicts = judge(facts)
    return verdicts, check_json(facts, verdicts, carries(facts.epochs), truth)


def gate(verdicts: Sequence[Verdict]) -> int:
    """The exit code of `--gate`: the worst state, restricted first, then closed, poor lines, doubt."""
    for code in (10, 11, 12, 13):
        if any(GATE[verdict.state] == code for verdict in verdicts):
            return code
    return 0


def changes(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[str]:
    """What judging again changed: state, rule, direction, or log10 e by more than 1e-9."""
    old = {(verdict["app"], verdict["medium"]): verdict for verdict in before}
    found = []
    for verdict in after:
        was = old.get((verdict["app"], verdict["medium"]), {})
        said = [f"{key} {was.get(key)} -> {verdict[key]}" for key in ("state", "rule", "direction")
                if was.get(key) != verdict[key]]  # fmt: skip
        one, two = was.get("log10_e"), verdict["log10_e"]
        if (one is None) != (two is None) or (one is not None and two is not None and abs(one - two) > 1e-9):
            said.append(f"log10 e {one} -> {two}")
        if said:
            found.append(f"{verdict['app']} {verdict['medium']}: " + ", ".join(said))
    return found
