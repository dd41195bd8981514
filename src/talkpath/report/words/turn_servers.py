"""What is said of the TURN servers that the user named: whether calls that they relay get through, and what is in the
way. Addresses are never said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from talkpath.report.words.amounts import numeral, seconds
from talkpath.report.words.language import count, say
from talkpath.report.words.sentences import app_name_of, medium_word

RelayRecord = Mapping[str, Any]  # of `relays` in tp-004
AMBIGUOUS_OUTCOMES = (
    "silent",
    "timeout",
    "tls",
    "closed",
    "refused",
)  # outcomes that the network and the server may both cause


def relay_lines(record: Mapping[str, Any]) -> list[str]:
    """A heading and a line for each server and app, by the JSON of a check; none where no server was named."""
    relays = record.get("relays") or []
    heading = say("relay", "TURN servers that you named, relaying calls to the test server alone:")
    return [heading, *(line for relay in relays for line in _relay_lines(relay))] if relays else []


def _relay_lines(relay: RelayRecord) -> Iterator[str]:
    server = relay_name(relay["relay"])
    if not relay["calls"]:
        clause = f"{server}: {_relay_outcome(relay)}"
        yield f"{clause} {_open_question()}" if relay["outcome"] in AMBIGUOUS_OUTCOMES else clause
    direct = {(row["app"], row["medium"]): row for row in relay["direct"]}
    for row in relay["calls"]:
        yield f"{server}: {_carried_calls(row)} {_direct_calls(row, direct.get((row['app'], row['medium'])))}".rstrip()


def relay_name(code: str) -> str:
    """A server's code, such as "turn-tls/443", as people read it."""
    kind, _, port = code.partition("/")
    return say("relay", "TURN over {transport}, port {port}", transport=kind.removeprefix("turn-").upper(), port=port)


def _carried_calls(row: Mapping[str, Any]) -> str:
    """How the calls fared that it relayed."""
    text = _relay_verdict(row)
    placed = count(
        "relay",
        "{number} call like those of {app} ({medium}), {seconds} long; quality {mos} of {best}",
        "{number} calls like those of {app} ({medium}), {seconds} each; quality {mos} of {best}",
        row["calls"],
        app=app_name_of(row["app"]),
        medium=medium_word(row["medium"]),
        seconds=seconds(row["lasted_s"], 0),
        mos=numeral(row["mos"], 1),
        best=numeral(4.5, 1),
    )
    return f"{text} ({placed})."


def _relay_verdict(row: Mapping[str, Any]) -> str:
    if row["uncertain"]:
        return say("relay", "whether calls that it relays get through well enough to talk is too close to tell")
    if row["carries"]:
        return say("relay", "calls that it relays get through")
    if row["setup_ms"] is None:
        return say("relay", "it agrees to relay, but no call that it relays is set up")
    return say("relay", "it agrees to relay, but calls that it relays are too poor to talk")


def _direct_calls(row: Mapping[str, Any], direct: Mapping[str, Any] | None) -> str:
    """What the same calls did without it, where that differs."""
    if direct is None or direct["uncertain"] or row["uncertain"] or direct["carries"] == row["carries"]:
        return ""
    if direct["carries"]:
        return say("relay", "The same calls, sent to the test server directly at the same time, do get through.")
    return say("relay", "The same calls, sent to the test server directly at the same time, do not.")


def _open_question() -> str:
    return say("relay", "The network or the server may be the cause; the same from another network would tell.")


def _relay_outcome(relay: RelayRecord) -> str:
    code = str(relay["code"])
    clauses = {
        "unresolved": say("relay", "its name could not be looked up."),
        "refused": say("relay", "the connection was refused."),
        "unroutable": say("relay", "this device has no route to it."),
        "timeout": say("relay", "TCP did not connect."),
        "silent": say("relay", "it did not answer the request to relay calls."),
        "tls": say("relay", "TCP connects, but the TLS handshake fails."),
        "certificate": say(
            "relay",
            "the certificate that was shown is not trusted, or is for another name: it is misconfigured, or something "
            "on the way answers in its place.",
        ),
        "closed": say("relay", "the connection ended before it agreed to relay calls."),
        "not_turn": say("relay", "what answers there does not speak TURN."),
        "unauthorized": say("relay", "it refused the user name or the password (error {code}).", code=code),
        "forbidden": say(
            "relay",
            "it does not relay to the test server (error {code}): its settings must allow that address.",
            code=code,
        ),
        "denied": say("relay", "it refused to relay (error {code}).", code=code),
        "not_asked": say("relay", "it was not asked, since the check ended before that."),
    }
    return clauses.get(relay["outcome"], say("relay", "no call that it relays could be judged."))
