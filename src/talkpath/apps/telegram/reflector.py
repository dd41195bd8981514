"""Telegram's call behind a reflector (tgcalls v2, from its source): WebRTC inside frames with a 24-byte header."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.apps.contract.script import TRIES_MS, Script
from talkpath.apps.contract.shape import Arm, Confidence, Keystream, Schedule, Shape, Slot
from talkpath.apps.telegram.libtgvoip import CLOCK_START_S, made_up_address
from talkpath.wire.rtc import reflector
from talkpath.wire.rtc.reflector import Ping, SelfInfo

_PADDING: Final = (b"", bytes(3), bytes(2), bytes(1))
"""By the length of a packet modulo 4."""


@dataclass(frozen=True, slots=True)
class _Wrapped(Schedule):
    """A schedule whose slots, but for the hello's, are those of `inner` in the same order."""

    inner: Schedule


@dataclass(frozen=True, slots=True)
class Reflected:
    """A WebRTC call inside the frames of a reflector."""

    inner: Shape
    confidence: Confidence = "low"
    shape_class: str = "reflector"

    @property
    def arm(self) -> Arm:
        """The medium is that of the call inside."""
        return Arm("telegram", "reflector", self.inner.arm.medium)

    @property
    def packet_rate(self) -> float:
        """That of the call inside."""
        return self.inner.packet_rate

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`. The hello goes out beside the first checks of the call inside."""
        inner = self.inner.schedule(rng, packets, rate=rate, hello=hello)
        script = Script()
        script.ask(Slot(direction="up", at_ms=0, size=40, stage="reflector"), 64, tries_ms=TRIES_MS)
        script.wrap(inner, reflector.DATA_BYTES, 4)
        whole = script.schedule()
        return _Wrapped(whole.slots, inner.duration_ms, inner)

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`; `schedule` is one that this shape drew."""
        assert isinstance(schedule, _Wrapped)
        stream = Keystream(key + b"reflector", 64)
        call, ends = stream.take(12), {"up": stream.take(4), "down": stream.take(4)}
        unix_s = CLOCK_START_S + stream.number(4) % 94_608_000
        hello = reflector.encode_frame(Ping(call + ends["up"], reflector.HELLO_QUERY))
        answer = reflector.encode_frame(SelfInfo(hello[:16], unix_s, reflector.HELLO_QUERY, made_up_address(stream)))
        heads = {"up": call + ends["down"] + ends["up"], "down": call + ends["up"] + ends["down"]}
        inner = iter(self.inner.datagrams(schedule.inner, key))
        made = []
        for slot in schedule.slots:
            if slot.stage == "reflector":
                made.append(hello if slot.direction == "up" else answer)
            else:
                data = next(inner)
                made.append(heads[slot.direction] + len(data).to_bytes(4, "big") + data + _PADDING[len(data) % 4])
        return made
