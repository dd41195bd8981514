"""Chooses which datagrams of a block the recognisers are asked about: few of each kind.

STUN and DTLS handshakes are chosen by kind and size, RTP by the first packets of streams whose SSRC came more than
once, RTCP by type, anything else by the apps' byte hints, or where its flow is known already or goes on for long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from talkpath.apps.contract.byte_hint import ByteHint
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.datagrams import DTLS, OTHER, RTCP, RTP, STUN, Datagrams
from talkpath.capture.packets.flows import Flows, hash_words
from talkpath.capture.packets.rows import Rows, stream_key
from talkpath.wire.pcap.arrays import Ints, KeyGroups, Words, big16, distinct_values, group_keys

ASK_STUN, ASK_PERMISSION, ASK_DTLS, ASK_RTCP, ASK_RTP, ASK_HINT, ASK_LONG, ASK_HOT = 1, 16, 1, 1, 2, 2, 2, 1
MIN_LONG_FLOW_PACKETS = 8
MIN_SSRC_PACKETS = 4
MAX_ASKED_BYTES = 2048
PERMISSION_REQUEST = 0x0008
HANDSHAKE_CONTENT = 22
OFTEN_SLOTS, MAX_REMEMBERED_KINDS = 1 << 20, 1 << 20
"""The number of SSRC counters, which are halved after as many packets, since random bytes that look like RTP fill them;
and of kinds that are remembered before all are forgotten."""
FULL_SLOTS = 1 << 18
FULL_MASK = np.uint64(FULL_SLOTS - 1)
"""The number of places for kinds that were asked about often enough, by their last bits: most packets are of one."""


@dataclass(slots=True)
class Sample:
    """`rows` in their order; `stream` is a key for each row, 0 where it is no RTP; `hinted` the app files that have a
    byte hint for a row."""

    rows: Ints
    stream: Words
    hinted: dict[int, set[str]]


class Sampler:
    """Chooses datagrams and remembers how often it chose each kind."""

    def __init__(self, flows: Flows, hints: Iterable[tuple[str, ByteHint]]) -> None:
        self._flows = flows
        named = tuple(hints)
        self._apps = [name for name, _ in named]
        self._hints = ByteHintTable(hint for _, hint in named)
        self._asked: dict[int, int] = {}
        self._full = np.zeros(FULL_SLOTS, np.uint64)
        self._often = np.zeros(OFTEN_SLOTS, np.uint8)
        self._counted = 0

    def choose(self, batch: Datagrams, media: Rows) -> Sample:
        """Choose the rows to ask about. `media`: the rows of the datagrams that look like RTP."""
        streams = np.zeros(len(batch), np.uint64)
        hinted: dict[int, set[str]] = {}
        picks = [
            self._stun(batch),
            self._handshakes(batch),
            self._reports(batch),
            self._media(batch, media, streams),
            self._others(batch, hinted),
        ]
        rows = distinct_values(np.concatenate(picks))
        return Sample(rows, streams[rows], hinted)

    def _stun(self, batch: Datagrams) -> Ints:
        rows = np.flatnonzero((batch.kind == STUN) & (batch.size <= MAX_ASKED_BYTES))
        name = big16(batch.head[rows], 0)
        keys = hash_words(_size_key(batch, rows) ^ (name << 3 | STUN).astype(np.uint64))
        parts = ((name != PERMISSION_REQUEST, ASK_STUN), (name == PERMISSION_REQUEST, ASK_PERMISSION))
        return np.concatenate([self._limited(rows[part], keys[part], limit) for part, limit in parts])

    def _handshakes(self, batch: Datagrams) -> Ints:
        rows = np.flatnonzero((batch.kind == DTLS) & (batch.size <= MAX_ASKED_BYTES))
        rows = rows[batch.head[rows, 0] == HANDSHAKE_CONTENT]
        kinds = batch.head[rows, 13].astype(np.uint64) << np.uint64(3) | np.uint64(DTLS)
        return self._limited(rows, hash_words(_size_key(batch, rows) ^ kinds), ASK_DTLS)

    def _reports(self, batch: Datagrams) -> Ints:
        rows = np.flatnonzero((batch.kind == RTCP) & (batch.size <= MAX_ASKED_BYTES))
        kinds = stream_key(batch.flow[rows], batch.direction[rows], batch.head[rows, 1].astype(np.uint64))
        return self._limited(rows, hash_words(kinds ^ np.uint64(RTCP)), ASK_RTCP)

    def _media(self, batch: Datagrams, media: Rows, streams: Words) -> Ints:
        """Choose the first packets of RTP streams whose SSRC came at least four times."""
        rows, key = np.flatnonzero(batch.kind == RTP), np.ascontiguousarray(media["key"])
        streams[rows] = key
        self._counted += len(rows)
        kinds = key ^ ((media["type"] & 0x7F).astype(np.uint64) << np.uint64(8) ^ np.uint64(RTP))
        open_to = np.flatnonzero(self._full[(kinds & FULL_MASK).view(np.int64)] != kinds)
        rows, key, kinds = rows[open_to], key[open_to], kinds[open_to]
        slots = group_keys(key & np.uint64(len(self._often) - 1))
        which = slots.keys.view(np.int64)
        self._often[which] = np.minimum(self._often[which].astype(np.int64) + slots.count, 255)
        again = (self._often[which] >= MIN_SSRC_PACKETS)[slots.place]
        if self._counted > OFTEN_SLOTS:
            self._often >>= 1
            self._counted = 0
        return self._limited(rows[again], kinds[again], ASK_RTP)

    def _others(self, batch: Datagrams, hinted: dict[int, set[str]]) -> Ints:
        rows = np.flatnonzero((batch.kind == OTHER) & (batch.outer_size <= MAX_ASKED_BYTES))
        picks = [self._long(batch, rows), self._hot(batch, rows)]
        for number, found in self._hints.find(batch.head, batch.size, rows):
            keys = hash_words(_size_key(batch, found) ^ np.uint64(OTHER + 8 * (number + 1)))
            chosen = self._limited(found, keys, ASK_HINT)
            for row in chosen.tolist():
                hinted.setdefault(row, set()).add(self._apps[number])
            picks.append(chosen)
        return np.concatenate(picks)

    def _long(self, batch: Datagrams, rows: Ints) -> Ints:
        """Choose the first of flows that go on in both directions, or after STUN in one, and are not QUIC."""
        table, flow = self._flows.table, batch.flow[rows]
        one, another = table["other"][flow].T
        checks, checks_back = (table["requests"][flow] + table["answers"][flow]).T
        most = np.where((checks | checks_back) != 0, np.maximum(one, another), np.minimum(one, another))
        rows = rows[(most >= MIN_LONG_FLOW_PACKETS) & (table["quic"][flow] == 0)]
        key = stream_key(batch.flow[rows], batch.direction[rows], np.full(len(rows), OTHER, np.uint64))
        return self._limited(rows, key, ASK_LONG)

    def _hot(self, batch: Datagrams, rows: Ints) -> Ints:
        """Choose some of the flows in which an app was recognised."""
        rows = rows[self._flows.table["hot"][batch.flow[rows]]]
        return self._limited(rows, hash_words(_size_key(batch, rows) ^ np.uint64(OTHER)), ASK_HOT)

    def _limited(self, rows: Ints, keys: Words, limit: int) -> Ints:
        """Choose the first `limit` rows of each key, counting those of earlier blocks."""
        if len(self._asked) > MAX_REMEMBERED_KINDS:
            self._asked.clear()
            self._full[:] = 0
        fresh = self._full[(keys & FULL_MASK).view(np.int64)] != keys
        rows, keys = rows[fresh], keys[fresh]
        if not len(rows):
            return rows
        groups = group_keys(keys)
        names = groups.keys.tolist()
        before = np.array([self._asked.get(name, 0) for name in names], np.int64)
        after = np.minimum(before + groups.count, limit)
        self._asked.update(zip(names, after.tolist(), strict=True))
        full = groups.keys[after == limit]
        self._full[(full & FULL_MASK).view(np.int64)] = full
        return rows[_first_ones(groups, after - before)]


def _first_ones(groups: KeyGroups, times: Ints) -> Ints:
    """Return the places where each key came first, second, and so on, so many `times`."""
    first, chosen, left = groups.first, [groups.first[times > 0]], np.arange(len(groups.place))
    for time in range(1, int(times.max(initial=0))):
        place = groups.place[left]
        more = (times > time)[place] & (first[place] < left)
        left, place = left[more], place[more]
        first[place[::-1]] = left[::-1]  # of several the last counts: the first that is left
        chosen.append(first[times > time])
    return np.concatenate(chosen)


def _size_key(batch: Datagrams, rows: Ints) -> Words:
    """Return one number for flow, direction and size of these datagrams."""
    return stream_key(batch.flow[rows], batch.direction[rows], batch.size[rows].astype(np.uint64))
