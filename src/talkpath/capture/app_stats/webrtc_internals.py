"""Reads dumps of chrome://webrtc-internals: the counters of getStats, read about once a second.

A dump is one JSON object. Under `PeerConnections`, each connection's `stats` has a series for each counter of each
report: its key is the report's id, a hyphen and the counter's name (the W3C's, "Identifiers for WebRTC's Statistics
API"), its `values` a JSON array in a string, its times either the series `timestamp` of the same report or evenly from
`startTime` to `endTime`. Chrome keeps the last 1000 readings. Nothing of a dump that names a person or an address is
looked at: no URL but to tell the app, no description, no candidate's address.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
import numpy as np

from talkpath.capture.app_stats.calls import PeerConnection
from talkpath.capture.app_stats.counters import Counters, Medium, since_before
from talkpath.errors import UNREADABLE, FileError
from talkpath.measure.arrays import Floats
from talkpath.measure.bounds import MOST_CALL_STREAMS, MOST_COUNT, MOST_RECORDED_CALLS, MOST_RECORDING_S
from talkpath.measure.call import CallTransport

MOST_SERIES, MOST_READINGS, FEWEST_READINGS = 20_000, 100_000, 2
"""Of one connection, and of one series."""
MOST_SERIES_BYTES = 2 << 20
"""A longer text of a series is not read: Chrome keeps a thousand readings."""
APP_BY_PAGE_HOST = {"web.whatsapp.com": "whatsapp", "web.telegram.org": "telegram", "discord.com": "discord"}
BY_PAGE, KIND_OF_CALL = 0.9, 0.5
"""How sure the app is by the page that made the call, and that it is a call of WebRTC at all."""
MEDIUM_BY_KIND: dict[str, Medium] = {"audio": "voice", "video": "video"}
COUNTER_SERIES = {
    "inbound-rtp": ("received", "packetsReceived", "bytesReceived"),
    "outbound-rtp": ("sent", "packetsSent", "bytesSent"),
}


class _Series(msgspec.Struct):
    values: str
    statsType: str = ""
    startTime: str = ""
    endTime: str = ""


class _PeerConnection(msgspec.Struct):
    stats: dict[str, _Series] = {}
    url: str = ""


class _Dump(msgspec.Struct):
    PeerConnections: dict[str, _PeerConnection]


_decode_dump = msgspec.json.Decoder(_Dump).decode
_series_values = msgspec.json.Decoder(list[float | str | bool | dict[str, object] | list[object] | None]).decode


def internals_connections(data: bytes) -> list[PeerConnection] | None:
    """Return the connections of a dump, None where it is none. `FileError` where it holds too many."""
    try:
        dump = _decode_dump(data)
    except UNREADABLE:
        return None
    if len(dump.PeerConnections) > MOST_RECORDED_CALLS:
        raise FileError(f"This dump holds more than {MOST_RECORDED_CALLS} connections; save one of fewer calls.")
    made = (_peer_connection(connection) for connection in dump.PeerConnections.values())
    return [connection for connection in made if connection is not None]


class _Reports:
    """The series of one connection, by report and counter."""

    def __init__(self, stats: dict[str, _Series]) -> None:
        if len(stats) > MOST_SERIES:
            raise FileError(
                f"This dump holds more than {MOST_SERIES} series of one connection; save one of a shorter call."
            )
        self.kinds: dict[str, str] = {}
        self._series: dict[str, dict[str, _Series]] = defaultdict(dict)
        self._read: dict[tuple[str, str], list[object]] = {}
        for key, series in stats.items():
            report, _, name = key.rpartition("-")
            self.kinds[report] = series.statsType
            self._series[report][name] = series

    def of_kind(self, *kinds: str) -> list[str]:
        """The ids of all reports of these kinds."""
        return [report for report, kind in self.kinds.items() if kind in kinds]

    def texts(self, report: str, name: str) -> list[str]:
        """The values of a series that are texts."""
        return [value for value in self._raw(report, name) if isinstance(value, str)]

    def last(self, report: str, name: str) -> float:
        """The last value of a counter, 0 where there is none."""
        numbers, _ = self.numbers(report, name)
        return float(numbers[-1]) if len(numbers) else 0.0

    def numbers(self, report: str, name: str) -> tuple[Floats, Floats]:
        """The values of a counter and when each was read; what is no number, or far too large, is left out."""
        raw = self._raw(report, name)
        values = np.array([value if type(value) in (int, float) else np.nan for value in raw], np.float64)
        at_s = self._times(report, name, len(values))
        with np.errstate(invalid="ignore"):
            sound = (np.abs(values) <= 1e15) & (at_s >= 0) & (at_s <= MOST_RECORDING_S)
        sound[1:] &= np.diff(at_s) > 0
        return values[sound], at_s[sound]

    def _raw(self, report: str, name: str) -> list[object]:
        if (report, name) not in self._read:
            series = self._series[report].get(name)
            try:
                values = _series_values(series.values) if series and len(series.values) <= MOST_SERIES_BYTES else []
            except msgspec.MsgspecError:
                values = []
            self._read[report, name] = list(values[-MOST_READINGS:])
        return self._read[report, name]

    def _times(self, report: str, name: str, count: int) -> Floats:
        stamps = [stamp for stamp in self._raw(report, "timestamp") if type(stamp) in (int, float)]
        if name != "timestamp" and len(stamps) == count:
            return np.array(stamps, np.float64) / 1e3
        series = self._series[report].get(name)
        begin_s, end_s = (_unix_s(text) for text in ((series.startTime, series.endTime) if series else ("", "")))
        return np.linspace(begin_s, end_s, count)


def _unix_s(text: str) -> float:
    """Seconds since 1970 of an ISO time, NaN where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return float("nan")


def _peer_connection(connection: _PeerConnection) -> PeerConnection | None:
    reports = _Reports(connection.stats)
    streams = [
        one
        for report in reports.of_kind(*COUNTER_SERIES)[:MOST_CALL_STREAMS]
        if (one := _stream_counters(reports, report))
    ]
    pair = _selected_pair(reports)
    _, read_s = reports.numbers(pair, "requestsSent") if pair else (None, np.zeros(0))
    times = np.concatenate([read_s, *(stream.at_s for stream in streams)])
    if not len(times):
        return None
    app = (
        APP_BY_PAGE_HOST.get(urlsplit(connection.url).hostname or "") if connection.url.startswith("https://") else None
    )
    heard_s = reports.last(pair, "lastPacketReceivedTimestamp") / 1e3
    return PeerConnection(
        app=app or "webrtc",
        confidence=BY_PAGE if app else KIND_OF_CALL,
        begin_s=float(times.min()),
        end_s=float(times.max()),
        streams=streams,
        transport=_transport_kind(reports, pair),
        protocol=next(iter(reports.texts(_candidate_type(reports, pair, "local"), "protocol")[-1:]), "udp"),
        requests=_counter_value(reports.last(pair, "requestsSent")),
        answers=_counter_value(reports.last(pair, "responsesReceived")),
        received=_counter_value(reports.last(pair, "packetsReceived")),
        heard_s=heard_s if times.min() - 1e5 < heard_s <= times.max() + 1.0 else None,
    )


def _stream_counters(reports: _Reports, report: str) -> Counters | None:
    direction, packets_name, bytes_name = COUNTER_SERIES[reports.kinds[report]]
    medium = next(
        (
            MEDIUM_BY_KIND[text]
            for name in ("kind", "mediaType")
            for text in reports.texts(report, name)
            if text in MEDIUM_BY_KIND
        ),
        None,
    )
    packets, at_s = reports.numbers(report, packets_name)
    if medium is None or len(packets) < FEWEST_READINGS or packets.max() > MOST_COUNT:
        return None

    def beside(name: str) -> Floats | None:
        values, own_s = reports.numbers(report, name)
        return np.interp(at_s, own_s, values) if len(values) else None

    size, lost, jitter_s, frozen_s = map(beside, (bytes_name, "packetsLost", "jitter", "totalFreezesDuration"))
    ssrc = reports.last(report, "ssrc")
    is_received = direction == "received"
    return Counters(
        direction="received" if is_received else "sent",
        medium=medium,
        ssrc=int(ssrc) if 0 < ssrc < 1 << 32 else None,
        at_s=at_s,
        packets=since_before(packets),
        size=since_before(size) if size is not None else np.zeros(len(packets)),
        lost=since_before(np.clip(lost, 0, MOST_COUNT)) if is_received and lost is not None else None,
        jitter_ms=np.clip(1e3 * jitter_s, 0, 1e6)
        if is_received and jitter_s is not None
        else np.full(len(packets), np.nan),
        frozen_s=since_before(frozen_s) if is_received and frozen_s is not None else None,
        freezes=_counter_value(reports.last(report, "freezeCount")),
    )


def _selected_pair(reports: _Reports) -> str:
    """The pair of candidates that carried the call, else the one that was checked most."""
    chosen = [
        text for report in reports.of_kind("transport") for text in reports.texts(report, "selectedCandidatePairId")
    ]
    known = [pair for pair in chosen if pair in reports.kinds]
    pairs = reports.of_kind("candidate-pair")
    return known[-1] if known else max(pairs, key=lambda pair: reports.last(pair, "requestsSent"), default="")


def _candidate_type(reports: _Reports, pair: str, end: str) -> str:
    return next(iter(reports.texts(pair, f"{end}CandidateId")[-1:]), "")


def _transport_kind(reports: _Reports, pair: str) -> CallTransport:
    kinds = [reports.texts(_candidate_type(reports, pair, end), "candidateType")[-1:] for end in ("local", "remote")]
    told = [kind for own in kinds for kind in own]
    return "relay" if "relay" in told else "p2p" if len(told) == len(kinds) else "unknown"


def _counter_value(value: float) -> int:
    return int(min(max(value, 0.0), MOST_COUNT))
