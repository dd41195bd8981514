"""A verdict on messages as sentences. Messages have no control traffic beside them."""

from __future__ import annotations

from talkpath.report.words.language import count, say
from talkpath.report.words.reasons import next_step, reason_clause
from talkpath.verdict.model import Verdict


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
