"""`--language`, for every command that tells people something."""

from __future__ import annotations

import click

from talkpath.report.words.language import choose, codes, speaking


def _speak(context: click.Context, _: click.Parameter, wanted: str | None) -> None:
    if not context.resilient_parsing:
        context.with_resource(speaking(choose(wanted)))


language_option = click.option(
    "--language",
    type=click.Choice(codes()),
    callback=_speak,
    expose_value=False,
    help="Language of the result. Default: that of LANG.",
)
