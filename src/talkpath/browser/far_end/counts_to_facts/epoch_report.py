"""What both ends counted of one epoch, before it is made into facts. Records only.

The page's records have bounds, far above what a page of ours sends, so that no report costs much to read.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from talkpath.measure.bounds import ClockStep, Lateness

MAX_FLOWS, MAX_POLLS, MAX_PACKETS, MAX_MS = 32, 1000, 10_000, 1e6

Count = Annotated[int, Meta(ge=0, le=MAX_PACKETS)]
Stamp = Annotated[int, Meta(ge=0, le=1 << 53)]
Milliseconds = Annotated[float, Meta(ge=-MAX_MS, le=MAX_MS)]
Duration = Annotated[float, Meta(ge=0.0, le=MAX_MS)]


class Poll(Struct, frozen=True, array_like=True):
    """One reading at the page: ms after its media began, and packets sent and received by then."""

    at_ms: Milliseconds
    sent: Count
    received: Count


class PageFlowReport(Struct, frozen=True):
    """What the page counted of one flow.

    `stun_ms` and `dtls_ms` are when set-up stages were done, in ms after the page began to open the flow; None: never.
    Other times are ms after media began. `began_ms` is when it began to send. `sent` has the slots that a twin or a
    video call wrote, in order; a voice call has its own clock and gives none. `left_ms` is when each packet was handed
    to the network. `came` has (slot or RTP time stamp, ms) of each packet received. `tried` is whether the browser sent
    the call's first request at all.
    """

    flow: Annotated[int, Meta(ge=0, lt=MAX_FLOWS)]
    stun_ms: Duration | None = None
    dtls_ms: Duration | None = None
    began_ms: Duration = 0.0
    polls: Annotated[tuple[Poll, ...], Meta(max_length=MAX_POLLS)] = ()
    sent: Annotated[tuple[Count, ...], Meta(max_length=MAX_PACKETS)] = ()
    left_ms: Annotated[tuple[Milliseconds, ...], Meta(max_length=MAX_PACKETS)] = ()
    came: Annotated[tuple[tuple[Stamp, Milliseconds], ...], Meta(max_length=MAX_PACKETS)] = ()
    tried: bool = True


class FarFlowReport(Struct, frozen=True):
    """What the far end counted of one flow.

    `arrivals` has (slot or sequence number, monotonic s) of each packet received; `sent` has the slots sent.
    `requests` and `hellos` count STUN requests and DTLS ClientHellos received; `requested_s` is when the last request
    came (monotonic), `request_gap_s` the longest time between two. `packets` and `lost_packets` are a
    twin's QUIC packets, as in `webtransport_twin`. `unlike` counts packets of a call that differ in size from its
    twins'. `moved`: packets went on from another address. `stamp` is the RTP time stamp of slot 0 down, None if nothing
    was sent.
    """

    flow: int
    arrivals: tuple[tuple[int, float], ...] = ()
    sent: tuple[int, ...] = ()
    requests: int = 0
    requested_s: float | None = None
    request_gap_s: float = 0.0
    hellos: int = 0
    packets: int = 0
    lost_packets: int = 0
    unlike: int = 0
    moved: bool = False
    stamp: int | None = None


class PageEpochReport(Struct, frozen=True):
    """The page's report of one epoch. `phased`: its calls were sent at their phases, as its twins were."""

    number: Count
    flows: Annotated[tuple[PageFlowReport, ...], Meta(max_length=MAX_FLOWS)] = ()
    phased: bool = True
    late_ms_p99: Lateness = 0.0
    hidden: bool = False
    network_changed: bool = False
    clock_jump_s: ClockStep = 0.0
    pings: Count = 0
    pongs: Count = 0


class EpochTimes(Struct, frozen=True):
    """When an epoch began, ended and was known, in seconds of the check. `go_s` is when sending began (monotonic)."""

    started_s: float
    ended_s: float
    known_s: float
    go_s: float = 0.0
