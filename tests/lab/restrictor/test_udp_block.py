"""`udp.block` drops all UDP except DNS."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import what_passes
from talkpath.lab.path.link import RESPONDER


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("rule", "port", "payload", "host", "passing"),
    [
        ("udp.block", 3478, b"\x05", RESPONDER, "t"),
        ("udp.block", 3478, b"plain text", RESPONDER, "t"),
        ("udp.block", 53, b"\x05", RESPONDER, "udt"),
        ("udp.block,direction=down", 3478, b"\x05", RESPONDER, "ut"),
        ("udp.block,only=tls443", 443, b"\x16\x03\x01\2\0", RESPONDER, "t"),
        ("udp.block,only=tls443", 443, b"\0\x28" + bytes(40), RESPONDER, ""),
        ("udp.block,only=tls443", 443, b"", RESPONDER, "t"),
        ("udp.block,only=tls443", 8443, b"\x16\x03\x01\2\0", RESPONDER, ""),
        ("udp.block,only=tls443", 53, b"x", RESPONDER, "udt"),
    ],
)
def test_what_passes(rule, port, payload, host, passing, family):
    assert what_passes(rule, port, payload, family, host) == passing
