"""What a recogniser is told of a flow (no address, no port, no file name), and what it answers.

Each file of `apps/` has `recognise(datagram, view) -> RecognisedDatagram | None`: is this datagram, seen in this flow,
of this app's calls, and what is it? Pure; state is what the caller keeps in `FlowView` and `RecognisedDatagram`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from talkpath.apps.contract.feature import Feature
from talkpath.apps.contract.shape import Direction


@dataclass(slots=True)
class FlowView:
    """One 5-tuple so far. `direction` is that of the datagram now looked at ("up" = from the local host).

    `packets` counts datagrams seen before, `setup` is the last set-up message recognised (as "stun.allocate",
    "dtls.client_hello"), `inner` the transport that carried it ("udp", "tcp", "turn"). `notes` is the recogniser's own
    memory of this flow; of it `capture` reads "path" ("relay" or "p2p") and "hint" (the app may be this one: a call is
    named so where the port of the relay says so too). `captured` is how many bytes of the datagram were recorded;
    what is beyond them is zero, whatever was sent.
    """

    number: int
    direction: Direction = "up"
    packets: int = 0
    setup: str = ""
    inner: Literal["udp", "tcp", "turn"] = "udp"
    notes: dict[str, object] = field(default_factory=dict)
    captured: int = 65535


class RecognisedDatagram(Struct, frozen=True):
    """One datagram recognised.

    `kind`: "setup", "keepalive", "media", "control", "probe", "close"; "untold" where the recording cut off what tells
    media from the rest. `medium` only for these and media.
    `stitch` is equal for all flows of one call where the bytes show it (SSRC, peer tag), else None.
    `features`: what of the app's table (`contract.feature`) it shows, beside what was shown before.
    """

    app: str
    kind: str
    medium: Literal["voice", "video"] | None = None
    stitch: bytes | None = None
    features: tuple[Feature, ...] = ()


class AppFeatures:
    """The features of one app by name: (seen, calls, elsewhere, others) each."""

    def __init__(self, app: str, most: float = 1.0, **counts: tuple[int, int, int, int]) -> None:
        self.app = app
        self.table = {name: Feature(name, *numbers, most) for name, numbers in counts.items()}

    def hit(
        self, kind: str, *shown: str, medium: Literal["voice", "video"] | None = None, stitch: bytes | None = None
    ) -> RecognisedDatagram:
        """Return a datagram of this app that shows these features; without any it says only what the datagram is, in a
        flow that is known already."""
        return RecognisedDatagram(
            self.app, kind, medium, stitch, tuple(map(self.table.__getitem__, shown)) if shown else ()
        )
