"""The datagrams of one batch that recognisers are asked about, as lists: faster one by one than arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkpath.capture.packets.datagrams import TURN, Datagrams
from talkpath.capture.packets.flows import Directions
from talkpath.wire.pcap.arrays import Ints


@dataclass(slots=True)
class AskedDatagrams:
    """The columns of some datagrams as lists."""

    data: memoryview
    tcp: bool
    flow: list[int]
    local: list[int]
    quic: list[int]
    direction: list[int]
    kind: list[int]
    outer: list[int]
    time_s: list[float]
    begin: list[int]
    captured: list[int]
    size: list[int]
    wrapped: list[int]
    """How many bytes of the app's own wrapping come first."""

    @classmethod
    def of(cls, batch: Datagrams, rows: Ints, local: Directions, quic: Ints) -> AskedDatagrams:
        """Take these rows, given their flows' local ends and QUIC packets.

        A datagram is taken as the app wrote it: without TURN, but with the app's own wrapping.
        """
        inside = batch.outer[rows] == TURN
        begin = np.where(inside, batch.at[rows], batch.outer_at[rows])
        size = np.where(inside, batch.size[rows], batch.outer_size[rows])
        captured = np.minimum(batch.captured[rows] + batch.at[rows] - begin, size)
        return cls(
            data=batch.data.data,
            tcp=batch.tcp,
            flow=batch.flow[rows].tolist(),
            local=local.tolist(),
            quic=quic.tolist(),
            direction=batch.direction[rows].tolist(),
            kind=batch.kind[rows].tolist(),
            outer=batch.outer[rows].tolist(),
            time_s=batch.time_s[rows].tolist(),
            begin=begin.tolist(),
            captured=captured.tolist(),
            size=size.tolist(),
            wrapped=(batch.at[rows] - begin).tolist(),
        )

    def payload(self, place: int) -> bytes:
        """Return one datagram, padded with zeros where the capture cut it."""
        begin, captured = self.begin[place], self.captured[place]
        return self.data[begin : begin + captured].tobytes() + bytes(self.size[place] - captured)
