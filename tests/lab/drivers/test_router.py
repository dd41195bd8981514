"""The router's ends of the cables: what they take, when it arrived, and what they lose."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.netns import Cable, _is_routed
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import build_udp

InLab = Callable[..., Any]

IPV4, IPV6, ARP = b"\x08\x00", b"\x86\xdd", b"\x08\x06"


def packet(source: str, destination: str) -> bytes:
    """A UDP packet."""
    return build_udp(Address.of(source, 1), Address.of(destination, 2), b"?")


@pytest.mark.parametrize(
    ("ethertype", "data", "routed"),
    [
        (IPV4, packet(LAB_PROBE.ipv4, RESPONDER.ipv4), True),
        (IPV6, packet(LAB_PROBE.ipv6, RESPONDER.ipv6), True),
        (IPV4, packet(LAB_PROBE.ipv4, "224.0.0.251"), False),
        (IPV4, packet(LAB_PROBE.ipv4, "255.255.255.255"), False),
        (IPV6, packet(LAB_PROBE.ipv6, "ff02::2"), False),
        (IPV6, packet(LAB_PROBE.ipv6, "fe80::1"), False),
        (ARP, bytes(28), False),
        (IPV4, packet(LAB_PROBE.ipv4, RESPONDER.ipv4)[:19], False),
        (IPV6, b"", False),
    ],
)
def test_it_takes_ip_packets_to_one_host(ethertype: bytes, data: bytes, routed: bool) -> None:
    assert _is_routed(ethertype, data) is routed


def arrivals() -> dict[str, Any]:
    """In the lab: packets that wait 100 ms for the router, and more than its buffer holds."""
    with namespace.bring_up() as hosts:
        cable = Cable(0, LAB_PROBE)
        with hosts[LAB_PROBE.name].socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((RESPONDER.ipv4, 9))
            waited_s = 0.0
            for _ in range(10):  # the kernel begins to stamp a moment after it was asked to
                client.send(b"waits")
                time.sleep(0.1)
                ((at_ns, data),) = cable.receive()
                waited_s = max(waited_s, (time.time_ns() - at_ns) / 1e9)
                if waited_s >= 0.1:
                    break
            cable.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(100):
                client.send(bytes(1000))
            kept = sum(1 for _ in cable.receive())
        cable.send(bytes([0x45]) + bytes(2000))
        return {"data": data[28:].decode(), "waited_s": waited_s, "kept": kept, "lost": cable.close()}


def test_arrival_is_the_kernels_time_and_every_loss_is_counted(in_lab: InLab) -> None:
    found = in_lab(arrivals)
    assert found["data"] == "waits"
    assert found["waited_s"] >= 0.1
    assert 0 < found["kept"] < 64
    assert found["lost"] == 100 - found["kept"] + 1
