"""Telegram: three ways to call, none of which looks like the other.

libtgvoip    the voice call of 2020 through a reflector
tgcalls      the call of 2022 between two phones
reflector    WebRTC behind a reflector's header, from the app's source
recogniser   all of them in a capture

Telegram's call behind a reflector (tgcalls v2, from its source): WebRTC inside frames with a 24-byte header.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.apps import webrtc
from talkpath.apps.contract.cue import Cue, cue_of_bytes
from talkpath.apps.contract.script import TRIES_MS, Script
from talkpath.apps.contract.shape import App, Arm, Confidence, Keystream, Schedule, Shape, ShapeSource, Slot
from talkpath.apps.telegram.libtgvoip import CLOCK_START_S, Libtgvoip, made_up_address
from talkpath.apps.telegram.recogniser import recognise
from talkpath.apps.telegram.tgcalls import Tgcalls
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


__all__ = ["APP", "CUES", "WRAPPINGS", "recognise"]

SOURCES: Final = (
    ShapeSource("libtgvoip: pings, answers, peer request, voice of 60 ms", "telegram__a.pcap", "low", 393, 12.2),
    ShapeSource(
        "tgcalls: ICE checks, 91-byte sound, 45-byte reports, pictures", "telegram_videocall.pcapng", "low", 98, 1.9
    ),
    ShapeSource("reflector: hello, header, padding", "DrKLO/Telegram, ReflectorPort.cpp at 068cd49", "low"),
    ShapeSource("reflector: the answer to the hello is that of libtgvoip's reflectors", "assumed, no capture", "low"),
    ShapeSource("reflector: the call inside is that of a browser", "assumed from the same source, no capture", "low"),
)

APP: Final = App(
    id="telegram",
    name="Telegram",
    shapes=(
        Libtgvoip(Arm("telegram", "libtgvoip", "voice")),
        Tgcalls(Arm("telegram", "tgcalls", "voice"), 51.0),
        Tgcalls(Arm("telegram", "tgcalls", "video"), 30.0),
        *(Reflected(shape) for shape in webrtc.APP.shapes),
    ),
    sources=SOURCES,
    ports=(596, 597, 598, 599, 1400),
    packages=("org.telegram.messenger", "org.telegram.messenger.web", "org.thunderdog.challegram"),
)

CUES: Final[tuple[Cue, ...]] = (cue_of_bytes(16, b"\xff" * 4, 32, 64),)
WRAPPINGS: Final[tuple[Cue, ...]] = tuple(
    Cue(((20, 0), (21, 0), (24, first)), 36, 1500, inner_at=24) for first in (0x80, 0x90)
)
