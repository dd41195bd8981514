"""What a restrictor keeps of one flow, and of one rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from talkpath.lab.matchers import Trace
from talkpath.wire.ip.packets import TCP, UDP

if TYPE_CHECKING:
    from talkpath.lab.restrictor.mechanism import Rule

DROP: Final = -1.0
PASS: Final = 0.0
DNS_PORT: Final = 53

Gate = Callable[[float, bytes], float]


@dataclass(slots=True)
class Post:
    """One rule at work: its own dice, and what it remembers across flows: a time, by client, server and port,
    or by what the mechanism says."""

    rule: Rule
    rng: Random
    until_s: dict[bytes, float] = field(default_factory=dict)


class Flow:
    """One 5-tuple. `head` is where its payloads begin, `packets` counts both directions and the one in hand.

    `far` is the address beyond the restrictor, `port` the port there (0 where the protocol has none), `triple` the
    key of (client, server, server's port). `trace` is what the matchers made of it; other protocols than UDP show
    them nothing.
    """

    __slots__ = (
        "down", "far", "head", "label", "made", "opened_s", "packets", "port", "protocol", "seen_s", "trace", "triple",
        "up", "watched",
    )  # fmt: skip

    def __init__(self, now_s: float, up: bool, packet: bytes) -> None:
        version = packet[0] >> 4
        self.protocol = packet[9] if version == 4 else packet[6]
        self.head = 28 if version == 4 else 48
        first, size = (12, 4) if version == 4 else (8, 16)
        source, target = packet[first : first + size], packet[first + size : first + 2 * size]
        ports = packet[first + 2 * size : first + 2 * size + 4]
        near, self.far = (source, target) if up else (target, source)
        has_ports = self.protocol in (TCP, UDP)
        self.port = int.from_bytes(ports[2:] if up else ports[:2], "big") if has_ports else 0
        self.triple = near + self.far + self.port.to_bytes(2, "big")
        self.opened_s = self.seen_s = now_s
        self.packets = 0
        self.trace = Trace()
        self.watched = False
        self.label: tuple[str, str, frozenset[str]] = ("", "", frozenset())
        self.made: dict[tuple[int, bool], Gate | None] = {}
        self.up: list[tuple[Gate, int]] = []
        self.down: list[tuple[Gate, int]] = []

    @property
    def is_dns(self) -> bool:
        """A name server's port: no published rule closes it."""
        return self.port == DNS_PORT
