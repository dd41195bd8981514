"""What one check needs keeps no other waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from talkpath.browser.far_end import check_record
from talkpath.browser.far_end.check_session import CheckSession
from talkpath.browser.far_end.counts_to_facts.epoch_facts import epoch_from_counts
from talkpath.browser.far_end.transports.shared_port import SharedPort

START = {"type": "start", "nonce": "ab" * 32, "vpn": False, "twins": "datagrams"}
REPORT = {"type": "report", "report": {"number": 0, "flows": []}}


def test_while_facts_are_made_other_checks_go_on(monkeypatch: pytest.MonkeyPatch):
    others_went_on = threading.Event()

    def make(*arguments: Any, **settings: Any) -> Any:
        assert others_went_on.wait(5.0)
        return epoch_from_counts(*arguments, **settings)

    async def play() -> list[str]:
        told: list[dict[str, Any]] = []
        made = CheckSession(SharedPort(), "192.0.2.1", {}, told.append)
        await made.receive(START)
        assert made._run is not None
        made._run.start()
        made._run.start_s = time.monotonic() - 60.0
        asyncio.get_running_loop().call_later(0.01, others_went_on.set)
        await made.receive(REPORT)
        await made.close()
        return [message["type"] for message in told]

    monkeypatch.setattr(check_record, "epoch_from_counts", make)
    assert asyncio.run(play()) == ["epoch", "facts"]
