"""Which app a group of flows belongs to, and which medium each of its streams is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from talkpath.apps import app_modules, apps
from talkpath.capture.recognise.app import Evidence, Known
from talkpath.wire.ip.address import Address

UNKNOWN = "unknown"
WEAK = 0.55
"""At most this confidence is a kind of call (WebRTC, RTP), not an app."""
LABELLED, BY_ADDRESS = 1.0, 0.6
TELLING = 0.9


@dataclass(slots=True)
class Name:
    """An app id and how sure that is."""

    app: str = UNKNOWN
    confidence: float = 0.0
    evidence: Evidence = field(default_factory=Evidence)


def name(known: list[Known], label: str = "") -> Name:
    """The app of a group: what the capture's own label says, else what the recognisers are surest of.

    An app that was recognised in the media itself goes before one seen only in set-up, unless that one is certain.
    """
    totals = totalled(known)
    labelled = app_of_label(label)
    if labelled:
        return Name(labelled, LABELLED, totals.get(labelled, Evidence()))
    if not totals:
        return Name()
    heard = {app: found for app, found in totals.items() if found.kinds.get("media")}
    sure = {app: found for app, found in totals.items() if found.confidence >= TELLING}
    among = sure or heard or totals
    best = max(among, key=lambda app: (among[app].confidence, among[app].hits))
    return Name(best, among[best].confidence, among[best])


def by_address(found: Name, far: Iterable[Address]) -> Name:
    """A call of a kind only (WebRTC, RTP, nothing known) named by the networks that an app file lists, weakly."""
    if found.confidence > WEAK:
        return found
    hosts = [ip_address(one.packed) for one in far]
    for app, listed in networks().items():
        if any(host in network for host in hosts for network in listed):
            return Name(app, BY_ADDRESS, found.evidence)
    return found


@cache
def networks() -> dict[str, tuple[IPv4Network | IPv6Network, ...]]:
    """The networks of the app files that list any (`NETWORKS`)."""
    listed = {app: getattr(module, "NETWORKS", ()) for app, module in sorted(app_modules().items())}
    return {app: tuple(ip_network(text) for text in texts) for app, texts in listed.items() if texts}


def totalled(known: list[Known]) -> dict[str, Evidence]:
    """What was said of each app over all these flows."""
    totals: dict[str, Evidence] = {}
    for flow in known:
        for app, found in flow.evidence.items():
            totals.setdefault(app, Evidence()).take(found)
    return totals


@cache
def _labels() -> dict[str, str]:
    """Letters of names and ids to ids."""
    return {_letters(text): app.id for app in apps().values() for text in (app.id, app.name)}


def app_of_label(label: str) -> str:
    """The app that PCAPdroid's label means, empty for a label that is none of ours (a browser, say)."""
    if not label:
        return ""
    letters, known = _letters(label), _labels()
    if letters in known:
        return known[letters]
    return next((app for text, app in known.items() if len(text) >= 5 and letters.startswith(text)), "")


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
