"""A rule as a clause, with the estimate of its parameter."""

from __future__ import annotations

from collections.abc import Callable

from talkpath.report.words.amounts import byte_count, estimate_words, kilobits, milliseconds, numeral, percent, seconds
from talkpath.report.words.language import count, say
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import all_rules
from talkpath.verdict.rules.rule import Rule

MOST_PARTIAL_SHARE = 0.97  # a share below that is told
PARAMETERS: dict[str, tuple[str, Callable[[float], str], float]] = {
    "media.drop": ("p", percent, 0.01),
    "flow.block": ("p", percent, 0.01),
    "media.police": ("kbps", kilobits, 1.0),
    "media.delay": ("ms", milliseconds, 1.0),
    "relearn": ("after_s", seconds, 0.1),
    "media.size_drop": ("over", byte_count, 1.0),
}
"""Rule -> its parameter that is shown, how that number is written, and what its last digit is worth."""


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
    parameter, tell, step = PARAMETERS.get(rule, ("", numeral, 1.0))
    known = _number_parameter(verdict, parameter)
    if known is None or known.estimate is None:
        return mechanism_name(rule)
    return say(
        "rule",
        "{mechanism}, {amount}",
        mechanism=mechanism_kind(verdict),
        amount=estimate_words(known, tell(known.estimate), tell, step),
    )


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
            step = 1.0 if (value.high or 0.0) >= 100.0 else 0.01
            text = estimate_words(value, f"{_plain_number(value.estimate)} {parameter.unit}", _plain_number, step)
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
        "media.drop": say("rule", "call packets are dropped"),
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


def mechanism_kind(verdict: Verdict) -> str:
    """The rule without its amount. Only what leaves a part of the packets through is told to drop at random."""
    if verdict.rule == "media.police" and verdict.parameters.get("buckets") == Category("one"):
        return say("rule", "calls are held to a low rate, both directions together")
    share = _number_parameter(verdict, "p")
    if verdict.rule == "media.size_drop" and share is not None and (share.high or 0.0) < MOST_PARTIAL_SHARE:
        return say(
            "rule",
            "packets above a certain size are dropped at random, {share}",
            share=estimate_words(share, percent(share.estimate or 0.0), percent, 0.01),
        )
    leaves_some = verdict.rule == "media.drop" and share is not None and (share.estimate or 0.0) < MOST_PARTIAL_SHARE
    return say("rule", "call packets are dropped at random") if leaves_some else mechanism_name(verdict.rule or "")


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
    """What cuts flows off: a time, a count of packets, or of bytes; several of them where nothing tells which."""
    told = []
    if (span := _number_parameter(verdict, "after_s")) is not None:
        told.append(estimate_words(span, seconds(span.estimate or 0.0), seconds, 0.1))
    if (packets := _number_parameter(verdict, "after_packets")) is not None:
        number = round(packets.estimate or 0.0)
        told.append(estimate_words(packets, count("unit", "{number} packet", "{number} packets", number), numeral))
    if (size := _number_parameter(verdict, "after_bytes")) is not None:
        told.append(estimate_words(size, byte_count(size.estimate or 0.0), numeral))
    return say("list", " or ").join(told)


def _number_parameter(verdict: Verdict, parameter: str) -> Number | None:
    value = verdict.parameters.get(parameter)
    return value if isinstance(value, Number) and value.estimate is not None else None
