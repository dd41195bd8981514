"""What several means found together, as the entries `joined` of tp-004."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talkpath.apps.contract.shape import Medium
from talkpath.verdict.bases.joined_means import Conclusion, FindingWord, JoinedMedium, Means
from talkpath.verdict.model import Basis, State


class FindingRow(Struct, frozen=True):
    """What one means found, and the verdict behind it."""

    means: Means
    finding: FindingWord
    basis: Basis
    state: State
    rule: str | None


class JoinedRow(Struct, frozen=True):
    """One app and medium: what each means found, and what that fits together. `disagree`: one means found it well, and
    another held back."""

    app: str
    medium: Medium
    findings: tuple[FindingRow, ...]
    conclusion: Conclusion
    disagree: bool


def joined_rows(joined: Sequence[JoinedMedium]) -> tuple[JoinedRow, ...]:
    """The entries, in the order of the table."""
    return tuple(
        JoinedRow(each.app, each.medium, _finding_rows(each), each.conclusion, each.disagree) for each in joined
    )


def _finding_rows(joined: JoinedMedium) -> tuple[FindingRow, ...]:
    return tuple(
        FindingRow(
            means=found.means,
            finding=found.finding,
            basis=found.verdict.basis,
            state=found.verdict.state,
            rule=found.verdict.rule,
        )
        for found in joined.findings
    )
