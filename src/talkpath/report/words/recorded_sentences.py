"""A verdict on calls like a recorded one (`check --like`) as sentences. They name the shape's file and no app: only
calls that look like one of its were placed."""

from __future__ import annotations

from talkpath.report.words.amounts import seconds
from talkpath.report.words.language import say
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.model import Verdict


def recorded_sentence(verdict: Verdict, code: str) -> str | None:
    """The verdict in one sentence; None where the usual one names no app. `code` is as in `sentences`."""
    file, watched = shape_file(verdict), seconds(verdict.watched_s, 0)
    briefly = seconds(float(verdict.reason.values.get("seconds", 0.0) if verdict.reason else 0.0))
    return {
        "ok": say(
            "ok",
            "Calls like the one in {file} reached our test server as well as anything else, for the {seconds} that "
            "they were watched.",
            file=file,
            seconds=watched,
        ),
        "watched briefly": say(
            "insufficient",
            "No sign of restriction in the first {seconds} of calls like the one in {file}; they were not watched for "
            "longer.",
            file=file,
            seconds=briefly,
        ),
        "ended early": say(
            "insufficient",
            "No sign of restriction in the first {seconds} of calls like the one in {file}; then a call went silent, "
            "and nothing shows that control traffic did better.",
            file=file,
            seconds=briefly,
        ),
        "insufficient": say(
            "insufficient",
            "Nothing can be said about calls like the one in {file}: {reason}.",
            file=file,
            reason=reason_clause(verdict.reason),
        ),
        **_failures(file),
    }.get(code)


def _failures(file: str) -> dict[str, str]:
    return {
        "restricted": say(
            "restricted",
            "Something between you and our test server is holding back calls like the one in {file}.",
            file=file,
        ),
        "restricted by path or server": say(
            "restricted",
            "Something between you and the test server, or the test server itself, is holding back calls like the one "
            "in {file}.",
            file=file,
        ),
        "closed beside others": say(
            "closed",
            "Calls like the one in {file} do not get through from here to our test server, and neither does control "
            "traffic beside them.",
            file=file,
        ),
    }


def recorded_limits(verdict: Verdict) -> str | None:
    """What the verdict does not say; None where the usual words name no app."""
    said = {
        "ok": say(
            "ok",
            "Servers of the app that was recorded were not tested. One of the calls was watched for {seconds}; what "
            "begins later was not seen.",
            seconds=seconds(verdict.watched_s, 0),
        ),
        "restricted": say(
            "restricted",
            "It is no proof of who does it or why; servers of the app that was recorded were not tested.",
        ),
    }.get(verdict.state)
    if said is None or verdict.confidence != "low":
        return said
    unsure = say(
        "shape", "The shape was made from fewer than three recordings: other calls of the app may look otherwise."
    )
    return f"{said} {unsure}"


def shape_file(verdict: Verdict) -> str:
    """The name of the file that has the shape."""
    return f"{verdict.variant}.shape"
