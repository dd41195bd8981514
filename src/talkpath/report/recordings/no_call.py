"""What is told of a recording in which no call was found: what it holds instead, and what to do."""

from __future__ import annotations

from talkpath.capture.tcp.sealed_streams import SEALED_STREAM
from talkpath.measure.call import Findings
from talkpath.report.words.language import say


def no_call_found(findings: Findings) -> str:
    """That there is no call, or what may be one of an app that is not known."""
    if findings.source == "packets" and not findings.packets:
        return say("capture", "No call found: not one packet was seen.")
    if SEALED_STREAM in findings.unread:
        return say(
            "capture",
            "No call found, but a TLS connection with small packets steadily both ways: a call through a server, a "
            "tunnel, or a game. What is inside TLS cannot be read.",
        )
    if findings.unnamed_streams:
        return say(
            "capture",
            "No call found, but a steady two-way stream of packets at a voice's pace: a call of an app that is not "
            "known, a tunnel, or a game.",
        )
    return say("capture", "No call found.")


def no_call_advice(findings: Findings) -> str:
    """What to do about a recording without a call."""
    if findings.source == "packets" and not findings.packets:
        return say(
            "capture",
            "Try again on the network interface that the call goes over, without a capture filter, until packets are "
            "counted.",
        )
    if SEALED_STREAM in findings.unread:
        return say(
            "capture",
            "Record at the other end too, where the call may not be inside TLS, or run `talkpath check` on this "
            "network now.",
        )
    return say(
        "capture",
        "Record on the device that makes the call, or on its router, and begin before it rings: a recording of the "
        "right network interface shows a call within seconds (`talkpath listen` tells meanwhile).",
    )
