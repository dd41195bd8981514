"""The answer to an offer of a data channel: our candidate alone, and the browser as DTLS client."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiortc")

from aiortc import RTCPeerConnection

from talkpath.browser.far_end.transports.peer_connection import DataChannelTwin
from talkpath.browser.far_end.transports.shared_port import SharedPort

HERE = "192.0.2.1"


def test_a_data_channel_is_answered_at_the_same_port():
    async def play() -> tuple[str, int]:
        port = SharedPort()
        port.address = (HERE, 4434)
        browser, peer = RTCPeerConnection(), DataChannelTwin(port, HERE)
        browser.createDataChannel("")
        await browser.setLocalDescription(await browser.createOffer())
        try:
            sdp = await peer.answer(browser.localDescription.sdp)
        finally:
            await peer.close()
            await browser.close()
        return sdp, len(port.lanes)

    sdp, lanes = asyncio.run(play())
    assert "a=setup:passive" in sdp
    assert f"{HERE} 4434 typ host" in sdp
    assert lanes == 0  # closed with the twin
