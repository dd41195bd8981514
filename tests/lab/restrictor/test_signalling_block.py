"""`signalling.block` lets no TCP connection go on whose ClientHello names a host of the app, wherever it goes."""

from __future__ import annotations

from random import Random

import pytest

from talkpath.lab.backgrounds import parse_background
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.headers import RST_ACK, is_tcp_reset, tcp_segment
from talkpath.lab.path.link import DROP, LAB_PROBE, PASS, RESET, RESPONDER, LabHost
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.app_networks import app_host_name, app_of_name, app_relay
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.wire.ip.packets import Tcp, TcpWriter, build_tcp, parse_ip
from talkpath.wire.tls import HelloStyle, client_hello

PUSH_ACK = 24
TELEGRAM = app_relay("telegram")
MINE, OTHER = app_host_name("telegram", "web"), app_host_name("signal", "web")


def hello(name: str, far: LabHost = RESPONDER, family: int = 4, writer: HelloStyle = "openssl") -> bytes:
    """The packet with which a client asks `far` for `name`; a browser's has its last segment alone."""
    data = client_hello(writer, name, Random(2))
    return TcpWriter(LAB_PROBE.address(family, 40000), far.address(family, 443)).packet_unsummed(1, PUSH_ACK, data)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("name", "fate"), [(MINE, DROP), (OTHER, PASS), ("www.example", PASS), ("telegram", PASS)])
def test_the_name_alone_decides(name: str, fate: float, family: int) -> None:
    for far in (RESPONDER, TELEGRAM):
        for writer in ("openssl", "browser"):
            packet = hello(name, far, family, writer)  # type: ignore[arg-type]
            assert Restrictor([parse_rule("signalling.block,app=telegram")], 1).fate(0.0, True, packet) == fate


def test_without_an_app_it_acts_on_any_apps_names() -> None:
    for name, fate in ((MINE, DROP), (OTHER, DROP), ("www.example", PASS)):
        assert Restrictor([parse_rule("signalling.block")], 1).fate(0.0, True, hello(name)) == fate


def test_bound_to_addresses_it_needs_both() -> None:
    rule = "signalling.block,app=telegram,to=app"
    for far, fate in ((TELEGRAM, DROP), (RESPONDER, PASS)):
        assert Restrictor([parse_rule(rule)], 1).fate(0.0, True, hello(MINE, far)) == fate


@pytest.mark.parametrize("family", [4, 6])
def test_a_reset_comes_back_in_the_other_ends_name(family: int) -> None:
    rule = parse_rule("signalling.block,app=telegram,act=reset")
    packet = hello(MINE, family=family)
    assert Restrictor([rule], 1).fate(0.0, True, packet) == RESET
    network = LabNetwork(parse_background("clean"), [rule], 1)
    ((at_s, came),) = network.offer(0.0, "up", packet)
    assert at_s > 0.0
    assert is_tcp_reset(came)
    ip = parse_ip(came)
    assert (ip.source.packed, ip.destination.packed) == (
        RESPONDER.packed()[family == 6],
        LAB_PROBE.packed()[family == 6],
    )
    expected = Tcp(443, 40000, 0, 1 + len(tcp_segment(packet)[1]), RST_ACK)
    assert came == build_tcp(RESPONDER.address(family, 443), LAB_PROBE.address(family, 40000), expected)
    assert network.dropped["restrictor"] == 1
    assert not is_tcp_reset(packet)


def test_names_of_apps_are_read_as_they_are_written() -> None:
    assert app_of_name(MINE) == "telegram"
    assert app_of_name(MINE.upper()) == "telegram"
    assert {app_of_name(name) for name in ("", "example", "telegram.example", "web.telegram.org", "web.x.example")} == {
        ""
    }
