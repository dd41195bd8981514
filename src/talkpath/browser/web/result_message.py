"""Makes the message with the result: the verdicts in the reader's language, and the signed bundle."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from talkpath.evidence.bundle import write_check
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check
from talkpath.report.known_server import has_known_server
from talkpath.report.words import sentences
from talkpath.report.words.amounts import numeral
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import codes, language, say, speaking, spoken
from talkpath.verdict.model import Verdict
from talkpath.wire.control.sign import Signer

Sign = Callable[[Facts, bytes], Facts]
"""(facts, the public key of the run) -> the facts with a receipt."""


def result_message(
    facts: Facts, code: str, sign: Sign | None = None, *, different_routes: bool = False
) -> dict[str, Any]:
    """Return the message "result": verdicts in words, the same as JSON, and the signed bundle (base64).

    `sign` adds the server's receipt. `different_routes`: calls and twins came from different addresses.
    """
    signer = Signer.fresh()
    facts = sign(facts, signer.public) if sign else facts
    with speaking(language(code if code in codes() else "en")):
        verdicts, document = judge_check(facts)
        check = CheckContext.of(verdicts, known_server=has_known_server(facts))
        hint = _different_routes() if different_routes else _hint(facts)
        return {
            "type": "result",
            "lang": spoken().code,
            "dir": spoken().direction,
            "verdicts": [_verdict(verdict, check) for verdict in verdicts],
            "paths": [_path(row) for row in document["transports"]],
            "figures": [figure for verdict in verdicts for figure in _figures(verdict)] + _costs(facts),
            "hint": hint,
            "real": all(epoch.missing != "untried" for epoch in facts.epochs),
            "note": sentences.translation_note(),
            "json": document,
            "bundle": base64.b64encode(write_check(facts, document, signer)).decode(),
        }


def _verdict(verdict: Verdict, check: CheckContext) -> dict[str, Any]:
    return {
        "state": verdict.state,
        "mark": sentences.MARKS[verdict.state],
        "label": sentences.label(verdict),
        "medium": sentences.medium(verdict.medium),
        "sentence": sentences.sentence(verdict, check),
        "lines": sentences.lines(verdict, check),
    }


def _path(row: dict[str, Any]) -> dict[str, Any]:
    return {"name": row["transport"], "carries": row["carries"], "uncertain": row["uncertain"]}


def _hint(facts: Facts) -> str:
    """The sentence for a check in which nothing could be compared; "" otherwise."""
    hints = {
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
    return next((hints[epoch.missing] for epoch in facts.epochs if epoch.missing in hints), "")


def _different_routes() -> str:
    return say(
        "browser",
        "Calls came to the test server from another address than the control traffic: a proxy, a VPN or iCloud Private "
        "Relay may carry one and not the other. So nothing was compared. Switch it off, then check again.",
    )


def _figures(verdict: Verdict) -> list[tuple[str, str]]:
    """(name, value) of each number shown for a verdict."""
    names = {
        "calls_lost_up": say("browser", "Of 100 call packets lost on the way out"),
        "twins_lost_up": say("browser", "Of 100 packets of control traffic lost on the way out"),
        "calls_lost_down": say("browser", "Of 100 call packets lost on the way back"),
        "twins_lost_down": say("browser", "Of 100 packets of control traffic lost on the way back"),
    }
    shares = [(name, verdict.figures.get(key)) for key, name in names.items()]
    percentages = [(name, numeral(100 * share, 1)) for name, share in shares if share is not None]
    mos = verdict.figures.get("mos")
    quality = [(say("browser", "Voice quality, 1 to 4.5"), numeral(mos, 1))] if mos else []
    flows = (say("browser", "Calls and control flows opened"), numeral(verdict.flow_count))
    return [*percentages, *quality, flows]


def _costs(facts: Facts) -> list[tuple[str, str]]:
    """(name, value) of what the check took."""
    megabytes = (facts.bytes_sent + facts.bytes_received) / 1e6
    return [
        (say("browser", "Data in MB, both ways"), numeral(megabytes, 1)),
        (say("browser", "Seconds"), numeral(facts.duration_s)),
    ]
