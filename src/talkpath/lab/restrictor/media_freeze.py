"""`media.freeze` (M03, M04): a recognised call starts, then all of its packets are dropped.

After a number of packets of both directions ("l4-25" of dpi-checkers), or of their bytes, after a time, or right after
the handshake (net4people/bbs 422: it completes, a few packets of data arrive, then no more). With `residual_s`, later
calls between the same client, server and port are also blocked, for that many seconds (residual censorship).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import fmean

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import (
    APP,
    BASELINE_PACKETS,
    DEFAULT_WATCH_S,
    MEDIUM,
    Drawing,
    DrawnCall,
    DrawnSettings,
    Mechanism,
    RuleState,
    direction_setting,
)

HANDSHAKE_MEDIA = 2  # media packets of a direction that still pass

AFTER_PACKETS = Setting("after_packets", "packets", "of the flow, both ways, that pass", low=1, high=1e6, whole=True)
AFTER_BYTES = Setting("after_bytes", "bytes", "of IP, both ways, that pass", low=1, high=1e9, whole=True)
AFTER_S = Setting("after_s", "s", "from the flow's first packet", high=86400)
AFTER = Setting("after", "event", "that ends it", choices=("handshake",))
SHARE = Setting("share", "share", "of recognised calls that it acts on", 1.0)
RESIDUAL_S = Setting("residual_s", "s", "for which further calls to that port are dead", 0.0, high=86400)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops everything after the first limit that is exceeded. What both directions send counts together, media packets
    after the handshake for this direction alone; each direction freezes by itself."""
    rule, until_s = state.rule, state.until_s
    if state.chosen.setdefault(flow, rule.number("share") == 1.0 or state.rng.random() < rule.number("share")) is False:
        return None
    packets, size_bytes, seconds = (rule.limit(name) for name in ("after_packets", "after_bytes", "after_s"))
    residual_s, triple = rule.number("residual_s"), flow.triple
    media = _Media(rule.spares(flow), flow.head) if rule.word("after") else None
    frozen = False

    def freeze(now_s: float, packet: bytes) -> float:
        nonlocal frozen
        if frozen:
            return DROP
        due = flow.packets > packets or flow.bytes > size_bytes or now_s - flow.opened_s >= seconds
        if due or (media is not None and media.over(packet)):
            frozen = True
            until_s[triple] = max(now_s + residual_s, until_s.get(triple, 0.0))
            return DROP
        return DROP if until_s.get(triple, 0.0) > now_s else PASS

    return freeze


class _Media:
    """Counts one direction's media packets."""

    def __init__(self, spares: Callable[[bytes], bool], head: int) -> None:
        self._spares, self._head, self._count = spares, head, 0

    def over(self, packet: bytes) -> bool:
        """Counts a packet, and returns whether more media packets were sent than may pass after a handshake."""
        self._count += not self._spares(packet[self._head :])
        return self._count > HANDSHAKE_MEDIA


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws limits within 60 % of the call as a check watches it, so that the freeze is observed."""
    kind = rng.choice(("after_packets", "after_bytes", "after_s", "after"))
    residual: DrawnSettings = {"residual_s": rng.choice((60, 600))} if rng.random() < 0.15 else {}
    most = 0.6 * max(2 * BASELINE_PACKETS, 2 * DEFAULT_WATCH_S * call.packet_rate)
    if kind == "after":
        return {"after": "handshake", **residual}
    if kind == "after_s":
        return {"after_s": round(rng.uniform(0.5, most / 2 / call.packet_rate), 2), **residual}
    usual = fmean(map(fmean, call.media_sizes())) if kind == "after_bytes" else 1
    return {kind: round(usual * rng.randint(15, int(most))), **residual}


MECHANISM = Mechanism(
    id="media.freeze",
    meaning="a recognised call is cut off for good",
    scope="call",
    packet_filter=packet_filter,
    drawing=Drawing(order=5, weight=4, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), AFTER_PACKETS, AFTER_BYTES, AFTER_S, AFTER, RESIDUAL_S, SHARE),
    eager={"after_packets": 1.0, "share": 1.0},
    otherwise={"after_packets": 25.0},
)
