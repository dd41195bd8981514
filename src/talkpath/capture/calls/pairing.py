"""Compares a call that was recorded at both ends: which packets left one and did not arrive at the other.

Packets are matched by SSRC, sequence number and timestamp, media without a header by a hash of its first bytes. Where a
server writes these anew nothing can be matched, and no result is given. A call of which no packet arrived is known by
the names of its ICE session, which both ends sent. Packets that are in both recordings give the span in which the far
end was recording; where there are none, the clocks of both machines do. Packets sent while the far recording holds no
packet of any kind are left out: that is a hole in the recording, or a phone without a network.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

import numpy as np
from msgspec.structs import replace
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
        sent, received, sessions = here[number, "sent"], here[number, "received"], _sessions(ours, call.flows)
        same = [
            other
            for other, their in enumerate(theirs.calls)
            if _arrived(sent, there[other, "received"]) >= FEWEST_MATCHED
            or _arrived(there[other, "sent"], received) >= FEWEST_MATCHED
            or sessions & _sessions(theirs, their.flows)
        ]
        is_end_to_end = bool(sessions & _sessions(theirs, range(len(theirs.scan.flows))))
        if same or is_end_to_end:
            their_sent, their_received = (
                _without_copies([there[other, direction] for other in same]) for direction in ("sent", "received")
            )
            ahead_s = _clock_ahead_s(ours, theirs, (sent, their_received), (their_sent, received))
            up = _compared_direction(sent, their_received, their_sent, theirs, ahead_s, is_end_to_end=is_end_to_end)
            down = _compared_direction(their_sent, received, sent, ours, -ahead_s, is_end_to_end=is_end_to_end)
            if up is not None or down is not None:
                out.append(Paired(number + 1, call.name.app, up, down and _at_receiver(down, -ahead_s)))
    return tuple(out)


def _sessions(capture: MeasuredCapture, flows: Iterable[int]) -> set[tuple[bytes, bytes]]:
    """Return the ICE sessions of these flows. Both ends know a session by the same two names (RFC 8445 section 7.2.2),
    a server between them has names of its own."""
    return {talk for known in capture.scan.known(flows) for talk in known.sessions if talk[0] != talk[1]}


def _arrived(sent: PacketTimes, received: PacketTimes) -> int:
    return int(np.isin(sent[0], received[0]).sum())


def _clock_ahead_s(
    ours: MeasuredCapture,
    theirs: MeasuredCapture,
    up: tuple[PacketTimes, PacketTimes],
    down: tuple[PacketTimes, PacketTimes],
) -> float:
    """Return how far their times are ahead of ours, by packets that are in both; where none are, by the clocks of both
    machines."""
    for ((key, sent_s), (other, arrived_s)), sign in ((up, 1), (down, -1)):
        _, here, there = np.intersect1d(key, other, return_indices=True)
        if len(here) >= FEWEST_MATCHED:
            return sign * float(np.median(arrived_s[there] - sent_s[here]))
    return ((ours.begun_ns or 0) - (theirs.begun_ns or 0)) / 1e9


def _compared_direction(
    sent: PacketTimes,
    received: PacketTimes,
    receiver_sent: PacketTimes,
    at_receiver: MeasuredCapture,
    ahead_s: float,
    *,
    is_end_to_end: bool,
) -> PairedDirection | None:
    """Compare the packets that one end sent with those that the other received. None where what came is not what was
    sent: a server wrote it anew, or sent nothing on; or one of the two took what it received for what it sent; or both
    were not recording at one time."""
    (key, sent_s), (other, arrived_s) = sent, received
    _, here, there = np.intersect1d(key, other, return_indices=True)
    ahead = arrived_s[there] - sent_s[here]
    if len(here) >= FEWEST_MATCHED:
        ahead_s = float(np.median(ahead))
    elif len(key) and not (is_end_to_end and len(other) == len(here) and _arrived(sent, receiver_sent) == 0):
        return None
    arrived = np.isin(key, other)
    inside = arrived | _was_recording(at_receiver, arrived_s, sent_s + ahead_s)
    return None if len(key) and not inside.any() else _paired_direction(sent_s[inside], arrived[inside], ahead)


def _at_receiver(direction: PairedDirection, ahead_s: float) -> PairedDirection:
    """Return the direction with times of the receiver's recording."""
    first_s, silent_s = direction.first_lost_s, direction.silent_s
    return replace(
        direction,
        first_lost_s=None if first_s is None else round(first_s + ahead_s, 6),
        silent_s=silent_s and (round(silent_s[0] + ahead_s, 6), round(silent_s[1] + ahead_s, 6)),
    )


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
    arrived_s = arrived_s if len(arrived_s) > 1 else np.array((-np.inf, np.inf))
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
    tail_s = sent_s[np.flatnonzero(arrived)[-1] + 1 :] if arrived.any() else sent_s
    spread = float(np.quantile(ahead, 0.95) - ahead.min()) if len(ahead) else None
    return PairedDirection(
        sent=len(sent_s),
        arrived=int(arrived.sum()),
        lost=lost,
        loss_pct=round(100 * lost / max(len(sent_s), 1), 3),
        first_lost_s=round(float(sent_s[~arrived][0]), 6) if lost else None,
        longest_run=int(runs.max()) if len(runs) else 0,
        spread_ms=None if spread is None else round(1e3 * spread, 3),
        silent_s=(round(float(tail_s[0]), 6), round(float(tail_s[-1]), 6)) if len(tail_s) else None,
    )
