"""A verdict on a browser's own calls (basis `webrtc`) as sentences. They name no app, since none was measured."""

from __future__ import annotations

from talkpath.report.words.amounts import seconds
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import say
from talkpath.report.words.reasons import next_step, reason_clause
from talkpath.verdict.model import Verdict

APP_NAMING_STATES = ("ok", "restricted", "insufficient")
"""The states whose usual sentences name an app."""


WITHOUT_OPTIONS: tuple[str, ...] = ("budget", "watched_briefly", "call_ended")
"""Reasons whose usual next step is an option of the command line, which a page does not have."""


def browser_sentence(verdict: Verdict, check: CheckContext) -> str:
    """The verdict in one sentence, for the states of `APP_NAMING_STATES`."""
    video, why = verdict.medium == "video", reason_clause(verdict.reason)
    match verdict.state:
        case "ok" if video:
            return say("ok", "Video calls of this browser reach our test server as well as anything else.")
        case "ok":
            return say("ok", "Voice calls of this browser reach our test server as well as anything else.")
        case "restricted" if video and not check.known_server:
            return say(
                "restricted",
                "Something between you and the test server, or the test server itself, is holding back this browser's "
                "video calls.",
            )
        case "restricted" if not check.known_server:
            return say(
                "restricted",
                "Something between you and the test server, or the test server itself, is holding back this browser's "
                "voice calls.",
            )
        case "restricted" if video:
            return say(
                "restricted", "Something between you and our test server is holding back this browser's video calls."
            )
        case "restricted":
            return say(
                "restricted", "Something between you and our test server is holding back this browser's voice calls."
            )
        case _ if video:
            return say("insufficient", "Nothing can be said about video calls here: {reason}.", reason=why)
        case _:
            return say("insufficient", "Nothing can be said about voice calls here: {reason}.", reason=why)


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
    if verdict.reason is not None and verdict.reason.code in WITHOUT_OPTIONS:
        return say("next", "Check again at another hour.")
    return next_step(verdict.reason)
