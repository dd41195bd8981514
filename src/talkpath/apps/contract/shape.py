"""The contract between the app files and the experiment: what a call looks like on the wire.

A `Shape` is one arm: (app, variant, medium). It first draws a `Schedule`: which packet, which way, when,
how long. All flows of an epoch, calls and twins alike, follow the same schedule, so only their bytes differ.
Then `datagrams` fills the schedule with the app's bytes for one flow. Both are pure functions of their seed,
so the two ends build the same packets and no number of ours is ever on the wire: the receiver knows a packet
by its first 40 bytes (`KEY_BYTES`), which must differ between any two slots of a flow except retries of one
request, and must hold enough seeded random bytes (>= 4) that no other flow has them too. Where a real packet
has none there (a DTLS Certificate), the slot says `key_at=KEY_BYTES` and is known by its next 40 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Final, Literal, Protocol, get_args

from msgspec import Struct

from talkpath.wire.control.question import PacketStage

Direction = Literal["up", "down"]
OTHER_DIRECTION: Final[Mapping[Direction, Direction]] = {"up": "down", "down": "up"}
AffectedDirections = Literal["up", "down", "both"]
Medium = Literal["voice", "video", "text"]
Confidence = Literal["high", "medium", "low"]

KEY_BYTES = 40
NONCE_BYTES = 8
RECORDED_PREFIX = "like:"  # of an arm's app, before the digest of a recorded shape
MAX_SHAPE_TEXT_BYTES = 64 << 10  # of a recorded shape's file


class Arm(Struct, frozen=True, order=True, gc=False):
    """What one comparison is about: a messenger's call as one variant of its app sends it, voice or video. Its text is
    `app/variant/medium`."""

    app: str
    variant: str
    medium: Medium

    def __str__(self) -> str:
        return f"{self.app}/{self.variant}/{self.medium}"

    @property
    def is_recorded(self) -> bool:
        """Whether it is no app's, but looks like the calls of a recording (`apps.recorded`)."""
        return is_recorded_app(self.app)

    @classmethod
    def parse(cls, text: str) -> Arm:
        """The arm with that text; `ValueError` where it is none."""
        app, variant, medium = text.split("/")
        known: dict[str, Medium] = {name: name for name in get_args(Medium)}
        if medium not in known:
            raise ValueError(f"no arm: {text!r}")
        return cls(app, variant, known[medium])


def is_recorded_app(app: str) -> bool:
    """Whether an arm's app is the digest of a recorded shape."""
    return app.startswith(RECORDED_PREFIX)


class Slot(Struct, frozen=True, gc=False):
    """One packet of the schedule.

    `at_ms` counts from the flow's start (for `down`: the responder's view of that start).
    `size` is the UDP payload in bytes. `stage` is "media", "control" (keepalives, reports), or a set-up stage
    ("stun", "dtls", "allocate", "reflector"). A set-up request is sent up to three times: tries after the first
    name the first in `retry_of` (an index into the schedule) and are withheld once a reply arrived. A reply names
    the slot that triggers it in `answers` and is sent when that one arrives; its `at_ms` is then when it is due
    on a path without delay. `nonce_at` is the offset (>= KEY_BYTES) of 8 bytes that are random in the real packet
    and may carry the responder's address check, None if it has none; `fingerprint` says that the packet ends in a
    STUN FINGERPRINT, to be computed anew after the nonce went in (into MESSAGE-INTEGRITY) over a message that
    starts at `inner_at`. `kind` is the app file's own name of the packet ("ping", "picture"), by which `datagrams`
    knows what to write; nobody else reads it.
    """

    direction: Direction
    at_ms: float
    size: int
    stage: PacketStage
    retry_of: int | None = None
    answers: int | None = None
    nonce_at: int | None = None
    fingerprint: bool = False
    key_at: int = 0
    inner_at: int = 0
    kind: str = ""


@dataclass(frozen=True)
class Schedule:
    """The slots in order of sending time (`at_ms` does not fall), and the length of the flow."""

    slots: tuple[Slot, ...]
    duration_ms: float

    @cached_property
    def ends(self) -> list[int]:
        """0, then where each slot's datagram ends when all are written one after the other."""
        return list(accumulate((slot.size for slot in self.slots), initial=0))


@dataclass(frozen=True, slots=True)
class ShapeSource:
    """Where a fact about a shape comes from and how far it can be trusted."""

    fact: str
    source: str
    confidence: Confidence
    packets: int = 0
    seconds: float = 0.0


class Shape(Protocol):
    """One arm's imitation. Both methods are pure."""

    @property
    def arm(self) -> Arm:
        """The app, variant and medium that it imitates."""

    @property
    def confidence(self) -> Confidence:
        """Low below three captures; verdicts say so."""
        ...

    @property
    def shape_class(self) -> str:
        """Arms with the same class cannot be told apart by their bytes ("webrtc": max, meet, webrtc)."""
        ...

    @property
    def packet_rate(self) -> float:
        """Media packets per second and direction while somebody talks."""
        ...

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """Set-up from 0 ms (tries at 0, 70, 140 ms), media from 200 ms: `packets` media packets each way.

        `rate` multiplies the app's own rate (contrast only). `hello` picks the DTLS ClientHello
        ("browser", "openssl", "pion") where the shape has one. Sizes and gaps are drawn from `rng`
        within what the captures show (DTX, packetisation), never one constant repeated where calls vary.
        """
        ...

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """The bytes of one flow, one datagram per slot. `key` is the flow's own 32 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class App:
    """What one file of `apps/` exports as `APP`. `shapes` is empty for apps known from captures only.

    A check leaves variants that are only `on_request` out, unless it is asked for them as `app/variant` or watches
    calls for long: another variant stands for the app in less time. `recorded_name` is the name of a call in a
    recording where others cannot be told from the app's; `packages` are its names on Android.
    """

    id: str
    name: str
    shapes: tuple[Shape, ...]
    sources: tuple[ShapeSource, ...]
    ports: tuple[int, ...] = ()
    on_request: tuple[str, ...] = ()
    recorded_name: str = ""
    packages: tuple[str, ...] = ()


class Keystream:
    """Seeded pseudo-random bytes: SHAKE-128 of the key."""

    __slots__ = ("_at", "_key", "_pool")

    def __init__(self, key: bytes, size_hint: int = 4096) -> None:
        self._key, self._at = key, 0
        self._pool = hashlib.shake_128(key).digest(size_hint)

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if end > len(self._pool):
            self._pool = hashlib.shake_128(self._key).digest(2 * end)
        piece = self._pool[self._at : end]
        self._at = end
        return piece

    def number(self, size: int) -> int:
        """Return the next `size` bytes as an unsigned number."""
        return int.from_bytes(self.take(size), "big")


def setup_stages(schedule: Schedule) -> Sequence[PacketStage]:
    """Return the set-up stages in order of first appearance."""
    stages = (slot.stage for slot in schedule.slots if slot.stage not in ("media", "control"))
    return tuple(dict.fromkeys(stages))
