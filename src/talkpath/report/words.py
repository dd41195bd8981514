"""The English of a verdict: a label, one sentence, three lines. Codes in, plain words out.

"Signs of", "consistent with", never a named agency, never more than the basis shows.
"""

from __future__ import annotations

from talkpath.apps import apps
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import rules

LABELS = {
    "ok": "No sign of restriction",
    "restricted": "Signs of restriction",
    "closed": "Closed to all calls",
    "impaired": "Line too poor for calls",
    "unreachable": "No answer from the test server",
    "insufficient": "Could not tell",
}

MARKS = {"ok": "✓", "restricted": "✗", "closed": "▣", "impaired": "~", "unreachable": "∅", "insufficient": "?"}

REASONS = {
    "budget": "not enough was measured before the time or the data allowed for it ran out",
    "twin_worse": "the look-alikes fared worse than the calls, which no restriction of calls explains",
    "canary": "the check did not find the small loss that it plants itself, so it might have missed a real one",
    "late": "this device was too busy to send on time",
    "clock": "the clock of one end jumped during the check",
    "network_changed": "the network changed during the check",
    "vpn": "a VPN or tunnel seems to be on; switch it off and check again",
    "responder_lost": "the test server, or the way to it, was lost during the check",
    "short_capture": "the recording is too short",
    "no_control": "there was nothing to compare the call with",
    "single_request": "one request is not enough to tell",
}

MESSAGES = {
    "ok": "{name}'s messages: every one of {count} exchanges with the messenger's host was answered.",
    "restricted": "{name}'s messages: none of {count} exchanges with the messenger's host was answered, while a "
    "neutral host answered every time.",
    "insufficient": "Could not tell for {name}'s messages: {reason}.",
}

SET_UP = ("stun.drop", "dtls.hello_drop", "reflector.drop")  # rules that keep a call from beginning

WAYS = {"up": "that you sent", "down": "that were sent to you", "both": "each way"}


def label(verdict: Verdict) -> str:
    """What people read instead of the state's code."""
    return LABELS[verdict.state]


def app_name(verdict: Verdict) -> str:
    """The app as people write it."""
    app = apps().get(verdict.app)
    return app.name if app else verdict.app


def sentence(verdict: Verdict) -> str:
    """One sentence."""
    name, calls = app_name(verdict), f"{verdict.medium} calls"
    if verdict.medium == "text":
        return MESSAGES[verdict.state].format(name=name, count=verdict.flow_count, reason=reason(verdict))
    match verdict.state:
        case "ok":
            return f"{calls.capitalize()} shaped like {name}'s reached our test server as well as anything else did."
        case "restricted":
            return (
                f"Something between you and our test server is holding back {calls} that look like {name}'s "
                f"({mechanism(verdict)})."
            )
        case "closed":
            return f"This network lets no calls through, of any app ({mechanism(verdict)})."
        case "impaired":
            return f"The line is too poor for {calls} just now, and treats everything alike."
        case "unreachable":
            return "Our test server did not answer at all, so nothing can be said about calls."
        case _:
            return f"Could not tell for {name}'s {calls}: {reason(verdict)}."


def lines(verdict: Verdict) -> list[str]:
    """What we saw; how sure; what it is not, or what to do next."""
    if verdict.medium == "text":
        return ["It says nothing about calls, and only a lab tests messages: a real check asks no messenger's host."]
    return [part for part in (_saw(verdict), _sure(verdict), _limits(verdict)) if part]


def reason(verdict: Verdict) -> str:
    """Why it could not be told."""
    return REASONS[verdict.reason.code] if verdict.reason else "not enough was measured"


def mechanism(verdict: Verdict) -> str:
    """The rule in words, with its parameters."""
    words = {
        "stun.drop": "the message that starts the call (STUN) is dropped",
        "dtls.hello_drop": "the handshake that protects the call (DTLS) is dropped",
        "reflector.drop": "the greeting to the relay is dropped",
        "media.drop": "call packets are dropped at random" + _about(verdict, "p", "{:.0%}", " of them"),
        "media.freeze": "calls go silent" + _freeze(verdict),
        "media.police": "calls are held to a low rate" + _about(verdict, "kbps", "{:.0f} kbit/s"),
        "media.size_drop": "large packets are dropped" + _about(verdict, "over", "{:.0f} bytes", "", "over about"),
        "media.delay": "call packets are held up" + _about(verdict, "ms", "{:.0f} ms"),
        "media.unknown": "several mechanisms would fit: " + ", ".join(verdict.alternatives),
        "udp.block": "UDP does not pass, TCP does",
        "port.block": "some UDP ports do not pass" + _about(verdict, "port", "{:.0f}", "", "among them"),
        "udp.opaque_drop": "UDP that looks like nothing known is dropped",
        "udp.freeze": "every UDP flow goes silent" + _freeze(verdict),
        "address.block": "the test server's address does not answer while another does",
        "allowlist": "only chosen addresses answer",
    }
    known = rules().get(verdict.rule or "")
    means = f"{known.means[0].lower()}{known.means[1:].rstrip('.')}" if known else "the mechanism is not known"
    return words.get(verdict.rule or "", means)


def _about(verdict: Verdict, name: str, shape: str, tail: str = "", word: str = "about") -> str:
    value = verdict.parameters.get(name)
    if not isinstance(value, Number) or value.estimate is None:
        return ""
    text = f", {word} {shape.format(value.estimate)}{tail}"
    if value.low is not None and value.high is not None:
        low, high = shape.format(value.low), shape.format(value.high)
        text += f" ({low} to {high})" if low != high else ""
    return text


def _freeze(verdict: Verdict) -> str:
    after = verdict.parameters.get("after")
    if isinstance(after, Category):
        return f" after the {after.value}"
    packets = _about(verdict, "after_packets", "{:.0f}", " packets", "after about")
    return packets or _about(verdict, "after_s", "{:.1f} s", "", "after about")


def _saw(verdict: Verdict) -> str:
    if verdict.rule in SET_UP:
        return "The set-up of the calls was not answered; that of look-alikes sent at the same moments was."
    figures = verdict.figures
    way = verdict.direction or "up"
    one = "up" if way == "both" else way
    calls, low, high = (figures.get(f"calls_lost_{one}{part}") for part in ("", "_low", "_high"))
    twins = figures.get(f"twins_lost_{one}")
    if calls is None or twins is None:
        return f"Calls were watched for {verdict.watched_s:.1f} s each."
    span = "" if low is None or high is None else f" ({100 * low:.0f}–{100 * high:.0f})"
    text = f"{100 * calls:.0f} of 100 call packets {WAYS[one]} were lost{span}; "
    text += f"look-alikes sent at the same moments lost {100 * twins:.0f} of 100."
    return f"{text} Calls were watched for {verdict.watched_s:.1f} s each."


def _sure(verdict: Verdict) -> str:
    if verdict.state not in ("restricted", "closed") or verdict.log10_e is None:
        return ""
    if verdict.state == "restricted":
        return (
            f"If calls were treated like everything else, a result this lopsided would come up in fewer than 1 of "
            f"{odds(verdict.log10_e)} checks."
        )
    return f"If all kinds of traffic were treated alike, fewer than 1 of {odds(verdict.log10_e)} checks would look so."


def odds(log10_e: float) -> str:
    """N of "1 of N", rounded down to two figures."""
    if log10_e > 12:
        return "a million million"
    number = int(10**log10_e)
    scale = 10 ** max(0, len(str(number)) - 2)
    return f"{number // scale * scale:,}".replace(",", "\N{NO-BREAK SPACE}")


def _limits(verdict: Verdict) -> str:
    name = app_name(verdict)
    notes = {
        "restricted": f"It is no proof of who does it or why; {name}'s own servers and your messages were not tested.",
        "closed": "It is no restriction of one app; a company firewall and an allow-list look alike.",
        "ok": f"It says nothing about {name}'s own servers, which were not tested.",
        "impaired": "Try again nearer to the router or at another hour; it is no sign of restriction.",
        "unreachable": "Ask whoever runs the test server whether it is up, or try another one.",
        "insufficient": "Check again; `--deep` measures longer.",
    }
    text = notes[verdict.state]
    if verdict.confidence == "low":
        text += f" How {name}'s calls look is known from fewer than three public recordings."
    return text
