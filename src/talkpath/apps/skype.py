"""Skype, recognised only: see `microsoft` for what Teams and Skype have in common."""

from __future__ import annotations

from functools import partial
from typing import Final

from talkpath.apps import microsoft
from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("stun",), ("rtp", "rtcp"))
FEATURES: Final = AppFeatures("skype", attributes=(1, 1, 0, 96), version=(1, 1, 0, 96), realm=(1, 1, 0, 96))

recognise: Final = partial(microsoft.recognise_as, FEATURES)
"""By the STUN attributes and their version, then RTP in the same flow."""

SOURCES: Final = (
    ShapeSource("STUN attribute 8070 with version 3", "public descriptions of a capture of 2017", "low"),
    ShapeSource("payload types as Lync has them", "MS-RTP section 2.2.1, not seen", "low"),
)

APP: Final = App("skype", "Skype", (), SOURCES, ports=(3478, 3479, 3480, 3481), packages=("com.skype.raider",))
