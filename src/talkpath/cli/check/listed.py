"""Where a command takes its test server from: an invite link, or without one the list of a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import UsageError, in_place_of

if TYPE_CHECKING:
    from talkpath.directory.fetch import FoundList

MAX_LINK_BYTES = 4096


def _read_link(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    if given is None or "#" in given:
        return given
    if given != "-" and not Path(given).is_file():
        return given
    with (
        in_place_of(OSError, UsageError("The file with the link cannot be read; is its name right?")),
        click.open_file(given, "rb") as file,
    ):
        return str(file.read(MAX_LINK_BYTES).decode("utf-8", "replace").strip())


link_argument = click.argument("link", required=False, envvar="TALKPATH_LINK", callback=_read_link)
"""LINK: an invite link, - for standard input, or a file that holds it; also in TALKPATH_LINK, so that a link need not
stand where every program on this machine, and the shell's history, can read it."""
directory_option = click.option(
    "--directory",
    default="",
    envvar="TALKPATH_DIRECTORY",
    metavar="PLACE",
    help="Without a link: a list of test servers, https://HOST/#KEY or a FILE; also in TALKPATH_DIRECTORY.",
)
country_option = click.option(
    "--country", default="", metavar="CC", help="With a list: your country; servers in others are asked."
)


def find_list(directory: str, country: str) -> FoundList | None:
    """The list; None, after what to do was said, where there is none. `UsageError` for what is no country."""
    from talkpath.api import listed_check
    from talkpath.report.words.endings import without_a_server

    if country and (len(country) != 2 or not country.isascii() or not country.isalpha()):
        raise UsageError("--country takes a country's two letters, as in --country XX.")
    found = listed_check.find_list(directory)
    if found is None:
        click.echo(without_a_server(), err=True)
    return found


def listed_links(directory: str, country: str, family: int, most: int = 1) -> list[str]:
    """Links to servers of the list that answer, in different networks; none where there is no list."""
    from talkpath.api.listed_check import answering_links

    found = find_list(directory, country)
    return [] if found is None else answering_links(found, country.upper(), family, most)
