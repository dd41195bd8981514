"""The settings of a country, as its TOML file has them. `FileError` names what is wrong.

A regulator gives orders; each order restricts apps by rules of the lab. Operators carry it out after `onset_days`, on
the share `coverage` of their lines, with the actions of their own `mechanism` (an action without one is for all). An
order ends on a day, or with `until_complied`, for each messenger on the day on which its company complies.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from talkpath.days import is_day
from talkpath.errors import FileError
from talkpath.experiment.plan import choose_arms
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.restrictor import parse_rule

MADE_UP_COUNTRY = "XX"
EXAMPLE_NETWORKS = tuple(f"AS{number}" for number in range(64496, 64512))  # RFC 5398: for examples
COUNTRY_MEDIA = ("voice", "video")


class OrderAction(Struct, frozen=True, forbid_unknown_fields=True):
    """What an order does to one app: `rules` for its calls (as for `lab run --restrict`, without `app=`), and whether
    its messages are blocked too."""

    app: str
    rules: tuple[str, ...] = ()
    messages: bool = False
    mechanism: str = ""


class BlockingOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order of the regulator, in force from `begin` until the day before `end`. `says` is the public statement."""

    id: str
    begin: str
    acts: tuple[OrderAction, ...]
    end: str = ""
    until_complied: bool = False
    says: str = ""


class Statement(Struct, frozen=True, forbid_unknown_fields=True):
    """What a speaker of the country says on a day, and the predicate (tp-009) that an observatory tests it by. Speakers
    are made up, as the country is."""

    day: str
    who: str
    kind: Literal["official", "company", "press", "user", "measure", "critic"]
    says: str
    predicate: str


class Operator(Struct, frozen=True, forbid_unknown_fields=True):
    """One network: its users, the made-up name of whoever runs it, its background, and how it carries out orders."""

    network: str
    users: float
    name: str = ""
    background: str = "clean"
    mechanism: str = ""
    onset_days: int = 0
    coverage: float = 1.0


class Messenger(Struct, frozen=True, forbid_unknown_fields=True):
    """One app: how many people really use it, by month, and the day on which its company complies ("" for never)."""

    id: str
    variant: str
    audience: dict[str, float]
    complies_on: str = ""


class People(Struct, frozen=True, forbid_unknown_fields=True):
    """The population, and those who measure. There are `checks` checks a network and day; the share `liars` is false.

    `taps` people a day and network try an app's calls; of those whose calls are restricted the share `tap_hit` reports
    it by one tap, of the others `tap_idle`. Liars add `false_taps` a day and network. `panel_error` is the standard
    error of the audience panel, as a share.
    """

    population: float
    checks: int = 1
    liars: float = 0.0
    taps: int = 30
    tap_hit: float = 0.6
    tap_idle: float = 0.08
    false_taps: int = 0
    panel_error: float = 0.01


class CountrySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `days` are the days that are played."""

    name: str
    days: tuple[str, ...]
    people: People
    messengers: tuple[Messenger, ...]
    operators: tuple[Operator, ...]
    orders: tuple[BlockingOrder, ...] = ()
    statements: tuple[Statement, ...] = ()
    media: tuple[str, ...] = COUNTRY_MEDIA
    lies: tuple[str, ...] = field(default_factory=tuple)

    @property
    def apps(self) -> tuple[str, ...]:
        """Ids of the messengers."""
        return tuple(messenger.id for messenger in self.messengers)


def read_country(path: Path) -> CountrySettings:
    """Reads and checks the file."""
    try:
        country = msgspec.toml.decode(path.read_bytes(), type=CountrySettings)
    except OSError:
        raise FileError("The scenario cannot be read; is its name right?") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FileError(f"{path.name} is not as a country's file has to be: {error}.") from None
    for why in _setting_problems(country):
        raise FileError(f"{path.name}: {why}")
    return country


def _setting_problems(country: CountrySettings) -> Iterator[str]:
    """A sentence for each setting that is wrong."""
    for operator in country.operators:
        if operator.network not in EXAMPLE_NETWORKS:
            yield f"{operator.network} is no network of a simulation; there are AS64496 to AS64511."
        if not 0 <= operator.coverage <= 1 or operator.users <= 0:
            yield f"{operator.network} needs users above 0, and a coverage between 0 and 1."
        parse_background(operator.background)
    if not country.days or not country.operators or not country.messengers:
        yield "A country needs days, operators and messengers."
    for day in (*country.days, *_order_days(country)):
        if not is_day(day):
            yield f"{day!r} is no day; write it as 2025-08-13."
    for order in country.orders:
        for act in order.acts:
            if act.app not in country.apps:
                yield f"The order {order.id} acts on {act.app!r}, which is no messenger of this country."
            for rule in act.rules:
                parse_rule(with_app(rule, act.app))
    for rule in country.lies:
        parse_rule(rule)
    choose_arms([f"{messenger.id}/{messenger.variant}" for messenger in country.messengers], country.media)


def with_app(rule: str, app: str) -> str:
    """The rule's text with `app=` added."""
    name, comma, rest = rule.partition(",")
    return f"{name},app={app}{comma}{rest}"


def _order_days(country: CountrySettings) -> list[str]:
    return [
        *(order.begin for order in country.orders),
        *(order.end for order in country.orders if order.end),
        *(said.day for said in country.statements),
        *(messenger.complies_on for messenger in country.messengers if messenger.complies_on),
    ]
