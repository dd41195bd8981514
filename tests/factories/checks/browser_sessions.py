"""A check at the far end without a network: what a page sends goes in, what it is told comes out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from talkpath.browser.far_end.check_session import CheckSession
from talkpath.browser.far_end.transports.shared_port import SharedPort

START = {"type": "start", "nonce": "ab" * 32, "vpn": False, "twins": "datagrams"}
REPORT = {"type": "report", "report": {"number": 0, "flows": []}}


def new_session(page: str = "") -> tuple[CheckSession, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    return CheckSession(SharedPort(), "192.0.2.1", {}, told.append, page), told


def has_run(made: CheckSession) -> None:
    """Make it long ago that the epoch's media began."""
    assert made._run is not None
    made._run.start()
    made._run.start_s = time.monotonic() - 60.0


async def receive_message(made: CheckSession, message: dict[str, Any]) -> None:
    """As if a report came when the epoch was over."""
    if message["type"] == "report" and made._run is not None:
        has_run(made)
    await made.receive(message)


def answers_to(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    async def play() -> list[dict[str, Any]]:
        made, told = new_session()
        try:
            for message in messages:
                await receive_message(made, message)
        finally:
            await made.close()
        return told

    return asyncio.run(play())
