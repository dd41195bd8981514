"""What an app's own servers answered, as one HTML page that loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkpath.report import endpoint_report
from talkpath.report.pictures.check_page import html_page, told_elements
from talkpath.report.pictures.markup import Element, element
from talkpath.report.words import sentences
from talkpath.report.words.language import say
from talkpath.verdict.model import Verdict


def endpoint_page(verdicts: Sequence[Verdict], notes: Sequence[str] = (), *, simulated: bool) -> str:
    """The whole page: a heading, a sentence and its limits for each verdict, then `notes`."""
    body = [part for verdict in verdicts for part in _verdict_paragraphs(verdict)]
    body += [element("p", note, class_="soft") for note in notes]
    whose = say("endpoints", "All of this is the word of the device that asked; no server signs for it.")
    body.append(element("p", whose, class_="soft"))
    return html_page(say("endpoints", "What the apps' own servers answer from here"), body, simulated=simulated)


def _verdict_paragraphs(verdict: Verdict) -> Iterator[Element]:
    yield element(
        "h2",
        f"{sentences.STATE_MARKS[verdict.state]} {sentences.verdict_label(verdict)}: {sentences.app_name(verdict)}",
    )
    yield from told_elements(endpoint_report.told_endpoints(verdict))
