"""Why a check could not begin or ended early, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from talkpath.measure.facts import Reach
from talkpath.report.words.language import say


def without_a_server() -> str:
    """What to do without a test server to check against."""
    head = say("ways on", "There is no test server to check against yet. Four ways on:")
    friend = say("ways on", "A friend on a network without restrictions runs the first command and sends you the link:")
    own = say("ways on", "Or run your own test server on a machine elsewhere:")
    listed = say("ways on", "Or take one from a directory of test servers, if you know of one:")
    record = say("ways on", "Or record a call that fails, and look into it:")
    return f"""{head}

  1. {friend}
       talkpath respond --invite THEIR.HOST.NAME
       talkpath check "talkpath://…"
  2. {own}
       talkpath respond --doctor --invite YOUR.HOST.NAME
       talkpath respond --invite YOUR.HOST.NAME
  3. {listed}
       talkpath check --directory "https://…/#KEY"
  4. {record}
       talkpath capture call.pcap
"""


def wrote_bundle(name: str) -> str:
    """What the file is that `-o` asked for, and what anybody can do with it."""
    return say(
        "ended",
        "{name} is the evidence, signed. Anybody can check it: {command}",
        name=name,
        command=f"talkpath verify {name}",
    )


def without_expiring(why: str) -> str:
    """Why no packets that expire on the way were sent."""
    return {
        "system": say(
            "endpoints", "Packets that expire on the way need Linux; greetings in series were sent alone, as in tier 2."
        ),
        "no_server": say(
            "endpoints",
            "No packets that expire on the way were sent: no server of the app that answers greetings is known.",
        ),
        "no_call": say(
            "endpoints", "No packets that expire on the way were sent: no call of these apps can be imitated."
        ),
    }[why]


def other_hosts_question(hosts: str) -> str:
    """May these hosts be asked beside a test server that does not answer?"""
    return say(
        "ended",
        "No connection to the test server came about. Hosts that operating systems ask whether they are online "
        "tell whether it is this device, the network or the server. Send one request to each of {hosts}?",
        hosts=hosts,
    )


UNANSWERED = ("unresolved", "refused", "timeout")
CONTROL_FAILURES_TOLD_APART = ("silent", "reset", "closed", "stalled")


def ending_words(ended: str, reach: Reach, *, measured: bool) -> str:
    """Why a check did not begin or ended early, what may have caused that, and what would tell: "" where it ended as
    planned. `ended` is that of the check's health."""
    if reach.control == "offline":
        return ""  # the result itself says so
    if reach.control != "connected":
        return " ".join(part for part in _never_opened(reach) if part)
    sentences = {
        "responder_lost": " ".join(part for part in _lost_control(reach) if part),
        "network_lost": say("ended", "This device's network was lost during the check."),
        "interrupted": say("ended", "Stopped."),
    }
    if ended not in sentences:
        return ""
    kept = say("ended", "What was measured until then is judged all the same.")
    return f"{sentences[ended]} {kept if measured else say('ended', 'Nothing had been measured yet.')}"


def _never_opened(reach: Reach) -> Iterator[str]:
    """What the control channel met, both explanations, and what would tell them apart."""
    yield _control_failure(reach.control)
    if reach.control in CONTROL_FAILURES_TOLD_APART:
        yield say("ended", "It was tried with a usual server name and without one.")
        yield _random_bytes(reach)
        yield say(
            "ended",
            "Either what listens there has stopped working or is no talkpath test server, or something on the way acts "
            "on TLS.",
        )
    elif reach.control not in UNANSWERED:
        yield say(
            "ended",
            "Either the link was damaged on its way to you, or another server is there, or something on the way "
            "answers in its place. Copy the link whole first.",
        )
    yield _what_would_tell()


def _control_failure(control: str) -> str:
    sentences = {
        "unresolved": say(
            "ended",
            "The test server's name cannot be looked up. Either the link is wrong, or this device is offline, or the "
            "network gives no answer for this name.",
        ),
        "refused": say(
            "ended",
            "Connections to the test server's port are refused. Either nothing listens there, or something on the way "
            "refuses them in its place.",
        ),
        "silent": say("ended", "The test server's port takes connections, but the TLS handshake gets no answer."),
        "reset": say(
            "ended", "The test server's port takes connections, but the TLS handshake is answered by a reset."
        ),
        "closed": say("ended", "The test server's port takes connections, but they are closed at the TLS handshake."),
        "stalled": say("ended", "The TLS handshake with the test server begins and then stops."),
        "failed": say("ended", "What answers at the test server's port refuses the TLS handshake."),
        "not_tls": say("ended", "What answers at the test server's port speaks no TLS."),
        "other_key": say("ended", "What answers at the test server's port has a key that is not the one in the link."),
    }
    return sentences.get(control) or say(
        "ended",
        "The test server does not answer. Either it is off, or this device is offline, or something on the way drops "
        "what is sent to it.",
    )


def _random_bytes(reach: Reach) -> str:
    """How random bytes fared in place of the ClientHello."""
    outcomes = {attempt.outcome for attempt in reach.attempts if attempt.hello == "random"}
    if not outcomes:
        return ""
    if outcomes & {"answered", "closed"} - {reach.control}:
        return say("ended", "Random bytes in its place were answered, so TLS is treated apart.")
    return say("ended", "Random bytes in its place were not answered either.")


def _lost_control(reach: Reach) -> Iterator[str]:
    """How the control channel was lost in the middle, and what a new connection met."""
    sentences = {
        "closed": say("ended", "The test server itself ended the check."),
        "ended": say("ended", "The connection to the test server was closed during the check."),
        "reset": say("ended", "The connection to the test server was reset during the check."),
        "silent": say("ended", "During the check the test server fell silent."),
        "unroutable": say("ended", "During the check the network reported that the test server cannot be reached."),
    }
    yield sentences.get(reach.lost) or say("ended", "The test server, or the way to it, was lost during the check.")
    if reach.lost != "closed" and reach.again:
        yield _reconnect_outcome(reach.again)
        yield _what_would_tell()


def _reconnect_outcome(again: str) -> str:
    match again:
        case "refused":
            return say(
                "ended",
                "A new connection is refused: either the server's program has ended, or something on the way now "
                "refuses connections to it.",
            )
        case "connected":
            return say(
                "ended",
                "A new connection opens: either the server's program hangs, or something on the way cut this one "
                "connection.",
            )
        case _:
            return say(
                "ended",
                "A new connection gets no answer: either the server or this device is offline, or something on the way "
                "now drops what is sent to its address.",
            )


def _what_would_tell() -> str:
    return say("ended", "To tell which, try this link from another network, and another test server from this one.")
