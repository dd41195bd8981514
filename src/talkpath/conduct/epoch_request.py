"""Translates an epoch that the verdict wants into a `Begin` of the control protocol (spec/tp-005)."""

from __future__ import annotations

from talkpath.measure.transport_code import without_hello
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.messages import Begin
from talkpath.wire.control.question import Question, RelayPaths, TransportPaths


def epoch_request(ask: PlannedEpoch, number: int, first_tuple: int, local_ports: int) -> Begin:
    """The request for an epoch with that number, whose 5-tuples are counted from `first_tuple`."""
    relayed = len(ask.question.codes) if isinstance(ask.question, RelayPaths) else 1
    return Begin(
        number=number,
        arm=str(ask.arm),
        k=ask.k * relayed,
        packets=ask.packets,
        first_tuple=first_tuple,
        locals=local_ports,
        question=_as_told(ask.question),
    )


def _as_told(question: Question) -> Question:
    """What the responder is told: all relayed calls go to the first path's port, and it answers any hello."""
    if isinstance(question, RelayPaths):
        return RelayPaths(question.codes[:1])
    if isinstance(question, TransportPaths):
        return TransportPaths(tuple(map(without_hello, question.codes)))
    return question
