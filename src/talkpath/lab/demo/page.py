"""The demo as one HTML file, built from the parts of a real check's report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkpath.lab.demo.comparison import labels_of_apps
from talkpath.lab.demo.play import DemoResult, PlayedOwnScene, PlayedScene
from talkpath.lab.demo.text import claim_outcome_words, how_played, next_steps, truth_sentence
from talkpath.report.joined_report import NOT_MEASURED, finding_words
from talkpath.report.pictures.app_matrix import MATRIX_MEDIA, app_cell
from talkpath.report.pictures.check_page import (
    cell_label,
    check_parts,
    html_page,
    meanings_table,
    state_label,
    verdict_heading,
)
from talkpath.report.pictures.markup import Element, element
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.joined_sentences import means_titles
from talkpath.report.words.language import say
from talkpath.verdict.bases.joined_means import MeansFinding
from talkpath.verdict.model import Verdict

CLAIM_MARKS = {"supported": "✓", "contradicted": "✗", "could not tell": "?"}
CLAIM_STATES = {"supported": "ok", "contradicted": "restricted", "could not tell": "insufficient"}


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
        *(part for played in performance.played for part in _scene_html(played)),
        *_own_scene(performance.own),
        *_order_html(performance),
        *_truth_html(performance),
        element("h2", say("demo", "What to do next")),
        element("ul", *(element("li", element("code", command), f": {what}.") for command, what in next_steps())),
        _folded(say("demo", "What the words mean"), meanings_table()),
    ]
    return html_page(say("demo", "A made-up country: are calls being restricted?"), body, simulated=True)


def _scene_html(played: PlayedScene) -> Iterator[Element]:
    yield element("h2", played.scene.told_title)
    yield element("p", say("scene", played.scene.story))
    how = say("demo", "Played: {how}.", how=how_played(played))
    yield element("p", how, *(f" {note}" for note in played.notes), class_="soft")
    media = (tuple(each for each in played.verdicts if each.medium == medium) for medium in MATRIX_MEDIA)
    yield element("ul", *(element("li", labels_of_apps(found)) for found in media if found))
    for verdict in played.verdicts:
        if verdict.state == "restricted" and verdict.medium == "voice":
            lines = sentences.verdict_lines(verdict, CheckContext(with_messages=True))
            yield element("h3", cell_label(app_cell(verdict)), f" {verdict_heading(verdict)}")
            yield element("ul", *(element("li", line) for line in lines[:2]))
    yield _folded(
        say("demo", "App by app, and packet by packet"),
        *check_parts(played.facts, played.verdicts, played.written["transports"]),
    )


def _folded(title: str, *content: Element) -> Element:
    """What is not needed first: a title, and the rest for whoever asks."""
    return element("details", element("summary", title), *content)


def _own_scene(own: PlayedOwnScene) -> Iterator[Element]:
    yield element("h2", own.scene.told_title)
    yield element("p", say("scene", own.scene.story))
    titles = means_titles()
    used = [means for means in titles if any(each.of(means) for each in own.joined)]
    lines = [
        (sentences.medium_word(each.medium), *(_finding_row(each.of(means)) for means in used)) for each in own.joined
    ]
    yield _table_html((say("table", "medium"), *(titles[means] for means in used)), lines)
    yield from (element("p", line) for line in own.sentences)


def _finding_row(found: MeansFinding | None) -> Element | str:
    if found is None:
        return NOT_MEASURED
    return state_label(found.verdict.state, sentences.STATE_MARKS[found.verdict.state], finding_words()[found.finding])


def _order_html(performance: DemoResult) -> Iterator[Element]:
    yield element("h2", say("demo", "The order against what was measured:").rstrip(":"))
    yield element("blockquote", say("scene", performance.script.order.words))
    found = (
        (
            say("demo", "“{words}”", words=say("scene", held.words)),
            state_label(CLAIM_STATES[held.outcome], CLAIM_MARKS[held.outcome], claim_outcome_words(held.outcome)),
            performance.because(held),
        )
        for held in performance.claims
    )
    yield _table_html((say("table", "the order says"), say("table", "this is"), say("table", "because")), list(found))


def _truth_html(performance: DemoResult) -> Iterator[Element]:
    yield element("h2", say("demo", "Ground truth"))
    yield element("p", truth_sentence(performance.tally))
    lines = [
        (played.scene.told_title, verdict_heading(verdict), element("code", did), cell_label(app_cell(verdict)), said)
        for played in performance.played
        for verdict, did, said in _restricted_rows(played)
    ]
    titles = (
        say("table", "scene"),
        say("table", "whose calls"),
        say("table", "what the lab did"),
        say("table", "what the check said"),
        say("table", "how"),
    )
    yield _folded(say("demo", "What the lab did, and what the check said of it"), _table_html(titles, lines))


def _restricted_rows(played: PlayedScene) -> Iterator[tuple[Verdict, str, str]]:
    """(verdict, what the lab did, the mechanism named) of every app and medium that the lab restricted."""
    for hit in played.hits:
        settings = ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in hit.parameters.items()
        )
        for verdict in played.verdicts:
            if verdict.arm == hit.arm:
                did = f"{hit.rule}, {hit.direction}" + (f": {settings}" if settings else "")
                yield verdict, did, app_cell(verdict).how


def _table_html(titles: Sequence[str], lines: Sequence[Sequence[Element | str]]) -> Element:
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    body = (
        element("tr", *(element("td", each, data_label=title) for title, each in zip(titles, line, strict=True)))
        for line in lines
    )
    return element("table", element("thead", head), element("tbody", *body), class_="matrix")
