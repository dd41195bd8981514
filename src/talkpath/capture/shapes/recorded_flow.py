"""Takes the packets of one flow of UDP out of a recording, whole: the call's flow, or one that was named.

A recording is read twice: once as `talkpath capture` reads it, then for the bytes of the flow. No address is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, FileIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import MAX_PACKET_BYTES
from talkpath.capture.calls.records import MeasuredCapture, measure_calls
from talkpath.capture.packets.flows import packet_ends
from talkpath.capture.scan import scan_capture
from talkpath.errors import FileError
from talkpath.wire.pcap import UDP, Packets, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments, ReassemblyBudget
from talkpath.wire.pcap.window import ByteSource

MAX_FLOW_PACKETS: Final = 30_000
MIN_FLOW_PACKETS: Final = 50
MAX_SHOWN_FLOWS: Final = 9
INTERFACES_APART_S: Final = 0.01
"""The same bytes again so soon are a copy: a recording of all interfaces may see a packet at two of them. What is sent
again comes later (`shape_setup`)."""

OpenRecording = Callable[[], FileIO | BytesIO]
"""Opens a recording anew, from its first byte on."""


@dataclass(frozen=True, slots=True)
class FlowPacket:
    """One datagram: seconds since the flow's first, who sent it ("up": the end where it was recorded), its bytes.

    Of a packet that was recorded in part, `kept` bytes are its own and the rest zeros. `is_cut`: it had more bytes than
    a shape's packets may have, and these are its first ones.
    """

    at_s: float
    direction: Direction
    data: bytes
    kept: int
    is_cut: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all of it was recorded."""
        return self.kept == len(self.data)


@dataclass(frozen=True, slots=True)
class RecordedFlow:
    """The packets of a flow in order of time; `app` and `medium` are what `capture` took the call for."""

    packets: tuple[FlowPacket, ...]
    app: str = "unknown"
    medium: str = "voice"


def read_flow(open_recording: OpenRecording, number: int | None = None) -> RecordedFlow:
    """Return the flow that carried most of the longest call, or flow `number`, counted from 1 by packets. `FileError`
    where there is none."""
    with open_recording() as source:
        measured = measure_calls(scan_capture(source, in_memory=True))
    table = measured.groups.table
    order = np.argsort(-table["packets"].sum(axis=1), kind="stable")
    app, medium, others = "unknown", "voice", list[int]()
    if number is not None:
        if not 1 <= number <= len(order):
            raise FileError(f"There is no flow {number} in this recording; it has {len(order)}.")
        flow = int(order[number - 1])
    else:
        (flow, *others), app, medium = _call_flows(measured, order)
    if table["protocol"][flow] != UDP:
        raise FileError("This call went over TCP, and a shape is of UDP; record a call that goes over UDP.")
    locals_ = measured.groups.ends.local
    others = [one for one in others if table["protocol"][one] == UDP]
    ends = [(table["end"][one, locals_[one]], table["end"][one, 1 - locals_[one]]) for one in (flow, *others)]
    with open_recording() as source:
        return RecordedFlow(tuple(_flow_packets(source, ends)), app, medium)


def _call_flows(measured: MeasuredCapture, order: NDArray[np.int64]) -> tuple[list[int], str, str]:
    """Return the flows of the longest call, the one with most media first, the call's app and medium."""
    table, calls = measured.groups.table, measured.findings.calls
    if not calls:
        raise FileError(f"No call was found in this recording. Name its flow by --flow N: {_flow_list(table, order)}.")
    call = max(range(len(calls)), key=lambda number: calls[number].duration_s)
    rows = calls[call].flows
    best = sorted(range(len(rows)), key=lambda row: -rows[row].media_sent - rows[row].media_received)
    medium = "video" if "video" in calls[call].media else "voice"
    return [measured.calls[call].flows[row] for row in best], calls[call].app, medium


def _flow_list(table: NDArray[np.void], order: NDArray[np.int64]) -> str:
    shown = [
        f"{place} has {int(table['packets'][flow, 0])} and {int(table['packets'][flow, 1])} packets"
        for place, flow in enumerate(order[:MAX_SHOWN_FLOWS], 1)
    ]
    return ", ".join(shown) or "it has none"


def _flow_packets(source: ByteSource, ends: Sequence[tuple[np.uint64, np.uint64]]) -> list[FlowPacket]:
    """Return the datagrams of the first flow, whose two ends `endpoint_hash` names. Of the others of the call (another
    path of it) the handshake and the media belong to the same call; so do checks before the first flow had any."""
    unread, found = Unread(), list[tuple[bool, FlowPacket]]()
    fragments = Fragments(unread, ReassemblyBudget())
    begin_ns: int | None = None
    last_s: dict[tuple[Direction, bytes], float] = {}
    for frames in frame_blocks(source, unread):
        for packets in transport_packets(frames, unread, fragments) if len(frames) else ():
            for row, direction, is_main in _rows_between(packets, ends):
                begin_ns = int(packets.time_ns[row]) if begin_ns is None else begin_ns
                at, kept = int(packets.payload[row]), int(packets.captured[row])
                size = min(int(packets.size[row]), MAX_PACKET_BYTES)
                data = packets.data[at : at + min(kept, size)].tobytes().ljust(size, b"\0")
                at_s = (int(packets.time_ns[row]) - begin_ns) / 1e9
                is_copy = abs(at_s - last_s.get((direction, data), -1.0)) < INTERFACES_APART_S
                if len(found) < MAX_FLOW_PACKETS and kept and not is_copy:
                    last_s[direction, data] = at_s
                    is_cut = size < int(packets.size[row])
                    found.append((is_main, FlowPacket(at_s, direction, data, min(kept, size), is_cut)))
    if len(found) < MIN_FLOW_PACKETS:
        raise FileError(f"This flow has {len(found)} packets; a shape takes {MIN_FLOW_PACKETS} at least.")
    main_s = min((packet.at_s for is_main, packet in found if is_main), default=0.0)
    of_every_path = (
        *range(20, 64),
        *range(128, 192),
    )  # DTLS, RTP and RTCP (RFC 7983) go on there
    whole = [one for is_main, one in found if is_main or one.at_s < main_s or one.data[0] in of_every_path]
    return sorted(whole, key=lambda packet: packet.at_s)


def _rows_between(
    packets: Packets, ends: Sequence[tuple[np.uint64, np.uint64]]
) -> Iterator[tuple[int, Direction, bool]]:
    if int(packets.protocol[0]) != UDP:
        return
    source, target = packet_ends(packets)
    for number, (near, far) in enumerate(ends):
        up, down = (source == near) & (target == far), (source == far) & (target == near)
        yield from ((int(row), "up" if up[row] else "down", number == 0) for row in np.flatnonzero(up | down))
