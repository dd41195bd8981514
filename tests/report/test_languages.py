"""Every language says everything: no text without a translation, the same placeholders, the right plural."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel import Locale
from babel.messages import Message
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from proof.pages import write_languages
from proof.pages.spec_words import REASON_TEXTS, STATE_TEXTS
from talkpath.cli import cli
from talkpath.lab.demo.script import read_script
from talkpath.report.words import sentences as words
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import (
    ENGLISH,
    Language,
    Messages,
    choose_language,
    count,
    language,
    language_codes,
    listed,
    say,
    speaking,
    spoken,
)
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.verdict.model import Category, Number, Reason, Verdict
from talkpath.verdict.rules import all_rules

OTHERS = language_codes()[1:]
FORMS = {"ar": ["zero", "one", "two", "few", "many", "other"], "fa": ["one", "other"], "ru": ["one", "few", "many"]}
"""CLDR's names of the forms of whole numbers, in the order of the catalogue."""

wanted = cache(write_languages.catalogue_template)


@cache
def template() -> dict[tuple[str, str], Message]:
    """The texts that code says, by context and English."""
    return {(m.context or "", m.id if isinstance(m.id, str) else m.id[0]): m for m in wanted() if m.id}


def file_text(code: str) -> str:
    return (write_languages.CATALOGUE_FOLDER / f"{code}.po").read_text(encoding="utf-8")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


# -- the catalogues ----------------------------------------------------------------------------------------------


def test_russian_persian_and_arabic_are_there() -> None:
    assert set(language_codes()) >= {"en", "ru", "fa", "ar"}
    assert set(OTHERS) == set(FORMS), "a new language needs its row in FORMS"


def test_every_catalogue_has_texts() -> None:
    assert len(template()) > 200


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_is_current(code: str) -> None:
    current = write_languages.updated_catalogue(file_text(code), wanted())
    assert file_text(code) == current, "run proof/pages/write_languages.py"


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_has_a_translation_with_the_same_placeholders(code: str) -> None:
    spoken_here = language(code)
    assert set(spoken_here.messages) == set(template())
    for key, forms in spoken_here.messages.items():
        source = template()[key].id
        wanted = placeholders(source if isinstance(source, str) else source[1])
        assert len(forms) == (1 if isinstance(source, str) else len(FORMS[code])), key
        for form in forms:
            assert placeholders(form) | ({"number"} if len(forms) > 1 else set()) == wanted | placeholders(form), key
            assert placeholders(form) <= wanted, key


@pytest.mark.parametrize("code", OTHERS)
def test_a_form_that_serves_several_numbers_says_the_number(code: str) -> None:
    """Only a form that goes with one number (or, in Persian, with "one") may leave it out."""
    for key, forms in language(code).messages.items():
        for place, form in enumerate(forms if len(forms) > 1 else ()):
            numbers = [number for number in range(200) if language(code).plural(number) == place]
            if len(numbers) > 2:
                assert "{number}" in form, (key, form)


@pytest.mark.parametrize("code", OTHERS)
def test_only_a_review_takes_the_note_away(code: str) -> None:
    with speaking(language(code)):
        assert bool(words.translation_note()) == ("X-Reviewed: no\\n" in file_text(code))
    assert words.translation_note() == ""


@pytest.mark.parametrize("code", OTHERS)
def test_isolates_are_closed_and_hold_every_latin_word(code: str) -> None:
    found = language(code)
    for form in itertools.chain.from_iterable(found.messages.values()):
        assert form.count("\u2068") == form.count("\u2069") == (form.count("\u2069") if found.direction == "rtl" else 0)
        bare = re.sub(r"\u2068[^\u2069]*\u2069|\{\w+\}", "", form)
        assert found.direction == "ltr" or not re.search("[A-Za-z`]", bare), form


# -- plurals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", OTHERS)
@given(number=st.integers(0, 300) | st.integers(0, 10**12))
def test_the_plural_is_that_of_cldr(code: str, number: int) -> None:
    assert FORMS[code][language(code).plural(number)] == Locale(code).plural_form(number)


@pytest.mark.parametrize(
    ("code", "numbers"),
    [
        ("en", {1: "1 packet", 2: "2 packets", 0: "0 packets"}),
        ("ru", {1: "1 пакет", 3: "3 пакета", 5: "5 пакетов", 11: "11 пакетов", 21: "21 пакет", 112: "112 пакетов"}),
        ("fa", {0: "\u20680\u2069 بسته", 1: "\u20681\u2069 بسته", 7: "\u20687\u2069 بسته"}),
        (
            "ar",
            {
                3: "\u20683\u2069 حزم",
                11: "\u206811\u2069 حزمة",
                100: "\u2068100\u2069 حزمة",
                103: "\u2068103\u2069 حزم",
            },
        ),
    ],
)
def test_a_number_with_its_noun(code: str, numbers: Mapping[int, str]) -> None:
    with speaking(language(code)):
        for number, told in numbers.items():
            assert count("unit", "{number} packet", "{number} packets", number) == told


# -- the choice --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "environment", "code"),
    [
        (None, {}, "en"),
        (None, {"LANG": "fa_IR.UTF-8"}, "fa"),
        (None, {"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LANG": "C", "LANGUAGE": "tlh:ar:ru"}, "ar"),
        (None, {"LANG": "", "LC_MESSAGES": "ar@latin"}, "ar"),
        (None, {"LANG": "tlh"}, "en"),
        ("ru", {"LANG": "fa"}, "ru"),
    ],
)
def test_the_language_is_the_one_asked_for_or_that_of_the_environment(
    wanted: str | None, environment: dict[str, str], code: str
) -> None:
    assert choose_language(wanted, environment).code == code


def test_a_language_is_spoken_inside_and_not_after() -> None:
    with speaking(language("ru")):
        assert spoken().code == "ru"
        assert say("medium", "voice") == "голос"
    assert say("medium", "voice") == "voice"


def test_what_a_catalogue_lacks_is_told_in_english() -> None:
    with speaking(Language("xx", {}, ENGLISH.plural, "rtl")):
        assert say("nowhere", "{name} is here", name="Max") == "\u2068Max\u2069 is here"
        assert count("nowhere", "{number} day", "{number} days", 2) == "\u20682\u2069 days"


def test_latin_names_are_isolated_in_a_list_from_right_to_left() -> None:
    with speaking(language("fa")):
        told = say("ok", "Calls fared as the control traffic did.")
        assert "\u2068" not in told
        assert "\u2068WhatsApp\u2069، \u2068Max\u2069" in say(
            "table", "still carried by {transports}", transports=listed(["WhatsApp", "Max"])
        )


@pytest.mark.parametrize("code", language_codes())
def test_a_command_takes_the_language(code: str) -> None:
    done = CliRunner().invoke(cli, ["check", "--language", code], standalone_mode=False)
    assert done.return_value == 3
    with speaking(language(code)):
        assert say("ways on", "Or record a call that fails, and look into it:") in done.stderr
    assert spoken() is ENGLISH


# -- every verdict -----------------------------------------------------------------------------------------------

LOST = [f"{role}_lost_{way}" for role in ("calls", "twins") for way in ("up", "down")]
FIGURES = {name + bound: 0.25 for name in LOST for bound in ("", "_low", "_high")}
FIGURES |= {"mos": 2.5, "extra_delay_ms_up": 90.0, "extra_delay_ms_down": 90.0}
SETTINGS = Number(40.0, 30.0, 50.0)


class Whole(dict[tuple[str, str], tuple[str, ...]]):
    """A catalogue that does not put up with a text that it lacks."""

    def get(self, key: object, default: object = None) -> tuple[str, ...]:  # type: ignore[override]
        return self[key]  # type: ignore[index]


def strict(code: str) -> Language:
    """That language without English in place of what it lacks."""
    found = language(code)
    messages: Messages = Whole(found.messages)
    if found is ENGLISH:
        messages = Whole({key: (m.id,) if isinstance(m.id, str) else tuple(m.id) for key, m in template().items()})
    return Language(found.code, messages, found.plural, found.direction, found.decimal, found.reviewed)


def verdicts(state: str, medium: str) -> Iterator[Verdict]:
    """The state with every rule, reason, direction, and with and without figures, odds and parameters."""
    own = [rule for rule in all_rules().values() if rule.state == state]
    for rule in [None, *own]:
        for reason in [None, *map(Reason, REASON_TEXTS)] if state == "insufficient" else [None]:  # type: ignore[arg-type]
            for way, full in itertools.product((None, "up", "down", "both"), (True, False)):
                known = {name.name: SETTINGS for name in rule.parameters} if rule and full else {}
                yield Verdict(
                    "telegram", "", medium, state, rule.id if rule else None, way, known, 5.0 if full else None,  # type: ignore[arg-type]
                    reason=reason, figures=FIGURES if full else {}, confidence="low" if full else "high",
                    watched_s=5.0, flow_count=3,
                )  # fmt: skip


def told(verdict: Verdict) -> list[str]:
    """Label, sentence and lines."""
    return [
        words.verdict_label(verdict),
        words.verdict_sentence(verdict),
        *words.verdict_lines(verdict),
        *words.verdict_lines(verdict, CheckContext(with_messages=True)),
    ]


def sentences(line: str) -> list[str]:
    return re.split(r"(?<=[.؟?]) ", line)


CASES = [(state, medium) for state in STATE_TEXTS for medium in ("voice", "video")]
CASES += [(state, "text") for state in ("ok", "restricted", "insufficient")]


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize(("state", "medium"), CASES)
def test_every_verdict_is_one_sentence_and_three_lines_in_every_language(code: str, state: str, medium: str) -> None:
    with speaking(strict(code)):
        for verdict in verdicts(state, medium):
            assert len(words.verdict_lines(verdict)) == 3
            for line in told(verdict):
                assert line.strip()
                assert not re.search(r"[{}]|\bNone\b(?! of)|\bnan\b", line), line


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("medium", ["voice", "video", "text"])
def test_no_sentence_of_one_state_is_told_of_another(code: str, medium: str) -> None:
    with speaking(language(code)):
        said = {
            state: {part for verdict in verdicts(state, of) for line in told(verdict) for part in sentences(line)}
            for state, of in CASES
            if of == medium
        }
    for one, two in itertools.combinations(said, 2):
        assert not said[one] & said[two], (one, two)


@pytest.mark.parametrize("code", language_codes())
def test_a_handshake_a_port_and_what_ties_have_words(code: str) -> None:
    freeze = Verdict("max", "", "voice", "restricted", "media.freeze", parameters={"after": Category("handshake")})
    tie = Verdict("max", "", "voice", "restricted", "media.unknown", alternatives=("media.drop", "media.police"))
    port = Verdict("max", "", "voice", "closed", "port.block", parameters={"port": Number(3478.0, None, None)})
    with speaking(strict(code)):
        assert len({mechanism_clause(freeze), mechanism_clause(replace(freeze, parameters={}))}) == 2
        assert mechanism_clause(replace(tie, rule="media.drop")) in mechanism_clause(tie)
        assert "3478" in mechanism_clause(port)


def test_messages_that_were_tested_are_not_called_untested() -> None:
    verdict = Verdict("telegram", "", "voice", "restricted", "media.drop")
    assert "your messages were not tested" in words.verdict_lines(verdict)[2]
    assert "messages" not in words.verdict_lines(verdict, CheckContext(with_messages=True))[2]


@pytest.mark.parametrize("code", OTHERS)
def test_no_number_falls_apart_from_right_to_left(code: str) -> None:
    """Digits with a space that breaks lines between them are two numbers (Unicode annex 9, rule W4): 10 000 is shown as
    000 10."""
    apart = [line for line in file_text(code).splitlines() if re.match(r"msgstr.*\d \d", line)]
    assert apart == []


@pytest.mark.parametrize("code", OTHERS)
def test_the_scenes_of_the_demo_are_translated(code: str) -> None:
    with speaking(strict(code)):
        for text in write_languages.scene_texts():
            assert say("scene", text) != text
    assert len(read_script().scenes) == 3


@pytest.mark.parametrize(
    "call", ['say("ok", text)', 'say("ok", f"{n} calls", n=n)', 'count("ok", "a call", many, 2)', "say(context, text)"]
)
def test_a_text_that_no_catalogue_could_collect_loses_no_translation(call: str, tmp_path: Path) -> None:
    """Only what scenes.toml and the list of errors hold is looked up by a value."""
    file = tmp_path / "words.py"
    file.write_text(f"from talkpath.report.words.language import count, say\n\n{call}\n")
    with pytest.raises(ValueError, match=r"words\.py:3: write the text out"):
        list(write_languages.code_texts(file))
    file.write_text('from talkpath.report.words.language import say\n\nsay("error", text)\nsay("ok", "A text.")\n')
    assert list(write_languages.code_texts(file)) == [("ok", ("A text.",))]
