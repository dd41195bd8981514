"""What both ends counted of one epoch, before it is made into facts. Records only."""

from __future__ import annotations

from msgspec import Struct


class Poll(Struct, frozen=True, array_like=True):
    """One reading at the page: ms after its media began, and packets sent and received by then."""

    at_ms: float
    sent: int
    received: int


class PageFlowReport(Struct, frozen=True):
    """What the page counted of one flow.

    `stun_ms` and `dtls_ms` are when set-up stages were done, in ms after the page began to open the flow; None: never.
    Other times are ms after media began. `began_ms` is when it began to send. `sent` has the slots that a twin or a
    video call wrote, in order; a voice call has its own clock and gives none. `left_ms` is when each packet was handed
    to the network. `came` has (slot or RTP time stamp, ms) of each packet received. `tried` is whether the browser sent
    the call's first request at all.
    """

    flow: int
    stun_ms: float | None = None
    dtls_ms: float | None = None
    began_ms: float = 0.0
    polls: tuple[Poll, ...] = ()
    sent: tuple[int, ...] = ()
    left_ms: tuple[float, ...] = ()
    came: tuple[tuple[int, float], ...] = ()
    tried: bool = True


class FarFlowReport(Struct, frozen=True):
    """What the far end counted of one flow.

    `arrivals` has (slot or sequence number, monotonic s) of each packet received; `sent` has the slots sent.
    `requests` and `hellos` count STUN requests and DTLS ClientHellos received. `packets` and `lost_packets` are a
    twin's QUIC packets, as in `webtransport_twin`. `unlike` counts packets of a call that differ in size from its
    twins'. `moved`: packets went on from another address. `stamp` is the RTP time stamp of slot 0 down, None if nothing
    was sent.
    """

    flow: int
    arrivals: tuple[tuple[int, float], ...] = ()
    sent: tuple[int, ...] = ()
    requests: int = 0
    hellos: int = 0
    packets: int = 0
    lost_packets: int = 0
    unlike: int = 0
    moved: bool = False
    stamp: int | None = None


class PageEpochReport(Struct, frozen=True):
    """The page's report of one epoch. `phased`: its calls were sent at their phases, as its twins were."""

    number: int
    flows: tuple[PageFlowReport, ...] = ()
    phased: bool = True
    late_ms_p99: float = 0.0
    hidden: bool = False
    network_changed: bool = False
    clock_jump_s: float = 0.0
    pings: int = 0
    pongs: int = 0


class EpochTimes(Struct, frozen=True):
    """When an epoch began, ended and was known, in seconds of the check. `go_s` is when sending began (monotonic)."""

    started_s: float
    ended_s: float
    known_s: float
    go_s: float = 0.0
