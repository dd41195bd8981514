"""Events (spec/tp-008): when a restriction began, changed and ended on a network.

`detect` is a plain detector over network-days, until the observatory's engine takes its place. It rests on one thing:
a report says `restricted` by mistake less than once in 10 000 checks. So one such report opens an event (level
`signal`), two within CONFIRM_DAYS make it `confirmed`, and it ends after CLEAR_DAYS measured days without another.
It does not resist liars, and knows nothing of how a network used to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from functools import reduce
from itertools import groupby
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from talkpath.errors import UsageError
from talkpath.observatory.events_days import Day

Kind = Literal["began", "changed", "ended", "withdrawn"]
Level = Literal["signal", "confirmed", "attack-resistant"]

CONFIRM_DAYS = 3
CONFIRM_REPORTS = 2
CLEAR_DAYS = 3
CHANGE_DAYS = 2  # measured days in a row that name another rule
UNNAMED = "media.unknown"
LAST = "9999-12-31"


class Event(Struct, frozen=True):
    """One change on one network. Days are of UTC, as 2025-08-13.

    It happened after `onset_low`, the last day that was seen before it (None: never measured before), and not after
    `onset_high`. `count` are the reports that say so, `contributors` at least how many people sent them. `began` is
    the id of the event of kind `began` that a `changed` or `ended` belongs to, or the id of the `withdrawn`.

    What the observatory's detector adds: `known`, the day on which each level was reached; `sources` that tell it;
    `taps` beside the reports; `share` of the decided reports (`checks`) that say restricted, with its 95 % interval;
    `rules`, how many reports name which; `carries`, the transports that still carried; `bundles`, ids of evidence. Of
    an event rolled up to a country (`network` is "*") `networks` are those it is on, `measured` those measured.
    """

    id: str
    network: str
    country: str
    app: str
    medium: str
    kind: Kind
    onset_low: str | None
    onset_high: str
    level: Level
    count: int
    contributors: int
    rule: str | None = None
    began: str = ""
    reason: str = ""
    simulated: bool = False
    known: dict[Level, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    taps: int = 0
    checks: int = 0
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    rules: dict[str, int] = field(default_factory=dict)
    carries: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    measured: int = 0
    schema: str = "talkpath.event/1"


def detect(found: Iterable[Day]) -> list[Event]:
    """All events, in order of network, app and medium, then of time."""
    ordered = sorted(found, key=lambda day: (*day.stream, day.day))
    streams = groupby(ordered, key=lambda day: day.stream)
    return [event for _, group in streams for event in _stream(_one_a_day(group))]


def withdraw(event: Event, reason: str) -> Event:
    """The record that takes an event back; the event itself stays."""
    if not reason.strip():
        raise UsageError("An event is withdrawn with a reason; say why.")
    return replace(event, id=f"{event.id}/withdrawn", kind="withdrawn", began=event.id, reason=reason)


def standing(events: Iterable[Event]) -> list[Event]:
    """Those that were not withdrawn."""
    every = list(events)
    gone = {event.began for event in every if event.kind == "withdrawn"}
    return [event for event in every if event.kind != "withdrawn" and not {event.id, event.began} & gone]


def spans(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """First and last restricted day of each confirmed event of one stream; LAST where it goes on."""
    every = list(events)
    ends = {event.began: event.onset_low or event.onset_high for event in every if event.kind == "ended"}
    for event in every:
        if event.kind == "began" and event.level != "signal":
            yield event.onset_high, ends.get(event.id, LAST)


def _one_a_day(found: Iterable[Day]) -> list[Day]:
    """Days of all bases together."""
    return [reduce(_together, group) for _, group in groupby(found, key=lambda day: day.day)]


def _together(one: Day, two: Day) -> Day:
    added = ("restricted", "ok", "closed", "impaired", "rules", "ways", "ps")
    return replace(one, **{name: getattr(one, name) + getattr(two, name) for name in added},
                   contributors=max(one.contributors, two.contributors),
                   simulated=one.simulated or two.simulated)  # fmt: skip


def _stream(found: list[Day]) -> Iterator[Event]:
    """The events of one network, app and medium."""
    at = 0
    while at < len(found):
        if not found[at].restricted:
            at += 1
            continue
        end = _end(found, at)
        yield from _event(found, at, end)
        at = end


def _end(found: list[Day], at: int) -> int:
    """Where the first of CLEAR_DAYS measured days without a restricted report is, or the end."""
    clear = 0
    for index in range(at, len(found)):
        clear = 0 if found[index].restricted else clear + 1
        if clear == CLEAR_DAYS:
            return index + 1 - CLEAR_DAYS
    return len(found)


def _event(found: list[Day], at: int, end: int) -> Iterator[Event]:
    """Began, each change, and the end if there was one."""
    span = [day for day in found[at:end] if day.restricted]
    began = _record(span, "began", found[at - 1].day if at else None, span[0].day, _rule(span[:CHANGE_DAYS]))
    yield began
    yield from _changes(span, began)
    if end < len(found):
        clear = found[end : end + CLEAR_DAYS]
        low, high = span[-1].day, clear[0].day
        yield _record(clear, "ended", low, high, began.rule, began.id, began.level)


def _changes(span: list[Day], began: Event) -> Iterator[Event]:
    rule = began.rule
    for index in range(1, len(span) - CHANGE_DAYS + 1):
        window = span[index : index + CHANGE_DAYS]
        named = {_rule([day]) for day in window}
        if len(named) == 1 and (new := named.pop()) not in (rule, UNNAMED):
            yield _record(window, "changed", span[index - 1].day, window[0].day, new, began.id, began.level)
            rule = new


def _record(days: list[Day], kind: Kind, low: str | None, high: str, rule: str | None, began: str = "",
            level: Level | None = None) -> Event:  # fmt: skip
    country, network, app, medium = days[0].stream
    return Event(
        id=f"{country}/{network}/{app}/{medium}/{high}/{kind}",
        network=network,
        country=country,
        app=app,
        medium=medium,
        kind=kind,
        onset_low=low,
        onset_high=high,
        level=level or _level(days),
        count=sum(day.count if kind == "ended" else day.restricted for day in days),
        contributors=max(day.contributors for day in days),
        rule=rule,
        began=began,
        simulated=any(day.simulated for day in days),
    )


def _level(span: list[Day]) -> Level:
    """Confirmed: CONFIRM_REPORTS restricted reports within CONFIRM_DAYS days."""
    dated = [date.fromisoformat(day.day).toordinal() for day in span for _ in range(day.restricted)]
    pairs = zip(dated, dated[CONFIRM_REPORTS - 1 :], strict=False)
    return "confirmed" if any(later - first < CONFIRM_DAYS for first, later in pairs) else "signal"


def _rule(days: list[Day]) -> str | None:
    """The rule that most of their reports name; one that names any before `media.unknown`."""
    named = Counter(rule for day in days for rule in day.rules)
    return max(named, key=lambda rule: (rule != UNNAMED, named[rule], rule), default=None)
