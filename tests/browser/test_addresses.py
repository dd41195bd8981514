"""Two addresses of one device have the same prefix, and those of two networks do not."""

from __future__ import annotations

import pytest

from talkpath.browser.addresses import network_prefix, own_addresses


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),  # a device changes the rest by itself
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.1", "2001:db8::1", False),
    ],
)
def test_prefixes(one: str, other: str, same: bool):
    assert (network_prefix(one) == network_prefix(other)) is same


@pytest.mark.parametrize("text", ["", "host.example", "192.0.2.300"])
def test_what_is_no_address_has_no_prefix(text: str):
    with pytest.raises(ValueError):
        network_prefix(text)


def test_a_server_on_one_address_is_reached_there_alone():
    assert own_addresses("192.0.2.1") == ["192.0.2.1"]
    assert "0.0.0.0" not in own_addresses("0.0.0.0")
