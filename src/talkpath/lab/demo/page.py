"""The demo as one HTML file, built from the parts of a real check's report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkpath.lab.demo.own_scene import PlayedOwnScene
from talkpath.lab.demo.play import DemoResult, PlayedScene
from talkpath.lab.demo.text import how_played, next_steps, outcome, truth_sentence
from talkpath.report.joined_report import NOT_MEASURED, finding_words
from talkpath.report.pictures.app_matrix import cell
from talkpath.report.pictures.check_page import check_parts, heading, label, meanings, page, state
from talkpath.report.pictures.markup import Element, element
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.joined_sentences import means_titles
from talkpath.report.words.language import say
from talkpath.verdict.bases.joined_means import MeansFinding
from talkpath.verdict.model import Verdict

MARKS = {"supported": "✓", "contradicted": "✗", "could not tell": "?"}
STATES = {"supported": "ok", "contradicted": "restricted", "could not tell": "insufficient"}


def demo_page(performance: DemoResult) -> str:
    """The text of the file."""
    lead = say(
        "demo",
        "Four scenes were played inside a computer. In each, the check that anybody may run placed calls that look on "
        "the wire like each messenger's, beside control traffic whose bytes look like nothing. Ordinary congestion "
        "affects both; a rule about calls affects one. The check was not told what the scene does. "
        "In the fourth it asked an app's own servers too.",
    )
    body = [
        element("p", lead, class_="lead"),
        *(part for played in performance.played for part in _scene(played)),
        *_own_scene(performance.own),
        *_order(performance),
        *_truth(performance),
        *_next(),
        element("h2", say("demo", "What the words mean")),
        meanings(),
    ]
    return page(say("demo", "A made-up country: are calls being restricted?"), body, simulated=True)


def _scene(played: PlayedScene) -> Iterator[Element]:
    yield element("h2", played.scene.told_title)
    yield element("p", say("scene", played.scene.story))
    told = say("demo", "Played: {how}.", how=how_played(played))
    yield element("p", told, *(f" {note}" for note in played.notes), class_="soft")
    yield from check_parts(played.facts, played.verdicts, played.written["transports"])
    for verdict in played.verdicts:
        if verdict.state == "restricted" and verdict.medium == "voice":
            yield element("h3", state(cell(verdict)), f" {heading(verdict)}")
            lines = sentences.lines(verdict, CheckContext(with_messages=True))
            yield element("ul", *(element("li", line) for line in lines[:2]))


def _own_scene(own: PlayedOwnScene) -> Iterator[Element]:
    yield element("h2", own.scene.told_title)
    yield element("p", say("scene", own.scene.story))
    titles = means_titles()
    used = [means for means in titles if any(each.of(means) for each in own.joined)]
    lines = [(sentences.medium(each.medium), *(_finding(each.of(means)) for means in used)) for each in own.joined]
    yield _table((say("table", "medium"), *(titles[means] for means in used)), lines)
    yield from (element("p", line) for line in own.sentences)


def _finding(found: MeansFinding | None) -> Element | str:
    if found is None:
        return NOT_MEASURED
    return label(found.verdict.state, sentences.MARKS[found.verdict.state], finding_words()[found.finding])


def _order(performance: DemoResult) -> Iterator[Element]:
    yield element("h2", say("demo", "The order, held against what was measured in this made-up country:").rstrip(":"))
    yield element("blockquote", say("scene", performance.script.order.words))
    found = (
        (
            say("demo", "“{words}”", words=say("scene", held.words)),
            label(STATES[held.outcome], MARKS[held.outcome], outcome(held.outcome)),
            performance.because(held),
        )
        for held in performance.claims
    )
    yield _table((say("table", "the order says"), say("table", "this is"), say("table", "because")), list(found))


def _truth(performance: DemoResult) -> Iterator[Element]:
    yield element("h2", say("demo", "Ground truth"))
    yield element("p", truth_sentence(performance.tally))
    lines = [
        (played.scene.told_title, heading(verdict), element("code", did), state(cell(verdict)), said)
        for played in performance.played
        for verdict, did, said in _pairs(played)
    ]
    titles = (
        say("table", "scene"),
        say("table", "whose calls"),
        say("table", "what the lab did"),
        say("table", "what the check said"),
        say("table", "how"),
    )
    yield _table(titles, lines)


def _pairs(played: PlayedScene) -> Iterator[tuple[Verdict, str, str]]:
    """(verdict, what the lab did, the mechanism named) of every app and medium that the lab restricted."""
    for hit in played.hits:
        settings = ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in hit.parameters.items()
        )
        for verdict in played.verdicts:
            if verdict.arm == hit.arm:
                did = f"{hit.rule}, {hit.direction}" + (f": {settings}" if settings else "")
                yield verdict, did, cell(verdict).how


def _next() -> Iterator[Element]:
    yield element("h2", say("demo", "What to do next"))
    yield element("ul", *(element("li", element("code", command), f": {what}.") for command, what in next_steps()))


def _table(titles: Sequence[str], lines: Sequence[Sequence[Element | str]]) -> Element:
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    body = (element("tr", *(element("td", each) for each in line)) for line in lines)
    return element("table", element("thead", head), element("tbody", *body))
