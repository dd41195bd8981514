"""`talkpath share`: give a bundle to an observatory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.question import is_agreed
from talkpath.errors import FileError, PeerError, UsageError, in_place_of
from talkpath.report.printable import printable
from talkpath.report.words.language import listed, say

if TYPE_CHECKING:
    from talkpath.evidence.bundle import Bundle
    from talkpath.evidence.share import ShareReceipt
    from talkpath.measure.call import Findings
    from talkpath.measure.endpoint_facts import EndpointFacts
    from talkpath.measure.facts import Facts
    from talkpath.verdict.model import Verdict


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--to", "url", help="URL of the observatory.")
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the receipt. Default: BUNDLE with .shared.json.",
)
@click.option("--yes", is_flag=True, help="Send without asking.")
@language_option
@limited_judging
def command(bundle: Path, url: str | None, receipt: Path | None, yes: bool) -> None:
    """Send a bundle to an observatory after showing what it holds.

    It asks before it sends BUNDLE, and writes a receipt beside it, with which `talkpath withdraw` takes the bundle
    back.
    """
    from talkpath.evidence.bundle import read_bundle
    from talkpath.evidence.file import read_bytes
    from talkpath.evidence.share import new_share_receipt, write_share_receipt

    if not url:
        raise UsageError("No observatory is named: say --to URL. Nothing was sent.")
    data = read_bytes(bundle)
    stored = read_bundle(data)
    _refuse_bundle(stored)
    shared, place = new_share_receipt(url, data), receipt or bundle.with_suffix(".shared.json")
    if place.exists():
        raise FileError(
            "There is a receipt of that name, so this was shared before: take it back with `talkpath withdraw`, or "
            "name another file with --receipt. Nothing was sent."
        )
    click.echo("\n  ".join(_bundle_contents(stored, len(data))), err=True)
    if not yes:
        with in_place_of(click.Abort, click.Abort(say("share", "Nothing was sent."))):
            if not is_agreed(say("share", "Send it to {url}?", url=url)):
                raise click.Abort
    write_share_receipt(place, shared)
    _send_bundle(shared, data, place)
    click.echo(
        say("share", "Sent. To take it back: {command}", command=f"talkpath withdraw {quote(printable(str(place)))}")
    )


def _refuse_bundle(stored: Bundle) -> None:
    """`UsageError` for what no observatory takes."""
    if stored.simulated:
        raise UsageError("The bundle was made by the lab; an observatory takes what was measured on a real network.")
    if stored.paired is not None:
        raise UsageError("The bundle is of a call between two phones; an observatory takes what one device measured.")
    if stored.findings is None and not stored.started_at:
        raise UsageError("The bundle does not tell its day; an observatory cannot use it.")


def _send_bundle(shared: ShareReceipt, data: bytes, place: Path) -> None:
    from talkpath.evidence.http_request import NotTakenError
    from talkpath.evidence.share import send_bundle

    try:
        send_bundle(shared, data)
    except NotTakenError:
        place.unlink(missing_ok=True)
        raise
    except PeerError:
        click.echo(
            say(
                "share",
                "In case it came through all the same, the receipt is kept: {file}.",
                file=printable(place.name),
            ),
            err=True,
        )
        raise


def _bundle_contents(stored: Bundle, size_bytes: int) -> Iterator[str]:
    """All that the bundle tells of whoever measured."""
    yield say(
        "share",
        "The file as it is, {number} kB, goes to the observatory and may be published. It tells:",
        number=round(size_bytes / 1000),
    )
    yield (
        say("share", "When: in the hour of {hour}; nothing in it is more precise.", hour=stored.started_at)
        if stored.started_at
        else say(
            "share",
            "When: nothing; it counts for the day on which you send it. Send recordings on the day of the call.",
        )
    )
    yield (
        say(
            "share",
            "Where: nothing; it counts for the network that you send it from. Send it from where you measured.",
        )
        if stored.receipt is None or stored.receipt.network == "AS0"
        else say(
            "share",
            "Where: network {network}, country {country}, as the test server saw it; no address.",
            network=stored.receipt.network,
            country=stored.receipt.country,
        )
    )
    if stored.findings is not None:
        yield from _told_of_recording(stored.findings)
    elif stored.endpoints is not None:
        yield from _told_of_endpoints(stored.endpoints)
    elif stored.facts is not None:
        yield from _told_of_check(stored.facts, stored.second)
    yield say(
        "share",
        "Not in it: names, contacts, contents, addresses. The observatory's server sees the address that you connect "
        "from, as every server does.",
    )


def _told_of_check(facts: Facts, second: Bundle | None) -> Iterator[str]:
    from talkpath.report.words.amounts import seconds
    from talkpath.verdict.judge import judge_facts

    unknown = say("share", "unknown")
    yield say(
        "share",
        "How: {seconds}, {family}, test server {key}.",
        seconds=seconds(facts.duration_s, 0),
        family=f"IPv{facts.family}",
        key=facts.responder_key or unknown,
    )
    yield from _result_lines(judge_facts(facts))
    if second is not None and second.facts is not None:
        key = second.facts.responder_key or unknown
        yield say("share", "Second: the same of a second check, with test server {key}.", key=key)
    if facts.exchanges:
        yield say("share", "Hosts: which other hosts answered that you agreed to ask.")
    yield say(
        "share", "And: for every packet of the check whether it came, and a key that was made for this check alone."
    )


def _told_of_endpoints(facts: EndpointFacts) -> Iterator[str]:
    from talkpath.report.words.sentences import app_name_of
    from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

    yield say(
        "share",
        "Whom: servers of {apps}, by their names in the list, tier {tier}.",
        apps=listed(map(app_name_of, facts.apps)),
        tier=facts.tier,
    )
    yield from _result_lines(judge_own_addresses(facts))
    yield say("share", "And: which greetings and packets were answered, and how many hops it was to each server.")


def _told_of_recording(findings: Findings) -> Iterator[str]:
    from talkpath.report.recordings.both_ends import judge_both_ends

    yield from _result_lines(judge_both_ends(findings).verdicts)
    yield say("share", "And: second by second how many packets came and went, how long each call was and how it ended.")


def _result_lines(verdicts: Iterable[Verdict]) -> Iterator[str]:
    from talkpath.report.words.sentences import app_name, medium_word, verdict_label

    for verdict in verdicts:
        yield say(
            "share",
            "Result: {app}, {medium}: {label}.",
            app=app_name(verdict),
            medium=medium_word(verdict.medium),
            label=verdict_label(verdict),
        )
