"""WhatsApp: a relay asked for with a token, then RTP in the clear header, payload type 120 (and 97 or 102 for video).

`relay60` is the call of 2023: 60- and 120-ms packets, silence sent as one packet each 420 ms, RTP extension DEBE.
`fast20` is the call of 2015 (voice) and 2019 (video): 50 packets a second without silence suppression, unpadded
STUN. Its keepalive, the bytes `health` and `OK`, holds nothing that could tell two packets apart, so no slot has it;
nor has any the bandwidth probes (0804/0805, RTCP 199), which the one whole voice call on record does without.

    call            the shapes: set-up (STUN messages of the client), media, reports
    media           sizes and instants of media packets
    sender          RTP and RTCP packets
    recogniser      all of them in a capture
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from talkpath.apps.contract.byte_hint import ByteHint, SeenKinds, hint_of_bytes
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.whatsapp.call import Relayed
from talkpath.apps.whatsapp.media import voice_2015, voice_2019, voice_2023
from talkpath.apps.whatsapp.recogniser import recognise
from talkpath.apps.whatsapp.sender import Sender

__all__ = ["APP", "BYTE_HINTS", "SEES", "STUN_ANSWERS", "STUN_INDICATIONS", "recognise"]

SOURCES: Final = (
    ShapeSource(
        "set-up, keepalive, 60/120-ms voice, silence, RTCP of 2023", "stun_wa_call__a.pcapng", "low", 319, 28.8
    ),
    ShapeSource("20-ms voice, 126-byte set-up, RTCP of 2015", "whatsapp_login_call.pcap (two calls)", "low", 629, 17.8),
    ShapeSource("video of 2019: PT 102 and 103, voice with extension 746F", "wa_video.pcap", "low", 421, 5.1),
    ShapeSource(
        "video of 2023 has PT 97; its sizes and rate are taken from 2019", "public descriptions, no capture", "low"
    ),
    ShapeSource(
        "160-ms voice, 184-byte set-up of 2020 (recognised only)", "wissamnd_whatsappCall.pcapng", "low", 23, 1.7
    ),
    ShapeSource("probes 0804 and 0805, ICE of group calls (recognised only)", "public descriptions, no capture", "low"),
)

_RELAY60: Final = Relayed(
    arm=Arm("whatsapp", "relay60", "voice"),
    packet_rate=6.3,
    token=b"\x09",
    token_bytes=150,
    draw_voice=voice_2023,
    write_voice=Sender.voice_2023,
)
_RELAY60_VIDEO: Final = replace(
    _RELAY60, arm=Arm("whatsapp", "relay60", "video"), packet_rate=50.0, video_types=(97, 0)
)
_FAST20: Final = Relayed(
    arm=Arm("whatsapp", "fast20", "voice"),
    packet_rate=50.0,
    token=bytes((1, 0)),
    token_bytes=102,
    draw_voice=voice_2015,
    write_voice=Sender.voice_2015,
)
_FAST20_VIDEO: Final = Relayed(
    arm=Arm("whatsapp", "fast20", "video"),
    packet_rate=62.0,
    token=bytes((5, 3)),
    token_bytes=102,
    draw_voice=voice_2019,
    write_voice=Sender.voice_2019,
    video_types=(102, 103),
)

APP: Final = App(
    id="whatsapp",
    name="WhatsApp",
    shapes=(_RELAY60, _RELAY60_VIDEO, _FAST20, _FAST20_VIDEO),
    sources=SOURCES,
    ports=(3478,),
    on_request=("relay60",),
    packages=("com.whatsapp", "com.whatsapp.w4b"),
)

STUN_ANSWERS, STUN_INDICATIONS = (0x0802, 0x0805), (0x0800,)
"""Its message types do not follow STUN's classes: the answers to 0801 and 0804, and its close."""

SEES: Final = SeenKinds(("stun", "rtp"), ("rtcp", "other"))
BYTE_HINTS: Final[tuple[ByteHint, ...]] = (hint_of_bytes(0, b"health", 6, 6), hint_of_bytes(0, b"OK", 2, 2))
