"""Defines a block of captured frames, and the counts of unreadable packets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkpath.wire.pcap.arrays import Bytes, Ints


class Unread(Counter[str]):
    """Counts the packets, records or bytes that could not be read, by the name of the reason."""

    def note(self, reason: str, times: int = 1) -> None:
        """Add to a count; a count of 0 adds no entry."""
        if times > 0:
            self[reason] += times


@dataclass(slots=True)
class Frames:
    """Link-layer frames; all arrays have shape (n,).

    `data` is the block with PADDING behind it; frame i begins at `start[i]`, `captured[i]` of its bytes are in the file
    and `size[i]` were on the wire. `time_ns` counts from 1970. `link` is the link type of its interface.
    `link_direction` is 1 for sent, 0 for received, -1 if the file does not record it. `uid` is the user id of the app
    on the phone (-1 for none; None if the file has none), `apps` maps these to package and name.
    """

    data: Bytes
    start: Ints
    captured: Ints
    size: Ints
    time_ns: Ints
    link: Ints
    link_direction: NDArray[np.int8]
    uid: Ints | None = None
    apps: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start)


def join_frames(frames: list[Frames]) -> Frames:
    """Join frames of one block, in their order."""
    if len(frames) == 1:
        return frames[0]
    columns = zip(*((one.start, one.captured, one.size, one.time_ns, one.link) for one in frames), strict=True)
    start, captured, size, time_ns, link = map(np.concatenate, columns)
    link_direction = np.concatenate([one.link_direction for one in frames])
    uids = [np.full(len(one), -1, np.int64) if one.uid is None else one.uid for one in frames]
    return Frames(
        data=frames[0].data,
        start=start,
        captured=captured,
        size=size,
        time_ns=time_ns,
        link=link,
        link_direction=link_direction,
        uid=np.concatenate(uids) if any(one.uid is not None for one in frames) else None,
        apps=frames[-1].apps,
    )
