"""What an app's own servers answered, as one HTML page that loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkpath.report import endpoint_report
from talkpath.report.pictures.check_page import page
from talkpath.report.pictures.markup import Element, element, marked
from talkpath.report.words import sentences
from talkpath.report.words.language import say
from talkpath.verdict.model import Verdict


def endpoint_page(verdicts: Sequence[Verdict], notes: Sequence[str] = (), *, simulated: bool) -> str:
    """The whole page: a heading, a sentence and its limits for each verdict, then `notes`."""
    body = [part for verdict in verdicts for part in _paragraphs(verdict)]
    body += [element("p", note, class_="soft") for note in notes]
    whose = say("endpoints", "All of this is the word of the device that asked; no server signs for it.")
    body.append(element("p", whose, class_="soft"))
    return page(say("endpoints", "What the apps' own servers answer from here"), body, simulated=simulated)


def _paragraphs(verdict: Verdict) -> Iterator[Element]:
    yield element("h2", f"{sentences.MARKS[verdict.state]} {sentences.label(verdict)}: {sentences.app_name(verdict)}")
    yield element("p", *marked(endpoint_report.sentence(verdict)))
    yield element("ul", *(element("li", *marked(line)) for line in endpoint_report.lines(verdict)))
