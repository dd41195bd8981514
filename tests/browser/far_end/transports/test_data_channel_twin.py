"""A data channel over loopback, with aiortc as the browser: its own ICE and DTLS meet ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiortc")

from aiortc import RTCPeerConnection, RTCSessionDescription

from talkpath.browser.far_end.far_end_process import ErrorReports, fail_check
from talkpath.browser.far_end.transports.data_channel_twin import DataChannelTwin
from talkpath.browser.far_end.transports.shared_port import SharedPort, open_port

LOOPBACK, PATIENCE_S = "127.0.0.1", 10.0
SLOTS, SIZE = 20, 60
AUDIO = Path(__file__).parents[2] / "webrtc" / "offers" / "chromium-audio.sdp"


async def until(is_so: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.01)


class Line:
    """A browser's data channel to a twin on a port of its own; `came` has the sizes and slots that it got."""

    def __init__(self) -> None:
        self.browser = RTCPeerConnection()
        self.channel = self.browser.createDataChannel("", ordered=False, maxRetransmits=0)
        self.came: list[tuple[int, int]] = []
        self.channel.on("message", lambda data: self.came.append((len(data), int.from_bytes(data[:2], "big"))))

    async def open(self) -> Line:
        self.port = await open_port(LOOPBACK, 0, lambda transport: asyncio.DatagramProtocol())
        self.twin = DataChannelTwin(self.port, LOOPBACK)
        await self.browser.setLocalDescription(await self.browser.createOffer())
        self.sdp = await self.twin.answer(self.browser.localDescription.sdp)
        await self.browser.setRemoteDescription(RTCSessionDescription(self.sdp, "answer"))
        await until(lambda: self.channel.readyState == "open" and self.twin._channel is not None)
        return self

    async def close(self) -> None:
        await self.twin.close()
        await self.browser.close()
        self.port.close()


def test_another_implementation_opens_a_channel_and_both_ends_send():
    async def play() -> Line:
        line = await Line().open()
        for slot in range(SLOTS):
            line.twin.tick(slot, SIZE)
            line.channel.send(slot.to_bytes(2, "big") + bytes(SIZE - 2))
            await asyncio.sleep(0.005)
        await until(lambda: len(line.twin.received.slots) == SLOTS and len(line.came) == len(line.twin.sent))
        await line.close()
        return line

    line = asyncio.run(play())
    assert "a=setup:passive" in line.sdp
    assert f"{LOOPBACK} {line.port.address[1]} typ host" in line.sdp
    assert sorted(line.twin.received.slots) == list(range(SLOTS))
    assert line.came == [(SIZE, slot) for slot in line.twin.sent]
    assert len(line.twin.sent) > SLOTS // 2
    assert len(line.twin.prefixes) == 1
    assert line.port.lanes == {}


def test_nothing_is_sent_before_the_channel_is_open():
    async def play() -> list[int]:
        twin = DataChannelTwin(SharedPort(), LOOPBACK)
        twin.tick(0, SIZE)
        await twin.close()
        return twin.sent

    assert asyncio.run(play()) == []


def test_a_call_is_no_data_channel():
    with pytest.raises(ValueError, match="a call where"):
        asyncio.run(DataChannelTwin(SharedPort(), LOOPBACK).answer(AUDIO.read_text(newline="")))


def test_channels_that_are_opened_without_end_are_left_out():
    async def play() -> tuple[int, int, list[int]]:
        line = await Line().open()
        more = [line.browser.createDataChannel(f"{number}", ordered=False, maxRetransmits=0) for number in range(200)]
        for number in range(50):
            line.channel.send(number.to_bytes(2, "big") + bytes(SIZE - 2))
            await asyncio.sleep(0.005)
        await until(lambda: len(line.twin.received.slots) > 25)
        kept = len(line.twin._sctp._data_channels), len(line.twin._sctp._inbound_streams)
        await line.close()
        return *kept, [len(more)]

    channels, streams, _ = asyncio.run(play())
    assert (channels, streams) == (1, 1)


def test_an_error_in_sctp_ends_the_check_that_the_twin_belongs_to():
    """No browser stops to know the channel that it opened; aiortc takes what comes then for an error of its own."""

    async def play() -> list[str]:
        failed: list[str] = []
        asyncio.get_running_loop().set_exception_handler(ErrorReports().handle)
        token = fail_check.set(lambda: failed.append("this check"))
        line = Line()
        opened = asyncio.ensure_future(line.open())  # in a context of its own, as a check is
        fail_check.reset(token)
        await opened
        line.twin._sctp._data_channels.clear()
        line.browser.sctp._data_channel_queue.append((line.channel, 50, bytes([2])))
        await line.browser.sctp._data_channel_flush()
        await until(lambda: failed)
        await line.close()
        return failed

    assert asyncio.run(play()) == ["this check"]
