"""Compares a call that was recorded at both ends: which packets left one and did not arrive at the other.

Packets are matched by SSRC, sequence number and timestamp, media without a header by a hash of its first bytes. Where a
server writes these anew nothing can be matched, and no result is given. Clocks are not compared; the packets that
arrived give the span in which the far end was recording. Packets sent while the far recording holds no packet of any
kind are left out: that is a hole in the recording, or a phone without a network.
"""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.records import MeasuredCapture
from talkpath.capture.packets.flows import hash_words
from talkpath.capture.packets.rows import Rows
from talkpath.measure.arrays import Floats
from talkpath.measure.call import Paired, PairedDirection, RecordedDirection
from talkpath.wire.pcap.arrays import Words

FEWEST_MATCHED = 5
RECORDING_MARGIN_S = 0.5
RECORDING_HOLE_S = 1.0
"""A recording without any packet for so long has a hole."""

PacketTimes = tuple[Words, Floats]


def paired_calls(ours: MeasuredCapture, theirs: MeasuredCapture) -> tuple[Paired, ...]:
    """Compare each of our calls that is in their capture too."""
    out = []
    here, there = _media_packets(ours), _media_packets(theirs)
    for number, call in enumerate(ours.calls):
        others = range(len(theirs.calls))
        up = _most_matched(
            [_compared_direction(here[number, "sent"], there[other, "received"], theirs) for other in others]
        )
        down = _most_matched(
            [_compared_direction(there[other, "sent"], here[number, "received"], ours) for other in others]
        )
        if up or down:
            out.append(Paired(number + 1, call.name.app, up, down))
    return tuple(out)


def _most_matched(directions: list[PairedDirection | None]) -> PairedDirection | None:
    matched = (direction for direction in directions if direction)
    return max(matched, key=lambda direction: direction.arrived, default=None)


def _compared_direction(
    sent: PacketTimes, received: PacketTimes, at_receiver: MeasuredCapture
) -> PairedDirection | None:
    """Compare the packets that one end sent with those that the other received."""
    (key, sent_s), (other, arrived_s) = sent, received
    _, here, there = np.intersect1d(key, other, return_indices=True)
    if len(here) < FEWEST_MATCHED:
        return None
    ahead = arrived_s[there] - sent_s[here]
    shift = float(np.median(ahead))
    arrived = np.isin(key, other)
    inside = arrived | _was_recording(at_receiver, arrived_s, sent_s + shift)
    return _paired_direction(sent_s[inside], arrived[inside], ahead)


def _was_recording(capture: MeasuredCapture, arrived_s: Floats, due_s: Floats) -> NDArray[np.bool_]:
    """Tell which of these moments a recording covers: it has begun, has not ended, and has no hole there (a second
    without any packet, and the time around it until a packet of the call arrived)."""
    scan = capture.scan
    covered: NDArray[np.bool_] = (due_s >= -RECORDING_MARGIN_S) & (
        due_s <= scan.end_s - scan.begin_s + RECORDING_MARGIN_S
    )
    second = np.floor(due_s).astype(np.int64)
    busy = np.unique(scan.activity.cells()["second"] - floor(scan.begin_s))
    empty = [~np.isin(second + step, busy) & (second + step >= 0) for step in (-1, 0, 1)]
    place = np.clip(np.searchsorted(arrived_s, due_s), 1, len(arrived_s) - 1)
    covered &= ~(np.any(empty, axis=0) & (arrived_s[place] - arrived_s[place - 1] > RECORDING_HOLE_S))
    return covered


def _media_packets(capture: MeasuredCapture) -> dict[tuple[int, RecordedDirection], PacketTimes]:
    """Return (key, time) of the media packets of each call and direction, without copies, in the order of time."""
    packets: dict[tuple[int, RecordedDirection], list[PacketTimes]] = {}
    for number in range(len(capture.calls)):
        packets[number, "sent"], packets[number, "received"] = [], []
    for number, place, part, own in capture.stream_packets():
        stream = capture.calls[number].streams[place]
        if stream.medium is not None:
            packets[number, stream.direction].append(_packet_keys(part.segments.rows[own]))
    return {place: _without_copies(some) for place, some in packets.items()}


def _packet_keys(rows: Rows) -> PacketTimes:
    number = rows["sequence"].astype(np.uint64) << np.uint64(32) | rows["stamp"]
    return hash_words(number ^ hash_words(rows["ssrc"].astype(np.uint64) << np.uint64(16) ^ rows["size"])), rows[
        "time_s"
    ]


def _without_copies(some: list[PacketTimes]) -> PacketTimes:
    key = np.concatenate([np.zeros(0, np.uint64), *(key for key, _ in some)])
    time_s = np.concatenate([np.zeros(0), *(time_s for _, time_s in some)])
    key, first = np.unique(key, return_index=True)
    order = np.argsort(time_s[first], kind="stable")
    return key[order], time_s[first][order]


def _paired_direction(sent_s: Floats, arrived: NDArray[np.bool_], ahead: Floats) -> PairedDirection:
    lost = int(np.sum(~arrived))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~arrived).astype(np.int8), [0]])))
    runs = edges[1::2] - edges[::2]
    spread = float(np.quantile(ahead, 0.95) - ahead.min()) if len(ahead) else None
    return PairedDirection(
        sent=len(sent_s),
        arrived=int(arrived.sum()),
        lost=lost,
        loss_pct=round(100 * lost / max(len(sent_s), 1), 3),
        first_lost_s=round(float(sent_s[~arrived][0]), 6) if lost else None,
        longest_run=int(runs.max()) if len(runs) else 0,
        spread_ms=None if spread is None else round(1e3 * spread, 3),
    )
