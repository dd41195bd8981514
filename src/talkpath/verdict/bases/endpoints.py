"""Judges exchanges with the apps' own hosts (`talkpath endpoints`), without twins or e-values.

Seen from one place, an app's server that does not answer may be down, whatever neutral hosts do. `restricted` therefore
needs a contrast that no outage of the app can bring about, by bytes alone:

| contrast | rule |
|---|---|
| neutral hosts answer other names and never the app's (`tls_hellos`) | `signalling.block` |
| a host answers one client's first TLS message and never another's, of any length (`tls_hellos`) | `tls.hello_drop` |

Everything else is `insufficient (outage)` after REPEATS exchanges that all failed while a neutral host of the same kind
answered beside each; `alternatives` has what it is consistent with. `ok` needs at least one answer from every host.

| exchanges that fail | consistent with |
|---|---|
| the system's name server gives no address, another does: it may have asked while the app's own failed | `dns.remove` |
| TLS to a host with a name | `signalling.block`; `address.block` where its name passes elsewhere, and no name there |
| STUN, or TCP: silence | `address.block` |
| TLS, each time at a certificate that this device does not accept: something answered (`certificate`) | – |
| any of these, neutral hosts silent too, hosts of other apps answer: the way abroad may be down | `allowlist` |

Judges messages (medium text, basis signalling): exchanges with an app's hosts, each beside one with a neutral host.

There are no twins and no e-value. A real check asks only with `--messages`, and is judged as above. In the lab's own
exchanges (of no kind) nothing but a rule can keep a messenger's host from answering: there `restricted` takes at least
REPEATS exchanges that all failed while the neutral host answered every time, and `ok` that all were answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from talkpath.apps.contract.shape import Medium
from talkpath.measure.facts import Exchange, Facts
from talkpath.verdict.bases.tls_hellos import (
    HELLO_STYLES,
    NAME_STEP,
    PADDED,
    UNACCEPTED_FAILURES,
    HeldBackHello,
    NameReading,
    held_back_hello,
    read_names,
)
from talkpath.verdict.model import Basis, Category, Reason, ReasonCode, State, Verdict
from talkpath.verdict.validity import why_voided

MIN_MESSAGE_REPEATS = 3


def judge_messages(facts: Facts) -> list[Verdict]:
    """Give one verdict per app that has exchanges, in the order in which they first came."""
    asked = [exchange for exchange in facts.exchanges if exchange.kind]
    void = why_voided(facts)
    if void is not None and void.code == "late":
        void = None  # of call packets: a handshake may take its time
    told = [each for each in judge_endpoints(asked, void) if each.basis == "signalling"]
    return told + (_lab_messages(facts) if facts.simulated else [])


def _lab_messages(facts: Facts) -> list[Verdict]:
    neutral = [exchange for exchange in facts.exchanges if exchange.neutral]
    apps = dict.fromkeys(each.app for each in facts.exchanges if not (each.neutral or each.kind))
    return [_message_verdict(facts, app, neutral) for app in apps]


def _message_verdict(facts: Facts, app: str, neutral: Sequence[Exchange]) -> Verdict:
    own = [exchange for exchange in facts.exchanges if exchange.app == app and not exchange.neutral]
    void = why_voided(facts)
    state, reason = ("insufficient", void) if void else _message_state(own, neutral)
    known_s = max(round(each.at_s + each.took_s, 4) for each in own)
    return Verdict(
        app=app,
        variant="",
        medium="text",
        state=state,
        basis="signalling",
        decided_at_s=None if state == "insufficient" else known_s,
        known_at_s=known_s if state == "restricted" else None,
        watched_s=known_s - min(each.at_s for each in own),
        flow_count=len(own),
        reason=reason,
    )


def _message_state(own: Sequence[Exchange], neutral: Sequence[Exchange]) -> tuple[State, Reason | None]:
    answered = sum(exchange.ok for exchange in own)
    if answered == len(own):
        return "ok", None
    values = {"exchanges": len(own), "answered": answered}
    if len(neutral) < MIN_MESSAGE_REPEATS or not all(exchange.ok for exchange in neutral):
        return "insufficient", Reason("no_control", values)
    if answered or len(own) < MIN_MESSAGE_REPEATS:
        return "insufficient", Reason("single_request", values)
    return "restricted", None


MIN_REPEATS = 3
GREETED = ("stun", "stun-tcp")
SYSTEM, OTHER = "dns.system", "dns.other"
NAME_REMOVED_FAILURES = (
    "dns_nxdomain_error",
    "dns_no_answer",
    "dns_refused_error",
)  # an answer without an address, not silence
TIMEOUT_FAILURE = "generic_timeout_error"
ENDPOINT_RULES = ("dns.remove", "allowlist", "address.block", "signalling.block")  # in which order they are told
ENDPOINT_DOUBTS: tuple[ReasonCode, ...] = (
    "outage",
    "certificate",
    "no_control",
    "single_request",
)  # which is told where there are several


class Group(NamedTuple):
    """The app and basis of one verdict."""

    app: str
    basis: Basis
    medium: Medium


@dataclass(frozen=True, slots=True)
class Host:
    """One host asked in one way. `rule` is what would explain its failures, `doubt` why nothing is said of them."""

    rule: str = ""
    doubt: ReasonCode | None = None


def judge_endpoints(exchanges: Sequence[Exchange], void: Reason | None = None) -> list[Verdict]:
    """Give one verdict per app and basis, in the order in which they were first asked. `void` makes all
    `insufficient`."""
    apart = (OTHER, NAME_STEP, PADDED, *HELLO_STYLES)
    own = [each for each in exchanges if each.app and each.kind not in apart]
    groups = dict.fromkeys(_group_state(each) for each in own)
    verdicts = [
        _group_verdict(group, [e for e in own if _group_state(e) == group], exchanges, void) for group in groups
    ]
    return verdicts if void else [_with_contrasts(verdict, exchanges) for verdict in verdicts]


def _with_contrasts(verdict: Verdict, exchanges: Sequence[Exchange]) -> Verdict:
    """Name the ClientHello, or the name in it, that is held back, which explains handshakes that do not complete."""
    if verdict.basis != "signalling":
        return verdict
    hello = held_back_hello(verdict.app, exchanges)
    if hello is not None and not hello.doubt:
        found = {"hello": hello.hello, "bound_to": hello.bound_to, "ends": hello.ends}
        return _restricted_verdict(verdict, "tls.hello_drop", found, exchanges)
    names = read_names(verdict.app, exchanges)
    told = replace(verdict, figures=verdict.figures | _count_names(names))
    held = [each for each in names if each.held_back]
    if not held:
        return told if hello is None else _single_hello_died(told, hello)
    ending = {each.ends for each in held}
    found = {"bound_to": "name", "ends": ending.pop() if len(ending) == 1 else ""}
    return _restricted_verdict(told, "signalling.block", found, exchanges)


def _single_hello_died(verdict: Verdict, hello: HeldBackHello) -> Verdict:
    """Say that one ClientHello died, and nothing about why. That long ones die, or are refused, explains other
    handshakes too."""
    if not hello.doubt or (hello.doubt == "no_control" and verdict.reason is not None):
        return verdict
    fitting = () if hello.doubt == "long_hellos" else ("tls.hello_drop",)
    return replace(verdict, state="insufficient", decided_at_s=None, reason=Reason(hello.doubt), alternatives=fitting)


def _count_names(names: Sequence[NameReading]) -> dict[str, float | None]:
    """Count the app's names that were said to neutral hosts; nothing where none was."""
    if not names:
        return {}
    held, passed = sum(each.held_back for each in names), sum(each.passes for each in names)
    return {"names": float(len(names)), "names_held_back": float(held), "names_passed": float(passed)}


def _restricted_verdict(
    verdict: Verdict, rule: str, found: Mapping[str, str], exchanges: Sequence[Exchange]
) -> Verdict:
    ended_s = max(
        round(each.at_s + each.took_s, 3) for each in exchanges if each.app == verdict.app or each.kind == NAME_STEP
    )
    return replace(
        verdict,
        state="restricted",
        rule=rule,
        direction="up",
        parameters={name: Category(value) for name, value in found.items() if value},
        decided_at_s=ended_s,
        known_at_s=ended_s,
        reason=None,
        alternatives=(),
    )


def _group_state(each: Exchange) -> Group:
    if each.kind in GREETED:
        return Group(each.app, "address", "voice")
    if each.named or each.kind == SYSTEM:
        return Group(each.app, "signalling", "text")
    return Group(each.app, "address", "text")


def _group_verdict(group: Group, own: Sequence[Exchange], every: Sequence[Exchange], void: Reason | None) -> Verdict:
    places = dict.fromkeys((each.host, each.kind) for each in own)
    hosts = [_host_state([e for e in own if (e.host, e.kind) == place], every) for place in places]
    doubts = {host.doubt for host in hosts if host.doubt is not None}
    reason = void or (Reason(min(doubts, key=ENDPOINT_DOUBTS.index)) if doubts else None)
    fitting = sorted({host.rule for host in hosts if host.rule}, key=ENDPOINT_RULES.index)
    ended_s = max(round(each.at_s + each.took_s, 3) for each in own)
    failing = sum(host.doubt is not None for host in hosts)
    return Verdict(
        app=group.app,
        variant="",
        medium=group.medium,
        state="insufficient" if reason else "ok",
        basis=group.basis,
        decided_at_s=None if reason else ended_s,
        watched_s=ended_s - min(each.at_s for each in own),
        flow_count=len(own),
        reason=reason,
        confidence="low" if any(each.confidence == "low" for each in own) else "high",
        alternatives=() if void else tuple(fitting),
        figures={
            "hosts": float(len(hosts)),
            "hosts_silent": float(failing),
            "requests": float(len(own)),
            "name_requests": float(sum(each.kind == SYSTEM for each in own)),
        },
    )


def _host_state(own: Sequence[Exchange], every: Sequence[Exchange]) -> Host:
    """Sum up the exchanges of one kind with one host."""
    if any(each.ok for each in own):
        return Host()
    if len(own) >= MIN_REPEATS and all(each.failure == UNACCEPTED_FAILURES for each in own):
        return Host(doubt="certificate")
    controls = [[e for e in every if e.neutral and (e.kind, e.round) == (each.kind, each.round)] for each in own]
    others = [e.ok for e in every if e.app and e.app != own[0].app and e.kind == own[0].kind]
    listed = (
        all(each.failure == TIMEOUT_FAILURE for each in own)
        and others.count(True) >= MIN_REPEATS
        and all(beside and all(each.failure == TIMEOUT_FAILURE for each in beside) for beside in controls)
    )
    rule = "allowlist" if listed else _rule_of_failures(own, every)
    if len(own) < MIN_REPEATS:
        return Host(rule, "single_request")
    known = all(each.confidence == "high" for each in own)
    return Host(
        rule,
        "outage"
        if rule and known and (listed or all(beside and all(each.ok for each in beside) for beside in controls))
        else "no_control",
    )


def _rule_of_failures(own: Sequence[Exchange], every: Sequence[Exchange]) -> str:
    """Return the rule that would explain the failures, "" where an answer came, most likely from the host itself."""
    first = own[0]
    if first.kind == SYSTEM:
        rounds = {each.round for each in own}
        known = [e.ok for e in every if (e.host, e.kind) == (first.host, OTHER) and e.round in rounds]
        said = all(each.failure in NAME_REMOVED_FAILURES for each in own)
        return "dns.remove" if said and known and all(known) else ""
    if any(each.failure in ("connection_refused", UNACCEPTED_FAILURES) for each in own):
        return ""
    if first.kind == "tls" and first.named:
        return _rule_of_names(first, every)
    return "address.block" if all(each.failure == TIMEOUT_FAILURE for each in own) else ""


def _rule_of_names(first: Exchange, every: Sequence[Exchange]) -> str:
    """Return what handshakes fit that no host of that name completes: a name that passes elsewhere is not held back by
    itself, and where no name is answered it may be the address."""
    found = [each for each in read_names(first.app, every) if each.name == first.host]
    return "address.block" if any(each.passes and not each.others_answered for each in found) else "signalling.block"
