"""The exit codes of all commands: 0 measured (whatever the verdict), 1 our bug, and these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.errors import BundleError, FileError, TalkpathError, UsageError, WireError

if TYPE_CHECKING:
    from talkpath.api.check_result import Result

UNMEASURED_EXIT_CODE = 3
USAGE, NOT_VERIFIED, STOPPED_EXIT_CODE = 2, 4, 130
GATE_CODES = {"restricted": 10, "closed": 11, "impaired": 12, "unreachable": 12, "insufficient": 13, "ok": 0}
"""Those of `check --gate`, by the worst state."""


def error_exit_code(error: TalkpathError) -> int:
    """The code of a command that ended with this error."""
    if isinstance(error, UsageError | FileError | WireError):
        return USAGE
    return NOT_VERIFIED if isinstance(error, BundleError) else UNMEASURED_EXIT_CODE


def result_exit_code(result: Result) -> int:
    """The code of a check: 0 measured, 130 stopped before that, 3 could not measure."""
    if result.measured:
        return 0
    return STOPPED_EXIT_CODE if result.facts.health.ended == "interrupted" else UNMEASURED_EXIT_CODE


def gate_exit_code(result: Result) -> int:
    """The code of `check --gate`: that of the worst state, 0 where all is ok."""
    return min({GATE_CODES[verdict.state] for verdict in result.verdicts} - {0}, default=0)
