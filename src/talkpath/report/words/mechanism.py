"""A rule as a clause, with the estimate of its parameter."""

from __future__ import annotations

from collections.abc import Callable

from talkpath.report.words.amounts import estimate_words, kilobits, milliseconds, numeral, percent, seconds
from talkpath.report.words.language import count, say
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import all_rules
from talkpath.verdict.rules.rule import Rule

MOST_PARTIAL_SHARE = 0.97  # a share below that is told
PARAMETERS: dict[str, tuple[str, Callable[[float], str]]] = {
    "media.drop": ("p", percent),
    "flow.block": ("p", percent),
    "media.police": ("kbps", kilobits),
    "media.delay": ("ms", milliseconds),
    "relearn": ("after_s", seconds),
    "media.size_drop": ("over", lambda value: count("unit", "{number} byte", "{number} bytes", round(value))),
}
"""Rule -> its parameter that is shown, and how that number is written."""


def mechanism_clause(verdict: Verdict) -> str:
    """How the verdict's rule acts: a clause, not a sentence."""
    rule = verdict.rule or ""
    if rule == "media.unknown" and verdict.alternatives:
        fitting = say("list", "; ").join(map(mechanism_name, verdict.alternatives))
        return say("rule", "several mechanisms would fit: {list}", list=fitting)
    if rule in ("media.freeze", "udp.freeze"):
        return _freeze_clause(verdict)
    if rule == "address.block" and verdict.basis in ("address", "call"):  # no test server has a part in it
        return say("rule", "the app's own servers do not answer while others do")
    if rule == "tls.hello_drop" and isinstance(hello := verdict.parameters.get("hello"), Category):
        return _client_words(hello.value)
    if rule == "port.block" and verdict.state == "restricted":
        return say("rule", "calls to some UDP ports are blocked")
    if rule == "port.block" and (port := _number_parameter(verdict, "port")) is not None:
        return say("rule", "some UDP ports do not pass, {port} among them", port=f"{port.estimate:.0f}")
    if rule in all_rules() and rule not in _plain_names():
        return _declared_mechanism(verdict, all_rules()[rule])
    parameter, tell = PARAMETERS.get(rule, ("", numeral))
    known = _number_parameter(verdict, parameter)
    if known is None or known.estimate is None:
        return mechanism_name(rule)
    bounds = [tell(value) if value is not None else "" for value in (known.low, known.high)]
    amount = estimate_words(known, tell(known.estimate), *bounds)
    return say("rule", "{mechanism}, {amount}", mechanism=_with_buckets(verdict), amount=amount)


def is_named(verdict: Verdict) -> bool:
    """Does the verdict name a rule, or several that fit equally well?"""
    return verdict.rule not in (None, "media.unknown") or bool(verdict.alternatives)


def mechanism_name(rule: str) -> str:
    """The rule without parameters. A rule without words here is described as in spec/tp-002."""
    plain = _plain_names()
    if rule not in plain and rule in all_rules():
        means = all_rules()[rule].means
        return f"{means[0].lower()}{means[1:].rstrip('.')}"
    return plain.get(rule, plain["media.unknown"])


def _declared_mechanism(verdict: Verdict, rule: Rule) -> str:
    """A rule without words here: its description, and every parameter that it declares, with its unit."""
    clauses = [mechanism_name(rule.id)]
    for parameter in rule.parameters:
        value = verdict.parameters.get(parameter.name)
        if isinstance(value, Category):
            clauses.append(f"{parameter.name} {value.value}")
        elif value is not None and value.estimate is not None:
            low, high = ("" if bound is None else _plain_number(bound) for bound in (value.low, value.high))
            text = estimate_words(value, f"{_plain_number(value.estimate)} {parameter.unit}", low, high)
            clauses.append(f"{parameter.name} {text}")
    return say("list", "; ").join(clauses)


def _plain_number(value: float) -> str:
    return numeral(value, 0 if value == round(value) or abs(value) >= 100 else 2)


def _plain_names() -> dict[str, str]:
    return {
        "stun.drop": say("rule", "the message that starts the call (STUN) is dropped"),
        "dtls.hello_drop": say("rule", "the handshake that protects the call (DTLS) is dropped"),
        "reflector.drop": say("rule", "the greeting to the relay is dropped"),
        "flow.block": say("rule", "whole calls are blocked from their start"),
        "residual": say("rule", "after a call, everything to the same UDP port is blocked for a while"),
        "media.drop": say("rule", "call packets are dropped at random"),
        "media.freeze": say("rule", "calls go silent"),
        "media.police": say("rule", "calls are held to a low rate"),
        "media.size_drop": say("rule", "packets above a certain size are dropped"),
        "media.delay": say("rule", "call packets are held up"),
        "media.unknown": say("rule", "the mechanism is not known"),
        "udp.block": say("rule", "UDP does not pass, TCP does"),
        "port.block": say("rule", "some UDP ports do not pass"),
        "udp.opaque_drop": say("rule", "UDP that looks like nothing known is dropped"),
        "udp.freeze": say("rule", "every UDP flow goes silent"),
        "address.block": say("rule", "the test server's address does not answer while other hosts do"),
        "allowlist": say("rule", "only chosen addresses answer"),
        "relearn": say("rule", "calls to a server are held back some time after the first ones"),
        "dns.remove": say("rule", "the network's name server does not know the app's servers"),
        "tls.hello_drop": say("rule", "the first message of TLS is held back by how one kind of client writes it"),
        "signalling.block": say("rule", "TLS handshakes are held back by the app's name in them"),
    }


def _with_buckets(verdict: Verdict) -> str:
    """The rule, and that its rate is that of both directions together, or that it drops a part, where that is so."""
    if verdict.rule == "media.police" and verdict.parameters.get("buckets") == Category("one"):
        return say("rule", "calls are held to a low rate, both directions together")
    share = _number_parameter(verdict, "p")
    if verdict.rule == "media.size_drop" and share is not None and (share.high or 0.0) < MOST_PARTIAL_SHARE:
        told = estimate_words(share, *map(percent, (share.estimate or 0.0, share.low or 0.0, share.high or 0.0)))
        return say("rule", "packets above a certain size are dropped at random, {share}", share=told)
    return mechanism_name(verdict.rule or "")


def _client_words(client: str) -> str:
    if client == "browser":
        return say("rule", "the first message of TLS is held back where it is written as a browser writes it")
    return say("rule", "the first message of TLS is held back where it is written as OpenSSL writes it")


def _freeze_clause(verdict: Verdict) -> str:
    if verdict.rule == "media.freeze" and "after" in verdict.parameters:
        return say("rule", "calls go silent after the handshake")
    amount = _threshold_words(verdict)
    if not amount:
        return mechanism_name(verdict.rule or "")
    if "port" in verdict.parameters:
        return say("rule", "UDP flows to some ports go silent after a while, {amount}", amount=amount)
    if verdict.rule == "udp.freeze":
        return say("rule", "every UDP flow goes silent after a while, {amount}", amount=amount)
    return say("rule", "calls go silent after a while, {amount}", amount=amount)


def _threshold_words(verdict: Verdict) -> str:
    packets, size = _number_parameter(verdict, "after_packets"), _number_parameter(verdict, "after_bytes")
    span = _number_parameter(verdict, "after_s")
    if packets is not None and packets.estimate is not None:
        value = count("unit", "{number} packet", "{number} packets", round(packets.estimate))
        told = estimate_words(packets, value, numeral(packets.low or 0), numeral(packets.high or 0))
        return say("list", " or ").join([_span_words(span), told]) if span is not None else told
    if size is not None and size.estimate is not None:
        value = count("unit", "{number} byte", "{number} bytes", round(size.estimate))
        return estimate_words(size, value, numeral(size.low or 0), numeral(size.high or 0))
    return _span_words(span) if span is not None else ""


def _span_words(span: Number) -> str:
    return estimate_words(span, seconds(span.estimate or 0), seconds(span.low or 0), seconds(span.high or 0))


def _number_parameter(verdict: Verdict, parameter: str) -> Number | None:
    value = verdict.parameters.get(parameter)
    return value if isinstance(value, Number) and value.estimate is not None else None
