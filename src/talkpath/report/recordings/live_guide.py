"""Guides a person through a call that is listened to: what is seen now, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.capture.live.live_call import LiveCall
from talkpath.capture.live.live_picture import LivePicture
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
