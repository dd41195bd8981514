"""Facts of one captured call (the records of spec/tp-007), before anything is said about them.

Contract: times are seconds from the first packet of the capture, no address is in any record. A stream is one
SSRC (or, where no header can be read, one flow) in one direction, over all 5-tuples that the call used.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Heading = Literal["sent", "received"]
LossBasis = Literal["sequence", "cadence"]
Transport = Literal["p2p", "relay", "unknown"]


class Second(Struct, frozen=True, gc=False):
    """One second of one direction. `lost` None where nothing tells; `late_ms` is the worst lateness against the media
    clock; `frozen_ms` how much of freezes ended in it."""

    packets: int = 0
    lost: int | None = None
    kbps: float = 0.0
    jitter_ms: float | None = None
    late_ms: float | None = None
    frozen_ms: float = 0.0
    mos: float | None = None


class Moment(Struct, frozen=True, gc=False):
    """One second of a call: both directions, and how many packets of anything else came in it, from as far as the call
    goes (those between private addresses count for calls between such alone)."""

    at_s: int
    sent: Second
    received: Second
    other_packets: int = 0


class Stream(Struct, frozen=True, gc=False):
    """One stream. `medium` None is neither (padding, repair, control). `loss_basis` says what `lost` was counted by;
    None: nothing tells. `bursts` are losses of two packets or more in a row, `mean_burst` the mean length of losses.
    `packet_ms` is the usual media time of a packet."""

    direction: Heading
    ssrc: int | None
    payload_type: int | None
    medium: Literal["voice", "video"] | None
    packets: int
    lost: int | None
    loss_pct: float | None
    loss_basis: LossBasis | None
    duplicates: int
    reordered: int
    jitter_ms: float | None
    late_ms: float | None
    freezes: int
    frozen_s: float
    longest_gap_ms: float
    mos: float | None
    start_s: float
    duration_s: float
    kbps: float
    clock_hz: int | None
    packet_ms: float | None
    mean_burst: float | None
    flows: tuple[int, ...]


class Flow(Struct, frozen=True, gc=False):
    """One 5-tuple of a call. `kind` is "relay", "peer" or "local" (inside one network); `last_received_s` None where
    its far end never said anything. `requests` are set-up requests of the local end, `answers` the replies."""

    number: int
    kind: Literal["relay", "peer", "local"]
    protocol: Literal["udp", "tcp"]
    packets_sent: int
    packets_received: int
    media_sent: int
    media_received: int
    start_s: float
    end_s: float
    last_received_s: float | None
    requests: int
    answers: int


class Call(Struct, frozen=True, gc=False):
    """One call. `start_s` and `duration_s` are those of the talk, `setup_s` when its set-up began, `control_end_s`
    when its last packet of any kind was seen, `file_end_s` when the capture ended."""

    app: str
    app_confidence: float
    media: tuple[str, ...]
    start_s: float
    duration_s: float
    setup_s: float
    transport: Transport
    protocol: Literal["udp", "tcp"]
    encrypted: bool | None
    flows: tuple[Flow, ...]
    streams: tuple[Stream, ...]
    seconds: tuple[Moment, ...]
    control_end_s: float
    file_end_s: float
    closed: bool = False
    """Did the app say good-bye?"""


class Attempt(Struct, frozen=True, gc=False):
    """Set-up without talk. `answered`: did anything reply to it?"""

    app: str
    app_confidence: float
    start_s: float
    end_s: float
    answered: bool
    requests: int
    answers: int
    other_packets: int
    """Packets of anything else that came in the same seconds, as in `Moment`."""

    others_answered: bool = False
    """Where nothing replied: was the set-up of anything else answered meanwhile, or did a call go on? Then these may be
    addresses that nobody is at; every call tries some of those."""


class Findings(Struct, frozen=True, gc=False):
    """All of one capture."""

    packets: int
    duration_s: float
    unread: dict[str, int]
    calls: tuple[Call, ...]
    attempts: tuple[Attempt, ...]


class Way(Struct, frozen=True, gc=False):
    """One direction of a call seen at both ends. Of the `sent` packets that the far end was recording for, `arrived`
    came; `first_lost_s` is when the first that did not was sent, `longest_run` the most in a row. `spread_ms` is how
    far the delay varied (95th percentile over the least; the clocks of two machines give no delay itself)."""

    sent: int
    arrived: int
    lost: int
    loss_pct: float
    first_lost_s: float | None
    longest_run: int
    spread_ms: float | None


class Paired(Struct, frozen=True, gc=False):
    """A call of this capture beside the same call in the other end's. None: no packet of that way is in both."""

    call: int
    app: str
    up: Way | None
    down: Way | None
