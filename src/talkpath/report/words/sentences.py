"""A verdict in words: a label, one sentence, three lines (what was observed, how certain it is, its limits).

The words are "signs of" and "consistent with"; no agency is named, nothing goes beyond the verdict's basis, and no
sentence serves two states.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.apps import apps
from talkpath.apps.contract.shape import is_recorded_app
from talkpath.report.words import other_bases
from talkpath.report.words.amounts import seconds
from talkpath.report.words.certainty import certainty_line, limits_line
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import listed, say, spoken
from talkpath.report.words.observed import observed_line
from talkpath.report.words.reasons import next_step, reason_clause
from talkpath.verdict.model import State, Verdict

DEFAULT_CONTEXT = CheckContext()
SHOWN_CODE = len("like:") + 12
STATE_MARKS = {"ok": "✓", "restricted": "✗", "closed": "▣", "impaired": "~", "unreachable": "∅", "insufficient": "?"}


def state_labels() -> dict[State, str]:
    """State -> what people read instead of its code."""
    return {
        "ok": say("label", "No sign of restriction"),
        "restricted": say("label", "Signs of restriction"),
        "closed": say("label", "Closed to all calls"),
        "impaired": say("label", "Line too poor for calls"),
        "unreachable": say("label", "No answer from the test server"),
        "insufficient": say("label", "Could not tell"),
    }


def trouble_sentence(verdict: Verdict) -> str:
    """The kind of trouble that a verdict points to, in one sentence; "" where none does."""
    return {
        None: "",
        "addresses": say(
            "trouble", "This points to addresses: whatever is sent there fares so, whatever it looks like."
        ),
        "packets": say("trouble", "This points to the look of the packets: others to the same place fare better."),
        "unlisted": say("trouble", "This points to a list: what is not on it does not answer."),
        "line": say("trouble", "This points to the line, whatever is sent over it."),
        "own_device": say("trouble", "This points to this device itself, and to no network.")
        if verdict.reason is not None and verdict.reason.code in ("late", "hidden")  # of its network nothing is known
        else say("trouble", "This points to this device: its own network, a proxy or VPN, or a tool on it."),
        "app": say("trouble", "This points to the app or to the other person's end, and not to this line."),
    }[verdict.trouble]


def with_trouble(lines: Sequence[str], verdict: Verdict) -> list[str]:
    """The lines about a verdict, and the kind of trouble that it points to as the last one, where it does."""
    return [*lines, *([trouble_sentence(verdict)] if verdict.trouble else ())]


def offline_sentence(verdicts: Sequence[Verdict]) -> str:
    """What is said once, in place of all verdicts, where this device is offline; else ""."""
    codes = {verdict.reason.code if verdict.reason else "" for verdict in verdicts}
    if codes not in ({"offline"}, {"portal"}):
        return ""
    given = verdicts[0].reason
    return f"{say('offline', 'Nothing was measured: {reason}.', reason=reason_clause(given))} {next_step(given)}"


def verdict_label(verdict: Verdict) -> str:
    """The label of the verdict's state."""
    return state_labels()[verdict.state]


def never_means() -> dict[State, str]:
    """State -> what it never means."""
    return {
        "ok": say("never means", "that the app's own servers answer"),
        "restricted": say("never means", "who does it, or why"),
        "closed": say("never means", "a rule about one app: a company firewall looks the same"),
        "impaired": say("never means", "a restriction: everything suffers alike"),
        "unreachable": say("never means", "a restriction: the server may be switched off"),
        "insufficient": say("never means", "that all is well"),
    }


def medium_word(code: str) -> str:
    """A medium's code as a heading."""
    return {"text": say("medium", "messages"), "voice": say("medium", "voice"), "video": say("medium", "video")}[code]


def app_name(verdict: Verdict) -> str:
    """The name of the verdict's app as people write it, or the name of the shape that its calls look like."""
    return other_bases.shape_file(verdict) if is_recorded_app(verdict.app) else app_name_of(verdict.app)


def app_name_of(code: str) -> str:
    """An app's id as people write its name; of a recorded shape that nobody named the beginning of its digest."""
    app = apps().get(code)
    return app.name if app else code[:SHOWN_CODE] if is_recorded_app(code) else code


def other_apps_ok(verdicts: Sequence[Verdict]) -> str:
    """Where all verdicts are ok: the names of the apps beside the first, whose sentences are shown; else ""."""
    if any(verdict.state != "ok" for verdict in verdicts):
        return ""
    names = list(dict.fromkeys(map(app_name, verdicts)))[1:]
    return say("ok", "No sign of restriction either: {names}.", names=listed(names)) if names else ""


def verdict_sentence(verdict: Verdict, check: CheckContext = DEFAULT_CONTEXT) -> str:
    """The verdict in one sentence. `check` is the check that gave it."""
    if verdict.medium == "text":
        return other_bases.message_sentence(verdict, app_name(verdict))
    if _of_browser(verdict):
        return other_bases.browser_sentence(verdict, check)
    code = _sentence_code(verdict, check)
    if is_recorded_app(verdict.app) and (said := other_bases.recorded_sentence(verdict, code)) is not None:
        return said
    told = _call_sentences(verdict) if verdict.state in ("ok", "insufficient") else _failure_sentences(verdict)
    voice, video = told[code]
    return video if verdict.medium == "video" else voice


def _sentence_code(verdict: Verdict, check: CheckContext) -> str:
    """Which of a state's sentences fits: a word of `_call_sentences` or `_failure_sentences`."""
    match verdict.state:
        case "restricted" if not check.known_server:
            return "restricted by path or server"
        case "closed" if verdict.rule == "port.block":
            return "some ports"
        case "closed" if not check.all_closed:
            return "closed beside others"
        case "insufficient" if verdict.reason is not None and verdict.reason.code == "watched_briefly":
            return "ended early" if verdict.reason.values.get("ended") else "watched briefly"
        case state:
            return state


def _call_sentences(verdict: Verdict) -> dict[str, tuple[str, str]]:
    """Code -> what is said of voice and of video calls that are ok, or of which nothing can be said."""
    name, why, watched = app_name(verdict), reason_clause(verdict.reason), seconds(verdict.watched_s, 0)
    briefly = seconds(float(verdict.reason.values.get("seconds", 0.0) if verdict.reason else 0.0))
    return {
        "ok": (
            say(
                "ok",
                "Voice calls that look like {name}'s reached our test server as well as the control traffic "
                "beside them, for the {seconds} that they were watched.",
                name=name,
                seconds=watched,
            ),
            say(
                "ok",
                "Video calls that look like {name}'s reached our test server as well as the control traffic "
                "beside them, for the {seconds} that they were watched.",
                name=name,
                seconds=watched,
            ),
        ),
        "watched briefly": (
            say(
                "insufficient",
                "No sign of restriction in the first {seconds} of voice calls that look like {name}'s; they were not "
                "watched for longer.",
                name=name,
                seconds=briefly,
            ),
            say(
                "insufficient",
                "No sign of restriction in the first {seconds} of video calls that look like {name}'s; they were not "
                "watched for longer.",
                name=name,
                seconds=briefly,
            ),
        ),
        "ended early": _ended_early(name, briefly),
        "insufficient": (
            say("insufficient", "Nothing can be said about {name}'s voice calls: {reason}.", name=name, reason=why),
            say("insufficient", "Nothing can be said about {name}'s video calls: {reason}.", name=name, reason=why),
        ),
    }


def _ended_early(name: str, watched: str) -> tuple[str, str]:
    return (
        say(
            "insufficient",
            "No sign of restriction in the first {seconds} of voice calls that look like {name}'s; then a call went "
            "silent, and nothing shows that control traffic did better.",
            name=name,
            seconds=watched,
        ),
        say(
            "insufficient",
            "No sign of restriction in the first {seconds} of video calls that look like {name}'s; then a call went "
            "silent, and nothing shows that control traffic did better.",
            name=name,
            seconds=watched,
        ),
    )


def _failure_sentences(verdict: Verdict) -> dict[str, tuple[str, str]]:
    """Code -> what is said of voice and of video calls that did not fare well."""
    return {
        **_restricted_sentences(app_name(verdict)),
        **_closed_sentences(app_name(verdict)),
        "impaired": (
            say("impaired", "The line is too poor for voice calls just now; it treats everything alike."),
            say("impaired", "The line is too poor for video calls just now; it treats everything alike."),
        ),
        "unreachable": (say("unreachable", "Our test server did not answer, so nothing can be said about calls."),) * 2,
    }


def _restricted_sentences(name: str) -> dict[str, tuple[str, str]]:
    return {
        "restricted": (
            say(
                "restricted",
                "Something between this device and our test server is holding back voice calls that look like "
                "{name}'s.",
                name=name,
            ),
            say(
                "restricted",
                "Something between this device and our test server is holding back video calls that look like "
                "{name}'s.",
                name=name,
            ),
        ),
        "restricted by path or server": (
            say(
                "restricted",
                "Something between this device and the test server, or the test server itself, is holding back voice "
                "calls that look like {name}'s.",
                name=name,
            ),
            say(
                "restricted",
                "Something between this device and the test server, or the test server itself, is holding back video "
                "calls that look like {name}'s.",
                name=name,
            ),
        ),
    }


def _closed_sentences(name: str) -> dict[str, tuple[str, str]]:
    return {
        "closed beside others": (
            say(
                "closed",
                "Voice calls that look like {name}'s do not get through from here to our test server, and neither does "
                "control traffic beside them.",
                name=name,
            ),
            say(
                "closed",
                "Video calls that look like {name}'s do not get through from here to our test server, and neither does "
                "control traffic beside them.",
                name=name,
            ),
        ),
        "some ports": (
            say(
                "closed",
                "Calls to some UDP ports of our test server do not get through from here, whichever app they look "
                "like; to others they do.",
            ),
        )
        * 2,
        "closed": (
            say(
                "closed",
                "Calls as apps usually send them do not get through from here to our test server, whichever app they "
                "look like.",
            ),
        )
        * 2,
    }


def verdict_lines(verdict: Verdict, check: CheckContext = DEFAULT_CONTEXT) -> list[str]:
    """Three lines: what was observed, how certain it is, and its limits or what to do next."""
    if verdict.medium == "text":
        return other_bases.message_lines(verdict)
    if _of_browser(verdict):
        last = other_bases.browser_limits(verdict)
    elif is_recorded_app(verdict.app) and (limits := other_bases.recorded_limits(verdict)) is not None:
        last = limits
    else:
        last = limits_line(verdict, app_name(verdict), check)
    return [observed_line(verdict), certainty_line(verdict), last]


def _of_browser(verdict: Verdict) -> bool:
    """Is it about a browser's own calls, in a state whose usual sentences name an app?"""
    return verdict.basis == "webrtc" and verdict.state in other_bases.APP_NAMING_STATES


def translation_note() -> str:
    """A note that nobody reviewed the translation; "" where a speaker of the language did."""
    if spoken().reviewed:
        return ""
    return say(
        "language", "These words were translated by a machine; no speaker of the language has reviewed them yet."
    )
