"""A question on a terminal is answered in the language that it is asked in."""

import re

import click
import pytest
from click.testing import CliRunner, Result

from talkpath.cli._terminal.question import is_agreed
from talkpath.report.words.language import language, speaking


@pytest.mark.parametrize(("code", "given", "agreed"), [
    ("en", "y", True), ("en", "YES", True), ("en", "", False), ("en", "no", False), ("ru", "да", True),
    ("ru", "Д", True),
    ("ru", "y", True), ("ru", "нет", False), ("fa", "بله", True), ("ar", "نعم", True), ("ar", "لا", False),
])  # fmt: skip
def test_the_languages_own_words_serve_and_english_ones_too(code: str, given: str, agreed: bool):
    assert _asked(code, given) == ("agreed" if agreed else "refused")


def test_anything_else_is_asked_again_without_a_word_of_another_language():
    told = _tell("ru", "может быть\nда")
    assert told.stdout.split()[-1:] == ["agreed"]
    assert told.stderr.count("? [да/нет]: ") == 2
    assert not re.search("[A-Za-z]", told.stderr)


def test_where_nobody_answers_nothing_is_agreed_to():
    assert _asked("ru", None) != "agreed"


def _asked(code: str, given: str | None) -> str:
    """What comes of the answer."""
    told = _tell(code, given)
    return told.stdout.strip().rsplit(maxsplit=1)[-1] if told.stdout.strip() else "nothing"


def _tell(code: str, given: str | None) -> Result:
    """What is printed when that is answered."""

    @click.command()
    def ask() -> None:
        with speaking(language(code)):
            click.echo("agreed" if is_agreed("?") else "refused")

    return CliRunner().invoke(ask, input=None if given is None else f"{given}\n")
