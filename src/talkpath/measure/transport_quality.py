"""Sums up how each transport carried a call, from epochs that compare paths. `quality` rates the sums.

Codes of the transports that a call is tried over: "udp/443", "tcp/443", "tls/443", "wss/443" (a WebSocket in TLS).

A call inside TLS is tried with OpenSSL's ClientHello; "tls.browser/443" is the same transport with one that is written
as a browser writes it (rule `tls.hello_drop`). Both ends of a check name the transport; only the probe names the hello.
A page's connections are opened by its browser itself, and their codes name no hello.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.bitmap import sent_and_lost, unpack_bitmap
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Observation, Track
from talkpath.wire.control.question import ComparedPaths, TransportPaths

TlsHello = Literal["", "openssl", "browser"]

_BROWSER = ".browser"


def is_inside_tls(code: str) -> bool:
    """Return whether the transport is inside TLS to the responder itself (not to a TURN server)."""
    return without_hello(code).partition("/")[0] in ("tls", "wss")


def without_hello(code: str) -> str:
    """Return the transport's code without the hello."""
    return code.replace(_BROWSER, "")


def with_browser_hello(code: str) -> str:
    """Return the code of the same transport with a ClientHello like a browser's."""
    kind, slash, port = without_hello(code).partition("/")
    return f"{kind}{_BROWSER}{slash}{port}"


def hello_of(code: str) -> TlsHello:
    """Return whose ClientHello opens its connections: "" where none does."""
    if not is_inside_tls(code):
        return ""
    return "openssl" if without_hello(code) == code else "browser"


class DirectionQuality(Struct, frozen=True):
    """One direction: media packets that were due and that arrived, and in how many runs the others were lost.

    `delay_ms` is the delay of nearly all packets above that of the fastest transport: the playout delay that a player
    needs, since over TCP a lost packet holds up those behind it. None if nothing arrived.
    """

    sent: int
    arrived: int
    runs: int = 0
    delay_ms: float | None = None


class TransportQuality(Struct, frozen=True):
    """One arm over one transport ("udp/443", "tls/443", "wss/443"); `hello`: with whose ClientHello, inside TLS.

    `setup_ms` is the time from the first packet, or from connecting, to the last answer of the set-up (median over
    flows); None if most flows had no answer. `calls` is how many calls were placed over it, `lasted_s` how long each
    was.
    """

    arm: Arm
    transport: str
    up: DirectionQuality
    down: DirectionQuality
    setup_ms: float | None = None
    calls: int = 0
    lasted_s: float = 0.0
    hello: TlsHello = ""

    @property
    def silent(self) -> bool:
        """Whether nothing at all came through, either way."""
        return not self.up.arrived and not self.down.arrived and self.setup_ms is None


def transport_qualities(epochs: Sequence[Epoch]) -> list[TransportQuality]:
    """Return one record for each arm and transport, in the order in which they were measured."""
    asked = [epoch for epoch in epochs if isinstance(epoch.question, TransportPaths) and not epoch.missing]
    return path_qualities(asked, lambda path: True)


def compared_paths(epoch: Epoch) -> tuple[str, ...]:
    """Return the codes of the paths that an epoch compares, () where it compares none."""
    return epoch.question.codes if isinstance(epoch.question, ComparedPaths) else ()


def path_qualities(epochs: Sequence[Epoch], is_wanted: Callable[[str], bool]) -> list[TransportQuality]:
    """Return one record for each epoch and each of its paths that is wanted."""
    return [_path_quality(epoch, path) for epoch in epochs for path in compared_paths(epoch) if is_wanted(path)]


def _path_quality(epoch: Epoch, path: str) -> TransportQuality:
    flows = [flow for flow in epoch.flows if f"{flow.transport}/{flow.port}" == without_hello(path)]
    sent_up = [flow for flow in flows if flow.direction == "up"]
    times = sorted(flow.setup_ms for flow in sent_up if flow.setup_ms is not None)
    setup_ms = times[len(times) // 2] if 2 * len(times) > len(sent_up) else None
    return TransportQuality(
        arm=epoch.arm,
        transport=without_hello(path),
        up=_of_direction(epoch, flows, "up"),
        down=_of_direction(epoch, flows, "down"),
        setup_ms=setup_ms,
        calls=sum(flow.role == "call" for flow in sent_up),
        lasted_s=round(max(epoch.up.at_ms + epoch.down.at_ms, default=0.0) / 1000.0, 1),
        hello=hello_of(path),
    )


def _of_direction(epoch: Epoch, among: Sequence[Observation], direction: Direction) -> DirectionQuality:
    """Sum up one direction. If a flow sent nothing, its packets count as due and lost."""
    track = epoch.track(direction)
    size = len(track.stage)
    media = [stage == "media" for stage in track.stage]
    flows = [flow for flow in among if flow.direction == direction]
    counted, lost = (table[:, media] for table in sent_and_lost(flows, size))
    runs = int((np.diff(lost.astype(np.int8), axis=1, prepend=0) == 1).sum())
    sent, gone = int(counted.sum()), int(lost.sum())
    # the responder sends nothing on a flow that it never received: all of that is lost
    silent = sum(not unpack_bitmap(flow.sent, size).any() for flow in flows) if direction == "down" else 0
    delay_ms = _delay_ms(epoch, flows, direction, track)
    return DirectionQuality(sent + silent * sum(media), sent - gone, runs + silent, delay_ms)


def _delay_ms(epoch: Epoch, flows: Sequence[Observation], direction: Direction, track: Track) -> float | None:
    """Return the delay of the slowest flow: its highest quantile without packets that were due before its set-up was
    done."""
    zero = min((f.delay_dms[0] for f in epoch.flows if f.direction == direction and f.delay_dms), default=0)
    late = [flow.delay_dms[_delay_quantile(flow, track)] - zero for flow in flows if flow.delay_dms]
    return round(max(late) / 10.0, 1) if late else None


def _delay_quantile(flow: Observation, track: Track) -> int:
    """Return the quantile to use: media due while a stream is still connecting are late, and real calls have none of
    those."""
    due_ms = [at_ms for at_ms, stage in zip(track.at_ms, track.stage, strict=True) if stage == "media"]
    early = sum(at_ms < (flow.setup_ms or 0.0) for at_ms in due_ms) / len(due_ms) if due_ms else 0.0
    return max((place for place, q in enumerate(DELAY_QUANTILES) if q <= 1.0 - early), default=0)
