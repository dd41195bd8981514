"""What was observed of an app's calls: the first of the three lines below a verdict's sentence."""

from __future__ import annotations

from talkpath.report.words.amounts import count_with_interval, milliseconds, numeral
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import is_named, mechanism_clause, mechanism_kind
from talkpath.verdict.model import Verdict
from talkpath.verdict.statistics.cohort import DIRECTIONS

SET_UP_RULES = ("stun.drop", "dtls.hello_drop", "reflector.drop")
"""Rules that keep a call from being set up."""

SHARE_RULE = "media.drop"
"""The rule whose parameter is the share of lost packets."""

EVIDENCE_COUNTS = ("reports_up", "reports_down", "set_ups", "flows")
"""What is counted beside media: the ends of the figures' names."""

VOIDING_REASONS = ("late", "clock", "network_changed", "hidden", "vpn", "no_control")
"""Reasons for which no measurement of the check counts."""


def observed_line(verdict: Verdict) -> str:
    """What was observed, in one line. Each state has sentences of its own."""
    match verdict.state:
        case "ok":
            return _observed_ok(verdict)
        case "restricted":
            seen = _observed_restricted(verdict)
            return f"{seen} {_fitting_rule(verdict)}" if is_named(verdict) else seen
        case "closed":
            alike = say(
                "closed",
                "Calls and control traffic were dropped alike, while other traffic to the same machine passed.",
            )
            looks = say("closed", "That is how it looks when {mechanism}.", mechanism=mechanism_clause(verdict))
            return f"{alike} {looks}" if is_named(verdict) else alike
        case "impaired":
            return _observed_impaired(verdict)
        case "unreachable":
            return say("unreachable", "No connection to it came about, so no call was placed.")
        case _:
            return _observed_insufficient(verdict)


def _fitting_rule(verdict: Verdict) -> str:
    """The rule that fits. Where the share of lost packets was told before, with its interval, the rule's own share is
    not told beside it: it is nearly the same number with another interval."""
    has_interval = verdict.figures.get(f"calls_lost_{_told_direction(verdict)}_low") is not None
    told = verdict.rule == SHARE_RULE and verdict.direction != "both" and has_interval
    clause = mechanism_kind(verdict) if told else mechanism_clause(verdict)
    if verdict.rule == "media.unknown":
        return f"{clause[0].upper()}{clause[1:]}."  # it says itself that several mechanisms would fit
    return say("restricted", "It is consistent with this: {mechanism}.", mechanism=clause)


def _lost_shares(verdict: Verdict) -> dict[str, str] | None:
    """Losses of 100 packets of calls and twins in both directions; None where they were not counted."""
    shares = {
        f"{role}_{direction}": verdict.figures.get(f"{role}_lost_{direction}")
        for role in ("calls", "twins")
        for direction in DIRECTIONS
    }
    counted = {key: numeral(100 * share) for key, share in shares.items() if share is not None}
    return counted if len(counted) == len(shares) else None


def _observed_ok(verdict: Verdict) -> str:
    lost = _lost_shares(verdict)
    if lost is None:
        return say("ok", "Calls fared as the control traffic did.")
    return say(
        "ok",
        "Of 100 call packets {calls_up} were lost on the way out and {calls_down} on the way back; of 100 packets of "
        "control traffic, {twins_up} and {twins_down}.",
        **lost,
    )


def _observed_impaired(verdict: Verdict) -> str:
    lost, mos = _lost_shares(verdict), verdict.figures.get("mos")
    if lost is None or mos is None:
        return say("impaired", "Calls and control traffic suffered alike.")
    return say(
        "impaired",
        "Calls would have a voice quality of {mos} of 4.5. Lost of 100 packets, out and back: calls {calls_up} and "
        "{calls_down}, control traffic {twins_up} and {twins_down}.",
        mos=numeral(mos, 1),
        **lost,
    )


def _observed_insufficient(verdict: Verdict) -> str:
    lost = _lost_shares(verdict)
    if lost is None and verdict.reason is not None and verdict.reason.code in VOIDING_REASONS:
        return say("insufficient", "For that reason calls were not judged.")
    if verdict.reason is not None and verdict.reason.code == "handshake":
        return say("insufficient", "No call was placed.")
    if lost is None and verdict.call_packets:
        return say("insufficient", "What was measured until then does not settle it.")
    if lost is None:
        return say("insufficient", "Too little came in to be counted.")
    return say(
        "insufficient",
        "In the comparisons that count, out and back, calls had lost {calls_up} and {calls_down} of 100 packets, "
        "control traffic {twins_up} and {twins_down}.",
        **lost,
    )


def _observed_restricted(verdict: Verdict) -> str:
    if verdict.rule in SET_UP_RULES:
        return say(
            "restricted",
            "The set-up of the calls was not answered; that of control traffic sent at the same moments was.",
        )
    direction = _told_direction(verdict)
    if verdict.rule == "media.delay" and (late := verdict.figures.get(f"extra_delay_ms_{direction}")) is not None:
        return say(
            "restricted",
            "Call packets came {delay} later than control traffic sent at the same moments.",
            delay=milliseconds(late),
        )
    if counted := _beside_media(verdict):
        return counted
    return _lost_packets_words(verdict, direction)


def _beside_media(verdict: Verdict) -> str:
    """What the strongest test counted where calls' media fared as control traffic did; "" where the media tell."""
    what = next((name for name in EVIDENCE_COUNTS if f"calls_{name}" in verdict.figures), "")
    counts = {
        f"{role}{end}": numeral(verdict.figures.get(f"{role}_{what}{end}") or 0.0)
        for role in ("calls", "twins")
        for end in ("", "_failed")
    }
    sentences = {
        "reports_up": say(
            "restricted",
            "Voice and video of the calls arrived as control traffic did. Lost of the keepalives and reports that "
            "went out with them: {calls_failed} of {calls}; of control traffic in their place: {twins_failed} of "
            "{twins}.",
            **counts,
        ),
        "reports_down": say(
            "restricted",
            "Voice and video of the calls arrived as control traffic did. Lost of the keepalives and reports that "
            "came in with them: {calls_failed} of {calls}; of control traffic in their place: {twins_failed} of "
            "{twins}.",
            **counts,
        ),
        "set_ups": say(
            "restricted",
            "Steps of the calls' set-up without an answer: {calls_failed} of {calls}; of control traffic at the same "
            "moments: {twins_failed} of {twins}.",
            **counts,
        ),
        "flows": say(
            "restricted",
            "Calls that went silent for good or never began: {calls_failed} of {calls}; connections of control traffic "
            "at the same moments: {twins_failed} of {twins}.",
            **counts,
        ),
    }
    return sentences.get(what, "")


def _lost_packets_words(verdict: Verdict, worse: str) -> str:
    """What calls and control traffic lost: in both directions where the rule acts in both, else in the worse one."""
    if verdict.direction == "both" and (shares := _lost_shares(verdict)):
        return say(
            "restricted",
            "Of 100 call packets {calls_up} were lost on the way out and {calls_down} on the way back; of 100 packets "
            "of control traffic at the same moments, {twins_up} and {twins_down}.",
            **shares,
        )
    names = (f"calls_lost_{worse}", f"calls_lost_{worse}_low", f"calls_lost_{worse}_high", f"twins_lost_{worse}")
    calls, low, high, twins = map(verdict.figures.get, names)
    if calls is None or low is None or high is None or twins is None:
        return say("restricted", "Calls fared worse than control traffic sent at the same moments.")
    lost = {"calls": count_with_interval(100 * calls, 100 * low, 100 * high), "twins": numeral(100 * twins)}
    if worse == "up":
        return say(
            "restricted",
            "Of 100 call packets {calls} were lost on the way out; of 100 packets of control traffic sent at the same "
            "moments, {twins}.",
            **lost,
        )
    return say(
        "restricted",
        "Of 100 call packets {calls} were lost on the way back; of 100 packets of control traffic sent at the same "
        "moments, {twins}.",
        **lost,
    )


def _told_direction(verdict: Verdict) -> str:
    """The rule's direction; of "both" the one in which calls lost most beyond their twins."""
    if verdict.direction in DIRECTIONS:
        return str(verdict.direction)
    return max(
        DIRECTIONS,
        key=lambda direction: (
            (verdict.figures.get(f"calls_lost_{direction}") or 0.0)
            - (verdict.figures.get(f"twins_lost_{direction}") or 0.0)
        ),
    )
