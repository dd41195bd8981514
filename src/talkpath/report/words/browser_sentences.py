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
    why = reason_clause(verdict.reason)
    by = "" if verdict.state != "restricted" else "path" if check.known_server else "path or server"
    return {
        ("ok", "", "voice"): say("ok", "Voice calls of this browser reach our test server as well as anything else."),
        ("ok", "", "video"): say("ok", "Video calls of this browser reach our test server as well as anything else."),
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
    if verdict.reason is not None and verdict.reason.code in WITHOUT_OPTIONS:
        return say("next", "Check again at another hour.")
    return next_step(verdict.reason)
