"""Reads Signal's debug logs: RingRTC writes the rates of each stream every few seconds.

    ringrtc_stats!,audio,recv,1002,40.0,0.0%,32000.0bps,0ms,0.000,50ms
                              ssrc, packets a second, lost, rate, jitter, ...
    ringrtc_stats!,audio,send,2002,40.0,100.0,32000.0bps,0.0%,0ms,0ms,0.000
                              ssrc, packets a second, bytes a packet, rate, ...

Video's begin alike. The lines are those of RingRTC's `stats_observer.rs` (Signal Messenger, since 2022). A call begins
with `on_start_call` or `Group Client created`, and ends with `terminate_call` or `delete_group_call_client`. Rates are
those since the line before; nothing else of the log is looked at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from talkpath.capture.app_stats.calls import PeerConnection
from talkpath.capture.app_stats.counters import Counters
from talkpath.measure.bounds import MOST_CALL_STREAMS, MOST_RECORDED_CALLS
from talkpath.measure.call import CallTransport

STATS_LINE = re.compile(
    r"ringrtc_stats!,(?P<kind>audio|video),(?P<way>send|recv),(?P<ssrc>\d{1,10}),(?P<rate>\d{1,6}(?:\.\d+)?),"
    r"(?:(?P<lost>\d{1,3}(?:\.\d+)?)%|\d+(?:\.\d+)?),(?P<bps>\d{1,10}(?:\.\d+)?)bps(?:,(?P<jitter>\d{1,6})ms)?"
)
CONNECTION_LINE = re.compile(r"ringrtc_stats!,connection,[^,]{0,40},(?P<at_us>\d{16}),")
TIME_STAMP = re.compile(r"(20\d\d)[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)[.:](\d{3})(Z?)")
ROUTE_LINE = re.compile(r"local_relayed: (true|false),.{0,200}remote_relayed: (true|false)")
RELAY_TCP = re.compile(r"local_relay_protocol: (Tcp|Tls)")
BEGIN_WORDS, END_WORDS = ("on_start_call", "Group Client created"), ("terminate_call", "delete_group_call_client")
TOLD = re.compile("|".join(("ringrtc_stats!", "local_relayed: ", *BEGIN_WORDS, *END_WORDS)))
"""What lines that are looked at hold."""
LOG_APART_S = 60.0
"""Lines further apart are of different calls."""
USUAL_REPORT_S, QUARTER_S = 10.0, 900.0
LOG_CONFIDENCE = 1.0


@dataclass(slots=True)
class _Talk:
    """The lines of one call: by stream (time, packets a second, share lost or None, bytes a second, jitter or None)."""

    begin_s: float
    end_s: float
    lines: dict[tuple[str, str, int], list[tuple[float, float, float | None, float, float | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    relayed: list[bool] = field(default_factory=list)
    over_tcp: bool = False
    closed: bool = False


def signal_connections(text: str) -> tuple[list[PeerConnection], bool]:
    """Return the calls of a log, and whether its times are known to be UTC."""
    offset_s = _offset_s(text)
    talks = [talk for talk in _logged_talks(text) if talk.lines][:MOST_RECORDED_CALLS]
    return [_peer_connection(talk, offset_s or 0.0) for talk in talks], offset_s is not None


def _logged_talks(text: str) -> Iterator[_Talk]:
    talk: _Talk | None = None
    for line in _lines_with(TOLD, text):
        begins, found = any(word in line for word in BEGIN_WORDS), STATS_LINE.search(line)
        if not (begins or found or talk):
            continue
        at_s = _time_s(line)
        if at_s is None:
            continue
        if talk is not None and (begins or at_s - talk.end_s > LOG_APART_S or at_s < talk.begin_s):
            yield talk
            talk = None
        if talk is None and (begins or found):
            talk = _Talk(at_s, at_s)
        if talk is None:
            continue
        if found:
            talk.end_s = at_s
            _add_line(talk, at_s, found)
        elif (route := ROUTE_LINE.search(line)) is not None:
            talk.relayed.append("true" in route.groups())
            talk.over_tcp = RELAY_TCP.search(line) is not None
        elif any(word in line for word in END_WORDS):
            talk.closed = True
            talk.end_s = at_s
            yield talk
            talk = None
    if talk is not None:
        yield talk


def _lines_with(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Yield the lines that a pattern is found in."""
    end = 0
    for found in pattern.finditer(text):
        if found.start() >= end:
            begin, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.start())
            end = len(text) if end < 0 else end
            yield text[begin:end]


def _add_line(talk: _Talk, at_s: float, found: re.Match[str]) -> None:
    key = (found["kind"], found["way"], int(found["ssrc"]))
    if key not in talk.lines and len(talk.lines) >= MOST_CALL_STREAMS:
        return
    own = talk.lines[key]
    if own and at_s <= own[-1][0]:
        return
    received = found["way"] == "recv"
    lost = min(float(found["lost"]), 99.9) / 100 if received and found["lost"] is not None else None
    jitter = float(found["jitter"]) if received and found["kind"] == "audio" and found["jitter"] is not None else None
    own.append((at_s, float(found["rate"]), lost, float(found["bps"]) / 8, jitter))


def _peer_connection(talk: _Talk, offset_s: float) -> PeerConnection:
    transport: CallTransport = "unknown" if not talk.relayed else "relay" if talk.relayed[-1] else "p2p"
    return PeerConnection(
        app="signal",
        confidence=LOG_CONFIDENCE,
        begin_s=talk.begin_s + offset_s,
        end_s=talk.end_s + offset_s,
        streams=[_stream_counters(*key, lines, offset_s) for key, lines in talk.lines.items()],
        transport=transport,
        protocol="tcp" if talk.over_tcp else "udp",
        closed=talk.closed,
    )


def _stream_counters(
    kind: str, way: str, ssrc: int, lines: list[tuple[float, float, float | None, float, float | None]], offset_s: float
) -> Counters:
    columns = list(zip(*lines, strict=True))
    at_s, rate, rate_bytes = (np.array(columns[place], np.float64) for place in (0, 1, 3))
    lost, jitter_ms = (np.array([np.nan if one is None else one for one in columns[place]]) for place in (2, 4))
    span_s = np.diff(at_s, prepend=at_s[0] - (at_s[1] - at_s[0] if len(at_s) > 1 else USUAL_REPORT_S))
    packets = rate * span_s
    return Counters(
        direction="received" if way == "recv" else "sent",
        medium="voice" if kind == "audio" else "video",
        ssrc=ssrc if 0 < ssrc < 1 << 32 else None,
        at_s=at_s + offset_s,
        packets=packets,
        size=rate_bytes * span_s,
        lost=None if np.isnan(lost).any() else packets * lost / (1 - lost),
        jitter_ms=jitter_ms,
    )


def _time_s(line: str) -> float | None:
    """The first time in a line, as if its clock were UTC; None where there is none."""
    found = TIME_STAMP.search(line)
    if found is None:
        return None
    year, month, day, hour, minute, second, thousandths = map(int, found.groups()[:-1])
    try:
        return datetime(year, month, day, hour, minute, second, 1000 * thousandths, UTC).timestamp()
    except ValueError:
        return None


def _offset_s(text: str) -> float | None:
    """How far the log's clock is from UTC: 0 where it says so, else by a line with both times; None where none has."""
    for line in _lines_with(TIME_STAMP, text):
        if (told := TIME_STAMP.search(line)) is not None and told[8]:
            return 0.0
        if (found := CONNECTION_LINE.search(line)) is not None and (at_s := _time_s(line)) is not None:
            away_s = int(found["at_us"]) / 1e6 - at_s
            return round(away_s / QUARTER_S) * QUARTER_S if abs(away_s) < 15 * 3600 else None
    return None
