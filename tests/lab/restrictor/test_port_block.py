"""`port.block` drops UDP to one port."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import Played, one_flow, what_passes
from talkpath.lab.path.link import RESPONDER


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("rule", "port", "payload", "host", "passing"),
    [
        ("port.block,port=3478", 3478, b"plain text", RESPONDER, "t"),
        ("port.block,port=3478", 443, b"\x05", RESPONDER, "udt"),
    ],
)
def test_what_passes(rule, port, payload, host, passing, family):
    assert what_passes(rule, port, payload, family, host) == passing


def test_all_ports_below_a_number() -> None:
    assert [what_passes("port.block,below=10000", port) for port in (443, 9999, 10000)] == ["t", "t", "udt"]


def test_calls_alone() -> None:
    seen = Played("port.block,below=10000,whose=calls").play({"call": one_flow("whatsapp"), "twin": one_flow("twin")})
    assert [seen.dropped("call"), seen.dropped("twin")] == [1, 0]
    elsewhere = Played("port.block,below=3000,whose=calls").play({"call": one_flow("whatsapp")})
    assert elsewhere.dropped("call") == 0
