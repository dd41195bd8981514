"""A recorded call in sentences. They never say more than "consistent with"."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.apps import apps
from talkpath.apps.contract.feature import SURE_CONFIDENCE
from talkpath.measure.call import Attempt, Call, Findings, PairedDirection, ProxyKind, Stream
from talkpath.measure.silence import SILENT_END_S
from talkpath.report.recordings.both_ends import VANISHED_UP, is_seen_from_both_ends
from talkpath.report.recordings.clock import NO_CLOCK, RecordingClock
from talkpath.report.recordings.control_sentences import (
    REASONS_BESIDE_CONTROL,
    beside_control,
    control_words,
    fitting_mechanisms,
)
from talkpath.report.recordings.outcome_words import outcome_label, what_arrived
from talkpath.report.words.amounts import numeral, percent, seconds
from talkpath.report.words.errors import error_sentence
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.reasons import next_step
from talkpath.report.words.sentences import with_trouble
from talkpath.verdict.bases.call_outcome import SHARED_APPS
from talkpath.verdict.bases.calls_together import JudgedCall
from talkpath.verdict.model import Verdict

CUT_PACKETS = "packets cut by the snapshot length"
"""How the reader of captures counts them."""

PROXIED_APPS = ("telegram", "whatsapp")  # with a setting for a proxy of one's own that carries messages


def app_name(app: str, confidence: float = 1.0) -> str:
    """The app's name as people write it, with a question mark where less than two features tell it."""
    known = apps().get(app)
    name = known.recorded_name or known.name if known else say("capture", "an app that is not known")
    return name if confidence >= SURE_CONFIDENCE else f"{name}?"


def call_kind(call: Call) -> str:
    """Voice or video call."""
    return say("capture", "video call") if "video" in call.media else say("capture", "voice call")


def call_path(call: Call) -> str:
    """The path of a call."""
    return {
        "p2p": say("capture", "directly between the two phones"),
        "relay": say("capture", "through a server"),
        "unknown": say("capture", "on a path of unknown kind"),
    }[call.transport]


def direction_word(code: str) -> str:
    """A direction, seen from this end."""
    return {"sent": say("capture", "sent"), "received": say("capture", "received")}[code]


def column_titles() -> tuple[str, ...]:
    """The column titles of a table of calls."""
    return (
        "",
        say("table", "app"),
        say("table", "medium"),
        say("table", "begins"),
        say("table", "lasts"),
        say("table", "lost"),
        say("table", "quality"),
        say("table", "how it was"),
    )


def mark_meanings() -> tuple[str, ...]:
    """What the marks of seconds mean, by severity."""
    return (
        say("capture", "whole"),
        say("capture", "up to 5% lost"),
        say("capture", "more lost, or still for 0.2 s or more"),
        say("capture", "still for 0.5 s or more"),
        say("capture", "no packet"),
    )


def recording_notes(findings: Findings) -> list[str]:
    """What is to be known before the calls: that the facts are an app's own statistics, what could not be read, that
    the other end's recording shows none of the calls."""
    return [note for note in (source_note(findings), unread_note(findings), unpaired_note(findings)) if note]


def unread_note(findings: Findings) -> str:
    """What could not be read in the file; "" where all could."""
    if not findings.unread:
        return ""
    parts = (f"{times} × {error_sentence(name)}" for name, times in findings.unread.items())
    told = say("capture", "Not read, or not whole: {parts}.", parts=", ".join(parts))
    doubtful = not findings.calls or any(call.app == "unknown" for call in findings.calls)
    if CUT_PACKETS not in findings.unread or not doubtful:
        return told
    more = say(
        "capture",
        "Where packets are cut so short, an app may stay unknown, and calls whose packets do not begin with RTP may "
        "not be found: record at least 128 bytes of each packet.",
    )
    return f"{told} {more}"


def stream_losses(stream: Stream) -> str:
    """The losses of a stream."""
    if stream.lost is None or stream.loss_pct is None:
        return say("capture", "losses cannot be told")
    values = {"lost": numeral(stream.lost), "share": percent(stream.loss_pct / 100, 1)}
    if stream.loss_basis == "cadence" and stream.lost_range is not None:
        values |= {"low": numeral(stream.lost_range[0]), "high": numeral(stream.lost_range[1])}
        return say("capture", "lost, estimated from the packet interval: {lost} ({share}; {low} to {high})", **values)
    if stream.loss_basis == "cadence":
        return say("capture", "lost, estimated from the packet interval: {lost} ({share})", **values)
    return say("capture", "lost: {lost} ({share})", **values)


def call_sentence(judged: JudgedCall[Call], clock: RecordingClock = NO_CLOCK) -> str:
    """One sentence on the call: how it was, what tells so, and what that is consistent with."""
    call, outcome, verdict = judged.call, judged.outcome, judged.verdict
    name = say("capture", "{app}, {kind}, {path}", app=app_name(call.app), kind=call_kind(call), path=call_path(call))
    values = {"call": name, "outcome": outcome_label(outcome, clock, call)}
    values["facts"] = what_arrived(call, verdict, outcome)
    if verdict.state == "ok":
        told = say(
            "capture", "{call}: {outcome}; {facts}; nothing points to a restriction on the way to this end.", **values
        )
        if VANISHED_UP in verdict.figures:
            return f"{told} {say('capture', 'A delay that is always there could not be judged.')}"
        return f"{told} {say('capture', 'What you sent, and a delay that is always there, could not be judged.')}"
    if (beside := control_words(verdict)) and verdict.reason and verdict.reason.code in REASONS_BESIDE_CONTROL:
        return beside_control(verdict, beside, values, is_direct=call.transport == "p2p")
    if verdict.alternatives:
        return _fitting_sentence(call, values | {"mechanisms": fitting_mechanisms(verdict)})
    if _ended_idle(judged):
        values["seconds"] = seconds(_idle_end_s(call), 0)
        return say(
            "capture",
            "{call}: {outcome}; {facts}; in its last {seconds} no media went either way, and they tell nothing more.",
            **values,
        )
    if verdict.reason and verdict.reason.code == "short_capture":
        return say(
            "capture", "{call}: {outcome}; {facts}; what was recorded of it is too short to tell more.", **values
        )
    if verdict.reason and verdict.reason.code == "pauses":
        return say(
            "capture",
            "{call}: {outcome}; {facts}; this app's packets have no numbers that would tell losses from pauses.",
            **values,
        )
    if is_seen_from_both_ends(verdict):
        return say(
            "capture", "{call}: {outcome}; {facts}; nothing shows whether a rule or a poor line did it.", **values
        )
    return say("capture", "{call}: {outcome}; {facts}; there is nothing to compare it with.", **values)


def _fitting_sentence(call: Call, values: dict[str, str]) -> str:
    if call.transport == "p2p":
        return say(
            "capture",
            "{call}: {outcome}; {facts}; that is consistent with {mechanisms}, and with a poor line at either end.",
            **values,
        )
    return say(
        "capture",
        "{call}: {outcome}; {facts}; that is consistent with {mechanisms}, with a poor line at either end, and "
        "with trouble at the app's own servers.",
        **values,
    )


def together_sentence(verdict: Verdict) -> str:
    """What several calls of an app say together."""
    values = {"calls": numeral(verdict.figures.get("calls") or 0.0), "app": app_name(verdict.app)}
    told = say(
        "capture",
        "{calls} calls of {app} suffered alike while control traffic beside each of them did not: signs of a "
        "restriction, {mechanism}. If all were calls with the same person, a rule or a poor line at that person's end "
        "would look the same.",
        mechanism=mechanism_clause(verdict),
        **values,
    )
    return " ".join(with_trouble([told], verdict))


def _idle_end_s(call: Call) -> float:
    """For how long the call's connections went on after its media."""
    return call.control_end_s - call.start_s - call.duration_s


def _ended_idle(judged: JudgedCall[Call]) -> bool:
    """Whether a call tells too little because its media ended long before it did; the recording is not short."""
    reason = judged.verdict.reason
    return reason is not None and reason.code == "short_capture" and _idle_end_s(judged.call) > SILENT_END_S


def call_advice(judged: JudgedCall[Call]) -> str:
    """The kind of trouble that a verdict on a call points to, and what to do about an insufficient one."""
    another = say("capture", "Record another call, of half a minute or more, in which both ends talk.")
    step = another if _ended_idle(judged) else _next_step(judged.verdict)
    return " ".join(with_trouble([], judged.verdict) + list(filter(None, [step])))


def _next_step(verdict: Verdict) -> str:
    match verdict.reason and verdict.reason.code:
        case (
            "short_capture"
            | "one_call"
            | "pauses"
            | "line"
            | "control_poor"
            | "unlike"
            | "few_connections"
            | "rebinding"
            | "congested"
        ):
            return next_step(verdict.reason)
        case "no_control" if is_seen_from_both_ends(verdict):
            return say("capture", "Run `talkpath check` on this network now.")
        case "no_control":
            return say(
                "capture",
                "Record the same call at the other end too (`--peer`), or run `talkpath check` on this network now.",
            )
        case _:
            return ""


def source_note(findings: Findings) -> str:
    """That the facts are an app's own statistics, where they are; empty for packets."""
    if findings.source == "packets":
        return ""
    name = {"webrtc_internals": "webrtc-internals", "signal_log": "Signal"}[findings.source]
    return say(
        "capture",
        "These are the app's own statistics ({name}), not packets: nothing shows lateness, other traffic, or what "
        "happened between two readings.",
        name=name,
    )


def assumption_note() -> str:
    """The assumptions behind the numbers."""
    return say(
        "capture",
        "Voice quality is the E-model's (ITU-T G.107) from losses, freezes and jitter, for a codec that conceals "
        "losses, without echo, with 100 ms from mouth to ear and a buffer of twice the jitter; what left this end is "
        "counted before the network had it.",
    )


def attempt_sentence(judged: JudgedCall[Attempt], clock: RecordingClock = NO_CLOCK) -> str:
    """One sentence on a call that was set up without talk."""
    attempt, outcome, verdict = judged.call, judged.outcome, judged.verdict
    values = {
        "app": app_name(attempt.app, attempt.app_confidence),
        "time": clock.at(attempt.start_s),
        "outcome": outcome_label(outcome, clock),
    }
    if attempt.answered and outcome.kind == "never_connected":
        return say(
            "capture",
            "{app}, a call set up from {time} on: {outcome}; servers answered, but the handshake that protects the "
            "call (DTLS) did not.",
            **values,
        )
    if attempt.answered:
        return say(
            "capture",
            "{app}, a call set up from {time} on: servers answered, but no talk was found in this recording.",
            **values,
        )
    if attempt.begun_before:
        return say(
            "capture",
            "{app}, a call that may have begun before {time}: nothing answered it in this recording.",
            **values,
        )
    if verdict.alternatives:
        told = (_unanswered_setup(verdict, values), _carried_beside(verdict), proxy_note(verdict.app, attempt.proxy))
        return " ".join(filter(None, told))
    return say("capture", "{app}, a call set up from {time} on: {outcome}; nothing answered.", **values)


def attempt_advice() -> str:
    """What to do about a call that was set up without talk."""
    return say("capture", "Try the call again while recording, or run `talkpath check` on this network now.")


def _unanswered_setup(verdict: Verdict, values: dict[str, str]) -> str:
    """What set-up that nobody answered fits: rules, and what looks the same without any."""
    values = {**values, "mechanisms": fitting_mechanisms(verdict)}
    if verdict.app in SHARED_APPS:
        return say(
            "capture",
            "{app}, a call set up from {time} on: {outcome}; nothing answered; that is consistent with {mechanisms}, "
            "and with an address at which nobody is, or an outage of the app.",
            **values,
        )
    return say(
        "capture",
        "{app}, a call set up from {time} on: {outcome}; nothing answered; that is consistent with {mechanisms}, and "
        "with an outage of the app.",
        **values,
    )


def proxy_note(app: str, proxy: ProxyKind = "") -> str:
    """Of an app in which people set a proxy: that its messages work says nothing of its calls (N07). `proxy`: the kind
    that was seen in use."""
    if app not in PROXIED_APPS:
        return ""
    if proxy:
        return say(
            "capture",
            "This device used a proxy meanwhile ({kind}), and the packets of this call did not go by way of it: if it "
            "is the one that is set in {app}, messages that work do not show that the app's servers can be reached "
            "without it.",
            kind={"socks": "SOCKS", "http": "HTTP"}[proxy],
            app=app_name(app),
        )
    return say(
        "capture",
        "If a proxy is set in {app}, messages go by way of it and calls mostly do not: then messages that work do not "
        "show that the app's servers can be reached without it.",
        app=app_name(app),
    )


def _carried_beside(verdict: Verdict) -> str:
    """What control traffic adds to an attempt, as a sentence of its own; "" where it says nothing."""
    beside = control_words(verdict)
    if not beside or verdict.reason is None or verdict.reason.code != "one_call":
        return ""
    return say("capture", "{control}: your line carried the same traffic.", control=beside)


def unpaired_note(findings: Findings) -> str:
    """That the other end's recording shows none of the calls, where one was given."""
    if findings.pairs is None or findings.pairs or not findings.calls:
        return ""
    return say(
        "capture",
        "The recording of --peer matches none of these calls: it is of another call, or a server wrote the packets "
        "anew.",
    )


def pair_lines(findings: Findings, places: Sequence[int]) -> list[str]:
    """What the other end's recording adds to the calls at these places."""
    return [
        _pair_line(name, direction)
        for pair in findings.pairs or ()
        if pair.call - 1 in places
        for name, direction in (
            (say("capture", "from here to the other end"), pair.up),
            (say("capture", "from the other end to here"), pair.down),
        )
    ]


def _pair_line(name: str, direction: PairedDirection | None) -> str:
    if direction is None:
        return say("capture", "{way}: the two recordings share no packet; a server may write them anew", way=name)
    if not direction.sent:
        return say("capture", "{way}: nothing was sent", way=name)
    values = {
        "way": name,
        "lost": direction.lost,
        "sent": direction.sent,
        "share": percent(direction.loss_pct / 100, 1),
        "run": direction.longest_run,
    }
    if direction.first_lost_s is None:
        return say("capture", "{way}: vanished packets: {lost} of {sent} ({share}), at most {run} in a row", **values)
    return say(
        "capture",
        "{way}: vanished packets: {lost} of {sent} ({share}), the first at {seconds}, at most {run} in a row",
        seconds=seconds(direction.first_lost_s),
        **values,
    )
