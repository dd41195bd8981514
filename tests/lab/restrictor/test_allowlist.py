"""`allowlist` drops all servers except those listed."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import what_passes
from talkpath.lab.path.link import LAB_REFERENCE, RESPONDER


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("rule", "port", "payload", "host", "passing"),
    [
        ("allowlist", 443, b"x", RESPONDER, ""),
        ("allowlist", 443, b"x", LAB_REFERENCE, "udt"),
        ("allowlist", 53, b"x", RESPONDER, "udt"),
    ],
)
def test_what_passes(rule, port, payload, host, passing, family):
    assert what_passes(rule, port, payload, family, host) == passing
