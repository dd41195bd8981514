"""A call over loopback, with aiortc as the browser: another implementation of everything that the engine speaks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("aiortc")

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from talkpath.browser.far_end.far_end_process import ErrorReports, fail_check
from talkpath.browser.far_end.transports.shared_port import SharedPort, open_port
from talkpath.browser.far_end.transports.webrtc_flow import WebRtcCall
from talkpath.browser.webrtc.call_media import STAMPS_A_TICK, VIDEO_MEDIUM, VOICE_MEDIUM, CallMedium

LOOPBACK, PATIENCE_S = "127.0.0.1", 10.0
TRACKS = {"voice": AudioStreamTrack, "video": VideoStreamTrack}


async def until(is_so: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.02)


async def called(medium: CallMedium) -> tuple[WebRtcCall, list[int], SharedPort]:
    """(the call after both ends sent for a while, the time stamps that aiortc got, the port)."""
    port = await open_port(LOOPBACK, 0, lambda transport: asyncio.DatagramProtocol())
    call, browser = WebRtcCall(port, LOOPBACK, medium), RTCPeerConnection()
    browser.addTrack(TRACKS[medium.name]())
    stamps: list[int] = []
    (transceiver,) = browser.getTransceivers()

    async def note(packet: Any, arrival_time_ms: int) -> None:
        stamps.append(packet.timestamp)

    transceiver.receiver._handle_rtp_packet = note
    await browser.setLocalDescription(await browser.createOffer())
    answer = await call.answer(browser.localDescription.sdp)
    await browser.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await until(lambda: browser.connectionState == "connected")
    for slot in range(20):
        call.tick(slot)
        await asyncio.sleep(0.01)
    await until(lambda: len(call.counts.rtp) > 3 and len(stamps) >= len(call.sent) > 10)
    await call.close()
    await browser.close()
    port.close()
    return call, stamps, port


@pytest.mark.parametrize("medium", [VOICE_MEDIUM, VIDEO_MEDIUM], ids=lambda medium: medium.name)
def test_another_implementation_calls_and_is_called(medium: CallMedium):
    call, stamps, port = asyncio.run(called(medium))
    step = STAMPS_A_TICK[medium.name]
    assert call.zero_stamp is not None
    assert stamps == [(call.zero_stamp + step * slot) % (1 << 32) for slot in call.sent]
    assert call.counts.requests
    assert call.counts.hellos
    assert len(call.prefixes) == 1
    assert port.lanes == {}


def test_an_error_of_this_end_ends_the_check_that_the_call_belongs_to(monkeypatch: pytest.MonkeyPatch):
    async def play() -> list[str]:
        failed: list[str] = []
        asyncio.get_running_loop().set_exception_handler(ErrorReports().handle)
        token = fail_check.set(lambda: failed.append("this check"))
        port = await open_port(LOOPBACK, 0, lambda transport: asyncio.DatagramProtocol())
        browser, call = RTCPeerConnection(), WebRtcCall(port, LOOPBACK, VOICE_MEDIUM)
        browser.addTransceiver("audio")
        await browser.setLocalDescription(await browser.createOffer())
        await call.answer(browser.localDescription.sdp)
        fail_check.reset(token)  # datagrams are read by nobody's task
        monkeypatch.setattr(call._engine, "receive", lambda *_: 1 / 0)
        call.datagram_received(b"\0", ("192.0.2.9", 5))
        await call.close()
        await browser.close()
        port.close()
        return failed

    assert asyncio.run(play()) == ["this check"]
