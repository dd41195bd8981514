"""Verdicts that are not on an app's calls, as sentences.

Those on a browser's own calls (basis `webrtc`) name no app, since none was measured. Messages have no control traffic
beside them. Those on calls like a recorded one (`check --like`) name the shape's file and no app: only calls that look
like one of its were placed.
"""

from __future__ import annotations

from talkpath.report.words.amounts import seconds
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import count, say
from talkpath.report.words.reasons import next_step, reason_clause
from talkpath.verdict.model import Verdict

APP_NAMING_STATES = ("ok", "restricted", "insufficient")
"""The states whose usual sentences name an app."""


WITHOUT_CHOICE: tuple[str, ...] = (
    *("budget", "watched_briefly", "call_ended", "call_worse"),
    *("few_calls", "responder_lost", "whole_flows", "handshake"),
)
"""Reasons whose usual next step is an option of the command line, or another test server: a page has neither."""


def browser_sentence(verdict: Verdict, check: CheckContext) -> str:
    """The verdict in one sentence, for the states of `APP_NAMING_STATES`."""
    why = reason_clause(verdict.reason)
    by = "" if verdict.state != "restricted" else "path" if check.known_server else "path or server"
    return {
        ("ok", "", "voice"): say(
            "ok", "Voice calls of this browser reach our test server as well as the control traffic beside them."
        ),
        ("ok", "", "video"): say(
            "ok", "Video calls of this browser reach our test server as well as the control traffic beside them."
        ),
        ("restricted", "path or server", "video"): say(
            "restricted",
            "Something between this browser and the test server, or the test server itself, is holding back its "
            "video calls.",
        ),
        ("restricted", "path or server", "voice"): say(
            "restricted",
            "Something between this browser and the test server, or the test server itself, is holding back its "
            "voice calls.",
        ),
        ("restricted", "path", "video"): say(
            "restricted", "Something between this browser and our test server is holding back its video calls."
        ),
        ("restricted", "path", "voice"): say(
            "restricted", "Something between this browser and our test server is holding back its voice calls."
        ),
        ("insufficient", "", "video"): say(
            "insufficient", "Nothing can be said about video calls here: {reason}.", reason=why
        ),
        ("insufficient", "", "voice"): say(
            "insufficient", "Nothing can be said about voice calls here: {reason}.", reason=why
        ),
    }[verdict.state, by, verdict.medium]


def browser_limits(verdict: Verdict) -> str:
    """The limits of the verdict, or what to do next, for the states of `APP_NAMING_STATES`."""
    if verdict.state == "ok":
        return say(
            "ok",
            "No app was tested: calls in WhatsApp, Telegram or another one may be held back all the same, and messages "
            "too. The longest call was watched for {seconds}; what begins later was not seen.",
            seconds=seconds(verdict.watched_s, 0),
        )
    if verdict.state == "restricted":
        return say(
            "restricted",
            "It is no proof of who does it or why. No app was tested, and an app's calls may fare otherwise.",
        )
    if verdict.reason is not None and (
        verdict.reason.code in WITHOUT_CHOICE or verdict.reason.values.get("at") == "responder"
    ):
        return say("next", "Check again at another hour.")
    return next_step(verdict.reason)


def message_sentence(verdict: Verdict, name: str) -> str:
    """The verdict in one sentence. `name`: the app's name."""
    clause = reason_clause(verdict.reason)
    unknown = say("messages", "Nothing can be said about {name}'s messages: {reason}.", name=name, reason=clause)
    return {
        "ok": say("messages", "{name}'s messages got through.", name=name),
        "restricted": say("messages", "{name}'s messages do not get through, while other traffic does.", name=name),
    }.get(verdict.state, unknown)


def message_lines(verdict: Verdict) -> list[str]:
    """Three lines: what was observed, how certain it is, and its limits or what to do next."""
    tried = verdict.flow_count
    match verdict.state:
        case "ok":
            return [
                count(
                    "messages",
                    "The only exchange with the messenger's host was answered.",
                    "All {number} exchanges with the messenger's host were answered.",
                    tried,
                ),
                say("messages", "Nothing was compared here, so there are no odds to give."),
                say("messages", "It says nothing about calls."),
            ]
        case "restricted":
            return [
                count(
                    "messages",
                    "The only exchange with the messenger's host was not answered; a neutral host answered every time.",
                    "None of {number} exchanges with the messenger's host was answered; a neutral host answered "
                    "every time.",
                    tried,
                ),
                say("messages", "Messages have no control traffic, so there are no odds to give."),
                say("messages", "It is no proof of who does it or why, and says nothing about calls."),
            ]
        case _:
            return [
                count(
                    "messages",
                    "There was one exchange with the messenger's host.",
                    "There were {number} exchanges with the messenger's host.",
                    tried,
                ),
                say("messages", "That says neither that messages are restricted nor that they are not."),
                next_step(verdict.reason),
            ]


def recorded_sentence(verdict: Verdict, code: str) -> str | None:
    """The verdict in one sentence; None where the usual one names no app. `code` is as in `sentences`."""
    file, watched = shape_file(verdict), seconds(verdict.watched_s, 0)
    briefly = seconds(float(verdict.reason.values.get("seconds", 0.0) if verdict.reason else 0.0))
    return {
        "ok": say(
            "ok",
            "Calls like the one in {file} reached our test server as well as the control traffic beside them, for "
            "the {seconds} that they were watched.",
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
        **_failure_sentences(file),
    }.get(code)


def _failure_sentences(file: str) -> dict[str, str]:
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
