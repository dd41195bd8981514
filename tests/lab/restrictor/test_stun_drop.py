"""`stun.drop` drops STUN messages."""

from __future__ import annotations

from random import Random

import pytest

from factories.networks.restricted_flows import Played, all_of
from factories.packets.handmade_calls import stun_message
from talkpath.lab.path.link import DROP


@pytest.mark.parametrize(
    ("app", "hit"),
    [
        ("", {"whatsapp", "webrtc", "signal", "tgcalls"}),
        (",app=whatsapp", {"whatsapp"}),
        (",app=signal", {"signal"}),
        (",app=telegram", {"tgcalls"}),
        (",app=max", {"webrtc"}),
    ],
)
def test_stun_drop_drops_requests_and_nothing_else(app, hit):
    seen = Played(f"stun.drop{app}").play(all_of())
    for name in seen.fates:
        if name in hit:
            requests = [fate for way, media, fate in seen.fates[name] if way == "up" and not media]
            assert requests[0] == DROP
        else:
            assert seen.dropped(name) == 0
        assert seen.dropped(name, media=True) == 0


def test_stun_drop_knows_whatsapps_own_types():
    """0801 and its like begin with 08, not with 0 to 3, and were not padded until 2020."""
    call = [
        ("up", stun_message(Random(1), kind, (0x4000, bytes(102)), padded=False), False) for kind in (3, 0x0800, 0x0801)
    ]
    assert Played("stun.drop,app=whatsapp").play({0: call}).dropped(0) == 1
