"""The twins' far end, asked by aioquic's own client over loopback."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

pytest.importorskip("aioquic")

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated

from talkpath.browser.addresses import network_prefix
from talkpath.browser.far_end.transports.quic_server import make_server, new_certificate
from talkpath.browser.far_end.transports.shared_port import open_port
from talkpath.browser.far_end.transports.webtransport_twin import WebTransportTwin

LOOPBACK, PATH = "127.0.0.1", "/twin/ours"
DRAFT_2, DRAFT_7, DRAFT_14 = 0x2B603742, 0xC671706A, 0x14E9CD29  # who takes WebTransport, as each draft says it
PATIENCE_S = 5.0


class Browser(QuicConnectionProtocol):
    """As little of a browser as opens a session."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic, enable_webtransport=True)
        self.status: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event: Any) -> None:
        if isinstance(event, ConnectionTerminated) and not self.status.done():
            self.status.set_result(b"")
        for found in self.http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self.status.set_result(dict(found.headers)[b":status"])

    def open(self, path: str) -> int:
        stream = self._quic.get_next_available_stream_id()
        self.http.send_headers(
            stream,
            [
                (b":method", b"CONNECT"),
                (b":scheme", b"https"),
                (b":authority", b"here"),
                (b":path", path.encode()),
                (b":protocol", b"webtransport"),
            ],
        )
        self.transmit()
        return stream


async def asked(path: str) -> tuple[bytes, dict[int, int], WebTransportTwin]:
    """(status, the server's settings, the twin) of a session of that path, in which one datagram went."""
    twin, certificate = WebTransportTwin(1), new_certificate()
    port = await open_port(LOOPBACK, 0, lambda transport: make_server(transport, certificate, {PATH: twin}.get))
    plain = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], max_datagram_frame_size=65536, verify_mode=ssl.CERT_NONE
    )
    async with connect(LOOPBACK, port.address[1], configuration=plain, create_protocol=Browser) as browser:
        assert isinstance(browser, Browser)
        stream = browser.open(path)
        status = await asyncio.wait_for(browser.status, PATIENCE_S)
        browser.http.send_datagram(stream, (7).to_bytes(2, "big") + bytes(40))
        browser.transmit()
        while status == b"200" and not twin.received.slots:
            await asyncio.sleep(0.01)
        settings = dict(browser.http.received_settings or {})
    port.close()
    return status, settings, twin


def test_a_session_is_offered_in_the_words_of_each_browser_and_carries_datagrams():
    """Chromium and Firefox look for draft 2's setting, Safari 26.4 and later for draft 7's; draft 14's would promise
    capsules of flow control, which nobody here sends."""
    status, settings, twin = asyncio.run(asyncio.wait_for(asked(PATH), PATIENCE_S))
    assert (status, settings[DRAFT_2], settings[DRAFT_7]) == (b"200", 1, 1)
    assert DRAFT_14 not in settings
    assert (list(twin.received.slots), twin.prefixes) == ([7], {network_prefix(LOOPBACK)})


def test_a_path_that_is_nobody_s_is_hung_up_on():
    status, _, twin = asyncio.run(asyncio.wait_for(asked("/twin/another"), PATIENCE_S))
    assert status in (b"404", b"")  # hung up on so soon that the number may not arrive
    assert (twin.received.slots, twin.prefixes) == ({}, set())
