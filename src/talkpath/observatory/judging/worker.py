"""Judges one bundle in a worker process: from what lies in a pack to the record for the log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from talkpath.errors import BundleError
from talkpath.evidence.bundle import FormatVersionError
from talkpath.observatory.judging.judgement import judge_bundle
from talkpath.observatory.log.packs import NotKeptError, read_bundle_of
from talkpath.observatory.log.records import Judged, Received, Unfit
from talkpath.observatory.log.register import Known
from talkpath.verdict.judge import RULES_VERSION
from talkpath.verdict.memo import forget

MOST_REASON = 200  # characters


def judge_received(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """The record of a report that nobody judged yet. Whatever goes wrong with its bundle, a mistake of the judge too,
    makes it unfit with a reason; `MemoryError` is left to whoever can try again with more memory.

    Every `Exception` is caught since the bundle is a stranger's: one that makes the judge fail must not be judged again
    after each restart, and keep all others waiting."""
    try:
        return _judged_record(packs, received, listed, simulated)
    except MemoryError:
        raise
    except BundleError as error:
        return unfit_record(received, str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is, the next report is to be judged)
        return unfit_record(received, f"The judge failed on it ({type(error).__name__}).")


def judge_again(packs: Path, known: Known, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit | None:
    """The record of a report that older rules judged; None where their result stays, because the bundle is no longer
    kept, or this version cannot read or judge it. What this version finds to be no evidence counts no longer.

    Every other `Exception` is a mistake of this version's judge. It says nothing of the bundle, so the older result
    stays; `MemoryError` is left to whoever can try again with more memory."""
    try:
        return replace(_judged_record(packs, known.received, listed, simulated), again=True)
    except (NotKeptError, FormatVersionError):
        return None
    except BundleError as error:
        record = unfit_record(known.received, str(error))
        return replace(record, measured=known.measured, again=True) if known.state == "judged" else None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (as said above: the older result stays)
        return None


def unfit_record(received: Received, reason: str) -> Unfit:
    """The record of a bundle that cannot be judged."""
    return Unfit(id=received.id, day=received.day, rules_version=str(RULES_VERSION), why=reason[:MOST_REASON])


def _judged_record(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged:
    """The judgement; `BundleError` where the bundle cannot be counted in this observatory."""
    try:
        judged = judge_bundle(read_bundle_of(packs, received), received, listed)
    finally:
        forget()
    if judged.simulated != simulated:
        raise BundleError("It was made by the lab." if judged.simulated else "It was not made by the lab.")
    return judged
