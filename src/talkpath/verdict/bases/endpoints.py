"""Judges exchanges with the apps' own hosts (`talkpath endpoints`), without twins or e-values.

`restricted` needs at least REPEATS exchanges with one host that all failed while a neutral host of the same kind
answered beside each. The host must be known to answer: if its source is old or uncertain, the rule is only among the
`alternatives` ("consistent with"). `ok` needs at least one answer from every host. One host is enough for `restricted`,
since each is known to answer by itself; `figures` has how many of how many failed.

| exchanges | rule |
|---|---|
| the system's name server gives no address, another does | `dns.remove` |
| TCP or TLS to a host with a name | `signalling.block` |
| one client's first TLS message, while another's is answered (`tls_hellos`) | `tls.hello_drop` |
| STUN, or TCP to a bare address: silence | `address.block` |
| any of these, neutral hosts silent too, hosts of other apps answer | `allowlist` |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from talkpath.apps.contract.shape import Medium
from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.tls_hellos import HELLOS, held_back_hello
from talkpath.verdict.model import Basis, Category, Reason, ReasonCode, State, Verdict

REPEATS = 3
GREETED = ("stun", "stun-tcp")
SYSTEM, OTHER = "dns.system", "dns.other"
REMOVED = ("dns_nxdomain_error", "dns_no_answer", "dns_refused_error")  # an answer without an address, not silence
SILENT = "generic_timeout_error"
LIKELY = ("dns.remove", "allowlist", "address.block", "signalling.block")  # which is named where several fit: the first


class Group(NamedTuple):
    """The app and basis of one verdict."""

    app: str
    basis: Basis
    medium: Medium


@dataclass(frozen=True, slots=True)
class Host:
    """One host asked in one way. `rule` is what would explain its failures, `doubt` why it may not be named."""

    answered: bool
    rule: str = ""
    doubt: ReasonCode | None = None


def judge_endpoints(exchanges: Sequence[Exchange], void: Reason | None = None) -> list[Verdict]:
    """Give one verdict per app and basis, in the order in which they were first asked. `void` makes all
    `insufficient`."""
    own = [each for each in exchanges if each.app and each.kind != OTHER and each.kind not in HELLOS]
    groups = dict.fromkeys(_group(each) for each in own)
    verdicts = [_verdict(group, [e for e in own if _group(e) == group], exchanges, void) for group in groups]
    return verdicts if void else [_with_hello(verdict, exchanges) for verdict in verdicts]


def _with_hello(verdict: Verdict, exchanges: Sequence[Exchange]) -> Verdict:
    """Name the ClientHello that is held back, which explains handshakes that do not complete."""
    if verdict.basis != "signalling" or verdict.rule in ("dns.remove", "allowlist"):
        return verdict
    found = held_back_hello(verdict.app, exchanges)
    if found is None:
        return verdict
    ended_s = max(round(each.at_s + each.took_s, 3) for each in exchanges if each.app == verdict.app)
    return replace(
        verdict,
        state="restricted",
        rule="tls.hello_drop",
        direction="up",
        parameters={"hello": Category(found.hello), "bound_to": Category(found.bound_to)},
        decided_at_s=ended_s,
        known_at_s=ended_s,
        reason=None,
        alternatives=(),
    )


def _group(each: Exchange) -> Group:
    if each.kind in GREETED:
        return Group(each.app, "address", "voice")
    if each.named or each.kind == SYSTEM:
        return Group(each.app, "signalling", "text")
    return Group(each.app, "address", "text")


def _verdict(group: Group, own: Sequence[Exchange], every: Sequence[Exchange], void: Reason | None) -> Verdict:
    places = dict.fromkeys((each.host, each.kind) for each in own)
    hosts = [_host([e for e in own if (e.host, e.kind) == place], every) for place in places]
    failing = [host for host in hosts if not host.answered]
    proven = [host.rule for host in failing if host.doubt is None]
    doubts = [host.doubt for host in failing if host.doubt is not None]
    fitting = sorted({host.rule for host in failing if host.rule}, key=LIKELY.index)
    reason = void or (Reason(min(doubts)) if doubts and not proven else None)
    state: State = "insufficient" if reason else "restricted" if proven else "ok"
    ended_s = max(round(each.at_s + each.took_s, 3) for each in own)
    return Verdict(
        app=group.app,
        variant="",
        medium=group.medium,
        state=state,
        rule=min(proven, key=LIKELY.index) if state == "restricted" else None,
        direction="both" if state == "restricted" else None,
        basis=group.basis,
        decided_at_s=None if reason else ended_s,
        known_at_s=ended_s if state == "restricted" else None,
        watched_s=ended_s - min(each.at_s for each in own),
        flow_count=len(own),
        reason=reason,
        confidence="low" if any(each.confidence == "low" for each in own) else "high",
        alternatives=() if state != "insufficient" or void else tuple(fitting),
        figures={"hosts": float(len(hosts)), "hosts_silent": float(len(failing)), "requests": float(len(own))},
    )


def _host(own: Sequence[Exchange], every: Sequence[Exchange]) -> Host:
    """Sum up the exchanges of one kind with one host."""
    if any(each.ok for each in own):
        return Host(True)
    controls = [[e for e in every if e.neutral and (e.kind, e.round) == (each.kind, each.round)] for each in own]
    others = [e.ok for e in every if e.app and e.app != own[0].app and e.kind != OTHER and not e.kind.startswith("dns")]
    listed = all(each.failure == SILENT for each in own) and others.count(True) >= REPEATS and _dead(controls)
    rule = "allowlist" if listed else _rule(own, every)
    if len(own) < REPEATS:
        return Host(False, rule, "single_request")
    if not rule or not (listed or _alive(controls)):
        return Host(False, rule, "no_control")
    return Host(False, rule, None if all(each.confidence == "high" for each in own) else "no_control")


def _rule(own: Sequence[Exchange], every: Sequence[Exchange]) -> str:
    """Return the rule that would explain the failures, "" where a fault of the host could explain them as well."""
    first = own[0]
    if first.kind == SYSTEM:
        rounds = {each.round for each in own}
        known = [e.ok for e in every if (e.host, e.kind) == (first.host, OTHER) and e.round in rounds]
        said = all(each.failure in REMOVED for each in own)
        return "dns.remove" if said and known and all(known) else ""
    if any(each.failure == "connection_refused" for each in own):
        return ""  # an answer came, most likely from the host itself
    if first.named and first.kind not in GREETED:
        return "signalling.block"
    return "address.block" if all(each.failure == SILENT for each in own) else ""


def _alive(controls: Iterable[Sequence[Exchange]]) -> bool:
    return all(beside and all(each.ok for each in beside) for beside in controls)


def _dead(controls: Iterable[Sequence[Exchange]]) -> bool:
    return all(beside and all(each.failure == SILENT for each in beside) for beside in controls)
