"""`dtls.hello_drop` drops DTLS ClientHellos."""

from __future__ import annotations

from random import Random

import pytest

from factories.networks.restricted_flows import Played
from factories.packets.handmade_calls import CALLS, HELLOS
from talkpath.lab.path.link import DROP


@pytest.mark.parametrize("wanted", [*HELLOS, "any"])
def test_hello_drop_drops_the_hello_of_its_maker(wanted):
    calls = {maker: CALLS["webrtc"](Random(1), 20, "voice", maker) for maker in HELLOS}
    seen = Played(f"dtls.hello_drop,hello={wanted}").play(calls)
    for maker, fates in seen.fates.items():
        assert (fates[2][2] == DROP) is (wanted in ("any", maker))
        assert sum(fate == DROP for *_, fate in fates) <= 1
    assert Played("dtls.hello_drop,app=signal").play(calls).restrictor.hits == {}
