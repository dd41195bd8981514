"""`reflector.drop` drops Telegram's reflector pings."""

from __future__ import annotations

from factories.networks.restricted_flows import Played, all_of
from talkpath.lab.path.link import DROP


def test_reflector_drop_drops_pings_both_ways_and_leaves_what_follows():
    seen = Played("reflector.drop").play(all_of())
    for name, fates in seen.fates.items():
        assert [fate == DROP for *_, fate in fates[:2]] == [name in ("libtgvoip", "reflector")] * 2
        assert seen.dropped(name, media=True) == 0
