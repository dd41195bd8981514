"""Makes the record of a call from the readings of its streams.

What an app counted is less than what packets show: no lateness, no bursts, no other traffic. The record has null there.
Losses of what this end sent are left out: the far end reported them, and in a recording such losses are the recorder's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor

import numpy as np

from talkpath.capture.app_stats.counters import OFTEN_S, Counters
from talkpath.capture.calls.records import MEDIA_IN_ORDER
from talkpath.capture.streams.record import RATED_PACKETS, RATED_S
from talkpath.measure import quality
from talkpath.measure.arrays import Floats
from talkpath.measure.bounds import MOST_CALL_S, MOST_CALL_STREAMS
from talkpath.measure.call import Attempt, Call, CallTransport, Flow, Moment, RecordedDirection, Second, Stream
from talkpath.measure.silence import with_silent_end

FEWEST_COUNTED_PACKETS = 8
"""As in a recording."""


@dataclass(slots=True)
class PeerConnection:
    """One call of an app: its streams and its path. Times are seconds since 1970; `requests` and `answers` are checks
    of the path (STUN), `heard_s` is when anything came last."""

    app: str
    confidence: float
    begin_s: float
    end_s: float
    streams: list[Counters] = field(default_factory=list)
    transport: CallTransport = "unknown"
    protocol: str = "udp"
    requests: int = 0
    answers: int = 0
    received: int = 0
    heard_s: float | None = None
    closed: bool = False

    @property
    def first_s(self) -> float:
        """When anything of it can have been counted first."""
        return min([self.begin_s, *(stream.begin_s for stream in self.streams if stream.moved.any())])

    @property
    def packets(self) -> int:
        """How many packets its streams counted."""
        return int(sum(stream.packets.sum() for stream in self.streams))


def call_of(connection: PeerConnection, base_s: float, file_end_s: float) -> Call | None:
    """Return the record of a connection that carried a call; times count from `base_s`."""
    counted = [stream for stream in connection.streams if stream.packets.sum() > 0][:MOST_CALL_STREAMS]
    if sum(float(stream.packets.sum()) for stream in counted) < FEWEST_COUNTED_PACKETS:
        return None
    begin_s, end_s = min(stream.begin_s for stream in counted), max(stream.end_s for stream in counted)
    streams = sorted((_stream_record(one, base_s) for one in counted), key=lambda one: (one.direction, one.start_s))
    return with_silent_end(
        Call(
            app=connection.app,
            app_confidence=connection.confidence,
            media=tuple(medium for medium in MEDIA_IN_ORDER if any(stream.medium == medium for stream in counted)),
            start_s=round(begin_s - base_s, 6),
            duration_s=round(end_s - begin_s, 6),
            setup_s=round(min(connection.begin_s, begin_s) - base_s, 6),
            transport=connection.transport,
            protocol="tcp" if connection.protocol == "tcp" else "udp",
            encrypted=True,
            flows=(_flow_record(connection, counted, base_s),),
            streams=tuple(streams),
            seconds=_moments(counted, begin_s - base_s, end_s - base_s, base_s),
            control_end_s=round(max(connection.end_s, end_s) - base_s, 6),
            file_end_s=round(file_end_s - base_s, 6),
            closed=connection.closed,
        )
    )


def attempt_of(connection: PeerConnection, base_s: float) -> Attempt | None:
    """Return the record of a connection whose path was checked and that carried no call."""
    if not connection.requests:
        return None
    return Attempt(
        app=connection.app,
        app_confidence=connection.confidence,
        start_s=round(connection.begin_s - base_s, 6),
        end_s=round(connection.end_s - base_s, 6),
        answered=connection.answers > 0,
        requests=connection.requests,
        answers=connection.answers,
        other_packets=0,
    )


def _stream_record(counters: Counters, base_s: float) -> Stream:
    packets, lost = round(counters.packets.sum()), None if counters.lost is None else round(counters.lost.sum())
    lasts_s, still = counters.end_s - counters.begin_s, counters.still()
    frozen_s, freezes = (
        float(counters.span_s[still].sum()),
        int(np.count_nonzero(np.diff(still, prepend=False) & still)),
    )
    if counters.frozen_s is not None:
        frozen_s, freezes = min(float(counters.frozen_s.sum()), lasts_s), counters.freezes
    known = counters.jitter_ms[~np.isnan(counters.jitter_ms)]
    jitter_ms = float(known.mean()) if len(known) else None
    runs = 0 if counters.lost is None else int(np.count_nonzero(counters.lost > 0))
    rated = counters.medium == "voice" and lost is not None and packets + lost >= RATED_PACKETS and lasts_s >= RATED_S
    loss_pct = None if lost is None else 100 * lost / max(packets + lost, 1)
    return Stream(
        direction=counters.direction,
        ssrc=counters.ssrc,
        payload_type=None,
        medium=counters.medium,
        packets=packets,
        lost=lost,
        loss_pct=None if loss_pct is None else round(loss_pct, 3),
        loss_basis=None if lost is None else "sequence",
        duplicates=0,
        reordered=0,
        jitter_ms=None if jitter_ms is None else round(jitter_ms, 3),
        late_ms=None,
        freezes=freezes,
        frozen_s=round(frozen_s, 3),
        longest_gap_ms=round(1e3 * _longest_standstill_s(counters.span_s, still), 3),
        mos=round(quality.mos_with_silence(loss_pct or 0.0, 100 * frozen_s / lasts_s, jitter_ms or 0.0), 2)
        if rated
        else None,
        start_s=round(counters.begin_s - base_s, 6),
        duration_s=round(lasts_s, 6),
        kbps=round(8e-3 * float(counters.size.sum()) / lasts_s, 3),
        clock_hz=None,
        packet_ms=None,
        mean_burst=round(lost / runs, 3) if lost and runs else None,
        flows=(1,),
    )


def _longest_standstill_s(span_s: Floats, still: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """Return the length of the longest run of readings between which nothing came."""
    longest = run = 0.0
    for lasts_s, stood in zip(span_s.tolist(), still.tolist(), strict=True):
        run = run + lasts_s if stood else 0.0
        longest = max(longest, run)
    return longest


def _flow_record(connection: PeerConnection, counted: Sequence[Counters], base_s: float) -> Flow:
    def media(direction: RecordedDirection) -> tuple[int, float | None]:
        own = [stream for stream in counted if stream.direction == direction]
        return round(sum(stream.packets.sum() for stream in own)), max((stream.end_s for stream in own), default=None)

    (sent, said_s), (received, media_s) = media("sent"), media("received")
    heard_s = max((at_s for at_s in (media_s, connection.heard_s) if at_s is not None), default=None)
    return Flow(
        number=1,
        kind="relay" if connection.transport == "relay" else "peer",
        protocol="tcp" if connection.protocol == "tcp" else "udp",
        packets_sent=sent + connection.requests,
        packets_received=max(connection.received, received + connection.answers),
        media_sent=sent,
        media_received=received,
        start_s=round(connection.begin_s - base_s, 6),
        end_s=round(max([connection.end_s, *(stream.end_s for stream in counted)]) - base_s, 6),
        last_received_s=None if heard_s is None else round(heard_s - base_s, 6),
        requests=connection.requests,
        answers=connection.answers,
        last_sent_s=None if said_s is None else round(said_s - base_s, 6),
    )


def _moments(counted: Sequence[Counters], begin_s: float, end_s: float, base_s: float) -> tuple[Moment, ...]:
    """Tell each second by the readings that cover its middle, those whose middle lies in the call."""
    first = floor(begin_s + 0.5)
    count = min(max(floor(end_s + 0.5) - first, 1), MOST_CALL_S)
    seconds = first + np.arange(count, dtype=np.int64)
    middles: Floats = np.asarray(seconds + (base_s + 0.5), np.float64)
    both = [
        _direction_seconds([one for one in counted if one.direction == direction], middles)
        for direction in ("sent", "received")
    ]
    return tuple(Moment(second, sent, received) for second, sent, received in zip(seconds.tolist(), *both, strict=True))


def _direction_seconds(streams: Sequence[Counters], middles: Floats) -> list[Second]:
    columns = [_counter_columns(stream, middles) for stream in streams]
    if not columns:
        return [Second()] * len(middles)
    packets, lost, size, still = (np.sum([one[name] for one in columns], axis=0) for name in range(4))
    jitter = np.array([one[4] for one in columns])
    known = ~np.isnan(jitter)
    jitter_ms = np.where(known.any(axis=0), np.max(np.where(known, jitter, 0.0), axis=0), np.nan)
    values = zip(packets.tolist(), lost.tolist(), size.tolist(), still.tolist(), jitter_ms.tolist(), strict=True)
    return [_second_record(*value) for value in values]


def _counter_columns(stream: Counters, middles: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Packets, lost packets, bytes, seconds that stood still, and jitter of each second."""
    place, inside = stream.covering(middles)
    share = np.where(inside, 1.0 / stream.span_s[place], 0.0)
    lost = np.full(len(middles), np.nan)
    if stream.lost is not None and float(np.median(stream.span_s)) <= OFTEN_S:
        lost = stream.lost[place] * share
    frozen = stream.still() * stream.span_s if stream.frozen_s is None else stream.frozen_s
    jitter = np.where(inside & stream.moved[place], stream.jitter_ms[place], np.nan)
    return stream.packets[place] * share, lost, stream.size[place] * share, frozen[place] * share, jitter


def _second_record(packets: float, lost: float, size: float, frozen_s: float, jitter_ms: float) -> Second:
    is_lost_known, is_jitter_known = not np.isnan(lost), not np.isnan(jitter_ms)
    return Second(
        packets=round(packets),
        lost=round(lost) if is_lost_known else None,
        kbps=round(8e-3 * size, 3),
        jitter_ms=round(jitter_ms, 3) if is_jitter_known else None,
        frozen_ms=round(1e3 * min(frozen_s, 1.0), 3),
    )
