"""The JSON object of one second of a stream: what `listen --json` prints meanwhile (spec/tp-007)."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from talkpath.capture.live.live_call import LiveCall
from talkpath.capture.live.live_picture import LivePicture
from talkpath.measure.call import Moment
from talkpath.report.recordings.live_guide import what_to_do_now

SCHEMA = "talkpath.live/1"


class LiveDirection(Struct, frozen=True):
    """One direction so far. `lost` is null as long as nothing shows it; `last_s` is the latest second with a packet."""

    packets: int
    lost: int | None
    last_s: int | None


class LiveCallObject(Struct, frozen=True):
    """A call so far. `running`: whether it goes on. `second` is the latest second that is known whole."""

    number: int
    app: str
    app_confidence: float
    media: tuple[str, ...]
    protocol: str
    running: bool
    start_s: float
    duration_s: float
    sent: LiveDirection
    received: LiveDirection
    second: Moment | None


class LiveObject(Struct, frozen=True):
    """One moment, at `at_s` seconds from the stream's first packet. `set_up` are apps whose set-up was seen a moment
    ago; `guide` is what to do now, in words."""

    schema: str
    at_s: float
    packets: int
    calls: tuple[LiveCallObject, ...]
    set_up: tuple[str, ...]
    guide: str


def live_object(picture: LivePicture) -> LiveObject:
    """Return the object of a picture."""
    calls = tuple(_live_call_object(call, picture.now_s) for call in picture.calls)
    return LiveObject(SCHEMA, round(picture.now_s, 3), picture.packets, calls, picture.set_up, what_to_do_now(picture))


def live_line(picture: LivePicture) -> str:
    """Return it as JSON on one line."""
    return msgspec.json.encode(live_object(picture)).decode()


def _live_call_object(call: LiveCall, now_s: float) -> LiveCallObject:
    sent, received = (LiveDirection(*msgspec.structs.astuple(call.so_far(way))) for way in ("sent", "received"))
    moments = call.moments
    return LiveCallObject(
        number=call.number,
        app=call.app,
        app_confidence=call.app_confidence,
        media=call.media,
        protocol=call.protocol,
        running=not call.has_ended(now_s),
        start_s=round(call.start_s, 3),
        duration_s=round(call.end_s - call.start_s, 3),
        sent=sent,
        received=received,
        second=moments[-1] if moments else None,
    )
