"""The facts of one check, as they are stored (spec/tp-001) and as every verdict is computed from them.

Contract: records are frozen and hold no address. A bitmap is bytes, least significant bit first; bit i is
the i-th slot of the epoch's schedule in that direction. Times are seconds of a monotonic clock from the
start of the check, delays are in steps of 0.1 ms with an arbitrary common zero per epoch and direction
(two clocks are never compared, only flows with flows).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Role = Literal["call", "twin"]
TwinKind = Literal["random", "text"]
Direction = Literal["up", "down"]

DELAY_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LADDER = 30  # hops: a packet more may go one further, from 1 to here, then from 1 again


class Track(Struct, frozen=True, gc=False):
    """One direction of an epoch's schedule, the same for all of its flows: slot i of every bitmap."""

    at_ms: tuple[float, ...]
    size: tuple[int, ...]
    stage: tuple[str, ...]


class Observation(Struct, frozen=True, omit_defaults=True, gc=False):
    """One flow (5-tuple) in one direction.

    `sent` are the packets that really left; `arrived` those that came before the epoch's cut; `late` those after.
    The canary, a text twin drawn by the seed, has `withheld` some of its own; no test but its own counts it.
    `delay_dms` are the quantiles (DELAY_QUANTILES) of arrival minus sending over media, in 0.1 ms.
    `answered` tells for each set-up stage whether a reply came back to the probe (both directions carry it),
    `setup_ms` when the last stage's first reply did, from the flow's start; None if one never came.
    Of the question "hops": the packets `limited` could go `hops` hops (0: the first of them one, the next two, and so
    on); `exceeded` routers' messages came back that they had run out, from a `router` that is "home" (a private
    address), "provider" (one of RFC 6598, shared), or "public". The address itself is kept nowhere.
    """

    id: int
    flow: int
    role: Role
    direction: Direction
    sent: bytes
    arrived: bytes
    twin_kind: TwinKind | None = None
    canary: bool = False
    transport: str = "udp"
    port: int = 0
    late: bytes = b""
    withheld: bytes = b""
    delay_dms: tuple[int, ...] = ()
    answered: dict[str, bool] = field(default_factory=dict)
    setup_ms: float | None = None
    limited: bytes = b""
    hops: int = 0
    exceeded: int = 0
    router: str = ""


class Epoch(Struct, frozen=True, omit_defaults=True):
    """One epoch of one arm: k calls, k random twins, k/2 text twins side by side on fresh 5-tuples.

    `question` says why it was run: "battery" (the accusing test), or a contrast: "rate" (value: multiple of the
    app's rate), "hello" (value: whose ClientHello), "watch" (long-lived flows), "tcp" (twins over TCP beside twins
    over UDP), "transport" (value: the paths, with commas), "again" (value: seconds after), "hops"
    (value: which packets may go how far, see experiment.hops). `started_s` to `ended_s` is the span of sending,
    `cut_s` when arrivals stopped counting. `decided_at` order of epochs is their number.
    `path` names the responder this epoch was run with (0 the first).
    """

    number: int
    app: str
    variant: str
    medium: str
    k: int
    started_s: float
    ended_s: float
    cut_s: float
    up: Track
    down: Track
    flows: tuple[Observation, ...]
    question: str = "battery"
    value: float | str | None = None
    known_s: float = 0.0
    path: int = 0
    missing: str = ""

    @property
    def arm(self) -> tuple[str, str, str]:
        """(app, variant, medium)."""
        return self.app, self.variant, self.medium


class ArmPlan(Struct, frozen=True, omit_defaults=True):
    """One arm of the plan. `weight` is its share of attention; `shape_class`, `confidence` as in `apps`."""

    app: str
    variant: str
    medium: str
    confidence: str = "high"
    shape_class: str = ""
    packet_rate: float = 50.0


class Plan(Struct, frozen=True, omit_defaults=True):
    """What was fixed before the first packet. `alpha` is the error of the whole check over its `arms`.

    `watch_s` > 0: calls are watched that long (`--deep`). `transports`: every arm is asked what carries it; `path_s`
    is how long a call is watched over each transport. `locate`: what is found restricted is asked at which hop that
    happens, and not what carries it. `basis`: a probe's shapes, or a browser's real calls.
    """

    arms: tuple[ArmPlan, ...]
    alpha: float = 1e-4
    k: int = 8
    packets: int = 25
    budget_bytes: int = 4_000_000
    budget_s: float = 60.0
    watch_s: float = 0.0
    transports: bool = False
    path_s: float = 3.0
    locate: bool = False
    basis: Literal["shape", "webrtc"] = "shape"


class Health(Struct, frozen=True, omit_defaults=True):
    """How far the run itself can be trusted. None where it was not looked at.

    `hidden`: a page that measured was not in front all the time, so that its timers slept.
    `late_ms_p99` is the sender's own lateness (actual minus due), `lab_late_ms_p99` the lab router's.
    `clock_jump_s` the largest step between monotonic time and the wall clock or a suspend; `ended` why the
    session stopped: "done", "budget", "responder_lost", "network_lost", "interrupted".
    """

    late_ms_p99: float | None = None
    lab_late_ms_p99: float | None = None
    router_drops: int = 0
    clock_jump_s: float = 0.0
    network_changed: bool = False
    hidden: bool = False
    vpn: bool | None = None
    ended: str = "done"


class Reach(Struct, frozen=True, omit_defaults=True):
    """Which transports answered at all, without any flow: the control channel and references.

    `control` "connected", "refused", "timeout", "lost". `reference` the same for a second responder or a neutral
    host in the same minute, "" when none was asked. `tcp_ok` text-like exchanges over TCP or TLS that completed,
    of `tcp_tries`; connections of the control channel that failed count as tries.
    """

    control: str = "connected"
    reference: str = ""
    dns: str = ""
    tcp_ok: int = 0
    tcp_tries: int = 0


class Exchange(Struct, frozen=True, omit_defaults=True):
    """One handshake and small exchange with a host (basis signalling or address; in the lab, or `endpoints`).

    `neutral` marks the control host beside it. `failure` is "" or a df-007 failure string. `took_s`: until the answer
    was there, or the failure. Of `endpoints` only: `host` is the catalogue's id of it, `kind` what was asked ("stun",
    "tcp", "tls", "dns.system", "dns.other"), `round` which time that was, `confidence` how well it is known that the
    host answers, `named` whether it has a name.
    """

    app: str
    host: str
    neutral: bool
    at_s: float
    ok: bool
    failure: str = ""
    rtt_ms: float | None = None
    took_s: float = 0.0
    kind: str = ""
    round: int = 0
    confidence: str = "high"
    named: bool = False


class SignedReceipt(Struct, frozen=True):
    """The responder's last word as it came: `wire.receipt` opens it."""

    body: bytes
    signature: bytes


class Facts(Struct, frozen=True, omit_defaults=True):
    """All facts of one check. Verdicts are a function of this record and of nothing else.

    `paths` are the transports that the responder offers beside its UDP ports, as "udp/3478", "tcp/443", "tls/443".
    `receipt` is None where the responder did not sign, or went away before it could.
    """

    plan: Plan
    epochs: tuple[Epoch, ...] = ()
    health: Health = field(default_factory=Health)
    reach: Reach = field(default_factory=Reach)
    exchanges: tuple[Exchange, ...] = ()
    paths: tuple[str, ...] = ()
    seed: bytes = b""
    started_at: str = ""
    duration_s: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0
    responder_class: str = "unknown"
    responder_key: str = ""
    family: int = 4
    simulated: bool = False
    receipt: SignedReceipt | None = None
    schema: str = "talkpath.facts/1"
