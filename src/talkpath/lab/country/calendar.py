"""The calendar of orders: which rules are in force for which app, on which day, at which operator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from talkpath.lab.country.settings import BlockingOrder, CountrySettings, Operator, OrderAction, with_app


def rules_of(country: CountrySettings, operator: Operator, day: str) -> tuple[str, ...]:
    """The lab's rules about calls, for a line that is behind the operator's devices."""
    acts = _order_acts(country, operator, day)
    return tuple(dict.fromkeys(with_app(rule, act.app) for act in acts for rule in act.rules))


def silenced_apps(country: CountrySettings, operator: Operator, day: str) -> tuple[str, ...]:
    """The apps whose messages are blocked for such a line."""
    return tuple(dict.fromkeys(act.app for act in _order_acts(country, operator, day) if act.messages))


def _order_acts(country: CountrySettings, operator: Operator, day: str) -> Iterator[OrderAction]:
    complied = {messenger.id: messenger.complies_on for messenger in country.messengers if messenger.complies_on}
    for order in country.orders:
        for act in order.acts:
            applies = act.mechanism in ("", operator.mechanism)
            end = complied.get(act.app, "") if order.until_complied else ""
            if applies and _in_force(order, operator, day, end):
                yield act


def _in_force(order: BlockingOrder, operator: Operator, day: str, complied_on: str) -> bool:
    """Operators lift an order with the same delay with which they carried it out."""
    ends = [_later_day(end, operator.onset_days) for end in (order.end, complied_on) if end]
    return _later_day(order.begin, operator.onset_days) <= day and all(day < end for end in ends)


def _later_day(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
