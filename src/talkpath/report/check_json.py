"""The JSON object of a check (tp-004): what `check --json` and `lab run --json` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from talkpath.apps.contract.shape import Medium
from talkpath.evidence.receipt_check import are_two_servers, are_vouched_alike
from talkpath.measure.facts import ControlAttempt, Facts, Tried
from talkpath.measure.quality import TALKABLE_MOS, direction_mos, is_uncertain, loss_pct, transport_mos
from talkpath.measure.relay_results import RelayResult, relay_results
from talkpath.measure.transport_quality import DirectionQuality, TlsHello, TransportQuality, transport_qualities
from talkpath.verdict.bases.joined_means import Conclusion, FindingWord, JoinedMedium, Means
from talkpath.verdict.bases.second_server import SecondOpinion, second_opinions
from talkpath.verdict.bases.two_networks import NetworkContrast, network_contrasts
from talkpath.verdict.judge import RULES_VERSION, judge_facts
from talkpath.verdict.model import HELD_BACK_STATES, Basis, Number, State, Verdict
from talkpath.verdict.validity import why_voided


class FindingRow(Struct, frozen=True):
    """What one means found, and the verdict behind it."""

    means: Means
    finding: FindingWord
    basis: Basis
    state: State
    rule: str | None


class JoinedRow(Struct, frozen=True):
    """One app and medium: what each means found, and what that fits together. `disagree`: one means found it well, and
    another held back."""

    app: str
    medium: Medium
    findings: tuple[FindingRow, ...]
    conclusion: Conclusion
    disagree: bool


def joined_rows(joined: Sequence[JoinedMedium]) -> tuple[JoinedRow, ...]:
    """The entries, in the order of the table."""
    return tuple(
        JoinedRow(each.app, each.medium, _finding_rows(each), each.conclusion, each.disagree) for each in joined
    )


def _finding_rows(joined: JoinedMedium) -> tuple[FindingRow, ...]:
    return tuple(
        FindingRow(
            means=found.means,
            finding=found.finding,
            basis=found.verdict.basis,
            state=found.verdict.state,
            rule=found.verdict.rule,
        )
        for found in joined.findings
    )


SCHEMA = "talkpath.check/1"
INVALIDATING_REASONS = ("late", "clock", "network_changed", "hidden")


class ResponderObject(Struct, frozen=True):
    """The test server: the class of its network ("home", "hosting", "unknown") and its public key ("" in the lab)."""

    class_: str = field(name="class")
    key: str


class ReachObject(Struct, frozen=True):
    """How far the control channel came (`control`), what each attempt met where one failed, how it was `lost` and what
    a new connection met then (`again`): the words of tp-001."""

    control: str
    attempts: tuple[ControlAttempt, ...]
    lost: str
    again: str


class TransportDirection(Struct, frozen=True):
    """One direction of a call over a transport: what was lost, how much later than the fastest packets of any transport
    nearly all arrived, and how it would sound."""

    loss_pct: float
    delay_ms: float | None
    mos: float


class Transport(Struct, frozen=True):
    """Does this transport carry a call of this app well enough to talk (MOS >= 3.1), each way?

    `loss_pct` and `mos` are those of the worse direction; `setup_ms` is None where the call could not be set up, and
    the `mos` then 1. Of an app with several variants the worst one that was tried. It rests on so many `calls` of
    `lasted_s` seconds each; `uncertain`: the 95 % bounds of their loss reach across the limit, so that more calls might
    tell otherwise. Inside TLS, where the probe wrote the first message itself: `hello` is whose it carried the call
    with ("openssl", or "browser" where nothing came of OpenSSL's), `unanswered` those of which nothing came.
    """

    app: str
    medium: str
    transport: str
    carries: bool
    loss_pct: float
    mos: float
    setup_ms: float | None
    up: TransportDirection
    down: TransportDirection
    calls: int
    lasted_s: float
    uncertain: bool
    hello: TlsHello | UnsetType = UNSET
    unanswered: tuple[TlsHello, ...] | UnsetType = UNSET


class Relay(Struct, frozen=True):
    """A TURN server that the user named, by its transport and port ("turn-tls/443"), without its address.

    `outcome` and `code` are those of tp-001 ("allocated", or why no call was relayed), or "not_asked"; `allocated_ms`
    is how long an allocation took. `calls` are imitated calls that it relayed to the test server (basis `shape`), a row
    for each app and medium, and `direct` the same calls without it, at the same time.
    """

    relay: str
    outcome: str
    code: int
    allocated_ms: float | None
    basis: Literal["shape"]
    calls: tuple[Transport, ...]
    direct: tuple[Transport, ...]


class Hit(Struct, frozen=True):
    """One arm that the lab's restrictor really restricts."""

    app: str
    variant: str
    medium: str
    rule: str
    direction: str
    parameters: dict[str, float | str]


class Truth(Struct, frozen=True):
    """What the lab restricted; there only where a lab made the network."""

    hit: tuple[Hit, ...]


class SecondResult(Struct, frozen=True):
    """The check with a second test server, in another network, about what the first one found restricted, closed or
    unreachable. `opinions` compare both (tp-002); there are none where no receipts show that there were two servers."""

    started_at: str
    duration_s: float
    bytes_sent: int
    bytes_received: int
    responder: ResponderObject
    ended: str
    verdicts: tuple[Verdict, ...]
    opinions: tuple[SecondOpinion, ...]


class OtherFamily(Struct, frozen=True):
    """The check over the other version of IP, with the same test server, and its own verdicts."""

    family: int
    started_at: str
    duration_s: float
    bytes_sent: int
    bytes_received: int
    ended: str
    verdicts: tuple[Verdict, ...]


class CheckResult(Struct, frozen=True):
    """The whole object. `valid` is false where the run itself was off; then every state is `insufficient`. `ended` is
    why the session stopped, as in the health of tp-001. `tried`: servers of a list that were tried before.
    `relays`: TURN servers that the user named (`check --turn`). `vpn`: whether calls left by a VPN or
    tunnel, null where that could not be told. `family`: over which version of IP it ran;
    `other_family`: the check over the other one, where both ends have both. Where that finds an app restricted or
    closed and this check does not, the verdict in `verdicts` is that one, with its `family`.
    `own_servers` (the object of `endpoints --json`), `own_call` (that of `listen --json`) and `joined` are there where
    `check --own` asked an app's own servers, or watched a call of the person's own."""

    schema: str
    started_at: str
    duration_s: float
    bytes_sent: int
    bytes_received: int
    valid: bool
    rules_version: str
    responder: ResponderObject
    ended: str
    reach: ReachObject
    family: int
    vpn: bool | None
    simulated: bool
    verdicts: tuple[Verdict, ...]
    transports: tuple[Transport, ...]
    truth: Truth | UnsetType = UNSET
    tried: tuple[Tried, ...] | UnsetType = UNSET
    second: SecondResult | UnsetType = UNSET
    other_family: OtherFamily | UnsetType = UNSET
    beside: tuple[NetworkContrast, ...] | UnsetType = UNSET
    relays: tuple[Relay, ...] | UnsetType = UNSET
    own_servers: dict[str, Any] | UnsetType = UNSET
    own_call: dict[str, Any] | UnsetType = UNSET
    joined: tuple[JoinedRow, ...] | UnsetType = UNSET


def judge_check(
    facts: Facts, truth: Sequence[dict[str, Any]] | None = None, second: Facts | None = None
) -> tuple[list[Verdict], dict[str, Any]]:
    """Judge the facts: the verdicts, and the JSON object of tp-004. `truth`: what a lab restricted; `second`: the facts
    of a second test server, which change no verdict, or those over the other version of IP."""
    verdicts = judge_facts(facts)
    if second is not None and is_other_family(facts, second):
        others = judge_facts(second)
        verdicts = _worse_of_families(verdicts, others)
        record = check_json(facts, verdicts, transport_qualities(facts.epochs), truth)
        return verdicts, record | {"other_family": _plain(_other_family(second, others))}
    record = check_json(facts, verdicts, transport_qualities(facts.epochs), truth)
    if second is not None:
        record["second"] = _plain(_second_result(facts, verdicts, second))
    return verdicts, record


def _plain(record: Any) -> Any:
    """The record as a reader of the JSON gets it."""
    return msgspec.json.decode(msgspec.json.encode(record))


def with_other_network(record: Mapping[str, Any], here: Facts, there: Facts) -> dict[str, Any]:
    """The object with how calls fared on another network, to the same test server (`two_networks`)."""
    return {**record, "beside": _plain(network_contrasts(here, there))}


def is_other_family(first: Facts, second: Facts) -> bool:
    """Whether the second check is that of the same test server over the other version of IP, vouched for like the first
    one: it may change what is said of an app."""
    return (
        bool(first.responder_key)
        and first.responder_key == second.responder_key
        and first.family != second.family
        and are_vouched_alike(first, second)
    )


def _worse_of_families(first: Sequence[Verdict], others: Sequence[Verdict]) -> list[Verdict]:
    """The first check's verdicts, but where it found nothing and the other one did, the other's."""
    found = {(one.app, one.medium): one for one in others if one.state in HELD_BACK_STATES}
    return [one if one.state in HELD_BACK_STATES else found.get((one.app, one.medium), one) for one in first]


def _other_family(facts: Facts, verdicts: Sequence[Verdict]) -> OtherFamily:
    return OtherFamily(
        family=facts.family,
        started_at=facts.started_at,
        duration_s=round(facts.duration_s, 3),
        bytes_sent=facts.bytes_sent,
        bytes_received=facts.bytes_received,
        ended=facts.health.ended,
        verdicts=tuple(verdicts),
    )


def _second_result(first: Facts, found: Sequence[Verdict], facts: Facts) -> SecondResult:
    verdicts = judge_facts(facts)
    return SecondResult(
        started_at=facts.started_at,
        duration_s=round(facts.duration_s, 3),
        bytes_sent=facts.bytes_sent,
        bytes_received=facts.bytes_received,
        responder=ResponderObject(facts.responder_class, facts.responder_key),
        ended=facts.health.ended,
        verdicts=tuple(verdicts),
        opinions=tuple(second_opinions(found, verdicts)) if are_two_servers(first, facts) else (),
    )


def check_json(
    facts: Facts,
    verdicts: Sequence[Verdict],
    carried: Sequence[TransportQuality] = (),
    truth: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The object as plain values, in the order of the spec."""
    void = why_voided(facts)
    record = CheckResult(
        schema=SCHEMA,
        started_at=facts.started_at,
        duration_s=round(facts.duration_s, 3),
        bytes_sent=facts.bytes_sent,
        bytes_received=facts.bytes_received,
        valid=void is None or void.code not in INVALIDATING_REASONS,
        rules_version=str(RULES_VERSION),
        responder=ResponderObject(facts.responder_class, facts.responder_key),
        ended=facts.health.ended,
        reach=ReachObject(
            control=facts.reach.control,
            attempts=facts.reach.attempts,
            lost=facts.reach.lost,
            again=facts.reach.again,
        ),
        family=facts.family,
        vpn=facts.health.vpn,
        simulated=facts.simulated,
        verdicts=tuple(verdicts),
        transports=transport_rows(carried, hellos=facts.plan.basis == "shape", found=verdicts),
        truth=UNSET if truth is None else Truth(tuple(Hit(**hit) for hit in truth)),
        tried=facts.tried or UNSET,
        relays=tuple(map(_relay_row, relay_results(facts))) or UNSET,
    )
    plain: dict[str, Any] = _plain(record)
    return plain


def _relay_row(result: RelayResult) -> Relay:
    return Relay(
        relay=result.relay,
        outcome=result.outcome,
        code=result.code,
        allocated_ms=result.took_ms,
        basis="shape",
        calls=transport_rows(result.relayed),
        direct=transport_rows(result.direct),
    )


def transport_rows(
    carried: Sequence[TransportQuality], *, hellos: bool = False, found: Sequence[Verdict] = ()
) -> tuple[Transport, ...]:
    """The rows, in the order in which they were measured. `hellos`: the probe wrote first messages of TLS itself.
    `found`: the verdicts of the check; where calls are cut off later than a transport was watched, it is uncertain."""
    rows: dict[tuple[str, str, str], Transport] = {}
    for each in carried:
        same = [one for one in carried if (one.arm, one.transport) == (each.arm, each.transport)]
        unanswered = tuple(one.hello for one in same if one.silent)
        if each.hello and each.silent and len(unanswered) < len(same):
            continue  # it carried the call with the other hello
        row = _transport_row(each)
        if row.carries and any(map(partial(_may_be_cut_off, each), found)):
            row = msgspec.structs.replace(row, uncertain=True)
        if hellos and each.hello:
            hello = UNSET if each.silent else each.hello
            row = msgspec.structs.replace(row, hello=hello, unanswered=unanswered or UNSET)
        key = row.app, row.medium, row.transport
        if key not in rows or _worst_first(row) < _worst_first(rows[key]):
            rows[key] = row
    return tuple(rows.values())


def _may_be_cut_off(carried: TransportQuality, verdict: Verdict) -> bool:
    """Whether the app's calls are cut off after longer than this transport was watched."""
    if (verdict.app, verdict.medium) != (carried.arm.app, carried.arm.medium):
        return False
    after_s, after_packets = (verdict.parameters.get(name) for name in ("after_s", "after_packets"))
    if isinstance(after_s, Number):
        return carried.lasted_s <= (after_s.high or after_s.low or 0.0)
    packets = (carried.up.sent + carried.down.sent) / max(1, carried.calls)
    if isinstance(after_packets, Number):
        return packets <= (after_packets.high or after_packets.low or 0.0)
    return "after_bytes" in verdict.parameters  # of which no count was kept


def _worst_first(row: Transport) -> tuple[float, bool]:
    """The worst variant of an app first; of equal ones that which needed the other hello."""
    return row.mos, row.unanswered is UNSET


def _transport_row(carried: TransportQuality) -> Transport:
    mos, up, down = transport_mos(carried), _transport_direction(carried.up), _transport_direction(carried.down)
    return Transport(
        app=carried.arm.app,
        medium=carried.arm.medium,
        transport=carried.transport,
        carries=mos >= TALKABLE_MOS,
        loss_pct=max(up.loss_pct, down.loss_pct),
        mos=round(mos, 2),
        setup_ms=carried.setup_ms,
        up=up,
        down=down,
        calls=carried.calls,
        lasted_s=carried.lasted_s,
        uncertain=is_uncertain(carried),
    )


def _transport_direction(direction: DirectionQuality) -> TransportDirection:
    return TransportDirection(round(loss_pct(direction), 1), direction.delay_ms, round(direction_mos(direction), 2))
