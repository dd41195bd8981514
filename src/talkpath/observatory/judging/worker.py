"""What is done with one bundle in a process that judges: the record for the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from msgspec.structs import replace

from talkpath.errors import BundleError
from talkpath.evidence.bundle import FormatVersionError
from talkpath.observatory.judging.judgement import judge_bundle
from talkpath.observatory.log.packs import NotKeptError, read_bundle_of
from talkpath.observatory.log.records import Judged, Received, Unfit
from talkpath.observatory.log.register import Known
from talkpath.verdict.judge import RULES_VERSION

CRASHED = "The judge could not finish with it."
OURS = (NotKeptError, FormatVersionError, MemoryError, RecursionError)
"""Nothing of these speaks against a bundle that older rules could judge."""


def judge_received(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """Of a report that nobody judged yet."""
    try:
        return _judged(packs, received, listed, simulated)
    except (BundleError, MemoryError, RecursionError) as error:
        return unfit(received, str(error) or CRASHED)


def judge_again(packs: Path, known: Known, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit | None:
    """Of one that older rules looked at; None where what they said stays: the bundle is no longer kept, or this
    version can say no more of it. What this version finds to be no evidence at all counts no longer."""
    try:
        return replace(_judged(packs, known.received, listed, simulated), again=True)
    except OURS:
        return None
    except BundleError as error:
        found = unfit(known.received, str(error))
        return replace(found, measured=known.measured, again=True) if known.state == "judged" else None


def unfit(received: Received, why: str) -> Unfit:
    """The record of a bundle of which nothing can be made."""
    return Unfit(received.id, received.day, str(RULES_VERSION), why)


def _judged(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged:
    """`BundleError` where it cannot be counted here."""
    judged = judge_bundle(read_bundle_of(packs, received), received, listed)
    if judged.simulated != simulated:
        raise BundleError("It was made by the lab." if judged.simulated else "It was not made by the lab.")
    if judged.measured > (date.fromisoformat(received.day) + timedelta(days=1)).isoformat():
        raise BundleError("It tells a day that is still to come.")
    return judged
