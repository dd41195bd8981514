"""What two browsers counted that called each other: calls beside data channels over the same routes.

Contract: each end counts for itself, and nothing here is checked against the other end: `PairedFlow.a` is the word of
the browser that opened the room, `PairedFlow.b` that of the browser that came by the link. No record has an address.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.errors import UNREADABLE, BundleError, in_place_of
from talkpath.measure.bounds import Milliseconds

PairedRoute = Literal["direct", "relayed"]
PairedEnd = Literal["a", "b"]
PairedMedium = Literal["voice", "video"]
PairedFlowKind = Literal["call", "twin"]
MOST_PAIRED_ROUNDS, MOST_PAIRED_FLOWS, MOST_PAIRED_PACKETS = 12, 24, 10_000
MOST_PAIRED_BYTES = 1 << 17  # 12 rounds of 24 flows take 40 kB
PacketCount = Annotated[int, Meta(ge=0, le=MOST_PAIRED_PACKETS)]


class EndCounts(Struct, frozen=True):
    """What one end says of one flow: after how many ms it was set up (None: never), packets sent and received.

    `tried`: the browser sent requests to set it up; where it did not, the network is not to blame.
    """

    setup_ms: Milliseconds | None = None
    sent: PacketCount = 0
    received: PacketCount = 0
    tried: bool = False


class PairedFlow(Struct, frozen=True):
    """One connection between the two browsers: a call, or a data channel with the same sizes at the same times."""

    kind: PairedFlowKind
    route: PairedRoute
    a: EndCounts = EndCounts()
    b: EndCounts = EndCounts()

    def lost_share(self, sender: PairedEnd) -> float:
        """The share of what `sender` sent that did not arrive; 1 where both ends tried, and it was not set up.

        0, which accuses nobody, where a browser did not even try, or set it up and sent nothing.
        """
        near, far = (self.a, self.b) if sender == "a" else (self.b, self.a)
        if not self.is_set_up:
            return 1.0 if near.tried and far.tried else 0.0
        return max(0.0, 1.0 - far.received / near.sent) if near.sent else 0.0

    @property
    def is_set_up(self) -> bool:
        """Whether both ends say that it was."""
        return self.a.setup_ms is not None and self.b.setup_ms is not None


class PairedRound(Struct, frozen=True):
    """Flows that ran at the same time, all of one medium. The order of calls and twins was drawn at random."""

    medium: PairedMedium
    flows: Annotated[tuple[PairedFlow, ...], Meta(max_length=MOST_PAIRED_FLOWS)]


class PairedCallFacts(Struct, frozen=True):
    """All rounds of two browsers. `started_at` is the hour; `relay_offered`: the server had a TURN relay."""

    rounds: Annotated[tuple[PairedRound, ...], Meta(max_length=MOST_PAIRED_ROUNDS)] = ()
    started_at: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:00:00Z(?!\n)$")] = "1970-01-01T00:00:00Z"
    relay_offered: bool = True


def decode_paired_call(data: bytes) -> PairedCallFacts:
    """Decode stored facts; `BundleError` where a value is out of its bounds."""
    with in_place_of(
        UNREADABLE,
        BundleError("The facts of a call between two phones are not such as browsers count."),
    ):
        return msgspec.msgpack.decode(data, type=PairedCallFacts)
