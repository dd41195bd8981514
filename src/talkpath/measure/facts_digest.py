"""Computes digests of what a probe measured. The probe sends them to the responder at the end; the signed receipt holds
them.

`facts_digest` covers the epochs, `run_digest` everything else that a verdict is computed from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.measure.facts import Epoch, Facts
from talkpath.measure.question_text import question_text
from talkpath.wire.control.question import BASELINE, TransportPaths

HOUR_CHARACTERS = 13  # of an RFC 3339 time: 2026-11-24T20


def facts_digest(epochs: Sequence[Epoch]) -> bytes:
    """Return SHA-256 over the epochs as MessagePack, without what may still change after the probe has sent the digest.

    That is `late`, which the responder's receipt adds to, and the ports' numbers: in the lab's loopback other ports
    stand for them.
    """
    packed = msgspec.msgpack.encode([_closed_epoch(epoch) for epoch in epochs])
    stored = msgspec.msgpack.decode(packed, type=list[Epoch])  # as decoded from a file: 1 ms becomes 1.0 ms
    return hashlib.sha256(msgspec.msgpack.encode([_in_text_form(epoch) for epoch in stored])).digest()


def _closed_epoch(epoch: Epoch) -> Epoch:
    flows = tuple(replace(flow, late=b"", port=0) for flow in epoch.flows)
    return replace(epoch, flows=flows)


def _in_text_form(epoch: Epoch) -> Struct:
    """Return the epoch with its question as a word and a value; what was compared is told by `run_digest`."""
    question = epoch.question
    word, value = ("", None) if question == BASELINE else question_text(question)
    fields = {name: getattr(epoch, name) for name in Epoch.__struct_fields__}
    told = {"question": word, "value": None if isinstance(question, TransportPaths) else value}
    return _TextEpoch(**fields | told)


def _text_fields() -> Iterator[tuple[str, type] | tuple[str, type, Any]]:
    defaults = Epoch.__struct_defaults__
    required = len(Epoch.__struct_fields__) - len(defaults)
    for place, name in enumerate(Epoch.__struct_fields__):
        if name == "question":
            yield name, str, ""
            yield "value", object, None
        else:
            yield (name, object) if place < required else (name, object, defaults[place - required])


_TextEpoch = msgspec.defstruct("_TextEpoch", _text_fields(), omit_defaults=True)


def run_digest(facts: Facts) -> bytes:
    """Return SHA-256 over plan, health, reach, exchanges, transports, start, duration and ports: MessagePack, numbers
    as float64.

    Of the epochs it holds what `facts_digest` leaves out: the port of each flow, and the transports that were compared.
    The rest of them and the seed are left out because the receipt covers them itself; the byte counts because they
    still grow after the probe has sent the digest; `tried`, because readers of 0.2 do not know it. The start counts to
    its hour, as a bundle stores it.
    """
    ports = [[flow.port for flow in epoch.flows] for epoch in facts.epochs]
    asked = [epoch.question for epoch in facts.epochs]
    compared = [question_text(question)[1] for question in asked if isinstance(question, TransportPaths)]
    settled = replace(
        facts,
        epochs=(),
        seed=b"",
        started_at=facts.started_at[:HOUR_CHARACTERS],
        bytes_sent=0,
        bytes_received=0,
        responder_class="unknown",
        responder_key="",
        simulated=False,
        receipt=None,
        tried=(),
    )
    told = [msgspec.to_builtins(settled), ports, compared]
    return hashlib.sha256(msgspec.msgpack.encode(_with_floats(told))).digest()


def _with_floats(value: Any) -> Any:
    """Return the value with every number as a float, since 1 ms may be stored as 1 or as 1.0."""
    if isinstance(value, dict):
        return {key: _with_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
