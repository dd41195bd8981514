"""The JSON object of a call between two phones, as its bundle stores it and `judge` prints it."""

from __future__ import annotations

from typing import Any

import msgspec

from talkpath.measure.facts import Facts
from talkpath.measure.paired_call import PairedCallFacts
from talkpath.verdict.bases.paired_call import PairedCallVerdict, judge_paired_call
from talkpath.verdict.judge import RULES_VERSION, judge_facts

PAIRED_SCHEMA = "talkpath.paired/1"


def judge_paired_bundle(
    facts: PairedCallFacts, first: Facts | None, second: Facts | None
) -> tuple[PairedCallVerdict, dict[str, Any]]:
    """Judge the rounds and both ends' checks, None where an end has none: the verdict, and the JSON object."""
    verdict = judge_paired_call(facts, *(judge_facts(each) if each is not None else [] for each in (first, second)))
    head = {"schema": PAIRED_SCHEMA, "started_at": facts.started_at, "rules_version": str(RULES_VERSION)}
    return verdict, msgspec.json.decode(msgspec.json.encode({**head, **msgspec.to_builtins(verdict)}))
