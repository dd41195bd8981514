"""Real programs through the netns driver: what they get, what the router tells, and how it all ends."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from talkpath.errors import PeerError
from talkpath.lab.drivers import namespace, netns
from talkpath.lab.drivers.delivery import RouterHealth
from talkpath.lab.path.link import LAB_PROBE, RESPONDER

InLab = Callable[..., Any]

ECHO = textwrap.dedent("""
    import select, socket, sys
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    tcp = socket.create_server(("::", 5000), family=socket.AF_INET6, dualstack_ipv6=True)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", 5000))
    print("echo", "listening", flush=True)
    readers = [udp, tcp]
    while True:
        for each in select.select(readers, [], [])[0]:
            if each is tcp:
                readers.append(tcp.accept()[0])
            elif each is udp:
                udp.sendto(*udp.recvfrom(2000))
            elif data := each.recv(65536):
                each.sendall(data)
            else:
                each.close()
                readers.remove(each)
""")


class Late:
    """A network that delays every packet, and drops every `drop`-th UDP packet that goes up."""

    def __init__(self, delay_s: float, drop: int = 0) -> None:
        self.delay_s, self.drop = delay_s, drop
        self.up = 0
        self.dropped: Counter[str] = Counter()

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        is_udp = packet[9 if packet[0] >> 4 == 4 else 6] == 17
        self.up += is_udp and direction == "up"
        if self.drop and is_udp and direction == "up" and self.up % self.drop == 0:
            self.dropped["late"] += 1
            return []
        return [(now_s + self.delay_s, packet)]


def datagrams(far: str, drop: int, count: int) -> dict[str, Any]:
    """In the lab: send numbered datagrams of many sizes to the echo, and tell which came back, and how."""
    family = socket.AF_INET6 if ":" in far else socket.AF_INET
    with netns.netns_lab(Late(0.01, drop)) as lab:
        lab.start(RESPONDER.name, [sys.executable, "-c", ECHO]).line("listening")
        with lab.inside(LAB_PROBE.name):
            client = socket.socket(family, socket.SOCK_DGRAM)
        with client:
            client.connect((far, 5000))
            client.settimeout(0.5)
            sent = [os.urandom(40 + 1160 * number // count) for number in range(count)]
            for data in sent:
                client.send(data)
            back: list[bytes] = []
            with contextlib.suppress(TimeoutError):
                while len(back) < count:
                    back.append(client.recv(2000))
        health = lab.stop()
    return {
        "back": [sent.index(data) for data in back],
        "in": health.packets_in,
        "out": health.packets_out,
        "dropped": health.dropped,
        "strayed": health.strayed,
        "network_dropped": health.network_dropped,
    }


@pytest.mark.long
@pytest.mark.parametrize("far", [RESPONDER.ipv4, RESPONDER.ipv6])
def test_datagrams_arrive_whole_in_order_and_counted(in_lab: InLab, far: str) -> None:
    found = in_lab(datagrams, far, 0, 60)
    assert found["back"] == list(range(60))
    assert (found["in"], found["out"], found["dropped"], found["strayed"]) == (120, 120, 0, 0)


def test_what_the_network_drops_does_not_arrive_and_is_no_drop_of_the_router(in_lab: InLab) -> None:
    found = in_lab(datagrams, RESPONDER.ipv4, 3, 60)
    assert found["back"] == [number for number in range(60) if (number + 1) % 3]
    assert (found["in"], found["out"], found["dropped"]) == (100, 80, 0)
    assert found["network_dropped"] == {"late": 20}


def stream(far: str, size: int) -> dict[str, Any]:
    """In the lab: send bytes over TCP to the echo and read them back."""
    with netns.netns_lab(Late(0.002)) as lab:
        lab.start(RESPONDER.name, [sys.executable, "-c", ECHO]).line("listening")
        with lab.inside(LAB_PROBE.name):
            client = socket.create_connection((far, 5000), timeout=5)
        with client:
            data = os.urandom(size)
            client.sendall(data)
            back = b""
            while len(back) < size and (more := client.recv(65536)):
                back += more
        health = lab.stop()
    return {"same": back == data, "dropped": health.dropped, "packets": health.packets_in}


@pytest.mark.parametrize("far", [RESPONDER.ipv4, RESPONDER.ipv6])
def test_tcp_passes_in_packets_of_the_wires_size(in_lab: InLab, far: str) -> None:
    found = in_lab(stream, far, 200_000)
    assert found["same"]
    assert found["dropped"] == 0
    assert found["packets"] >= 2 * 200_000 / namespace.MTU


class Middle:
    """A network that answers from the middle: what it gets comes back with source and destination swapped."""

    dropped: Mapping[str, int] = {}

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        swapped = packet[:12] + packet[16:20] + packet[12:16] + packet[22:24] + packet[20:22] + packet[24:]
        elsewhere = swapped[:16] + bytes((192, 0, 2, 99)) + swapped[20:]
        return [(now_s, swapped), (now_s, elsewhere)]


def answered_from_the_middle() -> list[Any]:
    """In the lab: what a probe hears that sends to nobody, and where the other packet went."""
    with netns.netns_lab(Middle()) as lab:
        with lab.inside(LAB_PROBE.name):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.connect(("198.51.100.77", 9))
            client.settimeout(5)
            client.send(b"anybody?")
            heard = client.recv(100).decode()
        health = lab.stop()
    return [heard, health.strayed]


def test_each_packet_goes_to_the_host_of_its_destination(in_lab: InLab) -> None:
    assert in_lab(answered_from_the_middle) == ["anybody?", 1]


PROBE_ONCE = """
import socket, sys
client = socket.create_connection((sys.argv[1], 5000), timeout=5)
client.sendall(b"hello")
print(sys.argv[2], client.recv(100).decode())
sys.exit(7)
"""


def whole_run() -> dict[str, Any]:
    """In the lab: a probe and a responder, twice in one process."""
    for _ in range(2):
        with netns.netns_lab(Late(0.001)) as lab:
            server = lab.start(RESPONDER.name, [sys.executable, "-c", ECHO])
            probe = [sys.executable, "-c", PROBE_ONCE, RESPONDER.ipv4, server.line("listening")]
            done = lab.start(LAB_PROBE.name, probe).finish(10)
            served = server.stop()
            assert isinstance(lab.stop(), RouterHealth)
    return {
        "probe": [done.exit_code, done.stdout.decode(), done.timed_out],
        "responder": [served.exit_code, served.stdout.decode()],
    }


def test_a_run_gives_the_line_to_the_probe_and_brings_both_outcomes_home(in_lab: InLab) -> None:
    assert in_lab(whole_run) == {
        "probe": [7, "echo listening hello\n", False],
        "responder": [-15, "echo listening\n"],
    }


def endings() -> list[Any]:
    """In the lab: a program that never ends, one that never gets ready, one that dies."""
    sleeper = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(60)"]
    dying = [sys.executable, "-c", "import sys; print('partly ready', end=''); sys.exit('No port is free.')"]
    said = []
    with netns.netns_lab(Late(0.0)) as lab:
        slow = lab.start(LAB_PROBE.name, sleeper).finish(0.3)
        for argv in (sleeper, dying):
            try:
                lab.start(RESPONDER.name, argv).line("ready", timeout_s=0.3)
            except PeerError as error:
                said.append(str(error))
    return [slow.timed_out, slow.exit_code, slow.stdout.decode(), *said]


def test_what_does_not_end_or_does_not_get_ready_is_told_in_a_sentence(in_lab: InLab) -> None:
    assert in_lab(endings) == [
        True,
        -9,
        "awake\n",
        "The program on the lab's responder did not get ready: it wrote no error.",
        "The program on the lab's responder did not get ready: No port is free.",
    ]
