"""Carries signalling between the two ends of a call, and what each end logs, as files: nothing of it is on the network.

A folder belongs to one call. It holds `call.json` (what to do), one file of messages an end, and one log an end. Each
file has one writer, so none is locked.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

Role = Literal["caller", "callee"]
POLL_S = 0.005


class Mailbox:
    """One end's messages to and from the other end, and its log."""

    def __init__(self, folder: Path, role: Role) -> None:
        self.folder, self.role = folder, role
        self.call: dict[str, Any] = json.loads((folder / "call.json").read_text())
        self._other = folder / f"{'callee' if role == 'caller' else 'caller'}.messages"
        self._own = (folder / f"{role}.messages").open("a")
        self._log = (folder / f"{role}.log").open("a")
        self._read = 0
        self._waiting: list[dict[str, Any]] = []

    def send(self, kind: str, **body: Any) -> None:
        """Send a message to the other end."""
        self._own.write(json.dumps({"kind": kind, **body}) + "\n")
        self._own.flush()

    def log(self, event: str, **facts: Any) -> None:
        """Write down what happened here, with the time in seconds since the epoch."""
        self._log.write(json.dumps({"at_s": time.time(), "event": event, **facts}) + "\n")
        self._log.flush()

    def take(self, kind: str) -> dict[str, Any] | None:
        """Return the next message of that kind, None where none has come."""
        self._waiting += self._arrived()
        for message in self._waiting:
            if message["kind"] == kind:
                self._waiting.remove(message)
                return message
        return None

    def wait(self, kind: str, within_s: float) -> dict[str, Any] | None:
        """Return the next message of that kind, None where none comes in time."""
        until_s = time.monotonic() + within_s
        while (message := self.take(kind)) is None and time.monotonic() < until_s:
            time.sleep(POLL_S)
        return message

    def close(self) -> None:
        """Close its files."""
        self._own.close()
        self._log.close()

    def _arrived(self) -> list[dict[str, Any]]:
        if not self._other.exists():
            return []
        with self._other.open() as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def events(folder: Path, role: Role) -> list[dict[str, Any]]:
    """Return what an end logged."""
    file = folder / f"{role}.log"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
