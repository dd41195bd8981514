"""From a bundle to what the log says of it. Pure: the same bytes give the same record.

Contract: the verdicts are made again from the facts by this version's rules; what the probe said of them counts for
nothing. Whose responder it was is what its signed receipt says, and nothing where there is none. Network and country
are the receipt's where somebody answers for its key; else they are this end's own finding, and a receipt of an unknown
key that contradicts it makes the report count for no network. Only apps that this version knows are counted.

The day that counts is that of a listed test server's receipt, else the day on which the bundle came in: whoever could
name the day could write a whole past in one evening. What came late by its own word counts nowhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from msgspec.structs import replace

from talkpath.apps import apps
from talkpath.apps.contract.shape import is_recorded_app
from talkpath.errors import BundleError, in_place_of
from talkpath.evidence.bundle import Bundle, read_bundle
from talkpath.measure.call import Findings
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts
from talkpath.observatory.events.network_days import DAY_CHARACTERS, other_family_facts
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, UNKNOWN_NETWORK
from talkpath.observatory.log.records import (
    Judged,
    LoggedParameter,
    LoggedTransports,
    LoggedVerdict,
    Placed,
    Received,
)
from talkpath.report.check_json import judge_check
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.judge import RULES_VERSION
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.wire.control.keys import raw_key_text
from talkpath.wire.control.receipt import ADDRESS_CLASSES

MAX_LATE = timedelta(days=2)
MAX_VOUCHED_LATE = timedelta(days=30)  # whoever is without a network for weeks can send it afterwards
UNVOUCHED_DAY = ", and no listed test server says when it was measured"
MAX_EARLY = timedelta(days=1)  # the device's clock is ahead, or its day has begun already
TRANSPORT = re.compile(r"[a-z]{2,10}/[0-9]{1,5}")


class Origin(NamedTuple):
    """Where a report was measured, and whose finding that is."""

    network: str = UNKNOWN_NETWORK
    country: str = UNKNOWN_COUNTRY
    placed: Placed = ""


def judge_bundle(data: bytes, received: Received, listed: Mapping[str, str]) -> Judged:
    """The record of a bundle that came in as `received`. `listed`: the responders' keys that somebody answers for.

    `BundleError` where it does not verify, or holds nothing that can be counted.
    """
    bundle = read_bundle(data)
    if bundle.findings is not None:
        return _judge_recording(bundle.findings, received, simulated=bundle.simulated)
    if bundle.endpoints is not None:
        return _judge_endpoints(bundle.endpoints, received, simulated=bundle.simulated)
    facts = countable_facts(bundle)
    verdicts, check = judge_check(facts, second=other_family_facts(bundle))
    verdicts = _of_known_apps(verdicts)
    if not verdicts:
        raise BundleError("The bundle is of no app that this version knows.")
    responder = raw_key_text(bundle.receipt.responder_key) if bundle.receipt else ""
    trusted = bundle.simulated or responder in listed
    origin = _check_origin(bundle, received, trusted=trusted)
    vouched = bundle.receipt.started_at or bundle.receipt.ended_at if bundle.receipt and trusted else ""
    return Judged(
        id=hashlib.sha256(data).hexdigest(),
        day=received.day,
        measured=_counted_day(vouched or facts.started_at, received, vouched=bool(vouched), simulated=bundle.simulated),
        rules_version=str(RULES_VERSION),
        source="browser" if any(verdict.basis == "webrtc" for verdict in verdicts) else "probe",
        said=tuple(map(_logged_verdict, verdicts)),
        carried=tuple(_logged_transports(check["transports"])),
        network=origin.network,
        country=origin.country,
        placed=origin.placed,
        responder=responder,
        responder_class=facts.responder_class if facts.responder_class in ADDRESS_CLASSES else "unknown",
        listed=responder in listed,
        contributor=received.contributor,
        contributor_key=received.contributor_key,
        simulated=bundle.simulated,
    )


def countable_facts(bundle: Bundle) -> Facts:
    """The facts of a check that tells its day; `BundleError` for one that does not."""
    if bundle.facts is None or not bundle.facts.started_at:
        raise BundleError("The bundle does not tell its day; an observatory cannot count it.")
    return bundle.facts


def _counted_day(told: str, received: Received, *, vouched: bool, simulated: bool) -> str:
    """The day that a report counts on; `BundleError` where it counts on none.

    `vouched`: the day told is a listed test server's word; `simulated`: all is made up. Else it is only compared with
    the day on which the bundle came in."""
    longest = timedelta.max if simulated else MAX_VOUCHED_LATE if vouched else MAX_LATE
    with in_place_of(ValueError, BundleError("It tells no day, or nobody knows when it came in.")):
        day, came = date.fromisoformat(told[:DAY_CHARACTERS]), date.fromisoformat(received.day)
    if day - came > MAX_EARLY:
        raise BundleError("It tells a day that is still to come.")
    if came - day > longest:
        raise BundleError(f"It came more than {longest.days} days late{'' if vouched else UNVOUCHED_DAY}.")
    return day.isoformat() if vouched or simulated else received.day


def _judge_recording(findings: Findings, received: Received, *, simulated: bool) -> Judged:
    """Judge a recording. It tells neither day nor network: it counts on the day on which it came in, for the network
    that it came from. Calls whose app is not known for sure are not counted."""
    recording = judge_recording(findings)
    proven = {(verdict.app, verdict.medium) for verdict in recording.together}
    verdicts = [*recording.together, *(one for one in recording.verdicts if (one.app, one.medium) not in proven)]
    sure = [verdict for verdict in _of_known_apps(verdicts) if verdict.confidence == "high"]
    if not received.day or not sure:
        raise BundleError("The recording holds no call of an app that is known for sure, or nobody knows its day.")
    streams = dict.fromkeys((verdict.app, verdict.medium) for verdict in sure)
    origin = _own_origin(received)
    return Judged(
        id=received.id,
        day=received.day,
        measured=received.day,
        rules_version=str(RULES_VERSION),
        source="accompanied" if findings.controls else "capture",
        said=tuple(_usual_verdict([one for one in sure if (one.app, one.medium) == stream]) for stream in streams),
        network=origin.network,
        country=origin.country,
        placed=origin.placed,
        contributor=received.contributor,
        contributor_key=received.contributor_key,
        simulated=simulated,
    )


def _judge_endpoints(facts: EndpointFacts, received: Received, *, simulated: bool) -> Judged:
    """Judge what an app's own servers answered. No server signed where that was: it counts for the network that it came
    from. One verdict counts for an app and medium, the one about its addresses first."""
    verdicts = sorted(_of_known_apps(judge_own_addresses(facts)), key=lambda verdict: verdict.basis != "address")
    streams = {(verdict.app, verdict.medium): verdict for verdict in reversed(verdicts)}
    if not facts.started_at or not streams:
        raise BundleError("The bundle does not tell its day, or is of no app that this version knows.")
    origin = _own_origin(received)
    return Judged(
        id=received.id,
        day=received.day,
        measured=_counted_day(facts.started_at, received, vouched=False, simulated=simulated),
        rules_version=str(RULES_VERSION),
        source="endpoints",
        said=tuple(map(_endpoint_verdict, streams.values())),
        network=origin.network,
        country=origin.country,
        placed=origin.placed,
        contributor=received.contributor,
        contributor_key=received.contributor_key,
        simulated=simulated,
    )


def _endpoint_verdict(verdict: Verdict) -> LoggedVerdict:
    """The verdict on an app's own servers. Where an outage of the app would look the same, `rule` is what it is
    consistent with as well."""
    said = _logged_verdict(verdict)
    return replace(said, rule=verdict.alternatives[0]) if said.reason == "outage" and verdict.alternatives else said


def _of_known_apps(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts of apps that this version knows, since whoever writes a bundle may name any other on a public page; and
    of recorded shapes, by their digest."""
    return [verdict for verdict in verdicts if verdict.app in apps() or is_recorded_app(verdict.app)]


def _usual_verdict(verdicts: Sequence[Verdict]) -> LoggedVerdict:
    """The verdict of most calls of a recording, which is one report however many calls are in it; of two equally common
    ones the better.

    `rule` is what the calls are consistent with, or what several calls beside control traffic prove together; nothing
    else in a recording shows that other traffic fared better.
    """
    kinds = [(one.state, *one.alternatives[:1]) for one in verdicts]
    usual = max(dict.fromkeys(kinds), key=lambda kind: (kinds.count(kind), kind[0] == "ok", len(kind) == 1))
    said = _logged_verdict(verdicts[kinds.index(usual)])
    return replace(said, rule=usual[1] if len(usual) > 1 else said.rule)


def _check_origin(bundle: Bundle, received: Received, *, trusted: bool) -> Origin:
    """Where a check was measured. `trusted`: somebody answers for the receipt's key, or everything is simulated."""
    own, receipt = _own_origin(received), bundle.receipt
    if receipt is None or (receipt.network, receipt.country) == (UNKNOWN_NETWORK, UNKNOWN_COUNTRY):
        return own
    if trusted:
        return Origin(receipt.network, receipt.country, "responder")
    agrees = own.network in (receipt.network, UNKNOWN_NETWORK) and own.country in (receipt.country, UNKNOWN_COUNTRY)
    return own if agrees else Origin()


def _own_origin(received: Received) -> Origin:
    """What this end found for the address that the bundle came from."""
    placed: Placed = "" if (received.network, received.country) == (UNKNOWN_NETWORK, UNKNOWN_COUNTRY) else "ingest"
    return Origin(received.network, received.country, placed)


def _logged_verdict(verdict: Verdict) -> LoggedVerdict:
    return LoggedVerdict(
        app=verdict.app,
        medium=verdict.medium,
        state=verdict.state,
        basis=verdict.basis,
        rule=verdict.rule,
        direction=verdict.direction,
        log10_e=_four_digits(verdict.log10_e),
        parameters={name: _logged_parameter(value) for name, value in verdict.parameters.items()},
        reason=verdict.reason.code if verdict.reason else "",
        family=verdict.family,
    )


def _logged_parameter(value: Number | Category) -> LoggedParameter:
    if isinstance(value, Category):
        return value.value
    return _four_digits(value.estimate), _four_digits(value.low), _four_digits(value.high)


def _four_digits(number: float | None) -> float | None:
    """The number with four digits: a record stays below 2 kB, and the bundle has all digits."""
    return None if number is None else float(f"{number:.4g}")


def _logged_transports(transports: Sequence[dict[str, Any]]) -> Iterator[LoggedTransports]:
    """Which transports carried calls of each app and medium, those left out that are too close to tell; how well each
    did is in the bundle."""
    counted = [
        row
        for row in transports
        if not row.get("uncertain")
        and (row["app"] in apps() or is_recorded_app(row["app"]))
        and TRANSPORT.fullmatch(row["transport"])
    ]
    for stream in dict.fromkeys((row["app"], row["medium"]) for row in counted):
        own = [row for row in counted if (row["app"], row["medium"]) == stream]
        carries, fails = (tuple(row["transport"] for row in own if row["carries"] == yes) for yes in (True, False))
        yield LoggedTransports(*stream, carries, fails)
