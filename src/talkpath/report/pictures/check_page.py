"""A check as one HTML page: it has no script, loads nothing, and can be read on a phone, in dark mode and on paper.

`html_page` makes a page of any content; `check_parts` are a check's table and pictures, which the lab's demo uses too.
A state is always a mark and words beside its colour.

`endpoint_page` is the page of what an app's own servers answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from talkpath.evidence.known_responders import has_known_server
from talkpath.measure.facts import Facts
from talkpath.report import endpoint_report
from talkpath.report.pictures.app_matrix import MATRIX_MEDIA, AppCell, MatrixRow, app_cell, matrix_rows
from talkpath.report.pictures.arrival_curve import arrival_curves, setup_answers
from talkpath.report.pictures.chart import arrival_chart, chart_description, chart_legend
from talkpath.report.pictures.markup import Element, element, html_document, with_code_marks
from talkpath.report.told_verdict import WORST_FIRST, ToldVerdict, reading_order, told_check
from talkpath.report.words import sentences
from talkpath.report.words.amounts import began_words, megabytes, seconds
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import listed, say, spoken
from talkpath.report.words.other_checks import family_lines, second_server_lines
from talkpath.report.words.turn_servers import relay_lines
from talkpath.verdict.model import Verdict
from talkpath.version import VERSION


def check_page(facts: Facts, verdicts: Sequence[Verdict], record: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The page of one check. `record` is its tp-004 object; `notes` are sentences below the title."""
    body = [
        element("p", _check_summary(facts), class_="soft"),
        *(element("p", note) for note in notes),
        *check_parts(facts, verdicts, record["transports"]),
        *verdict_explanations(verdicts, CheckContext.of(verdicts, known_server=has_known_server(facts))),
        *(
            element("p", *with_code_marks(line))
            for line in [*family_lines(record), *second_server_lines(record), *relay_lines(record)]
        ),
        meanings_table({verdict.state for verdict in verdicts}),
    ]
    return html_page(say("page", "Are calls being restricted on this network?"), body, simulated=facts.simulated)


def _check_summary(facts: Facts) -> str:
    when = began_words(facts.started_at) + " " if facts.started_at else ""
    cost = say(
        "page",
        "It took {seconds} and {amount}, to one test server that agreed to take part.",
        seconds=seconds(facts.duration_s, 0),
        amount=megabytes(facts.bytes_sent + facts.bytes_received),
    )
    return when + cost


def html_page(title: str, body: Sequence[Element], *, simulated: bool) -> str:
    """A whole page with a title and any content."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} ({simulation_mark()})" if simulated else title),
        element("style", files("talkpath.report").joinpath("page.css").read_text(encoding="utf-8")),
    )
    told = say("page", "a made-up network inside a computer. Nothing here was measured on a real one.")
    stamp = element("p", f"{simulation_mark()}: {told}", class_="stamp") if simulated else None
    note = element("p", sentences.translation_note(), class_="soft") if sentences.translation_note() else None
    version = say("page", "Written by {program}. It measures; it points at nobody.", program=f"talkpath {VERSION}")
    foot = element("p", version, class_="soft")
    main = element("main", stamp, element("h1", title), note, *body, foot)
    return html_document(head, element("body", main), spoken().code, spoken().direction)


def simulation_mark() -> str:
    """The mark of everything that a lab made."""
    return say("page", "SIMULATED")


def simulation_note() -> str:
    """The mark with a few words, for a terminal."""
    return f"{simulation_mark()}: {say('page', 'these facts come from the lab.')}"


def check_parts(facts: Facts, verdicts: Sequence[Verdict], transports: Sequence[Mapping[str, Any]]) -> list[Element]:
    """The table and the pictures of a check."""
    return [
        *matrix_table(matrix_rows(reading_order(verdicts), transports)),
        *check_charts(facts, reading_order(verdicts)),
    ]


# -- the table ---------------------------------------------------------------------------------------------------


def matrix_table(matrix: Sequence[MatrixRow]) -> list[Element]:
    """The table of apps by messages, voice and video; of those that no app was tested for, a line below it."""
    tested = [medium for medium in MATRIX_MEDIA if any(medium in row.cells for row in matrix)]
    titles = [element("th", name, scope="col") for name in (say("table", "app"), *map(sentences.medium_word, tested))]
    rest = [sentences.medium_word(medium) for medium in MATRIX_MEDIA if medium not in tested]
    return [
        element(
            "table",
            element("thead", element("tr", *titles)),
            element("tbody", *(_table_row(row, tested) for row in matrix)),
            class_="matrix",
        ),
        *([element("p", say("table", "Not tested: {list}.", list=listed(rest)))] if rest else []),
    ]


def _table_row(row: MatrixRow, media: Sequence[str]) -> Element:
    cells = (_table_cell(medium, row.cells.get(medium)) for medium in media)
    return element("tr", element("th", row.name, scope="row"), *cells)


def _table_cell(medium: str, found: AppCell | None) -> Element:
    attributes = {"data_label": sentences.medium_word(medium)}
    if found is None:
        return element("td", element("span", say("table", "not tested"), class_="insufficient"), **attributes)
    known = (
        ""
        if found.known_s is None or found.state == "ok"
        else say("table", "known after {seconds}", seconds=seconds(found.known_s))
    )
    lines = (found.how, found.watched, known, still_carried(found))
    small = (element("small", line) for line in lines if line)
    return element("td", cell_label(found), *small, **attributes)


def still_carried(found: AppCell) -> str:
    """Which transports still carry the call, "" where none was tried."""
    return say("table", "still carried by {transports}", transports=found.carried) if found.carried else ""


def cell_label(found: AppCell) -> Element:
    """A cell's state as mark, words and colour."""
    return state_label(found.state, found.mark, found.label)


def state_label(code: str, mark: str, text: str) -> Element:
    """Any state as mark, words and colour."""
    return element("span", f"{mark}\N{NO-BREAK SPACE}{text}", class_=f"state {code}")


# -- the picture -------------------------------------------------------------------------------------------------


def check_charts(facts: Facts, verdicts: Sequence[Verdict]) -> list[Element]:
    """A chart for each app and medium that was measured, in the direction with the larger gap or loss."""
    figures = [figure for verdict in verdicts if (figure := _chart_figure(facts, verdict)) is not None]
    return [element("div", *figures, class_="charts"), chart_legend()] if figures else []


def _chart_figure(facts: Facts, verdict: Verdict) -> Element | None:
    found = arrival_curves(facts.epochs, verdict.arm)
    if not found:
        return None
    curve = max(found, key=lambda each: (round(each.gap, 2), round(each.lost, 2)))
    name = verdict_heading(verdict)
    setup = setup_answers(facts.epochs, verdict.arm)
    said = element("span", chart_description(curve, setup))
    caption = element("figcaption", element("b", name), cell_label(app_cell(verdict)), element("br"), said)
    return element("figure", arrival_chart(curve, setup, verdict.state, name), caption)


# -- in words ----------------------------------------------------------------------------------------------------


def verdict_explanations(verdicts: Sequence[Verdict], check: CheckContext) -> Iterator[Element]:
    """The sentences of each verdict that is not ok; of the first where all are."""
    yield element("h2", say("page", "In words"))
    for told in told_check(verdicts, check):
        yield element("h3", cell_label(app_cell(told.verdict)), f" {verdict_heading(told.verdict)}")
        yield from told_elements(told)
    if others := sentences.other_apps_ok(reading_order(verdicts)):
        yield element("p", *with_code_marks(others))


def told_elements(told: ToldVerdict) -> Iterator[Element]:
    """A verdict's sentence and the lines below it."""
    yield element("p", *with_code_marks(told.sentence))
    yield element("ul", *(element("li", *with_code_marks(line)) for line in told.lines))


def verdict_heading(verdict: Verdict) -> str:
    """The verdict's app and medium."""
    return say("page", "{app}, {medium}", app=sentences.app_name(verdict), medium=sentences.medium_word(verdict.medium))


def meanings_table(states: Collection[str] = WORST_FIRST) -> Element:
    """A table of the labels of these states and what each never means."""
    titles = [element("th", title, scope="col") for title in (say("table", "you read"), say("table", "it never means"))]
    marks, labels = sentences.STATE_MARKS, sentences.state_labels()
    rows = [
        element("tr", element("td", state_label(code, marks[code], labels[code])), element("td", text))
        for code, text in sentences.never_means().items()
        if code in states
    ]
    return element("table", element("thead", element("tr", *titles)), element("tbody", *rows))


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
