"""Runs the probe's end of control traffic on real sockets, in a thread beside the one that listens."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

from talkpath.errors import PeerError, TalkpathError
from talkpath.listening.companion import ControlTrafficSession
from talkpath.probe.driver import ProbeDriver
from talkpath.probe.invite_link import InviteLink
from talkpath.wire.ip.address import Address

CONTROL_CONNECTIONS, LIGHT_CONTROL_CONNECTIONS = 8, 3
"""So many control connections run beside a call, and so many where less is to be sent."""
SESSION_OPEN_S = 30.0
THREAD_STOP_S = 10.0


class ControlThread:
    """One session with the test server of a link. A context manager: it is open inside, unless `how` says otherwise."""

    def __init__(self, link: InviteLink, flows: int, family: int = 0) -> None:
        if link.until is not None and link.until < datetime.now(UTC):
            raise PeerError("The invitation in the link has ended; ask for a new one.")
        self.companion = ControlTrafficSession(os.urandom(32), os.urandom, flows)
        self.error: TalkpathError | None = None
        self._driver = ProbeDriver(self.companion, link, family)
        self._thread = threading.Thread(target=self._run, name="control traffic", daemon=True)

    @property
    def far(self) -> Address:
        """The test server's address."""
        return self._driver.far

    def __enter__(self) -> ControlThread:
        self._thread.start()
        until_s = time.monotonic() + SESSION_OPEN_S
        while self.companion.how == "connecting" and self._thread.is_alive() and time.monotonic() < until_s:
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the session, with the far end's counts where it still answers."""
        self.companion.stop()
        self._thread.join(THREAD_STOP_S)

    def _run(self) -> None:
        try:
            self._driver.run()
        except TalkpathError as error:
            self.error = error
