"""What both ends counted of one epoch, before it becomes facts. Records only."""

from __future__ import annotations

from msgspec import Struct


class Poll(Struct, frozen=True, array_like=True):
    """One reading at the page: ms after its media began, packets sent and received so far."""

    at_ms: float
    sent: int
    received: int


class FlowReport(Struct, frozen=True):
    """What the page saw of one flow. Times in ms from when it began to open it; None: never.

    `began_ms` is when it began to send, in the time of `polls`. `sent` are the slots that a twin or a camera's call
    wrote, in order; of voice, that speaks at its own clock, none. `left_ms`: when each packet was handed on, in order.
    `came` are (slot or RTP time stamp, ms) of what the page took in. Times of media are ms after its beginning.
    `tried`: the browser asked for the call's set-up at all.
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


class FarFlow(Struct, frozen=True):
    """What the far end saw of one flow. `arrivals` are (slot or sequence number, monotonic s); `said` slots sent.

    `moved`: it went on from another address. `stamp`: the RTP time stamp of slot 0 down, None where none was sent.
    `unlike`: how many of a call's packets were not as long as its twins'.
    `requests` and `hellos` are STUN requests and DTLS ClientHellos that came; `lost_packets` of `packets` as in `twin`.
    """

    flow: int
    arrivals: tuple[tuple[int, float], ...] = ()
    said: tuple[int, ...] = ()
    requests: int = 0
    hellos: int = 0
    packets: int = 0
    lost_packets: int = 0
    unlike: int = 0
    moved: bool = False
    stamp: int | None = None


class EpochReport(Struct, frozen=True):
    """The page's report of one epoch. `phased`: its calls spoke at their phases, as its twins did."""

    number: int
    flows: tuple[FlowReport, ...] = ()
    phased: bool = True
    late_ms_p99: float = 0.0
    hidden: bool = False
    network_changed: bool = False
    clock_jump_s: float = 0.0
    pings: int = 0
    pongs: int = 0


class Times(Struct, frozen=True):
    """Seconds of the check: when the epoch's sending began and ended, and when it was known. `go_s`: monotonic."""

    started_s: float
    ended_s: float
    known_s: float
    go_s: float = 0.0
