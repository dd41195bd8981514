"""What hangs on an event."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from test_ledger import claim

from factories.observatories.network_days import dates_from, events_of_days, network_day
from talkpath.observatory.claims.ledger import all_related_claims, ended_on, event_reach, related_claims
from talkpath.observatory.reach.tables import Audience, NetworkUsers, ReachTables

DAYS = [network_day("telegram", "voice", when, restricted=6) for when in dates_from("2025-08-13", 4)]
DAYS += [network_day("telegram", "voice", when, ok=6) for when in dates_from("2025-08-17", 6)]
BEGAN, ENDED = events_of_days(DAYS)


@pytest.mark.parametrize(
    ("predicate", "bears"),
    [
        ("RESTRICTED(voice of telegram in RU since 2025-08-01)", True),
        ("RESTRICTED(call of telegram in RU since 2025-08-01)", True),
        ("OK(voice of telegram in AS64496 since 2025-08-01)", True),
        ("WORSE(voice of max than telegram in RU since 2025-08-01)", True),
        ("RESTRICTED(video of telegram in RU since 2025-08-01)", False),
        ("RESTRICTED(voice of max in RU since 2025-08-01)", False),
        ("RESTRICTED(voice of telegram in AE since 2025-08-01)", False),
        ("RESTRICTED(voice of telegram outside RU since 2025-08-01)", False),
        ("RESTRICTED(voice of telegram in RU from 2025-07-01 to 2025-08-01)", False),  # before
        ("RESTRICTED(voice of telegram in RU since 2025-09-01)", False),  # it was over
        ("OK(voice of max in RU since 2025-08-01) and RESTRICTED(voice of telegram in RU since 2025-08-01)", True),
    ],
)
def test_a_claim_is_borne_on_where_it_speaks_of_the_same(predicate, bears):
    one = claim(predicate)
    assert related_claims(BEGAN, [one], ended_on(BEGAN, [BEGAN, ENDED])) == ((one.id,) if bears else ())
    assert all_related_claims([BEGAN, ENDED], [one]) == {BEGAN.id: (one.id,) if bears else ()}


def test_how_many_it_touches_is_told_where_tables_know():
    tables = ReachTables(audiences=(Audience("telegram", "RU", "2025-08", 8e6, 1e7, "made up"),),
                    networks=(NetworkUsers("AS64496", "RU", 1.0), NetworkUsers("AS1", "RU", 3.0)))  # fmt: skip
    found = event_reach(BEGAN, tables)
    assert found is not None
    assert 8e6 * 0.25 * 0.8 < found.low < found.high <= 1e7 * 0.25
    assert event_reach(BEGAN, ReachTables()) is None
    assert event_reach(ENDED, tables) is None
    assert event_reach(replace(BEGAN, level="signal"), tables) is None
