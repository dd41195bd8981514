"""Microsoft Teams, recognised only: see `microsoft` for what Teams and Skype have in common."""

from __future__ import annotations

from functools import partial
from typing import Final

from talkpath.apps import microsoft
from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("stun",), ("rtp", "rtcp"))
FEATURES: Final = AppFeatures("teams", attributes=(1, 1, 0, 96), version=(1, 1, 0, 96), realm=(1, 1, 0, 96))

recognise: Final = partial(microsoft.recognise_as, FEATURES)
"""By the STUN attributes and their version, then RTP in the same flow."""

SOURCES: Final = (
    ShapeSource(
        "STUN attributes 8070 (version 7), 8036, 8037, 8055; realm rtcmedia; ff10", "teams.pcap", "low", 50, 4.5
    ),
    ShapeSource("voice: PT 104, 16 kHz, 20 ms, 66 to 110 bytes, BEDE", "teams.pcap", "low", 18, 0.35),
    ShapeSource("the other payload types", "MS-RTP section 2.2.1 as used by Lync, not seen", "low"),
)

APP: Final = App(
    "teams", "Microsoft Teams", (), SOURCES, ports=(3478, 3479, 3480, 3481), packages=("com.microsoft.teams",)
)
