"""Makes the records of the calls and attempts of one capture (spec/tp-007).

Steady two-way streams at a voice's pace, in flows that no recogniser knows and where no RTP was seen, are counted and
are no calls: an app that nobody has described may send them, and so may a tunnel with a call inside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import UNKNOWN_APP, name_app
from talkpath.capture.calls.detected_call import GOOD_BYE_S, DetectedCall, first_pieces
from talkpath.capture.calls.detection import find_calls, measure_streams
from talkpath.capture.calls.paths import (
    FlowRoute,
    has_server_names,
    has_several_ports,
    is_encrypted,
    is_peer_relayed,
    route_of_flow,
)
from talkpath.capture.calls.stitch import MOST_VOICE_BYTES, FlowGroups, group_flows
from talkpath.capture.calls.timeline import CallSpan, OtherTraffic, call_timelines, on_one_network
from talkpath.capture.calls.unsure_times import without_times, without_unevenness
from talkpath.capture.packets.flows import address_of_end
from talkpath.capture.scan import CLOCKS_APART_NS, Scan
from talkpath.capture.streams.figures import FIGURE_TYPE, MeasuredPart
from talkpath.capture.streams.measurement import StreamMeasurement
from talkpath.capture.streams.record import Medium, stream_record
from talkpath.capture.streams.stream_stats import TAIL_ROWS
from talkpath.capture.tcp.reassembly import FRAMES_CUT
from talkpath.capture.tcp.sealed_streams import SEALED_STREAM
from talkpath.measure.arrays import Floats
from talkpath.measure.call import Attempt, Call, CallTransport, ClockGrade, Findings, Flow, Moment
from talkpath.measure.silence import silence_of, with_silent_end
from talkpath.wire.ip.address import Address
from talkpath.wire.pcap import Unread
from talkpath.wire.pcap.arrays import Bools, Ints, records_at

MIN_STREAM_S = 10.0
PACKETS_PER_S = np.array((1000 / 60, 25.0, 100 / 3, 50.0))
"""Of frames of 60, 40, 30 and 20 ms. Games keep other paces: 20, 30, 60 or 64 a second."""
MAX_PACE_SHARE_OFF = 0.03
LEAST_VOICE_BYTES = 40
"""The mean size of a direction's packets, from sealed frames at 6 kbit/s in 20 ms on."""
UDP = 17


def count_unnamed_streams(table: NDArray[np.void], taken: Bools) -> int:
    """Return in how many flows both directions keep a voice's pace and sizes for long, without those that are `taken`
    (an app or RTP was seen, or they go to many), of QUIC and of DTLS."""
    duration_s = np.maximum(table["last_s"] - table["first_s"], 1e-9)[:, None]
    pace = table["packets"] / duration_s
    off = np.abs(pace[:, :, None] / PACKETS_PER_S - 1).min(axis=2)
    size = table["bytes"] / np.maximum(table["packets"], 1)
    steady = (off < MAX_PACE_SHARE_OFF) & (size >= LEAST_VOICE_BYTES) & (size <= MOST_VOICE_BYTES)
    others = (table["quic"] > 0) | table["hellos"].any(axis=1) | table["sealed"].any(axis=1) | taken
    found = steady.all(axis=1) & (duration_s[:, 0] >= MIN_STREAM_S) & (table["protocol"] == UDP) & ~others
    return int(found.sum())


FEWEST_TURNS, AT_ONCE_SHARE = 20, 0.65
"""Packets were handed over in batches where of so many times that both ends of a call came one after the other, more
than this share came at once. Ends that send by clocks of their own meet at every other one at most; 186 recordings of
calls had 0.36 at most, the same in batches of 100 ms 0.75 at least."""
FEWEST_CUT_OFF, UDP_HEADER_CUT = 25, "UDP header damaged or cut"
"""So many packets of a flow whose header was cut off may be a call's media."""
LONGEST_SETUP_S = 180.0
NO_MEDIA_PACKETS = (0, 0)
TRANSPORTS: dict[FlowRoute | None, CallTransport] = {None: "unknown", "relay": "relay", "peer": "p2p", "local": "p2p"}
MEDIA_IN_ORDER: tuple[Medium, ...] = ("voice", "video")
FEWEST_ATTEMPT_CONFIDENCE = 0.4
"""Set-up of an app with less confidence is not reported."""


@dataclass(frozen=True, slots=True)
class MeasuredCapture:
    """The facts of a capture, and the detected calls behind them in the same order with the flows and streams that they
    were found in, for what needs their packets."""

    findings: Findings
    calls: tuple[DetectedCall, ...]
    scan: Scan
    groups: FlowGroups
    measurement: StreamMeasurement

    @property
    def begun_ns(self) -> int | None:
        """Return when the earliest packet came, in ns since 1970, None in a file without packets."""
        clocks = sorted(self.scan.clocks, key=lambda clock: clock[0] < CLOCKS_APART_NS)  # those that were set are first
        return clocks[0][1] + round(1e9 * self.scan.begin_s) if clocks else None

    def stream_packets(self) -> Iterator[tuple[int, int, MeasuredPart, Ints]]:
        """Yield the packets of the calls part by part: (call, its stream, a measured part, the stream's rows in it)."""
        for has_header in (True, False):
            _, parts = self.measurement.streams_of(has_header=has_header)
            places = {
                stream.number: (call, place)
                for call, detected in enumerate(self.calls)
                for place, stream in enumerate(detected.streams)
                if stream.stats.has_header == has_header
            }
            for part in parts:
                for segment, number in enumerate(part.numbers.tolist()):
                    if number in places:
                        yield *places[number], part, part.of(segment)

    def endpoints(self, call: int) -> tuple[tuple[Address, Address, str], ...]:
        """Return (local end, far end, "udp" or "tcp") of each flow of a call, in the order of its `flows`."""
        return tuple(self._ends(flow) for flow in self.calls[call].flows)

    def _ends(self, flow: int) -> tuple[Address, Address, str]:
        row, local = self.groups.table[flow], int(self.groups.ends.local[flow])
        return address_of_end(row, local), address_of_end(row, 1 - local), "tcp" if row["protocol"] == 6 else "udp"


def measure_calls(scan: Scan) -> MeasuredCapture:
    """Find and measure all calls and attempts of a scanned capture. Times count from its earliest packet."""
    groups = group_flows(scan)
    streams = measure_streams(scan, groups)
    found = find_calls(scan, groups, streams)
    calls = tuple(sorted(found.calls, key=lambda call: call.span[0]))
    return MeasuredCapture(
        _capture_findings(scan, groups, calls, found.others), calls, scan, groups, streams.measurement
    )


def _capture_findings(
    scan: Scan, groups: FlowGroups, calls: tuple[DetectedCall, ...], others: Sequence[list[int]]
) -> Findings:
    records = _Records(scan, groups, calls)
    attempts = [attempt for flows in others if (attempt := records.attempt(flows))]
    unread = Unread(scan.unread)
    unread.note(SEALED_STREAM, scan.tcp.sealed.count_steady())
    return Findings(
        packets=scan.packets,
        duration_s=scan.end_s - scan.begin_s,
        unread=dict(sorted(unread.items())),
        calls=tuple(_as_pieces(tuple(records.calls(calls)), first_pieces(calls, groups))),
        attempts=tuple(sorted(attempts, key=lambda attempt: attempt.start_s)),
        unnamed_streams=count_unnamed_streams(groups.table, (groups.of_flow >= 0) | groups.to_group),
    )


def _as_pieces(calls: tuple[Call, ...], firsts: Sequence[int | None]) -> Iterator[Call]:
    """Yield the calls, each with the number of its first piece. Who hung up ended the last piece alone."""
    last = {first or number: number for number, first in enumerate(firsts, 1)}
    for number, (call, first) in enumerate(zip(calls, firsts, strict=True), 1):
        yield replace(call, continues=first, closed=call.closed and last[first or number] == number)


class _Records:
    """Makes the records of calls and attempts."""

    def __init__(self, scan: Scan, groups: FlowGroups, calls: Sequence[DetectedCall]) -> None:
        self._scan, self._table, self._ends_of_flows, self._to_group = scan, groups.table, groups.ends, groups.to_group
        flows = sorted({flow for call in calls for flow in call.flows})
        self._rows = _flow_records(flows, self._table, self._ends_of_flows.local)
        self._inside = cast(Bools, self._table["private"].all(axis=1))
        self._other_traffics: dict[bool, OtherTraffic] = {}
        self._begun_s, self._lived_s = self._lives(calls)
        others = np.delete(np.arange(len(self._table)), flows)
        self._cut_off = self._table[others[(self._table["cut_off"][others] >= FEWEST_CUT_OFF).any(axis=1)]]

    def calls(self, calls: Sequence[DetectedCall]) -> Iterator[Call]:
        """Yield the record of each call."""
        spans = (CallSpan(call.media, *call.span, self._other_traffic(call.flows), call.flows) for call in calls)
        for call, seconds in zip(calls, call_timelines(spans), strict=True):
            yield self._call(call, seconds)

    def _call(self, call: DetectedCall, seconds: tuple[Moment, ...]) -> Call:
        begin, end = call.span
        paths = self._paths(call)
        numbers = {flow: place + 1 for place, flow in enumerate(call.flows)}
        last = self._last_flow(call)
        streams = [
            stream_record(stream.stats, stream.number, stream.direction, stream.medium, numbers)
            for stream in call.streams
        ]
        found = Call(
            app=call.name.app,
            app_confidence=round(call.name.confidence, 2),
            media=tuple(medium for medium in MEDIA_IN_ORDER if any(stream.medium == medium for stream in call.media)),
            start_s=round(begin, 6),
            duration_s=round(end - begin, 6),
            setup_s=round(self._setup_s(call.flows, begin), 6),
            transport=TRANSPORTS[paths[last]],
            protocol=self._rows[last].protocol,
            encrypted=self._encrypted(call),
            flows=self._flows(call, paths),
            streams=tuple(sorted(streams, key=lambda stream: (stream.direction, stream.start_s))),
            seconds=seconds,
            control_end_s=max(self._rows[flow].end_s for flow in call.flows),
            file_end_s=round(self._scan.end_s - self._scan.begin_s, 6),
            closed=self._closed(call, end),
            opened=bool(self._table["hellos"][call.flows].any()),
            clock=self._clock_of(call),
            guessed_ends=bool(self._ends_of_flows.guessed[call.flows].all()),
            assumed_ends=bool(
                np.all(self._ends_of_flows.guessed[call.flows] | self._ends_of_flows.assumed[call.flows])
            ),
            partly_read=self._is_partly_read(call),
        )
        if found.partly_read or (found.protocol == "tcp" and self._scan.unread[FRAMES_CUT]):
            return without_times(found, numbers_told=False)
        if found.clock == "clusters":
            return without_times(found)
        if silence_of(found):
            carriers = [flow for flow in call.flows if found.flows[numbers[flow] - 1].media_received]
            found = replace(found, seconds=on_one_network(seconds, self._table, self._ends_of_flows, carriers))
        return with_silent_end(found if found.clock == "packets" else without_unevenness(found))

    def _other_traffic(self, flows: list[int]) -> OtherTraffic:
        """Return the other received packets: from inside the local network too where the call stays in it."""
        inside = bool(self._inside[flows].all())
        if inside not in self._other_traffics:
            activity, local = self._scan.activity, self._ends_of_flows.local
            cells = activity.received(local, self._inside, self._to_group, inside=inside)
            self._other_traffics[inside] = OtherTraffic(cells, self._scan.begin_s)
        return self._other_traffics[inside]

    def _closed(self, call: DetectedCall, end_s: float) -> bool:
        """Did the app close the call, or an end say good-bye when the media ended?"""
        said = self._table["ended_s"][call.flows].max() >= end_s - GOOD_BYE_S
        evidence = (known.evidence.get(call.name.app) for known in self._scan.known(call.flows))
        return bool(said) or any(hits is not None and hits.kinds.get("close") for hits in evidence)

    def _clock_of(self, call: DetectedCall) -> ClockGrade:
        """Return what the times of a call's packets are worth."""
        gaps, rows, (begin, end) = self._scan.gaps, self._table.take(call.flows), call.span
        turns, at_once = (rows[column][rows["protocol"] == UDP].sum() for column in ("turns", "turns_at_once"))
        is_batched = turns >= FEWEST_TURNS and at_once > AT_ONCE_SHARE * turns
        was_set = any(begin <= at_s - self._scan.begin_s <= end for at_s in self._scan.set_s)
        are_clusters = gaps.are_clustered or was_set or (is_batched and gaps.are_far_apart)
        return "clusters" if are_clusters else "batches" if is_batched else "packets"

    def _is_partly_read(self, call: DetectedCall) -> bool:
        """Whether flows of no call carried meanwhile what may be this one's media: packets over IPv6 are cut off sooner
        than those over IPv4."""
        (begin, end), rows = call.span, self._cut_off
        return self._scan.unread[UDP_HEADER_CUT] >= FEWEST_CUT_OFF or bool(
            np.any((rows["first_s"] < end) & (rows["last_s"] > begin))
        )

    def attempt(self, flows: list[int]) -> Attempt | None:
        """Return the record of set-up without a call; None where it is too little, such as one packet a flow, or a
        good-bye to what was before the recording."""
        every_flow, flows = flows, [flow for flow in flows if self._table["packets"][flow].sum() > 1]
        own = name_app(self._scan.known(flows), self._scan.labels.of(flows))
        rows, local = self._table[flows], self._ends_of_flows.local[flows]
        if (
            not own.evidence.kinds.get("setup")
            or (np.abs(rows["ended_s"].max(axis=1) - rows["first_s"]) < GOOD_BYE_S).all()
            or own.confidence < FEWEST_ATTEMPT_CONFIDENCE
            or own.app in (UNKNOWN_APP, "rtp")
        ):
            return None
        every = np.arange(len(flows))
        begin, end = own.evidence.first_s - self._scan.begin_s, float(rows["last_s"].max())
        answered = bool(rows["packets"][every, 1 - local].sum() > 0)
        sent = int(rows["packets"][every, local].sum())
        return Attempt(
            app=own.app,
            app_confidence=round(own.confidence, 2),
            start_s=round(begin, 6),
            end_s=round(end, 6),
            answered=answered,
            requests=int(rows["requests"][every, local].sum()),
            answers=int(rows["answers"][every, 1 - local].sum()),
            other_packets=self._other_traffic(flows).other(every_flow, begin, end),
            others_answered=not answered and self._anything_answered(begin, end),
            sent_packets=sent,
            far_hosts=len(set(self._ends_of_flows.far_host[flows].tolist())),
            hellos=int(rows["hellos"].max(axis=1)[rows["sealed"].max(axis=1) == 0].max(initial=0)),
            begun_before=not answered
            and bool(rows["turn"].any() or rows["sealed"].any() or np.isfinite(rows["ended_s"]).any()),
            proxy=self._scan.tcp.proxies.kind_in_use(own.evidence.first_s, end),
        )

    def _anything_answered(self, begin_s: float, end_s: float) -> bool:
        """Was any set-up answered meanwhile, or was there a call?"""
        begun = int(np.searchsorted(self._begun_s, end_s, "right"))
        return begun > 0 and bool(self._lived_s[begun - 1] >= begin_s)

    def _lives(self, calls: Sequence[DetectedCall]) -> tuple[Floats, Floats]:
        """Return when calls, and flows whose set-up was answered, began, in order, and when the last of those that had
        begun ended."""
        table, spans = self._table, [call.span for call in calls]
        answered = table[table["answers"][np.arange(len(table)), 1 - self._ends_of_flows.local] > 0]
        lives = np.concatenate([np.array(spans).reshape(-1, 2), np.stack([answered["first_s"], answered["last_s"]], 1)])
        begin_s, end_s = lives[np.argsort(lives[:, 0])].T
        return begin_s, np.maximum.accumulate(end_s)

    def _paths(self, call: DetectedCall) -> dict[int, FlowRoute | None]:
        known, app = self._scan.recognition.known, call.name.app
        paths = {
            flow: route_of_flow(flow, known.get(flow), self._table, self._ends_of_flows, app) for flow in call.flows
        }
        flows = self._scan.known(call.flows)
        if is_peer_relayed(flows) or has_server_names(flows):
            return {flow: "relay" if path in ("peer", None) else path for flow, path in paths.items()}
        if has_several_ports(
            [flow for flow in call.flows if flow in known and known[flow].sessions], self._table, self._ends_of_flows
        ):
            return {flow: None if path == "peer" else path for flow, path in paths.items()}
        return paths

    def _last_flow(self, call: DetectedCall) -> int:
        """Return the flow that carried most of the last media."""
        carriers: set[int] = {flow for stream in call.media for flow in stream.carriers["flow"].tolist()}
        if len(carriers) == 1:
            return carriers.pop()
        rows = np.concatenate([stream.stats.tail_of(stream.number) for stream in call.media])
        late = rows[np.argsort(rows["time_s"])[-TAIL_ROWS:]]["flow"]
        return int(np.bincount(late).argmax())

    def _setup_s(self, flows: list[int], begin_s: float) -> float:
        """Return when the first of the flows began, without flows that began long before (a SIP connection)."""
        return min(
            (
                first_s
                for first_s in (self._rows[flow].start_s for flow in flows)
                if begin_s - LONGEST_SETUP_S <= first_s <= begin_s
            ),
            default=begin_s,
        )

    def _encrypted(self, call: DetectedCall) -> bool | None:
        dtls = any(self._table[column][call.flows].any() for column in ("sealed", "hellos"))
        voices = [stream for stream in call.media if stream.medium == "voice" and stream.stats.has_header and not dtls]
        figures = np.array([stream.stats.figures[stream.number] for stream in voices], FIGURE_TYPE)
        return is_encrypted(call.name.app, figures, dtls)

    def _flows(self, call: DetectedCall, paths: dict[int, FlowRoute | None]) -> tuple[Flow, ...]:
        packets: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for stream in call.media:
            for _, flow, _, rows in stream.carriers.tolist():
                packets[flow][stream.direction == "received"] += rows
        made = []
        for number, flow in enumerate(call.flows, 1):
            sent, received = packets.get(flow, NO_MEDIA_PACKETS)
            kind = paths[flow] or "peer"
            made.append(replace(self._rows[flow], number=number, kind=kind, media_sent=sent, media_received=received))
        return tuple(made)


def _flow_records(flows: list[int], table: NDArray[np.void], ends: NDArray[np.int8]) -> dict[int, Flow]:
    """Make the records of these flows, all at once: without their number, kind and media."""
    rows, every = records_at(table, np.array(flows, np.int64)), np.arange(len(flows))
    near, far = (every, ends[flows]), (every, 1 - ends[flows])
    counts = {
        "packets_sent": rows["packets"][near],
        "packets_received": rows["packets"][far],
        "requests": rows["requests"][near],
        "answers": rows["answers"][far],
        "feedback": rows["feedback"][far],
    }
    times = {
        "start_s": rows["first_s"],
        "end_s": rows["last_s"],
        "last_sent_s": rows["heard_s"][near],
        "last_received_s": rows["heard_s"][far],
        "last_feedback_s": rows["fed_back_s"][far],
        "last_sender_report_s": rows["claimed_s"][far],
        "last_answer_s": rows["answered_s"][far],
    }
    tcp = (rows["protocol"] == 6).tolist()
    records = zip(flows, tcp, _records_of(counts), _records_of(times), strict=True)
    return {
        flow: Flow(
            number=0,
            kind="peer",
            protocol="tcp" if is_tcp else "udp",
            media_sent=0,
            media_received=0,
            **count,
            **{name: cast(Any, round(at_s, 6) if isfinite(at_s) else None) for name, at_s in time.items()},
        )
        for flow, is_tcp, count, time in records
    }


def _records_of(columns: dict[str, NDArray[np.generic]]) -> Iterator[dict[str, Any]]:
    """Make one dictionary a row."""
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(columns, row, strict=True))
