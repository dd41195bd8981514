"""Finds the calls in a scanned capture: groups of flows, their measured streams, and which of these are voice or video.

A group without media is the set-up of a call (on sockets of its own), an attempt, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import (
    UNKNOWN_APP,
    WEAK_CONFIDENCE,
    AppName,
    hinted_apps,
    name_app,
    name_by_address,
)
from talkpath.capture.calls.detected_call import DetectedCall, MeasuredStream, SetupGroup, split_at_pauses
from talkpath.capture.calls.stitch import FlowEnds, flow_ends, group_flows
from talkpath.capture.packets.flows import address_of_end, are_multicast, host_pair_hash
from talkpath.capture.packets.rows import stream_key
from talkpath.capture.recognise.evidence import AppEvidence, KnownFlow
from talkpath.capture.scan import Scan
from talkpath.capture.streams.figures import MeasuredPart
from talkpath.capture.streams.measurement import StreamMeasurement
from talkpath.capture.streams.record import Medium
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.measure.call import Heading
from talkpath.wire.pcap.arrays import Bools, is_among

FEWEST_CALL_PACKETS, SHORTEST_CALL_S = 8, 0.1
FEWEST_PACKETS_AFTER_RING, RING_REPORTS, RING_S = 5, 10, 3.0
"""A call has CALL_PACKETS over CALL_S, or SHORT_PACKETS where both ends had exchanged reports for RING_S before."""
SETUP_APART_S = 60.0
ATTEMPTS_APART_S = 5.0
STREAMING_TYPES = (14, 32, 33)
"""MPEG audio, video and transport streams (RFC 3551): no call has these."""
SLOWEST_MEDIA_HZ = 500.0
TIME_COLUMNS = ("first_s", "last_s", "began_s", "heard_s", "ended_s", "fed_back_s", "claimed_s")
STREAM_FIGURES = ("flow", "direction", "begin_s", "end_s", "packets", "clock_hz")


class Detection:
    """The `calls` of a scanned capture, and `others`: groups of flows with set-up but no call."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.table = _times_from_begin(scan.flows.table[: len(scan.flows)], scan.begin_s)
        self.ends: FlowEnds = flow_ends(scan)
        groups = are_multicast(self.table["high"], self.table["low"])
        self.to_group: Bools = groups[:, 0] | groups[:, 1]
        """Flows to multicast or broadcast addresses."""

        streaming = np.sort(np.array(list(scan.tcp.streaming), np.uint64))
        self._streaming: Bools = is_among(host_pair_hash(self.table["high"], self.table["low"]), streaming)
        """Flows between hosts that spoke RTSP."""

        self._groups = group_flows(scan, self.ends)
        self._streams: dict[int, list[MeasuredStream]] = {}
        self._names: dict[int, AppName] = {}
        rtp = StreamMeasurement(
            media=scan.media,
            headerless=scan.headerless,
            begin_s=scan.begin_s,
            group_of=self._groups.of_flow,
            local=self.ends.local,
            sources=self._groups.sources,
            tls_calls=self._groups.tls_calls,
        )
        self._assign_streams(*rtp.rtp_parts())
        with_rtp = (number for number, streams in self._streams.items() if any(stream.medium for stream in streams))
        self.measurement = replace(rtp, with_rtp=tuple(with_rtp))
        self._assign_streams(*self.measurement.headerless_parts())
        self.calls, self.others = self._sort_out()

    def known(self, flows: list[int]) -> list[KnownFlow]:
        """Return what recognisers know of these flows."""
        return [self.scan.recognition.known[flow] for flow in flows if flow in self.scan.recognition.known]

    def name(self, flows: list[int]) -> AppName:
        """Return the app of these flows."""
        return name_app(self.known(flows), self.scan.labels.of(flows))

    # ------------------------------------------------------------ streams

    def _assign_streams(self, stats: StreamStats, parts: Iterator[MeasuredPart]) -> None:
        """Measure all streams of a kind, and assign them to their groups."""
        for _ in parts:  # each is added to the statistics
            pass
        columns = [stats.figures[column].tolist() for column in STREAM_FIGURES]
        keys = _stream_keys(stats)
        for number, figures in enumerate(zip(*columns, strict=True)):
            flow, direction, begin_s, end_s, packets, clock_hz = figures
            group = int(self._groups.of_flow[flow])
            if group not in self._names:
                self._names[group] = self.name(self._groups.flows[group])
            heading: Heading = "sent" if direction == self.ends.local[flow] else "received"
            stream = MeasuredStream(
                stats=stats,
                number=number,
                heading=heading,
                medium=self._medium(stats, number, self._names[group].app, {*keys[stats.carried(number)]}),
                begin_s=begin_s,
                end_s=end_s,
                packets=packets,
                clock_hz=clock_hz,
            )
            self._streams.setdefault(group, []).append(stream)

    def _medium(self, stats: StreamStats, number: int, app: str, keys: set[int]) -> Medium | None:
        """Return the medium that the app's recogniser gave; where it gave none, or the media clock contradicts it, what
        the packets look like."""
        if stats.is_padding(number) or (stats.has_header and stats.figures["type"][number] in STREAMING_TYPES):
            return None
        evidence = self._evidence(keys, app)
        if evidence.hits and not evidence.kinds.get("media"):
            return None
        if evidence.media:
            is_video = evidence.media["video"] > evidence.media["voice"]
            if not stats.contradicts(number, is_video):
                return "video" if is_video else "voice"
        return "video" if stats.looks_like_video(number) else "voice"

    def _evidence(self, keys: set[int], app: str) -> AppEvidence:
        streams, total = self.scan.recognition.streams, AppEvidence()
        for key in keys & streams.keys():
            if app in streams[key]:
                total.add_all(streams[key][app])
        return total

    # ------------------------------------------------------------ calls

    def _sort_out(self) -> tuple[list[DetectedCall], list[list[int]]]:
        """Return the calls, split at long pauses, and the groups without one."""
        calls: list[DetectedCall] = []
        others: list[SetupGroup] = []
        for number, flows in enumerate(self._groups.flows):
            own, begin_s = self._names.get(number) or self.name(flows), float(self.table["first_s"][flows].min())
            candidates = [
                DetectedCall(flows, streams, copy(own), begin_s)
                for streams in split_at_pauses(self._streams.get(number, []))
            ]
            found = [call for call in candidates if self._is_call(call)]
            calls += found
            if not found:
                host = int(self.ends.local_host[flows[0]])
                end_s = float(self.table["last_s"][flows].max())
                others.append(SetupGroup(flows=flows, name=own, host=host, begin_s=begin_s, end_s=end_s))
        unused = self._without_call(calls, others)
        for call in calls:
            far = (address_of_end(self.table[flow], 1 - int(self.ends.local[flow])) for flow in call.flows)
            call.name = name_by_address(call.name, far, hinted_apps(self.known(call.flows)))
        return calls, self._joined(unused)

    def _without_call(self, calls: list[DetectedCall], others: list[SetupGroup]) -> list[SetupGroup]:
        """Return the set-up that belongs to no call of the same host; the other is added to its call."""
        by_host: dict[int, list[DetectedCall]] = {}
        for call in calls:
            by_host.setdefault(int(self.ends.local_host[call.flows[0]]), []).append(call)
        return [setup for setup in others if not any(_is_setup_of(setup, call) for call in by_host.get(setup.host, ()))]

    def _is_call(self, call: DetectedCall) -> bool:
        if not call.media or self._is_streaming(call):
            return False
        begin, end = call.span()
        if end - begin < SHORTEST_CALL_S:
            return False
        packets = sum(stream.packets for stream in call.media)
        return packets >= FEWEST_CALL_PACKETS or (
            packets >= FEWEST_PACKETS_AFTER_RING and self._had_reports(call.flows, begin)
        )

    def _had_reports(self, flows: list[int], begin_s: float) -> bool:
        """Had both ends exchanged reports for a while before?"""
        rows = self.table[flows]
        both = rows["reports"].min(axis=1) >= RING_REPORTS
        return bool(np.any(both & (begin_s - rows["first_s"] >= RING_S)))

    def _is_streaming(self, call: DetectedCall) -> bool:
        """Is it streaming or a game? RTSP between the same hosts or a multicast address; or, where nothing shows a
        call, one direction only inside one network (casting, a loudspeaker), or without a single packet back (radio),
        or video without sound or without reports; or a media clock that no medium has."""
        if self._streaming[call.flows].any() or self.to_group[call.flows].any():
            return True
        if call.name.app not in (UNKNOWN_APP, "rtp") or call.name.confidence >= WEAK_CONFIDENCE:
            return False
        clocks = [stream.clock_hz for stream in call.media if stream.stats.has_header]
        if max(clocks, default=SLOWEST_MEDIA_HZ) < SLOWEST_MEDIA_HZ:
            return True
        if len({stream.heading for stream in call.media}) > 1:
            return False
        media, rows = {stream.medium for stream in call.media}, self.table[call.flows]
        nothing_back = not (rows["packets"].all(axis=1).any() or rows["reports"].any())
        return (
            bool(rows["private"].all())
            or (nothing_back and call.media[0].heading == "received")
            or media == {"video"}
            or ("video" in media and not rows["reports"].min(axis=1).any())
        )

    @staticmethod
    def _joined(others: list[SetupGroup]) -> list[list[int]]:
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
    keys: list[int] = stream_key(own["flow"].astype(np.int64), own["direction"].astype(np.int8), source).tolist()
    return keys


def _times_from_begin(table: NDArray[np.void], begin_s: float) -> NDArray[np.void]:
    """Return the flows with times that count from the earliest packet, which is the first one in most files."""
    if not begin_s:
        return table
    out = table.copy()
    for column in TIME_COLUMNS:
        out[column] -= begin_s
    return out


def _is_setup_of(setup: SetupGroup, call: DetectedCall) -> bool:
    """Does this set-up, on sockets of its own, belong to that call? Then it is added, and may name the call."""
    begin, end = call.span()
    if setup.begin_s > end or setup.end_s < min(begin, call.begin_s) - SETUP_APART_S:
        return False
    surer = setup.name.confidence > call.name.confidence
    names_it = call.name.confidence <= WEAK_CONFIDENCE and surer and setup.begin_s <= begin
    if setup.name.app != call.name.app and setup.name.confidence > WEAK_CONFIDENCE and not names_it:
        return False
    if names_it:
        call.name = copy(setup.name)
    elif setup.name.app == call.name.app:
        call.name.confidence = max(call.name.confidence, setup.name.confidence)
    call.flows = sorted({*call.flows, *setup.flows})
    call.begin_s = min(call.begin_s, setup.begin_s)
    return True
