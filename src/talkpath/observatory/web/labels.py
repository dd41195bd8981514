"""Names, numbers and labels of the observatory, in the current language.

Countries: their names in the reader's language, and their squares on the map (data/countries.json).

The file is written by proof/pages/write_countries.py. Names are those of Unicode's CLDR.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec

from talkpath.apps import apps
from talkpath.observatory.claims.count import PropositionOutcome
from talkpath.observatory.data_files import DATA_FOLDER
from talkpath.observatory.log.named_shapes import named_shape
from talkpath.observatory.reach.estimate import ASSUMPTIONS, ReachEstimate
from talkpath.report.words import sentences
from talkpath.report.words.errors import matched_template
from talkpath.report.words.language import count, listed, say, spoken
from talkpath.report.words.mechanism import mechanism_name

OUTCOME_MARKS = {"supported": "●", "contradicted": "◆", "silent": "○", "not measurable": "–"}
LEVEL_MARKS = {"signal": "△", "confirmed": "▲", "attack-resistant": "⛨"}
KIND_MARKS = {"began": "▶", "changed": "↻", "ended": "■", "withdrawn": "↩"}


def app_name(code: str) -> str:
    """The app's name as people write it."""
    known = apps().get(code)
    return known.name if known else named_shape(code) or code


def network_name(network: str, operator: str = "") -> str:
    """A network's number, and its operator where that is known, as in "AS64496 (Northline)"."""
    return f"{network} ({operator})" if operator else network


def medium_name(code: str) -> str:
    """The medium as a word."""
    return say("medium", "calls") if code == "call" else sentences.medium_word(code)


def stream_heading(app: str, medium_code: str) -> str:
    """An app and a medium, as in "Telegram, voice" in a heading."""
    return say("page", "{app}, {medium}", app=app_name(app), medium=medium_name(medium_code))


def contributors_phrase(number: int) -> str:
    """A number of contributors, as in "at least 7 people" in a sentence."""
    return count("unit", "at least {number} person", "at least {number} people", number)


def mechanism_text(rule: str | None) -> str:
    """A mechanism as a clause; "" where there is none."""
    return mechanism_name(rule) if rule else ""


def source_name(code: str) -> str:
    """A kind of source in words."""
    names = {
        "probe": say("source", "checks by program"),
        "browser": say("source", "checks in a browser"),
        "capture": say("source", "recorded calls"),
        "accompanied": say("source", "calls beside control traffic"),
        "endpoints": say("source", "questions to the apps' own servers"),
        "tap": say("source", "taps"),
    }
    return names.get(code, code)


def outcome_words() -> dict[PropositionOutcome, str]:
    """The outcomes of claims in words."""
    return {
        "supported": say("outcome", "supported"),
        "contradicted": say("outcome", "contradicted"),
        "silent": say("outcome", "silent: too little was measured"),
        "not measurable": say("outcome", "not measurable"),
    }


def level_words() -> dict[str, str]:
    """The levels of events in words."""
    return {
        "signal": say("level", "first sign"),
        "confirmed": say("level", "confirmed"),
        "attack-resistant": say("level", "confirmed, and hard to fake"),
    }


def kind_words() -> dict[str, str]:
    """The kinds of events in words."""
    return {
        "began": say("event", "restriction began"),
        "changed": say("event", "restriction changed"),
        "ended": say("event", "restriction ended"),
        "withdrawn": say("event", "withdrawn"),
    }


def speaker_words() -> dict[str, str]:
    """The kinds of speakers in words."""
    return {
        "official": say("speaker", "an official"),
        "company": say("speaker", "a company"),
        "press": say("speaker", "the press"),
        "user": say("speaker", "a user"),
        "measure": say("speaker", "somebody who measured"),
        "critic": say("speaker", "a critic"),
    }


def credibility_words() -> dict[str, str]:
    """The grades of a source's credibility in words."""
    return {
        "A": say("credibility", "a named official or company, or primary data"),
        "B": say("credibility", "reputable press, or a maintainer with data"),
        "C": say("credibility", "one user, or anonymous"),
        "D": say("credibility", "numbers without a method"),
    }


def event_groups() -> dict[str, str]:
    """What a list of events can be grouped by, in words."""
    return {
        "change": say("filter", "the same change"),
        "network": say("filter", "network"),
        "app": say("filter", "app"),
        "none": say("filter", "nothing"),
    }


def chart_key() -> str:
    """What the marks of a chart mean."""
    return say(
        "chart",
        "A high bar: signs of restriction. A low bar: measured, and none. A ring: too few people to show. Nothing: not "
        "measured, or not shown yet.",
    )


def strip_key() -> str:
    """What the marks of networks by days mean."""
    return say(
        "now",
        "Full height: signs of restriction. Three quarters: UDP closed. Half: a poor line. Low: calls get through. A "
        "ring: too few people to show. Nothing: not measured, or not shown yet.",
    )


def map_key() -> str:
    """What the squares of a map mean."""
    return say(
        "map",
        "One square a country, near where it lies. The higher the bar, the more of its networks had signs of "
        "restriction; a low bar: measured, and none; a ring: too few people to show; an empty square: not measured in "
        "these four weeks.",
    )


# -- intervals ---------------------------------------------------------------------------------------------------------


def percent_text(share: float) -> str:
    """A share in percent, its number and sign joined by a no-break space."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def millions_text(people: float) -> str:
    """Millions with one decimal, in the language's notation."""
    return f"{people / 1e6:.1f}".replace(".", spoken().decimal)


def _telling_bounds(estimate: str, low: str, high: str) -> str:
    """Which bounds, as they are written, tell more than the estimate: "none", "low", "high" or "both"."""
    return "none" if low == high else {high: "low", low: "high"}.get(estimate, "both")


def share_of_networks(yes: int, told: int, low: float, high: float) -> str:
    """The interval of a share of networks. Where a bound is the estimate itself, the other one alone."""
    share, lowest, highest = map(percent_text, (yes / told if told else 0.0, low, high))
    return {
        "none": say("part", "{share} of networks", share=share),
        "low": say("part", "at least {low} of networks", low=lowest),
        "high": say("part", "at most {high} of networks", high=highest),
        "both": say("part", "{low} to {high} of networks", low=lowest, high=highest),
    }[_telling_bounds(share, lowest, highest)]


def share_of_reports(share: float, low: float, high: float) -> str:
    """The share of reports that say restricted, likewise."""
    known = {"share": percent_text(share), "low": percent_text(low), "high": percent_text(high)}
    return {
        "none": say("event", "{share} say restricted", **known),
        "low": say("event", "{share} say restricted (at least {low})", **known),
        "high": say("event", "{share} say restricted (at most {high})", **known),
        "both": say("event", "{share} say restricted ({low} to {high})", **known),
    }[_telling_bounds(*known.values())]


def reach_text(reach: ReachEstimate) -> str:
    """How many people are affected, likewise."""
    low, high, medium = millions_text(reach.low), millions_text(reach.high), medium_name(reach.medium)
    known = {"apps": listed(app_name(app) for app in reach.apps), "medium": medium, "low": low, "high": high}
    if reach.estimate is None:
        return (
            say("reach", "{apps} together, {medium}: about {low} million people.", **known)
            if low == high
            else say("reach", "{apps} together, {medium}: {low} to {high} million people.", **known)
        )
    known["estimate"] = estimate = millions_text(reach.estimate)
    return {
        "none": say("reach", "{apps}, {medium}: about {estimate} million people.", **known),
        "low": say("reach", "{apps}, {medium}: about {estimate} million people, at least {low} million.", **known),
        "high": say("reach", "{apps}, {medium}: about {estimate} million people, at most {high} million.", **known),
        "both": say("reach", "{apps}, {medium}: about {estimate} million people, {low} to {high} million.", **known),
    }[_telling_bounds(estimate, low, high)]


def assumption_text(sentence: str) -> str:
    """What was assumed for such a number (reach/estimate.py), in the current language."""
    if (known := matched_template(ASSUMPTIONS, sentence)) is None:
        return sentence
    found, template = known
    named = (
        {"app": app_name(found["app"]), "figure": found["figure"].replace(" to ", "–")} if "{app}" in template else {}
    )
    return say("assumption", template, **(found.groupdict() | named))


MADE_UP = "XX"


def country_name(code: str) -> str:
    """The country's name in the current language; the code where it has none."""
    if code == MADE_UP:
        return say("country", "made-up country XX")
    return _names_by_language().get(code, {}).get(spoken().code, code)


def country_names(code: str) -> tuple[str, ...]:
    """Its names in every language."""
    return (country_name(code), *_names_by_language().get(code, {}).values())


@cache
def country_squares() -> Mapping[str, tuple[int, int]]:
    """Country -> (column, row) of its square on the map."""
    return {code: place for code, known in _country_data().items() if isinstance(place := known["at"], tuple)}


@cache
def _names_by_language() -> Mapping[str, Mapping[str, str]]:
    return {
        code: {name: value for name, value in known.items() if isinstance(value, str)}
        for code, known in _country_data().items()
    }


def _country_data() -> dict[str, dict[str, tuple[int, int] | str]]:
    return msgspec.json.decode(
        (DATA_FOLDER / "countries.json").read_bytes(), type=dict[str, dict[str, tuple[int, int] | str]]
    )
