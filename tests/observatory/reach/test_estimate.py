"""Reach: hand-computed cases, and what no draw may pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.observatories.network_days import dates_from, events_of_days, network_day
from talkpath.errors import UsageError
from talkpath.observatory.reach.estimate import Affected, affected_networks, all_reach, estimate_reach, estimate_union
from talkpath.observatory.reach.tables import Audience, NetworkUsers, Population, ReachTables, load_tables

USERS = {"AS64496": 60.0, "AS64497": 30.0, "AS64498": 10.0}
WHATSAPP = Audience("whatsapp", "XX", "2025-08", 96e6, 96e6, "a panel")
TELEGRAM = Audience("telegram", "XX", "2025-08", 89e6, 89e6, "a panel")
TABLES = ReachTables(
    (Population("XX", 120e6, "a census"),),
    (WHATSAPP, TELEGRAM),
    tuple(NetworkUsers(network, "XX", users) for network, users in USERS.items()),
)
ALL = [Affected(network, 50, 50) for network in USERS]
MILLION = 1e6


def test_at_full_prevalence_each_app_is_its_source_figure():
    for audience in (WHATSAPP, TELEGRAM):
        found = estimate_reach("voice", ALL, audience, TABLES)
        assert found.estimate == pytest.approx(audience.low)
        assert found.high == pytest.approx(audience.high, rel=0.002)
        assert 0.95 * audience.low < found.low < audience.low


def test_many_networks_with_few_checks_keep_the_estimate_within_the_interval():
    """All of 16 networks restricted by 3 checks each: the source's figure is the estimate, and the upper end."""
    users = tuple(NetworkUsers(f"AS{number}", "XX", 1.0) for number in range(16))
    found = estimate_reach(
        "voice", [Affected(row.network, 3, 3) for row in users], WHATSAPP, ReachTables(networks=users)
    )
    assert (found.estimate, found.high) == pytest.approx((96e6, 96e6))
    error = 0.194 / 4  # of the mean of 16 draws of Beta(3, 1), whose mean is 3/4; the lower half's 5 %
    assert found.low == pytest.approx((0.75 - 1.645 * error) * 96e6, rel=0.02)


def test_many_checks_make_the_source_figure_the_whole_interval():
    found = estimate_reach("voice", [Affected(network, 10**6, 10**6) for network in USERS], WHATSAPP, TABLES)
    assert (found.low, found.high) == pytest.approx((96e6, 96e6), rel=1e-5)


def test_a_case_by_hand():
    """60 % of users are on a network where 50 of 100 checks were restricted: 96 million x 0.6 x 0.5 = 28.8 million.

    Clopper and Pearson's interval of 50 in 100 is 0.3983 to 0.6017: 22.9 to 34.7 million.
    """
    found = estimate_reach("voice", [Affected("AS64496", 50, 100)], WHATSAPP, TABLES)
    assert found.estimate == pytest.approx(28.8 * MILLION)
    assert (found.low, found.high) == pytest.approx((22.9 * MILLION, 34.7 * MILLION), abs=0.4 * MILLION)
    assert found.networks == 1


def test_the_audience_brings_its_own_doubt():
    wide = Audience("whatsapp", "XX", "2025-08", 80e6, 100e6, "a panel")
    found = estimate_reach("voice", [Affected(network, 10**6, 10**6) for network in USERS], wide, TABLES)
    assert found.estimate == pytest.approx(90e6)
    assert (found.low, found.high) == pytest.approx((80.5e6, 99.5e6), abs=0.1e6)


def test_two_apps_are_united_never_summed():
    """96 and 89 million of 120: at least the larger, at most everybody; a sum would be 185."""
    every = {"whatsapp": [Affected(network, 10**6, 10**6) for network in USERS]}
    every["telegram"] = every["whatsapp"]
    found = estimate_union("voice", every, [WHATSAPP, TELEGRAM], TABLES)
    assert (found.low, found.high) == pytest.approx((96e6, 120e6), rel=1e-4)
    assert found.estimate is None


def test_two_small_apps_are_at_most_their_sum():
    """On 10 % of users: 9.6 and 8.9 million, together 9.6 to 18.5."""
    few = {app: [Affected("AS64498", 10**6, 10**6)] for app in ("whatsapp", "telegram")}
    found = estimate_union("voice", few, [WHATSAPP, TELEGRAM], TABLES)
    assert (found.low, found.high) == pytest.approx((9.6e6, 18.5e6), rel=1e-3)


@st.composite
def measured(draw: st.DrawFn) -> list[Affected]:
    networks = draw(st.lists(st.sampled_from([*USERS, "AS1"]), max_size=4, unique=True))
    return [Affected(name, draw(st.integers(0, checks)), checks)
            for name in networks if (checks := draw(st.integers(0, 200))) >= 0]  # fmt: skip


@settings(max_examples=25)
@given(measured(), measured(), st.integers(0, 99))
def test_nothing_passes_its_source_nor_the_population(one, two, seed):
    found = estimate_reach("voice", one, WHATSAPP, TABLES, seed)
    assert found.estimate is not None
    assert 0 <= found.low <= found.estimate * (1 + 1e-9)
    assert found.estimate <= found.high * (1 + 1e-9) <= WHATSAPP.high * (1 + 1e-8)
    both = estimate_union("voice", {"whatsapp": one, "telegram": two}, [WHATSAPP, TELEGRAM], TABLES, seed)
    assert found.low <= both.low + 1
    assert both.low <= both.high <= 120e6
    assert both.high <= found.high + estimate_reach("voice", two, TELEGRAM, TABLES, seed).high + MILLION / 2


def test_the_same_seed_gives_the_same_interval():
    one = estimate_reach("voice", [Affected("AS64496", 5, 10)], WHATSAPP, TABLES, seed=7)
    assert one == estimate_reach("voice", [Affected("AS64496", 5, 10)], WHATSAPP, TABLES, seed=7)
    assert one != estimate_reach("voice", [Affected("AS64496", 5, 10)], WHATSAPP, TABLES, seed=8)


def test_the_interval_covers():
    """In 200 made-up countries of one network the true share lies in the interval at least 95 % of the time."""
    rng = np.random.default_rng(11)
    inside = 0
    for number in range(200):
        share = float(rng.uniform(0.02, 0.98))
        hit = int(rng.binomial(20, share))
        found = estimate_reach("voice", [Affected("AS64496", hit, 20)], WHATSAPP, TABLES, number)
        inside += found.low <= 96e6 * 0.6 * share <= found.high
    assert inside >= 200 * 0.93  # 0.95 less two standard errors is 0.919; the interval is wider than exact


def test_assumptions_stand_beside_the_number():
    found = estimate_reach("voice", [Affected("AS64496", 5, 10), Affected("AS1", 5, 10)], WHATSAPP, TABLES)
    said = " ".join(found.assumptions)
    assert "Counted are 1 of 3 networks" in said
    assert "1 affected networks are not counted" in said
    assert "whatsapp: 96.0 million people a month in 2025-08 (a panel)" in said


def test_who_is_counted_are_networks_with_a_confirmed_event():
    days = [
        network_day("whatsapp", "voice", when, network="AS64496", country="XX", restricted=3, ok=1)
        for when in dates_from("2025-08-13", 2)
    ]
    days += [network_day("whatsapp", "voice", "2025-08-13", network="AS64497", country="XX", restricted=1, ok=1)]
    days += [network_day("whatsapp", "voice", "2025-08-13", network="AS64498", country="XX", ok=9)]
    events = events_of_days(days)
    assert affected_networks(days, events, "XX", "whatsapp", "voice") == [Affected("AS64496", 6, 8)]
    (found,) = all_reach(days, events, TABLES)
    assert found.estimate == pytest.approx(96e6 * 0.6 * 0.75)


def test_two_apps_of_one_medium_get_a_union_and_countries_without_users_nothing():
    days = [
        network_day(app, "voice", "2025-08-13", network="AS64496", country=country, restricted=2)
        for app in ("whatsapp", "telegram")
        for country in ("XX", "RU")
    ]
    found = all_reach(days, events_of_days(days), TABLES)
    assert [one.apps for one in found] == [("telegram",), ("whatsapp",), ("telegram", "whatsapp")]


def test_a_country_without_a_table_is_told_so():
    shipped = load_tables()
    audience = shipped.audience("whatsapp", "RU", "2025-08-20")
    assert audience is not None
    with pytest.raises(UsageError, match="how many users the networks of RU have"):
        estimate_reach("voice", ALL, audience, shipped)
    with pytest.raises(UsageError, match="the population of ZZ"):
        shipped.population("ZZ")


def test_the_audience_is_that_of_the_last_month_before():
    shipped = load_tables()
    assert shipped.audience("whatsapp", "RU", "2025-06-30") is None
    for day_, low in (("2025-07-31", 97.5e6), ("2025-12-31", 97e6), ("2026-02-01", 80.3e6), ("2026-09-01", 80.3e6)):
        audience = shipped.audience("whatsapp", "RU", day_)
        assert audience is not None
        assert (audience.low, audience.per) == (low, "month")


def test_a_folder_has_its_own_tables(tmp_path):
    (tmp_path / "audience.toml").write_text(
        'simulated = true\n[[population]]\ncountry = "XX"\npeople = 5\nsource = "-"\n'
    )
    assert load_tables(tmp_path).population("RU") > 1e8  # both or none
    (tmp_path / "networks.toml").write_text('[[network]]\nnetwork = "AS64496"\ncountry = "XX"\nusers = 3\n')
    own = load_tables(tmp_path)
    assert (own.population("XX"), own.users("XX"), own.simulated) == (5, {"AS64496": 3}, True)
