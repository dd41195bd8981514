"""HTML as trees: whatever a text holds, it stays text."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from talkpath.report.pictures.markup import element, html_document, with_code_marks

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


class Reader(HTMLParser):
    """Collects the names of elements and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.values: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(*children: object, **attributes: object) -> Reader:
    paragraph = element("p", *children, **attributes)  # type: ignore[arg-type]
    return Reader(html_document(element("head"), element("body", paragraph)))


@given(TEXT, TEXT)
def test_any_text_and_any_attribute_come_back_as_they_were(text: str, value: str) -> None:
    read = page(text, title=value)
    assert read.names == ["html", "head", "body", "p"]
    assert read.text.strip("\n") == text.strip("\n")
    assert value in read.values


def test_text_stands_before_between_and_after_elements() -> None:
    read = page("a ", element("b", "c"), " d", None, " e", element("i"), "f")
    assert read.text.strip() == "a c d ef"
    assert read.names[-2:] == ["b", "i"]


def test_names_of_attributes_are_those_of_html() -> None:
    made = element("svg", class_="chart", viewBox="0 0 1 1", aria_hidden="true", title=None)
    assert made.attrib == {"class": "chart", "viewBox": "0 0 1 1", "aria-hidden": "true"}


def test_commands_become_code() -> None:
    parts = with_code_marks("Check again with `--deep`, or with `--app`.")
    assert [part if isinstance(part, str) else (part.tag, part.text) for part in parts] == [
        "Check again with ",
        ("code", "--deep"),
        ", or with ",
        ("code", "--app"),
        ".",
    ]


def test_a_page_says_its_language_and_direction() -> None:
    assert '<html lang="fa" dir="rtl">' in html_document(element("head"), element("body"), "fa", "rtl")
    assert html_document(element("head"), element("body")).startswith("<!DOCTYPE html>\n<html")
