"""Who is compared with whom."""

from __future__ import annotations

from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, World
from talkpath.verdict.statistics.cohort import is_text, is_twin, make_cohort


def test_calls_beside_random_twins_without_canary() -> None:
    epoch = World(BACKGROUNDS["iid 5 %"], 1).epoch(k=4, text=True)
    flows = make_cohort(epoch, "up")
    assert flows.treated.tolist() == [True] * 4 + [False] * 4
    assert flows.counted.all()
    assert flows.lost.shape == (8, 25)
    assert make_cohort(epoch, "down", is_twin, is_text).treated.tolist() == [True] * 4 + [False]


def test_media_only_and_what_was_sent_only() -> None:
    epoch = World(BACKGROUNDS["clean"], 1).epoch(k=2)
    track = replace(epoch.up, stage=("stun", "control", *epoch.up.stage[2:]))
    flows = tuple(replace(f, sent=b"\xff\xff\xff\x00", arrived=b"\x00") for f in epoch.flows)
    found = make_cohort(replace(epoch, up=track, flows=flows), "up")
    assert found.counted.shape[1] == 24
    assert found.counted.sum(axis=1).tolist() == [23] * 4
    assert (found.lost == found.counted).all()
    assert found.at_ms[0] == epoch.up.at_ms[1]


def test_no_flows_where_the_far_end_did_not_report() -> None:
    epoch = World(BACKGROUNDS["clean"], 1).epoch()
    assert make_cohort(replace(epoch, missing="responder_lost"), "up").lost.shape == (0, 25)
