"""`talkpath campaign`: a signed text for volunteers, "these apps, twice a day, until Friday"."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.language import language_option
from talkpath.cli.check.listed import link_argument
from talkpath.errors import FileError, UsageError, WireError, in_place_of

if TYPE_CHECKING:
    from talkpath.probe.invite_link import InviteLink
    from talkpath.wire.control.campaign import Campaign


@click.command()
@link_argument
@click.option("--by", required=True, help="Who calls for it; volunteers read this first.")
@click.option(
    "--from", "begins", type=click.DateTime(["%Y-%m-%d"]), help="It begins with this day (UTC). [default: now]"
)
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="It ends at the end of this day (UTC).")
@click.option("--a-day", default=2, show_default=True, type=click.IntRange(1, 12), help="Checks a day.")
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Your private key, by which volunteers know you again; made where there is none.",
)
@language_option
def command(
    link: str | None,
    by: str,
    begins: datetime | None,
    until: datetime,
    a_day: int,
    names: tuple[str, ...],
    key_file: Path,
) -> None:
    """Make a campaign: a signed text that you hand to volunteers.

    Whoever takes part runs `talkpath watch --campaign TEXT`, reads what it will do and when it ends, and agrees or
    not. End, apps and number of checks are fixed by your signature before it begins. LINK is that of the test server.
    """
    from talkpath.experiment.plan import choose_arms
    from talkpath.probe.invite_link import parse_invite_link
    from talkpath.wire.control.campaign import Campaign, campaign_text
    from talkpath.wire.control.invitation import UNTIL_FORMAT
    from talkpath.wire.control.keys import Signer

    if not link:
        raise UsageError("Name the invite link of the test server that volunteers shall use.")
    choose_arms(names, ("voice",))
    invited = parse_invite_link(link)
    public_link(invited)
    if invited.until is not None and invited.until.date() <= until.date():
        raise UsageError("The link ends before the campaign does; let the test server run longer, or end it earlier.")
    made = Campaign(
        by=by,
        key="",
        link=invited.text(),
        apps=names,
        a_day=a_day,
        begins=(begins or datetime.now(UTC)).strftime(UNTIL_FORMAT),
        ends=until.strftime("%Y-%m-%dT23:59Z"),
    )
    with in_place_of(OSError, FileError("The file of --key cannot be read or written; name another place.")):
        signer = Signer.of_file(key_file)
    try:
        text = campaign_text(made, signer)
    except WireError as error:
        raise UsageError(f"{error} Nothing was made.") from None
    tell_campaign(open_campaign(text))
    click.echo(text)


def open_campaign(text: str) -> Campaign:
    """Read the text, or the file that holds it; `UsageError` where it is changed or over."""
    from talkpath.wire.control.campaign import MAX_CAMPAIGN_CHARACTERS, read_campaign

    if not text.startswith("talkpath-campaign:") and Path(text).is_file():
        with Path(text).open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_CAMPAIGN_CHARACTERS + 1)
    try:
        campaign = read_campaign(text)
    except WireError as error:
        raise UsageError(str(error)) from None
    if not campaign.left_s(datetime.now(UTC)):
        raise UsageError(f"The campaign is over: it ended at {campaign.ends}. Nothing was measured.")
    return campaign


def public_link(link: InviteLink) -> InviteLink:
    """The link with the addresses that a volunteer's device may go to: whoever signed it leads nobody's device into its
    own network. `UsageError` where there is none."""
    from talkpath.api.listed_check import listed_addresses

    addresses = listed_addresses()
    if found := addresses.link(link, 0):
        return found
    raise UsageError(
        "The campaign's test server has no public address; no volunteer's device goes there."
        if addresses.lookup(link.host)
        else "No address was found for the campaign's test server; is its name right, and this device online?"
    )


def tell_campaign(campaign: Campaign) -> None:
    """Show on stderr what it will do."""
    from talkpath.api.live_check import make_check_plan
    from talkpath.report.watch_report import campaign_lines
    from talkpath.report.words.language import say

    for line in (
        *campaign_lines(campaign, datetime.now(UTC), make_check_plan(campaign.apps).budget_bytes),
        say("campaign", "Ctrl-C stops it."),
    ):
        click.echo(f"talkpath: {line}", err=True)
