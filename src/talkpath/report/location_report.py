"""The report of `talkpath locate`: where on the path a restriction acts. It gives routers a number, no address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console

from talkpath.measure.facts import Facts
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import mechanism_name as mechanism
from talkpath.report.words.sentences import STATE_MARKS, app_name, app_name_of, medium_word, verdict_label
from talkpath.report.words.sentences import verdict_sentence as sentence_of
from talkpath.verdict.bases.hops import Place, Why
from talkpath.verdict.model import Verdict


class LocateResult(Struct, frozen=True):
    """The JSON object of `talkpath locate` (spec/tp-010)."""

    started_at: str
    duration_s: float
    bytes_sent: int
    bytes_received: int
    simulated: bool
    places: tuple[Place, ...]
    schema: str = "talkpath.locate/1"


def location_json(facts: Facts, places: Sequence[Place]) -> dict[str, Any]:
    """The JSON object, as plain values."""
    result = LocateResult(
        started_at=facts.started_at,
        duration_s=facts.duration_s,
        bytes_sent=facts.bytes_sent,
        bytes_received=facts.bytes_received,
        simulated=facts.simulated,
        places=tuple(places),
    )
    plain: dict[str, Any] = msgspec.to_builtins(result, str_keys=True)
    return plain


def show_places(
    console: Console, places: Sequence[Place], verdicts: Sequence[Verdict] = (), *, known_server: bool = True
) -> None:
    """Print for each arm and direction a heading, the place and its limits; then the `verdicts` without a place."""
    for place in places:
        console.print(place_heading(place), style="bold", highlight=False)
        console.print(f"  {place_sentence(place)}", highlight=False)
        for line in _place_limits(place):
            console.print(f"  {line}", highlight=False)

    check = CheckContext.of(verdicts, known_server=known_server)
    for verdict in verdicts_without_place(places, verdicts):
        name = ", ".join([app_name(verdict), medium_word(verdict.medium)])
        console.print(f"{name}: {STATE_MARKS[verdict.state]} {verdict_label(verdict)}", style="bold", highlight=False)
        for line in (sentence_of(verdict, check), why_nowhere(verdict)):
            console.print(f"  {line}", highlight=False)


def verdicts_without_place(places: Sequence[Place], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on calls for which no place was looked for."""
    placed = {(place.app, place.medium) for place in places}
    return [verdict for verdict in verdicts if (verdict.app, verdict.medium) not in placed]


def why_nowhere(verdict: Verdict) -> str:
    """Why no place was looked for."""
    if verdict.state == "restricted":
        return say("place", "Could not tell where: how it acts could not be named, and the search goes by that.")
    return no_place_reasons()["nothing_restricted"]


def place_heading(place: Place) -> str:
    """The place's app, medium, direction and mechanism."""
    direction = say("place", "sent") if place.direction == "up" else say("place", "received")
    parts = [app_name_of(place.app), medium_word(place.medium), direction]
    return ", ".join([*parts, *([mechanism(place.rule)] if place.rule else [])])


def place_sentence(place: Place) -> str:
    """Where the restriction acts, or why that is not known, in one sentence."""
    if place.why:
        return no_place_reasons()[place.why]
    assert place.after is not None  # where there is no reason why not
    here, there = say("place", "this device"), say("place", "the test server")
    first, last = (here, there) if place.direction == "up" else (there, here)
    near = _router_words(place, place.after) if place.after else first
    far = _router_words(place, place.by) if place.by else last
    if place.direction == "up":
        return say("place", "It acts between {near} and {far}, counted from this device.", near=near, far=far)
    return say("place", "It acts between {near} and {far}, counted from the test server.", near=near, far=far)


def no_place_reasons() -> dict[Why, str]:
    """Code -> why no place can be named."""
    return {
        "": "",
        "nothing_restricted": say("place", "Nothing was found restricted, so there is nothing to locate."),
        "delays_only": say("place", "Could not tell where: this mechanism delays packets and drops none."),
        "no_way": say("place", "Could not tell where: control traffic did not get through either."),
        "not_shown": say("place", "Could not tell where: the restriction did not show in the calls sent for this."),
        "no_answers": say("place", "Could not tell where: the routers on the way say too little."),
        "contradiction": say("place", "Could not tell where: the routers' answers contradict each other."),
        "budget": say("place", "Could not tell where: the time or the data allowed for it ran out."),
    }


def _place_limits(place: Place) -> list[str]:
    """Lines on the limits of the sentence."""
    if place.why:
        return []
    lines = []
    if not place.located:
        lines.append(say("place", "The routers in between say nothing, so it cannot be told more exactly."))
    if place.by is None:
        lines.append(say("place", "A router that hides what lies behind it would look the same."))
    return [*lines, say("place", "It is no proof of who does it or why.")]


def _router_words(place: Place, number: int) -> str:
    kind = place.kinds.get(number, "")
    if kind == "home" and number == 1 and place.direction == "up":
        return say("place", "router {number} (your own)", number=number)
    if kind in ("home", "provider"):
        return say("place", "router {number} (inside a provider's network)", number=number)
    return say("place", "router {number}", number=number)
