"""Why a verdict is `insufficient`, and what to do about it."""

from __future__ import annotations

from talkpath.report.words.amounts import seconds
from talkpath.report.words.language import say
from talkpath.verdict.model import Reason


def reason_clause(given: Reason | None) -> str:
    """The reason as a clause."""
    unsaid = say("reason", "nobody said whether a VPN is on, and with one another network is measured")
    clauses = {
        "budget": say("reason", "the check was stopped before it was settled")
        if _was_stopped(given)
        else say("reason", "the time and the data that the check could spend on it did not settle it"),
        "twin_worse": say(
            "reason", "the control traffic fared worse than the calls, which no restriction of calls explains"
        ),
        "canary": say(
            "reason", "the check did not find the small loss that it plants itself, so it might have missed a real one"
        ),
        "late": _late_clause(given),
        "clock": say("reason", "the clock of one end jumped during the check"),
        "network_changed": say("reason", "the network changed during the check"),
        "hidden": say("reason", "the page was not in front all the time, so the browser let it sleep"),
        "vpn": unsaid
        if given and given.values.get("unanswered")
        else say("reason", "a VPN or tunnel seems to be on, and this network was not measured"),
        "added": say(
            "reason",
            "datagrams came on this check's connections that neither end sent: a tool on this device or its router, or "
            "something on the way, adds packets",
        ),
        "responder_lost": say("reason", "the test server ended the check, or it or the way to it was lost"),
        "handshake": say("reason", "no TLS handshake with the test server could be completed, so no call was placed"),
        "watched_briefly": _watched_briefly(given),
        **_of_lasting_calls(given),
        **_of_recorded_calls(),
        "stale": say(
            "reason",
            "other calls, which were tested after these, were held back or cut off, and there was no time to test "
            "these again",
        ),
        "variant": say(
            "reason",
            "one of its kinds of call ({variant}) did not do as well as the others, and that was not settled",
            variant=given.values.get("variant", "") if given else "",
        ),
        "whole_flows": say(
            "reason",
            "whole connections of calls and of control traffic failed while others to the same server were well, and "
            "what does that is not proven",
        ),
        **_of_silent_servers(given),
        **_of_own_addresses(),
    }
    return clauses[given.code] if given else say("reason", "not enough was measured")


def _of_silent_servers(given: Reason | None) -> dict[str, str]:
    """Why nothing was measured, or what else is known, where the test server does not answer."""
    return {
        "offline": say("reason", "this device is offline: no other host answered either")
        if given and given.values.get("asked")
        else say("reason", "this device is offline: it has no way to any other network"),
        "server_off": say(
            "reason",
            "connections to the test server are refused: most likely none runs there now, or something on the way "
            "refuses them",
        ),
        "server_alone": say(
            "reason",
            "other hosts answered in the same minute, so this device is online, and the test server is off, or "
            "something on the way holds back what is sent to it",
        ),
        "portal": say(
            "reason", "something answers here in place of other hosts, as a network does that one has to log in to"
        ),
    }


def _of_own_addresses() -> dict[str, str]:
    """Why nothing is said of an app's own addresses."""
    return {
        "few_answers": say("reason", "the routers on the way answered too little"),
        "path_changed": say("reason", "the way to the servers changed in the middle"),
        "silent_server": say(
            "reason", "the servers do not answer, yet packets to them get as far as routers on the way answer"
        ),
        "outage": say("reason", "they did not answer, and an outage of the app would look the same"),
        "other_destination": say(
            "reason",
            "only other destinations fared better, and a server or a way that is overloaded would look the same",
        ),
        "routes": say(
            "reason", "only other destinations fared better, and a bad way to the app's servers would look the same"
        ),
        "refused": say("reason", "a server answers one kind of client and not another, and may mean to"),
        "certificate": say(
            "reason",
            "something answers with a certificate that this device does not accept: it may be a filter or a portal on "
            "the way, a clock that is wrong, or an authority of the app's own",
        ),
        "long_hellos": say(
            "reason",
            "long first messages of TLS do not get through, whoever writes them, and short ones do: the path takes no "
            "packets of full size, or the server or a box on the way takes no message in two packets",
        ),
    }


def _of_lasting_calls(given: Reason | None) -> dict[str, str]:
    """About the calls that live through a check, and a line that its many calls fill."""
    return {
        "call_ended": say(
            "reason",
            "a call went silent after {seconds}, and whether that was an accident was not settled",
            seconds=_watched_words(given),
        ),
        "call_worse": say(
            "reason",
            "a call fared worse than control traffic in its first {seconds}, and whether that was an accident was not "
            "settled",
            seconds=_watched_words(given),
        ),
        "few_calls": say(
            "reason",
            "no sign of restriction showed in the calls that lasted, but they were too few ({calls}) to show that "
            "hardly any call is cut off",
            calls=given.values.get("calls", 0) if given else 0,
        ),
        "own_load": say(
            "reason",
            "the check's many calls at once were too much for this line or its router, while one call alone was well",
        ),
    }


def _of_recorded_calls() -> dict[str, str]:
    """Why nothing is said of a recorded call, or no more; some rest on control traffic beside it."""
    return {
        "short_capture": say("reason", "the recording is too short"),
        "no_control": say("reason", "there was nothing to compare with"),
        "single_request": say("reason", "it was not tried often enough to tell"),
        "one_call": say(
            "reason", "one call does not tell a rule from trouble at the app's own servers or at the other person's end"
        ),
        "pauses": say("reason", "pauses of speech and losses look the same in this app's packets"),
        "line": say("reason", "control traffic to another server suffered at the same moments: it is the line"),
        "control_poor": say("reason", "control traffic at the same moments was not well either, though better"),
        "unlike": say("reason", "this line treats single connections unlike, and a call has one"),
        "few_connections": say("reason", "too few connections beside the call to rule out that it had a bad one"),
        "rebinding": say(
            "reason", "this line moved connections to other ports or addresses, which a call may not survive"
        ),
        "congested": say(
            "reason", "the losses came with delay, as at a crowded server or path of the app, and not on this line"
        ),
    }


def next_step(given: Reason | None) -> str:
    """What to do next, as a sentence."""
    if _was_stopped(given):
        return say("next", "Check again, and let it run to its end.")
    busy = say("next", "Close what else runs on this device, then check again.")
    better_line = say("next", "Call again when the line is better.")
    other_server = say("next", "Check again in a few minutes, or try another test server.")
    sentences = {
        "budget": say("next", "Check again with `--deep`, or look at fewer apps with `--app`."),
        "watched_briefly": say("next", "Check again, or try another test server.")
        if _has_call_ended(given)
        else say("next", "Check again without `--light`, so that calls are watched for longer."),
        "call_ended": say("next", "Check again with `--app` and this app alone, so that the time suffices for proof."),
        "call_worse": say("next", "Check again with `--app` and this app alone, so that the time suffices for proof."),
        "few_calls": say("next", "Check again, or try another test server."),
        "own_load": say("next", "Check again when nothing else uses this line.")
        if given and given.values.get("apps") == 1
        else say("next", "Check again with `--app` and one app alone, while nothing else uses this line."),
        "late": other_server if _late_end(given) == "responder" else busy,
        "clock": busy,
        "network_changed": say("next", "Check again, and stay on one network meanwhile."),
        "added": say(
            "next", "Switch off what changes or adds packets on this device and its router, then check again."
        ),
        "hidden": say("next", "Check again, keep the page in front, and keep the screen on."),
        "vpn": say("next", "Switch the VPN off, then check again."),
        "responder_lost": say("next", "Check again, or try another test server."),
        "handshake": say("next", "Try this link from another network, and another test server from this one."),
        "whole_flows": say("next", "Check again, or try another test server."),
        "offline": say("next", "Connect this device to a network, then check again."),
        "portal": say("next", "Open a web page in a browser, log in to this network, then check again."),
        "few_answers": say("next", "Try again from another network, or later; some routers never answer."),
        "long_hellos": say("next", "Try from another network, or with a smaller packet size (MTU) on this device."),
        "path_changed": say("next", "Try again in a few minutes."),
        "one_call": say(
            "next",
            "Listen to two more calls of this app on this network, best with other people, and to one on another "
            "network (`talkpath listen`).",
        ),
        "pauses": say("next", "Call again, with somebody who talks all the time."),
        **dict.fromkeys(("line", "control_poor"), better_line),
        "congested": say("next", "Call again at another hour."),
        "unlike": say("next", "Call again, perhaps several times: each call has another connection."),
        "few_connections": say(
            "next", "Stay in a call for half a minute, or listen to three calls of this app on this network."
        ),
        "rebinding": say("next", "Call again, and stay on one network meanwhile."),
        "short_capture": say("next", "Record a longer call, from before it rings until after it ends."),
    }
    return sentences.get(given.code if given else "", say("next", "Check again at another hour."))


def _watched_briefly(given: Reason | None) -> str:
    """For how long calls were watched, and whether they then ended."""
    if _has_call_ended(given):
        return say(
            "reason",
            "no sign of restriction showed in the first {seconds}; then a call went silent, and nothing shows that "
            "control traffic did better",
            seconds=_watched_words(given),
        )
    if _was_stopped(given):
        return say(
            "reason",
            "no sign of restriction showed in the first {seconds}, and then the check was stopped",
            seconds=_watched_words(given),
        )
    return say(
        "reason",
        "no sign of restriction showed in the first {seconds}, and calls were not watched for longer",
        seconds=_watched_words(given),
    )


def _has_call_ended(given: Reason | None) -> bool:
    """Whether a call that was to be watched for longer had ended."""
    return bool(given and given.values.get("ended"))


def _was_stopped(given: Reason | None) -> bool:
    """Whether a person ended the check before its end."""
    return given is not None and (given.values.get("stopped") is True or given.values.get("ended") == "interrupted")


def _watched_words(given: Reason | None) -> str:
    """How long calls were watched, or lived, by the reason's own value."""
    return seconds(float(given.values.get("seconds", 0.0)) if given else 0.0)


def _late_clause(given: Reason | None) -> str:
    """Which end was too busy, where it is known that it was one of them alone."""
    match _late_end(given):
        case "responder":
            return say("reason", "the test server was too busy to send on time")
        case "probe":
            return say("reason", "this device was too busy to send on time")
        case _:
            return say("reason", "this device or the test server was too busy to send on time")


def _late_end(given: Reason | None) -> str:
    return str(given.values.get("at", "")) if given is not None else ""
