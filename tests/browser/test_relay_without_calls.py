"""A relay that carries control traffic and no calls, as iCloud's may: a whole check through one, on loopback."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Browser, WebSocketRoute

from browser_near import start_page_check

NEAR, RELAY = "127.0.0.1", "127.0.0.2"  # where the browser is, and where its relay sends from
LONGEST_MS = 120_000
LARGEST = 65535


@contextmanager
def relay(to_port: int) -> Iterator[int]:
    """Carries UDP from the port that it gives to `to_port` and back, from RELAY, for as long as the block lasts."""
    with ExitStack() as open_, selectors.DefaultSelector() as ready, socket.socket(type=socket.SOCK_DGRAM) as front:
        front.bind((NEAR, 0))
        ready.register(front, selectors.EVENT_READ)
        ended, far, back = threading.Event(), {}, {}  # type: ignore[var-annotated]

        def out(source: tuple[str, int]) -> socket.socket:
            if source not in far:
                made = far[source] = open_.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                made.bind((RELAY, 0))
                ready.register(made, selectors.EVENT_READ)
                back[made] = source
            return far[source]

        def carry() -> None:
            while not ended.is_set():
                for key, _ in ready.select(timeout=0.1):
                    data, source = key.fileobj.recvfrom(LARGEST)  # type: ignore[union-attr]
                    if key.fileobj is front:
                        out(source).sendto(data, (NEAR, to_port))
                    else:
                        front.sendto(data, back[key.fileobj])

        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        try:
            yield front.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def test_what_a_relay_carries_is_not_held_against_calls_that_it_does_not(browser: Browser, origin: str):
    with ExitStack() as block:
        page = browser.new_context(service_workers="block").new_page()

        def talk(socket: WebSocketRoute) -> None:
            server = socket.connect_to_server()

            def pass_on(message: str | bytes) -> None:
                heard = json.loads(message)
                if heard["type"] == "welcome":
                    heard["twin"]["port"] = block.enter_context(relay(heard["twin"]["port"]))
                socket.send(json.dumps(heard))

            server.on_message(pass_on)

        page.route_web_socket("**/check/talk", talk)
        page.goto(f"{origin}/check?lang=en")
        page.wait_for_selector("html[data-ready]")
        start_page_check(page)
        page.wait_for_selector("#result:not([hidden])", timeout=LONGEST_MS)
        found = page.evaluate("window.lastResult")
        assert [verdict["state"] for verdict in found["verdicts"]] == ["insufficient"]
        assert "from another address than the control traffic" in page.inner_text("#result")
        page.context.close()
