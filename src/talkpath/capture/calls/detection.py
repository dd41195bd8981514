"""Measures the streams of groups of flows, tells which are voice or video, and which groups are calls.

A group without media is the set-up of a call (on sockets of its own), an attempt, or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from talkpath.capture.calls.app_naming import (
    UNKNOWN_APP,
    WEAK_CONFIDENCE,
    AppName,
    hinted_apps,
    name_by_address,
)
from talkpath.capture.calls.detected_call import DetectedCall, MeasuredStream, SetupGroup, split_at_pauses
from talkpath.capture.calls.stitch import FlowGroups
from talkpath.capture.packets.flows import address_of_end
from talkpath.capture.packets.rows import stream_key
from talkpath.capture.recognise.evidence import AppEvidence
from talkpath.capture.scan import Scan
from talkpath.capture.streams.figures import MeasuredPart
from talkpath.capture.streams.measurement import StreamMeasurement
from talkpath.capture.streams.record import Medium
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.grouping import grouped_by_key
from talkpath.measure.call import RecordedDirection

FEWEST_CALL_PACKETS, SHORTEST_CALL_S = 8, 0.1
FEWEST_PACKETS_AFTER_RING, RING_REPORTS, RING_S = 5, 10, 3.0
"""A call has CALL_PACKETS over CALL_S, or SHORT_PACKETS where both ends had exchanged reports for RING_S before."""
SETUP_APART_S, BOTH_FAMILIES, DIAL_ANEW_S = 60.0, 4 + 6, 2.0
"""Whoever tries another app after an attempt needs longer than DIAL_ANEW_S."""
ATTEMPTS_APART_S = 5.0
STREAMING_TYPES = (14, 32, 33)
"""MPEG audio, video and transport streams (RFC 3551): no call has these."""
MAX_TURNS_SHARE = 0.1
"""Ends that take turns, as on a radio that sends or receives, share at most so many of the seconds in which one talks
with the other; two people on the telephone share a fifth at least, even where pauses of speech are not sent."""
STREAM_FIGURES = ("flow", "direction", "begin_s", "end_s", "packets", "clock_hz")


@dataclass(frozen=True, slots=True)
class GroupStreams:
    """The measured streams of each group of flows, and how they were measured, to read their packets again."""

    by_group: dict[int, list[MeasuredStream]]
    measurement: StreamMeasurement


@dataclass(frozen=True, slots=True)
class FoundCalls:
    """The calls of a capture, and `others`: flows with set-up but no call, joined to attempts."""

    calls: list[DetectedCall]
    others: list[list[int]]


def measure_streams(scan: Scan, groups: FlowGroups) -> GroupStreams:
    """Measure the streams of all groups: RTP first, then media without a header where no RTP is."""
    rtp = StreamMeasurement(
        media=scan.media,
        headerless=scan.headerless,
        begin_s=scan.begin_s,
        group_of=groups.of_flow,
        local=groups.ends.local,
        sources=groups.sources,
        tls_calls=groups.tls_calls,
    )
    out: dict[int, list[MeasuredStream]] = defaultdict(list)
    for group, stream in _streams_of_kind(scan, groups, rtp.streams_of(has_header=True)):
        out[group].append(stream)
    with_rtp = (group for group, streams in out.items() if any(stream.medium for stream in streams))
    measurement = replace(rtp, with_rtp=tuple(with_rtp))
    for group, stream in _streams_of_kind(scan, groups, measurement.streams_of(has_header=False)):
        out[group].append(stream)
    return GroupStreams(dict(out), measurement)


def _streams_of_kind(
    scan: Scan, groups: FlowGroups, measured: tuple[StreamStats, Iterator[MeasuredPart]]
) -> Iterator[tuple[int, MeasuredStream]]:
    """Measure all streams of a kind; yield each with its group."""
    stats, parts = measured
    for _ in parts:  # each is added to the statistics
        pass
    columns = [stats.figures[column].tolist() for column in STREAM_FIGURES]
    keys = _stream_keys(stats)
    for number, figures in enumerate(zip(*columns, strict=True)):
        flow, direction, begin_s, end_s, packets, clock_hz = figures
        group = int(groups.of_flow[flow])
        evidence = _stream_evidence(scan, {*keys[stats.carried(number)]}, groups.names[group].app)
        yield (
            group,
            MeasuredStream(
                stats=stats,
                number=number,
                direction="sent" if direction == groups.ends.local[flow] else "received",
                medium=_stream_medium(stats, number, evidence),
                begin_s=begin_s,
                end_s=end_s,
                packets=packets,
                clock_hz=clock_hz,
            ),
        )


def _stream_medium(stats: StreamStats, number: int, evidence: AppEvidence) -> Medium | None:
    """Return the medium that the app's recogniser gave; where it gave none, or the media clock contradicts it, what
    the packets look like."""
    if stats.is_padding(number) or (stats.has_header and stats.figures["type"][number] in STREAMING_TYPES):
        return None
    if evidence.hits and not evidence.kinds.get("media"):
        return None
    if evidence.media:
        is_video = evidence.media["video"] > evidence.media["voice"]
        if not stats.contradicts(number, is_video):
            return "video" if is_video else "voice"
    return "video" if stats.looks_like_video(number) else "voice"


def _stream_evidence(scan: Scan, keys: set[int], app: str) -> AppEvidence:
    streams, total = scan.recognition.streams, AppEvidence()
    for key in keys & streams.keys():
        if app in streams[key]:
            total.add_all(streams[key][app])
    return total


def find_calls(scan: Scan, groups: FlowGroups, streams: GroupStreams) -> FoundCalls:
    """Return the calls, split at long pauses, and the groups without one."""
    calls: list[DetectedCall] = []
    others: list[SetupGroup] = []
    for number, flows in enumerate(groups.flows):
        own, begin_s = groups.names[number], float(groups.table["first_s"][flows].min())
        candidates = [
            DetectedCall(flows, together, copy(own), begin_s)
            for together in split_at_pauses(streams.by_group.get(number, ()))
        ]
        found = [call for call in candidates if _is_call(groups, call)]
        calls += found
        if not found:
            host = int(groups.ends.local_host[flows[0]])
            end_s = float(groups.table["last_s"][flows].max())
            connected = bool(groups.table["sealed"][flows].all(axis=1).any())
            others.append(SetupGroup(flows, own, host, begin_s=begin_s, end_s=end_s, connected=connected))
    unused = _without_call(groups, calls, others)
    for call in calls:
        far = (address_of_end(groups.table[flow], 1 - int(groups.ends.local[flow])) for flow in call.flows)
        call.name = name_by_address(call.name, far, hinted_apps(scan.known(call.flows)))
    return FoundCalls(calls, _joined_setup(unused))


def _without_call(groups: FlowGroups, calls: list[DetectedCall], others: list[SetupGroup]) -> list[SetupGroup]:
    """Return the set-up that belongs to no call of the same host; the other is added to its call."""
    by_host = grouped_by_key((host, call) for call in calls for host in _hosts_of(groups, call.flows, call.name))
    near = (
        [
            call
            for host in _hosts_of(
                groups, one.flows, one.name if one.name.evidence.kinds.get("setup") else None, BOTH_FAMILIES
            )
            for call in by_host.get(host, ())
        ]
        for one in others
    )
    return [
        one for one, beside in zip(others, near, strict=True) if not any(_is_setup_of(one, call) for call in beside)
    ]


def _hosts_of(groups: FlowGroups, flows: list[int], name: AppName | None, sum_of_families: int = 0) -> list[int]:
    """Return the local hosts of these flows: a machine has one for each version of IP. Where the name is but a kind of
    call, also a number below 0 by which a call over one version alone is found by set-up over the other alone
    (`sum_of_families`): of packets that were cut nothing else may show that both are of one machine."""
    families = {
        address_of_end(groups.table[flow], int(groups.ends.local[flow])).family
        for flow in flows
        if name and name.confidence <= WEAK_CONFIDENCE
    }
    return sorted(
        {
            *groups.ends.local_host[flows].tolist(),
            *(-abs(sum_of_families - one) for one in families if len(families) == 1),
        }
    )


def _is_call(groups: FlowGroups, call: DetectedCall) -> bool:
    if not call.media or _is_streaming(groups, call):
        return False
    begin, end = call.span
    if end - begin < SHORTEST_CALL_S:
        return False
    rows, packets = groups.table.take(call.flows), sum(stream.packets for stream in call.media)
    had_reports = (rows["reports"].min(axis=1) >= RING_REPORTS) & (begin - rows["first_s"] >= RING_S)
    return packets >= FEWEST_CALL_PACKETS or bool(packets >= FEWEST_PACKETS_AFTER_RING and had_reports.any())


def _is_streaming(groups: FlowGroups, call: DetectedCall) -> bool:
    """Is it streaming, a game or a radio? RTSP between the same hosts or a multicast address; or, where nothing shows a
    call, not even DTLS (RFC 5764), media that do not go both ways at a time, but for a telephone's voice (RFC 3551) to
    another network that nothing answers. Timestamps that move as no medium's do are none, where no RTCP is beside
    them."""
    if groups.streaming[call.flows].any() or groups.to_group[call.flows].any():
        return True
    rows, is_voice = groups.table.take(call.flows), all(stream.medium == "voice" for stream in call.media)
    has_dtls = bool(rows["hellos"].any() or rows["sealed"].any())
    if has_dtls or call.name.app not in (UNKNOWN_APP, "rtp") or call.name.confidence >= WEAK_CONFIDENCE:
        return False
    seconds: dict[RecordedDirection, set[int]] = {"sent": set(), "received": set()}
    for stream in call.media:
        if rows["reports"].any() or stream.stats.moves_as_media(stream.number, stream.medium == "video"):
            seconds[stream.direction] |= stream.stats.seconds_of(stream.number)
    sent, received = seconds.values()
    if (
        sent
        and is_voice
        and call.name.app == "rtp"
        and not (rows["packets"].all(axis=1).any() or rows["private"].all())
    ):
        return False
    return len(sent & received) <= MAX_TURNS_SHARE * min(len(sent), len(received))


def _joined_setup(others: list[SetupGroup]) -> list[list[int]]:
    """Join set-up of one app from one host at the same time to one attempt."""
    latest: dict[tuple[str, int], SetupGroup] = {}
    out: list[SetupGroup] = []
    for setup in sorted(others, key=lambda setup: setup.begin_s):
        earlier = latest.get((setup.name.app, setup.host))
        if earlier is not None and setup.begin_s - earlier.end_s < ATTEMPTS_APART_S:
            earlier.flows = earlier.flows + setup.flows
            earlier.end_s = max(earlier.end_s, setup.end_s)
        else:
            latest[setup.name.app, setup.host] = setup
            out.append(setup)
    return [setup.flows for setup in out]


def _stream_keys(stats: StreamStats) -> list[int]:
    """Return the keys by which recognition knows a stream in each of its flows; none for streams without a header."""
    own = stats.carriers if stats.has_header else stats.carriers[:0]
    source = stats.figures["ssrc"][own["stream"]].astype(np.uint64)
    return list(stream_key(own["flow"].astype(np.int64), own["direction"].astype(np.int8), source).tolist())


def _is_setup_of(setup: SetupGroup, call: DetectedCall) -> bool:
    """Does this set-up, on sockets of its own, belong to that call? Then it is added, and may name the call. One that
    connected is a session of its own beside the call, such as a data channel (RFC 8831), and nobody's set-up."""
    begin, end = call.span
    if setup.begin_s > end or setup.end_s < min(begin, call.begin_s) - SETUP_APART_S:
        return False
    if setup.connected:
        return True
    surer = setup.name.confidence > call.name.confidence
    leads_to_it = setup.begin_s <= begin and setup.end_s >= call.begin_s - DIAL_ANEW_S
    names_it = call.name.confidence <= WEAK_CONFIDENCE and surer and leads_to_it
    if setup.name.app != call.name.app and setup.name.confidence > WEAK_CONFIDENCE and not names_it:
        return False
    if names_it:
        call.name = copy(setup.name)
    elif setup.name.app == call.name.app:
        call.name.confidence = max(call.name.confidence, setup.name.confidence)
    call.flows = sorted({*call.flows, *setup.flows})
    call.begin_s = min(call.begin_s, setup.begin_s)
    return True
