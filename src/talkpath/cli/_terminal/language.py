"""`--language`, for every command that tells people something."""

from __future__ import annotations

import click

from talkpath.report.words.language import choose_language, language_codes, speaking


def _set_language(context: click.Context, _: click.Parameter, wanted: str | None) -> None:
    if not context.resilient_parsing:
        context.with_resource(speaking(choose_language(wanted)))


language_option = click.option(
    "--language",
    type=click.Choice(language_codes()),
    callback=_set_language,
    expose_value=False,
    help="Language of the result. Default: that of LANG, or of the system.",
)
