"""`talkpath observe`: an observatory. Each command below it is a file of its name in this folder."""

from __future__ import annotations

import click

from talkpath.cli import Commands


@click.command(cls=Commands, package=__name__)
def command() -> None:
    """Run an observatory: collect reports and publish findings.

    It keeps the bundles that people send and shows where and since when calls are restricted.

    To upgrade: `talkpath observe backup`, stop it, install the new version, start it. To go back: install
    the old one and `talkpath observe restore`.
    """
