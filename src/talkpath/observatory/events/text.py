"""Events as sentences, for a terminal and for feeds. They say "signs of", never who did it or why."""

from __future__ import annotations

from collections.abc import Iterator

from talkpath.observatory.events.record import EVERYWHERE, Event, counted_share

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
    if event.networks:
        where += f", {len(event.networks)} of {event.measured} networks"
    said = KIND_SENTENCES[event.kind].format(
        what=f"{event.medium} calls of {app or event.app}".replace("text calls", "messages"),
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
        people = f"; at least {_people_text(event.contributors)}" if event.count else ""
        yield f"{event.count} of {event.checks} checks say restricted{_share_interval(event)}{people}"
    if event.kind == "ended":
        yield f"{event.count} checks since; at least {_people_text(event.contributors)}"
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


def _people_text(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
