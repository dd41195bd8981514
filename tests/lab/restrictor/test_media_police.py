"""`media.police` drops what exceeds a rate."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import STEP_S, Played, one_flow
from factories.packets.handmade_calls import ip_packets_of
from talkpath.lab.path.link import DROP
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.engine import Restrictor


def test_media_police_passes_its_rate_in_each_flow_and_direction():
    rule = "media.police,kbps=40"  # offered: 128 bytes 50 times a second and direction, 51 kbit/s
    seen = Played(rule).play(
        {n: one_flow("whatsapp", 3000, seed=n) for n in range(3)} | {"twin": one_flow("twin", 3000)}
    )
    for n in range(3):
        for way in ("up", "down"):
            passed = (1 - seen.dropped(n, way, media=True)) * 3000 * 128 * 8
            assert passed / (3000 * 2 * STEP_S) == pytest.approx(40_000, rel=0.03)
    assert seen.dropped("twin") == 0


def test_one_bucket_passes_its_rate_over_both_directions_together():
    seen = Played("media.police,kbps=80,buckets=one").play({n: one_flow("whatsapp", 3000, seed=n) for n in range(2)})
    for n in range(2):
        passed = sum(1 - seen.dropped(n, way, media=True) for way in ("up", "down")) * 3000 * 128 * 8
        assert passed / (3000 * 2 * STEP_S) == pytest.approx(80_000, rel=0.03)


def test_media_police_bites_more_the_faster_a_call_is_sent_and_a_drop_does_not():
    shares = {}
    for rule in ("media.police,kbps=60", "media.drop,p=0.3"):
        for speed in (0.5, 1, 2):
            restrictor = Restrictor([parse_rule(rule)], 1)
            flow = list(ip_packets_of(one_flow("whatsapp", 2000)))
            fates = [restrictor.fate(n * STEP_S / speed, way == "up", p) for n, (way, p, _) in enumerate(flow)]
            shares[rule[:9], speed] = sum(fate == DROP for fate in fates) / len(fates)
    assert shares["media.pol", 0.5] == shares["media.pol", 1] == 0
    assert shares["media.pol", 2] == pytest.approx(1 - 60 / 102.4, abs=0.03)
    assert shares["media.dro", 0.5] == pytest.approx(shares["media.dro", 2], abs=0.03)
