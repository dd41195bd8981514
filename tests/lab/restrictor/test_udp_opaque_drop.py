"""`udp.opaque_drop` drops UDP that is not text."""

from __future__ import annotations

from random import Random

import pytest

from factories.networks.restricted_flows import Played, one_flow, what_passes
from factories.packets.handmade_calls import CALLS
from talkpath.lab.path.link import RESPONDER


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("rule", "port", "payload", "host", "passing"),
    [
        ("udp.opaque_drop", 3478, bytes(range(200)), RESPONDER, "t"),
        ("udp.opaque_drop", 3478, b"an ordinary text, 3 words", RESPONDER, "udt"),
        ("udp.opaque_drop", 53, bytes(range(200)), RESPONDER, "udt"),
        ("udp.opaque_drop", 3478, CALLS["whatsapp"](Random(1), 3)[-1][1], RESPONDER, "t"),
    ],
)
def test_what_passes(rule, port, payload, host, passing, family):
    assert what_passes(rule, port, payload, family, host) == passing


def test_opaque_drop_takes_its_share():
    seen = Played("udp.opaque_drop,p=0.4").play({n: one_flow("twin", 500, seed=n) for n in range(10)})
    shares = [seen.dropped(n) for n in seen.fates]
    assert sum(shares) / 10 == pytest.approx(0.4, abs=0.02)
