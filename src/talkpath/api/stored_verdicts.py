"""Judges the facts of a stored bundle again, by the rules of this talkpath."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from talkpath.api.bundle_files import BundleSource, read_once
from talkpath.evidence.bundle import Bundle

if TYPE_CHECKING:
    from talkpath.verdict.model import Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """What this talkpath says of stored facts."""

    verdicts: tuple[Verdict, ...]
    """Of a check one for each app and medium, of a recording one for each call."""

    changes: tuple[str, ...]
    """A sentence for each verdict that differs from the one that was stored."""

    record: dict[str, Any] = field(repr=False)
    """The JSON object of today (spec/tp-004 for a check, spec/tp-007 for a recording)."""


def judge(bundle: BundleSource | Bundle) -> Judgement:
    """Compute the verdicts of a stored check or recording again, from its facts alone.

    `BundleError` and `UsageError` as for `read_bundle`.
    """
    from talkpath.report.rejudge import rejudge
    from talkpath.verdict.bases.accompanied_call import call_verdicts

    stored = read_once(bundle)
    rejudged = rejudge(stored)
    calls = call_verdicts(stored.findings) if stored.findings else ()
    verdicts = (*rejudged.verdicts, *calls)
    return Judgement(verdicts=verdicts, changes=tuple(rejudged.changes), record=rejudged.record)
