"""The same call recorded at both ends: which packets left one and never came to the other.

Packets are known again by SSRC, sequence number and timestamp, sealed media by a hash of its first bytes. A server
that writes these anew leaves nothing to pair, and then nothing is said. The clocks are never compared: they give only
the span in which the far end was recording, from the packets that came. What was on its way while the far recording
holds no packet of any kind is left out: that is a hole in the recording, or a phone without any line.
"""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.records import Recorded
from talkpath.capture.packets.flows import mix
from talkpath.capture.packets.rows import Rows
from talkpath.capture.streams.timing import Floats
from talkpath.measure.call import Heading, Paired, Way
from talkpath.wire.pcap.arrays import Words

FEWEST = 5
MARGIN_S = 0.5
HOLE_S = 1.0
"""So long without any packet, a recording is taken to have a hole."""

Packets = tuple[Words, Floats]


def paired(ours: Recorded, theirs: Recorded) -> tuple[Paired, ...]:
    """Each of our calls that is in their capture too."""
    out = []
    here, there = _packets(ours), _packets(theirs)
    for number, talk in enumerate(ours.talks):
        others = range(len(theirs.talks))
        up = _best([_way(here[number, "sent"], there[other, "received"], theirs) for other in others])
        down = _best([_way(there[other, "sent"], here[number, "received"], ours) for other in others])
        if up or down:
            out.append(Paired(number + 1, talk.name.app, up, down))
    return tuple(out)


def _best(ways: list[Way | None]) -> Way | None:
    return max((way for way in ways if way), key=lambda way: way.arrived, default=None)


def _way(sent: Packets, received: Packets, at_receiver: Recorded) -> Way | None:
    """From the packets that one end sent to those that the other received."""
    (key, sent_s), (other, came_s) = sent, received
    _, here, there = np.intersect1d(key, other, return_indices=True)
    if len(here) < FEWEST:
        return None
    ahead = came_s[there] - sent_s[here]
    shift = float(np.median(ahead))
    arrived = np.isin(key, other)
    inside = arrived | _recording(at_receiver, came_s, sent_s + shift)
    return _counted(sent_s[inside], arrived[inside], ahead)


def _recording(found: Recorded, came_s: Floats, due_s: Floats) -> NDArray[np.bool_]:
    """Which of these moments a recording covers: it has begun, not ended, and has no hole there (a second without any
    packet, and what lies beside it until something of the call came)."""
    scan = found.assembly.scan
    covered: NDArray[np.bool_] = (due_s >= -MARGIN_S) & (due_s <= scan.end_s - scan.begin_s + MARGIN_S)
    second = np.floor(due_s).astype(np.int64)
    busy = np.unique(scan.activity.cells()["second"] - floor(scan.begin_s))
    empty = [~np.isin(second + step, busy) & (second + step >= 0) for step in (-1, 0, 1)]
    place = np.clip(np.searchsorted(came_s, due_s), 1, len(came_s) - 1)
    covered &= ~(np.any(empty, axis=0) & (came_s[place] - came_s[place - 1] > HOLE_S))
    return covered


def _packets(found: Recorded) -> dict[tuple[int, Heading], Packets]:
    """(key, time) of the media packets of each call and direction, copies left out, in the order of time."""
    pieces: dict[tuple[int, Heading], list[Packets]] = {}
    for number in range(len(found.talks)):
        pieces[number, "sent"], pieces[number, "received"] = [], []
    for ledger, parts in (found.assembly.measuring.rtp(), found.assembly.measuring.sealed()):
        places = {
            piece.stream: (number, piece.heading)
            for number, talk in enumerate(found.talks)
            for piece in talk.media
            if piece.ledger.has_header == ledger.has_header
        }
        for part in parts:
            for segment, stream in enumerate(part.numbers.tolist()):
                if stream in places:
                    pieces[places[stream]].append(_keys(part.found.rows[part.of(segment)]))
    return {place: _unique(some) for place, some in pieces.items()}


def _keys(rows: Rows) -> Packets:
    number = rows["sequence"].astype(np.uint64) << np.uint64(32) | rows["stamp"]
    return mix(number ^ mix(rows["ssrc"].astype(np.uint64) << np.uint64(16) ^ rows["size"])), rows["time_s"]


def _unique(some: list[Packets]) -> Packets:
    key = np.concatenate([np.zeros(0, np.uint64), *(key for key, _ in some)])
    time_s = np.concatenate([np.zeros(0), *(time_s for _, time_s in some)])
    key, first = np.unique(key, return_index=True)
    order = np.argsort(time_s[first], kind="stable")
    return key[order], time_s[first][order]


def _counted(sent_s: Floats, arrived: NDArray[np.bool_], ahead: Floats) -> Way:
    lost = int(np.sum(~arrived))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~arrived).astype(np.int8), [0]])))
    runs = edges[1::2] - edges[::2]
    spread = float(np.quantile(ahead, 0.95) - ahead.min()) if len(ahead) else None
    return Way(
        sent=len(sent_s),
        arrived=int(arrived.sum()),
        lost=lost,
        loss_pct=round(100 * lost / max(len(sent_s), 1), 3),
        first_lost_s=round(float(sent_s[~arrived][0]), 6) if lost else None,
        longest_run=int(runs.max()) if len(runs) else 0,
        spread_ms=None if spread is None else round(1e3 * spread, 3),
    )
