"""`media.size_drop` drops large media packets."""

from __future__ import annotations

from factories.networks.restricted_flows import Played, one_flow


def test_media_size_drop_looks_at_the_udp_payload():
    for family in (4, 6):
        calls = {
            size: one_flow("whatsapp")[:2] + [("up", bytes([0x80, 120]) + bytes(size - 2), True)] * 50
            for size in (199, 200, 201, 900)
        }
        seen = Played("media.size_drop,over=200").play(calls, family=family)
        assert {size: seen.dropped(size, media=True) for size in calls} == {199: 0, 200: 0, 201: 1, 900: 1}
        assert all(seen.dropped(size, media=False) == 0 for size in calls)  # an Allocate of 212 bytes is no media
