"""How certain a verdict on calls is, and its limits: the second and third line below its sentence."""

from __future__ import annotations

from talkpath.report.words.amounts import odds_words, seconds
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.reasons import next_step, reason_clause
from talkpath.verdict.model import Verdict

FAR_LOG10 = 6.0
"""From here on odds are told to be far longer than the longest that are quoted."""


def certainty_line(verdict: Verdict) -> str:
    """How certain the verdict is. Each state has sentences of its own."""
    far = (verdict.log10_e or 0.0) >= FAR_LOG10
    number = "" if far or verdict.log10_e is None else odds_words(verdict.log10_e)
    odds = "far" if far else "odds" if number else "none"
    return {
        ("ok", odds): say("ok", "The check plants a small loss of its own, as a test of itself, and found it."),
        ("restricted", "far"): say(
            "restricted", "If both were treated alike, far fewer than 1 check in 10 000 would look like this."
        ),
        ("restricted", "odds"): say(
            "restricted", "If both were treated alike, fewer than 1 check in {odds} would look like this.", odds=number
        ),
        ("restricted", "none"): say(
            "restricted", "No odds can be given: there was no control traffic to compare with."
        ),
        ("closed", "far"): say(
            "closed", "If all kinds of traffic were treated alike, far fewer than 1 check in 10 000 would look so."
        ),
        ("closed", "odds"): say(
            "closed",
            "If all kinds of traffic were treated alike, fewer than 1 check in {odds} would look so.",
            odds=number,
        ),
        ("closed", "none"): say("closed", "No odds can be given for this."),
        ("impaired", odds): say("impaired", "Even at the better end of what was measured one could hardly talk."),
        ("unreachable", odds): _unreachable_words(verdict),
        ("insufficient", odds): say(
            "insufficient", "That says neither that calls are restricted nor that they are not."
        ),
    }[verdict.state, odds]


def _unreachable_words(verdict: Verdict) -> str:
    if verdict.reason:
        return say("unreachable", "What else is known: {reason}.", reason=reason_clause(verdict.reason))
    if verdict.rule == "allowlist":
        return say(
            "unreachable",
            "In the same minute a host answered, and others did not. That fits this: {mechanism}. A way abroad that is "
            "down would look the same.",
            mechanism=mechanism_clause(verdict),
        )
    if verdict.rule:
        return say(
            "unreachable",
            "Other hosts answered in the same minute. That fits this: {mechanism}. A server that went off since it was "
            "listed would look the same.",
            mechanism=mechanism_clause(verdict),
        )
    return say("unreachable", "Whether that is the server, the way to it, or this device's own network cannot be told.")


def limits_line(verdict: Verdict, name: str, check: CheckContext) -> str:
    """What the verdict does not say, or what to do next. `name`: the app's."""
    match verdict.state:
        case "ok":
            said = _untested_words(verdict, name, check.with_messages)
            unsure = say(
                "ok", "Few public recordings show how {name}'s calls look, so real ones may fare otherwise.", name=name
            )
        case "restricted":
            said = _no_proof(name, check.with_messages)
            unsure = say(
                "restricted", "How {name}'s calls look is known from fewer than three public recordings.", name=name
            )
        case "closed" if verdict.rule == "residual":
            return say(
                "closed", "It begins after calls and hits whatever goes to the same port; whose calls is not proven."
            )
        case "closed":
            return say("closed", "It is no restriction of one app; a company firewall and an allow-list look alike.")
        case "impaired":
            return " ".join(
                [
                    say(
                        "impaired",
                        "It is no sign of restriction. Several calls were placed at once: on a narrow line one call "
                        "alone may fare better.",
                    ),
                    say("impaired", "Try again nearer to the router, or at another hour."),
                ]
            )
        case "unreachable":
            return say("unreachable", "Ask whoever runs the test server whether it is up, or try another one.")
        case _:
            return next_step(verdict.reason)
    return f"{said} {unsure}" if verdict.confidence == "low" else said


def _untested_words(verdict: Verdict, name: str, with_messages: bool) -> str:
    if with_messages:
        untested = say("ok", "{name}'s own call servers were not tested.", name=name)
    else:
        untested = say("ok", "{name}'s own servers and your messages were not tested.", name=name)
    watched = say(
        "ok",
        "One of {name}'s calls was watched for {seconds}; what begins later was not seen.",
        name=name,
        seconds=seconds(verdict.watched_s, 0),
    )
    return f"{untested} {watched}"


def _no_proof(name: str, with_messages: bool) -> str:
    if with_messages:
        return say(
            "restricted", "It is no proof of who does it or why; {name}'s own call servers were not tested.", name=name
        )
    return say(
        "restricted",
        "It is no proof of who does it or why; {name}'s own servers and your messages were not tested.",
        name=name,
    )
