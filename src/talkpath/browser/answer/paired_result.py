"""Makes the last message of a call between two phones: the verdict in the words of each end, and one bundle of both.

Contract: a bundle that an end sent counts as none, and is not judged, unless it is a check of that hour with a valid
receipt of this server: whoever signs another one may have made it slow to judge, or to say anything. Both ends are told
the same, each from its own side and in its own language; no word here names an address, and no route is told to be
restricted without a contrast (`verdict.bases.paired_call`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from talkpath.errors import BundleError
from talkpath.evidence.bundle import Bundle, read_bundle, read_seal, write_paired
from talkpath.evidence.receipt_check import MOST_BETWEEN_CHECKS, time_apart
from talkpath.measure.paired_call import PairedCallFacts, PairedEnd
from talkpath.report.paired_json import judge_paired_bundle
from talkpath.report.words import sentences
from talkpath.report.words.amounts import percent
from talkpath.report.words.language import in_every_language, say
from talkpath.report.words.mechanism import mechanism_name
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.bases.paired_call import LineFinding, PairedCallVerdict, RouteFinding
from talkpath.wire.control.keys import Signer

ENDS: tuple[PairedEnd, ...] = ("a", "b")


def paired_result(
    facts: PairedCallFacts, lines: Mapping[PairedEnd, bytes], languages: Mapping[PairedEnd, str], server: bytes
) -> dict[PairedEnd, dict[str, Any]]:
    """Return the message "result" for each end. `lines` has the bundles of the ends' own checks, b"" for none; `server`
    is this server's public key."""
    checks = {end: _read_line(lines.get(end, b""), server, facts.started_at) for end in ENDS}
    if len({check.receipt.probe_seed for check in checks.values() if check and check.receipt}) < 2:
        checks["b"] = checks["b"] if checks["a"] is None else None  # one run is the word of one end
    first, second = (check.facts if (check := checks[end]) is not None else None for end in ENDS)
    verdict, document = judge_paired_bundle(facts, first, second)
    kept = (lines[end] if checks[end] is not None else b"" for end in ENDS)
    data = {"json": document, "bundle": base64.b64encode(write_paired(facts, document, Signer.fresh(), *kept)).decode()}
    return {end: {**_told_end(verdict, end, languages[end]), **data} for end in ENDS}


def _read_line(data: bytes, server: bytes, hour: str) -> Bundle | None:
    """An end's own check with this server at that hour; None where it sent none, or what is none."""
    try:
        receipt = read_seal(data).receipt if data else None
        if (
            receipt is None
            or receipt.responder_key != server
            or time_apart(receipt.started_at, hour) > MOST_BETWEEN_CHECKS
        ):
            return None
        found = read_bundle(data)
    except BundleError:
        return None
    return found if found.kind == "check" and found.second is None else None


def _told_end(verdict: PairedCallVerdict, end: PairedEnd, code: str) -> dict[str, Any]:
    """The words for one end: in every language, and at the top in that of its page."""
    told = in_every_language(lambda: _paired_words(verdict, end))
    return {"type": "result", **told[code if code in told else "en"], "told": told}


def paired_lines(bundle: Bundle) -> list[str]:
    """Judge a stored call again, in the current language, as the end that made the link is told it."""
    assert bundle.paired is not None  # as the caller found
    first, second = (each.facts if each is not None else None for each in (bundle.first, bundle.second))
    told = _paired_words(judge_paired_bundle(bundle.paired, first, second)[0], "a")
    return [
        say("paired", "What the person who made the link is told:"),
        "",
        f"{told['mark']} {told['title']}",
        *told["sentences"],
        told["is_not"],
        "",
        *(f"{row['name']}: {row['says']}" for row in told["rows"]),
    ]


def _paired_words(verdict: PairedCallVerdict, end: PairedEnd) -> dict[str, Any]:
    """The verdict from one end's side, in the current language."""
    own, other = (verdict.a, verdict.b) if end == "a" else (verdict.b, verdict.a)
    return {
        "state": verdict.state,
        "mark": sentences.STATE_MARKS[verdict.state],
        "title": _paired_title(verdict, end),
        "sentences": [*_side_sentences(verdict, own, other), *_route_sentences(verdict.routes)],
        "is_not": _never_means(verdict),
        "rows": [*_route_rows(verdict.routes, end), *_line_rows(own, other)],
    }


def _paired_title(verdict: PairedCallVerdict, end: PairedEnd) -> str:
    if verdict.state == "ok":
        return say("paired", "Calls between you get through")
    if verdict.state == "impaired":
        return say("paired", "The lines between you are too poor for calls")
    through = _get_through(verdict.routes)
    sides: dict[str, str] = {
        "both": say("paired", "Calls between you get through, but both lines show signs of restriction")
        if through
        else say("paired", "Signs of restriction on both sides"),
        "between": say("paired", "Signs of restriction between you"),
        **dict.fromkeys(
            ENDS,
            say("paired", "Calls between you get through, but the other line shows signs of restriction")
            if through
            else say("paired", "Signs of restriction on the other side"),
        ),
        end: say("paired", "Calls between you get through, but your line shows signs of restriction")
        if through
        else say("paired", "Signs of restriction on your side"),
    }
    return sides.get(verdict.side, sentences.state_labels()["insufficient"])


def _get_through(routes: Sequence[RouteFinding]) -> bool:
    """Whether calls of each medium got through well in each direction, by one route at least."""
    ways = {(one.medium, one.sender) for one in routes}
    return bool(ways) and ways == {(one.medium, one.sender) for one in routes if one.fate == "passes"}


def _side_sentences(verdict: PairedCallVerdict, own: LineFinding, other: LineFinding) -> Iterator[str]:
    """What the ends' own checks add."""
    if verdict.side in (*ENDS, "both") and _get_through(verdict.routes):
        yield say(
            "paired",
            "The signs are those of a line's own check with the test server. A rule may go by address, port or hour, "
            "so calls between you can pass where those do not.",
        )
    if verdict.differs:
        yield say(
            "paired",
            "Each side shows signs of a restriction, by another rule each: on yours {own}; on the other {other}.",
            own=mechanism_name(own.rule),
            other=mechanism_name(other.rule),
        )
    elif verdict.side == "both":
        yield say(
            "paired", "Each side shows signs of a restriction, by the same rule: {rule}.", rule=mechanism_name(own.rule)
        )
    elif verdict.side in ENDS:
        yield say(
            "paired",
            "Calls to the test server are held back there: {rule}.",
            rule=mechanism_name((own if own.state == "restricted" else other).rule),
        )
        if not {own.state, other.state}.isdisjoint(("insufficient", "")):
            yield say("paired", "The other line could not be judged: whether it does the same stays open.")
    elif verdict.side == "between" and own.state == other.state == "ok":
        yield say("paired", "Neither side's own line to the test server shows it.")
    elif verdict.side == "between":
        yield say("paired", "Not both lines to the test server could be judged, so whose side it is stays open.")
    if verdict.state != "ok" and "closed" in (own.state, other.state):
        yield say("paired", "One side's network is closed to all calls, as that of a company may be.")


def _route_sentences(routes: Sequence[RouteFinding]) -> Iterator[str]:
    """What both routes say together: only a contrast with control traffic is a sign."""
    direct, relayed = ({one.fate for one in routes if one.route == route} for route in ("direct", "relayed"))
    by_relay = "passes" in relayed
    if "held_back" in direct:
        yield say(
            "paired", "Directly, calls between you are held back, while control traffic between you gets through."
        )
    if "held_back" in relayed:
        yield say(
            "paired", "Through the test server, calls between you are held back, while control traffic gets through."
        )
    if by_relay and direct & {"held_back", "not_connected"}:
        yield say("paired", "Through the test server, calls between you get through.")
    if "not_connected" in direct:
        yield say(
            "paired",
            "Directly, neither calls nor control traffic connected you two. Routers of homes and of mobile networks "
            "often do that (NAT): it is no sign of a restriction.",
        )
    if "not_connected" in relayed:
        yield say(
            "paired",
            "Through the test server, neither calls nor control traffic connected you: nothing could be compared "
            "there.",
        )
    if not relayed:
        yield say("paired", "This test server has no relay, so only the direct way was tried.")
    if "untold" in direct | relayed:
        yield say("paired", "Some calls fared worse than control traffic, but chance could do that.")


def _never_means(verdict: PairedCallVerdict) -> str:
    if verdict.state == "restricted":
        return say("paired", "This does not say who does it, or why. No app was tested.")
    return say("paired", "No app was tested: its calls may fare otherwise. This is about these two lines at this hour.")


def _route_rows(routes: Sequence[RouteFinding], end: PairedEnd) -> Iterator[dict[str, str]]:
    """A row for each medium, route and direction, from the reader's side."""
    for one in routes:
        known = {
            "medium": sentences.medium_word(one.medium),
            "route": say("paired", "directly") if one.route == "direct" else say("paired", "through the test server"),
        }
        name = (
            say("paired", "{medium}, {route}, from you", **known)
            if one.sender == end
            else say("paired", "{medium}, {route}, to you", **known)
        )
        yield {"name": name, "fate": one.fate, "says": _fate_words(one)}


def _fate_words(one: RouteFinding) -> str:
    shares = {"lost": percent(one.call_lost), "twins": percent(one.twin_lost)}
    return {
        "passes": say("paired", "gets through ({lost} lost)", **shares),
        "held_back": say("paired", "held back: {lost} lost, of control traffic {twins}", **shares),
        "poor": say("paired", "poor: {lost} lost, of control traffic {twins}", **shares),
        "not_connected": say("paired", "not connected, like control traffic"),
        "untold": say("paired", "not sure: {lost} lost, of control traffic {twins}", **shares),
    }[one.fate]


def _line_rows(own: LineFinding, other: LineFinding) -> Iterator[dict[str, str]]:
    names = say("paired", "Your line to the test server"), say("paired", "The other side's line to the test server")
    labels: dict[str, str] = dict(sentences.state_labels().items())
    for name, line in zip(names, (own, other), strict=True):
        label = labels.get(line.state, say("paired", "not checked"))
        says = f"{label}: {reason_clause(line.reason)}" if line.reason is not None else label
        yield {"name": name, "fate": line.state, "says": says}
