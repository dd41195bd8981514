"""The facts of one check, as they are stored (spec/tp-001). Every verdict is a function of this record alone.

Records are frozen and hold no address. A bitmap is bytes, least significant bit first; bit i is slot i of the epoch's
schedule in that direction. Times are seconds of a monotonic clock from the start of the check. Delays are in steps of
0.1 ms from an arbitrary zero, common to an epoch and direction: the two ends' clocks are never compared, only flows
with each other. The types carry the bounds of each value (`measure.bounds`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES, Arm, Confidence, Direction, Medium
from talkpath.measure.bounds import (
    MOST_ARMS,
    MOST_ATTEMPTS,
    MOST_EPOCHS,
    MOST_EXCHANGES,
    MOST_FLOWS,
    MOST_K,
    MOST_RELAY_ATTEMPTS,
    MOST_RELAYS,
    MOST_SLOTS,
    MOST_TRIED,
    Alpha,
    Bitmap,
    Bytes,
    ClockStep,
    Count,
    DelayDms,
    Lateness,
    Milliseconds,
    PacketBytes,
    PacketRate,
    Port,
    Seconds,
    Text,
    Word,
)
from talkpath.wire.control.question import BASELINE, PacketStage, Question

Role = Literal["call", "twin"]
TwinKind = Literal["random", "text"]

ALPHA = 1e-4
"""The error of a whole check over its arms. A plan may promise less, and never more."""
OK_WATCHED_S = 20.0
"""A call must have arrived for so long, both ways, before `ok` is said."""

DELAY_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
MEDIAN_QUANTILE = DELAY_QUANTILES.index(0.5)
LADDER = 30  # hops: each limited packet may go one hop further than the one before, from 1 to LADDER and again from 1


class Track(Struct, frozen=True, gc=False):
    """One direction of an epoch's schedule: slot i of every bitmap. All flows of the epoch share it."""

    at_ms: Annotated[tuple[Milliseconds, ...], Meta(max_length=MOST_SLOTS)]
    size: Annotated[tuple[PacketBytes, ...], Meta(max_length=MOST_SLOTS)]
    stage: Annotated[tuple[PacketStage, ...], Meta(max_length=MOST_SLOTS)]


class Observation(Struct, frozen=True, omit_defaults=True, gc=False):
    """One flow (5-tuple) in one direction.

    `sent` marks the packets that were really sent, `arrived` those that came unchanged before the epoch's cut, `late`
    those after it. The canary, a text twin drawn by the seed, has `withheld` some of its own packets; only the canary's
    own test counts them. `delay_dms` holds the quantiles (DELAY_QUANTILES) of arrival minus sending over media packets,
    in 0.1 ms. `answered` is, for each set-up stage, whether a reply came back to the probe (both directions carry it).
    `setup_ms` is when the first reply of the last stage came, from the flow's start; None if a stage had no reply. For
    a question about hops: the packets `limited` could go `hops` hops (0: the first of them one, the next two, and so
    on); `exceeded` counts the Time Exceeded messages that came back, sent by a `router` that is "home" (a private
    address), "provider" (a shared address, RFC 6598), or "public". The address itself is not stored. `added` counts the
    datagrams of this 5-tuple that the sender did not send, or not so long, as the other end saw them (the probe: those
    that were lengthened): something on the way added or padded them.
    """

    id: Count
    flow: Count
    role: Role
    direction: Direction
    sent: Bitmap
    arrived: Bitmap
    twin_kind: TwinKind | None = None
    canary: bool = False
    transport: Word = "udp"
    port: Port = 0
    late: Bitmap = b""
    withheld: Bitmap = b""
    delay_dms: Annotated[tuple[DelayDms, ...], Meta(max_length=len(DELAY_QUANTILES))] = ()
    answered: Annotated[dict[Word, bool], Meta(max_length=16)] = field(default_factory=dict)
    setup_ms: Lateness | None = None
    limited: Bitmap = b""
    hops: Annotated[int, Meta(ge=0, le=64)] = 0
    exceeded: Count = 0
    router: Word = ""
    added: Count = 0


class Epoch(Struct, frozen=True, omit_defaults=True):
    """One epoch of one arm: k calls, k random twins, k/2 text twins side by side on fresh 5-tuples.

    `question` is what it answers (`wire.control.question`). `started_s` to `ended_s` is the span of sending, `cut_s`
    when arrivals stopped counting, `known_s` when both ends' reports were in. Epochs were decided on in the order of
    their `number`. `path` is the number of the responder (0 the first). `missing` is why the responder's half is
    absent, or why the epoch compares nothing.
    """

    number: Count
    app: Word
    variant: Word
    medium: Medium
    k: Annotated[int, Meta(ge=1, le=MOST_K)]
    started_s: Seconds
    ended_s: Seconds
    cut_s: Seconds
    up: Track
    down: Track
    flows: Annotated[tuple[Observation, ...], Meta(max_length=2 * MOST_FLOWS)]
    question: Question = BASELINE
    known_s: Seconds = 0.0
    path: Count = 0
    missing: Word = ""

    @property
    def arm(self) -> Arm:
        """Return the arm that the epoch measured."""
        return Arm(self.app, self.variant, self.medium)

    def track(self, direction: Direction) -> Track:
        """Return the schedule of that direction."""
        return self.up if direction == "up" else self.down


class ArmPlan(Struct, frozen=True, omit_defaults=True):
    """One arm of the plan, with its shape's class, confidence (as in `apps`) and packets per second each way."""

    app: Word
    variant: Word
    medium: Medium
    confidence: Confidence = "high"
    shape_class: Word = ""
    packet_rate: PacketRate = 50.0

    @property
    def arm(self) -> Arm:
        """Return the planned arm."""
        return Arm(self.app, self.variant, self.medium)


class Plan(Struct, frozen=True, omit_defaults=True):
    """What was fixed before the first packet. `alpha` is the error of the whole check over its `arms`.

    `long_s` > 0: seven calls, one of each arm at least, live so long, while everything else is asked; `ok_s`: so long a
    call must have been watched, both ways, before `ok` is said (0 in plans of older versions).
    `watch_s` > 0: calls are watched that long (`--deep`). `transports`: for every arm, measure which transports carry
    it; `path_s` is how long a call over each transport lasts. `locate`: for restricted arms, measure at which hop the
    restriction acts, and not which transports carry them. `relays`: TURN servers that the user named, as
    "turn-udp/3478" (transport and port, without the address), by which calls to the responder are relayed at the end.
    `basis`: a probe's shapes, or a browser's real calls. `shape`: the text of the shape of recorded calls that one of
    the arms looks like; that arm's app is its digest (`apps.recorded`).
    """

    arms: Annotated[tuple[ArmPlan, ...], Meta(min_length=1, max_length=MOST_ARMS)]
    alpha: Alpha = ALPHA
    k: Annotated[int, Meta(ge=1, le=MOST_K)] = 8
    packets: Annotated[int, Meta(ge=1, le=MOST_SLOTS)] = 25
    budget_bytes: Bytes = 4_000_000
    budget_s: Seconds = 60.0
    watch_s: Seconds = 0.0
    transports: bool = False
    path_s: Seconds = 3.0
    locate: bool = False
    long_s: Seconds = 0.0
    ok_s: Seconds = 0.0
    basis: Literal["shape", "webrtc"] = "shape"
    relays: Annotated[tuple[Word, ...], Meta(max_length=MOST_RELAYS)] = ()
    shape: Annotated[str, Meta(max_length=MAX_SHAPE_TEXT_BYTES)] = ""


Ending = Literal["done", "budget", "responder_lost", "network_lost", "interrupted"]
"""Why a session stopped (`Health`)."""

ChannelEnding = Ending | Literal["turned_away"]
"""The same of a control channel: "turned_away" where the responder itself closed it."""

ControlOutcome = Literal[
    "connected",
    "offline",
    "unresolved",
    "refused",
    "timeout",
    "unroutable",
    "silent",
    "reset",
    "closed",
    "stalled",
    "failed",
    "not_tls",
    "other_key",
    "answered",
]
"""How far an attempt to open a control channel came (`ControlAttempt`, `Reach`)."""

ControlHello = Literal["", "bare", "named", "random"]
"""What was sent to open a control channel (`ControlAttempt`)."""

ChannelLoss = Literal["", "closed", "ended", "reset", "silent", "unroutable"]
"""How an open control channel was lost (`Reach`)."""


class Health(Struct, frozen=True, omit_defaults=True):
    """How far the run itself can be trusted. None where that was not measured.

    `late_ms_p99` is how late packets were sent (actual minus due), by both ends together; `probe_late_ms_p99` and
    `responder_late_ms_p99` are those of each end; `lab_late_ms_p99` is that of the lab's router. `clock_jump_s` is the
    largest step between monotonic time and the wall clock, or a suspend. `hidden`: the page that measured was not in
    front all the time, so its timers were slowed. `ended` is why the session stopped: "done", "budget",
    "responder_lost", "network_lost", "interrupted".
    """

    late_ms_p99: Lateness | None = None
    lab_late_ms_p99: Lateness | None = None
    router_drops: Count = 0
    clock_jump_s: ClockStep = 0.0
    network_changed: bool = False
    hidden: bool = False
    vpn: bool | None = None
    ended: Ending = "done"
    probe_late_ms_p99: Lateness | None = None
    responder_late_ms_p99: Lateness | None = None


class ControlAttempt(Struct, frozen=True, omit_defaults=True):
    """One attempt to open the control channel: TCP to `port`, and then a TLS handshake.

    `hello` is the ClientHello that was sent: "bare" names no host, "named" names a usual one and offers what a browser
    does; "random" is as many random bytes in its place, which no TLS rule matches; "" where TCP did not connect.
    `segment` is the longest TCP segment that was allowed, in bytes of payload (0: the system's own). `outcome`:

    - TCP: "refused" (a reset), "timeout", "unroutable" (no route, or ICMP says so);
    - TLS: "silent", "reset", "closed" without a byte, "stalled" (it began and stopped), "failed" (an alert, or another
      version), "not_tls" (other bytes), "other_key" (done, with another key than the link's), "connected";
    - random bytes: "silent", "reset", "closed", or "answered".
    """

    port: Port
    outcome: ControlOutcome
    hello: ControlHello = ""
    segment: Annotated[int, Meta(ge=0, le=65_535)] = 0
    took_s: Seconds = 0.0


class Reach(Struct, frozen=True, omit_defaults=True):
    """Which transports answered at all, without any flow: the control channel.

    `control` is "connected", or how far the best attempt came: "offline" (this device has no route to anywhere),
    "unresolved" (the server's name), "refused", "timeout", and the outcomes of TLS (`ControlAttempt`). `attempts` are
    listed where one failed. `tcp_ok` of `tcp_tries` exchanges over TCP or TLS completed; connections of the control
    channel that failed count as tries. Where the channel was lost in the middle, `lost` is how: "closed" (by the
    responder itself, which nobody can forge), "ended" (a FIN), "reset", "silent", "unroutable"; and `again` what a new
    connection met then, or once other hosts had been asked where it never opened: "refused", "timeout", "unroutable",
    "connected". `listed_s`: so old was the list that names the server when the check began, None without one (who keeps
    a list tries its servers every hour, and drops those that are silent for 16 minutes).
    """

    control: ControlOutcome = "connected"
    tcp_ok: Count = 0
    tcp_tries: Count = 0
    attempts: Annotated[tuple[ControlAttempt, ...], Meta(max_length=MOST_ATTEMPTS)] = ()
    lost: ChannelLoss = ""
    again: ControlOutcome | Literal[""] = ""
    listed_s: Seconds | None = None


class Exchange(Struct, frozen=True, omit_defaults=True):
    """One handshake and small exchange with a host (basis signalling or address).

    `neutral` marks the control host beside it. Where a test server did not answer, other hosts were asked in the same
    minute, each once (`probe.other_hosts`): of `kind` "online" those that operating systems ask, "domestic" one that
    lies in the person's own country; a `failure` "unexpected_answer" is an answer that is not the host's own.

    `failure` is "" or a df-007 failure string. `took_s` is the time until the answer, or the failure. Of `endpoints`
    only: `host` is the host's id in the catalogue, `kind` what was asked ("stun", "stun-tcp", "tcp", "tls",
    "tls.browser", "tls.openssl", "tls.padded", "dns.system", "dns.other"), `round` which repeat that was, `confidence`
    how well it is known that the host answers, `named` whether it has a name. Of `kind` "tls.name", a ClientHello to
    one host that may have another's name in it: `name` is the id of the row that has it.
    """

    app: Word
    host: Text
    neutral: bool
    at_s: Seconds
    ok: bool
    failure: Word = ""
    rtt_ms: Milliseconds | None = None
    took_s: Seconds = 0.0
    kind: Word = ""
    round: Count = 0
    confidence: Confidence = "high"
    named: bool = False
    name: Text = ""


ServerOutcome = ControlOutcome | Literal["turned_away", "lost"]
"""What became of a try of a listed server (`Tried`)."""


class Tried(Struct, frozen=True):
    """A test server of a list that was tried before the one that was measured with, by its key.

    `outcome`: "unresolved", "refused", "timeout" of TCP; how far the TLS handshake came (`Reach.control`);
    "turned_away" (it refused the session, as when it is full), "lost" before anything was measured.
    """

    key: Annotated[str, Meta(max_length=43)]
    outcome: ServerOutcome


class RelayAttempt(Struct, frozen=True, omit_defaults=True):
    """One allocation that was asked for at a TURN server of the plan's `relays`, for one call.

    `outcome`: "allocated", and bound to the responder; "unresolved" (the server's name); "refused", "unroutable",
    "timeout" of TCP; "tls" (no handshake), "certificate" (not for that name, or trusted by nobody); "closed" (the
    connection ended), "not_turn" (other bytes came), "silent" (no answer in six seconds); or the server said no, with
    its `code` of RFC 8656: "unauthorized" (401: the credentials), "forbidden" (403: it does not relay to the
    responder), "denied" (any other).
    """

    relay: Word
    outcome: Word
    code: Annotated[int, Meta(ge=0, le=799)] = 0
    took_s: Seconds = 0.0


class SignedReceipt(Struct, frozen=True):
    """The responder's signed statement as received: `wire.control.receipt` opens it."""

    body: bytes
    signature: bytes


class Facts(Struct, frozen=True, omit_defaults=True):
    """All facts of one check. Verdicts are a function of this record and of nothing else.

    `paths` are the transports that the responder offers beside its UDP ports, as "udp/3478", "tcp/443", "tls/443".
    `receipt` is None if the responder did not sign, or became unreachable before it could. `tried` are the servers of a
    list (tp-011) that were tried before. `relays`: the allocations at the plan's TURN servers, in their order.
    """

    plan: Plan
    epochs: Annotated[tuple[Epoch, ...], Meta(max_length=MOST_EPOCHS)] = ()
    health: Health = field(default_factory=Health)
    reach: Reach = field(default_factory=Reach)
    exchanges: Annotated[tuple[Exchange, ...], Meta(max_length=MOST_EXCHANGES)] = ()
    paths: Annotated[tuple[Word, ...], Meta(max_length=MOST_ARMS)] = ()
    seed: Annotated[bytes, Meta(max_length=64)] = b""
    started_at: Word = ""
    duration_s: Seconds = 0.0
    bytes_sent: Bytes = 0
    bytes_received: Bytes = 0
    responder_class: Word = "unknown"
    responder_key: Annotated[str, Meta(max_length=43)] = ""
    family: Annotated[int, Meta(ge=4, le=6)] = 4
    simulated: bool = False
    receipt: SignedReceipt | None = None
    schema: Word = "talkpath.facts/2"
    tried: Annotated[tuple[Tried, ...], Meta(max_length=MOST_TRIED)] = ()
    relays: Annotated[tuple[RelayAttempt, ...], Meta(max_length=MOST_RELAY_ATTEMPTS)] = ()

    @property
    def ok_s(self) -> float:
        """For how long a call must have arrived before `ok` is said: as the plan says, and for the rule's own time
        whatever it says, since whoever signed the facts wrote their plan. What the lab made up counts nowhere, so its
        plans may say less."""
        return self.plan.ok_s if self.simulated else max(self.plan.ok_s, OK_WATCHED_S)
