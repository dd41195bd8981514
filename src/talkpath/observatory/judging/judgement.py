"""From a bundle to what the log says of it. Pure, but for reading nothing: the same bytes give the same record.

Contract: the verdicts are made again from the facts by this version's rules; what the probe said of them counts for
nothing. Network and country are the responder's finding where it signed one, else this end's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from talkpath.errors import BundleError
from talkpath.evidence.bundle import Bundle, read_bundle
from talkpath.measure.call import Findings
from talkpath.measure.facts import Facts
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, UNKNOWN_NETWORK
from talkpath.observatory.log.records import Carried, Judged, Parameter, Placed, Received, Said, Source
from talkpath.report.check_json import judge_check
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call
from talkpath.verdict.judge import RULES_VERSION
from talkpath.verdict.model import Category, Number, Verdict

DAY_CHARACTERS = len("2026-11-24")


def judge_bundle(data: bytes, received: Received, listed: Mapping[str, str]) -> Judged:
    """What a bundle that came in as `received` says; `listed`: the keys that somebody answers for.

    `BundleError` where it does not verify, or holds nothing that could be counted.
    """
    bundle = read_bundle(data)
    if bundle.findings is not None:
        return _recorded(bundle.findings, received, simulated=bundle.simulated)
    facts = countable(bundle)
    verdicts, told = judge_check(facts)
    network, country, placed = _place(bundle, received)
    return Judged(
        id=hashlib.sha256(data).hexdigest(),
        day=received.day,
        measured=facts.started_at[:DAY_CHARACTERS],
        rules_version=str(RULES_VERSION),
        source=_source(verdicts),
        said=tuple(map(_said, verdicts)),
        carried=tuple(_carried(told["transports"])),
        network=network,
        country=country,
        placed=placed,
        responder=facts.responder_key,
        responder_class=facts.responder_class,
        listed=facts.responder_key in listed,
        contributor=received.contributor,
        contributor_key=received.contributor_key,
        simulated=bundle.simulated,
    )


def countable(bundle: Bundle) -> Facts:
    """The facts of a check that tells its day; `BundleError` for one that does not."""
    if bundle.facts is None or not bundle.facts.started_at:
        raise BundleError("The bundle does not tell its day; an observatory cannot count it.")
    return bundle.facts


def _recorded(findings: Findings, received: Received, *, simulated: bool) -> Judged:
    """Of a recording, which tells neither day nor network: it counts on the day on which it came in, for the network
    that it came from. Calls of an app that is not known for sure say nothing of any app."""
    verdicts = [*map(judge_call, findings.calls), *map(judge_attempt, findings.attempts)]
    sure = [verdict for verdict in verdicts if verdict.confidence == "high"]
    if not received.day or not sure:
        raise BundleError("The recording holds no call of an app that is known for sure, or nobody knows its day.")
    streams = dict.fromkeys((verdict.app, verdict.medium) for verdict in sure)
    known = (received.network, received.country) != (UNKNOWN_NETWORK, UNKNOWN_COUNTRY)
    return Judged(
        id=received.id,
        day=received.day,
        measured=received.day,
        rules_version=str(RULES_VERSION),
        source="capture",
        said=tuple(_usual([one for one in sure if (one.app, one.medium) == stream]) for stream in streams),
        network=received.network,
        country=received.country,
        placed="ingest" if known else "",
        contributor=received.contributor,
        contributor_key=received.contributor_key,
        simulated=simulated,
    )


def _usual(verdicts: Sequence[Verdict]) -> Said:
    """What most calls of a recording say: it is one report, however many calls are in it. Between equals the better.

    `rule` is what they are consistent with; nothing in a recording shows that other traffic fared better.
    """
    kinds = [(one.state, *one.alternatives[:1]) for one in verdicts]
    usual = max(dict.fromkeys(kinds), key=lambda kind: (kinds.count(kind), kind[0] == "ok", len(kind) == 1))
    said = _said(verdicts[kinds.index(usual)])
    return replace(said, rule=usual[1] if len(usual) > 1 else None)


def _place(bundle: Bundle, received: Received) -> tuple[str, str, Placed]:
    receipt = bundle.receipt
    if receipt is not None and (receipt.network, receipt.country) != (UNKNOWN_NETWORK, UNKNOWN_COUNTRY):
        return receipt.network, receipt.country, "responder"
    known = (received.network, received.country) != (UNKNOWN_NETWORK, UNKNOWN_COUNTRY)
    return received.network, received.country, "ingest" if known else ""


def _source(verdicts: Iterable[Verdict]) -> Source:
    return "browser" if any(verdict.basis == "webrtc" for verdict in verdicts) else "probe"


def _said(verdict: Verdict) -> Said:
    return Said(
        app=verdict.app,
        medium=verdict.medium,
        state=verdict.state,
        basis=verdict.basis,
        rule=verdict.rule,
        direction=verdict.direction,
        log10_e=_short(verdict.log10_e),
        parameters={name: _parameter(value) for name, value in verdict.parameters.items()},
        reason=verdict.reason.code if verdict.reason else "",
    )


def _parameter(value: Number | Category) -> Parameter:
    if isinstance(value, Category):
        return value.value
    return _short(value.estimate), _short(value.low), _short(value.high)


def _short(number: float | None) -> float | None:
    """Four digits: a record stays below 2 kB, and the bundle has them all."""
    return None if number is None else float(f"{number:.4g}")


def _carried(transports: Sequence[dict[str, Any]]) -> Iterator[Carried]:
    """How well each did is in the bundle."""
    for stream in dict.fromkeys((row["app"], row["medium"]) for row in transports):
        own = [row for row in transports if (row["app"], row["medium"]) == stream]
        carries, fails = (tuple(row["transport"] for row in own if row["carries"] == yes) for yes in (True, False))
        yield Carried(*stream, carries, fails)
