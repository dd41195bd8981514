"""`talkpath observe events`: when restrictions began, changed and ended."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from talkpath.observatory.detect.counts import ReportCounts


@click.command("events")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--index", metavar="DSN", help="Look in an observatory's index instead: chdb:///FOLDER or clickhouse://…")
@click.option(
    "--trust",
    is_flag=True,
    help="Nobody in the folder lies, so fewer reports are enough. Never use it for reports of strangers.",
)
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="KEY",
    help="The key of a test server that you answer for; an event is confirmed by what such servers vouch for.",
)
@click.option("--country", default="", metavar="CC", help="Only this country.")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep published events in this file, so that changes and corrections can follow.",
)
@click.option("--feed", type=click.Path(dir_okay=False, path_type=Path), help="Write the journal as an Atom feed.")
@click.option(
    "--webhooks",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Send the journal's new lines to the receivers of this TOML file.",
)
@click.option(
    "--min-contributors",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Leave events that fewer people measured out of feed and webhooks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the events as JSON (spec tp-008).")
def command(
    folder: Path | None,
    index: str | None,
    trust: bool,
    sites: tuple[str, ...],
    country: str,
    journal: Path | None,
    feed: Path | None,
    webhooks: Path | None,
    min_contributors: int,
    as_json: bool,
) -> None:
    """Find when restrictions began, changed and ended.

    FOLDER holds bundles and taps. Evidence of probes, browsers, captures and taps together makes a signal. It is
    confirmed where test servers that somebody answers for (--site; of an index, its listed ones) vouch for it on
    several days, two of them where there are several, and attack-resistant where three do. Error rates and delays:
    docs/event-rates.md.
    """
    import msgspec

    from talkpath.cli._terminal.screen import screen
    from talkpath.observatory.claims.rows import load_claims
    from talkpath.observatory.detect.assumptions import FOLDER_ASSUMPTIONS, OBSERVATORY_ASSUMPTIONS
    from talkpath.observatory.findings.folder_findings import find_all
    from talkpath.observatory.findings.text import event_lines
    from talkpath.observatory.publication import Publication
    from talkpath.observatory.reach.tables import load_tables

    with screen(stderr=True).status("reading and judging reports"):
        every = _day_counts(folder, index, None if trust else sites)
        counts = [one for one in every if not country or one.country == country]
        if not counts:
            raise UsageError(
                "No report here decided anything and tells its day; name a folder that holds .talkpath files."
            )
        least = Publication(min_contributors).least_to_confirm if index else 1  # who sent a folder's, nobody can tell
        rules = replace(FOLDER_ASSUMPTIONS if trust else OBSERVATORY_ASSUMPTIONS, least_people=least)
        found = find_all(counts, rules, load_claims(), load_tables(folder))
    if journal is not None:
        from talkpath.observatory.feeds.publish import publish_events

        said = publish_events([*found.countries, *found.events], journal, Publication(min_contributors), feed, webhooks)
        click.echo(said, err=True)
    elif feed or webhooks:
        raise UsageError("A feed and webhooks tell what is in a journal; name one with --journal.")
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(event_lines(found)))


def _day_counts(folder: Path | None, index: str | None, listed: Collection[str] | None) -> list[ReportCounts]:
    from talkpath.observatory.findings.detector_input import counts_of_index, folder_counts

    if (folder is None) == (index is None):
        raise UsageError("Name a folder of bundles, or an index with --index; one of them.")
    if folder is not None:
        return folder_counts(folder, listed)
    from talkpath.evidence.known_responders import known_operators
    from talkpath.observatory.index.queries import carry_days, day_counts, read_carry_days
    from talkpath.observatory.index.store import Store

    assert index is not None
    with closing(Store(index)) as store:
        return list(counts_of_index(day_counts(store), read_carry_days(carry_days(store)), known_operators()))
