"""Networks of hosting companies."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from talkpath.capture.calls.paths import is_hosting
from talkpath.wire.ip.address import Address


def hosted(text: str) -> bool:
    return is_hosting(Address(ip_address(text).packed, 443))


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("5.9.0.0", "5.9.255.255"),
        ("78.46.0.0", "78.47.255.255"),
        ("2a01:4f8::", "2a01:4ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_a_network_from_its_first_address_to_its_last(first: str, last: str):
    inside, before, after = (first, last), ip_address(first) - 1, ip_address(last) + 1
    assert all(map(hosted, inside))
    assert not hosted(str(before))
    assert not hosted(str(after))


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", str(IPv6Address(2**128 - 1))]
)
def test_other_addresses(text: str):
    assert not hosted(text)


def test_a_family_of_addresses_does_not_hold_the_others():
    assert hosted("3.0.0.1")
    assert not hosted(str(IPv6Address(int(IPv4Address("3.0.0.1")))))
