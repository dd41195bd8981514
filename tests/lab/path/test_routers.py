"""The lab's routers end packets at the right hop and answer them, and the restrictor is at the set place."""

from __future__ import annotations

import pytest

from talkpath.errors import UsageError
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.lab.path.routers import RouterPath, Routers, quoted_flow
from talkpath.lab.restrictor import parse_rule
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import build_udp, parse_icmp, parse_ip, split_udp

V4 = Address.of(LAB_PROBE.ipv4, 40000), Address.of(RESPONDER.ipv4, 3478)
V6 = Address.of(LAB_PROBE.ipv6, 40000), Address.of(RESPONDER.ipv6, 3478)
CLEAN = parse_background("clean")


def datagram(hops: int, family: int = 4, up: bool = True) -> bytes:
    ends = V4 if family == 4 else V6
    return build_udp(*(ends if up else ends[::-1]), bytes(range(100)), ttl=hops)


@pytest.mark.parametrize("text", ["routers=0", "routers=17", "at=9", "routers=3,at=5", "silent=7", "silent=x", "up=3"])
def test_what_makes_no_path_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        RouterPath.parse(text)


def test_a_path_in_words() -> None:
    assert RouterPath.parse("routers=5,at=2,silent=1+3,rewrites=4,icmp_per_s=20,quoted=64") == RouterPath(
        5, 2, frozenset((1, 3)), 4, 20.0, 64
    )
    assert RouterPath.parse("") == RouterPath(4, 3)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("up", [True, False])
def test_hops_run_out_where_they_should(family: int, up: bool) -> None:
    hops = Routers(RouterPath(4, 1))
    routers = [hops.last(up, datagram(n, family, up)) for n in range(1, 7)]
    assert routers == ([1, 2, 3, 4, None, None] if up else [4, 3, 2, 1, None, None])


def test_a_router_that_gives_hops_anew() -> None:
    hops = Routers(RouterPath(4, 1, rewrites=2))
    assert [hops.last(True, datagram(n)) for n in range(1, 6)] == [1, 2, None, None, None]
    assert [hops.last(False, datagram(n, up=False)) for n in range(1, 6)] == [4, 3, 2, None, None]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("up", [True, False])
def test_what_a_router_says(family: int, up: bool) -> None:
    packet = datagram(2, family, up)
    network = LabNetwork(CLEAN, (), 1, RouterPath(4, 3))
    ((at_s, said),) = network.offer(0.0, "up" if up else "down", packet)
    message = parse_icmp(parse_ip(said))
    assert (message.type, message.code) == ((11, 0) if family == 4 else (3, 0))
    assert parse_ip(said).destination.packed == parse_ip(packet).source.packed
    assert packet.startswith(message.payload)
    assert quoted_flow(said)[1] == split_udp(packet)[0]  # type: ignore[index]
    there = network.offer(1.0, "up" if up else "down", datagram(64, family, up))
    assert 0.0 < at_s < 2 * (there[0][0] - 1.0)


@pytest.mark.parametrize(("router", "kind"), [(1, "home"), (2, "provider"), (3, "public")])
def test_the_kinds_of_routers(router: int, kind: str) -> None:
    said = Routers(RouterPath(4, 1)).answer(0.0, router, datagram(router))
    assert said is not None
    assert quoted_flow(said)[0] == kind


def test_a_silent_router_and_one_that_says_little() -> None:
    assert Routers(RouterPath(4, 1, silent=frozenset((2,)))).answer(0.0, 2, datagram(2)) is None
    slow = Routers(RouterPath(4, 1, icmp_per_s=10))
    said = [slow.answer(n / 100, 2, datagram(2)) is not None for n in range(200)]
    assert sum(said) == pytest.approx(6 + 20, abs=2)


@pytest.mark.parametrize("hops", range(1, 7))
def test_the_restrictor_drops_only_what_comes_past_it(hops: int) -> None:
    network = LabNetwork(CLEAN, (parse_rule("udp.block"),), 1, RouterPath(4, 3))
    out = network.offer(0.0, "up", datagram(hops))
    assert len(out) == (hops < 3)
