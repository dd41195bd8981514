"""Translates a question of the verdict into a `Begin` of the control protocol (spec/tp-005)."""

from __future__ import annotations

from talkpath.measure.transport_code import without_hello
from talkpath.verdict.model import Question
from talkpath.wire.control.messages import Begin


def epoch_request(ask: Question, number: int, first_tuple: int, local_ports: int) -> Begin:
    """The request for an epoch with that number, whose 5-tuples are counted from `first_tuple`."""
    value, question = ask.value, ask.kind
    paths = str(value).split(",") if question == "relay" else []  # all calls go to the first one's port in the end
    return Begin(
        number=number,
        arm=str(ask.arm),
        k=ask.k * max(1, len(paths)),
        packets=ask.packets,
        first_tuple=first_tuple,
        locals=local_ports,
        question=question,
        rate=float(value) if question == "rate" and value is not None else 1.0,
        hello=str(value) if question == "hello" else "browser",
        transport=_transport_of(ask, paths),
        hops=str(value) if question == "hops" else "",
        twins=int(value) if question in ("long", "watch") and value is not None else -1,
    )


def _transport_of(ask: Question, paths: list[str]) -> str:
    if ask.kind == "tcp":
        return "tcp"
    return paths[0] if paths else without_hello(str(ask.value)) if ask.kind == "transport" else "udp"
