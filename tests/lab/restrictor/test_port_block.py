"""`port.block` drops UDP to one port."""

from __future__ import annotations

import pytest
from restricted import passes

from talkpath.lab.path.hosts import RESPONDER


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("rule", "port", "payload", "host", "passing"),
    [
        ("port.block,port=3478", 3478, b"plain text", RESPONDER, "t"),
        ("port.block,port=3478", 443, b"\x05", RESPONDER, "udt"),
    ],
)
def test_what_passes(rule, port, payload, host, passing, family):
    assert passes(rule, port, payload, family, host) == passing
