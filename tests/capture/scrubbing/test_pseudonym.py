"""Made-up addresses: the same for the same, of the same kind, and none of the real ones."""

from __future__ import annotations

import time
from ipaddress import ip_address, ip_network

import pytest

from talkpath.capture.calls.app_naming import networks_by_app
from talkpath.capture.scrubbing.pseudonym import Pseudonyms


def made(text: str, names: Pseudonyms | None = None) -> str:
    return str(ip_address((names or Pseudonyms()).address(ip_address(text).packed)))


def test_the_same_for_the_same_and_another_for_another():
    names = Pseudonyms()
    assert made("203.0.113.5", names) == made("203.0.113.5", names)
    assert made("203.0.113.5", names) != made("203.0.113.6", names)


def test_other_runs_give_other_addresses():
    assert len({made("203.0.113.5") for _ in range(20)}) > 15


@pytest.mark.parametrize(
    ("real", "network"),
    [
        ("203.0.113.5", "198.18.0.0/15"),
        ("192.168.1.7", "10.0.0.0/8"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("172.20.0.1", "10.0.0.0/8"),
        ("100.64.3.3", "10.0.0.0/8"),
        ("169.254.1.1", "10.0.0.0/8"),
        ("224.0.0.251", "239.255.0.0/16"),
        ("255.255.255.255", "239.255.0.0/16"),
        ("2a00:1450::5", "2001:db8::/32"),
        ("fe80::1", "fd00::/8"),
        ("fd12::1", "fd00::/8"),
        ("ff02::fb", "ff08::/16"),
    ],
)
def test_an_address_stays_in_its_kind(real: str, network: str):
    assert ip_address(made(real)) in ip_network(network)


@pytest.mark.parametrize("app", sorted(networks_by_app()))
def test_an_address_of_an_app_stays_one(app: str):
    for network in networks_by_app()[app]:
        assert ip_address(made(str(network.network_address))) in network


def test_a_million_addresses_take_seconds():
    names, begin = Pseudonyms(), time.process_time()
    made_up = {names.address((0x01000000 + number).to_bytes(4, "big")) for number in range(100_000)}
    assert time.process_time() - begin < 1.5
    assert len(made_up) == 100_000


def test_hashes():
    names = Pseudonyms()
    assert names.bytes(b"secret") == names.bytes(b"secret")
    assert len(names.bytes(b"secret")) == 6
    assert names.bytes(b"secret") != Pseudonyms().bytes(b"secret")
