"""Telegram: three ways to call, none of which looks like the other.

libtgvoip    the voice call of 2020 through a reflector
tgcalls      the call of 2022 between two phones
reflector    WebRTC behind a reflector's header, from the app's source
recogniser   all of them in a capture
"""

from __future__ import annotations

from typing import Final

from talkpath.apps import webrtc
from talkpath.apps.contract.cue import Cue, cue_of_bytes
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.telegram.libtgvoip import Libtgvoip
from talkpath.apps.telegram.recogniser import recognise
from talkpath.apps.telegram.reflector import Reflected
from talkpath.apps.telegram.tgcalls import Tgcalls

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
