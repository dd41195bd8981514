"""Groups flows that belong to one call.

A call moves between 5-tuples and uses several at once. Flows are joined where they share the local socket, an SSRC at
the same local host, or bytes that a recogniser returns as the call's own (`RecognisedDatagram.stitch`). RTP and RTCP,
voice and video on ports of their own are joined where both hosts are the same and the flows begin and end together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Set
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import AppName, name_app
from talkpath.capture.packets.flows import are_multicast, host_pair_hash
from talkpath.capture.packets.local_host import LocalEnds, host_numbers, local_ends
from talkpath.capture.packets.rows import SEEN_FLAG, Rows
from talkpath.capture.recognise.evidence import KnownFlow
from talkpath.capture.scan import Scan
from talkpath.capture.streams.measurement import PartState, from_begin
from talkpath.capture.streams.rtp_order import (
    FASTEST_HZ,
    IN_TIME_S,
    STEP_AHEAD,
    STEP_BACK,
    STEP_RATE,
    Segments,
    is_plausible_rtp,
)
from talkpath.capture.tcp.tls_cadence import TlsCalls, find_tls_calls
from talkpath.grouping import grouped_by_key
from talkpath.wire.pcap import Unread
from talkpath.wire.pcap.arrays import Bools, Ints, distinct_values, is_among

FLOWS_APART_S = 60.0
SOCKET_APART_S = 30.0
NETWORK_CHANGE_S, MOST_STRAGGLERS, COMPARED_STREAMS = 10.0, 5, 8
"""A phone changes networks within MOVE_S, and at most STRAGGLERS packets of the old one come later; each stream is
compared with so many that began after it."""

MOST_SOURCES = 1 << 15
"""So many SSRCs are measured, about 5 KB each; more are a flood, or random bytes taken for RTP."""
COPY_WITHIN_S = 0.5
BEGIN_TOGETHER_S, END_TOGETHER_S = 5.0, 10.0
TOGETHER_SHARE, MOST_VOICE_BYTES = 0.5, 320
"""Flows of one call begin and end together, or share at least half of the time of the shorter one. The mean size of
voice: up to that of sealed frames at 32 kbit/s in 60 ms."""
TIME_COLUMNS = ("first_s", "last_s", "began_s", "heard_s", "ended_s", "fed_back_s", "claimed_s", "answered_s")


@dataclass(slots=True)
class FlowEnds:
    """The ends of each flow: which is local (0 or 1), if that is guessed or assumed, the numbers of both hosts, a hash
    of the local socket."""

    local: NDArray[np.int8]
    guessed: Bools
    assumed: Bools
    local_host: NDArray[np.int64]
    far_host: NDArray[np.int64]
    socket: NDArray[np.uint64]


def flow_ends(scan: Scan) -> FlowEnds:
    """Return the ends of all flows of a scan."""
    table = scan.flows.table[: len(scan.flows)]
    ends, hosts = local_ends(table, bool(scan.flows.link_directions.min())), host_numbers(table)
    _agree_by_names(ends, scan.recognition.known, table["packets"])
    rows, local = np.arange(len(table)), ends.ends
    return FlowEnds(*ends[:3], hosts[rows, local], hosts[rows, 1 - local], table["end"][rows, local])


def _agree_by_names(ends: LocalEnds, known: dict[int, KnownFlow], packets: Ints) -> None:
    """Let the flows of an ICE session agree on the local end, by the surest of them: the second name of a check is its
    sender's (RFC 8445 section 7.2.2). Where nothing answered, a private address may be the other end's; of such flows
    alone the one with most packets tells."""
    trust, unsure = (packets.min(axis=1) > 0) * ends.trust, ends.assumed | ends.guessed
    rank = np.where(trust > 0, trust, packets.sum(axis=1) / (packets.sum() + 1)).tolist()
    named = sorted((rank[flow], flow, name, end) for flow, found in known.items() for name, end in found.end_names)
    surest = {name: (sure, bool(ends.ends[flow] == end), bool(unsure[flow])) for sure, flow, name, end in named}
    for sure, flow, name, end in named:
        if sure < surest[name][0]:
            _, is_local, is_assumed = surest[name]
            ends.ends[flow], ends.guessed[flow], ends.assumed[flow] = end ^ (not is_local), False, is_assumed


@dataclass(slots=True)
class DisjointSets:
    """Sets of numbers that can be joined (union-find)."""

    parent: dict[int, int] = field(default_factory=dict)

    def find(self, member: int) -> int:
        """Return the representative of a member's set."""
        self.parent.setdefault(member, member)
        while self.parent[member] != member:
            self.parent[member] = self.parent[self.parent[member]]
            member = self.parent[member]
        return member

    def join(self, one: int, other: int) -> None:
        """Join the sets of two members."""
        self.parent[self.find(other)] = self.find(one)


@dataclass(frozen=True, slots=True)
class FlowGroups:
    """The flows of each call or attempt, and for each flow which of these it belongs to, -1 for none."""

    flows: list[list[int]]
    of_flow: Ints
    names: list[AppName]
    """The app of each group."""
    table: NDArray[np.void]
    """All flows (FLOW_COLUMNS), with times that count from the earliest packet."""
    ends: FlowEnds
    to_group: Bools
    """Flows to multicast or broadcast addresses."""
    streaming: Bools
    """Flows between hosts that spoke RTSP."""
    sources: NDArray[np.uint32]
    """The SSRCs of real RTP streams."""
    tls_calls: TlsCalls
    """The TLS connections that carry a call."""


def group_flows(scan: Scan) -> FlowGroups:
    """Group the flows in which an app or media was seen."""
    ends, table = flow_ends(scan), scan.flows.table
    found = find_tls_calls(scan.headerless) if scan.tcp.turn_over_tls.flows else TlsCalls()
    tls_calls, of_flow = found.begin_s.keys(), np.full(len(ends.local), -1, np.int64)
    known = {flow: known for flow, known in scan.recognition.known.items() if known.evidence}
    inside = scan.tcp.turn_over_tls.flows
    headerless = {flow for rows, _ in scan.headerless.parts() for flow in distinct_values(rows["flow"]).tolist()}
    groups, sources = DisjointSets(), list[tuple[NDArray[np.uint32], Ints]]()
    carried = np.zeros((len(ends.local), 2), np.int64)
    for media, fresh in _stream_starts(scan):
        carried[media.rows["flow"], media.rows["direction"]] = 1 + (media.rows["type"] & 0x7F)
        sources.append((media.rows["ssrc"][media.begin], media.count))
        _join_same_ssrc(groups, ends, media, fresh)
    carriers = set(np.flatnonzero(carried.any(axis=1)).tolist())
    asked = [
        (flow, by)
        for flow in tls_calls
        if (by := inside[flow]) is not None and abs(np.subtract(*table["first_s"][[flow, by]])) < FLOWS_APART_S
    ]
    joined = [*asked, *_report_flows(carriers, ends, table)]
    members = sorted({*known, *(headerless - (inside.keys() - tls_calls)), *carriers, *(by for _, by in joined)})
    for flow, by in joined:
        groups.join(flow, by)
    _join_near(groups, members, known, ends, table)
    _join_parallel(groups, carried, ends, table, known)
    flow_sets = [sorted(flows) for flows in grouped_by_key((groups.find(flow), flow) for flow in members).values()]
    for number, flows in enumerate(flow_sets):
        of_flow[flows] = number
    table = _times_from_begin(table[: len(of_flow)], scan.begin_s)
    return FlowGroups(
        flows=flow_sets,
        of_flow=of_flow,
        names=[name_app(scan.known(flows), scan.labels.of(flows)) for flows in flow_sets],
        table=table,
        ends=ends,
        to_group=np.logical_or(*are_multicast(table["high"], table["low"]).T),
        streaming=is_among(
            host_pair_hash(table["high"], table["low"]), np.sort(np.array(list(scan.tcp.streaming), np.uint64))
        ),
        sources=_largest_sources(sources, scan.unread),
        tls_calls=found,
    )


def _times_from_begin(table: NDArray[np.void], begin_s: float) -> NDArray[np.void]:
    """Return the flows with times that count from the earliest packet, which is the first one in most files."""
    if not begin_s:
        return table
    out = table.copy()
    for column in TIME_COLUMNS:
        out[column] -= begin_s
    return out


def _largest_sources(pieces: list[tuple[NDArray[np.uint32], Ints]], unread: Unread) -> NDArray[np.uint32]:
    """Return the SSRCs of these streams, sorted, each piece with its packets: at most MOST_SOURCES, those with most."""
    ssrc, packets = map(np.concatenate, zip((np.zeros(0, np.uint32), np.zeros(0, np.int64)), *pieces, strict=True))
    known, place = np.unique(ssrc, return_inverse=True)
    unread.note("RTP stream not measured: too many in the file", len(known) - MOST_SOURCES)
    most = np.argsort(-np.bincount(place, packets, len(known)), kind="stable")[:MOST_SOURCES]
    return np.sort(known[most])


def _stream_starts(scan: Scan) -> Iterator[tuple[Segments, Bools]]:
    """Yield the RTP streams of each part, and which of them begin in it."""
    state = PartState(FLOWS_APART_S)
    for rows, last in scan.media.parts():
        every = state.before(from_begin(rows, scan.begin_s))
        segments = state.split_streams(every, every["key"], last)
        state.keep(segments)
        if len(segments):
            segments = segments.where(is_plausible_rtp(segments))
            yield segments, segments.rows["state"][segments.begin] != SEEN_FLAG


def _join_same_ssrc(groups: DisjointSets, ends: FlowEnds, media: Segments, fresh: Bools) -> None:
    """Join flows that carry one stream after the other, or in turns: the same SSRC in the same direction, with sequence
    numbers and timestamps that continue. Apps that always use the same SSRCs begin each call at others. Where the local
    address changed too (another network), one flow must have ended where the other begins."""
    first = media.rows[media.begin]
    flows = first["flow"].tolist()
    sent = first["direction"] == ends.local[first["flow"]]
    sources = enumerate(zip(first["ssrc"].tolist(), sent.tolist(), strict=True))
    by_source = grouped_by_key((source, segment) for segment, source in sources if source[0])  # 0 is padding's
    begins = first["time_s"].tolist()
    ends_s = media.rows["time_s"][media.begin + media.count - 1].tolist()
    for same in by_source.values():
        same.sort(key=begins.__getitem__)
        for place, one in enumerate(same):
            for other in same[place + 1 : place + 1 + COMPARED_STREAMS]:
                if not fresh[other] or begins[other] - ends_s[one] > FLOWS_APART_S:
                    continue
                host, next_host = ends.local_host[flows[one]], ends.local_host[flows[other]]
                if _continues_stream(media, one, other, moved=bool(host != next_host)):
                    groups.join(flows[one], flows[other])


def _continues_stream(media: Segments, one: int, other: int, moved: bool) -> bool:
    """Does a segment's first packet continue the sequence numbers and timestamps that another had at that time? After a
    pause the numbers alone are near by chance for one in eight calls, and some messages in RTP have no timestamps."""
    rows, first = media.rows[media.begin[one] : media.begin[one] + media.count[one]], media.rows[media.begin[other]]
    if moved and _same_packet(rows, first):
        return True
    at = max(int(np.searchsorted(rows["time_s"], first["time_s"])) - 1, 0)
    pause = float(first["time_s"] - rows["time_s"][at])
    is_over = pause > (NETWORK_CHANGE_S if moved else FLOWS_APART_S) or (moved and at < len(rows) - 1 - MOST_STRAGGLERS)
    ahead, stamp = (
        (int(first[name]) - int(rows[name][at]) + half) % (2 * half) - half
        for name, half in (("sequence", 1 << 15), ("stamp", 1 << 31))
    )
    most = STEP_AHEAD + (STEP_RATE * pause if stamp else 0.0)
    return not is_over and STEP_BACK < ahead < most and abs(stamp) <= FASTEST_HZ * (pause + IN_TIME_S)


def _same_packet(rows: Rows, first: np.void) -> bool:
    """Was the packet captured on both sides of a router that translates addresses?"""
    low, high = np.searchsorted(rows["time_s"], [first["time_s"] - COPY_WITHIN_S, first["time_s"] + COPY_WITHIN_S])
    near = rows[low:high]
    return bool(np.any((near["sequence"] == first["sequence"]) & (near["stamp"] == first["stamp"])))


def _join_near(
    groups: DisjointSets, members: list[int], known: dict[int, KnownFlow], ends: FlowEnds, table: NDArray[np.void]
) -> None:
    """Join flows of one local socket, those of one local host with the same bytes of the call's own, and those of one
    ICE session, whatever their addresses: a session tries several of both ends. Unless a pause lies between them.
    Names that are the same at both ends are an app's, and no call's. An ICE restart gives each end a new name, one
    after the other: meanwhile sessions share one name (RFC 8445 section 9)."""
    near = defaultdict[tuple[float, *tuple[Hashable, ...]], set[int]](set)
    for flow in members:
        near[SOCKET_APART_S, int(ends.socket[flow])].add(flow)
    for flow, found in known.items():
        host = int(ends.local_host[flow])
        for stitch_bytes in found.stitches:
            near[FLOWS_APART_S, stitch_bytes, host].add(flow)
        for one, other in found.sessions:
            if one != other:
                for key in ((FLOWS_APART_S, one, other), (0.0, one, host), (0.0, other, host)):
                    near[key].add(flow)
    first_s, last_s = table["first_s"].tolist(), table["last_s"].tolist()
    for (apart_s, *_), flows in near.items():
        same = sorted(flows, key=first_s.__getitem__)
        for (before, after), end_s in zip(pairwise(same), accumulate(map(last_s.__getitem__, same), max), strict=False):
            if first_s[after] - end_s < apart_s:
                groups.join(before, after)


def _report_flows(carriers: Set[int], ends: FlowEnds, table: NDArray[np.void]) -> list[tuple[int, int]]:
    """Return (media, reports) for flows that carry RTCP alone: from the next port, to the same host (to the next port,
    where there are several), at the same time (RFC 3550 section 11)."""
    rows = np.arange(len(ends.local))
    near, far = (table["port"][rows, end].tolist() for end in (ends.local, 1 - ends.local))
    by_socket: dict[tuple[int, int, int], dict[int, int]] = defaultdict(dict)
    for flow in sorted(carriers):
        by_socket[int(ends.local_host[flow]), int(ends.far_host[flow]), near[flow] + 1][far[flow] + 1] = flow
    out = []
    for flow in np.flatnonzero(table["reports"][: len(rows)].any(axis=1)).tolist():
        beside = by_socket.get((int(ends.local_host[flow]), int(ends.far_host[flow]), near[flow]), {})
        media = next(iter(beside.values())) if len(beside) == 1 else beside.get(far[flow])
        if media is None or flow in carriers:
            continue
        if max(table["first_s"][[flow, media]]) - min(table["last_s"][[flow, media]]) < FLOWS_APART_S:
            out.append((media, flow))
    return out


def _join_parallel(
    groups: DisjointSets, carried: Ints, ends: FlowEnds, table: NDArray[np.void], known: dict[int, KnownFlow]
) -> None:
    """Join media flows between the same two hosts that begin and end together, unless ICE, or two voices of one payload
    type (a telephone system's calls to its provider), show two calls; and those at the same time of which one carries
    media in one direction alone: a conference's server takes what an end says on one connection, and sends what the
    others say on one more, or on one each. `carried`: the payload type, and 1, of what each direction carries."""
    voiced = {
        talk
        for found in known.values()
        if any(said.media.get("voice") for said in found.evidence.values())
        for talk in found.sessions
    }
    is_small = np.all(table["bytes"] <= MOST_VOICE_BYTES * table["packets"], axis=1)
    is_voice, first_s, ended_s, types = map(np.ndarray.tolist, (is_small, table["first_s"], table["last_s"], carried))
    flows = sorted(np.flatnonzero(carried.any(axis=1)).tolist(), key=first_s.__getitem__)
    by_hosts = grouped_by_key(((int(ends.local_host[flow]), int(ends.far_host[flow])), flow) for flow in flows)

    def are_parallel(one: int, other: int) -> bool:
        begin_s, end_s, next_s, last_s = first_s[one], ended_s[one], first_s[other], ended_s[other]
        together_s, shorter_s = min(end_s, last_s) - next_s, min(end_s - begin_s, last_s - next_s)
        if together_s > TOGETHER_SHARE * shorter_s and not all(types[one] + types[other]):
            return True
        first, second = (known[flow].sessions if flow in known else frozenset() for flow in (one, other))
        if voiced & first and voiced & second and not first & second:
            return False  # two calls; voice and video of one may have a session each (RFC 8843)
        are_alike = is_voice[one] and is_voice[other] and types[one] == types[other]
        are_together = next_s - begin_s <= BEGIN_TOGETHER_S and abs(last_s - end_s) <= END_TOGETHER_S
        return bool(are_together and not are_alike)

    for same in by_hosts.values():
        for place, one in enumerate(same):
            for other in same[place + 1 : place + 1 + COMPARED_STREAMS]:
                if are_parallel(one, other):
                    groups.join(one, other)
