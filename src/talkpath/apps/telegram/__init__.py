"""Telegram: calls of today, straight to the other person or through a reflector, and one of 2022 on request.

The shapes of today are made from calls of its engine (`talkpath.apps.recorded`); `recogniser` knows all of them, and
the calls of 2020 (libtgvoip), in a capture.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import ByteHint, hint_of_bytes
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.recorded.app_call import AppCall
from talkpath.apps.telegram.recogniser import recognise

__all__ = ["APP", "BYTE_HINTS", "recognise"]

_ENGINE: Final = "make engines: its engine (ntgcalls 3.0.5) in calls of 30 November 2026"

SOURCES: Final = (
    ShapeSource("direct: all of it (docs/likeness.md)", _ENGINE, "medium", 2568, 48.5),
    ShapeSource("through a reflector: all of it but what a reflector answers", _ENGINE, "low", 1727, 32.6),
    ShapeSource("reflector: its answer to the hello", "telegram__a.pcap, of 2020", "low", 393, 12.2),
    ShapeSource(
        "tgcalls: ICE checks, 91-byte sound, 45-byte reports, pictures", "telegram_videocall.pcapng", "low", 98, 1.9
    ),
    ShapeSource(
        "tgcalls: a mode without DTLS that looks so may still be sent (network_use_mtproto)",
        "DrKLO/Telegram, NativeNetworkingImpl.cpp; TelegramMessenger/tgcalls, MtProtoDtlsTransport.h",
        "low",
    ),
)

APP: Final = App(
    id="telegram",
    name="Telegram",
    shapes=(
        AppCall(Arm("telegram", "direct", "voice"), "telegram-direct", "telegram"),
        AppCall(Arm("telegram", "direct", "video"), "telegram-direct-video", "telegram"),
        AppCall(Arm("telegram", "reflector", "voice"), "telegram-reflector", "reflector"),
        AppCall(Arm("telegram", "reflector", "video"), "telegram-reflector-video", "reflector"),
        AppCall(Arm("telegram", "tgcalls", "voice"), "telegram-tgcalls", "tgcalls"),
        AppCall(Arm("telegram", "tgcalls", "video"), "telegram-tgcalls-video", "tgcalls"),
    ),
    sources=SOURCES,
    ports=(596, 597, 598, 599, 1400),
    on_request=("tgcalls",),
    packages=("org.telegram.messenger", "org.telegram.messenger.web", "org.thunderdog.challegram"),
)

BYTE_HINTS: Final[tuple[ByteHint, ...]] = (hint_of_bytes(16, b"\xff" * 4, 32, 64),)
