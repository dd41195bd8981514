"""Error rates and delays by simulation: seeded, with intervals. docs/event-rates.md has the same at full size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from proof.pages.networks_in_numbers import SimulatedNetworks, play_networks
from talkpath.observatory.detect.assumptions import CONFIRMED, OBSERVATORY_ASSUMPTIONS, RESISTANT, SIGNAL, UNLISTED
from talkpath.observatory.detect.watch import Watch

ATTACKED = {"begin": 80, "end": 120, "hit": 1.0, "streams": 6, "networks": 12, "days": 130}
QUIET = {"networks": 12, "days": 130, "streams": 6, "flood_from": 70}
NOBODY_VOUCHES_FOR = ("unlisted", "capture", "endpoints", "tap")


def upper(found: int, of: float) -> float:
    """The upper 95 % bound of a share of `of`."""
    return float(beta.ppf(0.95, found + 1, of - found))


@pytest.mark.long
def test_quiet_networks_are_not_accused():
    """12 network-years of 16 streams, with an outage on one day of a hundred."""
    played = play_networks(SimulatedNetworks(12), OBSERVATORY_ASSUMPTIONS, 1)
    assert played.false(CONFIRMED) == 0
    assert upper(played.false(SIGNAL), 12 * 16) < 0.1  # the threshold promises 0.1 a year


@pytest.mark.long
def test_restrictions_are_found_and_their_ends():
    """At 6 probes and 10 browsers a day, three servers and 100 % prevalence; medians of 60 networks."""
    played = play_networks(
        SimulatedNetworks(60, days=150, streams=4, hit=1.0, begin=80, end=120, servers=3), OBSERVATORY_ASSUMPTIONS, 2
    )
    for level, days in ((SIGNAL, 3), (CONFIRMED, 5), (RESISTANT, 10)):
        assert np.median(played.delays(level)) <= days
        assert np.median(played.end_delays(level)) <= days
    assert played.early_ends(CONFIRMED) == 0
    covered = [episode.onset.low <= 80 <= episode.onset.high for episode in played.episodes if episode.stream % 4 == 0]
    assert upper(covered.count(False), len(covered)) < 0.15


@pytest.mark.long
@pytest.mark.parametrize("source", NOBODY_VOUCHES_FOR)
def test_what_nobody_vouches_for_confirms_nothing_and_hides_nothing(source):
    lying = play_networks(SimulatedNetworks(**QUIET, flood={source: 60}), OBSERVATORY_ASSUMPTIONS, 3)
    assert lying.false(CONFIRMED) == 0
    denying = play_networks(
        SimulatedNetworks(**ATTACKED, flood={source: 60}, flood_from=70, deny=True), OBSERVATORY_ASSUMPTIONS, 4
    )
    accusing_since_ever = play_networks(SimulatedNetworks(**ATTACKED, flood={source: 60}), OBSERVATORY_ASSUMPTIONS, 5)
    for played in (denying, accusing_since_ever):
        assert np.isfinite(played.delays(CONFIRMED)).all()
        assert played.false(CONFIRMED) == 0
        assert played.early_ends(CONFIRMED) == 0


@pytest.mark.long
def test_five_people_with_every_kind_of_file_are_no_two_sources():
    flood = dict.fromkeys(NOBODY_VOUCHES_FOR, 600)
    played = play_networks(SimulatedNetworks(**QUIET, flood=flood), OBSERVATORY_ASSUMPTIONS, 6)
    assert played.false(SIGNAL) > 0
    assert played.false(CONFIRMED) == 0


@pytest.mark.long
@pytest.mark.parametrize("servers", [2, 3])
def test_a_listed_server_that_lies_confirms_nothing_beside_others(servers):
    played = play_networks(SimulatedNetworks(**QUIET, flood={"probe": 64}, servers=servers), OBSERVATORY_ASSUMPTIONS, 6)
    assert played.false(SIGNAL) > 0
    assert played.false(CONFIRMED) == 0


@pytest.mark.long
def test_two_listed_servers_that_lie_are_never_attack_resistant():
    played = play_networks(
        SimulatedNetworks(**QUIET, flood={"probe": 64}, servers=3, lying_servers=2), OBSERVATORY_ASSUMPTIONS, 6
    )
    assert played.false(CONFIRMED) > 0
    assert played.false(RESISTANT) == 0


@pytest.mark.long
@pytest.mark.parametrize("servers", [1, 2])
def test_one_day_alone_confirms_nothing_whoever_vouches_for_it(servers):
    """One hand with 600 addresses, through every server that there is."""
    flooded = {**QUIET, "flood": {"probe": 600}, "servers": servers, "lying_servers": servers}
    assert play_networks(SimulatedNetworks(**flooded, flood_days=1), OBSERVATORY_ASSUMPTIONS, 6).false(CONFIRMED) == 0
    assert play_networks(SimulatedNetworks(**flooded, flood_days=3), OBSERVATORY_ASSUMPTIONS, 6).false(CONFIRMED) > 0


@pytest.mark.long
def test_three_of_ten_lie_since_ever():
    quiet = play_networks(SimulatedNetworks(12, days=200, streams=6, liars=0.3), OBSERVATORY_ASSUMPTIONS, 7)
    assert quiet.false(CONFIRMED) == 0
    hit = play_networks(SimulatedNetworks(**ATTACKED, liars=0.3), OBSERVATORY_ASSUMPTIONS, 8)
    assert np.isfinite(hit.delays(CONFIRMED)).mean() > 0.9
    assert hit.false(CONFIRMED) == 0


@pytest.mark.long
def test_three_of_ten_begin_to_lie_on_one_day():
    """On 72 streams for 110 days, 21.7 years: at most one in ten years of each is promised."""
    world = SimulatedNetworks(12, days=200, streams=6, liars=0.3, liars_from=90)
    played = play_networks(world, OBSERVATORY_ASSUMPTIONS, 7)
    assert played.false(SIGNAL) > 60
    assert played.false(CONFIRMED) <= 2


def test_without_a_listed_server_it_stays_a_first_sign():
    world = SimulatedNetworks(12, days=120, streams=2, hit=1.0, begin=60, volumes=(0, 0, 1, 1, 20, 30))
    played = play_networks(world, OBSERVATORY_ASSUMPTIONS, 9)
    assert np.median(played.delays(SIGNAL)) <= 3
    assert np.isinf(played.delays(CONFIRMED)).all()


@pytest.mark.long
def test_an_outage_of_three_days_confirms_nothing():
    panel = SimulatedNetworks(20, days=120, streams=6, outage=0.0).panel(10)
    out = SimulatedNetworks(20, days=120, streams=6, outage=1.0).panel(10)
    for name in ("restricted", "reports", "server_restricted", "server_reports"):
        getattr(panel, name)[:, 70:73] = getattr(out, name)[:, 70:73]
    assert all(episode.onset.level == SIGNAL for episode in Watch(panel, OBSERVATORY_ASSUMPTIONS).run())


@pytest.mark.long
def test_beside_a_flooded_source_the_days_of_honest_ones_still_feed_their_normal():
    """Else high days would be left out and low ones not, and the normal be too low: it is only that they lean."""
    world = SimulatedNetworks(20, days=200, streams=6, flood={"unlisted": 60}, flood_from=90)
    watch = Watch(world.panel(11), OBSERVATORY_ASSUMPTIONS)
    assert {episode.onset.level for episode in watch.run() if episode.stream % 6 == 0} == {SIGNAL}
    left_out = watch._in_event[::6, 100:].mean(axis=(0, 1))
    assert left_out[UNLISTED] > 0.95
    assert (np.delete(left_out, UNLISTED) < 0.01).all()
