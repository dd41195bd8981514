"""The rule of publication: what is shown at once, later, never; and that nothing gets around it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.observatories.network_days import dates_from, events_of_days, network_day
from talkpath.observatory.events.record import LAST_DAY, withdrawal_of
from talkpath.observatory.publication import Order, Publication, orders_of

RULE = Publication()
STATES = ["ok", "restricted", "closed", "impaired", "unreachable", "insufficient", "transports"]
DAYS = st.dates(date(2025, 1, 1), date(2027, 1, 1)).map(date.isoformat)


def later(when: str, count: int) -> str:
    return (date.fromisoformat(when) + timedelta(days=count)).isoformat()


@pytest.mark.parametrize(
    ("state", "ordered", "age", "expected"),
    [
        ("restricted", True, 0, ""),
        ("closed", True, 0, ""),
        ("ok", True, 0, "delay"),
        ("ok", True, 29, "delay"),
        ("ok", True, 30, ""),
        ("transports", True, 29, "delay"),
        ("impaired", True, 0, "delay"),  # whoever knows that it is not restricted knows as much as with `ok`
        ("ok", False, 0, ""),
        ("transports", False, 0, ""),
    ],
)
def test_what_is_shown_by_network(state: str, ordered: bool, age: int, expected: str):
    when = "2026-03-01"
    assert RULE.by_network(state, 5, when, later(when, age), ordered=ordered) == expected


@given(st.sampled_from(STATES), st.integers(0, 4), DAYS, DAYS, st.booleans())
def test_a_cell_of_fewer_than_five_is_never_shown(state: str, people: int, when: str, today: str, ordered: bool):
    assert RULE.by_network(state, people, when, today, ordered=ordered) == "small"
    assert RULE.by_country(people) == "small"


@given(st.sampled_from(STATES), DAYS, DAYS, DAYS, st.booleans(), st.integers(1, 400))
def test_what_is_shown_stays_shown(state: str, when: str, one: str, two: str, ordered: bool, delay: int):
    rule = Publication(delay_days=delay)
    first, then = sorted((one, two))
    if not rule.by_network(state, 9, when, first, ordered=ordered):
        assert not rule.by_network(state, 9, when, then, ordered=ordered)


@given(st.sampled_from(STATES), st.integers(0, 50), DAYS, DAYS)
def test_an_order_never_shows_more(state: str, people: int, when: str, today: str):
    if RULE.by_network(state, people, when, today, ordered=False):
        assert RULE.by_network(state, people, when, today, ordered=True)


def test_an_order_is_that_of_one_app_in_one_country_while_it_lasts():
    rule = Publication(orders=(Order("RU", "telegram", "2025-08-11", "2025-09-01"),))
    asked = [("RU", "telegram", "2025-08-11"), ("RU", "telegram", "2025-09-01"), ("RU", "telegram", "2025-08-10"),
             ("RU", "telegram", "2025-09-02"), ("RU", "max", "2025-08-20"),
             ("KZ", "telegram", "2025-08-20")]  # fmt: skip
    assert [rule.ordered(*each) for each in asked] == [True, True, False, False, False, False]
    assert Publication().ordered("RU", "telegram", "2025-08-20", rule.orders)


def test_an_order_lasts_from_the_first_onset_until_every_network_is_free_again():
    days = [
        network_day("telegram", "voice", when, network="AS64496", restricted=6) for when in dates_from("2025-08-11", 3)
    ]
    days += [network_day("telegram", "voice", when, network="AS64496", ok=6) for when in dates_from("2025-08-20", 3)]
    days += [
        network_day("telegram", "voice", when, network="AS64497", restricted=6) for when in dates_from("2025-08-15", 3)
    ]
    events = events_of_days(days)
    assert orders_of(events) == [Order("RU", "telegram", "2025-08-11", LAST_DAY)]
    days += [network_day("telegram", "voice", when, network="AS64497", ok=6) for when in dates_from("2025-09-01", 3)]
    assert orders_of(events_of_days(days)) == [Order("RU", "telegram", "2025-08-11", "2025-09-01")]


def test_a_signal_or_a_withdrawn_event_makes_no_order():
    days = [network_day("telegram", "voice", "2025-08-11", restricted=1)]
    assert orders_of(events_of_days(days)) == []
    (began,) = events_of_days(
        [network_day("telegram", "voice", when, restricted=2) for when in dates_from("2025-08-11", 3)]
    )
    assert orders_of([began, withdrawal_of(began, "a responder's clock was wrong")]) == []
