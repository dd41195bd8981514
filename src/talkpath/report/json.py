"""tp-004: what `check --json` and `lab run --json` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from talkpath.measure.carry import Carry
from talkpath.measure.facts import Facts
from talkpath.verdict.judge import RULES_VERSION
from talkpath.verdict.model import Verdict

SCHEMA = "talkpath.check/1"
ENOUGH_MOS = 3.1
INVALID = ("late", "clock", "network_changed")


class ResponderOf(Struct, frozen=True):
    """Who answered: the class of its network ("home", "hosting", "unknown") and its public key ("" in the lab)."""

    class_: str = field(name="class")
    key: str


class Transport(Struct, frozen=True):
    """Does this transport carry a call of this arm well enough to talk (MOS >= 3.1)? `loss_pct` of both ways."""

    app: str
    medium: str
    transport: str
    carries: bool
    loss_pct: float
    mos: float
    setup_ms: float | None


class Hit(Struct, frozen=True):
    """One arm that the lab's restrictor really restricts."""

    app: str
    variant: str
    medium: str
    rule: str
    direction: str
    parameters: dict[str, float | str]


class Truth(Struct, frozen=True):
    """What the lab did. Only where a lab made the network."""

    hit: tuple[Hit, ...]


class CheckResult(Struct, frozen=True):
    """The whole object. `valid` is false where the run itself was off; then every state is `insufficient`."""

    schema: str
    started_at: str
    duration_s: float
    bytes_sent: int
    bytes_received: int
    valid: bool
    rules_version: str
    responder: ResponderOf
    simulated: bool
    verdicts: tuple[Verdict, ...]
    transports: tuple[Transport, ...]
    truth: Truth | UnsetType = UNSET


def check_json(
    facts: Facts,
    verdicts: Sequence[Verdict],
    transports: Sequence[Transport] = (),
    truth: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The object as plain values, in the order of the spec."""
    whole = CheckResult(
        schema=SCHEMA,
        started_at=facts.started_at,
        duration_s=round(facts.duration_s, 3),
        bytes_sent=facts.bytes_sent,
        bytes_received=facts.bytes_received,
        valid=not any(v.reason is not None and v.reason.code in INVALID for v in verdicts),
        rules_version=str(RULES_VERSION),
        responder=ResponderOf(facts.responder_class, facts.responder_key),
        simulated=facts.simulated,
        verdicts=tuple(verdicts),
        transports=tuple(transports),
        truth=UNSET if truth is None else Truth(tuple(Hit(**hit) for hit in truth)),
    )
    plain = msgspec.to_builtins(whole)
    assert isinstance(plain, dict)  # a record becomes an object
    return plain


def transport(carry: Carry, mos: float) -> Transport:
    """One row of `transports`."""
    sent, arrived = carry.sent_up + carry.sent_down, carry.arrived_up + carry.arrived_down
    loss_pct = round(100.0 * (1 - arrived / sent), 1) if sent else 100.0
    good = mos >= ENOUGH_MOS and bool(sent)
    return Transport(carry.app, carry.medium, carry.transport, good, loss_pct, round(mos, 2), carry.setup_ms)
