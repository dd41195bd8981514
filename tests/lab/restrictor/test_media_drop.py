"""`media.drop` drops single media packets."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from factories.networks.restricted_flows import Played, one_flow
from factories.packets.handmade_calls import ice_checks
from talkpath.lab.path.link import DROP, PASS

FLOWS = 40


@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.9])
def test_media_drop_drops_its_share_of_single_packets(p):
    seen = Played(f"media.drop,app=whatsapp,p={p}").play({n: one_flow("whatsapp", 250, seed=n) for n in range(FLOWS)})
    lost = [fate == DROP for fates in seen.fates.values() for _, media, fate in fates if media]
    assert sum(lost) / len(lost) == pytest.approx(p, abs=4 * (p * (1 - p) / len(lost)) ** 0.5)
    counts = [sum(fate == DROP for _, media, fate in fates if media) for fates in seen.fates.values()]
    mean = sum(counts) / FLOWS
    spread = sum((count - mean) ** 2 for count in counts) / (FLOWS - 1)
    assert 0.4 < spread / (500 * p * (1 - p)) < 1.9  # binomial in the flow: drawn per packet, never per flow
    after = [b for a, b in pairwise(lost) if a]
    assert sum(after) / len(after) == pytest.approx(p, abs=5 * (p * (1 - p) / len(after)) ** 0.5)


def test_media_drop_begins_after_its_onset():
    seen = Played("media.drop,p=1,onset_packets=30").play({0: one_flow("whatsapp")})
    assert [fate for *_, fate in seen.fates[0][:30]] == [PASS] * 30
    assert all(fate == DROP for *_, fate in seen.fates[0][30:])


def test_ice_that_is_nobodys_yet_is_left_alone_by_media_rules():
    assert not Played("media.drop,p=1").play({0: ice_checks(Random(1))}).restrictor.hits


def test_it_begins_late_or_acts_in_cycles() -> None:
    late = [fate for *_, fate in Played("media.drop,p=1,onset_s=0.5").play({0: one_flow("webrtc", 100)}).fates[0]]
    assert DROP not in late[:50]
    assert DROP in late
    fates = [
        fate
        for _, media, fate in Played("media.drop,p=1,on_s=0.4,off_s=0.4").play({0: one_flow("webrtc", 200)}).fates[0]
    ]
    acts = [fate == DROP for fate in fates]
    assert not any(acts[40:80])
    assert any(acts[80:120])
