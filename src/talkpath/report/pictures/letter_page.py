"""A letter from a bundle, one page to print: for an operator, a regulator or a court.

Contract: it says what was measured, when, with what error rate, whose word each part is, how anybody checks it without
a network, and what it does not prove. It accuses nobody, and holds no sentence that the result itself does not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from talkpath.evidence.bundle import Bundle
from talkpath.evidence.known_responders import has_known_server
from talkpath.grouping import grouped_by_key
from talkpath.measure.facts import ALPHA
from talkpath.report.pictures.app_matrix import app_cell
from talkpath.report.pictures.check_page import cell_label, html_page, verdict_heading
from talkpath.report.pictures.markup import Element, element, with_code_marks
from talkpath.report.pictures.qr_code import qr_code
from talkpath.report.told_verdict import reading_order, told_check
from talkpath.report.words import sentences
from talkpath.report.words.amounts import began_words
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import listed, say
from talkpath.report.words.verification import verification_lines
from talkpath.verdict.model import Verdict
from talkpath.version import VERSION

Addressee = Literal["operator", "regulator", "court"]
MAX_LETTER_VERDICTS = 2
"""Results that are told in full; of the others the state is, and of those that accuse what was observed, so that the
letter stays one page."""
ACCUSING_STATES = ("restricted", "closed", "unreachable")


def letter_page(
    stored: Bundle,
    data: bytes,
    verdicts: Sequence[Verdict],
    verification: Mapping[str, Any],
    to: Addressee,
    link: str = "",
) -> str:
    """The page. `data` is the file itself, `verification` what `verify` found (its JSON object), `link` the address of
    an event or of a shared result, which becomes a QR code."""
    body = [
        *_link_parts(link),
        element("p", say("letter", "Sender, place and day: ________________________________")),
        element("p", letter_salutation(to, verdicts)),
        *_letter_part(say("letter", "What was measured"), _measured_lines(stored, verification)),
        *_result_parts(stored, verdicts),
        *_letter_part(say("letter", "How often this is wrong"), error_rate_lines(stored)),
        *_letter_part(say("letter", "Whose word it is"), verification_lines(dict(verification))),
        *_letter_part(say("letter", "How to check it without a network"), checking_lines(data)),
        *_letter_part(say("letter", "What it does not prove"), unproven_lines(verdicts)),
    ]
    title, letter = say("letter", "Calls on a network: what was measured"), element("div", *body, class_="letter")
    return html_page(title, [letter], simulated=stored.simulated)


def letter_salutation(to: Addressee, verdicts: Sequence[Verdict]) -> str:
    """To whom it is, and what is asked for: nothing, where nothing was found."""
    return {
        "nobody": say("letter", "For your information. No restriction was proven, and nothing is asked of you."),
        "operator": say(
            "letter",
            "To the operator of the network. Please look into what is described below, and tell whether anything on "
            "your network treats calls otherwise than other traffic.",
        ),
        "regulator": say(
            "letter",
            "To the regulator. Please ask the operator of the network whether anything on it treats calls otherwise "
            "than other traffic, and on what ground.",
        ),
        "court": say(
            "letter",
            "To the court. This is a measurement with its error rate. An expert of your own can check every part of it "
            "as described below, without its author.",
        ),
    }[to if any(verdict.state in ACCUSING_STATES for verdict in verdicts) else "nobody"]


def _letter_part(title: str, lines: Sequence[str]) -> Iterator[Element]:
    yield element("h2", title)
    yield element("ul", *(element("li", *with_code_marks(line)) for line in lines))


def _measured_lines(stored: Bundle, verification: Mapping[str, Any]) -> list[str]:
    receipt = verification["receipt"]
    if stored.facts is not None:
        lines = [
            say(
                "letter",
                "Calls shaped like a messenger's were placed from a device to a test server that agreed to take them, "
                "each beside control traffic of the same lengths at the same instants. Ordinary congestion affects "
                "both alike.",
            )
        ]
    else:
        lines = [say("letter", "What one device recorded, or was answered, without a test server at the other end.")]
    if stored.started_at:
        lines.append(began_words(stored.started_at))
    if receipt is not None and receipt["network"] != "AS0":
        lines.append(
            say(
                "letter",
                "Where: {network}, {country}, as the server saw it.",
                network=receipt["network"],
                country=receipt["country"],
            )
        )
    else:
        lines.append(
            say(
                "letter",
                "Where: no server vouches for the network; whoever hands this over must say it: ________________",
            )
        )
    return [
        *lines,
        say(
            "letter",
            "Below, “this device” is the one from which this was measured, and “our test server” the one that it "
            "called.",
        ),
    ]


def _result_parts(stored: Bundle, verdicts: Sequence[Verdict]) -> Iterator[Element]:
    yield element("h2", say("letter", "What was found"))
    every = told_check(
        verdicts,
        CheckContext.of(verdicts, known_server=stored.facts is not None and has_known_server(stored.facts)),
    )
    told = [each for n, each in enumerate(every) if n < MAX_LETTER_VERDICTS or each.verdict.state in ACCUSING_STATES]
    for number, each in enumerate(told):
        yield element("h3", cell_label(app_cell(each.verdict)), f" {verdict_heading(each.verdict)}")
        told_lines = [each.sentence, *each.lines[:2]] if number < MAX_LETTER_VERDICTS else each.lines[:1]
        yield element("p", *with_code_marks(" ".join(told_lines)))
    others = (verdict for verdict in reading_order(verdicts) if verdict not in [each.verdict for each in told])
    for first, *alike in grouped_by_key((verdict.state, verdict) for verdict in others).values():
        yield element("p", cell_label(app_cell(first)), " ", "; ".join(map(verdict_heading, [first, *alike])))
    if not verdicts:
        yield element("p", say("letter", "No result can be given from this file."))


def error_rate_lines(stored: Bundle) -> list[str]:
    """What is promised of a result, and where it was counted."""
    if stored.facts is None:
        return [say("letter", "No error rate is promised for this kind of file: it is at most consistent with a rule.")]
    return [
        say(
            "letter",
            "Promised before the first packet: of networks that restrict nothing, a whole check accuses fewer than "
            "1 in {number}, whenever it stops.",
            number=f"{round(1 / ALPHA):,}".replace(",", "\N{NO-BREAK SPACE}"),
        ),
        say("letter", "How often it was wrong in networks whose truth is known: docs/error-rates.md of the program."),
    ]


def checking_lines(data: bytes) -> list[str]:
    """What an expert does, with the file's digest."""
    return [
        say(
            "letter",
            "SHA-256 of the file that belongs to this letter: `{digest}`",
            digest=hashlib.sha256(data).hexdigest(),
        ),
        say(
            "letter",
            "`talkpath verify FILE` tells whether a bit was changed and who signed; `talkpath judge FILE` computes the "
            "result again from the facts alone. Both need no connection; the program is free ({program}).",
            program=f"talkpath {VERSION}",
        ),
    ]


def unproven_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """What no reader may take from it."""
    never = sentences.never_means()
    meanings = [
        f"{sentences.state_labels()[state]}: {never[state]}" for state in dict.fromkeys(each.state for each in verdicts)
    ]
    return [
        say("letter", "Who does it, or why: packets do not carry that, and nobody is accused here."),
        say("letter", "Anything of other networks, other days, or of an app's own servers and messages."),
        *([say("letter", "What the words never mean: {list}.", list=listed(meanings))] if meanings else []),
    ]


def _link_parts(link: str) -> Iterator[Element]:
    if not link:
        return
    code = qr_code(link, say("letter", "QR code of the address"))
    if code is not None:
        yield code
    yield element("p", say("letter", "Published at:"), " ", element("code", link))
