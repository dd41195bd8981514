"""Puts right the times of a recording whose clock was set back or forward while it ran.

In order of time, what came before a step back and after it is mixed, and no stream's numbers go on; a step forward
looks like a pause. A step is told from a file that is in no order, or has packets twice, and from a pause: numbers of
RTP (RFC 3550 section 5.1) and TCP (RFC 9293 section 3.4) go on where time goes back; where it leaps ahead, RTP's
timestamps do not.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import RTP, Datagrams
from talkpath.wire.pcap import Frames, Packets
from talkpath.wire.pcap.arrays import Bools, big16, big32

LEAST_STEP_NS, MOST_STEP_NS, DENSE_NS = 10**9, 5 * 365 * 86_400 * 10**9, 10**8
"""Recorders of several interfaces write packets out of order by less; of more is another clock. Packets before and
after a step forward are DENSE_NS apart at most, as in a call."""
MOST_STEPS = 3
"""A file with more of them in a block is in no order of time. One behind by MOST_STEP_NS is put right no more."""
NEAR_FRAMES, MOST_AHEAD, MOST_AHEAD_BYTES, LEAST_PAUSE_TICKS = 1 << 12, 500, 1 << 24, 8000
"""Numbers are compared of packets so near to the step in the file, and go on where they are so far ahead at most. In a
pause of LEAST_STEP_NS the slowest clock of RTP moves on by LEAST_PAUSE_TICKS."""

BlockPackets = list[tuple[Packets, Datagrams | None]]


class SetClock:
    """How far the file's clock is behind by now; below 0 where it is ahead."""

    def __init__(self) -> None:
        self.behind_ns = 0

    def put_right(self, frames: Frames, found: BlockPackets) -> list[int]:
        """Add to all times of a block how far its clock is behind. Return the frames before which it was set: each
        comes when the one before it did."""
        step_ns = np.diff(frames.time_ns)
        beside_ns = np.pad(np.abs(step_ns), 1)
        is_back = (step_ns < -LEAST_STEP_NS) & (step_ns > -MOST_STEP_NS)
        is_ahead = (
            (step_ns > LEAST_STEP_NS)
            & (step_ns < MOST_STEP_NS)
            & (np.maximum(beside_ns[:-2], beside_ns[2:]) < DENSE_NS)
        )
        every = [np.flatnonzero(kind) + 1 for kind in (is_back, is_ahead) if np.count_nonzero(kind) <= MOST_STEPS]
        known = [
            step
            for step in np.concatenate([np.zeros(0, np.int64), *every]).tolist()
            if abs(self.behind_ns) <= MOST_STEP_NS
            and _go_numbers_on(frames, found, step, is_back=bool(step_ns[step - 1] < 0))
        ]
        if self.behind_ns or known:
            behind_ns = np.full(len(frames), self.behind_ns)
            for step in known:
                behind_ns[step:] -= step_ns[step - 1]
            self.behind_ns = int(behind_ns[-1])
            frames.time_ns += behind_ns
            for packets, _ in found:
                packets.time_ns += behind_ns[packets.frame] if _are_of(packets, frames) else self.behind_ns
        return known


def _are_of(packets: Packets, frames: Frames) -> bool:
    """Whether these are packets of the block, none that were put together from fragments."""
    return len(packets.data) == len(frames.data)


def _go_numbers_on(frames: Frames, found: BlockPackets, step: int, *, is_back: bool) -> bool:
    """Whether streams go on across this step, more than do anything else."""
    own = [batch for batch in found if _are_of(batch[0], frames) and (is_back or batch[1] is not None)]
    every = np.concatenate([np.zeros(0, np.bool_), *(_streams_across(*batch, step, is_back=is_back) for batch in own)])
    return bool(len(every) < 2 * np.count_nonzero(every))


def _streams_across(packets: Packets, datagrams: Datagrams | None, step: int, *, is_back: bool) -> Bools:
    """Tell of each stream of RTP or TCP on both sides of the step whether its number is a little ahead, where its time
    is back; or its number and its clock, where time is ahead."""
    near = np.abs(packets.frame - step) < NEAR_FRAMES
    if datagrams is None:
        rows = np.flatnonzero(near & (packets.size > 0))
        name, number, most = packets.target_port[rows], packets.sequence[rows], MOST_AHEAD_BYTES
    else:
        rows = np.flatnonzero(near & (datagrams.kind == RTP))
        head = datagrams.head[rows]
        name, number, most = big32(head, 8), big16(head, 2) << 16, MOST_AHEAD << 16
    ticks = number if is_back else big32(head, 4)
    key = name << 16 | packets.source_port[rows]
    order = np.argsort(key, kind="stable")
    key, time_ns, is_after = key[order], packets.time_ns[rows][order], packets.frame[rows][order] >= step
    across = (key[1:] == key[:-1]) & is_after[1:] & ~is_after[:-1] & ((time_ns[1:] < time_ns[:-1]) == is_back)
    ahead, later = (np.diff(some[order])[across] & 0xFFFFFFFF for some in (number, ticks))
    return np.asarray((ahead > 0) & (ahead <= most) & (is_back | (later < LEAST_PAUSE_TICKS)), np.bool_)
