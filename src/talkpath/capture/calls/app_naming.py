"""Names the app that a group of flows belongs to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from talkpath.apps import app_modules, apps
from talkpath.capture.recognise.evidence import AppEvidence, KnownFlow
from talkpath.wire.ip.address import Address

UNKNOWN_APP = "unknown"
WEAK_CONFIDENCE = 0.55
"""With at most this confidence the name is a kind of call (WebRTC, RTP), not an app."""
LABEL_CONFIDENCE, ADDRESS_CONFIDENCE = 1.0, 0.6
NAMELESS = 0.1
"""What tells so little names nothing."""


@dataclass(slots=True)
class AppName:
    """An app id, how sure it is, and the evidence for it."""

    app: str = UNKNOWN_APP
    confidence: float = 0.0
    evidence: AppEvidence = field(default_factory=AppEvidence)


def name_app(known: list[KnownFlow], labels: Sequence[str] = ()) -> AppName:
    """Name the app of a group by the capture's own label, else the one whose features, over all the flows, make it
    surest."""
    totals = evidence_by_app(known)
    labelled = next(filter(None, map(app_of_label, labels)), "")
    if labelled:
        return AppName(labelled, LABEL_CONFIDENCE, totals.get(labelled, AppEvidence()))
    best = max(totals, key=lambda app: (totals[app].confidence, totals[app].hits), default=UNKNOWN_APP)
    is_told = best != UNKNOWN_APP and totals[best].confidence >= NAMELESS
    return AppName(best, totals[best].confidence, totals[best]) if is_told else AppName()


def name_by_address(kind: AppName, far: Iterable[Address], hinted: Collection[str] = ()) -> AppName:
    """Name a call of which only the kind is known (WebRTC, RTP, nothing) by the networks that app files list, or by the
    relay's port where the app's recogniser left a hint; with low confidence."""
    if kind.confidence > WEAK_CONFIDENCE:
        return kind
    ends = list(far)
    hosts = [ip_address(end.packed) for end in ends]
    for app, listed in networks_by_app().items():
        if any(host in network for host in hosts for network in listed):
            return AppName(app, ADDRESS_CONFIDENCE, kind.evidence)
    for app in sorted(hinted):
        ports = getattr(app_modules()[app], "RELAY_PORTS", ())
        if any(end.port in ports for end in ends):
            return AppName(app, ADDRESS_CONFIDENCE, kind.evidence)
    return kind


def hinted_apps(known: Iterable[KnownFlow]) -> set[str]:
    """Return the apps whose recogniser left a hint in one of these flows."""
    return {app for flow in known for app, notes in flow.notes.items() if notes.get("hint")}


@cache
def networks_by_app() -> dict[str, tuple[IPv4Network | IPv6Network, ...]]:
    """Return the networks of the app files that list any (`NETWORKS`)."""
    listed = {app: getattr(module, "NETWORKS", ()) for app, module in sorted(app_modules().items())}
    return {app: tuple(ip_network(text) for text in texts) for app, texts in listed.items() if texts}


def evidence_by_app(known: list[KnownFlow]) -> dict[str, AppEvidence]:
    """Return the evidence for each app over all these flows."""
    totals: dict[str, AppEvidence] = {}
    for flow in known:
        for app, evidence in flow.evidence.items():
            totals.setdefault(app, AppEvidence()).add_all(evidence)
    return totals


@cache
def _ids_by_label() -> dict[str, str]:
    """Map the letters of names, ids and packages to ids."""
    return {_letters_of(text): app.id for app in apps().values() for text in (app.id, app.name, *app.packages)}


def app_of_label(label: str) -> str:
    """Return the app that a name or package of PCAPdroid's names, empty for an app without a file here (a browser,
    say)."""
    if not label:
        return ""
    letters, known = _letters_of(label), _ids_by_label()
    begins = (app for text, app in known.items() if len(text) >= 5 and letters.startswith(text))
    return known.get(letters) or next(begins, "")


def _letters_of(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
