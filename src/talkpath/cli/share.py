"""`talkpath share`: give a bundle to an observatory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.errors import FileError, PeerError, UsageError
from talkpath.report.printable import printable

if TYPE_CHECKING:
    from talkpath.evidence.bundle import Bundle
    from talkpath.evidence.share import ShareReceipt
    from talkpath.measure.call import Findings
    from talkpath.measure.endpoint_facts import EndpointFacts
    from talkpath.verdict.model import Verdict

NO_PLACE = "  where      nothing: it counts for the network that you send it from. Send it from where you measured"


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--to", "url", help="URL of the observatory.")
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the receipt. Default: BUNDLE with .shared.json.",
)
@click.option("--yes", is_flag=True, help="Send without asking.")
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
    click.echo("\n".join(_bundle_contents(stored, len(data))), err=True)
    if not yes:
        click.confirm(f"Send it to {url}?", abort=True, err=True)
    write_share_receipt(place, shared)
    _send_bundle(shared, data, place)
    click.echo(f"Sent. To take it back: talkpath withdraw {printable(place.name)}")


def _refuse_bundle(stored: Bundle) -> None:
    """`UsageError` for what no observatory takes."""
    if stored.simulated:
        raise UsageError("The bundle was made by the lab; an observatory takes what was measured on a real network.")
    if stored.findings is None and not stored.started_at:
        raise UsageError("The bundle does not tell its day; an observatory cannot use it.")


def _send_bundle(shared: ShareReceipt, data: bytes, place: Path) -> None:
    from talkpath.evidence.share import NotTakenError, send_bundle

    try:
        send_bundle(shared, data)
    except NotTakenError:
        place.unlink(missing_ok=True)
        raise
    except PeerError as error:
        raise PeerError(f"{error} In case it came through all the same, the receipt {place.name} is kept.") from None


def _bundle_contents(stored: Bundle, size_bytes: int) -> Iterator[str]:
    """All that the bundle tells of whoever measured."""
    yield f"The file as it is, {size_bytes / 1000:.0f} kB, goes to the observatory and may be published. It tells:"
    if stored.findings is not None:
        yield from _told_of_recording(stored.findings)
    elif stored.endpoints is not None:
        yield from _told_of_endpoints(stored.endpoints)
    else:
        yield from _told_of_check(stored)


def _told_of_check(stored: Bundle) -> Iterator[str]:
    from talkpath.verdict.judge import judge_facts

    facts, receipt = stored.facts, stored.receipt
    assert facts is not None  # a bundle holds one of both
    yield f"  when       in the hour of {facts.started_at}; nothing in it is more precise"
    yield (
        NO_PLACE
        if receipt is None or receipt.network == "AS0"
        else f"  where      network {receipt.network}, country {receipt.country}, as the test server saw it; no address"
    )
    yield f"  how        {facts.duration_s:.0f} s, IPv{facts.family}, test server {facts.responder_key or 'unknown'}"
    yield from _result_lines(judge_facts(facts))
    if stored.second is not None and stored.second.facts is not None:
        yield (
            "  second     the same of a second check, with test server "
            f"{stored.second.facts.responder_key or 'unknown'}"
        )
    if facts.exchanges:
        yield "  hosts      which other hosts answered that you agreed to ask"
    yield "  and        for every packet whether it came, and a key that was made for this check alone"
    yield "Not in it: names, contacts, contents, anything of your own calls. The observatory's server sees the address"
    yield "that you connect from, as every server does."


def _told_of_endpoints(facts: EndpointFacts) -> list[str]:
    from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

    return [
        f"  when       in the hour of {facts.started_at}; nothing in it is more precise",
        NO_PLACE,
        f"  whom       servers of {', '.join(facts.apps)}, by their names in the list, tier {facts.tier}",
        *_result_lines(judge_own_addresses(facts)),
        "  and        which greetings and which packets were answered, and how many hops it was to each server",
        "Not in it: names, contacts, contents, addresses of servers, routers or yours. The observatory's server sees",
        "the address that you connect from, as every server does.",
    ]


def _told_of_recording(findings: Findings) -> list[str]:
    from talkpath.verdict.bases.calls_together import judge_recording

    return [
        "  when       nothing: it counts for the day on which you send it. Send recordings on the day of the call",
        NO_PLACE,
        *_result_lines(judge_recording(findings).verdicts),
        "  and        second by second how many packets came and went, how long each call was and how it ended",
        "Not in it: names, contacts, contents, addresses. The observatory's server sees the address that you connect",
        "from, as every server does.",
    ]


def _result_lines(verdicts: Iterable[Verdict]) -> list[str]:
    from talkpath.report.words import sentences

    return [
        f"  result     {sentences.app_name(verdict)} {verdict.medium}: {sentences.verdict_label(verdict)}"
        for verdict in verdicts
    ]
