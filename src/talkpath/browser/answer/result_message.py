"""Makes the message with the result: the verdicts in the reader's language, and the signed bundle.

The condition under which a result holds, where its reader did not say that no VPN was on.

Contract: the page is told what was measured, and under which condition. The evidence is judged without that: there
nothing is said of such a check, and so no observatory counts it for the reader's network.

What a reader whose calls are held back can try: settings of apps, by the paths that carried a call.

Contract: an app is named only where it has a setting that sends its calls that way, and a source says so:
call_settings.json has each setting in the app's own English words, its source, and the day on which that was read.
Telegram's "Use proxy for calls" is left out: its own developers' tracker says that it has no effect
(telegramdesktop/tdesktop issue 29703, read on 2026-11-27).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.browser.answer.calls_meaning import calls_effect, calls_meaning, next_step, what_it_is_not
from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import has_known_server
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check
from talkpath.report.words import sentences
from talkpath.report.words.amounts import numeral
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import in_every_language, say, spoken
from talkpath.report.words.sentences import app_name_of
from talkpath.verdict.model import HELD_BACK_STATES, Verdict
from talkpath.verdict.validity import why_voided
from talkpath.wire.control.keys import Signer


class CallSetting(Struct, frozen=True, forbid_unknown_fields=True):
    """A setting of an app that sends its calls through the app's own relays. `sends`: by which transport."""

    app: str
    setting: str
    sends: Literal["udp", "tcp", "tls"]
    source: str
    read: str


_settings = msgspec.json.Decoder(tuple[CallSetting, ...])


class Suggestion(Struct, frozen=True):
    """One thing to try, with the ways to do it; `source` is a link, "" for none."""

    text: str
    source: str = ""
    ways: tuple[Suggestion, ...] = ()


@cache
def call_settings() -> tuple[CallSetting, ...]:
    """All settings that are known."""
    return _settings.decode(files("talkpath.browser.answer").joinpath("call_settings.json").read_bytes())


def suggestions(verdicts: Sequence[Verdict], paths: Sequence[Row], check: CheckContext) -> list[Suggestion]:
    """What can be tried, the likeliest first; `paths` are the rows that the page shows, the direct one first."""
    if all(verdict.state == "ok" for verdict in verdicts):
        return [
            Suggestion(
                say(
                    "try",
                    "If an app's calls fail here all the same: try a call between two phones, or run the program "
                    "talkpath on a computer, which can ask the apps' own servers.",
                )
            )
        ]
    steps = dict.fromkeys(step for verdict in verdicts if (step := next_step(verdict, check)))
    found = [*map(Suggestion, steps)]
    held_back = [verdict for verdict in verdicts if verdict.state in HELD_BACK_STATES]
    if held_back:
        found += _of_relays(held_back, [row for row in paths[1:] if "missing" not in row])
        found.append(Suggestion(say("try", "Check again on another network, such as mobile data instead of Wi-Fi.")))
    return found


def _of_relays(held_back: Sequence[Verdict], relayed: Sequence[Row]) -> list[Suggestion]:
    """The apps whose calls can go a way that carried one. Each was tried for 3 s, which is too short where calls break
    off later. Ways alone are no action: they stand in the details."""
    if any(calls_effect(verdict) == "breaks_off" for verdict in held_back):
        return []
    kinds = {str(row["name"]).partition("/")[0] for row in relayed if row["carries"] and not row["uncertain"]}
    fitting = [setting for setting in call_settings() if setting.sends in kinds]
    lead = say("try", "These apps can send calls through relays of their own, which may help:")
    return [Suggestion(lead, ways=tuple(map(_of_setting, fitting)))] if fitting else []


def _of_setting(setting: CallSetting) -> Suggestion:
    return Suggestion(
        say("try", "{app}: {setting}", app=app_name_of(setting.app), setting=spoken().isolate(setting.setting)),
        setting.source,
    )


def assuming_no_vpn(facts: Facts) -> Facts:
    """The facts as if the reader had said that no VPN was on."""
    return facts if facts.health.vpn is False else replace(facts, health=replace(facts.health, vpn=False))


def vpn_words(facts: Facts) -> tuple[str, str]:
    """The condition in a sentence, and what comes before all else that can be tried; "" where no VPN was on."""
    if facts.health.vpn is False:
        return "", ""
    if facts.health.vpn:
        return (
            say(
                "browser",
                "A VPN or a proxy was on: this is its network, not that of this device. No observatory counts it.",
            ),
            say("try", "Switch the VPN or the proxy off, and check again: then it is about your network."),
        )
    return (
        say(
            "browser",
            "If a VPN or a proxy was on, this is its network, not that of this device. No observatory counts it.",
        ),
        say("try", "If a VPN or a proxy is on, switch it off, and check again."),
    )


Row = dict[str, Any]
Sign = Callable[[Facts, bytes], Facts]
"""(facts, the public key of the run) -> the facts with a receipt."""


def result_message(
    facts: Facts,
    code: str,
    sign: Sign | None = None,
    *,
    different_routes: bool = False,
    not_offered: Sequence[Row] = (),
    operator: Row | None = None,
) -> dict[str, Any]:
    """Return the message "result": verdicts in the words of every language, the same as JSON, and the signed bundle
    (base64). The words in the reader's language, `code`, stand at the top as well.

    `sign` adds the server's receipt. `different_routes`: calls and twins came from different addresses. `not_offered`
    are rows of paths that could not be tried; `operator` is as `network_operator` gives it.
    """
    signer = Signer.fresh()
    facts = sign(facts, signer.public) if sign else facts
    _, document = judge_check(facts)
    verdicts, assumed = judge_check(assuming_no_vpn(facts))
    counts = why_voided(assuming_no_vpn(facts)) is None
    tried = [
        {"name": row["transport"], "carries": row["carries"], "uncertain": row["uncertain"]}
        for row in assumed["transports"]
    ]
    paths = [*tried, *not_offered] if counts else []
    hints = ["different_routes"] if different_routes else [epoch.missing for epoch in facts.epochs if counts]
    told = in_every_language(lambda: _result_in_words(facts, verdicts, paths, operator, hints))
    return {
        "type": "result",
        **told[code if code in told else "en"],
        "told": told,
        "operator": operator,
        "paths": paths,
        "real": all(epoch.missing != "untried" for epoch in facts.epochs),
        "json": document,
        "bundle": base64.b64encode(write_check(facts, document, signer)).decode(),
    }


def _result_in_words(
    facts: Facts,
    verdicts: Sequence[Verdict],
    paths: Sequence[Row],
    operator: Row | None,
    missing: Sequence[str],
) -> Row:
    """What a reader is told; `missing` says for which reasons nothing was compared."""
    check = CheckContext.of(verdicts, known_server=has_known_server(facts))
    condition, without_vpn = vpn_words(facts)
    return {
        "verdicts": [_verdict_row(verdict, check) for verdict in verdicts],
        "condition": condition,
        "hosting": _hosting_words(operator),
        "suggestions": msgspec.to_builtins(
            [*([Suggestion(without_vpn)] if without_vpn else []), *suggestions(verdicts, paths, check)]
        ),
        "figures": [*_media_figures(verdicts), *_check_costs(facts)],
        "hint": _nothing_compared_hint(missing),
    }


def _verdict_row(verdict: Verdict, check: CheckContext) -> dict[str, Any]:
    return {
        "state": verdict.state,
        "mark": sentences.STATE_MARKS[verdict.state],
        "label": sentences.verdict_label(verdict),
        "medium": sentences.medium_word(verdict.medium),
        "sentence": sentences.verdict_sentence(verdict, check),
        "means": calls_meaning(verdict),
        "is_not": what_it_is_not(verdict, check),
        "lines": [
            line.removesuffix(next_step(verdict, check)).strip()  # which stands apart, under what can be tried
            for line in sentences.with_trouble(sentences.verdict_lines(verdict, check), verdict)
        ],
    }


def _hosting_words(operator: Row | None) -> str:
    """What is said of an address in a network that rents out servers; "" for any other."""
    if operator is None or not operator["hosting"]:
        return ""
    return say(
        "browser",
        "This address belongs to a network that rents out servers: a VPN or a proxy may be on without your knowing it.",
    )


def _nothing_compared_hint(missing: Sequence[str]) -> str:
    """The sentence for a check in which nothing could be compared, for the first of these reasons; "" otherwise."""
    hints = {
        "different_routes": say(
            "browser",
            "Calls came to the test server from another address than the control traffic: a proxy, a VPN or iCloud "
            "Private Relay may carry one and not the other. So nothing was compared. Switch it off, then check again.",
        ),
        "no_control": say(
            "browser",
            "Not one call could be set up, while this page's own connection works. That is consistent with calls' "
            "set-up (STUN or DTLS) or all UDP being blocked; without WebTransport they cannot be told apart.",
        ),
        "untried": say(
            "browser",
            "This browser did not even send the calls: a setting, an add-on or a proxy keeps them off the network. "
            "That says nothing about the network. Try another browser.",
        ),
        "unphased": say(
            "browser",
            "This browser cannot time its calls as finely as a comparison needs (RTCRtpScriptTransform is missing). "
            "Try another browser.",
        ),
    }
    return next((hints[reason] for reason in missing if reason in hints), "")


def _media_figures(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """The numbers of all verdicts, each with its medium where there are several."""
    if len(verdicts) == 1:
        return _verdict_figures(verdicts[0])
    return [
        (say("browser", "{medium}: {name}", medium=sentences.medium_word(verdict.medium), name=name), value)
        for verdict in verdicts
        for name, value in _verdict_figures(verdict)
    ]


def _verdict_figures(verdict: Verdict) -> list[tuple[str, str]]:
    """(name, value) of each number shown for a verdict."""
    names = {
        "calls_lost_up": say("browser", "Of 100 call packets lost on the way out"),
        "twins_lost_up": say("browser", "Of 100 packets of control traffic lost on the way out"),
        "calls_lost_down": say("browser", "Of 100 call packets lost on the way back"),
        "twins_lost_down": say("browser", "Of 100 packets of control traffic lost on the way back"),
    }
    shares = [(name, verdict.figures.get(key)) for key, name in names.items()]
    rows = [(name, numeral(100 * share, 1)) for name, share in shares if share is not None]
    mos = verdict.figures.get("mos")
    if mos and calls_effect(verdict) != "never_starts":  # what never began has no quality
        rows.append((say("browser", "Quality, 1 to 4.5"), numeral(mos, 1)))
    return rows


def _check_costs(facts: Facts) -> list[tuple[str, str]]:
    """(name, value) of what the check took."""
    megabytes = (facts.bytes_sent + facts.bytes_received) / 1e6
    return [
        (say("browser", "Calls and control flows opened"), numeral(sum(len(epoch.flows) for epoch in facts.epochs))),
        (say("browser", "Data in MB, both ways"), numeral(megabytes, 1)),
        (say("browser", "Seconds"), numeral(facts.duration_s)),
    ]
