"""The facts of one run of `talkpath endpoints`, as they are stored (spec/tp-001): what an app's own servers, and the
routers on the way to them, answered.

Everything here is the word of the device that asked: no server signs it. No address is stored: a host is its id in the
catalogue, a router is a number in the order in which routers first answered. Bitmaps and times are as in
`measure.facts`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from talkpath.apps.contract.shape import Medium
from talkpath.measure.bounds import (
    MOST_EXCHANGES,
    MOST_EXPIRING_EPOCHS,
    MOST_EXPIRING_FLOWS,
    MOST_EXPIRING_SLOTS,
    MOST_GREETINGS,
    MOST_PATH_HOPS,
    MOST_PATHS,
    MOST_SERIES,
    Bytes,
    Count,
    Milliseconds,
    PacketBytes,
    Seconds,
    Text,
    Word,
)
from talkpath.measure.facts import Exchange, Role
from talkpath.wire.control.question import PacketStage

ENDPOINT_FACTS_SCHEMA = "talkpath.endpoint-facts/1"
GreetingBitmap = Annotated[bytes, Meta(max_length=(MOST_GREETINGS + 7) // 8)]
SlotBitmap = Annotated[bytes, Meta(max_length=(MOST_EXPIRING_SLOTS + 7) // 8)]


class GreetingSeries(Struct, frozen=True, omit_defaults=True):
    """STUN greetings to one server over one 5-tuple, every `every_s`; bit i is greeting i. Series of one `number` ran
    in the same seconds. `rtt_ms` is the time until the answer of each greeting that was answered."""

    number: Count
    app: Word
    host: Text
    neutral: bool
    at_s: Seconds
    every_s: Seconds
    count: Annotated[int, Meta(ge=0, le=MOST_GREETINGS)]
    sent: GreetingBitmap
    answered: GreetingBitmap
    rtt_ms: Annotated[tuple[Milliseconds, ...], Meta(max_length=MOST_GREETINGS)] = ()


class RouterHop(Struct, frozen=True, omit_defaults=True):
    """What answered packets that could go so many hops: the numbers of the routers, and the kind of the first one
    ("home", "provider", "public"). None of either where nothing answered."""

    routers: Annotated[tuple[Count, ...], Meta(max_length=8)] = ()
    kind: Word = ""


class MeasuredPath(Struct, frozen=True, omit_defaults=True):
    """The way to one server, measured with greetings, each of which could go one hop further than the one before.

    `hops[0]` is the first hop. `reached` is the fewest hops with which a greeting was answered by the server (0: none
    was), `greeting` the kind of greeting that was ("stun", or "classic", without the magic cookie: RFC 3489).
    """

    app: Word
    host: Text
    neutral: bool
    at_s: Seconds
    hops: Annotated[tuple[RouterHop, ...], Meta(max_length=MOST_PATH_HOPS)]
    reached: Annotated[int, Meta(ge=0, le=MOST_PATH_HOPS)] = 0
    greeting: Word = ""


class ExpiringFlow(Struct, frozen=True, omit_defaults=True, gc=False):
    """One 5-tuple of an epoch: its bytes (`role` "call" or "twin"), whether it went towards the neutral address, which
    packets left, and which of them a router answered."""

    role: Role
    neutral: bool
    sent: SlotBitmap
    answered: SlotBitmap


class ExpiringEpoch(Struct, frozen=True, omit_defaults=True):
    """Packets that could go `hops` hops, 2 × 2: a call's bytes or others, towards the app's address or a neutral one.

    `carries` "call": an app's call, up, and random bytes of the same lengths at the same instants; "greeting": STUN
    greetings with and without the magic cookie, used where the app's server answers neither, so that its distance is
    not known. Slot i of every flow is `size[i]` bytes of `stage[i]`, sent at `at_ms[i]` after the flow's first.
    `answers_per_s` is how many answers the router sent in a trial before; `router` its kind. `same_way`: at every hop
    up to there that answered towards both, a same router did. `missing` is why the epoch compares nothing.
    """

    number: Count
    app: Word
    variant: Word
    medium: Medium
    host: Text
    beside: Text
    carries: Word
    hops: Annotated[int, Meta(ge=1, le=MOST_PATH_HOPS)]
    at_s: Seconds
    took_s: Seconds
    at_ms: Annotated[tuple[Milliseconds, ...], Meta(max_length=MOST_EXPIRING_SLOTS)]
    size: Annotated[tuple[PacketBytes, ...], Meta(max_length=MOST_EXPIRING_SLOTS)]
    stage: Annotated[tuple[PacketStage, ...], Meta(max_length=MOST_EXPIRING_SLOTS)]
    flows: Annotated[tuple[ExpiringFlow, ...], Meta(max_length=MOST_EXPIRING_FLOWS)]
    router: Word = ""
    answers_per_s: Annotated[float, Meta(ge=0.0, le=1e4)] = 0.0
    same_way: bool = True
    missing: Word = ""
    why: Word = ""


class EndpointFacts(Struct, frozen=True, omit_defaults=True):
    """All facts of one run. `apps` and `tier` are what the person chose. `vpn`: a tunnel was in the way (None: that
    could not be told). `limited` is "" where packets that expire could be sent, else why not ("system", "no_call",
    "no_server", "no_call")."""

    apps: Annotated[tuple[Word, ...], Meta(max_length=64)]
    tier: Annotated[int, Meta(ge=0, le=3)]
    exchanges: Annotated[tuple[Exchange, ...], Meta(max_length=MOST_EXCHANGES)] = ()
    series: Annotated[tuple[GreetingSeries, ...], Meta(max_length=MOST_SERIES)] = ()
    paths: Annotated[tuple[MeasuredPath, ...], Meta(max_length=MOST_PATHS)] = ()
    epochs: Annotated[tuple[ExpiringEpoch, ...], Meta(max_length=MOST_EXPIRING_EPOCHS)] = ()
    seed: Annotated[bytes, Meta(max_length=64)] = b""
    started_at: Word = ""
    duration_s: Seconds = 0.0
    bytes_sent: Bytes = 0
    family: Annotated[int, Meta(ge=4, le=6)] = 4
    vpn: bool | None = None
    limited: Word = ""
    simulated: bool = False
    schema: Word = ENDPOINT_FACTS_SCHEMA
