"""`--language`, for every command that tells people something."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from talkpath.report.words.language import Language, choose_language, language_codes, speaking


def _set_language(context: click.Context, _: click.Parameter, wanted: str | None) -> None:
    if not context.resilient_parsing:
        context.with_resource(speaking(choose_language(wanted)))


def asked_language(words: Sequence[str]) -> Language:
    """The language that the words of a command ask for, once the command itself has ended."""
    found = re.findall(rf"--language[= ]({'|'.join(language_codes())})\b", " ".join(words))
    return choose_language(found[-1] if found else None)


language_option = click.option(
    "--language",
    type=click.Choice(language_codes()),
    callback=_set_language,
    expose_value=False,
    help="Language of the result. Default: that of LANG, or of the system.",
)
