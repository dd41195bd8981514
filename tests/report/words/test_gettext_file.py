"""The reader of catalogues, held against another one (babel)."""

from __future__ import annotations

from io import BytesIO

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from talkpath.report.words.language import read_catalogue

HEAD = r"""msgid ""
msgstr ""
"Plural-Forms: nplurals=2; plural=(n > 1);\n"
"X-Reviewed: A B, 2026-11-24\n"
"""


def test_headers_and_the_rule_for_plurals() -> None:
    found = read_catalogue(HEAD)
    assert found.headers["X-Reviewed"] == "A B, 2026-11-24"
    assert [found.plural(number) for number in (0, 1, 2)] == [0, 0, 1]
    assert found.messages == {}


def test_without_a_header_plurals_are_those_of_english() -> None:
    assert [read_catalogue("").plural(number) for number in (0, 1, 2)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("entry", "messages"),
    [
        ('msgid "a"\nmsgstr "b"', {("", "a"): ("b",)}),
        ('# said by x\n#: file\nmsgctxt "c"\nmsgid "a"\nmsgstr "b"', {("c", "a"): ("b",)}),
        ('msgctxt "c"\nmsgid "a"\nmsgid_plural "as"\nmsgstr[0] "b"\nmsgstr[1] "bs"', {("c", "a"): ("b", "bs")}),
        ('msgid ""\n"a"\n"b"\nmsgstr "c"\n"d"', {("", "ab"): ("cd",)}),
        (r'msgid "say \"a\"\n"' + "\n" + r'msgstr "b\\c"', {("", 'say "a"\n'): ("b\\c",)}),
        ('msgid "not translated"\nmsgstr ""', {}),
        ('msgid "half"\nmsgid_plural "translated"\nmsgstr[0] "b"\nmsgstr[1] ""', {}),
        ('#~ msgid "gone"\n#~ msgstr "b"', {}),
    ],
)
def test_an_entry(entry: str, messages: dict[tuple[str, str], tuple[str, ...]]) -> None:
    assert read_catalogue(f"{HEAD}\n{entry}\n").messages == messages


@pytest.mark.parametrize("line", ["msgid a", 'mgsid "a"', 'msgid "a', "<<<<<<< ours"])
def test_what_is_no_catalogue_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="no line of a catalogue"):
        read_catalogue(f"{HEAD}\n{line}\n")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_text_is_read_as_babel_reads_it(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    catalogue = f'{HEAD}\nmsgctxt "c"\nmsgid "{quoted}"\nmsgstr "{quoted}"\n'
    other = read_po(BytesIO(catalogue.encode()), ignore_obsolete=True)
    assert read_catalogue(catalogue).messages == {("c", text): (text,)}
    message = other.get(text, "c")
    assert message is not None
    assert message.string == text
