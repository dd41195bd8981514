"""Streams measured part by part, over all flows of their call, so that a move from relay to peer is no loss.

The same parts can be gone through again for what needs packets: pairing with the other end, a table of them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.flows import mix
from talkpath.capture.packets.rows import NONE, VIDEO, Rows
from talkpath.capture.packets.spool import Spool
from talkpath.capture.streams.headerless import by_cadence, without_copies
from talkpath.capture.streams.part_state import Carry
from talkpath.capture.streams.rtp_order import PAUSE_S, sequence
from talkpath.capture.streams.stream_stats import Ledger, Part
from talkpath.capture.streams.timing import timing
from talkpath.capture.tcp.tls_cadence import Beats
from talkpath.wire.pcap.arrays import Ints, Words, among


@dataclass(slots=True)
class Measuring:
    """Where rows are, and which call each flow belongs to: `group_of`, -1 for none, and its local end."""

    media: Spool
    opaque: Spool
    begin_s: float
    group_of: Ints
    local: NDArray[np.int8]
    sources: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    heard: list[int] = field(default_factory=list)
    """SSRCs that are RTP's; groups that have RTP which somebody hears or sees."""
    beats: Beats = field(default_factory=Beats)

    def rtp(self) -> tuple[Ledger, Iterator[Part]]:
        """A ledger, and the parts that fill it, as they are gone through."""
        ledger = Ledger(has_header=True)
        return ledger, self._rtp(ledger)

    def _rtp(self, ledger: Ledger) -> Iterator[Part]:
        carry = Carry(PAUSE_S)
        for every, last in self.media.parts():
            rows = carry.before(from_begin(self._chosen(every), self.begin_s))
            found = carry.segments(rows, self._key(rows, rows["ssrc"]), last)
            if not len(found):
                carry.keep(found)
                continue
            order = sequence(found)
            first = found.rows[found.begin]
            numbers, counted = ledger.numbers(found, self._key(first, first["ssrc"]))
            times = timing(found, order, ledger.clocks(numbers))
            carry.keep(found, times.earliest)
            part = Part(found, order, times, numbers, counted)
            ledger.add(part)
            yield part
        ledger.close()

    def _chosen(self, rows: Rows) -> Rows:
        chosen = among(rows["ssrc"], self.sources) & (self.group_of[rows["flow"]] >= 0)
        return rows if chosen.all() else rows[chosen]

    def sealed(self) -> tuple[Ledger, Iterator[Part]]:
        """The same for media without a header, in groups that have no other."""
        ledger = Ledger(has_header=False)
        return ledger, self._sealed(ledger)

    def _sealed(self, ledger: Ledger) -> Iterator[Part]:
        carry = Carry(PAUSE_S)
        for every, last in self.opaque.parts():
            group = self.group_of[every["flow"]]
            alone = ~among(group, np.sort(np.array(self.heard, np.int64))) | (every["outer"] == TLS)
            chosen = (every["type"] != NONE) & (group >= 0) & alone & self.beats.heard(every)
            rows = carry.before(from_begin(every[chosen], self.begin_s))
            found = carry.segments(rows, self._key(rows, rows["type"] == VIDEO), last)
            found = found.less(without_copies(found)) if len(found) else found
            carry.keep(found)
            if not len(found):
                continue
            first = found.rows[found.begin]
            numbers, counted = ledger.numbers(found, self._key(first, first["type"] == VIDEO))
            part = Part(found, *by_cadence(found), numbers, counted)
            ledger.add(part)
            yield part
        ledger.close()

    def _key(self, rows: Rows, detail: NDArray[np.generic]) -> Words:
        """One number for call, direction and detail."""
        group = self.group_of[rows["flow"]].astype(np.uint64)
        sent = (rows["way"] == self.local[rows["flow"]]).astype(np.uint64)
        return mix(group << np.uint64(34) ^ sent << np.uint64(33) ^ detail.astype(np.uint64))


def from_begin(rows: Rows, begin_s: float) -> Rows:
    """The same with times that count from the earliest packet; most files begin with it."""
    if not begin_s:
        return rows
    out = rows.copy()
    out["time_s"] -= begin_s
    return out
