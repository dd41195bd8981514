"""The record of an event (spec/tp-008): a restriction began, changed, ended or was withdrawn on a network.
detect/find.py finds them.

Events as sentences, for a terminal and for feeds. They say "signs of", never who did it or why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from talkpath.errors import UsageError
from talkpath.report.words.sentences import app_name_of

Kind = Literal["began", "changed", "ended", "withdrawn"]
Level = Literal["signal", "confirmed", "attack-resistant"]

StreamKey = tuple[str, str, str, str]
"""(country, network, app, medium)."""

UNKNOWN_NETWORK, UNKNOWN_COUNTRY = "AS0", "ZZ"
"""Of what nobody could place."""

UNNAMED_RULE = "media.unknown"
EVERYWHERE = "*"
"""The network of an event that was rolled up to its country."""
LAST_DAY = "9999-12-31"


class StreamDay(Struct, frozen=True):
    """One day of one app and medium on one network; what is said of it is in the records that begin with this one."""

    country: str
    network: str
    app: str
    medium: str
    day: str

    @property
    def stream(self) -> StreamKey:
        """(country, network, app, medium)."""
        return self.country, self.network, self.app, self.medium


class DecidedDay(StreamDay, frozen=True):
    """How many reports of the day decided something, by their state."""

    restricted: int = 0
    ok: int = 0
    closed: int = 0
    impaired: int = 0

    @property
    def count(self) -> int:
        """The number of decided reports."""
        return self.restricted + self.ok + self.closed + self.impaired


class Event(Struct, frozen=True):
    """One change on one network. Days are of UTC, as 2025-08-13.

    It happened after `onset_low`, the last day that was seen before it (None: it may have been so since the first day
    measured), and not after `onset_high`. `count` are the reports that say so, `contributors` at least how many people
    sent them. `began` is the id of the event of kind `began` that a `changed` or `ended` belongs to, or the id of the
    `withdrawn`.

    What the observatory's detector adds: `known`, the day on which each level was reached; `sources` that tell it;
    `taps` beside the reports; `unvouched`, reports that say so and that no listed test server vouches for (part of the
    `count` of a signal, else beside it: they confirm nothing); `servers`, how many listed test servers vouch for
    reports that say so (all of one operator are one, where another's were asked on that network, else two at most; of a
    country the fewest on any of its networks; of a folder how many test servers there are); `share` of the decided
    reports (`checks`) that say restricted, with its 95 % interval; `rules`, how many reports name which; `families`,
    how many of those that say restricted are about which version of IP ("4", "6"), where that is known; `carries`, the
    transports that still carried; `bundles`, ids of evidence. Of an event rolled up to a country (`network` is "*")
    `hit` is how many networks it is on, `networks` are those of them that may be named, `measured` is how many were
    measured while it lasted.
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
    unvouched: int = 0
    servers: int = 0
    checks: int = 0
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    rules: dict[str, int] = field(default_factory=dict)
    families: dict[str, int] = field(default_factory=dict)
    carries: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    hit: int = 0
    measured: int = 0
    schema: str = "talkpath.event/1"

    @property
    def ip_versions(self) -> str:
        """The versions of IP that reports which say restricted are about, as "4 6"; "" where that is not known."""
        return " ".join(self.families)


def counted_share(event: Event) -> tuple[float, float, float] | None:
    """(share, low, high) of the checks that say restricted; None where it is not known. Of what began the share is that
    of the counts beside which it stands: the estimate lies between it and one half, so that 17 of 17 were 96 %."""
    if event.share is None or event.share_low is None or event.share_high is None:
        return None
    share = event.count / event.checks if event.kind == "began" and event.checks else event.share
    return share, min(event.share_low, share), max(event.share_high, share)


def withdrawal_of(event: Event, reason: str) -> Event:
    """The record that takes an event back; the event itself stays."""
    if not reason.strip():
        raise UsageError("An event is withdrawn with a reason; say why.")
    return replace(event, id=f"{event.id}/withdrawn", kind="withdrawn", began=event.id, reason=reason)


def not_withdrawn(events: Iterable[Event]) -> list[Event]:
    """The events that were not withdrawn."""
    every = list(events)
    gone = {event.began for event in every if event.kind == "withdrawn"}
    return [event for event in every if event.kind != "withdrawn" and not {event.id, event.began} & gone]


def restricted_spans(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """First and last restricted day of each confirmed event of one stream; LAST where it goes on."""
    every = list(events)
    ended = [event for event in every if event.kind == "ended" and event.level != "signal"]
    ends = {event.began: event.onset_low or event.onset_high for event in ended}
    for event in every:
        if event.kind == "began" and event.level != "signal":
            yield event.onset_high, ends.get(event.id, LAST_DAY)


KIND_SENTENCES = {
    "began": "signs of a restriction of {what} on {where}, since {when}",
    "changed": "the restriction of {what} on {where} acts otherwise, since {when}",
    "ended": "no more signs of a restriction of {what} on {where}, since {when}",
    "withdrawn": "taken back: signs of a restriction of {what} on {where}, since {when}",
}
LEVEL_WORDS = {
    "signal": "a signal: unconfirmed",
    "confirmed": "confirmed",
    "attack-resistant": "confirmed, whatever any two test servers say",
}


def event_sentence(event: Event, app: str = "") -> str:
    """One sentence: what, where, when, and how sure that is. `app`: its name where its code says nothing to people."""
    where = event.country if event.network == EVERYWHERE else f"{event.network} ({event.country})"
    if event.hit:
        where += f", {event.hit} of {event.measured} networks"
    name = app or app_name_of(event.app)
    said = KIND_SENTENCES[event.kind].format(
        what=f"messages of {name}" if event.medium == "text" else f"{event.medium} calls that look like {name}'s",
        where=where,
        when=onset_text(event),
    )
    return f"{said}; {event.reason if event.kind == 'withdrawn' else LEVEL_WORDS[event.level]}"


def onset_text(event: Event) -> str:
    """The days between which it happened."""
    if event.onset_low is None:
        return f"{event.onset_high} or before"
    return f"a day after {event.onset_low} and not after {event.onset_high}"


def event_details(event: Event) -> Iterator[str]:
    """The numbers of an event, each with what it counts."""
    if event.checks and event.kind != "ended":
        people = f"; at least {_people_text(event.contributors)}{_servers_text(event)}" if event.count else ""
        yield f"{event.count} of {event.checks} checks say restricted{_share_interval(event)}{people}"
    if event.kind == "ended":
        yield f"{event.count} checks since; at least {_people_text(event.contributors)}{_servers_text(event)}"
    if event.taps:
        people = "" if event.count else f"; at least {_people_text(event.contributors)}"
        yield f"{event.taps} taps: my call failed{people}"
    if event.unvouched and event.level == "signal":
        yield f"no listed test server vouches for {event.unvouched} of these reports"
    elif event.unvouched:
        yield f"beside them {event.unvouched} reports that no listed test server vouches for: they confirm nothing"
    if event.sources:
        yield f"told by {', '.join(event.sources)}"
    if event.rules:
        yield "consistent with " + ", ".join(f"{rule} ({count})" for rule, count in event.rules.items())
    if event.families:
        yield "over " + ", ".join(f"IPv{family} ({count})" for family, count in event.families.items())
    if event.carries:
        yield f"still carried by {', '.join(event.carries)}"


def _share_interval(event: Event) -> str:
    """As ", 80 % (62 to 91 %)"; where a bound is the estimate itself the other one alone, nothing where both are."""
    if (known := counted_share(event)) is None:
        return ""
    share, low, high = (f"{100 * part:.0f}" for part in known)
    if low == high:
        return ""
    bounds = {high: f"at least {low}", low: f"at most {high}"}
    return f", {share} % ({bounds.get(share, f'{low} to {high}')} %)"


def _servers_text(event: Event) -> str:
    """As ", with 2 test servers"; "" where none is known."""
    return f", with {event.servers} test server{'' if event.servers == 1 else 's'}" if event.servers else ""


def _people_text(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
