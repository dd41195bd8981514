"""Puts right the times of a recording whose clock was set back while it ran.

In order of time, what came before such a step and after it is mixed, and no stream's numbers go on. A step is told
from a file that is in no order, or has packets twice: numbers of RTP (RFC 3550 section 5.1) and TCP (RFC 9293 section
3.4) go on where time goes back.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import RTP, Datagrams
from talkpath.wire.pcap import Frames, Packets
from talkpath.wire.pcap.arrays import Bools, big16, big32

LEAST_STEP_NS, MOST_STEP_NS = 10**9, 5 * 365 * 86_400 * 10**9
"""Recorders of several interfaces write packets out of order by less; of more is another clock."""
MOST_STEPS = 3
"""A file with more of them in a block is in no order of time. One behind by MOST_STEP_NS is put right no more."""
NEAR_FRAMES, MOST_AHEAD, MOST_AHEAD_BYTES = 1 << 12, 500, 1 << 24
"""Numbers are compared of packets so near to the step in the file, and go on where they are so far ahead at most."""

BlockPackets = list[tuple[Packets, Datagrams | None]]


class SetBackClock:
    """How far the file's clock is behind by now."""

    def __init__(self) -> None:
        self.behind_ns = 0

    def put_right(self, frames: Frames, found: BlockPackets) -> list[int]:
        """Add to all times of a block how far its clock is behind. Return the frames before which it was set back: each
        comes when the one before it did."""
        back_ns = np.diff(frames.time_ns)
        steps = np.flatnonzero((back_ns < -LEAST_STEP_NS) & (back_ns > -MOST_STEP_NS)) + 1
        told = steps.tolist() if len(steps) <= MOST_STEPS and self.behind_ns <= MOST_STEP_NS else []
        known = [step for step in told if _go_numbers_on(frames, found, step)]
        if self.behind_ns or known:
            behind_ns = np.full(len(frames), self.behind_ns)
            for step in known:
                behind_ns[step:] -= back_ns[step - 1]
            self.behind_ns = int(behind_ns[-1])
            frames.time_ns += behind_ns
            for packets, _ in found:
                packets.time_ns += behind_ns[packets.frame] if _are_of(packets, frames) else self.behind_ns
        return known


def _are_of(packets: Packets, frames: Frames) -> bool:
    """Whether these are packets of the block, none that were put together from fragments."""
    return len(packets.data) == len(frames.data)


def _go_numbers_on(frames: Frames, found: BlockPackets, step: int) -> bool:
    """Whether streams go on across this step, as many as do anything else."""
    goes_on = [_streams_across(packets, datagrams, step) for packets, datagrams in found if _are_of(packets, frames)]
    every = np.concatenate([np.zeros(0, np.bool_), *goes_on])
    return bool(0 < len(every) <= 2 * np.count_nonzero(every))


def _streams_across(packets: Packets, datagrams: Datagrams | None, step: int) -> Bools:
    """Tell of each stream of RTP or TCP on both sides of the step, where its time is back, whether its number is a
    little ahead."""
    near = np.abs(packets.frame - step) < NEAR_FRAMES
    if datagrams is None:
        rows = np.flatnonzero(near & (packets.size > 0))
        name, number, most = packets.target_port[rows], packets.sequence[rows], MOST_AHEAD_BYTES
    else:
        rows = np.flatnonzero(near & (datagrams.kind == RTP))
        head = datagrams.head[rows]
        name, number, most = big32(head, 8), big16(head, 2) << 16, MOST_AHEAD << 16
    key = name << 16 | packets.source_port[rows]
    order = np.argsort(key, kind="stable")
    key, time_ns, is_after = key[order], packets.time_ns[rows][order], packets.frame[rows][order] >= step
    across = (key[1:] == key[:-1]) & is_after[1:] & ~is_after[:-1] & (time_ns[1:] < time_ns[:-1])
    ahead = np.diff(number[order])[across] & 0xFFFFFFFF
    return np.asarray((ahead > 0) & (ahead <= most), np.bool_)
