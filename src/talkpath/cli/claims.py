"""`talkpath claims`: public statements about calls, and what measurements say of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.observatory.claims.rows import Claim


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--hold", "folder", type=click.Path(path_type=Path), help="Test the claims on this folder of bundles.")
@click.option("--country", default="", metavar="CC", help="Test claims about any country on this one (XX: the lab's).")
@click.option("--json", "as_json", is_flag=True, help="Print the claims and their results as JSON (docs/claims.md).")
def command(ids: tuple[str, ...], folder: Path | None, country: str, as_json: bool) -> None:
    """List public claims about calls and test them on measurements.

    A claim is a dated statement by somebody about calls. Measurements support it, contradict it, or are silent (too
    little was measured); some claims cannot be measured. A measurement never proves who did something, or why. With
    one ID or more it shows these claims alone.
    """
    import msgspec

    from talkpath.cli._terminal.screen import screen
    from talkpath.observatory.claims.published import load_published
    from talkpath.observatory.claims.rows import current_claims, load_claims
    from talkpath.observatory.findings import text
    from talkpath.observatory.findings.folder_findings import Ledger, results_of_folder
    from talkpath.observatory.findings.text import result_lines

    every = load_claims()
    chosen = _chosen_claims(ids, {claim.id: claim for claim in every}) if ids else every
    superseded = {claim.id for claim in every} - {claim.id for claim in current_claims(every)}
    ledger = (
        Ledger(tuple(chosen))
        if folder is None
        else results_of_folder([one for one in chosen if one.id not in superseded], folder, load_published(), country)
    )
    if as_json:
        click.echo(msgspec.json.encode(ledger))
        return
    console = screen(highlight=False, soft_wrap=bool(ids))
    if folder is not None:
        for line in result_lines(ledger, every=bool(ids)):
            console.print(line, markup=False)
    elif ids:
        click.echo("\n\n".join("\n".join(text.claim_lines(claim)) for claim in chosen))
    else:
        console.print(text.claims_table(chosen, superseded))


def _chosen_claims(ids: tuple[str, ...], known: dict[str, Claim]) -> list[Claim]:
    for name in ids:
        if name.upper() not in known:
            raise UsageError(f"There is no claim {name!r}; `talkpath claims` lists them all.")
    return [known[name.upper()] for name in ids]
