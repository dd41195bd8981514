"""A check as one HTML file: no script, nothing loaded from anywhere, readable on a phone, in the dark and on paper.

`page` makes the file out of sections; `check_parts` are those of one check, which the lab's demo uses too. A state is
always a mark and words beside its colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from talkpath import __version__
from talkpath.measure.facts import Facts
from talkpath.report import words
from talkpath.report.chart import chart, description, key
from talkpath.report.curve import curves, set_up
from talkpath.report.markup import Element, document, element
from talkpath.report.matrix import HEADINGS, MEDIA, NOT_TESTED, Cell, Row, cell, rows
from talkpath.report.text import worth_telling
from talkpath.verdict.model import Verdict

SIMULATED = "SIMULATED: a made-up network inside a computer. Nothing here was measured on a real one."


def check_page(facts: Facts, verdicts: Sequence[Verdict], written: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """One stored check. `written` is its tp-004 object; `notes` are sentences to stand under the title."""
    when = [f"Begun {facts.started_at.replace('T', ' ').replace('Z', ' UTC')}."] if facts.started_at else []
    amount = (facts.bytes_sent + facts.bytes_received) / 1e6
    about = " ".join([*when, f"{facts.duration_s:.0f} s, {amount:.1f} MB, to one consenting test server."])
    body = [
        element("p", about, class_="soft"),
        *(element("p", note) for note in notes),
        *check_parts(facts, verdicts, written["transports"]),
        *explanations(verdicts),
        meanings(),
    ]
    return page("Are calls being restricted on this network?", body, simulated=facts.simulated)


def page(title: str, body: Sequence[Element], *, simulated: bool) -> str:
    """The whole file."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} (SIMULATED)" if simulated else title),
        element("style", files("talkpath.report").joinpath("page.css").read_text(encoding="utf-8")),
    )
    stamp = element("p", SIMULATED, class_="stamp") if simulated else None
    foot = element("p", f"Written by talkpath {__version__}. It measures; it points at nobody.", class_="soft")
    return document(head, element("body", element("main", stamp, element("h1", title), *body, foot)))


def check_parts(facts: Facts, verdicts: Sequence[Verdict], transports: Sequence[Mapping[str, Any]]) -> list[Element]:
    """The table, and the picture."""
    return [table(rows(verdicts, transports)), *picture(facts, verdicts)]


# -- the table ---------------------------------------------------------------------------------------------------


def table(matrix: Sequence[Row]) -> Element:
    """Apps by messages, voice, video."""
    titles = (element("th", title, scope="col") for title in ("app", *(HEADINGS[medium] for medium in MEDIA)))
    return element(
        "table",
        element("thead", element("tr", *titles)),
        element("tbody", *(_row(row) for row in matrix)),
        class_="matrix",
    )


def _row(row: Row) -> Element:
    cells = (_cell(medium, row.cells.get(medium)) for medium in MEDIA)
    return element("tr", element("th", row.name, scope="row"), *cells)


def _cell(medium: str, found: Cell | None) -> Element:
    attributes = {"data_medium": HEADINGS[medium]}
    if found is None:
        return element("td", element("span", NOT_TESTED, class_="insufficient"), **attributes)
    known = "" if found.known_s is None else f"known after {found.known_s:.1f} s"
    carried = f"still carried by {found.carried}" if found.carried else ""
    small = (element("small", line) for line in (found.how, known, carried) if line)
    return element("td", state(found), *small, **attributes)


def state(found: Cell) -> Element:
    """Mark, word and colour."""
    return label(found.state, found.mark, found.label)


def label(code: str, mark: str, text: str) -> Element:
    """A state's look, for anything."""
    return element("span", f"{mark}\N{NO-BREAK SPACE}{text}", class_=f"state {code}")


# -- the picture -------------------------------------------------------------------------------------------------


def picture(facts: Facts, verdicts: Sequence[Verdict]) -> list[Element]:
    """One chart for each app and medium that was measured, in the direction in which it was hit or lost most."""
    figures = [figure for verdict in verdicts if (figure := _figure(facts, verdict)) is not None]
    return [element("div", *figures, class_="charts"), key()] if figures else []


def _figure(facts: Facts, verdict: Verdict) -> Element | None:
    arm = (verdict.app, verdict.variant, verdict.medium)
    found = curves(facts.epochs, arm)
    if not found:
        return None
    curve = max(found, key=lambda each: (round(each.gap, 2), round(each.lost, 2)))
    name = f"{words.app_name(verdict)}, {verdict.medium}"
    setup = set_up(facts.epochs, arm)
    said = element("span", description(curve, setup))
    caption = element("figcaption", element("b", name), state(cell(verdict)), element("br"), said)
    return element("figure", chart(curve, setup, verdict.state, name), caption)


# -- in words ----------------------------------------------------------------------------------------------------


def explanations(verdicts: Sequence[Verdict]) -> Iterator[Element]:
    """One sentence and its lines for each verdict worth telling."""
    yield element("h2", "In words")
    for verdict in worth_telling(verdicts):
        yield element("h3", state(cell(verdict)), f" {words.app_name(verdict)}, {HEADINGS[verdict.medium]}")
        yield element("p", words.sentence(verdict))
        yield element("ul", *(element("li", line) for line in words.lines(verdict)))


def meanings() -> Element:
    """What each label means and never means."""
    never = {
        "ok": "that the app's own servers answer",
        "restricted": "who does it, or why",
        "closed": "a rule about one app: a company firewall looks the same",
        "impaired": "a restriction",
        "unreachable": "a restriction",
        "insufficient": "that all is well",
    }
    labels = (
        element(
            "tr",
            element("td", label(code, words.MARKS[code], words.LABELS[code])),
            element("td", text),
        )
        for code, text in never.items()
    )
    titles = element("tr", element("th", "you read", scope="col"), element("th", "it never means", scope="col"))
    return element("table", element("thead", titles), element("tbody", *labels))
