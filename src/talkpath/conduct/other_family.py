"""Places calls over the other version of IP as well, where this device and the test server have both.

A rule may act on one of them alone. The check runs over the version by which the server answers first; over the other
one a second check follows, with a key and seeds of its own, by what the first left of the bytes and of the time. Each
is judged by itself, at half of the error that is promised: together they keep the whole.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import replace
from typing import Final

from msgspec import structs

from talkpath.conduct import run_check
from talkpath.conduct.request import UNOBSERVED, CheckRequest, Observer
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts, Plan
from talkpath.probe.control_dialling import try_connect
from talkpath.probe.invite_link import InviteLink
from talkpath.probe.local_network import local_address
from talkpath.wire.ip.address import Address

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
FIRST_FAMILY_BUDGET_SHARE: Final = 0.75
MIN_OTHER_BYTES, MIN_OTHER_S = 400_000, 8.0
ENDED_FOR_GOOD: Final = ("interrupted", "network_lost", "responder_lost")


def has_both_families(link: InviteLink, family: int = 0) -> bool:
    """Whether the server has addresses of both versions of IP, this device has routes to them, and neither version was
    asked for (`family` 4 or 6)."""
    return family == 0 and all(_has_route(link, each) for each in FAMILIES)


def _has_route(link: InviteLink, family: int) -> bool:
    for host in link.addresses or (link.host,):
        with suppress(OSError, UnicodeError):
            for *_, sockaddr in socket.getaddrinfo(host, link.port, FAMILIES[family], socket.SOCK_STREAM):
                if local_address(Address.of(str(sockaddr[0]), link.port)) is not None:
                    return True
    return False


def halved_plan(plan: Plan, share: float = FIRST_FAMILY_BUDGET_SHARE) -> Plan:
    """The plan of the first check: half of the error, and a share of what may be spent."""
    return structs.replace(
        plan, alpha=plan.alpha / 2, budget_bytes=int(share * plan.budget_bytes), budget_s=share * plan.budget_s
    )


def check_families(
    request: CheckRequest, link: InviteLink, keys: tuple[bytes, bytes], observer: Observer = UNOBSERVED
) -> tuple[Facts, Facts | None]:
    """The facts of the check with that server, and those over the other version of IP where both ends have both. `keys`
    are the public keys of both runs."""
    if not has_both_families(link, request.family):
        return run_check.run_check(request, link, keys[0], observer), None
    first = run_check.run_check(replace(request, plan=halved_plan(request.plan)), link, keys[0], observer)
    return first, check_other_family(request, first, link, keys[1], observer)


def check_other_family(
    request: CheckRequest, first: Facts, link: InviteLink, key: bytes, observer: Observer = UNOBSERVED
) -> Facts | None:
    """The facts of a check over the version of IP that the first one did not use, by what that left of the whole plan;
    None where too little is left, or the server does not answer over it."""
    family = 10 - first.family
    left_bytes = request.plan.budget_bytes - first.bytes_sent - first.bytes_received
    left_s = request.plan.budget_s - first.duration_s
    enough = left_bytes >= MIN_OTHER_BYTES and left_s >= MIN_OTHER_S
    if not (enough and first.epochs) or first.health.ended in ENDED_FOR_GOOD:
        return None
    plan = structs.replace(
        first.plan, budget_bytes=left_bytes, budget_s=left_s, watch_s=0.0, transports=False, locate=False, relays=()
    )
    if not _has_route(link, family) or try_connect(link, family) != "connected":
        return None
    observer.other_family_asked(family)
    try:
        facts = run_check.run_check(
            replace(request, plan=plan, family=family, relays=None, exchanges=()), link, key, observer
        )
    except PeerError:
        return None
    return facts if any(not epoch.missing for epoch in facts.epochs) else None
