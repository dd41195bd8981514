"""The set-up of a recorded call as request and reply: what was sent before the media, repetitions taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from talkpath.apps.recorded.record import SetupStep
from talkpath.capture.shapes.packet_fields import ReadPacket

MAX_SETUP_MS: Final = 1800.0
MAX_SETUP_GAP_MS: Final = 120.0
MAX_REPLY_MS: Final = 60.0
MAX_SETUP_STEPS: Final = 64
MAX_RETRY_MS: Final = 2000.0
MAX_UNKNOWN_REPLY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class NamedPacket:
    """A packet and the name of its kind."""

    read: ReadPacket
    kind: str


@dataclass(slots=True)
class _Steps:
    steps: list[SetupStep] = field(default_factory=list)
    packets: list[NamedPacket] = field(default_factory=list)

    def add(self, packet: NamedPacket, at_ms: float, answers: int | None) -> None:
        """Add one packet."""
        size = packet.read.size
        self.steps.append(SetupStep(kind=packet.kind, at_ms=round(at_ms, 1), size=size, answers=answers))
        self.packets.append(packet)

    def repeats(self, packet: NamedPacket) -> bool:
        """Whether a step has the same bytes already: a retry, which is noted, or the reply to one."""
        sent = packet.read.packet
        for number, one in enumerate(self.packets):
            first = one.read.packet
            if (first.direction, first.data) == (sent.direction, sent.data):
                after_ms, step = (sent.at_s - first.at_s) * 1000, self.steps[number]
                if step.answers is None and 10 <= after_ms <= MAX_RETRY_MS and len(step.retry_ms) < 2:
                    self.steps[number] = replace(step, retry_ms=(*step.retry_ms, round(after_ms)))
                return True
        return False


def setup_steps(packets: Sequence[NamedPacket]) -> tuple[SetupStep, ...]:
    """Return the steps of a set-up from its packets in order of time. A reply follows its request at once, as on a path
    without delay; long waits are cut short."""
    out = _Steps()
    flights = set[tuple[object, ...]]()
    now_ms, before_s = 0.0, packets[0].read.packet.at_s if packets else 0.0
    path_s = _path_delay(packets)
    for packet in packets:
        read = packet.read
        key = (read.packet.direction, *read.flight) if read.flight else ()
        if len(out.steps) == MAX_SETUP_STEPS or key in flights or out.repeats(packet):
            continue
        if key:
            flights.add(key)
        now_ms += min((read.packet.at_s - before_s) * 1000, MAX_SETUP_GAP_MS)
        before_s = read.packet.at_s
        asked = _asked_step(packet, out)
        if asked is None:
            out.add(packet, now_ms, None)
            continue
        took_s = read.packet.at_s - out.packets[asked].read.packet.at_s
        took_s -= path_s if read.packet.direction == "down" else 0.0
        at_ms = out.steps[asked].at_ms + min(max(took_s * 1000, 0.5), MAX_REPLY_MS)
        out.add(packet, at_ms, asked)
    return _within_time(out.steps)


def _asked_step(packet: NamedPacket, out: _Steps) -> int | None:
    """Return the number of the step that a packet answers: by its transaction id; the first datagram of the other end's
    last flight, which is nothing without it; of no known protocol, the last packet of the other end where this is the
    first of its kind."""
    read = packet.read
    others = [n for n, one in enumerate(out.packets) if one.read.packet.direction != read.packet.direction]
    if read.reply is not None:
        return next((n for n in others if out.packets[n].read.request == read.reply), None)
    if read.flight:
        flights = [n for n, one in enumerate(out.packets) if one.read.flight]
        theirs = [n for n in flights if n in others]
        own = max((n for n in flights if n not in others and n < max(theirs, default=-1)), default=-1)
        return next((n for n in theirs if n > own), None)
    if read.stage != "setup" or any(one.kind == packet.kind for one in out.packets):
        return None
    last = others[-1] if others else None
    if last is None or out.packets[last].read.stage != "setup":
        return None
    return last if read.packet.at_s - out.packets[last].read.packet.at_s < MAX_UNKNOWN_REPLY_S else None


def _path_delay(packets: Sequence[NamedPacket]) -> float:
    """Return how long the path and back took, from the fastest reply to a request of this end."""
    asked = {one.read.request: one.read.packet.at_s for one in reversed(packets) if one.read.request is not None}
    took = [one.read.packet.at_s - asked[one.read.reply] for one in packets if one.read.reply in asked]
    return max(min(took, default=0.0), 0.0)


def _within_time(steps: list[SetupStep]) -> tuple[SetupStep, ...]:
    last_ms = max((step.at_ms for step in steps), default=0.0)
    scale = min(1.0, MAX_SETUP_MS / last_ms) if last_ms else 1.0
    return tuple(replace(step, at_ms=round(step.at_ms * scale, 1)) for step in steps)
