"""Which flows belong to one call.

A call moves between 5-tuples and uses several at once. Flows are joined when they share the local socket, an SSRC
at the same local host, or bytes that a recogniser names as the call's own; RTP and RTCP, sound and picture on ports of
their own are joined when both hosts are the same and both begin and end together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.local_host import host_numbers, local_ends
from talkpath.capture.packets.rows import SEEN, Rows
from talkpath.capture.recognise.app import Known
from talkpath.capture.scan import Scan
from talkpath.capture.streams.measurement import from_begin
from talkpath.capture.streams.part_state import Carry
from talkpath.capture.streams.rtp_order import STEP_AHEAD, STEP_BACK, STEP_RATE, Segments, plausible
from talkpath.wire.pcap.arrays import Bools, distinct

APART_S = 60.0
SOCKET_APART_S = 30.0
MOVE_S, STRAGGLERS, NEIGHBOURS = 10.0, 5, 8
"""A phone is on another network within that time, a few packets of the old one at most still come; a stream's flows are
compared with so many that began after it."""

TWICE_S = 0.5
BEGIN_TOGETHER_S, END_TOGETHER_S = 5.0, 10.0


@dataclass(slots=True)
class Ends:
    """Where each flow ends: which side is local (0 or 1), the numbers of both hosts, the mixed local socket."""

    local: NDArray[np.int8]
    local_host: NDArray[np.int64]
    far_host: NDArray[np.int64]
    socket: NDArray[np.uint64]


def ends(scan: Scan) -> Ends:
    """For all flows of a scan."""
    table = scan.flows.table[: len(scan.flows)]
    local, hosts = local_ends(table, bool(scan.flows.headings.min())), host_numbers(table)
    rows = np.arange(len(table))
    return Ends(local, hosts[rows, local], hosts[rows, 1 - local], table["end"][rows, local])


@dataclass(slots=True)
class Groups:
    """Sets of numbers that can be joined."""

    parent: dict[int, int] = field(default_factory=dict)

    def find(self, one: int) -> int:
        """The name of its set."""
        self.parent.setdefault(one, one)
        while self.parent[one] != one:
            self.parent[one] = self.parent[self.parent[one]]
            one = self.parent[one]
        return one

    def join(self, one: int, other: int) -> None:
        """Make two sets one."""
        self.parent[self.find(other)] = self.find(one)

    def all(self, members: Iterable[int]) -> list[list[int]]:
        """The sets that these belong to, each sorted."""
        found: dict[int, list[int]] = defaultdict(list)
        for one in members:
            found[self.find(one)].append(one)
        return [sorted(group) for group in found.values()]


def stitch(scan: Scan, where: Ends, talking: Set[int]) -> tuple[list[list[int]], NDArray[np.uint32]]:
    """Groups of flows, one for each call or attempt, among those where an app or media was seen; and the SSRCs that
    are RTP's. `talking` are the TLS connections that carry a call."""
    known = {flow: known for flow, known in scan.recognition.known.items() if known.evidence}
    inside = scan.connections.inside.flows
    opaque = {flow for rows, _ in scan.opaque.parts() for flow in distinct(rows["flow"]).tolist()}
    opaque -= inside.keys() - talking
    groups, sources = Groups(), np.zeros(0, np.uint32)
    carriers: set[int] = set()
    for media, fresh in _media(scan):
        carriers.update(distinct(media.rows["flow"]).tolist())
        sources = distinct(np.concatenate([sources, media.rows["ssrc"][media.begin]]))
        _by_source(groups, where, media, fresh)
    table = scan.flows.table
    asked = [(flow, by) for flow in talking if (by := inside[flow]) is not None]
    asked = [(flow, by) for flow, by in asked if abs(table["first_s"][flow] - table["first_s"][by]) < APART_S]
    members = sorted({*known, *opaque, *carriers, *(by for _, by in asked)})
    for flow, by in asked:
        groups.join(flow, by)
    _chain(groups, members, where.socket, table, SOCKET_APART_S)
    _by_stitch(groups, known, where, table)
    _beside(groups, sorted(carriers), where, table)
    return groups.all(members), sources


def _media(scan: Scan) -> Iterator[tuple[Segments, Bools]]:
    """The RTP streams of each part, and which of them begin in it."""
    carry = Carry(APART_S)
    for rows, last in scan.media.parts():
        every = carry.before(from_begin(rows, scan.begin_s))
        found = carry.segments(every, every["key"], last)
        carry.keep(found)
        if len(found):
            found = found.where(plausible(found))
            yield found, found.rows["state"][found.begin] != SEEN


def _chain(groups: Groups, flows: list[int], key: NDArray[np.uint64], table: NDArray[np.void], apart_s: float) -> None:
    """Join flows with the same key unless a pause lies between them."""
    by_key: dict[int, list[int]] = defaultdict(list)
    for flow in flows:
        by_key[int(key[flow])].append(flow)
    for same in by_key.values():
        same.sort(key=lambda flow: float(table["first_s"][flow]))
        ended = np.maximum.accumulate(table["last_s"][same])
        for place, (one, other) in enumerate(pairwise(same)):
            if table["first_s"][other] - ended[place] < apart_s:
                groups.join(one, other)


def _by_source(groups: Groups, where: Ends, media: Segments, fresh: Bools) -> None:
    """Join flows that carry one stream after the other, or in turns: the same SSRC, going the same way, its sequence
    numbers going on. Apps that always use the same SSRCs begin each call at other numbers. Where the local address
    changed too (another network), one must have ended where the other begins."""
    first = media.rows[media.begin]
    flows = first["flow"].tolist()
    sent = first["way"] == where.local[first["flow"]]
    by_source: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for segment, source in enumerate(zip(first["ssrc"].tolist(), sent.tolist(), strict=True)):
        if source[0]:  # 0 is padding's
            by_source[source].append(segment)
    begins = first["time_s"].tolist()
    ends_s = media.rows["time_s"][media.begin + media.count - 1].tolist()
    for same in by_source.values():
        same.sort(key=begins.__getitem__)
        for place, one in enumerate(same):
            for other in same[place + 1 : place + 1 + NEIGHBOURS]:
                if not fresh[other] or begins[other] - ends_s[one] > APART_S:
                    continue
                host, next_host = where.local_host[flows[one]], where.local_host[flows[other]]
                if _goes_on(media, one, other, moved=bool(host != next_host)):
                    groups.join(flows[one], flows[other])


def _goes_on(media: Segments, one: int, other: int, moved: bool) -> bool:
    """Does a segment's first packet fit in where another was at that time?"""
    rows, first = media.rows[media.begin[one] : media.begin[one] + media.count[one]], media.rows[media.begin[other]]
    if moved and _same_packet(rows, first):
        return True
    at = max(int(np.searchsorted(rows["time_s"], first["time_s"])) - 1, 0)
    pause = float(first["time_s"] - rows["time_s"][at])
    if pause > (MOVE_S if moved else APART_S) or (moved and at < len(rows) - 1 - STRAGGLERS):
        return False
    ahead = ((int(first["sequence"]) - int(rows["sequence"][at]) + 0x8000) & 0xFFFF) - 0x8000
    return STEP_BACK < ahead < STEP_AHEAD + STEP_RATE * pause


def _same_packet(rows: Rows, first: np.void) -> bool:
    """Was it seen at both sides of a router that translates addresses?"""
    low, high = np.searchsorted(rows["time_s"], [first["time_s"] - TWICE_S, first["time_s"] + TWICE_S])
    near = rows[low:high]
    return bool(np.any((near["sequence"] == first["sequence"]) & (near["stamp"] == first["stamp"])))


def _by_stitch(groups: Groups, known: dict[int, Known], where: Ends, table: NDArray[np.void]) -> None:
    by_stitch: dict[tuple[bytes, int], set[int]] = defaultdict(set)
    for flow, found in known.items():
        for stitch_bytes in found.stitches:
            by_stitch[stitch_bytes, int(where.local_host[flow])].add(flow)
    _join_near(groups, by_stitch.values(), table)


def _join_near(groups: Groups, sets: Iterable[set[int]], table: NDArray[np.void]) -> None:
    for flows in sets:
        ordered = sorted(flows, key=lambda flow: float(table["first_s"][flow]))
        for one, other in pairwise(ordered):
            if table["first_s"][other] - table["last_s"][one] < APART_S:
                groups.join(one, other)


def _beside(groups: Groups, carriers: list[int], where: Ends, table: NDArray[np.void]) -> None:
    """Join media flows between the same two hosts that begin and end together."""
    by_hosts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for flow in carriers:
        by_hosts[int(where.local_host[flow]), int(where.far_host[flow])].append(flow)
    for same in by_hosts.values():
        same.sort(key=lambda flow: float(table["first_s"][flow]))
        for one, other in pairwise(same):
            begins = table["first_s"][other] - table["first_s"][one]
            if begins <= BEGIN_TOGETHER_S and abs(table["last_s"][other] - table["last_s"][one]) <= END_TOGETHER_S:
                groups.join(one, other)
