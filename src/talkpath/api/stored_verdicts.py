"""Judges the facts of a stored bundle again, by the rules of this talkpath.

It reads evidence bundles from files or from memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkpath.evidence.bundle import Bundle as Bundle
from talkpath.evidence.bundle import read_bundle as _decode
from talkpath.evidence.file import read_bytes

BundleSource = str | Path | bytes
"""Where a bundle is: a path, or its bytes."""


def read_bundle(source: BundleSource) -> Bundle:
    """Read a bundle (spec/tp-003) and check that every bit is as it was signed.

    `source` is a path or the bytes of the file. `BundleError` where the file was changed, is damaged or is no bundle;
    `FileError` where it cannot be read.
    """
    return _decode(source if isinstance(source, bytes) else read_bytes(Path(source)))


def read_once(source: BundleSource | Bundle) -> Bundle:
    """The bundle itself where it was read already."""
    return source if isinstance(source, Bundle) else read_bundle(source)


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
