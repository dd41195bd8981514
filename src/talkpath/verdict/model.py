"""The records of a verdict (spec/tp-002, tp-004).

`Trouble` is the kind of trouble that a verdict points to, in one closed word: what people have to know first. It names
no way around, and goes no further than the verdict. Where several kinds fit, there is none.

| word | what fares worse |
|---|---|
| `addresses` | whatever is sent to certain addresses, whatever it looks like |
| `packets` | packets of a certain look, wherever they go |
| `unlisted` | everything but listed hosts |
| `line` | everything alike |
| `own_device` | this device's own network, proxy, VPN or tool |
| `app` | the app, or the other person's end |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from talkpath.apps.contract.shape import AffectedDirections, Arm, Medium
from talkpath.wire.control.question import BASELINE, Question

Trouble = Literal["addresses", "packets", "unlisted", "line", "own_device", "app"]

HELD_BACK_STATES = ("restricted", "closed")
FINDING_STATES = (*HELD_BACK_STATES, "unreachable")
TROUBLE_OF_RULE: Mapping[str, Trouble] = {
    "address.block": "addresses",
    "relearn": "addresses",
    "dns.remove": "addresses",
    "allowlist": "unlisted",
}
"""Of every other rule it is the look of packets."""
TROUBLE_OF_BINDING: Mapping[str, Trouble] = {"address": "addresses", "shape": "packets", "name": "packets"}
TROUBLE_OF_REASON: Mapping[str, Trouble] = {
    "vpn": "own_device",
    "hidden": "own_device",
    "network_changed": "own_device",
    "offline": "own_device",
    "portal": "line",
    "line": "line",
    "unlike": "line",
    "rebinding": "line",
    "congested": "app",
}


def trouble_of(state: str, rule: str | None, bound_to: str, reason: str, values: Mapping[str, Any]) -> Trouble | None:
    """Return the kind of trouble of a verdict with this state, rule, `bound_to` of its parameters ("" without one), and
    reason ("" without one) with its values."""
    if state == "impaired":
        return "line"
    if state in FINDING_STATES:
        if rule is None:
            return "packets" if state == "restricted" else None
        return TROUBLE_OF_BINDING.get(bound_to) or TROUBLE_OF_RULE.get(rule, "packets")
    if state != "insufficient" or "unanswered" in values:
        return None
    if reason == "late":
        return "own_device" if values.get("at") == "probe" else None
    if reason == "offline" and "asked" in values:
        return "line"
    return TROUBLE_OF_REASON.get(reason)


State = Literal["ok", "restricted", "closed", "impaired", "unreachable", "insufficient"]
ReasonCode = Literal[
    "budget",
    "twin_worse",
    "canary",
    "late",
    "clock",
    "network_changed",
    "hidden",
    "vpn",
    "responder_lost",
    "handshake",
    "short_capture",
    "no_control",
    "single_request",
    "stale",
    "variant",
    "whole_flows",
    "watched_briefly",
    "call_ended",
    "call_worse",
    "few_calls",
    "own_load",
    "added",
    "few_answers",
    "path_changed",
    "silent_server",
    "outage",
    "other_destination",
    "routes",
    "long_hellos",
    "refused",
    "certificate",
    "one_call",
    "pauses",
    "control_poor",
    "unlike",
    "few_connections",
    "rebinding",
    "line",
    "congested",
    "offline",
    "portal",
    "server_off",
    "server_alone",
]
Basis = Literal["shape", "webrtc", "address", "signalling", "call"]


class Number(Struct, frozen=True):
    """A parameter with its 95 % interval; `low` or `high` is None where the facts bound one side only."""

    estimate: float | None
    low: float | None
    high: float | None


class Category(Struct, frozen=True):
    """A parameter that is no number."""

    value: str


class Reason(Struct, frozen=True):
    """Why a verdict is `insufficient`, or what else is known where it is `unreachable`: a code of the closed list, and
    values for the sentence."""

    code: ReasonCode
    values: dict[str, Any] = field(default_factory=dict)


class Verdict(Struct, frozen=True, omit_defaults=False):
    """What the facts say of one app and medium.

    `known_at_s` is when the e-value first passed m/alpha, `decided_at_s` when the rule was named or the state
    settled (seconds from the start of the check), None where neither happened. `observations` are ids of tp-001.
    `figures` are numbers for the sentences: extra and background loss per direction with bounds, MOS, canary. `family`
    is the version of IP of its calls, or of greetings in series, 0 where there were none. `trouble` follows from the
    rest (`trouble_of`).
    """

    app: str
    variant: str
    medium: Medium
    state: State
    rule: str | None = None
    direction: AffectedDirections | None = None
    parameters: dict[str, Number | Category] = field(default_factory=dict)
    log10_e: float | None = None
    basis: Basis = "shape"
    decided_at_s: float | None = None
    known_at_s: float | None = None
    watched_s: float = 0.0
    call_packets: int = 0
    twin_packets: int = 0
    flow_count: int = 0
    observations: tuple[int, ...] = ()
    reason: Reason | None = None
    confidence: str = "high"
    alternatives: tuple[str, ...] = ()
    figures: dict[str, float | None] = field(default_factory=dict)
    family: Literal[0, 4, 6] = 0
    trouble: Trouble | None = None

    def __post_init__(self) -> None:
        """Name the kind of trouble."""
        bound, reason = self.parameters.get("bound_to"), self.reason
        found = trouble_of(
            self.state,
            self.rule,
            bound.value if isinstance(bound, Category) else "",
            reason.code if reason else "",
            reason.values if reason else {},
        )
        force_setattr(self, "trouble", found)

    @property
    def arm(self) -> Arm:
        """What it is about. `variant` is "" where no variant was imitated."""
        return Arm(self.app, self.variant, self.medium)


class PlannedEpoch(Struct, frozen=True):
    """The next thing worth measuring: one epoch of one arm, and the question that it is to answer.

    It has k calls and k random twins, unless its question says otherwise; `packets` media packets each way and flow;
    `why` is a word for the progress line. `experiment.budget` works out what it costs.
    """

    arm: Arm
    question: Question = BASELINE
    k: int = 8
    packets: int = 25
    why: str = ""
