"""Follows TLS connections to servers that the recording proves to be TURN servers of that client.

The proof is a ClientHello that offers TURN's protocol (RFC 7443), or an Allocate request (RFC 8656) of the same client
to the same address, over UDP or TCP, before the records in question. Only such connections are followed, and only the
sizes and times of their records are kept; `tls_cadence` tells whether those are of a call. Why not more:
docs/why/2026-11-24-media-in-tls.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from talkpath.capture.packets.activity import Activity
from talkpath.capture.packets.datagrams import PLAIN, STUN, TLS, Datagrams, Seconds
from talkpath.capture.packets.flows import Flows, endpoint_hash, flow_key, hash_words, packet_ends
from talkpath.capture.packets.rows import ROW_TYPE, VIDEO, VOICE, Rows, stream_key
from talkpath.capture.tcp.reassembly import Completed, Connections
from talkpath.wire.pcap import Packets, Unread
from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, Words, big16, distinct_values, is_among
from talkpath.wire.pcap.fragments import ReassemblyBudget
from talkpath.wire.tls import (
    APPLICATION_DATA,
    TLS_HEADER_BYTES,
    TURN_PROTOCOLS,
    RecordStream,
    is_record,
    offered_protocols,
)

ALLOCATE_MESSAGE = 0x0003
SMALL_BYTES = 400
"""A record with voice is no larger: Opus at its highest usual rate, SRTP's and TURN's headers, a tag."""
COPY_BYTES = 32


class TurnOverTls:
    """Follows such connections. `flows` maps each to the flow of the Allocate request that proved it, None where a
    ClientHello did."""

    def __init__(self, flows: Flows, activity: Activity, budget: ReassemblyBudget, unread: Unread) -> None:
        self._flows, self._activity = flows, activity
        self._asked: dict[int, int] = {}
        self._keys = np.zeros(0, np.uint64)
        self._proof: dict[int, int | None] = {}
        self._connections = Connections(
            lambda captured, size: RecordStream() if is_record(captured) else None, budget, unread
        )
        self._waiting: list[Completed] = []
        self.flows: dict[int, int | None] = {}

    @property
    def proved(self) -> int:
        """How many connections are followed."""
        return len(self._proof)

    def follow(self, keys: Words) -> None:
        """Follow these connections without proof."""
        self._proof.update(dict.fromkeys(keys.tolist()))
        self._keys = np.sort(np.array(list(self._proof), np.uint64))

    def follows(self, keys: Words) -> Bools:
        """Tell which of these connections are followed."""
        return is_among(keys, self._keys)

    def allocated(self, batch: Datagrams) -> None:
        """Note which clients asked which servers for an allocation."""
        rows = np.flatnonzero((batch.kind == STUN) & (batch.outer == PLAIN))
        rows = rows[big16(batch.head[rows], 0) == ALLOCATE_MESSAGE]
        asked = [*{*zip(batch.flow[rows].tolist(), batch.direction[rows].tolist(), strict=True)}]
        flow, direction = np.array(asked, np.int64).reshape(-1, 2).T
        high, low, port = self._flows.table["high"], self._flows.table["low"], np.zeros(len(flow), np.int64)
        hosts = (endpoint_hash(high[flow, end], low[flow, end], port) for end in (direction, 1 - direction))
        for pair, number in zip(_address_pair(*hosts).tolist(), flow.tolist(), strict=True):
            self._asked.setdefault(pair, number)

    def feed(self, packets: Packets, rows: Ints, head: Bytes, keys: Words, time_s: Seconds) -> None:
        """Look at segments: `rows` of these packets, their first bytes and the keys of their flows."""
        looks = np.flatnonzero((head[:, 0] & 0xFC == 20) & (head[:, 1] == 3))
        self._by_hello(packets, rows, keys, looks[(head[looks, 0] == 22) & (head[looks, 5] == 1)])
        if self._asked:
            self._by_allocation(packets, rows, keys, looks)
        if not self._proof:
            return
        followed = self.follows(keys)
        if followed.any():
            self._records(packets.where(rows[followed]), time_s[rows[followed]])

    def take(self) -> list[Completed]:
        """Return the records completed since the last call."""
        taken, self._waiting = self._waiting, []
        return taken

    def _by_hello(self, packets: Packets, rows: Ints, keys: Words, places: Ints) -> None:
        data, proof = packets.data.data, dict[int, int | None]()
        for place in places.tolist():
            row = rows[place]
            hello = data[packets.payload[row] : packets.payload[row] + packets.captured[row]].tobytes()
            if b"stun." in hello and any(name in TURN_PROTOCOLS for name in offered_protocols(hello)):
                proof[int(keys[place])] = None
        self._prove(proof)

    def _by_allocation(self, packets: Packets, rows: Ints, keys: Words, places: Ints) -> None:
        """Follow connections between a client and a server that it asked for an allocation."""
        places = places[~is_among(keys[places], self._keys)]
        places = places[np.unique(keys[places], return_index=True)[1]]
        one, port = rows[places], np.zeros(len(places), np.int64)
        source = endpoint_hash(packets.source_high[one], packets.source_low[one], port)
        target = endpoint_hash(packets.target_high[one], packets.target_low[one], port)
        proof: dict[int, int | None] = {}
        for place, *pairs in zip(
            places.tolist(), _address_pair(source, target).tolist(), _address_pair(target, source).tolist(), strict=True
        ):
            asked = [self._asked[pair] for pair in pairs if pair in self._asked]
            if asked:
                proof[int(keys[place])] = asked[0]
        self._prove(proof)

    def _prove(self, proof: Mapping[int, int | None]) -> None:
        """Follow these connections; the first proof of each counts."""
        fresh = {key: flow for key, flow in proof.items() if key not in self._proof}
        if fresh:
            self._proof.update(fresh)
            self._keys = distinct_values(np.concatenate([self._keys, np.array(list(fresh), np.uint64)]))

    def _records(self, packets: Packets, time_s: Seconds) -> None:
        packets, time_s = self._flows.admitted(packets, time_s)
        if not len(packets):
            return
        keys = flow_key(*packet_ends(packets))
        flow, direction = self._flows.assign(packets, time_s)
        self._activity.followed(flow, direction, packets, time_s)
        for number, key in {*zip(flow.tolist(), keys.tolist(), strict=True)}:
            self.flows[number] = self._proof[key]
        self._waiting += self._connections.completed(packets, flow, direction, time_s)


def _address_pair(client: Words, server: Words) -> Words:
    return hash_words(client ^ hash_words(server))


def record_rows(flows: Flows, completed_records: list[Completed]) -> Rows:
    """Make rows of the records that hold data; they are counted in their flows as encrypted and relayed."""
    sealed = [record for record in completed_records if record[0].captured[0] == APPLICATION_DATA]
    out = np.zeros(len(sealed), ROW_TYPE)
    if not sealed:
        return out
    records, times, numbers, sides = zip(*sealed, strict=True)
    flow, direction = np.array(numbers, np.int64), np.array(sides, np.int8)
    out["time_s"], out["flow"], out["direction"] = times, flow, direction
    out["size"] = [min(record.size - TLS_HEADER_BYTES, 65535) for record in records]
    out["stamp"] = [zlib.crc32(record.captured[TLS_HEADER_BYTES : TLS_HEADER_BYTES + COPY_BYTES]) for record in records]
    out["type"] = np.where(out["size"] <= SMALL_BYTES, VOICE, VIDEO)
    out["outer"], out["tcp"] = TLS, True
    out["key"] = stream_key(flow, direction, np.zeros(len(flow), np.uint64))
    flows.tally("sealed", flow, direction)
    np.add.at(flows.table["turn"], flow, 1)
    return out
