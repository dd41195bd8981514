"""Yandex Telemost, recognised only, by the networks of its media servers: its calls are a browser's.

Conferences run through a media server (never straight between two phones), Opus with silence suppression, VP8, VP9,
H.264 or AV1 video, a data channel, STUN and TURN on 3478. Nothing in the bytes tells it from another WebRTC call. A
WebRTC call in these networks may also be a tunnel: projects carry other traffic through its relays.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True

NETWORKS: Final = (
    "5.45.192.0/18",
    "5.255.192.0/18",
    "37.9.64.0/18",
    "37.140.128.0/18",
    "77.88.0.0/18",
    "87.250.224.0/19",
    "93.158.128.0/18",
    "95.108.128.0/17",
    "141.8.128.0/18",
    "178.154.128.0/18",
    "213.180.192.0/19",
    "2a02:6b8::/32",
)
"""Yandex's own networks, which other services of Yandex share. `capture` names a WebRTC call by them, with little
confidence."""


SOURCES: Final = (
    ShapeSource("media server goloom, Opus and video codecs, data channel", "public protocol notes of 2026", "low"),
    ShapeSource("TURN on 3478 at 5.255.211.241 to .246", "notes of a public project", "low"),
    ShapeSource("networks of AS13238", "yandex.com/ips", "low"),
)

APP: Final = App("telemost", "Yandex Telemost", (), SOURCES, ports=(3478,), packages=("ru.yandex.telemost",))
