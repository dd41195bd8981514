"""Messages go by way of the person's own proxy, and the packets of a call do not (N07): real sockets, in namespaces."""

from __future__ import annotations

import json
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from factories.networks.nft_router import NoRules, nft_router
from factories.packets.shaped_calls import shaped_call
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program
from talkpath.lab.path.link import LAB_PROBE, RESPONDER

PROXIES = {
    "socks": (1080, b"\x05\x01\x00", b"\x05\x00"),
    "http": (8080, b"CONNECT chat.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"),
}
NO_PROXY = (8080, b"GET /chat HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
RELAY_PORT, CALL_S = 1400, 5.0
PROXY = textwrap.dedent("""
    import socket, sys
    port, greeting, reply = int(sys.argv[1]), bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
    listener = socket.create_server(("0.0.0.0", port))
    print("listening", flush=True)
    end = listener.accept()[0]
    assert end.recv(4096) == greeting
    end.sendall(reply)
    while data := end.recv(4096):
        end.sendall(data)
""")


def listened(port: int, greeting: str, reply: str, *options: str) -> dict[str, Any] | str:
    """In the lab: what `talkpath listen` tells of a call to a Telegram relay, all UDP dropped, while messages go to
    that port of another host; text: why it was not run."""
    try:
        with ExitStack() as undo:
            hosts = undo.enter_context(nft_router("meta l4proto udp drop"))
            near = hosts[LAB_PROBE.name]
            proxy = Program([sys.executable, "-c", PROXY, str(port), greeting, reply], hosts[RESPONDER.name].start)
            undo.enter_context(proxy).line("listening")
            listen = [sys.executable, "-m", "talkpath", "listen", "-i", "eth0", *options]
            process = near.start(listen, stdout=-1, stderr=-1, text=True)
            ready = process.stdout if options else process.stderr  # people are told that nothing has come yet
            assert ready is not None
            ready.readline()
            call_beside_messages(near, port, bytes.fromhex(greeting))
            process.send_signal(signal.SIGINT)
            out, told = process.communicate(timeout=30)
            assert process.returncode == 0, told
            return {"out": out, "told": told}
    except NoRules as error:
        return str(error)


def call_beside_messages(near: Namespace, port: int, greeting: bytes) -> None:
    """A message every half second by TCP, and a relay that is greeted as Telegram greets it."""
    hello = next(sent for sent in shaped_call("telegram/reflector/voice", 10) if sent.stage == "reflector")
    with near.inside(), socket.create_connection((RESPONDER.ipv4, port), timeout=5) as messages:
        messages.sendall(greeting)
        messages.recv(4096)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as call:
            call.connect((RESPONDER.ipv4, RELAY_PORT))
            for _ in range(int(2 * CALL_S)):
                call.send(hello.packet.data[28:])
                messages.sendall(bytes(200))
                messages.recv(4096)
                time.sleep(0.5)


def heard(in_lab: Callable[..., Any], greeted: tuple[int, bytes, bytes], *options: str) -> dict[str, str]:
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")
    port, greeting, reply = greeted
    found = in_lab(listened, port, greeting.hex(), reply.hex(), *options)
    if isinstance(found, str):
        pytest.skip(f"needs nftables in the kernel: {found.splitlines()[0]}")
    assert "192.0.2" not in json.dumps(found)
    return dict(found)


@pytest.mark.waits
@pytest.mark.parametrize(("kind", "greeted"), [*PROXIES.items(), ("", NO_PROXY)], ids=["SOCKS", "HTTP", "no proxy"])
def test_a_proxy_in_use_beside_a_call_that_goes_directly_is_seen(
    in_lab: Callable[..., Any], kind: str, greeted: tuple[int, bytes, bytes]
) -> None:
    (attempt,) = json.loads(heard(in_lab, greeted, "--json")["out"].splitlines()[-1])["attempts"]
    assert (attempt["app"], attempt["answered"], attempt["proxy"]) == ("telegram", False, kind)


@pytest.mark.waits
@pytest.mark.parametrize(
    ("greeted", "told"),
    [(PROXIES["socks"], "This device used a proxy meanwhile (SOCKS)"), (NO_PROXY, "If a proxy is set in Telegram")],
    ids=["SOCKS", "no proxy"],
)
def test_people_read_that_messages_by_way_of_a_proxy_say_nothing_of_such_a_call(
    in_lab: Callable[..., Any], greeted: tuple[int, bytes, bytes], told: str
) -> None:
    out = " ".join(heard(in_lab, greeted)["out"].split())
    assert told in out
    assert "restricted" not in out
