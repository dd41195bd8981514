"""From bundles to network-days: what the reports of one day say of one app and medium on one network.

A report is one verdict of one bundle, judged again from its facts by the rules of this version. Networks are those that
the responder's receipt names (AS number and country of the address it saw); a bundle without a receipt counts for AS0
in ZZ, which stands for an unknown network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import msgspec
from msgspec import field

from talkpath.errors import FileError
from talkpath.evidence.bundle import Bundle, read_bundle
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, UNKNOWN_NETWORK, DecidedDay, StreamDay
from talkpath.report.check_json import is_other_family, judge_check
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.wire.control.keys import raw_key_text

DAY_CHARACTERS = len("2026-11-24")
DECIDED_STATES = ("ok", "restricted", "closed", "impaired")


class BundleVerdict(StreamDay, frozen=True, kw_only=True):
    """One verdict of one bundle. `p`: the estimate of the share dropped, where the rule has one. `day` in UTC.

    `responder` is the far end's key, where it signed what it saw."""

    bundle: str
    state: str
    rule: str | None = None
    direction: str | None = None
    p: float | None = None
    family: int = 0
    basis: str = "shape"
    contributor: str = ""
    responder: str = ""
    simulated: bool = False


class NetworkDay(DecidedDay, frozen=True, kw_only=True):
    """All decided reports of one day, network, app, medium and basis.

    `rules`, `families`, `ways` and `ps` are those of the restricted ones, in the order of bundles. `contributors` is at
    least 1: a folder of bundles does not tell people apart. `responders` gives (decided, restricted) reports by the far
    end's key; `bundles` are those of all reports.
    """

    basis: str
    contributors: int = 1
    rules: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    ps: tuple[float, ...] = ()
    responders: dict[str, tuple[int, int]] = field(default_factory=dict)
    bundles: tuple[str, ...] = ()
    simulated: bool = False


def folder_verdicts(folder: Path) -> Iterator[BundleVerdict]:
    """The verdicts of all bundles below the folder; `BundleError` where one does not verify."""
    if not folder.is_dir():
        raise FileError("There is no such folder of bundles; name one that holds .talkpath files.")
    seen: set[bytes] = set()
    for path in sorted(folder.rglob("*.talkpath")):
        data = path.read_bytes()
        bundle = read_bundle(data)
        facts = bundle.facts or bundle.endpoints or bundle.findings
        signed = bundle.facts.receipt if bundle.facts and not bundle.simulated else None
        run = hashlib.sha256(signed.body if signed else msgspec.msgpack.encode(facts)).digest()
        if run not in seen:  # the same run in two files counts once
            seen.add(run)
            yield from bundle_verdicts(bundle, hashlib.sha256(data).hexdigest())


def bundle_verdicts(bundle: Bundle, name: str) -> Iterator[BundleVerdict]:
    """Each verdict of a bundle; none for a recording, or for what does not tell its day."""
    facts = bundle.facts or bundle.endpoints
    if facts is None or not facts.started_at:
        return
    receipt = bundle.receipt
    for verdict in _judged_verdicts(bundle, facts):
        yield BundleVerdict(
            bundle=name,
            network=receipt.network if receipt else UNKNOWN_NETWORK,
            country=receipt.country if receipt else UNKNOWN_COUNTRY,
            day=facts.started_at[:DAY_CHARACTERS],
            app=verdict.app,
            medium=verdict.medium,
            state=verdict.state,
            rule=verdict.rule,
            direction=verdict.direction,
            p=_share_dropped(verdict),
            family=verdict.family,
            basis=verdict.basis,
            responder=raw_key_text(receipt.responder_key) if receipt else "",
            simulated=facts.simulated,
        )


def _judged_verdicts(bundle: Bundle, facts: Facts | EndpointFacts) -> list[Verdict]:
    if isinstance(facts, EndpointFacts):
        return judge_own_addresses(facts)
    return judge_check(facts, second=other_family_facts(bundle))[0]


def other_family_facts(bundle: Bundle) -> Facts | None:
    """The check over the other version of IP that is in the bundle, where the test server saw it come from the same
    network: a tunnel may lead elsewhere."""
    first, second = bundle.facts, bundle.second.facts if bundle.second else None
    if first is None or second is None or not is_other_family(first, second):
        return None
    places = {
        (one.receipt.network, one.receipt.country) if one and one.receipt else () for one in (bundle, bundle.second)
    }
    return second if len(places) == 1 else None


def network_days(found: Iterable[BundleVerdict]) -> list[NetworkDay]:
    """Network-days in order of stream and day; reports that decided nothing are left out."""
    decided = sorted(
        (report for report in found if report.state in DECIDED_STATES), key=lambda r: (*_day_key(r), r.bundle)
    )
    return [_network_day(list(group)) for _, group in groupby(decided, key=_day_key)]


def _day_key(report: BundleVerdict) -> tuple[str, str, str, str, str, str]:
    return *report.stream, report.day, report.basis


def _network_day(found: list[BundleVerdict]) -> NetworkDay:
    first = found[0]
    accusing = [report for report in found if report.state == "restricted"]
    return NetworkDay(
        network=first.network,
        country=first.country,
        app=first.app,
        medium=first.medium,
        day=first.day,
        basis=first.basis,
        **{state: sum(report.state == state for report in found) for state in DECIDED_STATES},
        contributors=max(1, len({report.contributor for report in found} - {""})),
        rules=tuple(report.rule or "media.unknown" for report in accusing),
        families=tuple(str(report.family) for report in accusing if report.family),
        ways=tuple(report.direction or "" for report in accusing),
        ps=tuple(report.p for report in accusing if report.p is not None),
        responders=_responder_counts(found),
        bundles=tuple(dict.fromkeys(report.bundle for report in found)),
        simulated=any(report.simulated for report in found),
    )


def _responder_counts(found: list[BundleVerdict]) -> dict[str, tuple[int, int]]:
    """(decided, restricted) reports by the far end's key."""
    keys = sorted({report.responder for report in found} - {""})
    states = {key: [report.state for report in found if report.responder == key] for key in keys}
    return {key: (len(said), said.count("restricted")) for key, said in states.items()}


def _share_dropped(verdict: Verdict) -> float | None:
    said: Number | Category | None = verdict.parameters.get("p")
    return said.estimate if isinstance(said, Number) else None
