"""A restrictor that is not ours, nftables (`nft_router`): what its rules take, and what a check says of them."""

from __future__ import annotations

import os
import socket
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from typing import Any

import pytest

from factories.networks.nft_checks import verdicts_in_lab
from factories.networks.nft_router import NoRules, nft_router
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.wire.rtc.stun import COOKIE_BYTES

InLab = Callable[..., Any]

# Raw offsets are bits from the start of the UDP header: 64 is the payload's first byte, 96 STUN's cookie (RFC 8489).
STUN_COOKIE_DROP = "meta l4proto udp @th,96,32 0x2112a442 drop"
RTP_DROP_20 = "meta l4proto udp @th,64,2 2 numgen random mod 100 < 20 drop"  # version 2 (RFC 3550)
UDP_FREEZE_25 = "meta l4proto udp ct packets > 25 drop"
UDP_BLOCK_BUT_DNS = "meta l4proto udp udp dport != 53 udp sport != 53 drop"
SERVER_HELLO_DROP = "meta l4proto udp @th,64,8 22 @th,168,8 2 drop"  # a DTLS handshake message (RFC 6347), ServerHello
RULESETS = [STUN_COOKIE_DROP, RTP_DROP_20, UDP_FREEZE_25, UDP_BLOCK_BUT_DNS]


ECHO = textwrap.dedent("""
    import select, socket
    readers = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for port in (53, 3478)]
    for each, port in zip(readers, (53, 3478)):
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        each.bind(("::", port))
    readers.append(socket.create_server(("::", 443), family=socket.AF_INET6, dualstack_ipv6=True))
    print("listening", flush=True)
    while True:
        for each in select.select(readers, [], [])[0]:
            if each is readers[-1]:
                each.accept()[0].sendall(b"tcp")
            else:
                each.sendto(*each.recvfrom(2000))
""")

KINDS = {
    "stun": lambda: b"\x00\x01\x00\x00" + COOKIE_BYTES + os.urandom(12),
    "rtp": lambda: b"\x80\x6f" + os.urandom(100),
    "random": lambda: b"\xf0" + os.urandom(101),
}


Flow = tuple[int, str, int, int]  # port, kind, datagrams, of which so many at a time


def _echoed(host: Namespace, far: str, flow: Flow) -> int:
    """How many of a flow's datagrams come back. It ends when none of a lot does."""
    port, kind, count, lot = flow
    with host.socket(socket.AF_INET6 if ":" in far else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((far, port))
        client.settimeout(0.3)
        return sum(takewhile(bool, (_lot(client, kind, lot) for _ in range(count // lot))))


def _lot(client: socket.socket, kind: str, size: int) -> int:
    for _ in range(size):
        client.send(KINDS[kind]())
    back = 0
    with suppress(TimeoutError):
        while back < size:
            client.recv(2000)
            back += 1
    return back


def bites(rule: str, far: str, flows: list[Flow]) -> list[int] | str:
    """In the lab: how many come back on each flow, and then 3 if TCP passes. Text: why it was not run."""
    try:
        with nft_router(rule) as hosts:
            echo = Program([sys.executable, "-c", ECHO], hosts[RESPONDER.name].start)
            echo.line("listening")
            back = [_echoed(hosts[LAB_PROBE.name], far, flow) for flow in flows]
            with hosts[LAB_PROBE.name].inside(), socket.create_connection((far, 443), timeout=5) as stream:
                back.append(len(stream.recv(10)))
            echo.stop()
            return back
    except NoRules as error:
        return str(error)


@pytest.fixture
def behind(in_lab: InLab) -> Callable[..., list[int]]:
    """`bites`, in the lab."""
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")

    def call(*arguments: object) -> list[int]:
        found = in_lab(bites, *arguments)
        if isinstance(found, str):
            pytest.skip(f"needs nftables in the kernel: {found.splitlines()[0]}")
        return list(found)

    return call


FAMILIES = pytest.mark.parametrize("far", [RESPONDER.ipv4, RESPONDER.ipv6])


@pytest.mark.long
@FAMILIES
def test_a_rule_on_stuns_cookie_takes_stun_alone(behind: Callable[..., list[int]], far: str) -> None:
    flows = [(3478, "stun", 20, 10), (3478, "rtp", 20, 10), (3478, "random", 20, 10)]
    assert behind(STUN_COOKIE_DROP, far, flows) == [0, 20, 20, 3]


@FAMILIES
def test_a_fifth_of_one_class_is_lost_each_way(behind: Callable[..., list[int]], far: str) -> None:
    rtp, random, tcp = behind(RTP_DROP_20, far, [(3478, "rtp", 400, 100), (3478, "random", 400, 100)])
    # 0.8 each way: 400 × 0.64 = 256, standard deviation 9.6; six of them
    assert 198 <= rtp <= 314
    assert (random, tcp) == (400, 3)


@FAMILIES
def test_every_udp_flow_freezes_after_25_packets(behind: Callable[..., list[int]], far: str) -> None:
    flows = [(3478, "rtp", 60, 1), (3478, "random", 60, 1), (53, "random", 60, 1)]
    # Both directions count: the 13th answer is the 26th packet.
    assert behind(UDP_FREEZE_25, far, flows) == [12, 12, 12, 3]


@pytest.mark.long
@FAMILIES
def test_all_udp_but_dns_is_gone(behind: Callable[..., list[int]], far: str) -> None:
    flows = [(3478, "stun", 20, 10), (3478, "rtp", 20, 10), (3478, "random", 20, 10), (53, "random", 20, 10)]
    assert behind(UDP_BLOCK_BUT_DNS, far, flows) == [0, 0, 0, 20, 3]


# -- the real programs through it ----------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "want", "budget_s", "host"),
    [
        (STUN_COOKIE_DROP, ["restricted", "stun.drop", None], 6.0, RESPONDER.ipv4),
        (RTP_DROP_20, ["restricted", "media.drop", None], 6.0, f"[{RESPONDER.ipv6}]"),
        (SERVER_HELLO_DROP, ["restricted", "dtls.hello_drop", None], 12.0, RESPONDER.ipv4),
        (UDP_FREEZE_25, ["closed", "udp.freeze", None], 12.0, RESPONDER.ipv4),
        (UDP_BLOCK_BUT_DNS, ["closed", "udp.block", None], 12.0, f"[{RESPONDER.ipv6}]"),
    ],
)
def test_what_a_check_says_of_it(in_lab: InLab, rule: str, want: list[str], budget_s: float, host: str) -> None:
    (verdict,) = verdicts_in_lab(in_lab, rule, host, budget_s)
    assert [verdict["state"], verdict["rule"], (verdict["reason"] or {}).get("code")] == want
