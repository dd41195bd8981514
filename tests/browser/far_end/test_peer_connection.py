"""The answer to an offer: our candidate alone, the browser as DTLS client, a constant rate, and nothing sent again."""

from __future__ import annotations

import asyncio
import re

import pytest

pytest.importorskip("aiortc")

from aiortc import RTCPeerConnection

from talkpath.browser.far_end.call_media import VIDEO, VOICE, Medium
from talkpath.browser.far_end.peer_connection import DataChannelTwin, PeerConnection, WebRtcCall, with_constant_rate
from talkpath.browser.far_end.shared_port import SharedPort

HERE = "192.0.2.1"
OPUS = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"


async def answered(kind: str, peer: PeerConnection) -> str:
    """The answer to an offer of aiortc's own."""
    browser = RTCPeerConnection()
    if kind == "data":
        browser.createDataChannel("")
    else:
        browser.addTransceiver(kind)
    await browser.setLocalDescription(await browser.createOffer())
    try:
        return await peer.answer(browser.localDescription.sdp)
    finally:
        await peer.close()
        await browser.close()


@pytest.mark.parametrize(("kind", "medium"), [("audio", VOICE), ("video", VIDEO)])
def test_the_browser_of_a_call_stays_the_dtls_client_and_finds_one_candidate(kind: str, medium: Medium):
    async def play() -> tuple[str, int]:
        port = SharedPort()
        port.address = (HERE, 4434)
        return await answered(kind, WebRtcCall(port, HERE, medium)), len(port.lanes)

    sdp, lanes = asyncio.run(play())
    assert "a=setup:passive" in sdp
    assert re.findall(r"^a=candidate:\S+ \d udp \d+ (\S+) (\d+) typ host", sdp, re.MULTILINE) == [(HERE, "4434")]
    assert "a=rtcp-fb" not in sdp
    assert lanes == 0  # closed with the call


def test_a_data_channel_is_answered_at_the_same_port():
    async def play() -> str:
        port = SharedPort()
        port.address = (HERE, 4434)
        return await answered("data", DataChannelTwin(port, HERE))

    assert f"{HERE} 4434 typ host" in asyncio.run(play())


def test_opus_is_asked_for_at_a_constant_rate_and_nothing_else_of_it_stays():
    sdp = with_constant_rate(OPUS)
    assert sdp.count("a=fmtp:") == 1
    assert "cbr=1" in sdp
    assert "usedtx=0" in sdp
    assert "useinbandfec=0" in sdp
    assert sdp.count("a=ptime:20\r\n") == 1
