"""Tells when a person's one call is over, so that listening ends by itself."""

from __future__ import annotations

from talkpath.capture.live.live_picture import LivePicture

CALL_QUIET_S = 10.0
"""A call that nothing came of, either way, for so long is over; a change of networks takes less."""
CALL_UNSEEN_S = 120.0
"""So long a call is waited for."""
CALL_UNANSWERED_S = 30.0
"""So long set-up may bring no call, from when it was first seen; a phone rings for less."""
LONGEST_CALL_WAIT_S = 600.0


class OneCall:
    """Looks at pictures of a stream, one a second, until its call is over."""

    def __init__(self) -> None:
        self._set_up_s: float | None = None

    def is_over(self, picture: LivePicture) -> bool:
        """Whether there is nothing more to wait for at this moment."""
        now_s = picture.now_s
        if now_s >= LONGEST_CALL_WAIT_S:
            return True
        if picture.calls:
            return all(now_s - call.end_s >= CALL_QUIET_S for call in picture.calls)
        if picture.set_up and self._set_up_s is None:
            self._set_up_s = now_s
        if self._set_up_s is not None:
            return now_s - self._set_up_s >= CALL_UNANSWERED_S
        return now_s >= CALL_UNSEEN_S
