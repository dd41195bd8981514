"""Events as text for a terminal, and in one sentence for a feed. Words: "signs of", never who or why."""

from __future__ import annotations

from collections.abc import Iterator

from talkpath.observatory.detect.country import ANY
from talkpath.observatory.events.findings import Found
from talkpath.observatory.events.record import Event

KINDS = {
    "began": "signs of a restriction of {what} on {where}, since {when}",
    "changed": "the restriction of {what} on {where} acts otherwise, since {when}",
    "ended": "no more signs of a restriction of {what} on {where}, since {when}",
    "withdrawn": "taken back: signs of a restriction of {what} on {where}, since {when}",
}
LEVELS = {
    "signal": "a signal: unconfirmed",
    "confirmed": "confirmed",
    "attack-resistant": "confirmed, whatever two of four sources say",
}


def sentence(event: Event) -> str:
    """What, where, when, how sure."""
    where = event.country if event.network == ANY else f"{event.network} ({event.country})"
    if event.networks:
        where += f", {len(event.networks)} of {event.measured} networks"
    said = KINDS[event.kind].format(what=f"{event.medium} calls of {event.app}".replace("text calls", "messages"),
                                    where=where, when=when(event))  # fmt: skip
    return f"{said}; {event.reason if event.kind == 'withdrawn' else LEVELS[event.level]}"


def when(event: Event) -> str:
    """Between which days."""
    if event.onset_low is None:
        return f"{event.onset_high} or before"
    return f"a day after {event.onset_low} and not after {event.onset_high}"


def details(event: Event) -> Iterator[str]:
    """Numbers, each with what it counts."""
    if event.checks and event.kind != "ended":
        interval = ""
        if event.share is not None and event.share_low is not None and event.share_high is not None:
            low, high = 100 * event.share_low, 100 * event.share_high
            interval = f", {100 * event.share:.0f} % ({low:.0f} to {high:.0f} %)"
        yield f"{event.count} of {event.checks} checks say restricted{interval}; at least {_people(event.contributors)}"
    if event.kind == "ended":
        yield f"{event.count} checks since; at least {_people(event.contributors)}"
    if event.taps:
        yield f"{event.taps} taps: my call failed"
    if event.sources:
        yield f"told by {', '.join(event.sources)}"
    if event.rules:
        yield "consistent with " + ", ".join(f"{rule} ({count})" for rule, count in event.rules.items())
    if event.carries:
        yield f"still carried by {', '.join(event.carries)}"


def lines(found: Found, *, signals: bool = True) -> Iterator[str]:
    """All of it. Without `signals` those that are unconfirmed are only counted."""
    heard = found.heard
    if heard.simulated:
        yield "SIMULATED: these reports come from the lab."
    yield (f"{heard.reports} verdicts and {heard.taps} taps of {heard.networks} networks, {heard.first_day} to "
           f"{heard.last_day}; heard: {', '.join(heard.sources)}.")  # fmt: skip
    shown = [event for event in found.events if signals or event.level != "signal"]
    for event in (*found.countries, *shown):
        yield ""
        yield _upper(sentence(event)) + "."
        yield from (f"  {said}" for said in details(event))
        if claims := found.claims.get(event.id):
            yield f"  bears on {' '.join(claims)}"
        if reach := found.reach.get(event.id):
            yield f"  touches {reach.low / 1e6:.1f} to {reach.high / 1e6:.1f} million people"
    yield ""
    levels = [event.level for event in found.events if event.kind == "began"]
    yield f"{len(levels)} began, {levels.count('signal')} of them only a signal."


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
