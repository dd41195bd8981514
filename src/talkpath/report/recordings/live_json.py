"""The JSON object of one second of a stream: what `listen --json` prints meanwhile (spec/tp-007).

`what_to_do_now` guides a person through a call that is listened to: what is seen now, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from talkpath.capture.live.live_picture import DirectionSoFar, LiveCall, LivePicture
from talkpath.measure.call import Moment
from talkpath.report.recordings.capture_sentences import app_name
from talkpath.report.words.amounts import seconds
from talkpath.report.words.language import listed, say

ENOUGH_S = 30.0
"""A call that went on for so long tells enough."""
CALL_WAIT_S = 30.0
"""After so long without a call it is asked whether this is the right interface."""
SILENCE_TOLD_S = 3.0


def what_to_do_now(picture: LivePicture, apps: Sequence[str] = ()) -> str:
    """Say in one or two sentences what to do now. `apps` are those in which a call is wanted, none for any."""
    if picture.running:
        return _step_in_call(picture.running[-1], picture.now_s)
    if not picture.packets:
        return say("listen", "No packet has come yet: is anything sent on this interface?")
    if picture.set_up:
        return say("listen", "{app} sets up a call. Let it ring.", app=listed(map(app_name, picture.set_up)))
    if picture.calls:
        return say("listen", "The call is over. Make another one, or press Ctrl-C for the result.")
    call = _call_now(apps)
    if picture.now_s < CALL_WAIT_S:
        return call
    elsewhere = say("listen", "No packets of a call on this interface: is the call on another device?")
    return f"{elsewhere} {call}"


def _call_now(apps: Sequence[str]) -> str:
    if not apps:
        return say("listen", "Call somebody now: let it ring, then talk or stay silent for 30 s.")
    return say(
        "listen",
        "Call somebody in {apps} now: let it ring, then talk or stay silent for 30 s.",
        apps=say("list", " or ").join(map(app_name, apps)),
    )


def _step_in_call(call: LiveCall, now_s: float) -> str:
    quiet_s = now_s - call.end_s
    if quiet_s > SILENCE_TOLD_S:
        return say("listen", "Nothing of the call has come for {seconds}.", seconds=seconds(quiet_s, 0))
    left_s = ENOUGH_S - (call.end_s - call.start_s)
    if left_s > 0:
        return say("listen", "Stay in the call for {seconds} more.", seconds=seconds(left_s, 0))
    return say("listen", "That is enough for a result. Hang up when you like, then press Ctrl-C.")


def silence_words(call: LiveCall, now_s: float) -> str:
    """Say what does not come any more, "" where all does."""
    quiet_s = now_s - call.end_s
    if call.has_ended(now_s):
        return say("listen", "over")
    heard, said = call.so_far("received"), call.so_far("sent")
    if quiet_s > SILENCE_TOLD_S or said.last_s is None:
        return ""
    if heard.last_s is None:
        return say("listen", "nothing has come yet")
    silent_s = said.last_s - heard.last_s
    return (
        say("listen", "nothing came for {seconds}", seconds=seconds(silent_s, 0)) if silent_s > SILENCE_TOLD_S else ""
    )


SCHEMA = "talkpath.live/1"


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
    sent: DirectionSoFar
    received: DirectionSoFar
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
        sent=call.so_far("sent"),
        received=call.so_far("received"),
        second=moments[-1] if moments else None,
    )
